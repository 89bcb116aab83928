"""The typed layer over aiohttp: a route says what it takes and what it answers, as shapes.

    Route("GET", "/v1/channels/{channel}/state", state, query=At, answers={200: LiaisonState})

The handler gets a `Call` whose query is decoded, and returns a `Reply` whose body is encoded, or a prepared response.
The OpenAPI document is derived from the same list, so nothing is said twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.domain.record.errors import Malformed, Refusal, Refused
from dragoman.domain.record.nesting import RECORD_DEPTH, is_deeper
from dragoman.domain.record.validation_errors import fault_of, faults_of
from dragoman.gateway import workers
from dragoman.limits import BODY_SECONDS, COMPRESSED_BYTES
from dragoman.text import sentence

S = TypeVar("S", bound=Struct)
B = TypeVar("B", bound=Struct)

JSON = "application/json"
_TEXTS = frozenset(
    {
        JSON,
        "application/x-ndjson",
        "application/cloudevents-batch+json",
        "application/problem+json",
        "text/csv",
        "text/html",
        "text/markdown",
        "text/plain",
    }
)

_encode = msgspec.json.Encoder().encode


class Nothing(Struct, frozen=True):
    """No query, no body."""


@dataclass(slots=True)
class Call(Generic[S]):
    """One request: its path's variables, its decoded query, the request itself."""

    request: web.Request
    query: S

    def path(self, name: str) -> str:
        """A variable of the path."""
        return self.request.match_info[name]

    async def body(self) -> bytes:
        """The body, which must say that it is JSON. Raises `Refused`; a body that is too large raises aiohttp's own error."""
        if self.request.headers.get("Content-Type") != JSON and self.request.content_type != JSON:
            raise Refused(
                Refusal(
                    kind="media-type",
                    detail=sentence(
                        "Send Content-Type: %(media_type)s; %(given)s came.",
                        media_type=JSON,
                        given=self.request.content_type,
                    ),
                )
            )
        return await self.arrived()

    async def arrived(self) -> bytes:
        """The body, of whatever type. Raises `Refused` where it does not arrive in time."""
        if self.request.content.is_eof():  # it came with its headers
            return await self.request.read()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self.request.read()
        except TimeoutError:
            detail = sentence(
                "The body did not arrive within %(n)s seconds; send it again with the same Idempotency-Key.",
                n=f"{BODY_SECONDS:.0f}",
            )
            raise Refused(Refusal(kind="too-slow", detail=detail)) from None

    async def decoded(self, shape: type[B]) -> B:
        """The body as a shape. Raises `Malformed` with a pointer."""
        raw = await self.body()
        if is_deeper(raw, RECORD_DEPTH):  # no shape is, and the decoder would exhaust its stack
            raise Malformed(
                "", sentence("nested deeper than %(limit)s; flatten it", limit=RECORD_DEPTH)
            )
        try:
            return await workers.read(self.request, len(raw), msgspec.json.decode, raw, type=shape)
        except msgspec.ValidationError as error:
            raise faults_of(error, raw, shape) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused(
                Refusal(
                    kind="bad-request",
                    detail=sentence(
                        "The body is no JSON: %(error)s. Send one JSON object.", error=str(error)
                    ),
                )
            ) from None


@dataclass(slots=True, kw_only=True)
class Reply:
    """An answer: a shape, its status and its headers."""

    body: Struct | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Answered = Reply | web.StreamResponse


class May(Enum):
    """Who may call an operation, in words. Nothing is enforced by it: handlers ask, and a test holds them to what is printed of this."""

    ANYBODY = "anybody, without a token"
    CALLER = "whoever has a token, and is told what is their own"
    OPERATOR = "the operator"
    MEMBER = "whoever is in office in the channel"
    """Auditors as well; and where the sides keep their own keys, their roots."""

    MEMBER_OR_OPERATOR = "whoever is in office in the channel, and the operator"
    SELF = "whoever is in office in the channel, for themselves"
    OFFICE = "whoever is in office in the channel, but auditors"
    OWN_OFFICE = "whoever is in office in the channel, but auditors, for their side"
    OWN_OFFICERS = "officers, duty officers and heads of office, for their side"
    OWN_HEADS = "heads of office and administrators, for their side"
    ACT = "whoever the act is for, by its rule"


@dataclass(frozen=True, slots=True)
class Route(Generic[S]):
    """One method on one path.

    `takes` is the body's shape, or "act" for an act, whose bytes are kept as they came, or the types of a body that is no JSON. `media` are the types of a successful answer that is no plain JSON object. `may` says who may call. `example` is a body that may be sent as it stands, or one for each type. `streams` is a GET that sends records one after the other, which has no HEAD.
    """

    method: str
    path: str
    handler: Callable[[Call[S]], Awaitable[Answered]]
    summary: str
    query: type[S]
    answers: Mapping[int, type[Struct] | None]
    takes: type[Struct] | str | tuple[str, ...] | None = None
    media: tuple[str, ...] = (JSON,)
    headers: tuple[str, ...] = ()
    example: Any = None
    may: May = field(kw_only=True)
    streams: bool = field(default=False, kw_only=True)

    @property
    def public(self) -> bool:
        """Whether it is answered without a token."""
        return self.may is May.ANYBODY

    def on(self, router: web.UrlDispatcher) -> None:
        """Register the route; HEAD is answered wherever GET is, from the same handler."""
        router.add_route(self.method, self.path, self._serve)
        if self.method == "GET" and not self.streams:
            router.add_route("HEAD", self.path, self._serve)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        query = self._asked(request) if request.query_string else self.query()
        answered = await self.handler(Call(request, query))
        return (
            compressed(answered)
            if isinstance(answered, web.StreamResponse)
            else compressed(respond(answered))
        )

    def _asked(self, request: web.Request) -> S:
        try:
            query = msgspec.convert(dict(request.query), self.query, strict=False)
        except msgspec.ValidationError as error:
            fault = fault_of(error, self.query).fault
            name = fault.pointer.removeprefix("/") or sentence("it")
            detail = sentence(
                "The query does not hold: %(name)s: %(fault)s.", name=name, fault=fault.detail
            )
            raise Refused(Refusal(kind="bad-request", detail=detail)) from None
        if len({*request.query}) < len(request.query):
            raise Refused(
                Refusal(
                    kind="bad-request",
                    detail=sentence("A query parameter is given twice; give each once."),
                )
            )
        unknown = request.query.keys() - set(self.query.__struct_encode_fields__)
        if unknown:
            names, known = (
                ", ".join(sorted(unknown)),
                ", ".join(self.query.__struct_encode_fields__),
            )
            detail = sentence(
                "There is no query parameter %(names)s here; none is taken.", names=names
            )
            if known:
                detail = sentence(
                    "There is no query parameter %(names)s here; there are: %(known)s.",
                    names=names,
                    known=known,
                )
            raise Refused(Refusal(kind="bad-request", detail=detail))
        return query


def compressed(response: web.StreamResponse) -> web.StreamResponse:
    """A large answer in text, compressed for who accepts that; no answer holds a secret beside what its caller chose."""
    if (
        isinstance(response, web.Response)
        and isinstance(response.body, bytes)
        and len(response.body) >= COMPRESSED_BYTES
    ):
        response.headers["Vary"] = "Accept-Encoding"
        if response.content_type in _TEXTS:
            response.enable_compression()
    return response


def respond(reply: Reply, content_type: str = JSON) -> web.Response:
    """An answer as a response."""
    body = b"" if reply.body is None else _encode(reply.body)
    return web.Response(
        body=body,
        status=reply.status,
        headers=reply.headers,
        content_type=content_type if body else None,
    )
