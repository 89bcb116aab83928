"""The glossary of the pages is that of docs/glossary.md."""

import re
from pathlib import Path

import pytest

from dragoman.console.first_hour import glossary
from dragoman.i18n.words import LANGUAGES, words

PAGE = Path(__file__).parents[2] / "docs" / "glossary.md"


def test_the_explanations_are_those_of_the_document() -> None:
    in_english = PAGE.read_text().partition("## In French and Chinese")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", in_english, re.MULTILINE)
    meanings = {name: meaning for names, meaning in rows for name in re.split(", ", names)}
    for key, name, meaning in glossary.terms_of(words("en")):
        assert meanings[name] == meaning, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_each_term_once(language: str) -> None:
    terms = glossary.terms_of(words(language))
    english = {key: meaning for key, _, meaning in glossary.terms_of(words("en"))}
    assert len({name.lower() for _, name, _ in terms}) == len(terms)
    assert {key for key, _, _ in terms} == english.keys()
    if language != "en":
        assert all(meaning != english[key] for key, _, meaning in terms)
