"""Routes of records: the inbox, the records and their causes."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.api import sse, station_feed
from dragoman.api.live_tails import TAILS
from dragoman.api.routing import CACHE_HEADERS, CHANNEL, READ_HEADERS, May, Route
from dragoman.api.sse_broadcast import EventLine
from dragoman.application import finality
from dragoman.application.http.conditional_requests import (
    ask,
    headers_of,
    in_view,
    standing,
    turn,
    wanted_media,
)
from dragoman.application.http.rate_limits import RATE_LIMITS
from dragoman.application.http.request import (
    JSON,
    ApiAnswer,
    ApiReply,
    ApiRequest,
    NoBody,
)
from dragoman.application.http.submission import wanted_position, whole
from dragoman.application.operations import (
    transparency_log,
)
from dragoman.domain.acts.access import is_station
from dragoman.domain.record.errors import refuse
from dragoman.projection.projection import Projection
from dragoman.projection.queries import lists
from dragoman.projection.queries.causation import causes
from dragoman.projection.stored_row import StoredRow as Stored
from dragoman_schemas.responses import (
    Causes,
    Entry,
    Rows,
)

CLOUDEVENT: Final = "application/cloudevents+json"


class FromPosition(Struct, frozen=True, kw_only=True):
    """The beginning of a stream of records: `from` a position, or `after` one."""

    from_: int = msgspec.field(name="from", default=0)
    after: int | None = None


class After(Struct, frozen=True, kw_only=True):
    """The position after which an inbox goes on.

    Without it, the inbox begins with all that waits.
    """

    after: int | None = None


def _resumed(call: ApiRequest[Any], after: int | None) -> int | None:
    """Return the position after which a stream goes on. Raises `Refused`."""
    newest = call.request.headers.get("Last-Event-ID", "")
    resumed = whole(newest)
    if newest and resumed is None:
        raise refuse(
            "bad-request",
            "Last-Event-ID is the position of the record that came last; leave it out to begin.",
        )
    return after if resumed is None else resumed


async def _streamed(
    call: ApiRequest[Any],
    projection: Projection,
    line: Callable[[Stored], EventLine | None],
    missed: sse.Missed,
    first: int,
) -> web.StreamResponse:
    """Return a live stream. Raises `Refused` if the officer has too many of them.

    HEAD is not allowed, because the stream has no end to wait for.
    """
    if call.request.method == "HEAD":
        raise web.HTTPMethodNotAllowed("HEAD", ["GET"])
    service, grant, tails, budgets = (
        call.service,
        call.grant,
        call.request.app[TAILS],
        call.request.app[RATE_LIMITS],
    )
    tail = await sse.tail_of(tails, service, projection, line)
    still: Callable[[], bool] = call.request.get(
        "still", lambda: service.access.holds(grant, time.time())
    )
    attend = (
        partial(station_feed.attend, call, projection)
        if is_station(projection.registry, grant.actor)
        else None
    )
    account = budgets.open_stream(grant, projection.registry.cid)
    try:
        return await sse.stream(
            call.request, service, projection, tail, grant, sse.Begins(first, missed, still, attend)
        )
    finally:
        budgets.close_stream(account)


async def show_inbox(call: ApiRequest[After]) -> ApiAnswer:
    """Return the exchanges that concern the caller's side, as a list or live.

    The list has all that waits for the side.
    """
    media = wanted_media(call.request, (JSON, sse.EVENT_STREAM))
    service, side = call.service, call.grant.side
    if media == sse.EVENT_STREAM:
        projection, after = call.channel, _resumed(call, call.query.after)
        if after is not None and after < 0:
            raise refuse("bad-request", "after is a position, 0 or more.")
        return await _streamed(
            call,
            projection,
            sse.changed,
            sse.inbox(service, projection, side, after),
            (after or 0) + 1,
        )
    answer = await ask(call, lists.inbox, side, None)
    return ApiReply(
        body=Rows(exchanges=tuple(answer.body), position=answer.position), headers=answer.headers
    )


async def stream_records(call: ApiRequest[FromPosition]) -> ApiAnswer:
    """Return records up to now, or live."""
    projection = call.channel
    service, grant = call.service, call.grant
    media = wanted_media(call.request, (sse.NDJSON, sse.EVENT_STREAM, sse.CLOUDEVENTS))
    after = _resumed(call, call.query.after)
    if call.query.from_ < 0 or (after is not None and after < 0):
        raise refuse(
            "bad-request", "Records are counted from 1: from is 1 or more, after 0 or more."
        )
    if media == sse.EVENT_STREAM:
        first = (
            after + 1 if after is not None else call.query.from_ or projection.state.position + 1
        )
        is_raw = is_station(projection.registry, grant.actor)
        brought = sse.missed_messages if is_raw else sse.missed
        return await _streamed(
            call,
            projection,
            sse.message if is_raw else sse.recorded,
            lambda since, last: brought(service, projection, since, last),
            first,
        )
    first = after + 1 if after is not None else call.query.from_ or 1
    await projection.reached(wanted_position(call.request))
    if media == sse.CLOUDEVENTS:
        await projection.in_file()
        return await sse.batch(
            service, projection, service.receiving_side(grant, projection), first, call.request.path
        )
    return await sse.lines(
        call.request,
        service,
        projection,
        service.receiving_side(grant, projection),
        first,
        projection.state.position,
    )


async def show_causes(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the records that caused a record, and those that it caused."""
    projection, position = await standing(call)
    number = whole(call.path("position"))
    result: Causes | None = None
    if number is not None and 1 <= number <= position:
        async with turn(call.request, projection):
            result, _ = await in_view(call, projection, None, None, causes, number)
    if result is None:
        raise refuse("not-found", "There is no valid record of an exchange at that position.")
    return ApiReply(body=result, headers=headers_of(call, projection, position))


async def show_record(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the exact bytes of a record."""
    projection, position = await standing(call)
    number = whole(call.path("position"))
    if number is None or not 1 <= number <= position:
        raise refuse(
            "not-found", "Positions are whole numbers from 1 to %(newest)s.", newest=position
        )
    raw, commit, digest, valid = projection.bytes_at(number)
    stands = finality.standing(await call.service.coverage.of(projection), number)
    headers = {
        "Dragoman-Position": str(number),
        "Dragoman-Commit": commit,
        "Dragoman-Digest": digest,
        "Dragoman-Void": "false" if valid else "true",
        "ETag": f'"{commit}"',
        "Dragoman-Proof": stands.proof,
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(
        body=raw,
        headers=headers,
        content_type=CLOUDEVENT if raw[:1] == b"{" else "application/octet-stream",
    )


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/inbox",
        show_inbox,
        "The inbox of the caller's side, as a list or live",
        After,
        {200: Rows},
        media=(JSON, sse.EVENT_STREAM),
        headers=(*READ_HEADERS, "Last-Event-ID"),
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/records",
        stream_records,
        "The records up to now, or live",
        FromPosition,
        {200: Entry},
        media=(sse.NDJSON, sse.EVENT_STREAM, sse.CLOUDEVENTS),
        headers=("Last-Event-ID", *READ_HEADERS),
        may=May.MEMBER,
        streams=True,
        answer_headers=(
            "Dragoman-Position",
            "Link",
        ),
    ),
    Route(
        "GET",
        f"{CHANNEL}/records/{{position}}",
        show_record,
        "The exact bytes of a record",
        NoBody,
        {200: None, 304: None},
        media=(CLOUDEVENT, transparency_log.BYTES),
        headers=(*READ_HEADERS, *CACHE_HEADERS),
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/records/{{position}}/causes",
        show_causes,
        "The causes and the effects of a record",
        NoBody,
        {200: Causes},
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
)
