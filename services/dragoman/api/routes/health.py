"""Routes of the health of the service."""

from typing import Any, Final

from dragoman.api.routing import May, Route
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.operations.host_health import health
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.host_responses import Health


async def livez(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return that the process is alive."""
    return ApiReply(body=Health(status="ok"))


async def readyz(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return whether the service may be used: 200 or 503."""
    grant = call.request.get("grant")
    is_operator = isinstance(grant, Grant) and grant.is_operator
    result = await health(call.request.app, is_operator=is_operator)
    return ApiReply(body=result, status=200 if result.status == "ok" else 503)


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        "/livez",
        livez,
        "Liveness: whether the process runs",
        NoBody,
        {200: Health},
        may=May.ANYBODY,
    ),
    Route(
        "GET",
        "/readyz",
        readyz,
        "Readiness: whether the service may be used",
        NoBody,
        {200: Health, 503: Health},
        may=May.ANYBODY,
    ),
)
