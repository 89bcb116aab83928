"""Clocks: what each side owes, until when, and whether it was done. All of it follows from the exchange as it stands.

    clock                    who owes it           from                         met by
    acknowledgement          each addressee        each message                 acknowledgement, or any answering act
    echo                     each addressee        a line check                 echo; its lapse is `line-check-missed`
    answer                   who is asked          request, invitation, inquiry, warning, or newer windows     an answer
    explanation_answer       each addressee        explanation-request          final reply            with a ladder alone
    bilateral_meeting, meeting_of_all   who is asked   a meeting on the ladder  meeting-held           where the ladder says
    clarification            who is asked          a question about an incident or yearly data         final reply
    counter_account          each addressee        encounter-report             counter-account
    second_key               the opener            what went on one key         second-key
    update                   the opener            each report, as promised     update, contained, ended, final-report
    final_report             the opener            hazardous-incident           final-report
    after_activity_report    the opener            the end of the window        after-activity-report
    amplification            the opener            a coded message              amplification
    readout, note            each party            meeting-held                 readout
    reconfirmation           the opener            the newest confirmation, or a test that failed      reconfirmation, withdrawal

At exactly the limit is in time; after it is late. What was said otherwise before
(`passed_by`) counts as done when it was said, and owes no acknowledgement. A clock that
started before every side had adopted the profile is courtesy: it is shown and never
lapses. The end of a matter ends its clocks, but for acknowledgements, and meets none of
them. What is entered for the record starts none, and a Track-2 or desk channel has
none. No correction changes until when another side owes an answer.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.acts import developments, field_checks
from dragoman.domain.acts.families.exchange import ENDED, asked, precedence_of, receipts_over
from dragoman_schemas.fields import Hours
from dragoman_schemas.profiles import PROFILES, Profile
from dragoman_schemas.state import Exchange, Message, Registry, Said, Stamp

REMINDERS: Final = (50, 90)
LAPSE: Final = 100
ACTOR: Final = "service/watch"
UNTIMED: Final = frozenset({"track2", "desk"})
WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class DutyCalendar(Struct, frozen=True, kw_only=True):
    """The days on which a side's office works."""

    days: frozenset[str] = frozenset(WEEK[:5])
    zone: str = "UTC"
    holidays: frozenset[str] = frozenset()

    def works(self, day: date) -> bool:
        """Return whether that is a duty day."""
        return WEEK[day.weekday()] in self.days and day.isoformat() not in self.holidays

    def after(self, start: datetime, seconds: int) -> datetime:
        """Return the instant when so much time of duty days has gone by, counted from midnight to midnight of the office's zone."""
        zone, span, at = ZoneInfo(self.zone), timedelta(seconds=seconds), start
        for _ in range(_DAYS):
            local = at.astimezone(zone)
            midnight = datetime.combine(
                local.date() + timedelta(days=1), datetime.min.time(), zone
            ).astimezone(UTC)
            if self.works(local.date()):
                if at + span <= midnight:
                    return at + span
                span -= midnight - at
            at = midnight
        return at


_DAYS: Final = 366
"""An office that never works would never owe anything: after a year the clock is due."""


class Deadline(Struct, frozen=True, kw_only=True):
    """One clock of an exchange: who owes what since which record, until when, and whether it binds.

    `met` by what was owed; `ended`, where it was not, with the matter: then it is owed
    no more.
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
        """Return whether it is still owed."""
        return self.met is None and self.ended is None

    def late(self, now: datetime) -> bool:
        """Return whether the limit passed before it was met, or the matter ended."""
        stopped = self.met or self.ended
        return (now if stopped is None else instant(stopped.when)) > self.due

    def at(self, step: int) -> datetime:
        """Return when a step is due: so many hundredths of the time have gone."""
        return self.begins + (self.due - self.begins) * step / 100


def calendar_of(office: Exchange | None) -> DutyCalendar:
    """Return a side's calendar by its office's entry; Monday to Friday in UTC without one."""
    if office is None:
        return DutyCalendar()
    hours = office.content.get("hours")
    holidays = (
        frozenset(msgspec.json.decode(office.content["holidays"]))
        if "holidays" in office.content
        else frozenset()
    )
    if hours is None:
        return DutyCalendar(holidays=holidays)
    if bytes(hours) == b'"24x7"':
        return DutyCalendar(days=frozenset(WEEK))
    read = msgspec.json.decode(hours, type=Hours)
    return DutyCalendar(days=frozenset(read.days), zone=read.zone, holidays=holidays)


def profile_of(registry: Registry) -> tuple[Profile, int | None]:
    """Return the profile whose limits are shown, and the position from which they bind; None while they are courtesy."""
    adopted = [registry.profiles.get(side.name) for side in registry.sides]
    names = {item.profile for item in adopted if item is not None}
    if None in adopted or len(names) != 1:
        return PROFILES["default"], None
    return PROFILES[names.pop()], max(item.adopted.position for item in adopted if item is not None)


def running(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar]
) -> list[Deadline]:
    """Return all clocks of an exchange, met or not. A side without a calendar works from Monday to Friday in UTC."""
    if registry.kind in UNTIMED or exchange.for_the_record:
        return []
    return list(_Clocks(registry, exchange, calendars))


def open_clocks(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar]
) -> list[Deadline]:
    """Return those that bind and are still owed."""
    return [
        clock for clock in running(registry, exchange, calendars) if clock.binding and clock.open
    ]


# What became of a limit: the one count of what was owed, for audits, reports, statistics and pages alike

Outcome = Literal["open", "overdue", "in_time", "late", "unmet", "ended"]
"""What became of a limit: it runs; it passed, and what was owed is still owed; that came
in time, or late; the limit passed, and the matter ended without it; the matter ended
before the limit, and nothing is owed any more.
"""

OWED: Final[frozenset[Outcome]] = frozenset({"open", "overdue"})
"""Something is still owed."""

PASSED: Final[frozenset[Outcome]] = frozenset({"overdue", "late", "unmet"})
"""The limit passed before what was owed had come."""

TICK: Final = timedelta(milliseconds=1)
"""What is between one time of a record and the next: a moment of which no record is any
more is one after the last.
"""


def outcome(exchange: Exchange, clock: Deadline, now: datetime) -> Outcome:
    """Return what became of a limit of an exchange, as of a moment that a record may have."""
    late = clock.late(now)
    if clock.met is not None:
        return "late" if late else "in_time"
    if clock.ended is not None:
        return "unmet" if late else "ended"
    if exchange.status == "missed":  # a line check, which is over
        return "unmet" if late else "ended"
    return "overdue" if late else "open"


def is_owed(exchange: Exchange, clock: Deadline) -> bool:
    """Return whether what a limit is of is still owed, late or not."""
    return outcome(exchange, clock, clock.due) in OWED


def outcomes(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar], now: datetime
) -> Iterator[tuple[Deadline, Outcome]]:
    """Return every limit of an exchange with what became of it."""
    return (
        (clock, outcome(exchange, clock, now)) for clock in running(registry, exchange, calendars)
    )


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def written(moment: datetime) -> str:
    """Return an instant as the watch writes it, to the millisecond in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


class _Clocks:
    """The table above, walked for one exchange."""

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
            # a second officer is asked for after the end of the matter as well, but not for a consent that was taken back
            clock = self._clock(
                "second_key", sent.sent.side, sent.id, sent.sent, due, sent.second, ends=False
            )
            yield clock if clock.met is not None else replace(clock, ended=withdrawn.get(sent.id))

    def _clock(
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
        """Return a clock that a record started, then or when it `begins`; it `ends` with the matter."""
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
        return self._clock(
            clock, side, started_by, by, instant(by.time) + timedelta(seconds=seconds), met
        )

    def _from_opening(self, clock: str, side: str, seconds: int, met: Stamp | None) -> Deadline:
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
            yield self._clock(
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
        """Yield the answer to each question that was asked since."""
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
        """Return a side's first answer to the opening: an interim reply stops no clock, nor does a reply that is not final."""
        return self._exchange.messages[0].answered.get(side)

    def _over(self) -> Stamp | None:
        """Return the end of the matter, after which nothing is owed but receipts, and those not of what was answered before its opener closed it."""
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
        return self._as_sent(field) is True

    def _moment(self, field: str, end: str) -> datetime | None:
        """Return one end of a window as it stands."""
        value = self._exchange.content.get(field)
        return None if value is None else instant(msgspec.json.decode(value)[end])

    def _imminent(self) -> bool:
        window = self._as_sent("window")
        begins = window["from"] if isinstance(window, dict) else ""
        return field_checks.imminent(
            begins, self._exchange.opened.time, flag=self._as_sent("imminent")
        )

    def _as_sent(self, field: str) -> Any:
        """Return a field as it was before any change: nobody else owes an answer sooner for one."""
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
        for side in sorted(asked(exchange)):
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
                yield self._clock(
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
        """Return the answer to windows, a call or an invitation."""
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
                    return self._clock("answer", side, started_by, begins, due, met)
                seconds = limits.visit_of_concern
            case _ if exchange.invokes:
                seconds = limits.ladder_answer
            case _:
                windows = self._as_sent("windows") if proposed is None else proposed
                ahead = min(instant(window["from"]) for window in windows) - timedelta(
                    seconds=limits.meeting_answer_lead
                )
                due = since + timedelta(seconds=limits.meeting_answer)
                return self._clock(
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
                    yield self._clock(
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
        """Return the first of some acts."""
        done = [item.said for act in acts for item in self._exchange.acts.get(act, ())]
        return min(done, key=lambda stamp: stamp.position, default=None)

    def _updates(self, ends: tuple[str, ...]) -> Iterator[Deadline]:
        """Yield each report promises the next one: when it says, else within two hours at first and six later."""
        exchange = self._exchange
        rows = [(exchange.id, exchange.opened, exchange.content)]
        rows += [
            (item.id, item.said, item.content)
            for item in exchange.acts.get("update", ())
            if not _recorded_later(item)
        ]
        last = self._did(*ends)
        over = last or self._over()
        for index, (id, stamp, content) in enumerate(rows):
            if over is not None and over.position < stamp.position:
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
            following = rows[index + 1][1] if index + 1 < len(rows) else None
            met = min(
                (item for item in (following, last) if item is not None),
                key=lambda stamp: stamp.position,
                default=None,
            )
            yield self._clock("update", exchange.side, id, stamp, due, met)

    def _reconfirmed(self, seconds: int) -> Deadline:
        """Return the next confirmation after the newest, or after a test since that reached nobody."""
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


def _recorded_later(said: Said) -> bool:
    """Return whether an act was entered for the record, and starts nothing."""
    return bytes(said.content.get("for_the_record", b"")) == b"true"


def failed_tests(exchange: Exchange) -> list[Said]:
    """Return the tests of a point of contact in which nobody was reached."""
    if exchange.act != "point-of-contact":
        return []
    return [
        item
        for item in exchange.acts.get("call-attempt", ())
        if bytes(item.content["outcome"]) != b'"reached"'
    ]


# What the watch records
