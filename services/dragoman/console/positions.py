"""The past moment that an address or a form names, by a record or by a time."""

from datetime import datetime, timedelta

from dragoman.console.context import PageContext
from dragoman.domain.acts.deadlines import timestamp
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


async def moment_by(context: PageContext, time: datetime) -> PastMoment:
    """Return the past moment of a time, as far as the log is known here.

    The log of the last second may not be known yet. Raises `Refused`.
    """
    as_of = context.service.as_of(context.projection)
    if as_of:
        time = min(time, datetime.fromisoformat(as_of) - timedelta(milliseconds=1))
    moment = await moment_of(context, timestamp(time))
    assert moment is not None
    return moment
