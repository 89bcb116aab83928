"""Routes of the health of the service."""

from collections.abc import Sequence
from typing import Any, Final

from dragoman.api.routing import May, Route
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.operations.host_health import checks
from dragoman.readiness import health_of, readiness_of
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.host_responses import Check, Health


async def livez(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return that the process is alive."""
    return ApiReply(body=Health(status="ok"))


async def readyz(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return whether requests should be sent to this gateway: 200 or 503."""
    return _reply(readiness_of(await _checks(call)))


async def healthz(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return whether all is well: 200 or 503."""
    return _reply(health_of(await _checks(call)))


async def _checks(call: ApiRequest[NoBody]) -> Sequence[Check]:
    grant = call.request.get("grant")
    is_operator = isinstance(grant, Grant) and grant.is_operator
    return await checks(call.request.app, is_operator=is_operator)


def _reply(health: Health) -> ApiReply:
    return ApiReply(body=health, status=200 if health.status == "ok" else 503)


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
        "Readiness: whether requests should be sent to this gateway",
        NoBody,
        {200: Health, 503: Health},
        may=May.ANYBODY,
    ),
    Route(
        "GET",
        "/healthz",
        healthz,
        "Health: whether the host is well, for monitors and alerts",
        NoBody,
        {200: Health, 503: Health},
        may=May.ANYBODY,
    ),
)
