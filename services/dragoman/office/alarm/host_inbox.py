"""The inbox over all channels of a caller: what rings, and what their side owes.

Each channel has its deadlines sorted already. A page merges these lists up to its
limit, so it costs as much as the channels and its own rows, and not the exchanges.
"""

import base64
import binascii
import heapq
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.application.clock import stamp
from dragoman.application.deadline_cache import open_deadlines_in
from dragoman.application.http.request import ApiRequest
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.record.errors import refuse
from dragoman.limits import LIST_PAGE
from dragoman.projection.open_deadlines import OpenDeadline, OpenDeadlines
from dragoman.projection.projection import Projection
from dragoman_schemas.identity_responses import HostInbox, OwedCount, OwedItem

_Key = tuple[int, bool, datetime, str, str, str, str]
"""The place of a deadline in the order: rank, exercise, time, channel, and its ids."""

_cursor: Final = msgspec.json.Decoder(_Key)


class InboxQuery(Struct, frozen=True, kw_only=True):
    """The page of the inbox: its beginning and its number of rows."""

    cursor: str = ""
    limit: int = LIST_PAGE


class _PlacedDeadline(Struct, frozen=True, order=False):
    """A deadline in its channel, with its place in the order."""

    key: _Key
    projection: Projection
    deadline: OpenDeadline


async def host_inbox(call: ApiRequest[Any], query: InboxQuery) -> HostInbox:
    """Return the open deadlines of the caller's side in all channels.

    Raises `Refused` for the operator, who has no side and no inbox.
    """
    service, grant = call.service, call.grant
    if grant.is_operator:
        raise refuse("not-found", "The operator has no side and no inbox; use an officer's.")
    if query.limit < 1:
        raise refuse(
            "bad-request", "limit is 1 or more; leave it out for a page of the usual size."
        )
    after = _read(query.cursor) if query.cursor else None
    channels = await open_deadlines_in(call.request.app, service.visible(grant))
    limit = min(query.limit, LIST_PAGE)
    places: list[_PlacedDeadline] = []
    merged = heapq.merge(
        *(_places(projection, owed, grant.side) for projection, owed in channels if owed),
        key=lambda place: place.key,
    )
    for place in merged:
        if after is None or place.key > after:
            places.append(place)
        if len(places) > limit:
            break
    counts = tuple(
        _count(projection, owed, grant.side, live=service.is_live(projection))
        for projection, owed in channels
    )
    now = service.now()
    return HostInbox(
        items=tuple(_item(place, now) for place in places[:limit]),
        ringing=sum(count.ringing for count in counts),
        owed=sum(count.owed for count in counts),
        channels=counts,
        as_of=stamp(now),
        next=_written(places[limit - 1].key) if len(places) > limit else "",
    )


def _places(projection: Projection, owed: OpenDeadlines, side: str) -> Iterator[_PlacedDeadline]:
    """Yield the open deadlines of a side in a channel, the most urgent first."""
    exercise = projection.registry.kind == "exercise"
    for deadline in owed.owed_by(side).deadlines:
        rank, time, exchange, clock, started_by = deadline.urgency
        key = rank, exercise, time, projection.name, exchange, clock, started_by
        yield _PlacedDeadline(key, projection, deadline)


def _count(
    projection: Projection, owed: OpenDeadlines | None, side: str, *, live: bool
) -> OwedCount:
    mine = None if owed is None else owed.owed_by(side)
    return OwedCount(
        channel=projection.name,
        owed=0 if mine is None else len(mine.deadlines),
        ringing=0 if mine is None else mine.ringing,
        position=projection.state.position,
        live=live and mine is not None,
    )


def _item(place: _PlacedDeadline, now: datetime) -> OwedItem:
    deadline, clock = place.deadline, place.deadline.clock
    return OwedItem(
        channel=place.projection.name,
        exchange=deadline.exchange,
        number=deadline.number,
        act=deadline.act,
        message=clock.started_by,
        message_act=deadline.message_act,
        by=deadline.by,
        precedence=deadline.precedence,
        clock=clock.clock,
        side=clock.side,
        begins=timestamp(clock.begins),
        due=timestamp(clock.due),
        binding=clock.binding,
        subject=deadline.subject,
        rings=deadline.rings,
        late=now > clock.due,
        exercise=place.projection.registry.kind == "exercise",
    )


def _written(key: _Key) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _read(cursor: str) -> _Key:
    """Return the place after which a page begins. Raises `Refused`."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        key: _Key = _cursor.decode(raw)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise refuse(
            "bad-request", "cursor is as `Link: rel=next` gave it; leave it out for the first page."
        ) from None
    return key
