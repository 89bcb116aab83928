"""The tally of a channel: what happened in its exchanges, each as a fact at a time.

    what               of            at                 value
    opened             precedence    the opening
    took               deadline      it was met         the seconds that it took
    in_time            deadline      it was met
    late               deadline      its limit
    ended              deadline      its matter ended
    open               deadline      its limit: the answer is still owed
    missed             deadline      its limit: a line check that nobody answered
    notice             seconds owed  the opening        the seconds that were given
    corrections        -             the correction     the seconds since the opening
    cancellations      -             the cancellation   the seconds since the opening
    meeting            step          it was recorded
    translation        -             it was sent        the seconds since its message
    flash              -             it was sent
    word               area          its position       its time

A word is the newest message of an officer in an exchange.

A deadline that does not bind has a second fact beside its own: `courtesy`,
`open_courtesy` or `missed_courtesy`.

The facts of an exchange follow from its state and from the terms of its deadlines, and
from no clock. So a tally follows a changed state by its difference: the facts of the
state before are taken out, and those of the new state are put in. The facts of a key
stand in the order of their times. The number in any period takes two searches.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from dragoman.domain.acts import deadline_outcomes, deadlines
from dragoman.domain.acts.access import officer_side
from dragoman.domain.acts.deadlines import UNTIMED, Deadline
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.acts.families.exchange import precedence_of
from dragoman.domain.acts.line_checks import is_line_check
from dragoman.domain.views import attribution, lead_times, outages
from dragoman.domain.views.outages import LineCheckSpan
from dragoman.limits import LINE_CHECKS_BEFORE
from dragoman_schemas.state import Exchange, Registry, Stamp

Key = tuple[str, str, str, str]
"""The kind of fact, the side, the format, and the kind of its subject.

The side is empty under the Chatham House Rule.
"""

Fact = tuple[Key, int, float]
"""A key, the microseconds since 1970, and the value; 0 for facts without one."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MEASURED: Final = frozenset(
    {"took", "notice", "corrections", "cancellations", "translation", "word"}
)
"""The facts that have a value."""


def microseconds(moment: datetime) -> int:
    """Return the microseconds from 1970 to a moment."""
    return (moment - _EPOCH) // _MICROSECOND


def _at(time: str) -> int:
    return microseconds(datetime.fromisoformat(time))


class Series:
    """The facts of one key, in the order of their times."""

    __slots__ = ("_times", "_values")

    def __init__(self, *, measured: bool) -> None:
        """Begin without facts. `measured` says whether each has a value."""
        self._times = array("q")
        self._values = array("d") if measured else None

    def __len__(self) -> int:
        """Return the number of facts."""
        return len(self._times)

    def add(self, time: int, value: float) -> None:
        """Put a fact in."""
        index = bisect_left(self._times, time)
        self._times.insert(index, time)
        if self._values is not None:
            self._values.insert(index, value)

    def remove(self, time: int, value: float) -> None:
        """Take a fact out, which was put in before."""
        index = bisect_left(self._times, time)
        if self._values is not None:
            index = self._values.index(value, index)
            self._values.pop(index)
        assert self._times.pop(index) == time

    def number(self, begins: int, ends: int) -> int:
        """Return the number of facts in a span; its end is not part of it."""
        return max(0, bisect_left(self._times, ends) - bisect_left(self._times, begins))

    def number_before(self, ends: int) -> int:
        """Return the number of facts before a time."""
        return bisect_left(self._times, ends)

    def times(self, begins: int, ends: int) -> "array[int]":
        """Return the times in a span."""
        return self._times[bisect_left(self._times, begins) : bisect_left(self._times, ends)]

    def values(self, begins: int, ends: int) -> "array[float]":
        """Return the values in a span."""
        assert self._values is not None
        return self._values[bisect_left(self._times, begins) : bisect_left(self._times, ends)]

    def last_value(self) -> float:
        """Return the value of the last fact."""
        assert self._values is not None
        return self._values[-1]

    def facts(self) -> list[tuple[int, float]]:
        """Return the time and the value of each fact, in order."""
        values = self._values or [0.0] * len(self._times)
        return sorted(zip(self._times, values, strict=True))


class Tally:
    """The facts of many exchanges, by key, and the line checks among them.

    All limits are those of one registry and of the sides' calendars.
    """

    def __init__(self, registry: Registry, calendars: dict[str, DutyCalendar]) -> None:
        """Begin without exchanges."""
        self.series: dict[Key, Series] = {}
        self._checks: dict[int, tuple[LineCheckSpan, ...]] = {}
        self._registry = registry
        self._calendars = calendars

    def add(self, exchange: Exchange) -> None:
        """Put the facts of an exchange in."""
        for key, time, value in facts(self._registry, exchange, self._calendars):
            series = self.series.get(key)
            if series is None:
                series = self.series[key] = Series(measured=key[0] in _MEASURED)
            series.add(time, value)
        if is_line_check(exchange):
            self._checks[exchange.opened.position] = tuple(outages.checks(exchange))

    def remove(self, exchange: Exchange) -> None:
        """Take the facts of an exchange out, which was put in as it is here."""
        for key, time, value in facts(self._registry, exchange, self._calendars):
            self.series[key].remove(time, value)
            if not self.series[key]:
                del self.series[key]
        self._checks.pop(exchange.opened.position, None)

    def line_checks(self, first: int) -> list[LineCheckSpan]:
        """Return the line checks since a position, with some before it.

        Those before it give the state of the line at that position.
        """
        opened = sorted(self._checks)
        start = max(0, bisect_left(opened, first) - LINE_CHECKS_BEFORE)
        return [check for position in opened[start:] for check in self._checks[position]]

    def last_words(self) -> dict[str, str]:
        """Return the time of the last message of an officer, by area.

        Areas without such a message are missing.
        """
        return {
            key[3]: deadlines.timestamp(_EPOCH + series.last_value() * _MICROSECOND)
            for key, series in self.series.items()
            if key[0] == "word"
        }

    def encoded(self) -> bytes:
        """Return everything as bytes, which are the same for the same exchanges."""
        return msgspec.json.encode(
            (
                [(key, self.series[key].facts()) for key in sorted(self.series)],
                sorted(self._checks.items()),
            )
        )


# The facts of an exchange


def facts(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar]
) -> Iterator[Fact]:
    """Yield the facts of an exchange; under the Chatham House Rule of no side."""
    hidden = attribution.unattributed(exchange)
    for (what, side, act, of), time, value in _facts(registry, exchange, calendars):
        yield (what, "" if hidden else side, act, of), time, value


def _facts(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar]
) -> Iterator[Fact]:
    for deadlines_of in (deadlines.past_intervals_of, deadlines.deadlines_of):
        for clock in deadlines_of(registry, exchange, calendars):
            yield from _of_deadline(exchange, clock)
    yield from _of_opening(registry, exchange)
    for correction in exchange.corrections:
        yield _of_change(exchange, "corrections", correction.corrected)
    if exchange.cancellation is not None:
        yield _of_change(exchange, "cancellations", exchange.cancellation.cancelled)
    yield from _of_meeting(exchange)
    yield from _of_translations(exchange)
    for message in exchange.messages:
        if precedence_of(exchange, message) == "flash" and not message.for_the_record:
            for side in message.to:
                yield ("flash", side, exchange.act, ""), _at(message.said.time), 0.0
    stamps = [message.said for message in exchange.messages if officer_side(message.said.by)]
    if stamps:
        newest = max(stamps, key=lambda stamp: stamp.position)
        yield ("word", "", "", exchange.area), newest.position, float(_at(newest.time))


def _of_deadline(exchange: Exchange, clock: Deadline) -> Iterator[Fact]:
    met, ended = (
        None if stamp is None else datetime.fromisoformat(stamp.when)
        for stamp in (clock.met, clock.ended)
    )
    if met is not None and clock.met is not None and clock.met.side == clock.side:
        seconds = max(0.0, (met - clock.begins).total_seconds())
        yield ("took", clock.side, exchange.act, clock.clock), microseconds(met), seconds
    match deadline_outcomes.outcome(exchange, clock, clock.due):
        case "in_time" if met is not None:
            what, courtesy, at = "in_time", "courtesy", met
        case "ended" if ended is not None:
            what, courtesy, at = "ended", "courtesy", ended
        case "ended":
            what, courtesy, at = "missed", "missed_courtesy", clock.due
        case "open":
            what, courtesy, at = "open", "open_courtesy", clock.due
        case _:
            what, courtesy, at = "late", "courtesy", clock.due
    for name in (what,) if clock.binding else (what, courtesy):
        yield (name, clock.side, exchange.act, clock.clock), microseconds(at), 0.0


def _of_opening(registry: Registry, exchange: Exchange) -> Iterator[Fact]:
    side, act, at = exchange.side, exchange.act, _at(exchange.opened.time)
    yield ("opened", side, act, exchange.precedence), at, 0.0
    if registry.kind in UNTIMED:
        return
    report = lead_times.first_report(registry, exchange)
    if report is not None:
        what = "in_time" if report.given <= report.owed else "late"
        yield ("took", side, act, "first_report"), at, report.given.total_seconds()
        yield (what, side, act, "first_report"), at, 0.0
    notice = lead_times.lead(registry, exchange)
    if notice is not None:
        owed = str(notice.owed.total_seconds())
        yield ("notice", side, act, owed), at, notice.given.total_seconds()


def _of_change(exchange: Exchange, what: str, stamp: Stamp) -> Fact:
    seconds = _seconds(exchange.opened.time, stamp.time)
    return (what, exchange.side, exchange.act, ""), _at(stamp.time), seconds


def _of_meeting(exchange: Exchange) -> Iterator[Fact]:
    meeting, act = exchange.meeting, exchange.act
    if meeting is None:
        return
    yield ("meeting", exchange.side, act, "asked"), _at(exchange.opened.time), 0.0
    for side, accepted in meeting.accepted.items():
        yield ("meeting", side, act, "accepted"), _at(accepted.accepted.time), 0.0
    for step, stamps in (("declined", meeting.declined), ("not_attended", meeting.absent)):
        for side, stamp in stamps.items():
            yield ("meeting", side, act, step), _at(stamp.time), 0.0
    for meeting_held in meeting.held:
        for side in {exchange.side, *exchange.to} - meeting.absent.keys():
            yield ("meeting", side, act, "held"), _at(meeting_held.recorded.time), 0.0


def _of_translations(exchange: Exchange) -> Iterator[Fact]:
    sent = {message.id: message.said.time for message in exchange.messages}
    for translation in exchange.acts.get("translation", ()):
        of = (
            msgspec.json.decode(translation.content["of"])
            if "of" in translation.content
            else exchange.id
        )
        stamp = translation.said
        seconds = _seconds(sent.get(of, exchange.opened.time), stamp.time)
        yield ("translation", stamp.side, exchange.act, ""), _at(stamp.time), seconds


def _seconds(first: str, last: str) -> float:
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
