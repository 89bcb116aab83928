"""Routes of undertakings, mechanisms and transmittals."""

from collections.abc import Callable
from typing import Any, Final

from dragoman.api.routing import CHANNEL, READ_HEADERS, May, Route
from dragoman.application.http.conditional_requests import At, headers_of, past, standing
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest
from dragoman.application.http.submission import in_thread
from dragoman.application.operations import transmittals
from dragoman.projection.queries.mechanisms import mechanisms
from dragoman.projection.queries.undertakings import undertakings
from dragoman_schemas.agreement_responses import Mechanisms, TransmittalView, Undertakings


async def show_undertakings(call: ApiRequest[At]) -> ApiAnswer:
    """Return the undertakings of each side, by due date."""
    return await _listed(call, undertakings)


async def show_mechanisms(call: ApiRequest[At]) -> ApiAnswer:
    """Return every mechanism: what talks, and what does not."""
    return await _listed(call, mechanisms)


async def _listed(call: ApiRequest[At], query: Callable[..., Any]) -> ApiAnswer:
    projection, position = await standing(call)
    moment = await past(call, projection, position)
    service = call.service
    at, now = (position, service.now()) if moment is None else moment
    body = await in_thread(call, query, service.store, projection.name, at, now)
    return ApiReply(body=body, headers=headers_of(call, projection, at, moment))


async def show_transmittal(call: ApiRequest[At]) -> ApiAnswer:
    """Return a group's recommendations, and each side's answer to each."""
    projection, position = await standing(call)
    moment = await past(call, projection, position)
    at, now = (None, call.service.now()) if moment is None else moment
    state = await transmittals.found(call, projection, at)
    view, _ = await transmittals.view_of(call, projection, state, now)
    return ApiReply(body=view, headers=headers_of(call, projection, at or position, moment))


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/undertakings",
        show_undertakings,
        "What each side undertook, by side and due date",
        At,
        {200: Undertakings},
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/mechanisms",
        show_mechanisms,
        "What talks and what does not: every mechanism",
        At,
        {200: Mechanisms},
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/transmittals/{{exchange}}",
        show_transmittal,
        "A group's recommendations, and each side's answers",
        At,
        {200: TransmittalView},
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
)
