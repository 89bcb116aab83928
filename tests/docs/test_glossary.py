"""The glossary of the pages is that of docs/glossary.md."""

import re
from pathlib import Path

import pytest

from dragoman.console.first_hour import glossary
from dragoman.i18n.words import LANGUAGES, words

PAGE = Path(__file__).parents[2] / "docs" / "glossary.md"


def test_the_explanations_are_those_of_the_document() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE)
    meanings = {name: meaning for names, meaning in rows for name in re.split(", ", names)}
    for term in glossary.terms_of(words("en")):
        assert meanings[term.name] == term.meaning, term.key


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_each_term_once(language: str) -> None:
    terms = glossary.terms_of(words(language))
    assert len({term.name.lower() for term in terms}) == len(terms)
    assert {term.key for term in terms} == {term.key for term in glossary.terms_of(words("en"))}
    if language != "en":
        english = {term.key: term for term in glossary.terms_of(words("en"))}
        assert all(term.meaning != english[term.key].meaning for term in terms)
