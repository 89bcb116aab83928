"""The open deadlines of a channel, its open matters, and the state of its line.

A board shows everything that waits. A query of the file for a thousand exchanges would
take a second each time. Here the deadlines of an exchange are computed once, whenever
it changes. Those of a past position are read from the file.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Final

from msgspec import Raw, Struct

from dragoman.domain.acts import deadline_outcomes, deadlines, line_checks
from dragoman.domain.acts.deadlines import Deadline
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.acts.families.exchange import precedence_of
from dragoman.domain.acts.line_checks import is_line_check
from dragoman.domain.views.open_matters import in_order, open_matter
from dragoman.domain.views.titles import subject_of
from dragoman.limits import DUTIES_LOOKED
from dragoman.projection.projection import Projection
from dragoman.projection.stored_row import StoredRow as Stored
from dragoman.projection.view import View, queried
from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.state import Exchange, Registry
from dragoman_schemas.state_responses import OpenMatter
from dragoman_schemas.watch_responses import LineView

LINE_CHECKS: Final = 200
"""The number of line checks that are read: a week of hourly ones."""

CIRCUITS: Final = ("primary", "backup")
"""The lines of a channel that are checked."""

RINGING: Final = ("flash", "immediate", "priority")
"""The precedences of messages that ring until their receipt, the most urgent first."""


class OpenDeadline(Struct, frozen=True, kw_only=True, gc=False):
    """One open deadline with its exchange: as much of it as a row of a list shows.

    `message_act` and `precedence` are those of the message that started the deadline,
    `by` its author. `opener` is the side that opened the exchange.
    """

    exchange: str
    number: str
    act: str
    message_act: str
    subject: Raw
    opener: str
    status: str
    precedence: Precedence
    by: str
    one_key: bool
    clock: Deadline

    @property
    def rings(self) -> bool:
        """Return whether it is the receipt of a message that rings."""
        return self.clock.clock == "acknowledgement" and self.precedence in RINGING

    @property
    def urgency(self) -> tuple[int, datetime, str, str, str]:
        """A key that sorts the most urgent first, and does not depend on the time now.

        What rings comes first, the longest waiting of the same precedence at the top.
        Then comes what is due next, or was due first.
        """
        clock = self.clock
        return (
            RINGING.index(self.precedence) if self.rings else len(RINGING),
            clock.begins if self.rings else clock.due,
            self.exchange,
            clock.clock,
            clock.started_by,
        )


class OwedDeadlines(Struct, frozen=True, kw_only=True):
    """The open deadlines of one side, the most urgent first, and how many ring."""

    deadlines: list[OpenDeadline]
    ringing: int


def deadlines_of(
    registry: Registry, state: Exchange, calendars: dict[str, DutyCalendar]
) -> tuple[OpenDeadline, ...]:
    """Return the open deadlines of an exchange."""
    return tuple(
        _duty(state, clock)
        for clock in deadlines.deadlines_of(registry, state, calendars)
        if deadline_outcomes.is_owed(state, clock)
    )


def _duty(state: Exchange, clock: Deadline) -> OpenDeadline:
    started = next(
        (message for message in state.messages if message.id == clock.started_by), state.messages[0]
    )
    return OpenDeadline(
        exchange=state.id,
        number=state.number,
        act=state.act,
        message_act=started.act,
        subject=subject_of(state),
        opener=state.side,
        status=state.status,
        precedence=precedence_of(state, started),
        by=started.said.by,
        one_key=bool(state.one_key),
        clock=clock,
    )


def _in_order(open_deadlines: Iterable[OpenDeadline]) -> list[OpenDeadline]:
    return sorted(
        open_deadlines, key=lambda duty: (duty.clock.due, duty.exchange, duty.clock.clock)
    )


class OpenDeadlines:
    """The open deadlines of one channel now."""

    def __init__(self, projection: Projection) -> None:
        """Listen to the projection. The exchanges in its file count after `begin`."""
        self._projection = projection
        self._open: dict[str, tuple[OpenDeadline, ...]] = {}
        self._matters: dict[str, OpenMatter] = {}
        self._checks: OrderedDict[str, Exchange] = OrderedDict()
        self._calendars: dict[str, DutyCalendar] = {}
        self._terms: object = None
        self._arrived: dict[str, Exchange] | None = {}
        self._erased = 0
        self._ordered: list[OpenDeadline] | None = None
        self._urgent: list[OpenMatter] | None = None
        self._lines: list[LineView] | None = None
        self._owed: dict[str, OwedDeadlines] = {}
        self._owed_of: list[OpenDeadline] | None = None
        self._turn = asyncio.Lock()
        projection.listeners.add(self._hear)

    async def begin(self) -> None:
        """Read the open deadlines from the file, if they are not up to date.

        They are read once, and again whenever the rules, the limits or an office's
        calendar have changed. Raises `NotYetApplied`.
        """
        async with self._turn:
            if self._arrived is None and self._terms == self._projection.deadline_terms():
                return
            await self._load()

    async def _load(self) -> None:
        projection = self._projection
        self._arrived = {}
        terms = projection.deadline_terms()
        await projection.in_file()
        loaded = await asyncio.wrap_future(
            projection.store.in_thread(queried, projection.store, projection.name, _loaded)
        )
        self._open, self._matters, self._checks, self._calendars = loaded
        self._terms = terms
        arrived, self._arrived = self._arrived, None
        for state in arrived.values():
            self._take(state)
        self._ordered = self._urgent = self._lines = None

    def _hear(self, row: Stored) -> None:
        state = row.folded.state
        if isinstance(state, Exchange):
            if self._arrived is not None:
                self._arrived[state.id] = state
            else:
                self._take(state)
        for id in row.folded.removed:
            self._open.pop(id, None)
            self._matters.pop(id, None)
            self._checks.pop(id, None)
            self._ordered = self._urgent = self._lines = None

    def _take(self, state: Exchange) -> None:
        registry = self._projection.state.registry
        assert registry is not None
        duties = deadlines_of(registry, state, self._calendars)
        if duties:
            self._open[state.id] = duties
        else:
            self._open.pop(state.id, None)
        matter = open_matter(registry, state, self._calendars)
        if matter is not None:
            self._matters[state.id] = matter
        else:
            self._matters.pop(state.id, None)
        self._ordered = self._urgent = None
        if is_line_check(state):
            self._checks[state.id] = state
            while len(self._checks) > LINE_CHECKS:
                self._checks.popitem(last=False)
            self._lines = None

    def listed(self) -> list[OpenDeadline]:
        """Return every open deadline, the soonest due first."""
        if self._ordered is None:
            self._ordered = _in_order(
                duty for open_deadlines in self._open.values() for duty in open_deadlines
            )
        return self._ordered

    def owed_by(self, side: str) -> OwedDeadlines:
        """Return the open deadlines of a side. They are sorted once for each change."""
        listed = self.listed()
        if self._owed_of is not listed:
            self._owed, self._owed_of = {}, listed
        owed = self._owed.get(side)
        if owed is None:
            deadlines = sorted(
                (deadline for deadline in listed if deadline.clock.side == side),
                key=lambda deadline: deadline.urgency,
            )
            owed = self._owed[side] = OwedDeadlines(
                deadlines=deadlines, ringing=sum(deadline.rings for deadline in deadlines)
            )
        return owed

    def owing(self, sides: Collection[str]) -> frozenset[str]:
        """Return the exchanges in which one of these sides owes something."""
        return owing_in(self.listed(), self._matters.values(), sides)

    def matter(self, exchange: str) -> OpenMatter | None:
        """Return an exchange as an open matter; None where it is settled."""
        return self._matters.get(exchange)

    def matters(self) -> list[OpenMatter]:
        """Return every open matter, the most urgent first."""
        if self._urgent is None:
            self._urgent = in_order(self._matters.values())
        return self._urgent

    def of(self, exchange: str) -> tuple[OpenDeadline, ...]:
        """Return the open deadlines of one exchange."""
        return self._open.get(exchange, ())

    @property
    def exchanges(self) -> int:
        """The number of exchanges with an open deadline."""
        return len(self._open)

    def lines(self) -> list[LineView]:
        """Return each circuit that was ever checked, by its newest checks.

        The primary circuit is always among them.
        """
        if self._lines is None:
            self._lines = list(lines_of(reversed(self._checks.values())))
        return self._lines


def lines_of(checks: Iterable[Exchange]) -> Iterator[LineView]:
    """Yield the state of each circuit by its line checks, which come newest first."""
    exchanges = list(checks)
    for circuit in CIRCUITS:
        checks_of_circuit = [
            check
            for check in exchanges
            if bytes(check.content["circuit"]) == f'"{circuit}"'.encode()
        ]
        if checks_of_circuit or circuit == "primary":
            stands = line_checks.standing(checks_of_circuit)
            yield LineView(
                circuit=circuit,
                **{name: getattr(stands, name) for name in stands.__struct_fields__},
            )


_Loaded = tuple[
    dict[str, tuple[OpenDeadline, ...]],
    dict[str, OpenMatter],
    OrderedDict[str, Exchange],
    dict[str, DutyCalendar],
]


def _loaded(view: View) -> _Loaded:
    """Return the open deadlines and matters of all exchanges in the file.

    Also returns the newest line checks and the sides' calendars.
    """
    open_deadlines: dict[str, tuple[OpenDeadline, ...]] = {}
    matters: dict[str, OpenMatter] = {}
    if view.opened is None:
        return {}, {}, OrderedDict(), {}
    registry, calendars = view.registry, view.calendars
    for ids in view.open_ids():
        for id in ids:
            state = view.known(id)
            owed, matter = (
                deadlines_of(registry, state, calendars),
                open_matter(registry, state, calendars),
            )
            if owed:
                open_deadlines[id] = owed
            if matter is not None:
                matters[id] = matter
    checks = OrderedDict((state.id, state) for state in reversed(_checks(view)))
    return open_deadlines, matters, checks, calendars


def _checks(view: View) -> list[Exchange]:
    """Return the newest line checks, the newest first."""
    rows = view.connection.execute(_CHECKS, (view.base, view.key, LINE_CHECKS)).fetchall()
    return [view.known(id) for (id,) in rows]


_CHECKS: Final = (
    "SELECT id FROM exchanges INDEXED BY exchanges_line "
    "WHERE act = 'line-check' AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT ?"
)


def owing_in(
    open_deadlines: Iterable[OpenDeadline], matters: Iterable[OpenMatter], sides: Collection[str]
) -> frozenset[str]:
    """Return the exchanges in which one of some sides owes something.

    What it owes has a limit, or follows from the matter without one.
    """
    limited = (duty.exchange for duty in open_deadlines if duty.clock.side in sides)
    others = (
        matter.exchange for matter in matters if any(duty.side in sides for duty in matter.owed)
    )
    return frozenset((*limited, *others))


class PastDeadlines(Struct, frozen=True, kw_only=True):
    """The open deadlines and matters at a past position.

    `more` says that so many exchanges were open that not all of them were read.
    """

    duties: list[OpenDeadline]
    lines: list[LineView]
    matters: list[OpenMatter]
    more: bool = False


def past_deadlines(view: View) -> PastDeadlines:
    """Return the open deadlines and matters at a past position."""
    registry, calendars = view.registry, view.calendars
    waiting, names = view.open_ids()
    ids = [*waiting, *names]
    states = [view.known(id) for id in ids[:DUTIES_LOOKED]]
    return PastDeadlines(
        duties=_in_order(
            duty for state in states for duty in deadlines_of(registry, state, calendars)
        ),
        lines=list(lines_of(_checks(view))),
        matters=in_order(
            matter
            for state in states
            if (matter := open_matter(registry, state, calendars)) is not None
        ),
        more=len(ids) > DUTIES_LOOKED,
    )


def deadlines_in(view: View, exchanges: Iterable[str]) -> dict[str, tuple[OpenDeadline, ...]]:
    """Return the open deadlines of some exchanges, which had been opened."""
    return {id: deadlines_of(view.registry, view.known(id), view.calendars) for id in exchanges}


def fraction_passed(clock: Deadline, now: datetime) -> float:
    """Return the fraction of a deadline's time that has passed.

    It is more than 1 after the limit.
    """
    whole = (clock.due - clock.begins).total_seconds()
    return (now - clock.begins).total_seconds() / whole if whole > 0 else 1.0
