"""Clocks: what each side owes, until when, and whether it was done. All of it follows from the exchange as it stands.

    clock                    who owes it           from                         met by
    acknowledgement          each addressee        each message                 acknowledgement, or any answering act
    echo                     each addressee        a line check                 echo; its lapse is `line-check-missed`
    answer                   who is asked          request, invitation, inquiry, warning, or newer windows     an answer
    explanation_answer       each addressee        explanation-request          reply                  with a ladder alone
    bilateral_meeting, meeting_of_all   who is asked   a meeting on the ladder  meeting-held           with a ladder alone
    counter_account          each addressee        encounter-report             counter-account
    second_key               the opener            what went on one key         second-key
    update                   the opener            each report, as promised     update, contained, ended, final-report
    final_report             the opener            hazardous-incident           final-report
    after_activity_report    the opener            the end of the window        after-activity-report
    amplification            the opener            a coded message              amplification
    readout, note            each party            meeting-held                 readout
    reconfirmation           the opener            the newest confirmation      reconfirmation, withdrawal

At exactly the limit is in time; after it is late. A clock that started before every side had adopted the profile is courtesy:
it is shown and never lapses. What was said otherwise before (`passed_by`) or is entered for the record starts none, and a
Track-2 or desk channel has none.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from dragoman.domain import ids
from dragoman.domain.exchange import ENDED, asked
from dragoman.domain.record import Record
from dragoman.domain.refusal import Refusal
from dragoman.domain.rule import Rule, Who
from dragoman_schemas.acts import watch
from dragoman_schemas.fields import Hours
from dragoman_schemas.profiles import PROFILES, Profile
from dragoman_schemas.state import Exchange, Message, Registry, Stamp

REMINDERS: Final = (50, 90)
LAPSE: Final = 100
_STEPS: Final = ("reminder", "lapse", "line-check-missed")
ACTOR: Final = "service/watch"
UNTIMED: Final = frozenset({"track2", "desk"})
WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Calendar(Struct, frozen=True, kw_only=True):
    """The days on which a side's office works."""

    days: frozenset[str] = frozenset(WEEK[:5])
    zone: str = "UTC"
    holidays: frozenset[str] = frozenset()

    def works(self, day: date) -> bool:
        """Whether that is a duty day."""
        return WEEK[day.weekday()] in self.days and day.isoformat() not in self.holidays

    def after(self, start: datetime, seconds: int) -> datetime:
        """The instant when so much time of duty days has gone by, counted from midnight to midnight of the office's zone."""
        zone, left, at = ZoneInfo(self.zone), timedelta(seconds=seconds), start
        for _ in range(_DAYS):
            local = at.astimezone(zone)
            midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), zone).astimezone(UTC)
            if self.works(local.date()):
                if at + left <= midnight:
                    return at + left
                left -= midnight - at
            at = midnight
        return at


_DAYS: Final = 366
"""An office that never works would never owe anything: after a year the clock is due."""


class Running(Struct, frozen=True, kw_only=True):
    """One clock of an exchange: who owes what since which record, until when, when it was met, and whether it binds."""

    clock: str
    side: str
    started_by: str
    begins: datetime
    due: datetime
    met: Stamp | None
    binding: bool

    def late(self, now: datetime) -> bool:
        """Whether it was met after the limit, or has not been and the limit is over."""
        return (now if self.met is None else _instant(self.met.time)) > self.due

    def at(self, step: int) -> datetime:
        """When a step is due: so many hundredths of the time have gone."""
        return self.begins + (self.due - self.begins) * step / 100


def calendar_of(office: Exchange | None) -> Calendar:
    """A side's calendar by its office's entry; Monday to Friday in UTC without one."""
    if office is None:
        return Calendar()
    hours = office.content.get("hours")
    holidays = frozenset(msgspec.json.decode(office.content["holidays"])) if "holidays" in office.content else frozenset()
    if hours is None:
        return Calendar(holidays=holidays)
    if bytes(hours) == b'"24x7"':
        return Calendar(days=frozenset(WEEK))
    read = msgspec.json.decode(hours, type=Hours)
    return Calendar(days=frozenset(read.days), zone=read.zone, holidays=holidays)


def profile_of(registry: Registry) -> tuple[Profile, int | None]:
    """The profile whose limits are shown, and the position from which they bind; None while they are courtesy."""
    adopted = [registry.profiles.get(side.name) for side in registry.sides]
    names = {each.profile for each in adopted if each is not None}
    if None in adopted or len(names) != 1:
        return PROFILES["default"], None
    return PROFILES[names.pop()], max(each.adopted.position for each in adopted if each is not None)


def running(registry: Registry, exchange: Exchange, calendars: dict[str, Calendar]) -> list[Running]:
    """All clocks of an exchange, met or not. A side without a calendar works from Monday to Friday in UTC."""
    if registry.kind in UNTIMED or exchange.for_the_record:
        return []
    return list(_Clocks(registry, exchange, calendars))


def open_clocks(registry: Registry, exchange: Exchange, calendars: dict[str, Calendar]) -> list[Running]:
    """Those that bind and were not met."""
    return [clock for clock in running(registry, exchange, calendars) if clock.binding and clock.met is None]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def written(moment: datetime) -> str:
    """An instant as the watch writes it, to the millisecond in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


class _Clocks:
    """The table above, walked for one exchange."""

    def __init__(self, registry: Registry, exchange: Exchange, calendars: dict[str, Calendar]) -> None:
        self._exchange = exchange
        self._calendars = calendars
        self._limits, self._since = profile_of(registry)

    def __iter__(self) -> Iterator[Running]:
        exchange = self._exchange
        for message in exchange.messages:
            yield from self._acknowledgements(message)
        if exchange.messages[0].passed:
            return
        yield from self._answers()
        yield from self._reports()
        if exchange.one_key:
            yield self._from_opening("second_key", exchange.side, self._limits.second_key, exchange.second_key)

    def _clock(self, clock: str, side: str, started_by: str, begins: Stamp, due: datetime, met: Stamp | None) -> Running:
        binding = self._since is not None and begins.position > self._since
        return Running(clock=clock, side=side, started_by=started_by, begins=_instant(begins.time), due=due, met=met, binding=binding)

    def _after(self, clock: str, side: str, started_by: str, begins: Stamp, seconds: int, met: Stamp | None) -> Running:
        return self._clock(clock, side, started_by, begins, _instant(begins.time) + timedelta(seconds=seconds), met)

    def _from_opening(self, clock: str, side: str, seconds: int, met: Stamp | None) -> Running:
        return self._after(clock, side, self._exchange.id, self._exchange.opened, seconds, met)

    def _acknowledgements(self, message: Message) -> Iterator[Running]:
        if message.for_the_record or message.passed:
            return
        precedence = self._exchange.precedence
        seconds = self._limits.acknowledgement[precedence]
        for side in message.to:
            if message.act == "line-check":
                echoed = [said.said for said in self._exchange.acts.get("echo", ()) if said.said.by.startswith(f"{side}/")]
                yield self._after("echo", side, message.id, message.said, self._limits.echo, echoed[0] if echoed else self._over())
                continue
            due = _instant(message.said.time) + timedelta(seconds=seconds)
            if precedence == "routine":
                due = self._calendars.get(side, Calendar()).after(_instant(message.said.time), seconds)
            yield self._clock("acknowledgement", side, message.id, message.said, due, message.acknowledged.get(side))

    def _answers(self) -> Iterator[Running]:
        exchange, limits = self._exchange, self._limits
        if exchange.meeting is not None:
            yield from self._meeting()
            return
        clock, seconds = "answer", 0
        match exchange.act:
            case "terrorism-warning":
                seconds = limits.warning_imminent if self._says("imminent") else limits.warning_answer
            case "ict-inquiry":
                seconds = limits.inquiry_answer
            case "explanation-request" if limits.ladder is not None:
                clock, seconds = "explanation_answer", limits.ladder.urgent if self._says("urgent") else limits.ladder.answer
            case "encounter-report":
                for side in exchange.to:
                    account = exchange.accounts.get(side, (None,))[0]
                    yield self._from_opening("counter_account", side, limits.counter_account, None if account is None else account.given)
        if seconds:
            for side in exchange.to:
                yield self._from_opening(clock, side, seconds, self._replied(side))

    def _replied(self, side: str) -> Stamp | None:
        """A side's first answer to the opening, or the end of the matter: an interim reply stops no clock."""
        return self._exchange.messages[0].answered.get(side) or self._over()

    def _over(self) -> Stamp | None:
        """The end of the matter, after which nothing is owed but acknowledgements."""
        exchange = self._exchange
        if exchange.cancellation is not None:
            return exchange.cancellation.cancelled
        if exchange.status not in ENDED:
            return None
        ends = [*exchange.closures.values()]
        ends += [said.said for act in ("status-change", "withdrawal") for said in exchange.acts.get(act, ())[-1:]]
        if exchange.meeting is not None:
            ends += exchange.meeting.declined.values()
        return max(ends, key=lambda stamp: stamp.position)

    def _says(self, field: str) -> bool:
        value = self._exchange.content.get(field)
        return value is not None and bytes(value) == b"true"

    def _moment(self, field: str, *path: str) -> datetime | None:
        value: object = msgspec.json.decode(self._exchange.content[field]) if field in self._exchange.content else None
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return _instant(value) if isinstance(value, str) else None

    def _meeting(self) -> Iterator[Running]:
        exchange, limits, meeting = self._exchange, self._limits, self._exchange.meeting
        assert meeting is not None
        proposals = [
            said
            for act in ("counter-proposal", "postponement")
            for said in exchange.acts.get(act, ())
            if "windows" in said.content and said.said.by.partition("/")[0] == meeting.proposed_by
        ]
        newest = max(proposals, key=lambda said: said.said.position, default=None)
        started_by, begins = (exchange.id, exchange.opened) if newest is None else (newest.id, newest.said)
        for side in sorted(asked(exchange)):
            accepted = meeting.accepted.get(side)
            met = meeting.declined.get(side) if accepted is None else accepted.accepted
            if newest is None and met is None:
                met = self._replied(side)
            yield self._asked(side, started_by, begins, met)
            if exchange.invokes and limits.ladder is not None:
                held = meeting.held[0].recorded if meeting.held else self._over()
                of = "meeting_of_all" if bytes(exchange.content.get("kind", b"")) == b'"all_parties"' else "bilateral_meeting"
                yield self._from_opening(of, side, limits.ladder.meeting, held)
        if meeting.held:
            last, name = meeting.held[-1].recorded, "note" if exchange.act == "call-request" else "readout"
            ended = _instant(meeting.held[-1].to)
            seconds = limits.call_note if name == "note" else limits.readout
            for side in (exchange.side, *exchange.to):
                given = meeting.readouts.get(side, ())
                due = max(ended, _instant(last.time)) + timedelta(seconds=seconds)
                yield self._clock(name, side, exchange.id, last, due, given[0].given if given else None)

    def _asked(self, side: str, started_by: str, begins: Stamp, met: Stamp | None) -> Running:
        """The answer to windows, a call or an invitation."""
        exchange, limits = self._exchange, self._limits
        match exchange.act:
            case "call-request":
                seconds = limits.call_answer_flash if exchange.precedence == "flash" else limits.call_answer
            case "visit-invitation":
                starts = self._moment("dates", "from")
                if bytes(exchange.content.get("kind", b"")) != b'"visit_of_concern"' and starts is not None:
                    due = max(starts - timedelta(seconds=limits.visit_answer_lead), _instant(begins.time))
                    return self._clock("answer", side, started_by, begins, due, met)
                seconds = limits.visit_of_concern
            case _:
                seconds = limits.ladder_answer if exchange.invokes else limits.meeting_answer
        return self._after("answer", side, started_by, begins, seconds, met)

    def _reports(self) -> Iterator[Running]:
        exchange, limits = self._exchange, self._limits
        match exchange.act:
            case "hazardous-incident":
                yield from self._updates(("contained", "final-report"))
                yield self._from_opening("final_report", exchange.side, limits.final_report, self._did("final-report"))
            case "emergency-notification":
                yield from self._updates(("ended",))
            case "military-activity":
                ends = self._moment("window", "to")
                if ends is not None:
                    due = ends + timedelta(seconds=limits.after_activity)
                    met = self._did("after-activity-report")
                    yield self._clock("after_activity_report", exchange.side, exchange.id, exchange.opened, due, met)
            case "immediate-notification":
                yield self._from_opening("amplification", exchange.side, limits.amplification, self._did("amplification"))
            case "point-of-contact" | "humanitarian-notification":
                yield self._reconfirmed()

    def _did(self, *acts: str) -> Stamp | None:
        """The first of some acts, or the end of the matter, after which it is owed no more."""
        done = [said.said for act in acts for said in self._exchange.acts.get(act, ())]
        return min(done, key=lambda stamp: stamp.position, default=None) or self._over()

    def _updates(self, ends: tuple[str, ...]) -> Iterator[Running]:
        """Each report promises the next one: when it says, else within two hours at first and six later."""
        exchange = self._exchange
        told = [(exchange.id, exchange.opened, exchange.content)]
        told += [(said.id, said.said, said.content) for said in exchange.acts.get("update", ())]
        over = self._did(*ends)
        for index, (id, stamp, content) in enumerate(told):
            if over is not None and over.position < stamp.position:
                return
            seconds = self._limits.update if index else self._limits.first_update
            due = _instant(stamp.time) + timedelta(seconds=seconds)
            if "next_update" in content:
                promised = _instant(msgspec.json.decode(content["next_update"]))
                due = min(max(promised, _instant(stamp.time)), _instant(stamp.time) + timedelta(seconds=self._limits.update))
            following = told[index + 1][1] if index + 1 < len(told) else None
            met = min((each for each in (following, over) if each is not None), key=lambda each: each.position, default=None)
            yield self._clock("update", exchange.side, id, stamp, due, met)

    def _reconfirmed(self) -> Running:
        exchange, limits = self._exchange, self._limits
        newest = exchange.acts.get("reconfirmation", ())[-1:]
        started_by, begins = (newest[0].id, newest[0].said) if newest else (exchange.id, exchange.opened)
        seconds = limits.contact_reconfirmed if exchange.act == "point-of-contact" else limits.site_reconfirmed
        return self._after("reconfirmation", exchange.side, started_by, begins, seconds, self._did("withdrawal"))


# What the watch records


def act_of(clock: Running, step: int) -> bytes:
    """The bytes of a reminder or a lapse, the same from every watch."""
    return b'{"act":"%s","clock":"%s","side":"%s","started_by":"%s","step":%d,"due":"%s"}' % (
        _name(clock, step).encode(),
        clock.clock.encode(),
        clock.side.encode(),
        clock.started_by.encode(),
        step,
        written(clock.due).encode(),
    )


def _name(clock: Running, step: int) -> str:
    """The act that records a step: a check without its echo is missed, whatever else lapses."""
    return "reminder" if step != LAPSE else "line-check-missed" if clock.clock == "echo" else "lapse"


def id_of(channel: str, exchange: str, clock: Running, step: int) -> str:
    """The id of a reminder or a lapse, the same from every watch (record.md §6)."""
    return ids.from_key(channel, ACTOR, f"{_name(clock, step)}\n{exchange}\n{clock.clock}\n{clock.side}\n{clock.started_by}\n{step}")


def recorded(exchange: Exchange, clock: Running) -> int:
    """The highest step that is on record for a clock; 0 for none."""
    found = [
        int(bytes(said.content["step"]))
        for act in _STEPS
        for said in exchange.acts.get(act, ())
        if (bytes(said.content["clock"]), bytes(said.content["side"]), bytes(said.content["started_by"]))
        == (f'"{clock.clock}"'.encode(), f'"{clock.side}"'.encode(), f'"{clock.started_by}"'.encode())
    ]
    return max(found, default=0)


def reached(clock: Running, now: datetime) -> int:
    """The highest step that a clock has reached: a lapse strictly after the limit, a reminder at its time; 0 for none."""
    if now > clock.due:
        return LAPSE
    return max((step for step in REMINDERS if now >= clock.at(step)), default=0)


def check(registry: Registry, exchange: Exchange, calendars: dict[str, Calendar], record: Record) -> Refusal | None:
    """A reminder or a lapse is of a clock that binds, was not met and has come so far, and says what every watch would say."""
    data = record.data
    assert isinstance(data, watch.Reminder | watch.Lapse | watch.LineCheckMissed)
    for clock in open_clocks(registry, exchange, calendars):
        if (clock.clock, clock.side, clock.started_by) == (data.clock, data.side, data.started_by):
            break
    else:
        return Refusal(kind="void", detail=f"No such clock runs: {data.clock} of {data.side}.")
    expected = id_of(registry.name, exchange.id, clock, data.step)
    if record.act != act_of(clock, data.step) or record.envelope.id != expected:
        return Refusal(kind="void", detail="The bytes and the id of what the watch records are determined.")
    if reached(clock, _instant(record.envelope.time)) < data.step or recorded(exchange, clock) >= data.step:
        return Refusal(kind="void", detail="The clock has not come so far, or it is on record.")
    return None


RULES: Final = (
    Rule(act="reminder", shape=watch.Reminder, who=Who.WATCH, silent=True, kept=True),
    Rule(act="lapse", shape=watch.Lapse, who=Who.WATCH, kept=True),
    Rule(act="line-check-missed", shape=watch.LineCheckMissed, who=Who.WATCH, kept=True),
)
