"""Routes of webhook endpoints."""

from typing import Any, Final

from aiohttp import web

from dragoman.api import examples
from dragoman.api.routing import May, Route
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.http.submission import key_of, whole
from dragoman.application.operations.webhook_endpoints import (
    add,
    deliveries_of,
    endpoint_view,
    endpoints_of,
    find_endpoint,
    remove,
    send_again,
    send_test,
)
from dragoman_schemas.host_responses import (
    AddedEndpoint,
    Deliveries,
    DeliveryView,
    Endpoints,
    EndpointView,
    NewEndpoint,
)


async def list_endpoints(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the endpoints of the caller's side."""
    return ApiReply(body=Endpoints(endpoints=await endpoints_of(call)))


async def new_endpoint(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Add an endpoint of the caller's side."""
    new = await call.decoded(NewEndpoint)
    added = await add(call, new, key_of(call.request.headers.get("Idempotency-Key")))
    return ApiReply(
        body=added,
        status=201,
        headers={"Location": f"/v1/webhooks/{added.id}", "Cache-Control": "no-store"},
    )


async def show_endpoint(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return an endpoint and its progress."""
    return ApiReply(body=endpoint_view(call, *await find_endpoint(call, call.path("endpoint"))))


async def remove_endpoint(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Remove an endpoint."""
    await remove(call, call.path("endpoint"))
    return web.Response(status=204)


async def list_deliveries(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the deliveries that wait or were given up."""
    return ApiReply(body=Deliveries(deliveries=await deliveries_of(call, call.path("endpoint"))))


async def resend(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Try a delivery again at once."""
    return ApiReply(
        body=await send_again(call, call.path("endpoint"), whole(call.path("position"))), status=202
    )


async def test_endpoint(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Send a test to an endpoint."""
    return ApiReply(body=await send_test(call, call.path("endpoint")), status=202)


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        "/v1/webhooks",
        list_endpoints,
        "The notification endpoints of the caller's side",
        NoBody,
        {200: Endpoints},
        may=May.CALLER,
    ),
    Route(
        "POST",
        "/v1/webhooks",
        new_endpoint,
        "Add a notification endpoint of the caller's side",
        NoBody,
        {201: AddedEndpoint},
        takes=NewEndpoint,
        headers=("Idempotency-Key",),
        example=examples.ENDPOINT,
        may=May.OWN_HEADS,
        refusals=("no-room", "unavailable"),
    ),
    Route(
        "GET",
        "/v1/webhooks/{endpoint}",
        show_endpoint,
        "An endpoint and its progress",
        NoBody,
        {200: EndpointView},
        may=May.OWN_OFFICE,
    ),
    Route(
        "DELETE",
        "/v1/webhooks/{endpoint}",
        remove_endpoint,
        "Remove an endpoint",
        NoBody,
        {204: None},
        may=May.OWN_HEADS,
    ),
    Route(
        "GET",
        "/v1/webhooks/{endpoint}/deliveries",
        list_deliveries,
        "The deliveries that wait or were given up",
        NoBody,
        {200: Deliveries},
        may=May.OWN_OFFICE,
    ),
    Route(
        "POST",
        "/v1/webhooks/{endpoint}/deliveries/{position}/resend",
        resend,
        "Try a delivery again at once",
        NoBody,
        {202: DeliveryView},
        may=May.OWN_HEADS,
        refusals=("moved",),
    ),
    Route(
        "POST",
        "/v1/webhooks/{endpoint}/test",
        test_endpoint,
        "Send a test to an endpoint",
        NoBody,
        {202: EndpointView},
        may=May.OWN_HEADS,
        refusals=("moved",),
    ),
)
