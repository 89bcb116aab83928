"""What is owed in each channel, kept ready for the pages of this gateway."""

from typing import Final

from aiohttp import web

from dragoman.projection.open_deadlines import OpenDeadlines
from dragoman.projection.projection import Projection

DUTIES: Final = web.AppKey("duties", dict[str, OpenDeadlines])


async def duties(app: web.Application, projection: Projection) -> OpenDeadlines:
    """Return what is owed in a channel now. Raises `Behind`."""
    open_deadlines = app[DUTIES].get(projection.name)
    if open_deadlines is None:
        open_deadlines = app[DUTIES].setdefault(projection.name, OpenDeadlines(projection))
    await open_deadlines.begin()
    return open_deadlines
