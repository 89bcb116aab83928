"""A channel whose limits bind: its deadlines, its service records, and records of older versions.

Tests of rules use it beside `World`: they set the clock, post, and read what is owed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dragoman.domain.acts import deadline_acts, deadlines, duty_calendar, window_notices
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.deadlines import Deadline
from dragoman.domain.acts.window_notices import DueNotice
from dragoman.domain.decide import Submission, decide
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record, decode_act
from dragoman.domain.record.errors import Refusal
from dragoman_schemas.acts.office.watch import Lapse, LineCheckMissed, Reminder, WindowNotice
from dragoman_schemas.state import Exchange
from world import SALT, World, compact, public_of, refused

THREE = ("nato", "china", "osce")

N, ND, NH = "nato/o-1", "nato/d-1", "nato/h-1"
C, CD, CH = "china/o-1", "china/d-1", "china/h-1"
T, TD, TH = "osce/o-1", "osce/d-1", "osce/h-1"


@dataclass
class Observed(World):
    """A channel of three sides, of which the last is an observer."""

    sides: tuple[str, ...] = THREE
    name: str = "observed"

    def genesis(self, **changes: Any) -> Record:
        """Return a genesis in which the last side is an observer."""
        sides = [
            {"name": side, "roots": [public_of(f"{side}/root")], "threshold": 1}
            | ({"observer": True} if side == self.sides[-1] else {})
            for side in self.sides
        ]
        return super().genesis(**({"sides": sides} | changes))


def bound(world: World | None = None, profile: str = "default", **kinds: Any) -> World:
    """Return a channel in which every side that owes has adopted a profile."""
    world = World(**kinds) if world is None else world
    for side in world.registry.sides:
        if not side.observer:
            post(world, f"{side.name}/root", {"act": "profile-adoption", "profile": profile})
    return world


def post(world: World, actor: str, body: dict[str, Any], exchange: str = "", **how: Any) -> str:
    """Post an act that must be valid, and return the id of its record."""
    folded = world.keep(actor, body, exchange, **how)
    assert isinstance(folded, Folded) and folded.record is not None, folded
    assert folded.valid, folded.refusal
    return folded.record.envelope.id


def fault(world: World, actor: str, body: dict[str, Any], exchange: str = "", **how: Any) -> str:
    """Return the member at which a post is refused, or the kind of its refusal."""
    refusal = refused(world.keep(actor, body, exchange, **how))
    return refusal.faults[0].pointer if refusal.faults else refusal.kind


def at(text: str) -> datetime:
    """Return the instant of a time."""
    return datetime.fromisoformat(text).astimezone(UTC)


def set_clock(world: World, text: str) -> None:
    """Give the next record exactly this time."""
    world.clock = at(text) - timedelta(seconds=1)


def clocks(world: World, exchange: str) -> dict[tuple[str, str], Deadline]:
    """Return the deadlines of an exchange by name and side; of several, the newest."""
    calendars = {side: duty_calendar.calendar_of(world.ledger.office(side)) for side in world.sides}
    return {
        (clock.clock, clock.side): clock
        for clock in deadlines.deadlines_of(world.registry, world.exchange(exchange), calendars)
    }


def limit(clock: Deadline) -> int:
    """Return the length of a deadline in seconds."""
    return round((clock.due - clock.begins).total_seconds())


def of_service(world: World, exchange: str, body: bytes, caused_by: str) -> Folded | Refusal:
    """Post an act of the scheduler under the id that every scheduler gives it."""
    data = decode_act(body)
    if isinstance(data, WindowNotice):
        key = window_notices.key_of(exchange, data)
    else:
        assert isinstance(data, Reminder | Lapse | LineCheckMissed)
        key = deadline_acts.key_of(exchange, data)
    submission = Submission(
        actor=deadlines.ACTOR,
        act=body,
        data=data,
        id=ids.unused(world.name, deadlines.ACTOR, key, world.ledger.used),
        exchange=exchange,
        caused_by=caused_by,
    )
    decided = decide(
        world.ledger.standing.state, world.ledger, submission, time=world.tick(), salt=SALT
    )
    return decided if isinstance(decided, Refusal) else world.take(decided)


def lapse(world: World, exchange: str, clock: Deadline) -> Folded | Refusal:
    """Record the lapse of a deadline, as the scheduler does."""
    return of_service(world, exchange, deadline_acts.act_of(clock, 100), clock.started_by)


def silence(world: World, id: str) -> list[str]:
    """Let the limits for objections to a closure pass; the sides that said nothing."""
    sides = []
    while limit := next(
        iter(
            limit
            for limit in deadlines.open_deadlines(world.registry, world.exchange(id), {})
            if limit.clock == "objection"
        ),
        None,
    ):
        world.clock = max(world.clock, limit.due + timedelta(seconds=1))
        folded = lapse(world, id, limit)
        assert isinstance(folded, Folded) and folded.valid, folded
        sides.append(limit.side)
    return sides


def notify(world: World, exchange: str, notice: DueNotice) -> Folded | Refusal:
    """Record a notice of a window, as the scheduler does."""
    return of_service(world, exchange, window_notices.act_of(notice), notice.started_by)


def written(
    world: World,
    actor: str,
    act: Mapping[str, object] | bytes,
    exchange: str,
    *,
    name: str,
    version: int,
    id: str = "",
    released_by: str = "",
) -> bytes:
    """Return the bytes of a record that no gateway has decided, in the version given.

    A gateway of an earlier time wrote it, or one that keeps no rule.
    """
    world.serial += 1
    side, _, officer = actor.partition("/")
    state: Exchange | None = world.ledger.exchange(exchange)
    envelope = records.envelope(
        id=id or f"0192f3a4-5b6c-7d8e-8f90-{world.serial:012x}",
        source=f"/sides/{side}" if officer == "root" else f"/sides/{side}/offices/hq",
        name=name,
        version=version,
        subject=exchange,
        time=world.tick(),
        channel=world.name,
        family=RULES[name].family or ("" if state is None else state.family),
        actor=actor,
        decided=world.position,
        salt=SALT,
        released_by=released_by,
    )
    return records.build(envelope, act if isinstance(act, bytes) else compact({**act}))
