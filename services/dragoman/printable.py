r"""Text as a terminal may have it: what would move the cursor, turn the direction or break the line is written as an escape.

    escaped("no lie was found\x1b[2J")      no lie was found\u001b[2J
    escaped("对方已确认 · подтверждено")       unchanged

Names, texts and problems were written by a side or a host whom the reader need not
trust. A control character in one of them could erase the line above it, and have the
screen show another outcome.
"""

import unicodedata
from typing import Final

_BREAKING: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
"""Controls, formats (also those of the direction), separators of lines and paragraphs,
and halves of characters.
"""

_KEPT: Final = frozenset("\n\t\u200c\u200d")
"""Lines and tabs are ours; joiners are part of words in Persian, Hindi and other
languages, and of emoji.
"""


def escaped(text: str) -> str:
    r"""Return a text in which whatever a terminal would obey is written as `\u001b`, `\u202e` or the like; lines stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escape(item) if unicodedata.category(item) in _BREAKING and item not in _KEPT else item
        for item in text
    )


def one_line(text: str) -> str:
    """Return a text as one line: an end of a line in it is escaped too, but empty lines of ours before and after it."""
    inside = text.strip("\n")
    if not inside:
        return text
    before, _, after = text.partition(inside)
    return before + escaped(inside).replace("\n", "\\n") + after


def _escape(character: str) -> str:
    """Return a character as JSON has it, so that printed JSON means the same."""
    code = ord(character)
    units = (
        (code,)
        if code <= 0xFFFF
        else (0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code - 0x10000 & 0x3FF))
    )
    return "".join(f"\\u{unit:04x}" for unit in units)
