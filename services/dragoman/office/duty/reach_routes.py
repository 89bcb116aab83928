"""Routes of an officer's own ways to be reached away from the pages."""

from typing import Any, Final

from aiohttp import web

from dragoman.api import examples
from dragoman.api.routing import May, Route
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.http.submission import key_of
from dragoman.application.operations.endpoint_tests import confirm
from dragoman.application.operations.own_reach import add, reach_of, remove, test_all
from dragoman.domain.record.errors import refuse
from dragoman_schemas.reach_responses import (
    NewReach,
    Reach,
    ReachCode,
    ReachConfirmed,
    ReachEndpoint,
    ReachTested,
)


async def show_reach(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the caller's ways, and the ways that the operator offers."""
    return ApiReply(body=await reach_of(call))


async def new_way(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Add a way to reach the caller."""
    new = await call.decoded(NewReach)
    added = await add(call, new, key_of(call.request.headers.get("Idempotency-Key")))
    return ApiReply(body=added, status=201, headers={"Cache-Control": "no-store"})


async def remove_way(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Remove a way of the caller."""
    await remove(call, call.path("way"))
    return web.Response(status=204)


async def send_tests(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Send a test by each way of the caller."""
    return ApiReply(body=ReachTested(endpoints=await test_all(call)), status=202)


async def confirm_test(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Confirm that a test has arrived."""
    code = await call.decoded(ReachCode)
    confirmed = await confirm(call.service, code.code)
    if confirmed is None:
        raise refuse(
            "not-found",
            "No test of the last day has this code. Send a test, and use its code.",
        )
    return ApiReply(body=confirmed)


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        "/v1/reach",
        show_reach,
        "How the caller is reached away from the pages",
        NoBody,
        {200: Reach},
        may=May.CALLER,
    ),
    Route(
        "POST",
        "/v1/reach",
        new_way,
        "Add a way to reach the caller",
        NoBody,
        {201: ReachEndpoint},
        takes=NewReach,
        headers=("Idempotency-Key",),
        example=examples.REACH,
        may=May.SELF,
        refusals=("no-room", "unavailable", "not-found"),
    ),
    Route(
        "DELETE",
        "/v1/reach/{way}",
        remove_way,
        "Remove a way of the caller",
        NoBody,
        {204: None},
        may=May.CALLER,
    ),
    Route(
        "POST",
        "/v1/reach/tests",
        send_tests,
        "Send a test by each way of the caller",
        NoBody,
        {202: ReachTested},
        may=May.CALLER,
    ),
    Route(
        "POST",
        "/v1/reach/confirmations",
        confirm_test,
        "Confirm that a test has arrived",
        NoBody,
        {200: ReachConfirmed},
        takes=ReachCode,
        example=examples.REACH_CODE,
        may=May.CALLER,
        refusals=("not-found",),
    ),
)
