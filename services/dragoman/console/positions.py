"""The past moment that an address or a form names, by a record or by a time."""

from dragoman.console.context import PageContext
from dragoman.projection.queries.as_of import PastMoment, past_moment


async def moment_of(context: PageContext, at: str) -> PastMoment | None:
    """Return the past moment that `at` names by a record or by a time; None for now.

    Raises `Refused` if the channel has no record there.
    """
    service = context.service
    moment: PastMoment | None = await context.in_thread(
        past_moment,
        service.store,
        context.name,
        context.newest,
        service.as_of(context.projection),
        at,
    )
    return moment


async def position_of(context: PageContext, time: str) -> int:
    """Return the position of the newest record at a time. Raises `Refused`."""
    moment = await moment_of(context, time)
    assert moment is not None
    return moment.position
