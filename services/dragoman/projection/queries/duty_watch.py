"""What the watch has to look at: who has it, how the line stands, what must not wait, what is due next, and whom to ring."""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from dragoman.domain.acts import deadlines, line_checks
from dragoman.domain.acts.deadlines import UNTIMED, Deadline, DutyCalendar, profile_of
from dragoman.domain.acts.families.exchange import owing_receipt, precedence_of
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.record.codec import Record
from dragoman.domain.views import alarms, attribution
from dragoman.domain.views import points_of_contact as points
from dragoman.domain.views.alarms import Escalation
from dragoman.domain.views.points_of_contact import PointOfContactState
from dragoman.projection.queries.as_of import (
    calendars_at,
    delivered_at,
    position_of,
    record_in,
    registry_at,
    state_at,
    time_at,
    unanswered_at,
    waiting_at,
)
from dragoman.projection.store import Store
from dragoman.projection.stored_state import whole
from dragoman_schemas.responses import (
    Alarm,
    ClockView,
    DueClock,
    LineView,
    MeansTested,
    NextCall,
    PointsOfContact,
    PointView,
    SideWatch,
    WatchView,
)
from dragoman_schemas.state import Exchange, Registry, decode_exchange

LINE_CHECKS: Final = 200
"""Line checks that are looked at: a week of hourly ones."""

_DUE: Final = 20
CIRCUITS: Final = ("primary", "backup")


def watch_view(
    store: Store, channel: str, reader: str, now: datetime, at: int | None = None
) -> WatchView | None:
    """Return the watch of a channel as a side sees it, at a position or now; None where the channel had not been opened."""
    base = store.base(channel)
    with store.snapshot() as connection:
        position = position_of(connection, channel) if at is None else at
        registry = registry_at(connection, base, position)
        if registry is None:
            return None
        if at is not None:
            now = datetime.fromisoformat(time_at(connection, base, at))
        waiting = _waiting(connection, base, position)
        sides = [side.name for side in registry.sides]
        calendars = calendars_at(connection, base, position, sides)
        lines = lines_at(connection, base, position)
        alarmed = list(_alarms(connection, base, position, registry, waiting, lines, now))
    return WatchView(
        position=position,
        sides=tuple(_side(registry, side, reader) for side in sides),
        lines=tuple(lines),
        alarms=tuple(alarmed),
        due=tuple(_due(registry, waiting, calendars, now)),
    )


def _waiting(connection: sqlite3.Connection, base: int, at: int) -> list[Exchange]:
    """Return what waits for an acknowledgement, the most urgent first, and what waits for an answer, the newest first; a page of each."""
    ids = dict.fromkeys((*waiting_at(connection, base, at), *unanswered_at(connection, base, at)))
    return [state_at(connection, base, at, id) for id in ids]


def _side(registry: Registry, side: str, reader: str) -> SideWatch:
    watch = registry.watches.get(side)
    if watch is None:
        return SideWatch(side=side)
    own = side == reader
    return SideWatch(
        side=side,
        manned_since=watch.since.time,
        officer=watch.since.by if own else "",
        turn_over=f"/v1/channels/{registry.name}/reports/turn-over?at={watch.since.position - 1}"
        if own
        else "",
        note=watch.note if own and watch.note is not UNSET else UNSET,
    )


def lines_then(store: Store, channel: str, at: int) -> list[LineView]:
    """Return how each circuit stood at a position, the primary one first."""
    with store.snapshot() as connection:
        return lines_at(connection, store.base(channel), at)


def lines_at(connection: sqlite3.Connection, base: int, at: int) -> list[LineView]:
    """Return each circuit that was ever checked, by its newest checks."""
    rows = connection.execute(
        "SELECT id FROM exchanges INDEXED BY exchanges_line WHERE act = 'line-check' AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT ?",
        (base, base | at, LINE_CHECKS),
    ).fetchall()
    checks = [state_at(connection, base, at, id) for (id,) in rows]
    views: list[LineView] = []
    for circuit in CIRCUITS:
        exchanges = [
            check for check in checks if bytes(check.content["circuit"]) == f'"{circuit}"'.encode()
        ]
        if exchanges or circuit == "primary":
            stands = line_checks.standing(exchanges)
            views.append(
                LineView(
                    circuit=circuit,
                    **{name: getattr(stands, name) for name in stands.__struct_fields__},
                )
            )
    return views


def _alarms(
    connection: sqlite3.Connection,
    base: int,
    at: int,
    registry: Registry,
    waiting: Iterable[Exchange],
    lines: Iterable[LineView],
    now: datetime,
) -> Iterator[Alarm]:
    """Yield what must be seen at once, alike for every side."""
    if registry.kind in UNTIMED:
        return
    for view in lines:
        if view.state == "degraded":
            yield Alarm(
                alarm="line_degraded",
                detail=f"the {view.circuit} line missed {view.missed_running} checks running",
            )
    for side in registry.sides:
        if side.name not in registry.watches:
            yield Alarm(
                alarm="watch_unmanned",
                side=side.name,
                detail=f"nobody has the watch of {side.name}",
            )
    for exchange in waiting:
        for escalation in alarms.escalations(registry, exchange, now):
            yield flash_alarm(
                exchange,
                escalation,
                now,
                record_in(connection, base, message_position(exchange, escalation.message)),
            )
        yield from _undelivered(connection, base, at, registry, exchange, now)


def flash_alarm(
    exchange: Exchange, escalation: Escalation, now: datetime, record: Record | None
) -> Alarm:
    """Return the alarm for a flash that a side has not acknowledged, with what its record says; an erased record says nothing."""
    return Alarm(
        alarm="flash_unacknowledged",
        side=escalation.side,
        exchange=exchange.id,
        number=exchange.number,
        **_awaited(exchange, escalation.message, record),
        since=deadlines.written(escalation.since),
        repeats=escalation.repeats,
        reaches=escalation.rungs,
        detail=f"no acknowledgement by {escalation.side} yet, {int((now - escalation.since).total_seconds())} s passed",
    )


def message_position(exchange: Exchange, id: str) -> int:
    """Return the position of a message's record."""
    return next(message.said.position for message in exchange.messages if message.id == id)


def _awaited(exchange: Exchange, id: str, record: Record | None) -> dict[str, Any]:
    """Return which message is awaited, by whom it was sent, and what its record says."""
    message = next(item for item in exchange.messages if item.id == id)
    raw_records = {} if record is None else content_of(record.newest)
    return {
        "message": id,
        "record": message.said.position,
        "act": message.act,
        "by": message.said.by,
        "said": raw_records,
    }


def _undelivered(
    connection: sqlite3.Connection,
    base: int,
    at: int,
    registry: Registry,
    exchange: Exchange,
    now: datetime,
) -> Iterator[Alarm]:
    """Yield nothing of a side's stations has taken a message at half of the time that its acknowledgement has."""
    limits, _ = profile_of(registry)
    for message in exchange.messages:
        since = datetime.fromisoformat(message.said.time)
        half = timedelta(seconds=limits.acknowledgement[precedence_of(exchange, message)]) / 2
        if now - since < half:
            continue
        for side in owing_receipt(exchange, message):
            if not delivered_at(connection, base, at, side, message):
                yield Alarm(
                    alarm="undelivered",
                    side=side,
                    exchange=exchange.id,
                    number=exchange.number,
                    **_awaited(
                        exchange, message.id, record_in(connection, base, message.said.position)
                    ),
                    since=message.said.time,
                    detail=f"no station of {side} has taken it, and half of the time has passed",
                )


def _due(
    registry: Registry,
    waiting: Iterable[Exchange],
    calendars: dict[str, DutyCalendar],
    now: datetime,
) -> list[DueClock]:
    """Return the clocks that end next, or have ended longest ago, of what waits."""
    due_clocks = [
        DueClock(exchange=exchange.id, number=exchange.number, clock=clock_view(clock, now))
        for exchange in waiting
        for clock in deadlines.running(registry, exchange, calendars)
        if deadlines.is_owed(exchange, clock)
    ]
    return sorted(due_clocks, key=lambda due_clock: due_clock.clock.due)[:_DUE]


def clock_view(clock: Deadline, now: datetime) -> ClockView:
    """Return a clock as it is shown."""
    return ClockView(
        clock=clock.clock,
        side=clock.side,
        started_by=clock.started_by,
        begins=deadlines.written(clock.begins),
        due=deadlines.written(clock.due),
        met="" if clock.met is None else clock.met.when,
        ended="" if clock.ended is None else clock.ended.time,
        binding=clock.binding,
        late=clock.late(now),
    )


def points_at(
    connection: sqlite3.Connection, base: int, at: int, registry: Registry, now: datetime
) -> list[PointOfContactState]:
    """Return the points of contact as they held at a position."""
    rows = connection.execute(
        "SELECT id FROM exchanges INDEXED BY exchanges_point WHERE act = 'point-of-contact' AND key BETWEEN ? AND ? ORDER BY key",
        (base, base | at),
    ).fetchall()
    entries = [state_at(connection, base, at, id) for (id,) in rows]
    calendars = (
        calendars_at(connection, base, at, [side.name for side in registry.sides])
        if entries
        else {}
    )
    return points.points(registry, entries, calendars, now)


def points_of_contact(
    store: Store, channel: str, now: datetime, at: int | None = None, *, members: bool = True
) -> PointsOfContact:
    """Return who is reached for what, when and how, now or as it stood at a position.

    For others than `members`, cards and calendars, what is under the Chatham House Rule
    has no side and no number.
    """
    base = store.base(channel)
    with store.snapshot() as connection:
        at = position_of(connection, channel) if at is None else at
        registry = registry_at(connection, base, at)
        states = [] if registry is None else points_at(connection, base, at, registry, now)
    return PointsOfContact(
        points=tuple(point_view(point) if members else _unattributed(point) for point in states)
    )


def _unattributed(point: PointOfContactState) -> PointView:
    """Return a point of contact as it leaves the members' pages."""
    view = point_view(point)
    return (
        replace(
            view,
            side=attribution.side(point.exchange, view.side),
            number=attribution.number(point.exchange),
            tested=(),
        )
        if attribution.unattributed(point.exchange)
        else view
    )


def point_view(point: PointOfContactState) -> PointView:
    """Return a point of contact as it is shown."""
    exchange = point.exchange
    newest = exchange.acts.get("reconfirmation", ())[-1:]
    return PointView(
        side=exchange.side,
        exchange=exchange.id,
        number=exchange.number,
        role=point.role,
        institution=point.institution,
        person=point.person,
        deputy=point.deputy,
        languages=point.languages,
        means=point.means,
        hours=exchange.content["hours"],
        stage=point.stage,
        acknowledged=exchange.status == "acknowledged",
        there_now=point.there,
        opens="" if point.opens is None else deadlines.written(point.opens),
        valid_from=_member(exchange, "valid_from"),
        valid_to=_member(exchange, "valid_to"),
        confirmed=newest[0].said.time if newest else exchange.opened.time,
        tested=tuple(_tested(exchange)),
    )


def _member(exchange: Exchange, name: str) -> str:
    return str(msgspec.json.decode(exchange.content[name])) if name in exchange.content else ""


def _tested(exchange: Exchange) -> Iterator[MeansTested]:
    """Yield the newest test of each means; they are tested by `call-attempt`, apart from each other."""
    newest = {
        str(msgspec.json.decode(item.content["means"])): item
        for item in exchange.acts.get("call-attempt", ())
    }
    for means, value in sorted(newest.items()):
        outcome = str(msgspec.json.decode(value.content["outcome"]))
        at = msgspec.json.decode(value.content["at"]) if "at" in value.content else value.said.when
        yield MeansTested(
            means=means,
            time=deadlines.written(datetime.fromisoformat(at)),
            side=value.said.side,
            outcome=outcome,
        )


def next_calls(
    connection: sqlite3.Connection,
    base: int,
    at: int,
    registry: Registry,
    exchange: Exchange,
    now: datetime,
) -> tuple[NextCall, ...]:
    """Return whom to ring for the sides that have not acknowledged a flash; nobody while nothing is that urgent."""
    waiting = [escalation.side for escalation in alarms.escalations(registry, exchange, now)]
    if not waiting:
        return ()
    calls = points.next_calls(points_at(connection, base, at, registry, now), waiting, exchange)
    return tuple(NextCall(point=point_view(point), tried=tried) for point, tried in calls)


def flashes(store: Store, channel: str) -> list[Exchange]:
    """Return every flash exchange that waits for an acknowledgement now, the oldest first."""
    base = store.base(channel)
    with store.snapshot() as connection:
        cursor = connection.execute(
            "SELECT e.id, r.state FROM exchanges e INDEXED BY exchanges_waiting JOIN records r ON r.key = (e.key >> 40 << 40) | e.position "
            "WHERE e.unacknowledged != '' AND e.key >> 40 = ? AND e.precedence = 0 ORDER BY e.key",
            (base >> 40,),
        )
        return [decode_exchange(whole(connection, base, id, state)) for id, state in cursor]
