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

import msgspec
from msgspec import Struct

from dragoman.domain.acts import deadline_outcomes, deadlines
from dragoman.domain.acts.deadlines import UNTIMED, Deadline
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.acts.families.exchange import precedence_of
from dragoman.domain.views import attribution, lead_times
from dragoman.domain.views import outages as blindness
from dragoman.domain.views.outages import LineCheckSpan, OutageSpan, Turn
from dragoman.limits import FLOOD_ALARMS, FLOOD_SECONDS
from dragoman_schemas.state import Exchange, Registry, Stamp
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
_FLOOD: Final = timedelta(seconds=FLOOD_SECONDS)


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


def _between(first: str, last: str) -> float:
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


class Measure:
    """A counter of what happened in a span.

    It takes exchanges one by one, as they were at the end of the span.
    """

    def __init__(
        self, registry: Registry, calendars: dict[str, DutyCalendar], span: OutageSpan
    ) -> None:
        """Begin with no exchanges.

        `registry` and `calendars` are as at the end of the span.
        """
        self._registry = registry
        self._unattributed = False
        self._calendars = calendars
        self._span = span
        self._opened: Counter[tuple[str, str, str]] = Counter()
        self._took: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
        self._clocks: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        self._given: defaultdict[tuple[str, str, float], list[float]] = defaultdict(list)
        self._changed: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
        self._met: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._translated: defaultdict[str, list[float]] = defaultdict(list)
        self._flashes: defaultdict[str, list[datetime]] = defaultdict(list)

    def take(self, exchange: Exchange) -> None:
        """Count one exchange; under the Chatham House Rule in rows of no side."""
        self._unattributed = attribution.unattributed(exchange)
        for of in (deadlines.past_intervals_of, deadlines.deadlines_of):
            for clock in of(self._registry, exchange, self._calendars):
                self._take_clock(exchange, clock)
        if self._span.holds(exchange.opened.time):
            self._take_opening(exchange)
        for correction in exchange.corrections:
            self._take_change(exchange, "corrections", correction.corrected)
        if exchange.cancellation is not None:
            self._take_change(exchange, "cancellations", exchange.cancellation.cancelled)
        if exchange.meeting is not None:
            self._take_meeting(exchange)
        self._take_translations(exchange)
        self._take_flashes(exchange)

    def _take_flashes(self, exchange: Exchange) -> None:
        for message in exchange.messages:
            if (
                precedence_of(exchange, message) == "flash"
                and not message.for_the_record
                and self._span.holds(message.said.time)
            ):
                for side in message.to:
                    self._flashes[self._side(side)].append(
                        datetime.fromisoformat(message.said.time)
                    )

    def _take_clock(self, exchange: Exchange, clock: Deadline) -> None:
        key, span = (self._side(clock.side), exchange.act, clock.clock), self._span
        met, ended = (
            None if stamp is None else datetime.fromisoformat(stamp.when)
            for stamp in (clock.met, clock.ended)
        )
        outcome = deadline_outcomes.outcome(exchange, clock, span.ends - deadlines.TICK)
        outcomes: list[str] = []
        if met is not None and span.begins <= met < span.ends:
            if clock.met is not None and clock.met.side == clock.side:
                self._took[key].append(max(0.0, (met - clock.begins).total_seconds()))
            outcomes += ["in_time"] if outcome == "in_time" else []
        if ended is not None and outcome == "ended" and span.begins <= ended < span.ends:
            outcomes.append("ended")
        if outcome in deadline_outcomes.PASSED and span.begins <= clock.due < span.ends:
            outcomes.append("late")
        if outcome in deadline_outcomes.OWED:
            outcomes += ["open", "overdue"] if outcome == "overdue" else ["open"]
        if outcomes and not clock.binding:
            outcomes.append("courtesy")
        self._clocks[key].update(outcomes)

    def _take_opening(self, exchange: Exchange) -> None:
        side = self._side(exchange.side)
        self._opened[side, exchange.act, exchange.precedence] += 1
        report = lead_times.first_report(self._registry, exchange)
        if report is not None and self._registry.kind not in UNTIMED:
            key = side, exchange.act, "first_report"
            self._took[key].append(report.given.total_seconds())
            self._clocks[key]["in_time" if report.given <= report.owed else "late"] += 1
        notice = lead_times.lead(self._registry, exchange)
        if notice is not None and self._registry.kind not in UNTIMED:
            self._given[side, exchange.act, notice.owed.total_seconds()].append(
                notice.given.total_seconds()
            )

    def _take_change(self, exchange: Exchange, what: str, stamp: Stamp) -> None:
        if self._span.holds(stamp.time):
            self._changed[self._side(exchange.side), exchange.act, what].append(
                _between(exchange.opened.time, stamp.time)
            )

    def _take_meeting(self, exchange: Exchange) -> None:
        meeting, span, act = exchange.meeting, self._span, exchange.act
        assert meeting is not None
        self._met[self._side(exchange.side), act]["asked"] += span.holds(exchange.opened.time)
        for side, accepted in meeting.accepted.items():
            self._met[self._side(side), act]["accepted"] += span.holds(accepted.accepted.time)
        for what, stamps in (("declined", meeting.declined), ("not_attended", meeting.absent)):
            for side, stamp in stamps.items():
                self._met[self._side(side), act][what] += span.holds(stamp.time)
        for held_meeting in meeting.held:
            for side in {exchange.side, *exchange.to} - meeting.absent.keys():
                self._met[self._side(side), act]["held"] += span.holds(held_meeting.recorded.time)

    def _take_translations(self, exchange: Exchange) -> None:
        sent = {message.id: message.said.time for message in exchange.messages}
        for translation in exchange.acts.get("translation", ()):
            if self._span.holds(translation.said.time):
                of = (
                    msgspec.json.decode(translation.content["of"])
                    if "of" in translation.content
                    else exchange.id
                )
                side = self._side(translation.said.side)
                self._translated[side].append(
                    _between(sent.get(of, exchange.opened.time), translation.said.time)
                )

    def _side(self, name: str) -> str:
        """Return the side whose row counts an act in the present exchange.

        Empty under the Chatham House Rule.
        """
        return "" if self._unattributed else name

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
                for key in _rows(sides, ((key[0], key[1]) for key in self._opened))
            ),
            clocks=tuple(self._clock_row(*key) for key in _rows(sides, clocked)),
            notices=tuple(self._notice_row(*key) for key in _rows(sides, self._given)),
            changes=tuple(
                self._change_row(*key)
                for key in _rows(sides, ((key[0], key[1]) for key in self._changed))
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


def flood(side: str, moments: Sequence[datetime]) -> Flashes:
    """Return the flashes to a side, and the floods among them.

    A flood is more flashes within ten minutes than anybody can take in one by one.
    `most` is the highest number within ten minutes.
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
    outages: Sequence[OutageSpan],
    span: OutageSpan,
) -> tuple[tuple[Blindness, ...], tuple[Blind, ...]]:
    """Return the time that each side was blind, and the spans.

    `manned` are the sides whose watch somebody had when the span began. A gateway
    without a broker makes every side blind: what it cannot record it cannot show to
    anybody.
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
    gone = blindness.merged(part for outage in outages if (part := span.cut(outage)) is not None)
    checked = {name for check in checks for name in (check.sender, check.side)}
    rows = tuple(
        Blindness(
            side=side,
            watch_nobody_s=_seconds(blindness.covered(nobodys[side])) if watched else None,
            line_down_s=_seconds(
                blindness.covered(outage_span for pair, outage_span in downs if side in pair)
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
