"""A meeting, a call or a visit as pages show it: when, what each side has said to it, what is owed, and what was said of it afterwards.

asked    requested, or postponed        an answer is owed to the windows that stand
agreed   accepted                       it takes place in the window that was accepted
held     held                           readouts are given, or owed
over     closed, declined, cancelled
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.console.display.deadline_rows import LEVELS, Level, level_of, worst
from dragoman.console.display.office_clocks import Office, office_of, places
from dragoman.domain.acts.deadlines import DutyCalendar
from dragoman.domain.acts.families.contact import standing_office
from dragoman.domain.views import flags
from dragoman.domain.views.titles import subject_of
from dragoman.i18n.words import NBSP, Words, stamp
from dragoman.projection.open_deadlines import OpenDeadline, duties_of
from dragoman.projection.queries.snapshot import PeriodQuery, Snapshot, moment
from dragoman.projection.store import Store
from dragoman_schemas.state import Exchange, Registry

FORMATS: Final = ("meeting-request", "call-request", "visit-invitation")
State = Literal["asked", "agreed", "held", "over"]
STATES: Final[tuple[State, ...]] = ("asked", "agreed", "held", "over")

MOST: Final = 2_000
"""Meetings that are looked at: those of decades, and half a second of a reader's
thread.
"""

_STATE: Final[dict[str, State]] = {
    "requested": "asked",
    "postponed": "asked",
    "accepted": "agreed",
    "held": "held",
}
_CALM: Final[dict[State, Level]] = {
    "asked": "standby",
    "agreed": "standby",
    "held": "normal",
    "over": "off",
}
_LINES: Final = ("kind", "level", "track", "means", "counterpart")
_LATEST: Final = "9999"

_topics = msgspec.json.Decoder(tuple[str, ...]).decode


class TimeWindow(Struct, frozen=True, kw_only=True):
    """From one moment to another, in UTC."""

    begins: str
    ends: str


class MeetingParty(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a side has said to the windows that stand, and since when; `window` is the one that it has accepted."""

    side: str
    word: Literal["proposed", "accepted", "declined", "asked", "informed"]
    since: str = ""
    window: TimeWindow | None = None
    absent: bool = False


class OwedByParty(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a side owes, and until when."""

    clock: str
    side: str
    due: str
    level: Level
    late: bool = False
    binding: bool = False


class GivenReadout(Struct, frozen=True, kw_only=True):
    """A side's newest readout: when it was given, and whether for itself or for all."""

    side: str
    time: str
    position: int
    kind: str


class AgendaItem(Struct, frozen=True, kw_only=True):
    """What a side wants to speak of."""

    side: str
    topics: tuple[str, ...]


class MeetingSummary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One meeting, call or visit. `place` is its venue, or where a visit leads; `invokes` the request on whose ladder it stands.

    `windows` is when it was held, else what was agreed, else all that are proposed;
    without any it is at any time.
    """

    exchange: str
    number: str
    act: str
    status: str
    state: State
    level: Level
    side: str
    subject: Raw
    precedence: str
    opened: str
    updated: str
    windows: tuple[TimeWindow, ...]
    parties: tuple[MeetingParty, ...]
    place: Raw | UnsetType = UNSET
    lines: dict[str, str] = {}
    owed: tuple[OwedByParty, ...] = ()
    readouts: tuple[GivenReadout, ...] = ()
    readouts_differ: bool = False
    agendas: tuple[AgendaItem, ...] = ()
    agenda_agreed: bool = False
    invokes: str = ""
    default_venue: bool = False
    for_the_record: bool = False

    @property
    def begins(self) -> str:
        """Return when it begins at the earliest."""
        return min((window.begins for window in self.windows), default=_LATEST)

    @property
    def due(self) -> str:
        """Until when something is owed at the earliest."""
        return min((owed.due for owed in self.owed), default=_LATEST)


class JointReadout(NamedTuple):
    """What several sides owe until the same time."""

    owed: OwedByParty
    sides: tuple[str, ...]


class ChannelMeetings(NamedTuple):
    """What is arranged in a channel at a position, the newest first, and the offices as they stood; `more` where there are older ones."""

    meetings: list[MeetingSummary]
    offices: tuple[Office, ...]
    more: bool


def standing(store: Store, channel: str, at: int, now: datetime) -> ChannelMeetings:
    """Everything that is arranged, as it stood at a position."""
    with moment(store, channel, PeriodQuery(at=at), "") as snapshot:
        newest = deque(snapshot.of("meeting", *FORMATS), maxlen=MOST + 1)
        meeting_summaries = [
            arranged(snapshot.registry, state, snapshot.calendars, now)
            for state in reversed(newest)
        ]
        return ChannelMeetings(
            meeting_summaries[:MOST], offices_of(snapshot), len(meeting_summaries) > MOST
        )


def offices_of(snapshot: Snapshot) -> tuple[Office, ...]:
    """Return the sides' offices as they stood, in the order of the opening."""
    entries = list(snapshot.of("contact", "liaison-office"))
    return tuple(office_of(side, standing_office(entries, side)) for side in snapshot.sides)


def arranged(
    registry: Registry, state: Exchange, calendars: dict[str, DutyCalendar], now: datetime
) -> MeetingSummary:
    """Return a meeting as it stands."""
    meeting = state.meeting
    assert meeting is not None
    order = [side.name for side in registry.sides]
    owed = [
        duty
        for duty in duties_of(registry, state, calendars)
        if duty.clock.clock != "acknowledgement"
    ]
    kind = state_of(state)
    versions = agendas(state)
    return MeetingSummary(
        exchange=state.id,
        number=state.number,
        act=state.act,
        status=state.status,
        state=kind,
        level=_level(kind, owed, now),
        side=state.side,
        subject=subject_of(state),
        precedence=state.precedence,
        opened=state.opened.time,
        updated=state.updated.time,
        windows=tuple(windows(state)),
        parties=tuple(
            _party(state, side) for side in order if side in (state.side, *state.to, *state.info)
        ),
        place=next(
            (state.content[name] for name in ("venue", "place") if name in state.content), UNSET
        ),
        lines={
            name: str(msgspec.json.decode(state.content[name]))
            for name in _LINES
            if name in state.content
        },
        owed=tuple(_owed(duty, now) for duty in owed),
        readouts=tuple(
            GivenReadout(
                side=side,
                time=readout[-1].given.time,
                position=readout[-1].given.position,
                kind=readout[-1].kind,
            )
            for side in order
            if (readout := meeting.readouts.get(side))
        ),
        readouts_differ=meeting.readouts_differ,
        agendas=tuple(
            AgendaItem(side=side, topics=versions[side]) for side in order if side in versions
        ),
        agenda_agreed=meeting.agenda is not UNSET,
        invokes=state.invokes,
        default_venue=bool(state.invokes)
        and any(flag.flag == "default_venue" for flag in flags.flags(registry, state, (), now)),
        for_the_record=state.for_the_record,
    )


def state_of(exchange: Exchange) -> State:
    """Return how a meeting stands, in one word of four."""
    return _STATE.get(exchange.status, "over")


def agendas(state: Exchange) -> dict[str, tuple[str, ...]]:
    """Return each side's version of the agenda: the opener's own stands in its request."""
    assert state.meeting is not None
    raw_records = {state.side: state.content["agenda"]} if "agenda" in state.content else {}
    return {
        side: _topics(topics) for side, topics in {**raw_records, **state.meeting.agendas}.items()
    }


def _level(state: State, owed: Iterable[OpenDeadline], now: datetime) -> Level:
    """Return how urgent what is owed is; what is agreed and not yet due stands by."""
    pressing = worst(level_of(duty, now) for duty in owed)
    return min(pressing, _CALM[state], key=LEVELS.index)


def _owed(duty: OpenDeadline, now: datetime) -> OwedByParty:
    clock = duty.clock
    return OwedByParty(
        clock=clock.clock,
        side=clock.side,
        due=stamp(clock.due),
        level=level_of(duty, now),
        late=now > clock.due,
        binding=clock.binding,
    )


def _party(state: Exchange, side: str) -> MeetingParty:
    meeting = state.meeting
    assert meeting is not None
    absent = side in meeting.absent
    accepted, declined = meeting.accepted.get(side), meeting.declined.get(side)
    if accepted is not None:
        terms = next(known([msgspec.json.decode(accepted.terms)]), None)
        return MeetingParty(
            side=side, word="accepted", since=accepted.accepted.when, window=terms, absent=absent
        )
    if declined is not None:
        return MeetingParty(side=side, word="declined", since=declined.when, absent=absent)
    if side in state.info:
        return MeetingParty(side=side, word="informed", absent=absent)
    return MeetingParty(
        side=side, word="proposed" if side == meeting.proposed_by else "asked", absent=absent
    )


def together(owed: Iterable[OwedByParty]) -> list[JointReadout]:
    """Return what is owed, with the sides together that owe the same until the same time."""
    owed_by_parties: dict[tuple[str, str], list[OwedByParty]] = {}
    for owed_by_party in owed:
        owed_by_parties.setdefault((owed_by_party.clock, owed_by_party.due), []).append(
            owed_by_party
        )
    return [
        JointReadout(same[0], tuple(party.side for party in same))
        for same in owed_by_parties.values()
    ]


def besides(meeting: MeetingSummary) -> list[JointReadout]:
    """Return what is owed besides the answers of those who are asked: these stand with what they have said."""
    sides = {party.side for party in meeting.parties if party.word == "asked"}
    return together(
        owed for owed in meeting.owed if owed.clock != "answer" or owed.side not in sides
    )


def answer_of(meeting: MeetingSummary, side: str) -> OwedByParty | None:
    """Return the answer that a side owes to the windows that stand."""
    return next(
        (owed for owed in meeting.owed if owed.clock == "answer" and owed.side == side), None
    )


# When it takes place


def windows(state: Exchange) -> Iterator[TimeWindow]:
    """Return when something takes place: as it was held, else as it was agreed, else in each window that stands."""
    meeting = state.meeting
    if meeting is not None and meeting.held:
        return known({"from": item.from_, "to": item.to} for item in meeting.held)
    if meeting is not None and state.status == "accepted":
        return known([msgspec.json.decode(next(iter(meeting.accepted.values())).terms)])
    rows = [
        msgspec.json.decode(state.content[name])
        for name in ("windows", "dates", "window")
        if name in state.content
    ]
    return known(item for value in rows for item in (value if isinstance(value, list) else [value]))


def known(values: Iterable[Any]) -> Iterator[TimeWindow]:
    """Yield those of a record's windows of which both ends are known."""
    for value in values:
        begins, ends = (
            (instant(value.get(end)) for end in ("from", "to"))
            if isinstance(value, dict)
            else (None, None)
        )
        if begins is not None and ends is not None:
            yield TimeWindow(begins=stamp(begins), ends=stamp(ends))


def instant(value: Any) -> datetime | None:
    """Return a time of a record in UTC; None for one that is not known."""
    text = value.get("about") if isinstance(value, dict) else value
    return (
        datetime.fromisoformat(text).astimezone(UTC)
        if isinstance(text, str) and text[:1].isdigit()
        else None
    )


def there(window: TimeWindow, offices: Sequence[Office], words: Words) -> str:
    """Return a window by the offices' clocks."""
    begins, ends = (datetime.fromisoformat(end) for end in (window.begins, window.ends))
    return words.listed(
        f"{name}{NBSP}{words.local(begins, ZoneInfo(zone))}\N{EN DASH}{words.local(ends, ZoneInfo(zone))}"
        for zone, name in places(offices, words).items()
    )
