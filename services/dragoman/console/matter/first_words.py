"""The first words of a text, and of a message in each of its languages.

first_words("The launch has moved to the south of the area …")
beginnings("reply", {"text": b'{"en": "Agreed.", "fr": "D’accord."}'})
"""

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from dragoman.console.display.message_view import TEXTS
from dragoman.domain.acts.field_checks import UNKNOWN
from dragoman.members import shapes
from dragoman.members.runs import QuotedText

_WORDS: Final = 12
_COLUMNS: Final = 72
"""The greatest width of a beginning. A character of Chinese is two columns wide."""

_LAST: Final = ("remarks", "subject")
"""Members with which a message begins only if it has no other text."""


def first_words(text: str) -> str:
    """Return the beginning of a text, with an ellipsis if there is more."""
    line = " ".join(text.split())
    beginning = ""
    for word in line.split(" ")[:_WORDS]:
        longer = f"{beginning} {word}".strip()
        if _columns(longer) > _COLUMNS:
            if _columns(beginning) < _COLUMNS // 2:  # a text without spaces, or a long word
                beginning = _cut(longer)
            break
        beginning = longer
    return line if beginning == line else f"{beginning} …"


def beginnings(act: str, members: Mapping[str, Raw]) -> tuple[str, tuple[QuotedText, ...]]:
    """Return the member that is a message's main text, and its first words.

    They are in each of its languages. There are none without a text, or of an unknown
    one. The tag is empty where it is the language of the sender's office.
    """
    prose = [member.name for member in shapes.members(act) if member.kind.is_prose]
    names = (*TEXTS, *(name for name in prose if name not in _LAST), *_LAST)
    name = next((name for name in names if name in members and name in prose), None)
    value: Any = UNKNOWN if name is None else msgspec.json.decode(bytes(members[name]))
    if isinstance(value, list):
        value = value[0] if value else UNKNOWN
    texts = value if isinstance(value, dict) else {} if value == UNKNOWN else {"": str(value)}
    return name or "", tuple(QuotedText(first_words(text), tag) for tag, text in texts.items())


def repeats(beginning: QuotedText, text: str) -> bool:
    """Return whether a beginning says only what another text begins with."""
    return " ".join(text.split()).startswith(beginning.text.removesuffix(" …"))


def _cut(text: str) -> str:
    """Return as much of a text as has room, without a part of a character."""
    width = 0
    for place, character in enumerate(text):
        width += _columns(character)
        if width > _COLUMNS:
            return text[:place].rstrip()
    return text


def _columns(text: str) -> int:
    return sum(
        2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
        if not unicodedata.combining(character)
    )
