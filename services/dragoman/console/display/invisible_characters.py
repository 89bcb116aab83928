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

_JOINERS: Final = "\u200c\u200d\ufe0f"
_RUN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
"""Runs of characters without ink: ignored by default in Unicode, or blank letters.

The first are the characters with the property Default_Ignorable_Code_Point.
"""


class _Marks(dict[int, str]):
    """The mark of each invisible character, by its number, for `str.translate`."""

    def __missing__(self, code: int) -> str:
        """Return a new mark, and keep it."""
        mark = Markup('<span class="unseen" title="{}">U+{:04X}</span>')
        self[code] = str(mark.format(unicodedata.name(chr(code), ""), code))
        return self[code]


_MARKS: Final = _Marks()


def marked(text: str) -> Markup:
    """Return a text for a page, with each invisible character shown by its number.

    A text may be long, so a run of such characters is marked at once. ASCII has none.
    """
    markup = escape(text)
    if text.isascii():
        return markup
    return Markup(_RUN.sub(_marked_run, markup))  # escaped before  # noqa: S704


def _marked_run(match: re.Match[str]) -> str:
    """Return a run of invisible characters by their numbers.

    Joiners stay at its beginning if they belong to the character before it. That is a
    letter of a script that joins, or a picture.
    """
    run, before = match.group(), match.string[match.start() - 1 : match.start()]
    if run[0] in _JOINERS and (
        "\u0590" <= before <= "\u0dff" or (before and unicodedata.category(before) in ("So", "Sk"))
    ):
        rest = run.lstrip(_JOINERS)
        return run[: len(run) - len(rest)] + rest.translate(_MARKS)
    return run.translate(_MARKS)
