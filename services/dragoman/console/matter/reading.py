"""Notes of what a reader has read, and of what has reached a reader's station."""

from contextlib import suppress
from typing import Final

from aiohttp import web

from dragoman.console.page.context import PageContext
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.projection import Projection
from dragoman.stores.read_positions import ReadPositions
from dragoman_schemas.state import Exchange

READ_POSITIONS: Final = web.AppKey("read_positions", ReadPositions)
"""The store of what each officer has read."""


async def note_own_reading(context: PageContext, state: Exchange) -> None:
    """Note that the reader has read an exchange as it is now.

    It is the officer's own, and no other officer and no other side sees it.
    """
    if context.is_officer and not context.past and context.request.method == "GET":
        with suppress(LogUnreachable):  # the exchange is then marked as unread once too often
            await context.request.app[READ_POSITIONS].read(
                context.grant.actor, context.registry.cid, state.id, state.updated.position
            )


def read_to(context: PageContext, state: Exchange) -> int | None:
    """Return the position up to which the reader has read; None if unknown."""
    if not context.is_officer or context.past:
        return None
    read = context.request.app[READ_POSITIONS].of(context.grant.actor, context.registry.cid)
    return None if read is None else max(read.floor, read.exchanges.get(state.id, 0))


def note_read(context: PageContext, projection: Projection) -> None:
    """Note that a page with all waiting messages has reached the reader's station.

    Everything up to the newest act of another side then counts as delivered. A response
    to HEAD shows nothing, so it counts as no delivery.
    """
    side = context.service.receiving_side(context.grant, projection)
    newest = projection.newest_of_others(side)
    if side and newest and context.request.method != "HEAD":
        context.service.deliveries.note(projection.name, side, newest)
