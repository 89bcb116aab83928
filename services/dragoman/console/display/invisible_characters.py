r"""Invisible characters in a side's own text, shown by their numbers.

    marked("pay\u200b now")    pay<span class="unseen" title="ZERO WIDTH SPACE">…

So two texts that look alike and are not the same differ on a page. Joiners stay as they
are where a script or a picture is written with them: in Hebrew, Arabic and the scripts
of India, and between emoji.
"""

import re
import unicodedata
from typing import Final

from markupsafe import Markup, escape

_JOINERS: Final = frozenset("\u200c\u200d\ufe0f")
_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Characters without ink: those that Unicode ignores by default, and blank letters.

The first are the characters with the property Default_Ignorable_Code_Point.
"""


def marked(text: str) -> Markup:
    """Return a text for a page, with each invisible character shown by its number."""
    markup, last = Markup(""), 0
    for match in _UNSEEN.finditer(text):
        if match.group() in _JOINERS and _joins(text[: match.start()]):
            continue
        markup += escape(text[last : match.start()]) + _mark(match.group())
        last = match.end()
    return markup + escape(text[last:])


def _joins(before: str) -> bool:
    """Return whether a joiner belongs to the text before it.

    That text ends with a letter of a script that joins, or with a picture.
    """
    text = before.rstrip("".join(_JOINERS))[-1:]
    return bool(text) and (
        0x0590 <= ord(text) <= 0x0DFF or unicodedata.category(text) in ("So", "Sk")
    )


def _mark(character: str) -> Markup:
    name = unicodedata.name(character, "")
    return Markup('<span class="unseen" title="{}">U+{:04X}</span>').format(name, ord(character))
