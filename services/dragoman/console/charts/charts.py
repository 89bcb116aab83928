"""The charts of the pages: inline SVG from values, without colour, style or script.

Every word comes from the caller, in the reader's language. Texts are measured by
estimate and never overlap; a chart grows until all have room. A list or a table beside
each chart shows the same.
"""

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from typing import Final, Literal, NamedTuple

from markupsafe import Markup

from dragoman.console.charts import svg as plot
from dragoman.console.charts.svg import (
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
_SPREAD_LEFT, _SPREAD_RIGHT = 380.0, 1330.0


def spread(
    name: str,
    title: str,
    rows: Sequence[tuple[str, int, float | None, float | None, float | None]],
    limit: float | None,
    words: Words,
) -> Markup:
    """Return a chart of durations, on a scale from a second to thirty days.

    A row is a label, the number of cases, and the median, the 95th percentile and the
    worst in seconds. A filled circle is the median, and an open one the percentile. The
    end of the line is the worst, and a dashed line the limit.
    """
    under = []
    over = [plot.text(_lasting(tick), 14, words.span(tick), "dim", "mid") for tick in _TICKS_S]
    top = 24.0
    for label, count, median, p95, worst in rows:
        lines = plot.wrapped(label)
        over += plot.texts(0, top + 19, lines)
        over.append(plot.text(_SPREAD_LEFT - 30, top + 19, words.number(count), "dim", "end"))
        y, xs = (
            top + 14,
            [_lasting(seconds) for seconds in (median, p95, worst) if seconds is not None],
        )
        if xs:
            under.append(plot.path("line", plot.level(min(xs), y, max(xs))))
        else:
            over.append(plot.text(_SPREAD_LEFT, top + 19, "\N{EN DASH}", "dim"))
        if worst is not None:
            under.append(plot.path("line", plot.upright(_lasting(worst), y - 7, y + 7)))
        under += [
            plot.shape(shape, _lasting(seconds), y)
            for shape, seconds in (("open circle", p95), ("circle", median))
            if seconds is not None
        ]
        top += max(PITCH * len(lines), PITCH) + 13
    grid = [plot.path("hair", plot.upright(_lasting(tick), 22, top)) for tick in _TICKS_S]
    if limit is not None:
        grid.append(plot.path("dash", plot.upright(_lasting(limit), 18, top + 4)))
        over.append(plot.text(_lasting(limit), top + 19, words.span(limit), "bold", "mid"))
        top += 20
    return plot.image("chart", name, title, WIDE, top + 6, [*grid, *under, *over])


def _lasting(seconds: float) -> float:
    """Return the x of a duration on the scale.

    A duration outside the scale is at the end of it.
    """
    share = math.log(min(max(seconds, 1.0), _LONGEST_S)) / math.log(_LONGEST_S)
    return _SPREAD_LEFT + share * (_SPREAD_RIGHT - _SPREAD_LEFT)


_SHARES_LEFT, _SHARES_RIGHT = 312.0, 1352.0


def shares(
    name: str,
    title: str,
    rows: Sequence[tuple[str, Sequence[tuple[str, float]]]],
    guide: Sequence[float] | None = None,
) -> Markup:
    """Return a chart of wholes and their parts.

    A row is a label and its parts, which are fractions of one. The parts are solid,
    hatched, open and plain, each named above with a sample of it. `guide` are expected
    shares, of any sum. They are small ticks below a bar, where its parts would end.
    """
    wide = _SHARES_RIGHT - _SHARES_LEFT
    expected = (
        [_SHARES_LEFT + wide * reached / sum(guide) for reached in accumulate(guide)][:-1]
        if guide and sum(guide) > 0
        else []
    )
    parts: list[Markup] = []
    top = 4.0
    for label, pieces in rows:
        sizes = [max(size, 0.0) for _, size in pieces]
        ends = [
            _SHARES_LEFT + wide * reached / max(sum(sizes), 1.0)
            for reached in accumulate(sizes, initial=0.0)
        ]
        keys, high = _keys([text for text, _ in pieces], ends, top)
        y = top + high
        parts += [*keys, *plot.texts(0, y + 15, lines := plot.wrapped(label))]
        for number, (begins, stops) in enumerate(pairwise(ends)):
            parts += _tinted(number, begins, y, stops - begins, 20) if stops > begins else []
        if ends[-1] == _SHARES_LEFT:
            parts.append(plot.path("dash", plot.level(_SHARES_LEFT, y + 10, _SHARES_RIGHT)))
        parts += [plot.path("line", plot.upright(x, y + 22, y + 29)) for x in expected]
        top = y + max(34, PITCH * len(lines) + 6) + 6
    return plot.image("chart", name, title, WIDE, max(top, 8.0), parts)


def _keys(names: Sequence[str], starts: Sequence[float], top: float) -> tuple[list[Markup], float]:
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
                plot.fitting(options, _SHARES_LEFT, WIDE), deep=len(lines)
            )
            placed.append((row, place, number, lines))
    drawn = []
    for row, place, number, lines in placed:
        y = top + 14 + PITCH * row
        drawn += [
            *_tinted(number, place.x_min + 1, y - 10, 12, 10),
            *plot.texts(place.x_min + 20, y, lines),
        ]
    return drawn, PITCH * len(stacked_rows) + 4


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
        parts += plot.texts(0, top + 15, lines)
        parts += [plot.rect("ink", number, top + 4, long, 13)] if long else []
        parts.append(plot.text(number + long + 8, top + 15, str(count)))
        top += max(PITCH * len(lines), PITCH) + 7
    parts.append(plot.path("line", plot.upright(number, 2, top)))
    return plot.image("chart small", name, title, SMALL, top + 4, parts)
