"""Questions to a channel, and the headers and conditions that all reads share.

    answer = await ask(call, undertakings)      a query, at the moment that `at` names
    ApiReply(body=answer.body, headers=answer.headers)

The headers concern the position of an answer and its freshness. The conditions are its
media type, and whether the caller has the answer already (If-None-Match).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar

from aiohttp import web
from msgspec import Struct

from dragoman.application.clock import stamp
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, grant_of
from dragoman.application.http.submission import in_thread, wanted_position
from dragoman.domain.record.errors import refuse
from dragoman.projection.moments import PastMoment
from dragoman.projection.projection import Projection
from dragoman.projection.store import READERS
from dragoman.projection.view import View, open_view
from dragoman_schemas.fields import PositionOrTime

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound=Struct)


class Turns:
    """The turns in which requests read many exchanges.

    Each side of a channel reads one report at a time. All sides together never use all
    readers, so that lists and boards always find a free one. A side that asks for many
    reports waits for its own. Another side's report waits for at most one of each other
    side.
    """

    def __init__(self) -> None:
        """Begin without any turn taken."""
        self._sides: dict[tuple[str, str], asyncio.Lock] = {}
        self._readers = asyncio.Semaphore(READERS - 1)

    @asynccontextmanager
    async def of(self, cid: str, side: str) -> AsyncIterator[None]:
        """Wait for the turn of a side in a channel, and keep it in the context."""
        async with self._sides.setdefault((cid, side), asyncio.Lock()), self._readers:
            yield


TURNS: Final = web.AppKey("turns", Turns)


def turn(request: web.Request, projection: Projection) -> AbstractAsyncContextManager[None]:
    """Return the caller's turn to read many exchanges of a channel."""
    return request.app[TURNS].of(projection.registry.cid, grant_of(request).side)


class At(Struct, frozen=True, kw_only=True):
    """The parameter `at`: a past position, or a time. Empty or 0 means now."""

    at: PositionOrTime = ""


async def standing(call: ApiRequest[Any]) -> tuple[Projection, int]:
    """Return the channel, and the position in its file that the answer will be for.

    Waits for the position that the caller asks for. If the channel is broken, the
    answer goes as far as its file, and is marked as stale.
    """
    projection, wanted = call.channel, wanted_position(call.request)
    if wanted > projection.state.position or (projection.broken and wanted > projection.flushed):
        await projection.in_file(wanted)
    await projection.in_file()
    if wanted > projection.flushed:
        await projection.in_file(wanted)
    return projection, projection.flushed


def headers_of(
    call: ApiRequest[Any], projection: Projection, position: int, moment: PastMoment | None = None
) -> dict[str, str]:
    """Return the headers of every answer: its position, and the time of its data.

    The time is when the end of the log was last seen. The answer about a past moment
    also says for which time its limits and windows are worked out.
    """
    service = call.service
    headers = {
        "Dragoman-Position": str(position),
        "Dragoman-As-Of": service.as_of(projection),
        "Cache-Control": "no-store",
    }
    if moment is not None:
        headers["Dragoman-Moment"] = stamp(moment.clock)
    if not service.is_live(projection):
        headers["Dragoman-Stale"] = "true"
    return headers


async def past(call: ApiRequest[Any], projection: Projection, at: str) -> PastMoment | None:
    """Return the past moment that `at` names by a record or a time; None for now.

    Raises `Refused` if the channel was not open then, or if there is no such position.
    """
    if at in ("", "0"):
        return None
    end_seen = call.service.as_of(projection)
    return (await in_view(call, projection, None, None, View.past_moment, at, end_seen))[0]


async def past_by(call: ApiRequest[Any], projection: Projection, time: datetime) -> PastMoment:
    """Return the past moment of a time, as far as the log is known here.

    The log of the last second may not be known yet. Raises `Refused`.
    """
    end_seen = call.service.as_of(projection)
    if end_seen:
        time = min(time, datetime.fromisoformat(end_seen) - timedelta(milliseconds=1))
    moment = await past(call, projection, stamp(time))
    assert moment is not None
    return moment


async def in_view(
    call: ApiRequest[Any],
    projection: Projection,
    clock: datetime | None,
    moment: PastMoment | None,
    query: Callable[Concatenate[View, P], T],
    /,
    *arguments: P.args,
    **keywords: P.kwargs,
) -> tuple[T, int]:
    """Return the result of a query in a reader's thread, and its position.

    It is of a past moment, or of the newest records and a clock.
    """

    def work() -> tuple[T, int]:
        with open_view(call.service.store, projection.name, clock, moment) as view:
            return query(view, *arguments, **keywords), view.position

    result: tuple[T, int] = await in_thread(call, work)
    return result


@dataclass(frozen=True, slots=True)
class QueryAnswer(Generic[T]):
    """The answer to a query: its body, its moment and its headers.

    `moment` is the past moment that was asked for; None for now.
    """

    body: T
    position: int
    moment: PastMoment | None
    headers: dict[str, str]


async def ask(
    call: ApiRequest[Any],
    query: Callable[Concatenate[View, P], T],
    /,
    *arguments: P.args,
    **keywords: P.kwargs,
) -> QueryAnswer[T]:
    """Ask the channel in the path, now or at the moment that the request names.

    Waits for the position that the caller asks for. Raises `Refused`.
    """
    projection, _ = await standing(call)
    at = call.query.at if isinstance(call.query, At) else ""
    moment = await past(call, projection, at)
    now = call.service.now()
    body, position = await in_view(call, projection, now, moment, query, *arguments, **keywords)
    return QueryAnswer(body, position, moment, headers_of(call, projection, position, moment))


def served(query: Callable[[View], S]) -> Callable[[ApiRequest[Any]], Awaitable[ApiAnswer]]:
    """Return the handler of a route that answers with a query of the channel."""

    async def show(call: ApiRequest[Any]) -> ApiAnswer:
        answer = await ask(call, query)
        return ApiReply(body=answer.body, headers=answer.headers)

    show.__name__ = f"show_{query.__name__}"  # the name of the operation in OpenAPI
    return show


def wanted_media(request: web.Request, offered: tuple[str, ...]) -> str:
    """Return the offered media type that the caller prefers; the first one by default.

    Raises `Refused` if the caller accepts none of them.
    """
    for kind in _by_quality(request.headers.get("Accept", "*/*")):
        if kind in offered:
            return kind
        if kind in ("*/*", "application/*", ""):
            return offered[0]
    raise refuse(
        "not-acceptable",
        "This is available as %(types)s; change the Accept header.",
        types=", ".join(offered),
    )


def _by_quality(accept: str) -> list[str]:
    """Return the media types that a caller accepts, best first (RFC 9110 §12.5.1).

    Types of the same quality keep the order of the header.
    """
    weighted: list[tuple[float, str]] = []
    for part in accept.split(","):
        kind, *parameters = (text.strip() for text in part.split(";"))
        quality = next(
            (
                _QUALITY.fullmatch(parameter)
                for parameter in parameters
                if parameter[:2].lower() == "q="
            ),
            None,
        )
        weighted.append((1.0 if quality is None else float(quality.group(1)), kind.lower()))
    return [kind for quality, kind in sorted(weighted, key=lambda item: -item[0]) if quality > 0]


_QUALITY: Final = re.compile(r"[qQ]=([01](?:\.[0-9]{0,3})?)")


def unchanged(call: ApiRequest[Any], etag: str) -> bool:
    """Return whether the caller already has the answer with this ETag.

    It is the header If-None-Match, compared weakly.
    """
    header = call.request.headers.get("If-None-Match")
    if header is None:
        return False
    return header.strip() == "*" or etag.removeprefix("W/") in (
        part.strip().removeprefix("W/") for part in header.split(",")
    )
