"""An HTTP request and its reply, as the API and the pages share them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import msgspec
from aiohttp import hdrs, web
from msgspec import Struct

from dragoman.application.http import body_workers
from dragoman.application.service import Service
from dragoman.domain.record.errors import Malformed, refuse
from dragoman.domain.record.nesting import RECORD_DEPTH, is_deeper
from dragoman.domain.record.validation_errors import faults_of
from dragoman.limits import BODY_SECONDS, COMPRESSED_BYTES, COMPRESSED_PAGE_BYTES
from dragoman.projection.projection import Projection
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.text import sentence

SERVICE: Final = web.AppKey("service", Service)

S = TypeVar("S", bound=Struct)


B = TypeVar("B", bound=Struct)


JSON = "application/json"
_PAGE = "text/html"
_TEXTS = frozenset(
    {
        JSON,
        "application/x-ndjson",
        "application/cloudevents-batch+json",
        "application/problem+json",
        "text/csv",
        _PAGE,
        "text/markdown",
        "text/plain",
    }
)


_encode = msgspec.json.Encoder().encode


def grant_of(request: web.Request) -> Grant:
    """Return the grant of the caller of a request."""
    grant = request.get("grant")
    assert isinstance(grant, Grant)
    return grant


class NoBody(Struct, frozen=True):
    """The shape of a request without a query, or of a reply without a body."""


@dataclass(slots=True)
class ApiRequest(Generic[S]):
    """A request with its decoded query.

    `path` gives the variables of its path, `body` and `decoded` its body.
    """

    request: web.Request
    query: S

    @property
    def service(self) -> Service:
        """Return the service of the application."""
        return self.request.app[SERVICE]

    @property
    def grant(self) -> Grant:
        """Return the grant of the caller."""
        return grant_of(self.request)

    @property
    def channel(self) -> Projection:
        """Return the projection of the channel in the path.

        Raises `Refused` if the caller may not see it.
        """
        return self.service.channel(self.grant, self.path("channel"))

    def path(self, name: str) -> str:
        """Return a variable of the path."""
        return self.request.match_info[name]

    async def body(self) -> bytes:
        """Return the body, which must be declared as JSON.

        Raises `Refused`. A body that is too large raises aiohttp's own error.
        """
        if self.request.headers.get("Content-Type") != JSON and self.request.content_type != JSON:
            raise refuse(
                "media-type",
                "Send Content-Type: %(media_type)s; the request has %(given)s.",
                media_type=JSON,
                given=self.request.content_type,
            )
        return await self.arrived()

    async def arrived(self) -> bytes:
        """Return the body, of any media type.

        Raises `Refused` if it does not arrive in time.
        """
        if self.request.content.is_eof():  # The body arrived together with the headers.
            return await self.request.read()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self.request.read()
        except TimeoutError:
            raise refuse(
                "too-slow",
                "The body did not arrive within %(n)s seconds; send it again with the same "
                "Idempotency-Key.",
                n=f"{BODY_SECONDS:.0f}",
            ) from None

    async def decoded(self, shape: type[B]) -> B:
        """Return the body decoded as a shape.

        Raises `Malformed` with a pointer if the body does not match the shape.
        """
        raw = await self.body()
        if is_deeper(
            raw, RECORD_DEPTH
        ):  # No shape is so deep. The decoder would exhaust its stack.
            raise Malformed(
                "", sentence("nested deeper than %(limit)s; flatten it", limit=RECORD_DEPTH)
            )
        try:
            return await body_workers.read(
                self.request, len(raw), msgspec.json.decode, raw, type=shape
            )
        except msgspec.ValidationError as error:
            raise faults_of(error, raw, shape) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise refuse(
                "bad-request",
                "The body is not JSON: %(error)s. Send one JSON object.",
                error=str(error),
            ) from None


@dataclass(slots=True, kw_only=True)
class ApiReply:
    """A reply: its body, status and headers."""

    body: Struct | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


ApiAnswer = ApiReply | web.StreamResponse


def compressed(response: web.StreamResponse) -> web.StreamResponse:
    """Return a response, compressed if it is a page or a large text.

    The caller must accept compression. It leaks no secret: no answer contains a secret
    together with data that its caller chose.
    """
    least = COMPRESSED_PAGE_BYTES if response.content_type == _PAGE else COMPRESSED_BYTES
    if (
        isinstance(response, web.Response)
        and isinstance(response.body, bytes)
        and len(response.body) >= least
        and hdrs.CONTENT_ENCODING not in response.headers
    ):
        response.headers["Vary"] = "Accept-Encoding"
        if response.content_type in _TEXTS:
            response.enable_compression()
    return response


def respond(reply: ApiReply, content_type: str = JSON) -> web.Response:
    """Return a reply as a response of aiohttp."""
    body = b"" if reply.body is None else _encode(reply.body)
    return web.Response(
        body=body,
        status=reply.status,
        headers=reply.headers,
        content_type=content_type if body else None,
    )


def add_route(
    router: web.UrlDispatcher,
    method: str,
    path: str,
    serve: Callable[[web.Request], Awaitable[web.StreamResponse]],
    *,
    name: str = "",
    streams: bool = False,
) -> None:
    """Add a route. HEAD is answered wherever GET is, but for a response without end."""
    router.add_route(method, path, serve, name=name or None)
    if method == "GET" and not streams:
        router.add_route("HEAD", path, serve, name=name or None)
