"""The open deadlines of each channel, kept ready for the pages and the API."""

import asyncio
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from dragoman.projection.open_deadlines import OpenDeadlines
from dragoman.projection.projection import NotYetApplied, Projection

DUTIES: Final = web.AppKey("duties", dict[str, OpenDeadlines])


async def open_deadlines_of(app: web.Application, projection: Projection) -> OpenDeadlines:
    """Return the open deadlines of a channel now. Raises `NotYetApplied`."""
    open_deadlines = app[DUTIES].get(projection.name)
    if open_deadlines is None:
        open_deadlines = app[DUTIES].setdefault(projection.name, OpenDeadlines(projection))
    await open_deadlines.begin()
    return open_deadlines


async def open_deadlines_in(
    app: web.Application, projections: Iterable[Projection]
) -> list[tuple[Projection, OpenDeadlines | None]]:
    """Return the open deadlines of several channels, each beside its channel.

    They are None for a channel whose file cannot be read now. So one broken channel
    does not hide the others. Channels that nobody has asked for yet are read together.
    """

    async def read(projection: Projection) -> OpenDeadlines | None:
        try:
            return await open_deadlines_of(app, projection)
        except NotYetApplied:
            return None

    channels = list(projections)
    await asyncio.gather(
        *(read(channel) for channel in channels if channel.name not in app[DUTIES])
    )
    return [(channel, await read(channel)) for channel in channels]
