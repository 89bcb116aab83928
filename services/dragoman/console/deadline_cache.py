"""The open deadlines of each channel, kept ready for the pages of this gateway."""

from typing import Final

from aiohttp import web

from dragoman.projection.open_deadlines import OpenDeadlines
from dragoman.projection.projection import Projection

DUTIES: Final = web.AppKey("duties", dict[str, OpenDeadlines])


async def open_deadlines_of(app: web.Application, projection: Projection) -> OpenDeadlines:
    """Return the open deadlines of a channel now. Raises `NotYetApplied`."""
    open_deadlines = app[DUTIES].get(projection.name)
    if open_deadlines is None:
        open_deadlines = app[DUTIES].setdefault(projection.name, OpenDeadlines(projection))
    await open_deadlines.begin()
    return open_deadlines
