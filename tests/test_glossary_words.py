"""One word for one thing: each term of the glossary is translated by its words there."""

import re
from pathlib import Path
from typing import Final

import pytest
from babel.messages.pofile import read_po

from dragoman.i18n.words import LOCALES

_GLOSSARY: Final = Path(__file__).parent.parent / "docs" / "glossary.md"
_SECTION: Final = re.compile(
    r"^## In French and Chinese\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL
)
_CODE: Final = re.compile(r"`[^`]*`|%\(\w+\)s|\{\w+\}|“[^”]*”|EXERCISE")
"""Parts of a message that are no words."""


def terms() -> dict[str, dict[str, list[str]]]:
    """Return the words of each term by language, from the table of the glossary."""
    section = _SECTION.search(_GLOSSARY.read_text())
    assert section is not None
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in section[1].splitlines()
        if line.startswith("| ")
    ]
    return {
        term: {"fr": french.split(" / "), "zh": chinese.split(" / ")}
        for term, french, chinese in rows[1:]
    }


def strays(language: str) -> list[str]:
    """Return each translation that has a term of the glossary, and another word for it."""
    with (LOCALES / f"{language}.po").open("rb") as file:
        messages = [message for message in read_po(file) if message.id and not message.context]
    lines = []
    for message in messages:
        english, told = (
            several if isinstance(several, str) else (several or ("",))[-1]
            for several in (message.id, message.string)
        )
        rest = _CODE.sub("", english)
        for term, words in sorted(terms().items(), key=lambda each: -len(each[0])):
            rest, found = re.subn(rf"(?<![\w-]){term}s?(?![\w-])", "", rest, flags=re.IGNORECASE)
            # A translation with the English word names it as it is on the wire.
            if found and not any(word in told.lower() for word in (term, *words[language])):
                lines.append(f"{term}: {english} => {told}")
    return lines


@pytest.mark.parametrize("language", ["fr", "zh"])
def test_a_term_of_the_glossary_has_one_word_in_each_language(language: str) -> None:
    assert strays(language) == []


def test_each_term_of_the_table_is_in_the_catalogues() -> None:
    with (LOCALES / "fr.po").open("rb") as file:
        text = " ".join(str(message.id).lower() for message in read_po(file))
    assert [term for term in terms() if term not in text] == []
