r"""Invisible characters in a side's own text, shown by their numbers.

    marked("pay\u200b now")    pay<span class="unseen" title="ZERO WIDTH SPACE">…

So two texts that look alike and are not the same differ on a page. Joiners stay as they
are where a script or a picture is written with them: in Hebrew, Arabic and the scripts
of India, and between emoji.
"""

import unicodedata
from typing import Final

from markupsafe import Markup, escape

from dragoman.printable import with_marks


class _Marks(dict[int, str]):
    """The mark of each invisible character, by its number, for `str.translate`."""

    def __missing__(self, code: int) -> str:
        """Return a new mark, and keep it."""
        mark = Markup('<span class="unseen" title="{}">U+{:04X}</span>')
        self[code] = str(mark.format(unicodedata.name(chr(code), ""), code))
        return self[code]


_MARKS: Final = _Marks()


def marked(text: str) -> Markup:
    """Return a text for a page, with each invisible character shown by its number."""
    shown = with_marks(str(escape(text)), lambda run: run.translate(_MARKS))
    return Markup(shown)  # escaped before  # noqa: S704
