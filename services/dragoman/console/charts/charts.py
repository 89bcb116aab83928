"""The charts of the pages: inline SVG from values, without colour, style or script.

Every word comes from the caller, in the reader's language. Texts are measured by
estimate and never overlap; a chart grows until all have room. A list or a table beside
each chart shows the same.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from markupsafe import Markup

from dragoman.console.charts import svg as plot
from dragoman.console.charts.svg import (
    PITCH,
    WIDE,
    StackedRows,
    TextStretch,
)

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
