"""Routes of undertakings, mechanisms and transmittals."""

from typing import Any, Final

from dragoman.api.routing import CHANNEL, READ_HEADERS, May, Route
from dragoman.application.http.conditional_requests import (
    At,
    headers_of,
    past,
    served,
    standing,
)
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest
from dragoman.application.operations import transmittals
from dragoman.projection.queries.mechanisms import mechanisms
from dragoman.projection.queries.undertakings import undertakings
from dragoman_schemas.agreement_responses import Mechanisms, TransmittalView, Undertakings


async def show_transmittal(call: ApiRequest[At]) -> ApiAnswer:
    """Return a group's recommendations, and each side's answer to each."""
    projection, position = await standing(call)
    moment = await past(call, projection, call.query.at)
    at, now = (None, call.service.now()) if moment is None else moment
    state = await transmittals.found(call, projection, moment)
    view, _ = await transmittals.view_of(call, projection, state, now)
    return ApiReply(body=view, headers=headers_of(call, projection, at or position, moment))


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/undertakings",
        served(undertakings),
        "What each side undertook, by side and due date",
        At,
        {200: Undertakings},
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/mechanisms",
        served(mechanisms),
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
