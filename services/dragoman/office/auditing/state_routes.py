"""Routes of the liaison state: the watch, the state, differences and statistics."""

from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.api.routing import CACHE_HEADERS, CHANNEL, READ_HEADERS, May, Route
from dragoman.application.http.conditional_requests import (
    At,
    ask,
    headers_of,
    in_view,
    past,
    standing,
    turn,
    unchanged,
)
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest
from dragoman.domain.record.errors import refuse
from dragoman.projection.moments import PastMoment
from dragoman.projection.queries import duty_watch, liaison_state
from dragoman.projection.queries.snapshot import PeriodQuery
from dragoman.projection.queries.statistics import statistics
from dragoman.projection.view import View
from dragoman_schemas.state_responses import Difference, LiaisonState
from dragoman_schemas.statistics_figures import Statistics
from dragoman_schemas.watch_responses import WatchView


class DiffQuery(Struct, frozen=True, kw_only=True):
    """The positions of a difference: after `from`, up to `to`; 0 means now."""

    from_: int = msgspec.field(name="from", default=0)
    to: int = 0


class StatisticsQuery(PeriodQuery, frozen=True, kw_only=True):
    """The period of statistics, limited to a side and a format."""

    side: str = ""
    format: str = ""


async def show_watch(call: ApiRequest[At]) -> ApiAnswer:
    """Return the duty watch: who has it, the line, and what must not wait."""
    answer = await ask(call, duty_watch.watch_view, call.grant.side)
    return ApiReply(body=answer.body, headers=answer.headers)


async def show_state(call: ApiRequest[At]) -> ApiAnswer:
    """Return the liaison state and its digest."""
    projection, position = await standing(call)
    service, store = call.service, call.service.store
    moment = await past(call, projection, call.query.at)
    at = position if moment is None else moment.position
    as_of, live = service.as_of(projection), service.is_live(projection)
    # An erasure changes past states too, so the kept state only answers for the newest position.
    ready = (
        liaison_state.kept(store, projection.name, position, as_of, live=live)
        if at == position
        else None
    )
    if ready is None:
        generation = store.generation

        def query(view: View) -> tuple[LiaisonState, int]:
            return liaison_state.liaison_state(view, as_of, live=live), view.newest

        (state, newest), _ = await in_view(call, projection, None, moment, query)
        if state.position == newest and store.generation == generation:
            store.newest_states[projection.name] = state
    else:
        state = ready
    headers = headers_of(call, projection, state.position, moment)
    headers["ETag"] = f'W/"{state.digest}"'
    return (
        web.Response(status=304, headers=headers)
        if unchanged(call, headers["ETag"])
        else ApiReply(body=state, headers=headers)
    )


async def show_difference(call: ApiRequest[DiffQuery]) -> ApiAnswer:
    """Return the changes between two positions."""
    projection, position = await standing(call)
    first, last = call.query.from_, call.query.to or position
    if not 0 <= first < last <= position:
        raise refuse(
            "bad-request",
            "from and to are positions, from 0 and up to %(newest)s, the first below the second.",
            newest=position,
        )
    moment = PastMoment(last, call.service.now())
    async with turn(call.request, projection):
        body, _ = await in_view(call, projection, None, moment, liaison_state.difference, first)
    return ApiReply(body=body, headers=headers_of(call, projection, last))


async def show_statistics(call: ApiRequest[StatisticsQuery]) -> ApiAnswer:
    """Return the statistics of a period: what each side owed and did."""
    projection, _ = await standing(call)
    service, query = call.service, call.query
    as_of = service.as_of(projection)
    async with turn(call.request, projection):
        body, _ = await in_view(
            call, projection, None, None, statistics, query, as_of, query.side, query.format
        )
    return ApiReply(body=body, headers=headers_of(call, projection, body.position))


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/state",
        show_state,
        "The liaison state and its digest",
        At,
        {200: LiaisonState, 304: None},
        headers=(*READ_HEADERS, *CACHE_HEADERS),
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/diff",
        show_difference,
        "The changes between two positions",
        DiffQuery,
        {200: Difference},
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/watch",
        show_watch,
        "The duty watch, the line, and what must not wait",
        At,
        {200: WatchView},
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/statistics",
        show_statistics,
        "The statistics of a period: what each side owed and did",
        StatisticsQuery,
        {200: Statistics},
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
)
