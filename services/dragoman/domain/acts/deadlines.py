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
                                                                     ended, final-report
    final_report           the opener      hazardous-incident        final-report
    after_activity_report  the opener      end of the window         its report
    amplification          the opener      a coded message           amplification
    readout, note          each party      meeting-held              readout
    reconfirmation         the opener      newest confirmation,      reconfirmation,
                                           or a failed test          withdrawal

All deadlines follow from the present state of the exchange. An answering act
acknowledges too. The lapse of an echo is `line-check-missed`. An `explanation_answer`
exists only with a ladder. A meeting on a ladder is due where the ladder says so.

An answer at exactly the limit is in time; an answer after it is late. An answer that
was given by other means before (`passed_by`) counts from the time at which it was
given, and owes no acknowledgement.

A deadline that started before every side had adopted the profile is a courtesy: it is
shown and never lapses. The end of a matter ends its deadlines, except acknowledgements,
and meets none of them. An act that is entered for the record starts none. A Track-2 or
desk channel has none. No correction changes the time until which another side owes an
answer.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.acts import developments, field_checks
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.acts.families.exchange import (
    ENDED,
    parties_to_answer,
    precedence_of,
    receipts_over,
)
from dragoman_schemas.profiles import PROFILES, Profile
from dragoman_schemas.state import Exchange, Message, Registry, Said, Stamp

REMINDERS: Final = (50, 90)
LAPSE: Final = 100
ACTOR: Final = "service/watch"
UNTIMED: Final = frozenset({"track2", "desk"})


class Deadline(Struct, frozen=True, kw_only=True):
    """One deadline of an exchange: its side, its limit, and whether it binds.

    `clock` is its name on the wire. `started_by` is the record from which it runs.
    `met` is the stamp of the act that was owed. `ended` is the end of the matter, if
    that came first: then nothing is owed any more.
    """

    clock: str
    side: str
    started_by: str
    begins: datetime
    due: datetime
    met: Stamp | None
    ended: Stamp | None = None
    binding: bool

    @property
    def open(self) -> bool:
        """Return whether the answer is still owed."""
        return self.met is None and self.ended is None

    def late(self, now: datetime) -> bool:
        """Return whether the limit passed before the deadline was met or ended."""
        stopped = self.met or self.ended
        return (now if stopped is None else instant(stopped.when)) > self.due

    def at(self, step: int) -> datetime:
        """Return the time at which a step is due.

        The step is a percentage of the time between beginning and limit.
        """
        return self.begins + (self.due - self.begins) * step / 100


def profile_of(registry: Registry) -> tuple[Profile, int | None]:
    """Return the profile whose limits are shown, and the position from which they bind.

    The position is None as long as the limits are a courtesy.
    """
    adoptions = [registry.profiles.get(side.name) for side in registry.sides]
    names = {adoption.profile for adoption in adoptions if adoption is not None}
    if None in adoptions or len(names) != 1:
        return PROFILES["default"], None
    return PROFILES[names.pop()], max(
        adoption.adopted.position for adoption in adoptions if adoption is not None
    )


def deadlines_of(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar]
) -> list[Deadline]:
    """Return all deadlines of an exchange, met or not.

    A side without a calendar works from Monday to Friday in UTC.
    """
    if registry.kind in UNTIMED or exchange.for_the_record:
        return []
    return list(_Deadlines(registry, exchange, calendars))


def open_deadlines(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar]
) -> list[Deadline]:
    """Return the deadlines that bind and are still open."""
    return [
        clock
        for clock in deadlines_of(registry, exchange, calendars)
        if clock.binding and clock.open
    ]


# The outcomes of deadlines, computed here for audits, reports, statistics and pages alike


TICK: Final = timedelta(milliseconds=1)
"""The step between one time of a record and the next.

One step after the last record is a time that no record has.
"""


def instant(text: str) -> datetime:
    """Return the UTC instant of a timestamp."""
    return datetime.fromisoformat(text).astimezone(UTC)


def timestamp(moment: datetime) -> str:
    """Return an instant as the scheduler writes it, to the millisecond in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


class _Deadlines:
    """The deadlines of one exchange, derived row by row from the table above."""

    def __init__(
        self, registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar]
    ) -> None:
        self._exchange = exchange
        self._calendars = calendars
        self._limits, self._since = profile_of(registry)

    def __iter__(self) -> Iterator[Deadline]:
        exchange = self._exchange
        for message in exchange.messages:
            yield from self._acknowledgements(message)
        yield from self._answers()
        yield from self._reports()
        withdrawn = {
            msgspec.json.decode(item.content["of"]): item.said
            for item in exchange.acts.get("consent-withdrawal", ())
        }
        for sent in exchange.one_key:
            due = instant(sent.sent.time) + timedelta(seconds=self._limits.second_key)
            # A second key stays due after the end of the matter, but not for a consent
            # that was taken back.
            clock = self._deadline(
                "second_key", sent.sent.side, sent.id, sent.sent, due, sent.second, ends=False
            )
            yield clock if clock.met is not None else replace(clock, ended=withdrawn.get(sent.id))

    def _deadline(
        self,
        clock: str,
        side: str,
        started_by: str,
        by: Stamp,
        due: datetime,
        met: Stamp | None,
        *,
        begins: datetime | None = None,
        ends: bool = True,
    ) -> Deadline:
        """Return a deadline that a record started.

        It runs from the time of the record, or from `begins`. It ends with the matter
        if `ends` is true.
        """
        binding = self._since is not None and by.position > self._since
        begins = instant(by.time) if begins is None else begins
        ended = self._over() if ends and met is None else None
        return Deadline(
            clock=clock,
            side=side,
            started_by=started_by,
            begins=begins,
            due=due,
            met=met,
            ended=ended,
            binding=binding,
        )

    def _after(
        self, clock: str, side: str, started_by: str, by: Stamp, seconds: int, met: Stamp | None
    ) -> Deadline:
        """Return a deadline that is due some seconds after the record of its start."""
        return self._deadline(
            clock, side, started_by, by, instant(by.time) + timedelta(seconds=seconds), met
        )

    def _from_opening(self, clock: str, side: str, seconds: int, met: Stamp | None) -> Deadline:
        """Return a deadline that is due some seconds after the opening."""
        return self._after(clock, side, self._exchange.id, self._exchange.opened, seconds, met)

    def _acknowledgements(self, message: Message) -> Iterator[Deadline]:
        if message.for_the_record or message.said.told:
            return
        over = receipts_over(self._exchange) is not None
        precedence = precedence_of(self._exchange, message)
        seconds = self._limits.acknowledgement[precedence]
        for side in message.to:
            if message.act == "line-check":
                echoed = [
                    item.said
                    for item in self._exchange.acts.get("echo", ())
                    if item.said.side == side
                ]
                yield self._after(
                    "echo",
                    side,
                    message.id,
                    message.said,
                    self._limits.echo,
                    echoed[0] if echoed else None,
                )
                continue
            due = instant(message.said.time) + timedelta(seconds=seconds)
            if precedence == "routine":
                due = self._calendars.get(side, DutyCalendar()).after(
                    instant(message.said.time), seconds
                )
            yield self._deadline(
                "acknowledgement",
                side,
                message.id,
                message.said,
                due,
                message.acknowledged.get(side),
                ends=over,
            )

    def _answers(self) -> Iterator[Deadline]:
        exchange, limits = self._exchange, self._limits
        if exchange.meeting is not None:
            yield from self._meeting()
            return
        clock, seconds = "answer", 0
        match exchange.act:
            case "terrorism-warning":
                seconds = limits.warning_imminent if self._imminent() else limits.warning_answer
            case "ict-inquiry":
                seconds = limits.inquiry_answer
            case "explanation-request" if limits.ladder is not None:
                clock, seconds = (
                    "explanation_answer",
                    limits.ladder.urgent if self._says("urgent") else limits.ladder.answer,
                )
            case "encounter-report":
                for side in exchange.to:
                    account = exchange.accounts.get(side, (None,))[0]
                    yield self._from_opening(
                        "counter_account",
                        side,
                        limits.counter_account,
                        None if account is None else account.given,
                    )
            case "hazardous-incident":
                yield from self._clarified(limits.incident_clarification)
            case "annual-exchange":
                yield from self._clarified(limits.data_answer)
        if seconds:
            for side in exchange.to:
                yield self._from_opening(clock, side, seconds, self._replied(side))

    def _clarified(self, seconds: int) -> Iterator[Deadline]:
        """Yield the deadline of each question that was asked after the opening."""
        for message in self._exchange.messages:
            if message.act == "clarification-request" and not message.for_the_record:
                for side in message.to:
                    yield self._after(
                        "clarification",
                        side,
                        message.id,
                        message.said,
                        seconds,
                        message.answered.get(side),
                    )

    def _replied(self, side: str) -> Stamp | None:
        """Return a side's first answer to the opening.

        An interim reply does not meet a deadline, nor does any reply that is not final.
        """
        return self._exchange.messages[0].answered.get(side)

    def _over(self) -> Stamp | None:
        """Return the end of the matter, after which only acknowledgements are owed.

        No acknowledgement is owed of a message that was answered before its opener
        closed the matter.
        """
        exchange = self._exchange
        if exchange.cancellation is not None:
            return exchange.cancellation.cancelled
        if exchange.status not in ENDED:
            return None
        declined = () if exchange.meeting is None else exchange.meeting.declined.values()
        return max(
            (*exchange.closures.values(), *declined), key=lambda stamp: stamp.position, default=None
        )

    def _says(self, field: str) -> bool:
        """Return whether a field was true in the opening as it was sent."""
        return self._as_sent(field) is True

    def _moment(self, field: str, end: str) -> datetime | None:
        """Return one end of a window in its present state."""
        value = self._exchange.content.get(field)
        return None if value is None else instant(msgspec.json.decode(value)[end])

    def _imminent(self) -> bool:
        """Return whether the opening told of an imminent threat."""
        window = self._as_sent("window")
        begins = window["from"] if isinstance(window, dict) else ""
        return field_checks.imminent(
            begins, self._exchange.opened.time, flag=self._as_sent("imminent")
        )

    def _as_sent(self, field: str) -> Any:
        """Return a field as it was before any change.

        A change must not make another side owe an answer sooner.
        """
        value = developments.as_sent(self._exchange, field)
        return None if value is None else msgspec.json.decode(value)

    def _meeting(self) -> Iterator[Deadline]:
        exchange, limits, meeting = self._exchange, self._limits, self._exchange.meeting
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
                met = self._replied(side)
            windows = None if newest is None else msgspec.json.decode(newest.content["windows"])
            yield self._asked(side, started_by, begins, met, windows)
            if exchange.invokes and limits.ladder is not None and limits.ladder.meeting is not None:
                stamp = meeting.held[0].recorded if meeting.held else None
                of = (
                    "meeting_of_all"
                    if bytes(exchange.content.get("kind", b"")) == b'"all_parties"'
                    else "bilateral_meeting"
                )
                yield self._from_opening(of, side, limits.ladder.meeting, stamp)
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
                yield self._deadline(
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
        """Return the deadline of the answer to windows, a call or an invitation."""
        exchange, limits = self._exchange, self._limits
        since = instant(begins.time)
        match exchange.act:
            case "call-request":
                seconds = (
                    limits.call_answer_flash
                    if exchange.precedence == "flash"
                    else limits.call_answer
                )
            case "visit-invitation":
                dates = self._as_sent("dates") if proposed is None else proposed[0]
                if self._as_sent("kind") != "visit_of_concern":
                    due = max(
                        instant(dates["from"]) - timedelta(seconds=limits.visit_answer_lead), since
                    )
                    return self._deadline("answer", side, started_by, begins, due, met)
                seconds = limits.visit_of_concern
            case _ if exchange.invokes:
                seconds = limits.ladder_answer
            case _:
                windows = self._as_sent("windows") if proposed is None else proposed
                ahead = min(instant(window["from"]) for window in windows) - timedelta(
                    seconds=limits.meeting_answer_lead
                )
                due = since + timedelta(seconds=limits.meeting_answer)
                return self._deadline(
                    "answer",
                    side,
                    started_by,
                    begins,
                    min(due, ahead) if ahead > since else due,
                    met,
                )
        return self._after("answer", side, started_by, begins, seconds, met)

    def _reports(self) -> Iterator[Deadline]:
        exchange, limits = self._exchange, self._limits
        match exchange.act:
            case "hazardous-incident":
                yield from self._updates(("contained", "final-report"))
                yield self._from_opening(
                    "final_report", exchange.side, limits.final_report, self._did("final-report")
                )
            case "emergency-notification":
                yield from self._updates(("ended",))
            case "military-activity":
                ends = self._moment("window", "to")
                if ends is not None:
                    due, met = (
                        ends + timedelta(seconds=limits.after_activity),
                        self._did("after-activity-report"),
                    )
                    yield self._deadline(
                        "after_activity_report",
                        exchange.side,
                        exchange.id,
                        exchange.opened,
                        due,
                        met,
                        begins=ends,
                    )
            case "immediate-notification":
                yield self._from_opening(
                    "amplification", exchange.side, limits.amplification, self._did("amplification")
                )
            case "point-of-contact":
                yield self._reconfirmed(limits.contact_reconfirmed)
            case "humanitarian-notification" if bytes(exchange.content["kind"]) == b'"site"':
                yield self._reconfirmed(limits.site_reconfirmed)

    def _did(self, *acts: str) -> Stamp | None:
        """Return the stamp of the first of some acts."""
        done = [item.said for act in acts for item in self._exchange.acts.get(act, ())]
        return min(done, key=lambda stamp: stamp.position, default=None)

    def _updates(self, ends: tuple[str, ...]) -> Iterator[Deadline]:
        """Yield the deadline of the update that each report promises.

        It is due at the time that the report names, but not later than the profile's
        limit for a later report. If the report names no time, the limits of the profile
        apply. By default they are two hours after the first report and six hours after
        a later one.
        """
        exchange = self._exchange
        reports = [(exchange.id, exchange.opened, exchange.content)]
        reports += [
            (item.id, item.said, item.content)
            for item in exchange.acts.get("update", ())
            if not _recorded_later(item)
        ]
        last = self._did(*ends)
        end = last or self._over()
        for index, (id, stamp, content) in enumerate(reports):
            if end is not None and end.position < stamp.position:
                return
            seconds = self._limits.update if index else self._limits.first_update
            due = instant(stamp.time) + timedelta(seconds=seconds)
            if (
                "next_update" in content
                and (next_update := msgspec.json.decode(content["next_update"]))
                != field_checks.UNKNOWN
            ):
                promised = instant(next_update)
                due = min(
                    max(promised, instant(stamp.time)),
                    instant(stamp.time) + timedelta(seconds=self._limits.update),
                )
            next_report = reports[index + 1][1] if index + 1 < len(reports) else None
            met = min(
                (item for item in (next_report, last) if item is not None),
                key=lambda stamp: stamp.position,
                default=None,
            )
            yield self._deadline("update", exchange.side, id, stamp, due, met)

    def _reconfirmed(self, seconds: int) -> Deadline:
        """Return the deadline of the next confirmation.

        It runs from the newest confirmation, or from a later test that reached nobody.
        """
        exchange = self._exchange
        newest = [
            item for item in exchange.acts.get("reconfirmation", ()) if not _recorded_later(item)
        ][-1:]
        started_by, begins = (
            (newest[0].id, newest[0].said) if newest else (exchange.id, exchange.opened)
        )
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
                min(seconds, self._limits.contact_retested),
            )
        return self._after(
            "reconfirmation", exchange.side, started_by, begins, seconds, self._did("withdrawal")
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
