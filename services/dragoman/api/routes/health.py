"""Routes of the health of the service."""

from typing import Any, Final

from dragoman.api.routing import May, Route
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.operations.host_health import health
from dragoman_schemas.host_responses import Health


async def livez(call: ApiRequest[NoBody]) -> ApiAnswer:
    return ApiReply(body=Health(status="ok"))


async def readyz(call: ApiRequest[NoBody]) -> ApiAnswer:
    result = await health(call)
    return ApiReply(body=result, status=200 if result.status == "ok" else 503)


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET", "/livez", livez, "Whether the process lives", NoBody, {200: Health}, may=May.ANYBODY
    ),
    Route(
        "GET",
        "/readyz",
        readyz,
        "Whether the service may be used",
        NoBody,
        {200: Health, 503: Health},
        may=May.ANYBODY,
    ),
)
