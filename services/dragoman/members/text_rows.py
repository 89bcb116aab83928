"""Texts in several languages as a form shows them: paragraph beside paragraph.

    f.text.en=Two ships met.   f.text.zh=两船相遇。    row 1
    f.text.en=Nobody is hurt.  f.text.zh=            row 2, missing in zh

A form has a box for each paragraph and each language. The boxes of one language have
one name. An act holds the paragraphs of a language as one text, with an empty line
between them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

_BETWEEN: Final = "\n\n"

MOST_BOXES: Final = 300
"""Boxes of one text, in all languages together. A longer text stays in its last box."""


class TextCell(Struct, frozen=True, kw_only=True):
    """One paragraph in one language.

    It `is_missing` where the language has a text, and another language has this
    paragraph.
    """

    tag: str
    text: str
    is_missing: bool


TextRow = tuple[TextCell, ...]


def joined(form: Mapping[str, Any], name: str) -> str:
    """Return the text of all boxes of a name, without surrounding white space."""
    boxes = (box.strip("\n") for box in _boxes(form, name))
    return _BETWEEN.join(box for box in boxes if box.strip()).strip()


def most_rows(languages: Sequence[str]) -> int:
    """Return the greatest number of rows of one text in some languages."""
    return max(1, MOST_BOXES // max(1, len(languages)))


def column(form: Mapping[str, Any], name: str, most: int = MOST_BOXES) -> list[str]:
    """Return the paragraphs of one language, in order; empty boxes keep their place.

    The last of `most` paragraphs has all the rest.
    """
    paragraphs = [part for box in _boxes(form, name) for part in _split(box)]
    while paragraphs and not paragraphs[-1].strip():
        paragraphs.pop()
    if len(paragraphs) > most:
        rest = _BETWEEN.join(part for part in paragraphs[most - 1 :] if part.strip())
        paragraphs[most - 1 :] = [rest]
    return paragraphs


def rows(form: Mapping[str, Any], name: str, languages: Sequence[str]) -> list[TextRow]:
    """Return the rows of a text, one or more, each with a cell in each language."""
    most = most_rows(languages)
    return level({tag: column(form, f"{name}.{tag}", most) for tag in languages})


def level(columns: Mapping[str, Sequence[str]]) -> list[TextRow]:
    """Return the paragraphs of each language beside those of the other languages."""
    begun = {tag for tag, texts in columns.items() if any(text.strip() for text in texts)}
    table = []
    for place in range(max(1, *(len(texts) for texts in columns.values()))):
        texts = {
            tag: column[place] if place < len(column) else "" for tag, column in columns.items()
        }
        is_written = any(text.strip() for text in texts.values())
        table.append(
            tuple(
                TextCell(
                    tag=tag,
                    text=text,
                    is_missing=tag in begun and is_written and not text.strip(),
                )
                for tag, text in texts.items()
            )
        )
    return table


def _boxes(form: Mapping[str, Any], name: str) -> list[str]:
    """Return the text of each box of a name, with plain line ends."""
    values = form.getall(name, []) if hasattr(form, "getall") else [form.get(name, "")]
    return [value.replace("\r\n", "\n") for value in values if isinstance(value, str)]


def _split(text: str) -> list[str]:
    """Return the paragraphs of one box.

    A text whose paragraphs are divided otherwise than by one empty line stays whole, so
    that its white space stays as it was typed.
    """
    parts = text.strip("\n").split(_BETWEEN)
    return parts if all(part.strip() and part.strip("\n") == part for part in parts) else [text]
