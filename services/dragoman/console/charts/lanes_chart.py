"""Lanes on one axis of time: a lane for each side, with marks and gaps.

Each mark is a link to its record. A table beside the chart has the same.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from markupsafe import Markup

from dragoman.console.charts.svg import LATIN, WIDE, num

_LEFT: Final = 150.0
_RIGHT: Final = 1340.0
_TOP: Final = 40.0
_LANE: Final = 92.0
_MARK: Final = 9.0
_LETTERS: Final = 3.0
_TICKS: Final = (
    *(timedelta(seconds=seconds) for seconds in (10, 30)),
    *(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 30)),
    *(timedelta(hours=hours) for hours in (1, 2, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 7, 30, 90, 365)),
)
_MOST_TICKS: Final = 10
_SHAPES: Final = {
    "sent": "M0-9 9 9-9 9Z",
    "delivered": "M-8 0h16M0-8v16",
    "was_to_ring": "M0-9 9 0 0 9-9 0Z",
    "opened": "M0-11 3-4 10-3 5 2 7 9 0 5-7 9-5 2-10-3-3-4Z",
    "acknowledged": "M-8-8h16v16h-16Z",
    "passed_on": "M-9-7 9 0-9 7Z",
    "answered": "M-8 0a8 8 0 1 0 16 0a8 8 0 1 0-16 0",
}


class LaneMark(NamedTuple):
    """A mark of a lane: its kind, its time, the link to its record, and its words."""

    kind: str
    at: datetime
    link: str
    label: str
    is_past: bool


class LaneGap(NamedTuple):
    """A span of a lane in which its side was blind."""

    kind: str
    begins: datetime
    ends: datetime
    label: str


class SideLane(NamedTuple):
    """The lane of a side. `remark` is a sentence about it, in the lane."""

    name: str
    marks: Sequence[LaneMark]
    gaps: Sequence[LaneGap]
    remark: str = ""


def lanes_chart(
    title: str,
    begins: datetime,
    ends: datetime,
    lanes: Sequence[SideLane],
    moment: datetime | None,
    written: Callable[[datetime, bool], str],
) -> Markup:
    """Return the chart. `written` gives a tick's time, with its day if asked."""
    span = max(ends - begins, timedelta(seconds=1))

    def x(at: datetime) -> float:
        share = (at - begins) / span
        return _LEFT + min(max(share, 0.0), 1.0) * (_RIGHT - _LEFT)

    height = _TOP + _LANE * len(lanes) + 8
    parts = [
        Markup('<svg class="chart lanes" viewBox="0 0 {} {}" role="group" aria-label="{}">').format(
            num(WIDE), num(height), title
        )
    ]
    parts += _axis(begins, ends, height, x, written)
    for row, lane in enumerate(lanes):
        parts += _lane(lane, _TOP + _LANE * row, x)
    if moment is not None and begins <= moment <= ends:
        parts.append(
            Markup('<path class="moment" d="M{} {}V{}"/>').format(
                num(x(moment)), num(_TOP - 22), num(height - 4)
            )
        )
    parts.append(Markup("</svg>"))
    return Markup("\n").join(parts)


def _axis(
    begins: datetime,
    ends: datetime,
    height: float,
    x: Callable[[datetime], float],
    written: Callable[[datetime, bool], str],
) -> list[Markup]:
    step = next((step for step in _TICKS if (ends - begins) / step <= _MOST_TICKS), _TICKS[-1])
    origin = datetime(1970, 1, 1, tzinfo=UTC)
    tick = origin + -(-(begins - origin) // step) * step
    parts, day, last = [], "", -1e9
    while tick <= ends:
        text = written(tick, tick.date().isoformat() != day)
        day = tick.date().isoformat()
        place = x(tick)
        parts.append(
            Markup('<path class="tick" d="M{} {}V{}"/>').format(
                num(place), num(_TOP - 6), num(height - 8)
            )
        )
        if place - last > len(text) * LATIN + 8:
            parts.append(
                Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
                    num(min(max(place, _LEFT), _RIGHT)), num(_TOP - 14), text
                )
            )
            last = place
        tick += step
    return parts


def _lane(lane: SideLane, top: float, x: Callable[[datetime], float]) -> list[Markup]:
    middle = top + _LANE / 2
    parts = [
        Markup('<path class="rule" d="M{} {}H{}"/>').format(num(_LEFT), num(middle), num(_RIGHT)),
        Markup('<text class="lane" x="8" y="{}">{}</text>').format(num(middle + 5), lane.name),
    ]
    for gap in lane.gaps:
        x_min, x_max = x(gap.begins), x(gap.ends)
        parts.append(
            Markup(
                '<rect class="gap {}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
            ).format(
                gap.kind,
                num(x_min),
                num(middle + 20),
                num(max(x_max - x_min, _LETTERS)),
                num(12.0),
                gap.label,
            )
        )
    if lane.remark:
        parts.append(
            Markup('<text class="remark" x="8" y="{}">{}</text>').format(
                num(top + _LANE - 2), lane.remark
            )
        )
    levels: list[float] = [-1e9, -1e9]
    for mark in lane.marks:
        place = x(mark.at)
        level = 0 if place - levels[0] >= 2 * _MARK + 2 or levels[0] <= levels[1] else 1
        levels[level] = place
        parts.append(
            Markup(
                '<a href="{}" data-at="{}"{}><title>{}</title>'
                '<path class="mark {}" transform="translate({} {})" d="{}"/></a>'
            ).format(
                mark.link,
                mark.at.isoformat(),
                Markup("") if mark.is_past else Markup(' class="later"'),
                mark.label,
                mark.kind,
                num(place),
                num(middle - (22 if level else 0)),
                _SHAPES[mark.kind],
            )
        )
    return parts
