"""Headers and conditions that all reads share.

They concern the position of an answer, its freshness, its media type, a past position
(`at`), and whether the caller has the answer already (If-None-Match).
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any, Final, TypeVar

from aiohttp import web
from msgspec import Meta, Struct

from dragoman.application.clock import stamp
from dragoman.application.http.request import ApiRequest, grant_of
from dragoman.application.http.submission import in_thread, wanted_position
from dragoman.domain.record.errors import refuse
from dragoman.projection.projection import Projection
from dragoman.projection.queries.as_of import PastMoment, past_moment
from dragoman.projection.store import READERS


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


_AT: Final = (
    r"^([0-9]{0,15}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2}))$(?!\n)"
)


class At(Struct, frozen=True, kw_only=True):
    """The parameter `at`: a past position, or a time. Empty or 0 means now."""

    at: Annotated[str, Meta(pattern=_AT)] = ""


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


AtQuery = TypeVar("AtQuery", bound=At)


async def past(
    call: ApiRequest[AtQuery], projection: Projection, position: int
) -> PastMoment | None:
    """Return the past moment that a query asks for; None if it asks for now.

    Raises `Refused` if the channel was not open then, or if there is no such position.
    """
    service = call.service
    moment: PastMoment | None = await in_thread(
        call,
        past_moment,
        service.store,
        projection.name,
        position,
        service.as_of(projection),
        call.query.at,
    )
    return moment


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
