"""The charts of the pages: inline SVG from values, without colour, style or script.

Every word comes from the caller, in the reader's language. Texts are measured by
estimate and never overlap; a chart grows until all have room. A list or a table beside
each chart shows the same.
"""

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate, pairwise
from typing import Final, Literal, NamedTuple

from markupsafe import Markup

from dragoman.console.charts import svg as plot
from dragoman.console.charts.svg import (
    COLUMNS,
    PITCH,
    SMALL,
    WIDE,
    StackedRows,
    TextStretch,
)
from dragoman.i18n.words import Words

DAY: Final = timedelta(days=1)
"""One day."""

Across = Callable[[datetime], float]
"""A function from a time to its x on a chart."""


def clock(spent: float) -> Markup:
    """Return a bar of the spent share of a limit, with notes at a half and nine tenths.

    `spent` is a fraction of one. The page has the same in words beside it.
    """
    width = 100 * min(spent, 1.0) if spent > 0 else 0.0
    return Markup(
        '<svg class="clock" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="8"/>'
        '<rect class="spent" width="{}" height="8"/><path class="note" d="M50 0v8M90 0v8"/></svg>'
    ).format(plot.num(width))


# Density of records


class RecordMark(NamedTuple):
    """A remarkable event among the records, at its time.

    `opened` is a word without a mark.
    """

    at: datetime
    kind: Literal["late", "blind", "flash", "opened"]
    label: str = ""


_MOMENT_SHAPES: Final = {"late": "diamond", "blind": "square", "flash": "triangle"}


def density(
    name: str,
    title: str,
    begins: datetime,
    ends: datetime,
    counts_by_day: Sequence[int],
    marks: Sequence[RecordMark] = (),
    at: datetime | None = None,
) -> Markup:
    """Return a chart of the number of records of each day from `begins` on.

    It has the marks of remarkable events, and the moment `at` that the page shows.
    """
    whole = max(ends - begins, timedelta(seconds=1))

    def across(moment: datetime) -> float:
        return 8 + min(max((moment - begins) / whole, 0.0), 1.0) * (WIDE - 16)

    x_at = across(at) if at is not None and begins <= at <= ends else None
    stacked_rows = StackedRows()
    record_marks = [
        mark for mark in sorted(marks, key=lambda mark: mark.at) if begins <= mark.at <= ends
    ]
    placed = []
    for mark in record_marks:
        if label := plot.cleaned(mark.label):
            x, bold = across(mark.at), mark.kind == "flash"
            wide = plot.width(label, bold=bold)
            options = plot.fitting(plot.around(x, wide), 0, WIDE)
            row, place = stacked_rows.settle(
                options, avoid=[] if x_at is None else [TextStretch(x_at, x_at)]
            )
            placed.append((row, place, label, "bold" if bold else ""))
    lowest = 14 + PITCH * (max(len(stacked_rows), 1) - 1)
    base = lowest + 34
    parts = [
        plot.path("hair", plot.level(8, base, WIDE - 8)),
        *_ticks(counts_by_day, begins, ends, across, base),
    ]
    if x_at is not None:
        parts.append(plot.path("heavy", plot.upright(x_at, 2, base + 4)))
    parts += [
        plot.shape(_MOMENT_SHAPES[mark.kind], across(mark.at), lowest + 12)
        for mark in record_marks
        if mark.kind in _MOMENT_SHAPES
    ]
    parts += [
        plot.text(place.x, lowest - PITCH * row, label, kind, place.anchor)
        for row, place, label, kind in placed
    ]
    return plot.image("chart density", name, title, WIDE, base + 6, parts)


def _ticks(
    counts: Sequence[int], begins: datetime, ends: datetime, across: Across, base: float
) -> list[Markup]:
    """Return a tick for each day, as high as the day has records.

    Of several days on one px, the busiest has the tick.
    """
    high: dict[int, int] = {}
    for number, count in enumerate(counts):
        noon = begins + number * DAY + DAY / 2
        if count > 0 and noon - DAY / 2 <= ends:
            x = round(across(noon))
            high[x] = max(high.get(x, 0), count)
    most = max(high.values(), default=1)
    drawn = "".join(
        plot.upright(x, base, base - 2 - 10 * count / most) for x, count in high.items()
    )
    return [plot.path("line", drawn)] if drawn else []


# Durations, shares and numbers


_LONGEST_S: Final = 30 * 86_400
_TICKS_S: Final = (1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, _LONGEST_S)
"""The ticks of the scale of durations, in seconds."""


class _Frame(NamedTuple):
    """The room of a chart of figures, in px of its own.

    Labels are before `left`, or above the row if it is narrow. The scale ends at
    `right`.
    """

    wide: float
    left: float
    right: float
    columns: int = COLUMNS
    narrow: bool = False


_SPREAD: Final = _Frame(1200.0, 340.0, 1172.0)
_SHARES: Final = _Frame(1200.0, 290.0, 1190.0)
"""At 1280 px, a page shows these charts at their own size."""

_SPREAD_NARROW: Final = _Frame(SMALL, 18.0, 380.0, 44, narrow=True)
_SHARES_NARROW: Final = _Frame(SMALL, 1.0, 398.0, 46, narrow=True)
_TICKS_NARROW_S: Final = (1, 60, 3600, 86_400, _LONGEST_S)


def spread(
    name: str,
    title: str,
    rows: Sequence[tuple[str, int, float | None, float | None, float | None]],
    limit: float | None,
    words: Words,
    *,
    narrow: bool = False,
) -> Markup:
    """Return a chart of durations, on a scale from a second to thirty days.

    A row is a label, the number of cases, and the median, the 95th percentile and the
    worst in seconds. A filled circle is the median, and an open one the percentile. The
    end of the line is the worst, and a dashed line the limit. A `narrow` chart is as
    wide as a phone.
    """
    frame, ticks = (_SPREAD_NARROW, _TICKS_NARROW_S) if narrow else (_SPREAD, _TICKS_S)
    at = partial(_lasting, frame)
    under = []
    over = [plot.text(at(tick), 14, words.span(tick), "dim", "mid") for tick in ticks]
    top = 24.0
    for label, count, median, p95, worst in rows:
        lines = plot.wrapped(label, frame.columns - 8 if narrow else frame.columns)
        over += plot.texts(0, top + 22, lines)
        counted_at = frame.wide if narrow else frame.left - 30
        over.append(plot.text(counted_at, top + 22, words.number(count), "dim", "end"))
        y = top + 17 + (PITCH * max(len(lines), 1) + 4 if narrow else 0)
        xs = [at(seconds) for seconds in (median, p95, worst) if seconds is not None]
        if xs:
            under.append(plot.path("line", plot.level(min(xs), y, max(xs))))
        else:
            over.append(plot.text(frame.left, y + 5, "\N{EN DASH}", "dim"))
        if worst is not None:
            under.append(plot.path("line", plot.upright(at(worst), y - 7, y + 7)))
        under += [
            plot.shape(shape, at(seconds), y)
            for shape, seconds in (("open circle", p95), ("circle", median))
            if seconds is not None
        ]
        top = max(y + 17, top + PITCH * max(len(lines), 1) + 18)
    grid = [plot.path("hair", plot.upright(at(tick), 22, top)) for tick in ticks]
    if limit is not None:
        grid.append(plot.path("dash", plot.upright(at(limit), 18, top + 4)))
        over.append(plot.text(at(limit), top + 19, words.span(limit), "bold", "mid"))
        top += 20
    return plot.image(
        "chart small" if narrow else "chart",
        name,
        title,
        frame.wide,
        top + 6,
        [*grid, *under, *over],
    )


def _lasting(frame: _Frame, seconds: float) -> float:
    """Return the x of a duration on the scale of a chart.

    A duration outside the scale is at the end of it.
    """
    share = math.log(min(max(seconds, 1.0), _LONGEST_S)) / math.log(_LONGEST_S)
    return frame.left + share * (frame.right - frame.left)


def shares(
    name: str,
    title: str,
    rows: Sequence[tuple[str, Sequence[tuple[str, float]]]],
    guide: Sequence[float] | None = None,
    *,
    narrow: bool = False,
) -> Markup:
    """Return a chart of wholes and their parts.

    A row is a label and its parts, which are fractions of one. The parts are solid,
    hatched, open and plain, each named above with a sample of it. `guide` are expected
    shares, of any sum. They are small ticks below a bar, where its parts would end. A
    `narrow` chart is as wide as a phone.
    """
    frame = _SHARES_NARROW if narrow else _SHARES
    wide = frame.right - frame.left
    expected = (
        [frame.left + wide * reached / sum(guide) for reached in accumulate(guide)][:-1]
        if guide and sum(guide) > 0
        else []
    )
    parts: list[Markup] = []
    top = 4.0
    for label, pieces in rows:
        sizes = [max(size, 0.0) for _, size in pieces]
        ends = [
            frame.left + wide * reached / max(sum(sizes), 1.0)
            for reached in accumulate(sizes, initial=0.0)
        ]
        lines = plot.wrapped(label, frame.columns)
        above = PITCH * len(lines) if narrow else 0.0
        keys, high = _keys(frame, [text for text, _ in pieces], ends, top + above)
        y = top + above + high
        parts += [*keys, *plot.texts(0, top + 14 if narrow else y + 18, lines)]
        for number, (begins, stops) in enumerate(pairwise(ends)):
            parts += _tinted(number, begins, y, stops - begins, 26) if stops > begins else []
        if ends[-1] == frame.left:
            parts.append(plot.path("dash", plot.level(frame.left, y + 13, frame.right)))
        parts += [plot.path("line", plot.upright(x, y + 28, y + 36)) for x in expected]
        top = y + max(42, 0 if narrow else PITCH * len(lines) + 6) + 12
    return plot.image(
        "chart small" if narrow else "chart", name, title, frame.wide, max(top, 8.0), parts
    )


def _keys(
    frame: _Frame, names: Sequence[str], starts: Sequence[float], top: float
) -> tuple[list[Markup], float]:
    """Return the names of a bar's parts, and the height that they take.

    Each name is over the beginning of its part, or after the names before it.
    """
    stacked_rows, placed = StackedRows(), list[tuple[int, TextStretch, int, list[str]]]()
    for number, name in enumerate(names):
        if lines := plot.wrapped(name, 46):
            room = 20 + plot.widest(lines)
            options = [
                plot.after(x, 0, room)
                for x in (starts[number], *(place.x_max + 14 for _, place, _, _ in placed))
            ]
            row, place = stacked_rows.settle(
                plot.fitting(options, frame.left, frame.wide), deep=len(lines)
            )
            placed.append((row, place, number, lines))
    drawn = []
    for row, place, number, lines in placed:
        y = top + 14 + PITCH * row
        drawn += [
            *_tinted(number, place.x_min + 1, y - 10, 12, 10),
            *plot.texts(place.x_min + 20, y, lines),
        ]
    return drawn, PITCH * len(stacked_rows) + 8


def _tinted(number: int, x: float, y: float, wide: float, high: float) -> list[Markup]:
    """Return a part of a bar in the tint of its place among the parts."""
    frame = plot.path(
        "line", f"M{plot.num(x)} {plot.num(y)}h{plot.num(wide)}v{plot.num(high)}h{plot.num(-wide)}Z"
    )
    match number % 4:
        case 0:
            return [plot.rect("ink", x, y, wide, high)]
        case 1:
            return [
                plot.rect("band", x, y, wide, high),
                plot.path("line", plot.hatched(x, y, wide, high)),
                frame,
            ]
        case 2:
            return [plot.rect("open", x, y, wide, high)]
        case _:
            return [plot.rect("band", x, y, wide, high), frame]


def bars(name: str, title: str, rows: Sequence[tuple[str, int]]) -> Markup:
    """Return a chart of numbers: a bar and its number for each label."""
    most, number = max((count for _, count in rows), default=0), 158.0
    room = SMALL - number - 12 - max((plot.width(str(count)) for _, count in rows), default=0.0)
    parts: list[Markup] = []
    top = 4.0
    for label, count in rows:
        lines = plot.wrapped(label, 20)
        long = room * count / most if count > 0 else 0.0
        parts += plot.texts(0, top + 18, lines)
        parts += [plot.rect("ink", number, top + 4, long, 18)] if long else []
        parts.append(plot.text(number + long + 8, top + 18, str(count)))
        top += max(PITCH * len(lines), PITCH) + 12
    parts.append(plot.path("line", plot.upright(number, 2, top)))
    return plot.image("chart small", name, title, SMALL, top + 4, parts)
