"""Statistics of the exchanges of a period, by side.

They are arithmetic alone: exchanges go in, numbers come out. A deadline is counted in
the period in which it was settled, and in no other:

    done within the limit              in time, when it was done
    not done when the limit passed     late, when the limit passed, whatever came after
    the matter ended before its limit  ended: nothing was done, and nothing is owed now
    neither                            open at the end of the period

An act that was said by other means before it was recorded was done when it was said. An
open deadline is also overdue past its limit. Percentiles are by nearest rank: each is a
time that was really taken.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final, Literal

from msgspec import Struct

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.domain.views import outages as blindness
from dragoman.domain.views.outages import LineCheckSpan, OutageSpan, ReportedOutage, Turn
from dragoman.domain.views.tally import Key, Series, Tally, microseconds
from dragoman.limits import FLOOD_ALARMS, FLOOD_SECONDS
from dragoman_schemas.state import Registry
from dragoman_schemas.statistics_figures import (
    Blind,
    Blindness,
    Flashes,
    Kept,
    Line,
    Meetings,
    Notice,
    Opened,
    Spread,
    StatisticsChange,
    Translations,
)

_PRECEDENCES: Final = ("flash", "immediate", "priority", "routine")
_P95: Final = 0.95
_FLOOD: Final = FLOOD_SECONDS * 1_000_000


class Measured(Struct, frozen=True, kw_only=True):
    """The statistics of exchanges, in the rows of the response."""

    exchanges: int
    opened: tuple[Opened, ...]
    clocks: tuple[Kept, ...]
    notices: tuple[Notice, ...]
    changes: tuple[StatisticsChange, ...]
    meetings: tuple[Meetings, ...]
    translations: tuple[Translations, ...]
    flashes: tuple[Flashes, ...]


def spread(seconds: Sequence[float]) -> Spread | None:
    """Return the median, the 95th percentile and the longest of several times.

    None where there are no times.
    """
    if not seconds:
        return None
    ranked = sorted(seconds)
    return Spread(
        measured=len(ranked),
        median_s=_seconds(statistics.median(ranked)),
        p95_s=_seconds(ranked[ceil(_P95 * len(ranked)) - 1]),
        worst_s=_seconds(ranked[-1]),
    )


def share(part: int, whole: int) -> float | None:
    """Return a part of a whole as a fraction; None of a whole of zero."""
    return round(part / whole, 4) if whole else None


def days(since: str, until: datetime) -> float:
    """Return the days between two times, to a tenth."""
    return round((until - datetime.fromisoformat(since)) / timedelta(days=1), 1)


def _seconds(value: float) -> float:
    return round(value, 3)


class Measure:
    """The facts of a tally in a span, of one format or of all."""

    def __init__(self, tally: Tally, span: OutageSpan, format: str = "") -> None:
        """Count what happened in the span. The tally is as at the end of it."""
        self._begins, self._ends = microseconds(span.begins), microseconds(span.ends)
        # An answer that is owed is late once its limit is before the last time in the span.
        self._passed = microseconds(span.ends - deadlines.TICK)
        self._opened: Counter[tuple[str, str, str]] = Counter()
        self._took: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
        self._clocks: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        self._given: defaultdict[tuple[str, str, float], list[float]] = defaultdict(list)
        self._changed: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
        self._met: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._translated: defaultdict[str, list[float]] = defaultdict(list)
        self._flashes: defaultdict[str, list[int]] = defaultdict(list)
        for key, series in tally.series.items():
            if format in ("", key[2]):
                self._take(key, series)

    def _take(self, key: Key, series: Series) -> None:
        (what, side, act, of), begins, ends = key, self._begins, self._ends
        match what:
            case "opened":
                self._opened[side, act, of] += series.number(begins, ends)
            case "took":
                self._took[side, act, of] += series.values(begins, ends)
            case "in_time" | "late" | "ended" | "courtesy":
                self._clocks[side, act, of][what] += series.number(begins, ends)
            case "open":
                self._clocks[side, act, of].update(
                    open=len(series),
                    overdue=series.number_before(self._passed),
                    late=series.number(begins, self._passed),
                )
            case "open_courtesy":
                self._clocks[side, act, of]["courtesy"] += len(series)
            case "missed":
                self._clocks[side, act, of]["late"] += series.number(begins, self._passed)
            case "missed_courtesy":
                self._clocks[side, act, of]["courtesy"] += series.number(begins, self._passed)
            case "notice":
                self._given[side, act, float(of)] += series.values(begins, ends)
            case "corrections" | "cancellations":
                self._changed[side, act, what] += series.values(begins, ends)
            case "meeting":
                self._met[side, act][of] += series.number(begins, ends)
            case "translation":
                self._translated[side] += series.values(begins, ends)
            case "flash":
                self._flashes[side] += series.times(begins, ends)

    def taken(self, clock: str) -> dict[str, tuple[float, ...]]:
        """Return the seconds that each side took for one kind of deadline.

        The format does not matter.
        """
        seconds_by_side: defaultdict[str, list[float]] = defaultdict(list)
        for (side, _, of), seconds in self._took.items():
            if of == clock:
                seconds_by_side[side] += seconds
        return {side: tuple(seconds) for side, seconds in seconds_by_side.items()}

    def measured(self, sides: Sequence[str]) -> Measured:
        """Return the rows: everything that any side is counted for, for each side."""
        clocked = [key for key, counted in self._clocks.items() if counted.total()]
        met = [key for key, counted in self._met.items() if counted.total()]
        return Measured(
            exchanges=self._opened.total(),
            opened=tuple(
                self._opened_row(*key)
                for key in _rows(sides, (key[:2] for key, number in self._opened.items() if number))
            ),
            clocks=tuple(self._clock_row(*key) for key in _rows(sides, clocked)),
            notices=tuple(
                self._notice_row(*key)
                for key in _rows(sides, (key for key, notices in self._given.items() if notices))
            ),
            changes=tuple(
                self._change_row(*key)
                for key in _rows(sides, (key[:2] for key, after in self._changed.items() if after))
            ),
            meetings=tuple(self._meeting_row(*key) for key in _rows(sides, met)),
            translations=tuple(
                Translations(
                    side=side,
                    translations=len(self._translated[side]),
                    delay=spread(self._translated[side]),
                )
                for side in sides
            ),
            flashes=tuple(flood(side, self._flashes[side]) for side in sides),
        )

    def _opened_row(self, side: str, format: str) -> Opened:
        counts = {precedence: self._opened[side, format, precedence] for precedence in _PRECEDENCES}
        return Opened(side=side, format=format, opened=sum(counts.values()), **counts)

    def _clock_row(self, side: str, format: str, clock: str) -> Kept:
        counted = self._clocks[side, format, clock]
        return Kept(
            side=side,
            format=format,
            clock=clock,
            took=spread(self._took[side, format, clock]),
            in_time=counted["in_time"],
            late=counted["late"],
            share_in_time=share(counted["in_time"], counted["in_time"] + counted["late"]),
            ended=counted["ended"],
            open=counted["open"],
            overdue=counted["overdue"],
            courtesy=counted["courtesy"],
        )

    def _notice_row(self, side: str, format: str, owed: float) -> Notice:
        notices = self._given[side, format, owed]
        in_time = sum(notice >= owed for notice in notices)
        return Notice(
            side=side,
            format=format,
            owed_s=owed,
            notices=len(notices),
            median_given_s=_seconds(statistics.median(notices)) if notices else None,
            shortest_given_s=_seconds(min(notices)) if notices else None,
            in_time=in_time,
            short=len(notices) - in_time,
            share_in_time=share(in_time, len(notices)),
        )

    def _change_row(self, side: str, format: str) -> StatisticsChange:
        corrected, cancelled = (
            self._changed[side, format, what] for what in ("corrections", "cancellations")
        )
        return StatisticsChange(
            side=side,
            format=format,
            corrections=len(corrected),
            corrected_after=spread(corrected),
            cancellations=len(cancelled),
            cancelled_after=spread(cancelled),
        )

    def _meeting_row(self, side: str, format: str) -> Meetings:
        counted = self._met[side, format]
        return Meetings(
            side=side,
            format=format,
            asked=counted["asked"],
            accepted=counted["accepted"],
            declined=counted["declined"],
            held=counted["held"],
            not_attended=counted["not_attended"],
        )


def flood(side: str, moments: Iterable[int]) -> Flashes:
    """Return the flashes to a side, and the floods among them.

    A flood is more flashes within ten minutes than anybody can take in one by one.
    `most` is the highest number within ten minutes. The moments are in microseconds.
    """
    times, floods, most, flooded = sorted(moments), 0, 0, False
    first = 0
    for last, time in enumerate(times):
        while time - times[first] > _FLOOD:
            first += 1
        within = last - first + 1
        floods += within > FLOOD_ALARMS and not flooded
        flooded, most = within > FLOOD_ALARMS, max(most, within)
    return Flashes(side=side, came=len(times), floods=floods, most=most)


def _rows(sides: Sequence[str], keys: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yield the keys of all rows, with each of the sides in turn.

    The row of no side comes by itself.
    """
    counted = set(keys)
    for row in sorted({key[1:] for key in counted}):
        by_side = any((side, *row) in counted for side in sides)
        for side in (*(sides if by_side else ()), *([""] if ("", *row) in counted else [])):
            yield (side, *row)


# Line checks and watches


def lines(
    sides: Sequence[str], checks: Sequence[LineCheckSpan], span: OutageSpan
) -> tuple[Line, ...]:
    """Return the line checks that were sent to each side."""
    return tuple(blindness.line(side, checks, span) for side in sides)


def blind(
    registry: Registry,
    sides: Sequence[str],
    checks: Sequence[LineCheckSpan],
    turns: Sequence[Turn],
    manned: Collection[str],
    outages: Sequence[ReportedOutage],
    span: OutageSpan,
) -> tuple[tuple[Blindness, ...], tuple[Blind, ...]]:
    """Return the time that each side was blind, and the spans.

    `manned` are the sides whose watch somebody had when the span began. A gateway
    without a broker makes every side blind: what it cannot record it cannot show to
    anybody. A station without a line makes its own side blind, and no other.
    """
    watched = registry.kind not in UNTIMED
    nobodys = {
        side: blindness.unmanned_spans(side, turns, span, manned=side in manned) if watched else []
        for side in sides
    }
    downs = [
        (pair, part)
        for pair, outage_span in blindness.down(checks, span.ends)
        if (part := span.cut(outage_span)) is not None
    ]
    parts: dict[str, list[OutageSpan]] = {}
    for outage in outages:
        if (part := span.cut(outage.span)) is not None:
            parts.setdefault(outage.side, []).append(part)
    gone = blindness.merged(parts.pop("", ()))
    cut = {side: blindness.merged(parts.get(side, ())) for side in sides}
    checked = {name for check in checks for name in (check.sender, check.side)} | parts.keys()
    rows = tuple(
        Blindness(
            side=side,
            watch_nobody_s=_seconds(blindness.covered(nobodys[side])) if watched else None,
            line_down_s=_seconds(
                blindness.covered(
                    [*cut[side], *(outage_span for pair, outage_span in downs if side in pair)]
                )
            )
            if side in checked
            else None,
            broker_down_s=_seconds(blindness.covered(gone)),
        )
        for side in sides
    )
    spans: list[tuple[Literal["watch", "line", "broker"], tuple[str, ...], OutageSpan]]
    spans = [("watch", (side,), nobody) for side in sides for nobody in nobodys[side]]
    spans += [("line", pair, part) for pair, part in downs if not set(sides).isdisjoint(pair)]
    spans += [("line", (side,), part) for side in sides for part in cut[side]]
    spans += [("broker", tuple(sides), part) for part in gone]
    spans.sort(key=lambda row: (row[2].begins, row[0], row[1]))
    return rows, tuple(
        Blind(
            what=what,
            sides=names,
            from_=deadlines.timestamp(blind_span.begins),
            to=deadlines.timestamp(blind_span.ends),
        )
        for what, names, blind_span in spans
    )
