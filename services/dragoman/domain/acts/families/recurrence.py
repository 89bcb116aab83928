"""The intervals of undertakings and series: which are given, and which is due next.

The period runs from the first moment of `recurring` to `by_when`. It has an interval
every so many hours; the last one may be shorter. A fulfilment is for the interval in
which its `at` falls. One that says `complete` is for the whole. Each value of a series
is for the interval of its own `at`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.domain.acts.deadline_builder import instant
from dragoman_schemas.state import Exchange, Said, Stamp

MOST: Final = 3_000
"""The most intervals that a period may have: each may lapse once."""

CLOCKS: Final = {"undertaking": "undertaking", "data-series": "data_value"}
"""The clock of the intervals of a format."""


class Recurrence(Struct, frozen=True, kw_only=True):
    """The period of a recurring undertaking, and the length of its intervals."""

    begins: datetime
    ends: datetime
    every: timedelta

    @property
    def count(self) -> int:
        """Return the number of intervals."""
        return max(1, -((self.begins - self.ends) // self.every))

    def over(self, moment: datetime) -> int:
        """Return the number of intervals that ended before a moment."""
        if moment > self.ends:
            return self.count
        return max(0, -((self.begins - moment) // self.every) - 1)

    def of(self, moment: datetime) -> int | None:
        """Return the interval of a moment; None outside the period."""
        if not self.begins <= moment <= self.ends:
            return None
        return min((moment - self.begins) // self.every, self.count - 1)

    def start(self, interval: int) -> datetime:
        """Return the beginning of an interval."""
        return self.begins + interval * self.every

    def due(self, interval: int) -> datetime:
        """Return the end of an interval, at which its fulfilment is due."""
        return self.ends if interval >= self.count - 1 else self.start(interval + 1)


def recurrence_of(exchange: Exchange) -> Recurrence | None:
    """Return the intervals of an undertaking or series; None where it is done once."""
    if exchange.act == "data-series":
        period = msgspec.json.decode(exchange.content["period"])
        return Recurrence(
            begins=instant(period["from"]),
            ends=instant(period["to"]),
            every=timedelta(hours=msgspec.json.decode(exchange.content["every_hours"])),
        )
    if "recurring" not in exchange.content:
        return None
    recurring = msgspec.json.decode(exchange.content["recurring"])
    return Recurrence(
        begins=instant(recurring["begins"]),
        ends=instant(msgspec.json.decode(exchange.content["by_when"])),
        every=timedelta(hours=recurring["every_hours"]),
    )


def given(exchange: Exchange, recurrence: Recurrence) -> dict[int, Said]:
    """Return the intervals that its side has given, each with its first word."""
    return {
        interval: item
        for item in reversed(_words(exchange))
        for moment in _moments(item)
        if (interval := recurrence.of(moment)) is not None
    }


def said_done(exchange: Exchange) -> Said | None:
    """Return the newest word that an undertaking is done, once no interval is owed."""
    done = _words(exchange)
    if not done:
        return None
    recurrence = recurrence_of(exchange)
    if recurrence is None or _is_of_whole(done[-1]):
        return done[-1]
    return done[-1] if len(given(exchange, recurrence)) == recurrence.count else None


class PastInterval(Struct, frozen=True, kw_only=True):
    """An interval whose limit runs no more: the record that started it, and its end.

    `word` says that it was given, in time or later. `passed` is the fulfilment or the
    lapse after which the limit of the next interval runs.
    """

    interval: int
    started_by: str
    passed: Said
    word: Stamp | None


def past(exchange: Exchange, recurrence: Recurrence, since: Stamp) -> Iterator[PastInterval]:
    """Yield the intervals before the one whose limit runs.

    The first of them is the first that had not ended before `since`.
    """
    last = recurrence.count - 1
    next_one, started_by = min(recurrence.over(instant(since.time)), last), exchange.id
    words = given(exchange, recurrence)
    passed = [(item, interval) for interval, item in words.items()]
    passed += [
        (item, recurrence.over(_moment(item, "due")))
        for item in exchange.acts.get("lapse", ())
        if msgspec.json.decode(item.content["clock"]) == CLOCKS[exchange.act]
    ]
    for item, upto in sorted(passed, key=lambda entry: entry[0].said.position):
        for interval in range(next_one, upto + 1) if upto < last else ():
            word = words.get(interval)
            yield PastInterval(
                interval=interval,
                started_by=started_by,
                passed=item,
                word=None if word is None else word.said,
            )
            next_one, started_by = interval + 1, item.id


def running(
    exchange: Exchange, recurrence: Recurrence, since: Stamp
) -> tuple[int, str, Stamp | None]:
    """Return the interval whose limit runs, the record that started it, and its word.

    It comes after those that ended before `since`, and after each one that was given or
    has lapsed. The last one stays.
    """
    interval = min(recurrence.over(instant(since.time)), recurrence.count - 1)
    started_by = exchange.id
    for before in past(exchange, recurrence, since):
        interval, started_by = before.interval + 1, before.passed.id
    word = given(exchange, recurrence).get(interval)
    return interval, started_by, None if word is None else word.said


def is_owed(exchange: Exchange) -> bool:
    """Return whether every side agreed that it was undertaken."""
    if exchange.status in ("said", "proposed", "refused", "cancelled"):
        return False
    return exchange.status == "undertaken" or any(
        act in exchange.acts for act in ("agreement", "amendment-agreement")
    )


def _words(exchange: Exchange) -> tuple[Said, ...]:
    act = "data-values" if exchange.act == "data-series" else "fulfilment"
    return exchange.acts.get(act, ())


def _moments(item: Said) -> Iterator[datetime]:
    """Yield the times for which a word gives something; none if it is for the whole."""
    if "values" in item.content:
        for value in msgspec.json.decode(item.content["values"]):
            yield instant(value["at"])
    elif not _is_of_whole(item):
        yield _moment(item, "at")


def _is_of_whole(fulfilment: Said) -> bool:
    return bytes(fulfilment.content.get("complete", b"")) == b"true"


def _moment(item: Said, member: str) -> datetime:
    return instant(msgspec.json.decode(item.content[member]))
