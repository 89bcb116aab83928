"""Taking posts in: the one way from the edge to the desk, for the API, drafts and pages alike, and what every handler asks of a call."""

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from dragoman.desk import Kept
from dragoman.domain import ids
from dragoman.domain.decide import Post
from dragoman.domain.record import read_act
from dragoman.domain.refusal import Refusal, Refused
from dragoman.gateway import beside
from dragoman.gateway.service import Service
from dragoman.gateway.typed import Call, Reply
from dragoman.projection.live import Projection
from dragoman.stores.access import Grant
from dragoman_schemas.frame import Act

SERVICE: Final = web.AppKey("service", Service)
TRACE: Final = "trace"

_ETAG: Final = re.compile(r'"([0-9a-f]{64})"')
_WHOLE: Final = re.compile(r"[0-9]{1,15}")


def whole(text: str) -> int | None:
    """A whole number as it stands in a header or a path."""
    return int(text) if _WHOLE.fullmatch(text) else None


def grant_of(request: web.Request) -> Grant:
    """Who calls."""
    grant = request.get("grant")
    assert isinstance(grant, Grant)
    return grant


def service_of(call: Call[Any]) -> Service:
    """The service that is called."""
    return call.request.app[SERVICE]


def projection_of(call: Call[Any]) -> Projection:
    """The channel that is called, which the caller may see. Raises `Refused`."""
    return service_of(call).channel(grant_of(call.request), call.path("channel"))


def staff_of(call: Call[Any]) -> tuple[Projection, str]:
    """The channel and the caller, who must be of an office there and no auditor. Raises `Refused`."""
    projection, actor = projection_of(call), grant_of(call.request).actor
    if not beside.is_staff(projection, actor):
        raise Refused(Refusal(kind="not-permitted", detail="People and files are the offices'; auditors read the log."))
    return projection, actor


def wanted_position(request: web.Request) -> int:
    """The position that the caller asks to wait for."""
    given = request.headers.get("Dragoman-Min-Position")
    wanted = 0 if given is None else whole(given)
    if wanted is None:
        raise Refused(Refusal(kind="bad-request", detail="Dragoman-Min-Position is a position, a whole number."))
    return wanted


def key_of(given: str | None) -> str:
    """The key by which sending it again is sending it once. Raises `Refused`."""
    key = ids.read_key(given) if given is not None else None
    if key is None:
        detail = "Send Idempotency-Key: a new UUIDv7, or 16 to 128 printable characters, the same at every retry of this post and never for another."
        raise Refused(Refusal(kind="idempotency-key", detail=detail))
    return key


def if_match(request: web.Request) -> str | None:
    """The ETag that the caller read, or None where nothing is said of it. Raises `Refused`."""
    given = request.headers.get("If-Match", "*").strip()
    if given == "*":
        return None
    tag = _ETAG.fullmatch(given)
    if tag is None:
        raise Refused(Refusal(kind="bad-request", detail="Send If-Match with one ETag, as you read it, in double quotes."))
    return tag.group(1)


async def in_thread(call: Call[Any], work: Callable[..., Any], *arguments: Any) -> Any:
    """Run a query that may take long in a reader's thread."""
    return await asyncio.wrap_future(service_of(call).store.in_thread(work, *arguments))


async def record(call: Call[Any], projection: Projection, body: bytes, *, exchange: str = "", family: str = "", key: str = "") -> Reply:
    """Take a body in as its caller's post; a page's form brings its key itself."""
    request, grant = call.request, grant_of(call.request)
    key = key_of(key or request.headers.get("Idempotency-Key"))
    if "Dragoman-Signature" in request.headers or "Dragoman-Key-Id" in request.headers:
        raise Refused(Refusal(kind="invalid", detail="Signatures of officers are not taken yet in this release; post without them."))
    act, data = read_act(body, cut=True)
    return await take_in(
        call,
        projection,
        actor=grant.actor,
        act=act,
        data=data,
        id=ids.from_key(projection.name, grant.actor, key),
        exchange=exchange,
        family=family,
        if_match=if_match(request),
    )


async def take_in(
    call: Call[Any],
    projection: Projection,
    *,
    actor: str,
    act: bytes,
    data: Act,
    id: str,
    exchange: str = "",
    family: str = "",
    if_match: str | None = None,
    released_by: str = "",
) -> Reply:
    """Take an act in as an actor's, and answer with its place in the log. Raises `Refused`."""
    if data.signed is not msgspec.UNSET:
        raise Refused(Refusal(kind="invalid", detail="Signed acts are not taken yet in this release; leave `signed` out."))
    post = Post(actor=actor, act=act, data=data, id=id, exchange=exchange, family=family, if_match=if_match, released_by=released_by)
    wanted = wanted_position(call.request)
    if wanted > projection.state.position:
        await projection.reached(wanted)
    await beside.check(service_of(call), projection, grant_of(call.request), post)
    return reply_of(call, projection, await service_of(call).desk.post(projection, post, call.request.get(TRACE, ("", ""))))


def reply_of(call: Call[Any], projection: Projection, kept: Kept) -> Reply:
    """The answer to a post."""
    recorded = kept.recorded
    headers = {
        "Location": f"/v1/channels/{projection.name}/exchanges/{recorded.exchange}",
        "ETag": recorded.etag,
        "Dragoman-Position": str(recorded.position),
    }
    if kept.replayed:
        headers["Idempotent-Replayed"] = "true"
    call.request["recorded"] = recorded
    call.request["replayed"] = kept.replayed
    return Reply(body=recorded, status=201, headers=headers)
