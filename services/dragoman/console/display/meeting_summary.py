"""Meetings, calls and visits as pages show them.

asked    requested, or postponed        an answer is owed to the current windows
agreed   accepted                       it takes place in the accepted window
held     held                           readouts are given, or owed
over     closed, declined, cancelled

A summary has the time, each side's answer, the open deadlines, and the readouts.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.console.display.deadline_rows import LEVELS, Level, level_of, worst
from dragoman.console.display.office_clocks import Office, office_of, places
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.acts.event_windows import MEETINGS
from dragoman.domain.acts.families.contact import standing_office
from dragoman.domain.acts.families.exchange import own_markings
from dragoman.domain.views import flags
from dragoman.domain.views.titles import subject_of
from dragoman.i18n.words import Words, stamp
from dragoman.members.times import span_by_clocks
from dragoman.projection.open_deadlines import OpenDeadline, deadlines_of
from dragoman.projection.view import View
from dragoman_schemas.state import Exchange, Registry

State = Literal["asked", "agreed", "held", "over"]
STATES: Final[tuple[State, ...]] = ("asked", "agreed", "held", "over")
"""The four states of a meeting, in their order."""

MOST: Final = 2_000
"""The greatest number of meetings that one page examines.

These are the meetings of decades, and they take half a second of a reader's thread.
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
    """A window from one moment to another, in UTC."""

    begins: str
    ends: str


class MeetingParty(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A side's answer to the current windows, and the time of it.

    `window` is the window that the side has accepted.
    """

    side: str
    word: Literal["proposed", "accepted", "declined", "asked", "informed"]
    since: str = ""
    window: TimeWindow | None = None
    absent: bool = False


class PartyDeadline(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A deadline of a side."""

    clock: str
    side: str
    due: str
    level: Level
    late: bool = False
    binding: bool = False


class GivenReadout(Struct, frozen=True, kw_only=True):
    """A side's newest readout: its time, and whether it is joint or the side's own."""

    side: str
    time: str
    position: int
    kind: str


class AgendaItem(Struct, frozen=True, kw_only=True):
    """The topics of a side."""

    side: str
    topics: tuple[str, ...]


class MeetingSummary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One meeting, call or visit.

    `place` is its venue, or the destination of a visit; `invokes` the request on whose
    ladder it is. `windows` are the times when it was held, or the agreed time, or all
    that are proposed. Without any window it may be at any time.
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
    owed: tuple[PartyDeadline, ...] = ()
    readouts: tuple[GivenReadout, ...] = ()
    readouts_differ: bool = False
    agendas: tuple[AgendaItem, ...] = ()
    agenda_agreed: bool = False
    invokes: str = ""
    default_venue: bool = False
    for_the_record: bool = False
    marking: str = ""

    @property
    def begins(self) -> str:
        """Return the earliest time at which it begins."""
        return min((window.begins for window in self.windows), default=_LATEST)

    @property
    def due(self) -> str:
        """Return the time of its earliest open deadline."""
        return min((owed.due for owed in self.owed), default=_LATEST)


class SharedDeadline(NamedTuple):
    """A deadline that several sides have at the same time."""

    owed: PartyDeadline
    sides: tuple[str, ...]


class ChannelMeetings(NamedTuple):
    """The meetings of a channel at a position, newest first, and the offices of then.

    `more` is true where older meetings are left out.
    """

    meetings: list[MeetingSummary]
    offices: tuple[Office, ...]
    more: bool


def channel_meetings(view: View) -> ChannelMeetings:
    """Return the newest meetings of a channel."""
    newest = deque(view.every(*MEETINGS), maxlen=MOST + 1)
    meeting_summaries = [
        summarize(view.registry, state, view.calendars, view.moment) for state in reversed(newest)
    ]
    return ChannelMeetings(
        meeting_summaries[:MOST], offices_of(view), len(meeting_summaries) > MOST
    )


def offices_of(view: View) -> tuple[Office, ...]:
    """Return the sides' offices, in the order of the opening."""
    entries = list(view.offices())
    return tuple(office_of(side, standing_office(entries, side)) for side in view.sides)


def summarize(
    registry: Registry, state: Exchange, calendars: dict[str, DutyCalendar], now: datetime
) -> MeetingSummary:
    """Return the summary of a meeting."""
    meeting = state.meeting
    assert meeting is not None
    order = [side.name for side in registry.sides]
    owed = [
        duty
        for duty in deadlines_of(registry, state, calendars)
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
        marking=own_markings(state),
        precedence=state.precedence,
        opened=state.opened.time,
        updated=state.updated.time,
        windows=tuple(windows(state)),
        parties=tuple(
            _party(state, side) for side in order if side in (state.side, *state.to, *state.info)
        ),
        place=next(
            (state.present[name] for name in ("venue", "place") if name in state.present), UNSET
        ),
        lines={
            name: msgspec.json.decode(state.content[name])
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
    """Return the state of a meeting, as one word of four."""
    return _STATE.get(exchange.status, "over")


def agendas(state: Exchange) -> dict[str, tuple[str, ...]]:
    """Return each side's version of the agenda.

    The opener's first version is in its request.
    """
    assert state.meeting is not None
    versions = {state.side: state.content["agenda"]} if "agenda" in state.content else {}
    return {side: _topics(topics) for side, topics in {**versions, **state.meeting.agendas}.items()}


def _level(state: State, owed: Iterable[OpenDeadline], now: datetime) -> Level:
    """Return the urgency of a meeting.

    It is the worse one of its most urgent open deadline's level and its state's level.
    """
    pressing = worst(level_of(duty, now) for duty in owed)
    return min(pressing, _CALM[state], key=LEVELS.index)


def _owed(duty: OpenDeadline, now: datetime) -> PartyDeadline:
    clock = duty.clock
    return PartyDeadline(
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
        terms = next(known_windows([msgspec.json.decode(accepted.terms)]), None)
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


def together(owed: Iterable[PartyDeadline]) -> list[SharedDeadline]:
    """Return open deadlines, joined where several sides have the same one."""
    groups: dict[tuple[str, str], list[PartyDeadline]] = {}
    for deadline in owed:
        groups.setdefault((deadline.clock, deadline.due), []).append(deadline)
    return [
        SharedDeadline(same[0], tuple(party.side for party in same)) for same in groups.values()
    ]


def other_deadlines(meeting: MeetingSummary) -> list[SharedDeadline]:
    """Return the open deadlines except the answers of the sides that are asked.

    Those answers are shown with each side's own answer.
    """
    sides = {party.side for party in meeting.parties if party.word == "asked"}
    return together(
        owed for owed in meeting.owed if owed.clock != "answer" or owed.side not in sides
    )


def answer_of(meeting: MeetingSummary, side: str) -> PartyDeadline | None:
    """Return a side's open deadline for an answer to the current windows."""
    return next(
        (owed for owed in meeting.owed if owed.clock == "answer" and owed.side == side), None
    )


# Windows


def windows(state: Exchange) -> Iterator[TimeWindow]:
    """Return the windows in which something takes place.

    They are the times when it was held, or the agreed one, or all current windows.
    """
    meeting = state.meeting
    if meeting is not None and meeting.held:
        return known_windows({"from": item.from_, "to": item.to} for item in meeting.held)
    if meeting is not None and state.status == "accepted":
        return known_windows([msgspec.json.decode(next(iter(meeting.accepted.values())).terms)])
    values = [
        msgspec.json.decode(state.present[name])
        for name in ("windows", "dates", "window")
        if name in state.present
    ]
    return known_windows(
        item for value in values for item in (value if isinstance(value, list) else [value])
    )


def known_windows(values: Iterable[Any]) -> Iterator[TimeWindow]:
    """Yield the windows of a record that have two known ends."""
    for value in values:
        begins, ends = (
            (instant(value.get(end)) for end in ("from", "to"))
            if isinstance(value, dict)
            else (None, None)
        )
        if begins is not None and ends is not None:
            yield TimeWindow(begins=stamp(begins), ends=stamp(ends))


def instant(value: Any) -> datetime | None:
    """Return a time of a record in UTC; None for an unknown time."""
    text = value.get("about") if isinstance(value, dict) else value
    return (
        datetime.fromisoformat(text).astimezone(UTC)
        if isinstance(text, str) and text[:1].isdigit()
        else None
    )


def local_window(window: TimeWindow, offices: Sequence[Office], words: Words) -> str:
    """Return a window by the offices' clocks; empty for whole days."""
    begins, ends = (datetime.fromisoformat(end) for end in (window.begins, window.ends))
    return span_by_clocks(begins, ends, places(offices, words), words)
