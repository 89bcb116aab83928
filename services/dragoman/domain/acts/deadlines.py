"""Deadlines: the answers that each side owes, their limits, and whether they came.

    deadline               owed by         from                      met by
    acknowledgement        each addressee  each message              acknowledgement
    echo                   each addressee  a line check              echo
    answer                 sides asked     request, invitation,      an answer
                                           inquiry, warning,
                                           or newer windows
    explanation_answer     each addressee  explanation-request       final reply
    bilateral_meeting,     sides asked     a meeting on the ladder   meeting-held
    meeting_of_all
    clarification          sides asked     a question about an       final reply
                                           incident or yearly data
    counter_account        each addressee  encounter-report          counter-account
    second_key             the opener      an act on one key         second-key
    update                 the opener      each report, as promised  update, contained,
                                                                     people-status,
                                                                     ended, final-report
    final_report           the opener      hazardous-incident        final-report
    after_activity_report  the opener      end of the window         its report
    amplification          the opener      a coded message           amplification
    readout, note          each party      meeting-held              readout
    reconfirmation         the opener      newest confirmation,      reconfirmation,
                                           a failed test, or the     withdrawal,
                                           window of an area until   all-clear
                                           further notice
    passed_on              each addressee  the message that named    passed-on to all
                           with a list     the window                posts of its list
    completed              the opener      end of the window         completed, or
                                                                     all-clear, or
                                                                     the report after it
    people_access          each addressee  a request for consular    arrival
                                           access
    visit_report           the opener      departure                 visit-report
    undertaking            its side        every agreement to it,    fulfilment
                                           or the last interval
    data_value             its side         every agreement to it     data-values
    deliverable            each owner      an agreed roadmap-item    a tabled draft
    transmittal_answer     each addressee  transmittal               an answer to each
                                                                     recommendation

All deadlines follow from the present state of the exchange. An answering act
acknowledges too. The lapse of an echo is `line-check-missed`. An `explanation_answer`
exists only with a ladder. A meeting on a ladder is due where the ladder says so.

An answer at exactly the limit is in time; an answer after it is late. An answer that
was given by other means before (`passed_by`) counts from the time at which it was
given, and owes no acknowledgement.

A deadline that started before every side had adopted the profile is a courtesy: it is
shown and never lapses. The end of a matter ends its deadlines, except acknowledgements,
and meets none of them. The agreement to a joinder ends what the later report owes as a
report. An act that is entered for the record starts none. A Track-2 or desk channel has
none. The end of the channel ends all. No correction changes the time until which
another side owes an answer.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from dragoman.domain.acts import closing, event_windows, field_checks
from dragoman.domain.acts.access import full_sides
from dragoman.domain.acts.announced_deadlines import AnnouncedDeadlines
from dragoman.domain.acts.deadline_builder import (
    ACTOR,
    LAPSE,
    REMINDERS,
    TICK,
    UNTIMED,
    Deadline,
    DeadlineBuilder,
    instant,
    is_timed,
    profile_of,
    timestamp,
)
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.acts.families import joining
from dragoman.domain.acts.families.exchange import (
    parties_to_answer,
    precedence_of,
    receipts_over,
)
from dragoman_schemas.state import Exchange, Message, Registry, Said, Stamp

__all__: Final = (
    "ACTOR",
    "LAPSE",
    "REMINDERS",
    "TICK",
    "UNTIMED",
    "Deadline",
    "deadline_terms",
    "deadlines_of",
    "failed_tests",
    "instant",
    "is_timed",
    "open_deadlines",
    "past_intervals_of",
    "profile_of",
    "timestamp",
)


def deadlines_of(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar]
) -> list[Deadline]:
    """Return all deadlines of an exchange, met or not.

    A side without a calendar works from Monday to Friday in UTC.
    """
    if registry.kind in UNTIMED or exchange.for_the_record:
        return []
    deadlines = [
        *_Deadlines(registry, exchange, calendars),
        *AnnouncedDeadlines(registry, exchange, calendars),
    ]
    return _owed_by_sides(registry, exchange, deadlines)


def _owed_by_sides(
    registry: Registry, exchange: Exchange, deadlines: Iterable[Deadline]
) -> list[Deadline]:
    """Return the deadlines of sides that owe, ended where the channel has ended."""
    # An observer owes nothing, not even after an opening of its own.
    owed = [clock for clock in deadlines if clock.side not in exchange.observers]
    if registry.ended is None:
        return owed
    return [replace(clock, ended=registry.ended.said) if clock.open else clock for clock in owed]


def past_intervals_of(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar]
) -> list[Deadline]:
    """Return the deadlines of the past intervals of an undertaking that recurs.

    Only one interval runs at a time. The others are no deadlines of the exchange any
    more, and count in reports and statistics.
    """
    if registry.kind in UNTIMED or exchange.for_the_record:
        return []
    past = AnnouncedDeadlines(registry, exchange, calendars).past_intervals()
    return _owed_by_sides(registry, exchange, past)


def open_deadlines(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar]
) -> list[Deadline]:
    """Return the deadlines that bind and are still open.

    The limits for objections to a closure, or to a draft, are among them. They are no
    duties, and nobody owes an objection, so `deadlines_of` has none of them.
    """
    if registry.ended is not None:
        return []
    return [
        *(
            clock
            for clock in deadlines_of(registry, exchange, calendars)
            if clock.binding and clock.open
        ),
        *closing.objection_limits(exchange),
        *closing.silence_limits(exchange),
    ]


def deadline_terms(registry: Registry, offices: Iterable[Exchange | None]) -> object:
    """Return a value that changes whenever the deadlines of any exchange may change.

    It covers everything that `deadlines_of` reads beside the exchange: the rules in
    force, the profiles, the sides that owe, their lists of posts, the calendars of
    their offices, and the end of the channel. `offices` are the standing entries of all
    sides.
    """
    return (
        registry.rules,
        registry.profiles,
        full_sides(registry),
        registry.onward,
        registry.ended,
        [None if office is None else (office.id, office.etag) for office in offices],
    )


# The outcomes of deadlines, computed here for audits, reports, statistics and pages alike


_UPDATING: Final = ("update", "people-status")
"""Acts of the opener that report on an incident, and promise the next report."""


class _Deadlines(DeadlineBuilder):
    """The deadlines of one exchange, derived row by row from the table above."""

    def __iter__(self) -> Iterator[Deadline]:
        exchange = self.exchange
        for message in exchange.messages:
            yield from self._acknowledgements(message)
        yield from self._answers()
        yield from self._reports()
        withdrawn = {
            msgspec.json.decode(item.content["of"]): item.said
            for item in exchange.acts.get("consent-withdrawal", ())
        }
        for sent in exchange.one_key:
            due = instant(sent.sent.time) + timedelta(seconds=self.limits.second_key)
            # A second key stays due after the end of the matter, but not for a consent
            # that was taken back.
            clock = self.deadline(
                "second_key", sent.sent.side, sent.id, sent.sent, due, sent.second, ends=False
            )
            yield clock if clock.met is not None else replace(clock, ended=withdrawn.get(sent.id))

    def _acknowledgements(self, message: Message) -> Iterator[Deadline]:
        if message.for_the_record or message.said.told:
            return
        over = receipts_over(self.exchange) is not None
        precedence = precedence_of(self.exchange, message)
        seconds = self.limits.acknowledgement[precedence]
        for side in message.to:
            if message.act == "line-check":
                echoed = [
                    item.said
                    for item in self.exchange.acts.get("echo", ())
                    if item.said.side == side
                ]
                yield self.after(
                    "echo",
                    side,
                    message.id,
                    message.said,
                    self.limits.echo,
                    echoed[0] if echoed else None,
                )
                continue
            due = instant(message.said.time) + timedelta(seconds=seconds)
            if precedence == "routine":
                due = self.calendars.get(side, DutyCalendar()).after(
                    instant(message.said.time), seconds
                )
            yield self.deadline(
                "acknowledgement",
                side,
                message.id,
                message.said,
                due,
                message.acknowledged.get(side),
                ends=over,
            )

    def _answers(self) -> Iterator[Deadline]:
        exchange, limits = self.exchange, self.limits
        if exchange.meeting is not None:
            yield from self._meeting()
            return
        clock, seconds = "answer", 0
        match exchange.act:
            case "terrorism-warning":
                seconds = limits.warning_imminent if self._imminent() else limits.warning_answer
            case "ict-inquiry":
                seconds = limits.inquiry_answer
            case "item-request":
                seconds = limits.meeting_answer
            case "explanation-request" if limits.ladder is not None:
                clock, seconds = (
                    "explanation_answer",
                    limits.ladder.urgent if self.says("urgent") else limits.ladder.answer,
                )
            case "encounter-report":
                for side in exchange.to:
                    account = exchange.accounts.get(side, (None,))[0]
                    due = self.from_opening(
                        "counter_account",
                        side,
                        limits.counter_account,
                        None if account is None else account.given,
                    )
                    yield self._until_joined(due) if side in joining.openers(exchange) else due
            case "hazardous-incident":
                yield from self._clarified(limits.incident_clarification)
            case "annual-exchange":
                yield from self._clarified(limits.data_answer)
        if seconds:
            for side in exchange.to:
                yield self.from_opening(clock, side, seconds, self.replied(side))

    def _clarified(self, seconds: int) -> Iterator[Deadline]:
        """Yield the deadline of each question that was asked after the opening."""
        for message in self.exchange.messages:
            if message.act == "clarification-request" and not message.for_the_record:
                for side in message.to:
                    yield self.after(
                        "clarification",
                        side,
                        message.id,
                        message.said,
                        seconds,
                        message.answered.get(side),
                    )

    def _imminent(self) -> bool:
        """Return whether the opening told of an imminent threat."""
        window = self.as_sent("window")
        begins = window["from"] if isinstance(window, dict) else ""
        return field_checks.imminent(
            begins, self.exchange.opened.time, flag=self.as_sent("imminent")
        )

    def _meeting(self) -> Iterator[Deadline]:
        exchange, limits, meeting = self.exchange, self.limits, self.exchange.meeting
        assert meeting is not None
        proposals = [
            item
            for act in ("counter-proposal", "postponement")
            for item in exchange.acts.get(act, ())
            if "windows" in item.content
            and item.said.side == meeting.proposed_by
            and not _recorded_later(item)
        ]
        newest = max(proposals, key=lambda value: value.said.position, default=None)
        started_by, begins = (
            (exchange.id, exchange.opened) if newest is None else (newest.id, newest.said)
        )
        for side in sorted(parties_to_answer(exchange)):
            accepted = meeting.accepted.get(side)
            met = meeting.declined.get(side) if accepted is None else accepted.accepted
            if newest is None and met is None:
                met = self.replied(side)
            windows = None if newest is None else msgspec.json.decode(newest.content["windows"])
            yield self._asked(side, started_by, begins, met, windows)
            if exchange.invokes and limits.ladder is not None and limits.ladder.meeting is not None:
                stamp = meeting.held[0].recorded if meeting.held else None
                of = (
                    "meeting_of_all"
                    if bytes(exchange.content.get("kind", b"")) == b'"all_parties"'
                    else "bilateral_meeting"
                )
                yield self.from_opening(of, side, limits.ladder.meeting, stamp)
        held_now = [item for item in meeting.held if not item.for_the_record]
        if held_now:
            last, name = (
                held_now[-1].recorded,
                "note" if exchange.act == "call-request" else "readout",
            )
            begins_at = max(instant(held_now[-1].to), instant(last.time))
            due = begins_at + timedelta(
                seconds=limits.call_note if name == "note" else limits.readout
            )
            for side in (exchange.side, *exchange.to):
                readout = meeting.readouts.get(side, ())
                yield self.deadline(
                    name,
                    side,
                    exchange.id,
                    last,
                    due,
                    readout[0].given if readout else None,
                    begins=begins_at,
                )

    def _asked(
        self, side: str, started_by: str, begins: Stamp, met: Stamp | None, proposed: Any
    ) -> Deadline:
        """Return the deadline of the answer to windows, a call or an invitation.

        It is due before any proposed time that lies ahead.
        """
        exchange, limits = self.exchange, self.limits
        since = instant(begins.time)
        windows: Any = proposed or self.as_sent("windows") or ()
        if exchange.act == "visit-invitation":
            windows = [self.as_sent("dates")] if proposed is None else proposed[:1]
        ahead = [moment for item in windows if (moment := instant(item["from"])) > since]
        match exchange.act:
            case "call-request":
                seconds = (
                    limits.call_answer_flash
                    if exchange.precedence == "flash"
                    else limits.call_answer
                )
            case "visit-invitation" if self.as_sent("kind") != "visit_of_concern":
                lead = timedelta(seconds=limits.visit_answer_lead)
                due = max(instant(windows[0]["from"]) - lead, since)
                return self.deadline("answer", side, started_by, begins, due, met)
            case "visit-invitation":
                seconds = limits.visit_of_concern
            case _ if exchange.invokes:
                seconds = limits.ladder_answer
            case _:
                seconds = limits.meeting_answer
                first = min(instant(item["from"]) for item in windows)
                early = first - timedelta(seconds=limits.meeting_answer_lead)
                if early > since:
                    ahead.append(early)
        due = min((since + timedelta(seconds=seconds), *ahead))
        return self.deadline("answer", side, started_by, begins, due, met)

    def _reports(self) -> Iterator[Deadline]:
        exchange, limits = self.exchange, self.limits
        match exchange.act:
            case "hazardous-incident":
                yield from map(self._until_joined, self._updates(("contained", "final-report")))
                yield self._until_joined(
                    self.from_opening(
                        "final_report", exchange.side, limits.final_report, self.did("final-report")
                    )
                )
            case "emergency-notification":
                yield from map(self._until_joined, self._updates(("ended",)))
            case "military-activity":
                ends = self.moment("window", "to")
                if ends is not None:
                    due, met = (
                        ends + timedelta(seconds=limits.after_activity),
                        self.did("after-activity-report"),
                    )
                    yield self.deadline(
                        "after_activity_report",
                        exchange.side,
                        exchange.id,
                        exchange.opened,
                        due,
                        met,
                        begins=ends,
                    )
            case "immediate-notification":
                yield self.from_opening(
                    "amplification", exchange.side, limits.amplification, self.did("amplification")
                )
            case "point-of-contact":
                yield self._reconfirmed(limits.contact_reconfirmed)
            case "humanitarian-notification" if bytes(exchange.content["kind"]) == b'"site"':
                yield self._reconfirmed(limits.site_reconfirmed)
            case "danger-area" if event_windows.is_until_further_notice(exchange):
                yield self._reconfirmed(limits.area_reconfirmed)

    def _until_joined(self, clock: Deadline) -> Deadline:
        """Return a deadline that ends once the report is joined to an earlier one."""
        agreed = joining.joined_at(self.exchange)
        if agreed is None or (clock.met is not None and clock.met.position < agreed.position):
            return clock
        return replace(clock, met=None, ended=agreed)

    def _updates(self, ends: tuple[str, ...]) -> Iterator[Deadline]:
        """Yield the deadline of the update that each report promises.

        It is due at the time that the report names, but not later than the profile's
        limit for a later report. If the report names no time, the limits of the profile
        apply. By default they are two hours after the first report and six hours after
        a later one.
        """
        exchange = self.exchange
        reports = [(exchange.id, exchange.opened, exchange.content)]
        reports += sorted(
            (
                (item.id, item.said, item.content)
                for act in _UPDATING
                for item in exchange.acts.get(act, ())
                if item.said.side == exchange.side and not _recorded_later(item)
            ),
            key=lambda report: report[1].position,
        )
        last = self.did(*ends)
        end = joining.joined_at(exchange) or last or self.over()
        for index, (id, stamp, content) in enumerate(reports):
            if end is not None and end.position < stamp.position:
                return
            seconds = self.limits.update if index else self.limits.first_update
            due = instant(stamp.time) + timedelta(seconds=seconds)
            if (
                "next_update" in content
                and (next_update := msgspec.json.decode(content["next_update"]))
                != field_checks.UNKNOWN
            ):
                promised = instant(next_update)
                due = min(
                    max(promised, instant(stamp.time)),
                    instant(stamp.time) + timedelta(seconds=self.limits.update),
                )
            next_report = reports[index + 1][1] if index + 1 < len(reports) else None
            met = min(
                (item for item in (next_report, last) if item is not None),
                key=lambda stamp: stamp.position,
                default=None,
            )
            yield self.deadline("update", exchange.side, id, stamp, due, met)

    def _reconfirmed(self, seconds: int) -> Deadline:
        """Return the deadline of the next confirmation.

        It runs from the newest confirmation, or from a later test that reached nobody,
        or from the message that named the window of an area last.
        """
        exchange = self.exchange
        newest = [
            item for item in exchange.acts.get("reconfirmation", ()) if not _recorded_later(item)
        ][-1:]
        started_by, begins = (
            (newest[0].id, newest[0].said) if newest else (exchange.id, exchange.opened)
        )
        if exchange.act == "danger-area":
            message = event_windows.naming_message(exchange)
            if message.said.position > begins.position:
                started_by, begins = message.id, message.said
        missed = next(
            (
                failed_test
                for failed_test in failed_tests(exchange)
                if failed_test.said.position > begins.position
            ),
            None,
        )
        if missed is not None:
            started_by, begins, seconds = (
                missed.id,
                missed.said,
                min(seconds, self.limits.contact_retested),
            )
        return self.after(
            "reconfirmation",
            exchange.side,
            started_by,
            begins,
            seconds,
            self.did("withdrawal", "all-clear", "completed"),
        )


def _recorded_later(act: Said) -> bool:
    """Return whether an act was entered for the record.

    Such an act starts no deadline.
    """
    return bytes(act.content.get("for_the_record", b"")) == b"true"


def failed_tests(exchange: Exchange) -> list[Said]:
    """Return the tests of a point of contact in which nobody was reached."""
    if exchange.act != "point-of-contact":
        return []
    return [
        attempt
        for attempt in exchange.acts.get("call-attempt", ())
        if bytes(attempt.content["outcome"]) != b'"reached"'
    ]
