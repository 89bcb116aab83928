r"""Text that is safe to print on a terminal.

    escaped("no lie was found\x1b[2J")      no lie was found\u001b[2J
    escaped("对方已确认 · подтверждено")       unchanged

Characters that would move the cursor, change the direction or break the line are
written as escapes. Names, texts and problems were written by a side or a host that the
reader need not trust. A control character in one of them could erase the line above it,
and make the screen show another outcome.
"""

import unicodedata
from typing import Final

_BREAKING: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
"""The categories of characters that are escaped: controls, formats (also those of the
direction), separators of lines and paragraphs, and halves of characters.
"""

_KEPT: Final = frozenset("\n\t\u200c\u200d")
"""The characters of these categories that stay. Lines and tabs are our own. Joiners are
part of emoji, and of words in Persian, Hindi and other languages.
"""


def escaped(text: str) -> str:
    r"""Return a text without characters that a terminal would obey.

    They are written as `\u001b`, `\u202e` or the like. Ends of lines stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escape(character)
        if unicodedata.category(character) in _BREAKING and character not in _KEPT
        else character
        for character in text
    )


def one_line(text: str) -> str:
    """Return a text as one line.

    Every end of a line in the text is escaped too, also the first and the last
    character: foreign text that ends in a new line would begin one of its own.
    """
    return escaped(text).replace("\n", "\\n")


def _escape(character: str) -> str:
    """Return a character as JSON writes it, so that printed JSON keeps its meaning."""
    code = ord(character)
    units = (
        (code,)
        if code <= 0xFFFF
        else (0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code - 0x10000 & 0x3FF))
    )
    return "".join(f"\\u{unit:04x}" for unit in units)
