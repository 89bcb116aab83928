r"""Text that is safe to print on a terminal.

    escaped("no lie was found\x1b[2J")      no lie was found\u001b[2J
    escaped("对方已确认 · подтверждено")       unchanged

Characters that would move the cursor, change the direction or break the line are
written as escapes. Names, texts and problems were written by a side or a host that the
reader need not trust. A control character in one of them could erase the line above it,
and make the screen show another outcome.
"""

import re
import unicodedata
from collections.abc import Callable
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


# Invisible characters


_JOINERS: Final = "\u200c\u200d\ufe0f"
INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters without ink: ignored by default in Unicode, or blank letters.

The first are the characters with the property Default_Ignorable_Code_Point.
"""

_RUN: Final = re.compile(f"[{INVISIBLE}]+")


def with_marks(text: str, mark: Callable[[str], str]) -> str:
    """Return a text with each run of invisible characters replaced by its mark.

    A text may be long, so the time grows in proportion to it. Joiners stay where they
    belong to the character before them. That is a letter of a script that joins, or a
    picture.
    """

    def marked(match: re.Match[str]) -> str:
        run, before = match.group(), text[match.start() - 1 : match.start()]
        if run[0] in _JOINERS and (
            "\u0590" <= before <= "\u0dff"
            or (before and unicodedata.category(before) in ("So", "Sk"))
        ):
            rest = run.lstrip(_JOINERS)
            return run[: len(run) - len(rest)] + (mark(rest) if rest else "")
        return mark(run)

    return text if text.isascii() else _RUN.sub(marked, text)
