"""The view of the duty watch: its officers, the line, alarms, deadlines and calls."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from dragoman.domain.acts import deadline_outcomes, deadlines, line_checks
from dragoman.domain.acts.deadlines import UNTIMED, Deadline, is_timed, profile_of, timestamp
from dragoman.domain.acts.families.exchange import precedence_of
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.record.codec import Record
from dragoman.domain.views import alarms, attribution
from dragoman.domain.views import points_of_contact as points
from dragoman.domain.views.alarms import Escalation, UnpassedMessage
from dragoman.domain.views.points_of_contact import PointOfContactState
from dragoman.domain.views.receipts import awaited_from
from dragoman.limits import OPEN_LOOKED
from dragoman.projection.open_deadlines import CIRCUITS, LINE_CHECKS
from dragoman.projection.row_keys import NEWEST_RECORD, POSITION_BITS, channel_number
from dragoman.projection.view import View
from dragoman_schemas.responses import ClockView, MeansTested, NextCall, PointsOfContact, PointView
from dragoman_schemas.state import Exchange, Registry
from dragoman_schemas.watch_responses import Alarm, DueClock, LineView, SideWatch, WatchView

_DUE: Final = 20


def watch_view(view: View, reader: str) -> WatchView:
    """Return the watch of a channel in a side's view."""
    registry, now = view.registry, view.moment
    waiting = _waiting(view)
    lines = lines_of(view)
    announced = _announced(view, waiting)
    alarmed = list(_alarms(view, waiting, lines))
    alarmed += [
        unpassed_alarm(exchange, message)
        for exchange in (*waiting, *announced)
        for message in alarms.unpassed(registry, exchange, now)
    ]
    return WatchView(
        position=view.position,
        sides=tuple(_side(registry, side, reader) for side in view.sides),
        lines=tuple(lines),
        alarms=tuple(alarmed),
        due=tuple(_due(view, (*waiting, *announced))),
    )


def _waiting(view: View) -> list[Exchange]:
    """Return the exchanges that wait for an acknowledgement or an answer.

    Those that wait for an acknowledgement come first, the most urgent at the top. Then
    come those that wait for an answer, the newest at the top. Each is at most a page.
    """
    ids = dict.fromkeys((*view.waiting_ids(), *view.unanswered_ids()))
    return [view.known(id) for id in ids]


def _announced(view: View, waiting: Iterable[Exchange]) -> list[Exchange]:
    """Return the further exchanges whose windows and incidents somebody may pass on."""
    if view.registry.kind in UNTIMED:
        return []
    read = {exchange.id for exchange in waiting}
    announced = [exchange for exchange in view.announced() if exchange.id not in read]
    if not view.registry.onward:
        return announced
    read.update(exchange.id for exchange in announced)
    _, names = view.open_ids()
    others = (name for name in names[:OPEN_LOOKED] if name not in read)
    return announced + [view.known(name) for name in others]


def unpassed_alarm(exchange: Exchange, message: UnpassedMessage) -> Alarm:
    """Return the alarm for a message that a side has not passed on by its limit."""
    posts = ", ".join(message.posts)
    opens = "" if message.opens is None else f"; the window opens {timestamp(message.opens)}"
    return Alarm(
        alarm="not_passed_on",
        side=message.side,
        exchange=exchange.id,
        number=exchange.number,
        message=message.message,
        record=message_position(exchange, message.message),
        since=timestamp(message.since),
        reaches=message.rungs,
        detail=f"{message.side} has not said that it passed this on to {posts}{opens}",
    )


def _side(registry: Registry, side: str, reader: str) -> SideWatch:
    watch = registry.watches.get(side)
    if watch is None:
        return SideWatch(side=side)
    is_own = side == reader
    return SideWatch(
        side=side,
        manned_since=watch.since.time,
        officer=watch.since.by if is_own else "",
        turn_over=f"/v1/channels/{registry.name}/reports/turn-over?at={watch.since.position - 1}"
        if is_own
        else "",
        note=watch.note if is_own and watch.note is not UNSET else UNSET,
    )


def lines_of(view: View) -> list[LineView]:
    """Return each circuit that was ever checked, by its newest checks.

    The primary circuit is always among them, and the first.
    """
    rows = view.connection.execute(
        "SELECT id FROM exchanges INDEXED BY exchanges_line WHERE act = 'line-check' "
        "AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT ?",
        (view.base, view.key, LINE_CHECKS),
    ).fetchall()
    checks = [view.known(id) for (id,) in rows]
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


def _alarms(view: View, waiting: Iterable[Exchange], lines: Iterable[LineView]) -> Iterator[Alarm]:
    """Yield the alarms of a channel, which are the same for every side."""
    registry, now = view.registry, view.moment
    if not is_timed(registry):
        return
    for line in lines:
        if line.state == "degraded":
            yield Alarm(
                alarm="line_degraded",
                detail=f"the {line.circuit} line missed {line.missed_running} checks running",
            )
    for side in registry.sides:
        if side.name not in registry.watches and not side.observer:
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
                view.record(message_position(exchange, escalation.message)),
            )
        yield from _undelivered(view, exchange)


def flash_alarm(
    exchange: Exchange, escalation: Escalation, now: datetime, record: Record | None
) -> Alarm:
    """Return the alarm for a flash that a side has not acknowledged.

    It has the content of the flash's record, unless that was erased.
    """
    return Alarm(
        alarm="flash_unacknowledged",
        side=escalation.side,
        exchange=exchange.id,
        number=exchange.number,
        **_awaited(exchange, escalation.message, record),
        since=deadlines.timestamp(escalation.since),
        repeats=escalation.repeats,
        reaches=escalation.rungs,
        detail=f"no acknowledgement by {escalation.side} yet, "
        f"{int((now - escalation.since).total_seconds())} s passed",
    )


def message_position(exchange: Exchange, id: str) -> int:
    """Return the position of a message's record."""
    return next(message.said.position for message in exchange.messages if message.id == id)


def _awaited(exchange: Exchange, id: str, record: Record | None) -> dict[str, Any]:
    """Return the members of an alarm about a message that waits for a receipt.

    They give the message, its author and the content of its record.
    """
    message = next(message for message in exchange.messages if message.id == id)
    content = {} if record is None else content_of(record.newest)
    return {
        "message": id,
        "record": message.said.position,
        "act": message.act,
        "by": message.said.by,
        "said": content,
    }


def _undelivered(view: View, exchange: Exchange) -> Iterator[Alarm]:
    """Yield an alarm for each message that no station of a side has received.

    It is due at half of the time that the acknowledgement has.
    """
    limits, _ = profile_of(view.registry)
    for message in exchange.messages:
        since = datetime.fromisoformat(message.said.time)
        half = timedelta(seconds=limits.acknowledgement[precedence_of(exchange, message)]) / 2
        if view.moment - since < half:
            continue
        for side in awaited_from(view.registry, exchange, message):
            if not view.delivered(side, message):
                yield Alarm(
                    alarm="undelivered",
                    side=side,
                    exchange=exchange.id,
                    number=exchange.number,
                    **_awaited(exchange, message.id, view.record(message.said.position)),
                    since=message.said.time,
                    detail=f"no station of {side} has taken it, and half of the time has passed",
                )


def _due(view: View, waiting: Iterable[Exchange]) -> list[DueClock]:
    """Return the deadlines of waiting exchanges that end next, the soonest first.

    Those that have ended longest ago come first.
    """
    due_clocks = [
        DueClock(exchange=exchange.id, number=exchange.number, clock=clock_view(clock, view.moment))
        for exchange in waiting
        for clock in deadlines.deadlines_of(view.registry, exchange, view.calendars)
        if deadline_outcomes.is_owed(exchange, clock)
    ]
    return sorted(due_clocks, key=lambda due_clock: due_clock.clock.due)[:_DUE]


def clock_view(clock: Deadline, now: datetime) -> ClockView:
    """Return the public form of a deadline."""
    return ClockView(
        clock=clock.clock,
        side=clock.side,
        started_by=clock.started_by,
        begins=deadlines.timestamp(clock.begins),
        due=deadlines.timestamp(clock.due),
        met="" if clock.met is None else clock.met.when,
        ended="" if clock.ended is None else clock.ended.time,
        binding=clock.binding,
        late=clock.late(now),
    )


def points_of(view: View) -> list[PointOfContactState]:
    """Return the points of contact with their states."""
    rows = view.connection.execute(
        "SELECT id FROM exchanges INDEXED BY exchanges_point WHERE act = 'point-of-contact' "
        "AND key BETWEEN ? AND ? ORDER BY key",
        (view.base, view.key),
    ).fetchall()
    entries = [view.known(id) for (id,) in rows]
    calendars = view.calendars if entries else {}
    return points.points(view.registry, entries, calendars, view.moment)


def points_of_contact(view: View, *, members: bool = True) -> PointsOfContact:
    """Return the points of contact: role, means and hours.

    For readers other than `members`, on cards and in calendars, points under the
    Chatham House Rule have no side and no number.
    """
    return PointsOfContact(
        points=tuple(
            point_view(point) if members else _unattributed(point) for point in points_of(view)
        )
    )


def _unattributed(point: PointOfContactState) -> PointView:
    """Return a point of contact as it appears outside the members' pages."""
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
    """Return the public form of a point of contact."""
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
        means_text=exchange.content.get("channels_text", UNSET),
        hours=exchange.content["hours"],
        stage=point.stage,
        acknowledged=exchange.status == "acknowledged",
        there_now=point.there,
        opens="" if point.opens is None else deadlines.timestamp(point.opens),
        valid_from=_member(exchange, "valid_from"),
        valid_to=_member(exchange, "valid_to"),
        confirmed=newest[0].said.time if newest else exchange.opened.time,
        tested=tuple(_tested(exchange)),
    )


def _member(exchange: Exchange, name: str) -> str:
    return str(msgspec.json.decode(exchange.content[name])) if name in exchange.content else ""


def _tested(exchange: Exchange) -> Iterator[MeansTested]:
    """Yield the newest test of each means; `call-attempt` tests each on its own."""
    newest = {
        str(msgspec.json.decode(attempt.content["means"])): attempt
        for attempt in exchange.acts.get("call-attempt", ())
    }
    for means, attempt in sorted(newest.items()):
        outcome = str(msgspec.json.decode(attempt.content["outcome"]))
        at = (
            msgspec.json.decode(attempt.content["at"])
            if "at" in attempt.content
            else attempt.said.when
        )
        yield MeansTested(
            means=means,
            time=deadlines.timestamp(datetime.fromisoformat(at)),
            side=attempt.said.side,
            outcome=outcome,
        )


def next_calls(view: View, exchange: Exchange) -> tuple[NextCall, ...]:
    """Return the calls to make to sides that have not acknowledged a flash.

    Empty while nothing is that urgent.
    """
    waiting = [item.side for item in alarms.escalations(view.registry, exchange, view.moment)]
    if not waiting:
        return ()
    calls = points.next_calls(points_of(view), waiting, exchange)
    return tuple(NextCall(point=point_view(point), tried=tried) for point, tried in calls)


def passed_on_later(view: View) -> list[Exchange]:
    """Return the open exchanges that a side may still have to pass on.

    Empty for a channel in which no side has an onward list.
    """
    return _announced(view, ()) if view.opened is not None and view.registry.onward else []


def flashes(view: View) -> list[Exchange]:
    """Return every flash exchange that waits for an acknowledgement, oldest first."""
    cursor = view.connection.execute(
        "SELECT e.id, r.state "  # fixed words  # noqa: S608
        f"FROM exchanges e INDEXED BY exchanges_waiting JOIN records r ON {NEWEST_RECORD} "
        f"WHERE e.unacknowledged != '' AND e.key >> {POSITION_BITS} = ? AND e.precedence = 0 "
        "ORDER BY e.key",
        (channel_number(view.base),),
    )
    return [view.stored(id, state) for id, state in cursor]
