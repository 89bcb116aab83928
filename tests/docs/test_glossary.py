"""The glossary of the pages is that of docs/glossary.md, and marks each term once."""

import re
from pathlib import Path

import pytest
from lxml import html

from dragoman.console.first_hour import glossary
from dragoman.i18n.words import LANGUAGES, words

PAGE = Path(__file__).parents[2] / "docs" / "glossary.md"


def test_the_explanations_are_those_of_the_document() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE)
    meanings = {name: meaning for names, meaning in rows for name in re.split(", ", names)}
    for term in glossary.terms_of(words("en")):
        assert meanings[term.forms[0]] == term.meaning, term.key


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_each_term_and_no_form_twice(language: str) -> None:
    terms = glossary.terms_of(words(language))
    forms = [form.lower() for term in terms for form in term.forms]
    assert len({*forms}) == len(forms)
    assert {term.key for term in terms} == {term.key for term in glossary.terms_of(words("en"))}
    if language != "en":
        english = {term.key: term for term in glossary.terms_of(words("en"))}
        assert all(term.meaning != english[term.key].meaning for term in terms)


BODY = (
    '<body><p>A witness outside.</p><main id="main"><h2>Line check</h2>'
    '<p>The line check of <span class="said">a witness</span>, and <b>a line check</b>.</p>'
    '<p title="a > b" lang="en">One witness<br>or two.</p><form><p>a receipt</p></form>'
    "<p>A Witness<br>signs; the overwitness does not.</p></main></body>"
)


def test_only_the_first_prose_of_the_service_is_marked_and_its_words_stay() -> None:
    page = html.document_fromstring(glossary.marked(BODY, words("en")))
    links = [(link.text, link.get("href")) for link in page.xpath("//a[@class='term']")]
    assert links == [("line check", "/glossary#line-check"), ("Witness", "/glossary#witness")]
    notes = page.xpath("//body/div[@popover]")
    assert [note.get("id") for note in notes] == ["term-line-check", "term-witness"]
    before, after = (
        " ".join(html.document_fromstring(text).xpath("//main")[0].text_content().split())
        for text in (BODY, glossary.marked(BODY, words("en")))
    )
    assert before == after


def test_a_page_without_a_term_stays_as_it_is() -> None:
    assert glossary.marked('<main id="main"><p>Quiet.</p></main>', words("en")) == (
        '<main id="main"><p>Quiet.</p></main>'
    )
