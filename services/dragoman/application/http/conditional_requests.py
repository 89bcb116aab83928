"""How every read is answered: at which position, how fresh that is, in which type, and whether the caller has it already."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any, Final, TypeVar

from aiohttp import web
from msgspec import Meta, Struct

from dragoman.application.http.request import ApiRequest, grant_of
from dragoman.application.http.submission import in_thread, wanted_position, whole
from dragoman.domain.record.errors import refuse
from dragoman.projection.projection import Projection
from dragoman.projection.queries.snapshot import instant, position_by
from dragoman.projection.store import READERS


class Turns:
    """The turns to read many exchanges: one at a time for each side of a channel, and never all readers, so that lists and boards find one free.

    A side that asks for many reports waits for its own. Another side's report waits for
    one of each other side at most.
    """

    def __init__(self) -> None:
        """Begin with nobody reading."""
        self._sides: dict[tuple[str, str], asyncio.Lock] = {}
        self._readers = asyncio.Semaphore(READERS - 1)

    @asynccontextmanager
    async def of(self, cid: str, side: str) -> AsyncIterator[None]:
        """Wait for the turn of a side in a channel, and hold it."""
        async with self._sides.setdefault((cid, side), asyncio.Lock()), self._readers:
            yield


TURNS: Final = web.AppKey("turns", Turns)


def turn(request: web.Request, projection: Projection) -> AbstractAsyncContextManager[None]:
    """Return the caller's turn to read many exchanges of a channel."""
    return request.app[TURNS].of(projection.registry.cid, grant_of(request).side)


_AT: Final = r"^([0-9]{0,15}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2}))$(?!\n)"


class At(Struct, frozen=True, kw_only=True):
    """A past position, or a time; empty, or 0, is now."""

    at: Annotated[str, Meta(pattern=_AT)] = ""


async def standing(call: ApiRequest[Any]) -> tuple[Projection, int]:
    """Return the channel, and the position in the file that the answer will be of; waits for the one that the caller asks for.

    A broken channel is answered as far as its file goes, which is said to be stale.
    """
    projection, number = call.channel, wanted_position(call.request)
    if number > projection.state.position or (projection.broken and number > projection.flushed):
        await projection.in_file(number)
    await projection.in_file()
    if number > projection.flushed:
        await projection.in_file(number)
    return projection, projection.flushed


def headers_of(call: ApiRequest[Any], projection: Projection, position: int) -> dict[str, str]:
    """Return what every answer says: of which position it is, and when the end of the log was last seen."""
    service = call.service
    headers = {
        "Dragoman-Position": str(position),
        "Dragoman-As-Of": service.as_of(projection),
        "Cache-Control": "no-store",
    }
    if not service.is_live(projection):
        headers["Dragoman-Stale"] = "true"
    return headers


AtQuery = TypeVar("AtQuery", bound=At)


async def past(call: ApiRequest[AtQuery], projection: Projection, position: int) -> int | None:
    """Return the past position that is asked for, itself or by a time: the last one by then. None for now. Raises `Refused`."""
    at = call.query.at
    if at in ("", "0"):
        return None
    if (number := whole(at)) is None:
        moment = instant("at", at) + timedelta(milliseconds=1)
        number = await in_thread(
            call, position_by, call.service.store, projection.name, position, moment
        )
        if not number:
            raise refuse("not-found", "The channel had not been opened then.")
    elif not 1 <= number <= position:
        raise refuse(
            "bad-request",
            "at is a position from 1 to %(newest)s, or a time, or left out for now.",
            newest=position,
        )
    return number


def wanted_media(request: web.Request, offered: tuple[str, ...]) -> str:
    """Return what is offered that the caller would rather have, the first by default. Raises `Refused` where none is accepted."""
    for kind in _by_quality(request.headers.get("Accept", "*/*")):
        if kind in offered:
            return kind
        if kind in ("*/*", "application/*", ""):
            return offered[0]
    raise refuse(
        "not-acceptable", "This is given as %(types)s; change Accept.", types=", ".join(offered)
    )


def _by_quality(accept: str) -> list[str]:
    """Return the types that a caller accepts, the best first (RFC 9110 §12.5.1); among equals as they are written."""
    numbers: list[tuple[float, str]] = []
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
        numbers.append((1.0 if quality is None else float(quality.group(1)), kind.lower()))
    return [kind for quality, kind in sorted(numbers, key=lambda item: -item[0]) if quality > 0]


_QUALITY: Final = re.compile(r"[qQ]=([01](?:\.[0-9]{0,3})?)")


def unchanged(call: ApiRequest[Any], etag: str) -> bool:
    """Return whether the caller has what the tag stands for already (If-None-Match, compared weakly)."""
    header = call.request.headers.get("If-None-Match")
    if header is None:
        return False
    return header.strip() == "*" or etag.removeprefix("W/") in (
        part.strip().removeprefix("W/") for part in header.split(",")
    )
