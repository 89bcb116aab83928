"""The typed layer over aiohttp: a route declares its shapes.

    Route("GET", "/v1/channels/{channel}/state", show_state, "The liaison state", At,
          {200: LiaisonState}, may=May.MEMBER)

The handler gets an `ApiRequest` whose query is decoded. It returns an `ApiReply`, whose
body is encoded, or a prepared response. The OpenAPI document is made from the same
routes, so nothing is written twice.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Generic

from aiohttp import web
from msgspec import Struct

from dragoman.application.http.queries import of_call
from dragoman.application.http.request import (
    JSON,
    ApiAnswer,
    ApiRequest,
    S,
    add_route,
    compressed,
    respond,
)
from dragoman.domain.record.errors import refuse
from dragoman.stores.tokens_and_sessions import StationGrant

CHANNEL: Final = "/v1/channels/{channel}"
POST_HEADERS: Final = ("Idempotency-Key", "If-Match", "Dragoman-Min-Position", "Prefer")
READ_HEADERS: Final = ("Dragoman-Min-Position",)
CACHE_HEADERS: Final = ("If-None-Match",)


class May(Enum):
    """The callers of an operation, in words.

    Nothing is enforced by it. Handlers check their callers, and a test compares them
    with the printed words.
    """

    ANYBODY = "anybody, without a token"
    CALLER = "anyone with a token, about what is their own"
    ANY_MEMBER = "anyone in office in some channel, over their own channels"
    OPERATOR = "the operator"
    MEMBER = "anyone in office in the channel"
    """Members include auditors.

    Where the sides keep their own keys, their roots are members.
    """

    MEMBER_OR_OPERATOR = "anyone in office in the channel, and the operator"
    SELF = "anyone in office in the channel, for themselves"
    OFFICE = "anyone in office in the channel, but auditors"
    OWN_OFFICE = "anyone in office in the channel, but auditors, for their side"
    OWN_OFFICERS = "officers, duty officers and heads of office, for their side"
    OWN_DUTY = "duty officers and heads of office, for their side"
    OWN_HEAD = "heads of office, for their side"
    OWN_HEADS = "heads of office and administrators, for their side"
    STATION = "stations, for their side"
    ACT = "the officers whom the rule of the act names"


@dataclass(frozen=True, slots=True)
class Route(Generic[S]):
    """One method on one path.

    `takes` is the body's shape. It may also be "act", for an act whose bytes stay as
    they came. For a body that is not JSON it is the media types. `media` are the types
    of a successful answer that is no plain JSON object. `may` says who may call.
    `example` is a body that may be sent as it is, or one for each media type. `streams`
    marks a GET that sends records one after the other, which has no HEAD. `stations`
    marks a write that a station may do with its own token.
    """

    method: str
    path: str
    handler: Callable[[ApiRequest[S]], Awaitable[ApiAnswer]]
    summary: str
    query: type[S]
    answers: Mapping[int, type[Struct] | None]
    takes: type[Struct] | str | tuple[str, ...] | None = None
    media: tuple[str, ...] = (JSON,)
    headers: tuple[str, ...] = ()
    example: Any = None
    may: May = field(kw_only=True)
    streams: bool = field(default=False, kw_only=True)
    answer_headers: tuple[str, ...] = field(default=(), kw_only=True)
    refusals: tuple[str, ...] = field(default=(), kw_only=True)
    stations: bool = field(default=False, kw_only=True)

    @property
    def public(self) -> bool:
        """Return whether the route is answered without a token."""
        return self.may is May.ANYBODY

    def on(self, router: web.UrlDispatcher) -> None:
        """Register the route. HEAD is answered wherever GET is, by the same handler."""
        add_route(router, self.method, self.path, self._serve, streams=self.streams)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if (
            request.method not in ("GET", "HEAD")
            and not self.stations
            and isinstance(request.get("grant"), StationGrant)
        ):
            raise refuse(
                "not-permitted",
                "A station keeps this on its own premises, and not at the host. Do it there.",
            )
        query = of_call(request, self.query)
        answer = await self.handler(ApiRequest(request, query))
        return (
            compressed(answer)
            if isinstance(answer, web.StreamResponse)
            else compressed(respond(answer))
        )
