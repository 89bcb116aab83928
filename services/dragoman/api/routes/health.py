"""Routes of the health of the service."""

from typing import Any, Final

from dragoman.api.routing import May, Route
from dragoman.application.http.request import Answered, Call, Nothing, Reply
from dragoman.application.operations.host_health import health
from dragoman_schemas.responses import (
    Health,
)


async def livez(call: Call[Nothing]) -> Answered:
    return Reply(body=Health(status="ok"))


async def readyz(call: Call[Nothing]) -> Answered:
    found = await health(call)
    return Reply(body=found, status=200 if found.status == "ok" else 503)


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET", "/livez", livez, "Whether the process lives", Nothing, {200: Health}, may=May.ANYBODY
    ),
    Route(
        "GET",
        "/readyz",
        readyz,
        "Whether the service may be used",
        Nothing,
        {200: Health, 503: Health},
        may=May.ANYBODY,
    ),
)
