"""Elements of the charts: measured texts, marks, and the earth laid flat.

Texts keep apart from each other. Lengths are in px of the chart.
"""

import math
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from markupsafe import Markup

WIDE, SMALL = 1360.0, 400.0
"""The width of a chart and of a small chart, in px of its own."""


LATIN, BOLD, HAN = 8.0, 9.2, 14.0
"""The widths of a letter, a bold letter and a Han character, in px.

A chart's texts are 14 px high. The letters are those of the widest typeface that a
reader may have, so that no text reaches further than its room.
"""

COLUMNS: Final = 34
"""The number of letters in a line of text, as wide as 16 Han characters."""

PITCH: Final = 17.0
"""The distance from one line of text to the next, in px."""

_GAP: Final = 6.0
"""The least distance between two texts, in px."""
_WIDE: Final = (
    "\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6"
    "\U0001f300-\U0001faff\U00020000-\U0003fffd"
)
_HAN: Final = re.compile(f"[{_WIDE}]")
_OPENING: Final = "\u201c\u2018\u3008\u300a\u300c\u300e\u3010\uff08"
_CLOSING: Final = (
    "\u201d\u2019\u2026\u2014\u3001\u3002\u3009\u300b\u300d\u300f\u3011"
    "\uff01\uff09\uff0c\uff1a\uff1b\uff1f"
)
_PIECE: Final = re.compile(f"[{_OPENING}]*[{_WIDE}][{_CLOSING}]*|[^ {_WIDE}]+| ")
_SPACES: Final = re.compile("[ \t\n\r\f\v]+")
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_NAME: Final = re.compile("[^A-Za-z0-9_-]")


# Texts


def cleaned(content: str) -> str:
    """Return a text on one line, without characters that XML cannot hold."""
    return _SPACES.sub(" ", _NO_XML.sub("\N{REPLACEMENT CHARACTER}", content)).strip(" ")


def width(content: str, *, bold: bool = False) -> float:
    """Return the approximate width of a text."""
    wide = len(_HAN.findall(content))
    return wide * HAN + (len(content) - wide) * (BOLD if bold else LATIN)


def widest(lines: Iterable[str], *, bold: bool = False) -> float:
    """Return the approximate width of a text of several lines."""
    return max((width(line, bold=bold) for line in lines), default=0.0)


def wrapped(content: str, columns: int = COLUMNS) -> list[str]:
    """Return a text in lines of at most `columns` letters.

    Lines end between words and beside Han characters. A word is broken only where it is
    longer than a line.
    """
    whole = cleaned(content)
    if whole and _columns(whole) <= columns:
        return [whole]
    lines, line, used = [], "", 0.0
    for piece in _PIECE.findall(whole):
        if piece == " " and not line:
            continue
        if line and piece != " " and used + _columns(piece) > columns:
            lines.append(line.rstrip(" "))
            line, used = "", 0.0
        for letter in [piece] if _columns(piece) <= columns else piece:
            if used + _columns(letter) > columns and letter != " ":
                lines.append(line)
                line, used = "", 0.0
            line, used = line + letter, used + _columns(letter)
    return [*lines, line.rstrip(" ")] if line else lines


def _columns(content: str) -> float:
    wide = len(_HAN.findall(content))
    return len(content) - wide + wide * COLUMNS / 16


# Room


class TextStretch(NamedTuple):
    """A stretch from one x to another, with a text at its beginning, middle or end."""

    x_min: float
    x_max: float
    anchor: str = ""

    @property
    def x(self) -> float:
        """Return the x at which its text is anchored."""
        return {"": self.x_min, "mid": (self.x_min + self.x_max) / 2, "end": self.x_max}[
            self.anchor
        ]

    def meets(self, other: "TextStretch") -> bool:
        """Return whether two stretches are too near to each other."""
        return self.x_min < other.x_max + _GAP and other.x_min < self.x_max + _GAP

    def joined(self, other: "TextStretch") -> "TextStretch":
        """Return the stretch that covers both."""
        return TextStretch(min(self.x_min, other.x_min), max(self.x_max, other.x_max))


def after(x: float, gap: float, wide: float) -> TextStretch:
    """Return room for a text after a mark."""
    return TextStretch(x + gap, x + gap + wide)


def before(x: float, gap: float, wide: float) -> TextStretch:
    """Return room for a text that ends before a mark."""
    return TextStretch(x - gap - wide, x - gap, "end")


def across(x: float, wide: float) -> TextStretch:
    """Return room for a text that is centred over a mark."""
    return TextStretch(x - wide / 2, x + wide / 2, "mid")


def around(x: float, wide: float) -> list[TextStretch]:
    """Return places for a text over or under a mark, the centred one first."""
    return [
        across(x, wide),
        after(x, -8, wide),
        before(x, -10, wide),
        after(x, 8, wide),
        before(x, 8, wide),
    ]


def fitting(options: Sequence[TextStretch], start: float, right: float) -> list[TextStretch]:
    """Return the options between two bounds, or the first option moved there."""
    first = options[0]
    moved = max(start, min(first.x_min, right - (first.x_max - first.x_min)))
    return [option for option in options if start <= option.x_min and option.x_max <= right] or [
        TextStretch(moved, moved + first.x_max - first.x_min)
    ]


class StackedRows:
    """Rows on which nothing overlaps; there are as many as it takes.

    A text of several lines takes every `stride`-th row from its own on. With two, even
    rows can be those above a line, and odd ones those below.
    """

    def __init__(self, stride: int = 1) -> None:
        """Begin without any row."""
        self._stride = stride
        self._taken: list[list[TextStretch]] = []

    def __len__(self) -> int:
        """Return the number of rows in use."""
        return len(self._taken)

    def settle(
        self,
        options: Sequence[TextStretch],
        *,
        deep: int = 1,
        solid: TextStretch | None = None,
        avoid: Sequence[TextStretch] = (),
        rows: Iterable[int] | None = None,
    ) -> tuple[int, TextStretch]:
        """Take the first row with room for an option of a text, and return both.

        The row must have room for the `solid` thing that the text names as well.
        Stretches in `avoid` are avoided where that is possible.
        """
        looked = list(range(len(self) + self._stride) if rows is None else rows)
        row, option = next(
            (row, option)
            for shunned in (avoid, ())
            for row in looked
            if solid is None or self._free(row, solid, 1)
            for option in options
            if self._free(row, option, deep)
            and not any(option.meets(text_stretch) for text_stretch in shunned)
        )
        self._take(row, option, deep)
        if solid is not None:
            self._take(row, solid, 1)
        return row, option

    def _free(self, row: int, stretch: TextStretch, deep: int) -> bool:
        rows = range(row, min(row + deep * self._stride, len(self)), self._stride)
        return not any(
            stretch.meets(text_stretch) for number in rows for text_stretch in self._taken[number]
        )

    def _take(self, row: int, stretch: TextStretch, deep: int) -> None:
        for number in range(row, row + deep * self._stride, self._stride):
            self._taken.extend([] for _ in range(number + 1 - len(self)))
            self._taken[number].append(stretch)


class Box(NamedTuple):
    """A rectangle."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float

    def meets(self, other: "Box") -> bool:
        """Return whether two boxes share a point."""
        return (
            self.x_min < other.x_max
            and other.x_min < self.x_max
            and self.y_min < other.y_max
            and other.y_min < self.y_max
        )

    def holds(self, other: "Box") -> bool:
        """Return whether the other box lies inside."""
        return (
            self.x_min <= other.x_min
            and other.x_max <= self.x_max
            and self.y_min <= other.y_min
            and other.y_max <= self.y_max
        )


# Elements


def num(value: float) -> str:
    """Return a number as the value of an attribute."""
    return f"{round(value, 1) + 0.0:.1f}"


def text(x: float, y: float, content: str, *classes: str) -> Markup:
    """Return a line of text."""
    if kind := " ".join(filter(None, classes)):
        return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(
            kind, num(x), num(y), cleaned(content)
        )
    return Markup('<text x="{}" y="{}">{}</text>').format(num(x), num(y), cleaned(content))


def texts(x: float, y: float, lines: Sequence[str], *classes: str) -> list[Markup]:
    """Return several lines of text, downwards from the place of the first."""
    return [text(x, y + PITCH * number, line, *classes) for number, line in enumerate(lines)]


def path(kind: str, drawn: str) -> Markup:
    """Return a path of a class."""
    return Markup('<path class="{}" d="{}"/>').format(kind, drawn)


def rect(kind: str, x: float, y: float, wide: float, high: float) -> Markup:
    """Return a rectangle of a class."""
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        kind, num(x), num(y), num(wide), num(high)
    )


def level(x: float, y: float, to: float) -> str:
    """Return a horizontal path from one x to another."""
    return f"M{num(x)} {num(y)}H{num(to)}"


def upright(x: float, y: float, to: float) -> str:
    """Return a vertical path from one y to another."""
    return f"M{num(x)} {num(y)}V{num(to)}"


def hatched(x: float, y: float, wide: float, high: float) -> str:
    """Return a path of slanting lines, 8 px apart, that fills a rectangle.

    Lines that go from its foot to its head are all alike.
    """
    starts = [8.0 * number for number in range(1, math.ceil((wide + high) / 8))]
    whole = [start for start in starts if high <= start <= wide]
    cut = (start for start in starts if not high <= start <= wide)
    drawn = [
        f"M{num(x + max(0, c - high))} {num(y + min(high, c))}"
        f"L{num(x + min(wide, c))} {num(y + max(0, c - wide))}"
        for c in cut
    ]
    slant = f"l{num(high)} {num(-high)}"
    if whole:
        drawn.append(
            f"M{num(x + whole[0] - high)} {num(y + high)}"
            + f"m{num(8 - high)} {num(high)}".join([slant] * len(whole))
        )
    return "".join(drawn)


_SHAPES: Final = {
    "circle": ("ink", "m-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0Z"),
    "diamond": ("ink", "m0-8l8 8-8 8-8-8Z"),
    "square": ("ink", "m-7-7h14v14h-14Z"),
    "triangle": ("ink", "m0-8l8 15h-16Z"),
    "bars": ("ink", "m-7-8h5v16h-5Zm9 0h5v16h-5Z"),
    "cross": ("heavy", "m-6-6l12 12m0-12l-12 12"),
    "open circle": ("open", "m-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0Z"),
    "open diamond": ("open", "m0-8l8 8-8 8-8-8Z"),
    "open square": ("open", "m-6-6h12v12h-12Z"),
    "open triangle": ("open", "m0-8l8 15h-16Z"),
}
"""The class and the path of every shape around its middle.

No shape reaches further than 8 px.
"""


def shape(name: str, x: float, y: float) -> Markup:
    """Return a mark of a named shape."""
    kind, drawn = _SHAPES[name]
    return path(kind, f"M{num(x)} {num(y)}{drawn}")


def image(
    kind: str,
    name: str,
    title: str,
    wide: float,
    high: float,
    parts: Iterable[Markup],
    desc: str = "",
    *,
    role: str = "img",
) -> Markup:
    """Return a chart, with its title as its name and its description.

    One with links has the role `group`, because nobody reaches what is in an image.
    """
    id = _NO_NAME.sub("-", name)
    markup = Markup('aria-labelledby="{0}-t{2}"><title id="{0}-t">{1}</title>').format(
        id, cleaned(title), Markup(" {}-d").format(id) if desc else ""
    )
    description = (
        Markup('<desc id="{}-d">{}</desc>').format(id, cleaned(desc)) if desc else Markup("")
    )
    return Markup('<svg class="{}" viewBox="0 0 {} {}" role="{}" {}{}{}</svg>').format(
        kind, num(wide), num(high), role, markup, description, Markup("").join(parts)
    )


# Numbers and lines


def round_below(most: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten up to a limit."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(digit * power for digit in (5, 2, 1) if digit * power <= most or digit == 1)


def between(one: tuple[float, float], other: tuple[float, float]) -> list[Box]:
    """Return small boxes along a line."""
    steps = [number / 24 for number in range(25)]
    along = [
        (one[0] + (other[0] - one[0]) * step, one[1] + (other[1] - one[1]) * step) for step in steps
    ]
    return [
        Box(min(a, c) - 1, min(b, d) - 1, max(a, c) + 1, max(b, d) + 1)
        for (a, b), (c, d) in pairwise(along)
    ]
