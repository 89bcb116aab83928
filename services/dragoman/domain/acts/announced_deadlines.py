"""Deadlines of announced events, visits, undertakings, transmittals and the roadmap.

The table of all deadlines is in `deadlines`.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from dragoman.domain.acts import consent, event_windows, passing_on
from dragoman.domain.acts.deadline_builder import Deadline, DeadlineBuilder, instant
from dragoman.domain.acts.families import recurrence, transmittal, undertaking
from dragoman_schemas.state import Stamp

_OVER: Final = ("completed", "all-clear", "after-activity-report")
"""Acts that say that an announced event is over."""


_SAID: Final = ("said", "proposed")
"""The statuses in which not every side has agreed to an undertaking or a series."""


class AnnouncedDeadlines(DeadlineBuilder):
    """The deadlines of windows, of requests to see, and of promises."""

    def __iter__(self) -> Iterator[Deadline]:
        """Yield them, met or not."""
        yield from self._passed_on()
        yield from self._completed()
        match self.exchange.act:
            case "visit-request":
                yield from self._visit()
            case "transmittal":
                yield from self._transmitted()
            case "undertaking" | "data-series":
                yield self._undertaking()
            case "roadmap-item":
                yield from self._deliverable()
            case _:
                pass

    def _passed_on(self) -> Iterator[Deadline]:
        """Yield the deadline of each addressee that passes such messages on."""
        if not self.registry.onward:
            return
        message = event_windows.naming_message(self.exchange)
        if message.for_the_record or not passing_on.is_to_tell(self.exchange):
            return
        begins = event_windows.known_since(self.exchange)
        for side in message.to:
            onward = passing_on.list_of(
                self.registry, side, self.exchange.act, message.said.position
            )
            if onward is not None:
                due = passing_on.limit(self.exchange, message, onward, self.limits)
                met = passing_on.all_told(self.registry, self.exchange, side, message)
                yield self.deadline(
                    "passed_on", side, message.id, message.said, due, met, begins=begins
                )

    def over(self) -> Stamp | None:
        """Return the end of the matter, or the word that the event is over before."""
        ends = (super().over(), self.did(*_OVER))
        return min(
            (end for end in ends if end is not None), key=lambda end: end.position, default=None
        )

    def _completed(self) -> Iterator[Deadline]:
        """Yield the deadline of the word that an announced event is over.

        A postponement says so too, until it names another window.
        """
        exchange = self.exchange
        window = event_windows.window_of(exchange)
        if exchange.act not in event_windows.ENDED_BY_WORD or window is None:
            return
        if window.until_further_notice:
            return
        if event_windows.is_site(exchange) or event_windows.phase_of_launch(exchange) in (
            "post_launch",
            "deviation",
        ):
            return
        message = event_windows.naming_message(exchange)
        postponed = [
            item.said
            for item in exchange.acts.get("postponement", ())
            if item.said.position > message.said.position
        ]
        yield self.deadline(
            "completed",
            exchange.side,
            message.id,
            message.said,
            window.last + timedelta(seconds=self.limits.completed),
            self.did(*_OVER) or next(iter(postponed), None),
            begins=window.last,
        )

    def _visit(self) -> Iterator[Deadline]:
        """Yield the deadlines of a request to come and see."""
        exchange, limits = self.exchange, self.limits
        kind, since = self.as_sent("kind"), instant(exchange.opened.time)
        seconds = {
            "consular_access": limits.access_to_people,
            "inspection": limits.inspection_answer,
            "evaluation": limits.inspection_answer,
        }.get(kind, limits.meeting_answer)
        arrival = instant(self.as_sent("arrival"))
        due = since + timedelta(seconds=seconds)
        due = min(due, arrival) if arrival > since else due
        for side in exchange.to:
            yield self.deadline(
                "answer", side, exchange.id, exchange.opened, due, self.replied(side)
            )
            if kind == "consular_access":
                yield self.from_opening(
                    "people_access", side, limits.access_to_people, self.did("arrival")
                )
        departures = exchange.acts.get("departure", ())[:1]
        if departures:
            yield self.after(
                "visit_report",
                exchange.side,
                departures[0].id,
                departures[0].said,
                limits.visit_report,
                self.did("visit-report"),
            )

    def _transmitted(self) -> Iterator[Deadline]:
        """Yield the deadline of each side that answers recommendations."""
        for side in self.exchange.to:
            met = transmittal.all_answered(self.exchange, side)
            yield self.from_opening("transmittal_answer", side, self.limits.transmittal_answer, met)

    def _deliverable(self) -> Iterator[Deadline]:
        """Yield the deadline of each owner of an agreed item of the roadmap.

        Its period ends it. No deadline runs while the item is deferred or dropped.
        """
        exchange, due = self.exchange, self.moment("period", "to")
        agreed, begins = exchange.acts.get("agreement", ()), self.moment("period", "from")
        if due is None or begins is None or exchange.status == "proposed" or not agreed:
            return
        by, tabled = agreed[-1].said, consent.tabled(exchange)
        changes = exchange.acts.get("status-change", ())
        off = changes[-1].said if exchange.status in ("deferred", "dropped") else None
        for side in sorted(consent.owners(exchange) - {*exchange.observers}):
            clock = self.deadline(
                "deliverable",
                side,
                exchange.id,
                by,
                due,
                None if tabled is None else tabled.said,
                begins=min(max(instant(by.time), begins), due),
            )
            yield clock if clock.met is not None else replace(clock, ended=clock.ended or off)

    def _undertaking(self) -> Deadline:
        """Return the deadline of what a side undertook.

        It binds from the agreement of every side that it was undertaken. Where it
        recurs, this is the deadline of one interval: the next one that is due.
        """
        exchange, by = self.exchange, self._undertaken()
        side = undertaking.undertaker(exchange)
        started_by, begins, word = exchange.id, instant(by.time), None
        recurs = recurrence.recurrence_of(exchange)
        if recurs is None:
            due = instant(msgspec.json.decode(exchange.content["by_when"]))
        else:
            interval, started_by, word = recurrence.running(exchange, recurs, by)
            due, begins = recurs.due(interval), max(begins, recurs.start(interval))
        done = recurrence.said_done(exchange)
        met = word if done is None else done.said
        clock = self.deadline(
            recurrence.CLOCKS[exchange.act],
            side,
            started_by,
            by,
            due,
            None if exchange.status == "disputed" else met,
            begins=min(begins, due),
        )
        return replace(clock, binding=clock.binding and exchange.status not in _SAID)

    def past_intervals(self) -> Iterator[Deadline]:
        """Yield the deadlines of a recurring undertaking before the one that runs.

        One that was not given ended when the next one began: nothing of it is owed now.
        """
        exchange = self.exchange
        recurs = recurrence.recurrence_of(exchange) if exchange.act in recurrence.CLOCKS else None
        if recurs is None or not recurrence.is_owed(exchange):
            return
        by, side = self._undertaken(), undertaking.undertaker(exchange)
        for past in recurrence.past(exchange, recurs, by):
            due = recurs.due(past.interval)
            begins = min(max(instant(by.time), recurs.start(past.interval)), due)
            name = recurrence.CLOCKS[exchange.act]
            clock = self.deadline(name, side, past.started_by, by, due, past.word, begins=begins)
            yield replace(clock, ended=None if past.word is not None else past.passed.said)

    def _undertaken(self) -> Stamp:
        """Return the record by which it was undertaken, or said to have been."""
        agreed = self.exchange.acts.get("agreement", ())
        is_said = self.exchange.status in _SAID or not agreed
        return self.exchange.opened if is_said else agreed[-1].said
