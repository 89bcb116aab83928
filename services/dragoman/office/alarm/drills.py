"""The five-minute drill: an exercise flash that comes to its reader alone.

Nothing of a drill is recorded, and no other screen rings. The takeover and its sound
are those of a real flash. The message rings only on the page of the drill, in EXERCISE
mode. The server takes all times, so the drill works without scripts. A real flash ends
it at once.
"""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.console.first_hour.checklists import FIRST_HOURS
from dragoman.console.page.alarm_views import DRILL, Alarms
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import refused
from dragoman.office.alarm import drill_screens
from dragoman.stores.first_hours import Drill, FirstHour
from dragoman.text import sentence

SHOWN: Final = "drill"
"""The key of a request that shows the page of the drill."""


def drill_of(context: PageContext) -> Drill | None:
    """Return the reader's last drill; None before the first one."""
    return context.request.app[FIRST_HOURS].of(context.grant.actor).drill


async def start(context: PageContext) -> Drill:
    """Send the reader the message of a drill, and return the drill."""
    drill = Drill(
        id=DRILL + secrets.token_hex(12),
        channel=context.name,
        sent=_now(context),
    )

    def begun(hour: FirstHour) -> FirstHour:
        return replace(hour, drill=drill)

    await context.request.app[FIRST_HOURS].change(context.grant.actor, begun)
    return drill


async def note(context: PageContext, id: str, *names: str) -> Drill:
    """Put the time of now to members of a running drill, where they have none.

    Raises `Refused` if the reader has no such drill.
    """
    time = _now(context)

    def with_time(drill: Drill) -> Drill:
        if not drill.is_running:
            return drill
        return replace(drill, **{name: getattr(drill, name) or time for name in names})

    return await _change(context, id, with_time)


async def drop(context: PageContext) -> None:
    """Take the reader's drill away, without any time."""

    def without(hour: FirstHour) -> FirstHour:
        return replace(hour, drill=None)

    await context.request.app[FIRST_HOURS].change(context.grant.actor, without)


async def _change(context: PageContext, id: str, change: Callable[[Drill], Drill]) -> Drill:
    def changed(hour: FirstHour) -> FirstHour:
        if hour.drill is None or hour.drill.id != id:
            return hour
        drill = change(hour.drill)
        return replace(hour, drill=drill, has_drilled=hour.has_drilled or bool(drill.answered))

    hour = await context.request.app[FIRST_HOURS].change(context.grant.actor, changed)
    if hour.drill is None or hour.drill.id != id:
        raise refused("not-found", sentence("This drill is not there any more. Begin another one."))
    return hour.drill


class DrillQuery(Struct, frozen=True, kw_only=True):
    """The drill that a page shows when it asks what rings."""

    drill: str = ""


async def added(context: PageContext, alarms: Alarms) -> Alarms:
    """Return the alarms of the reader, with the message of a running drill.

    Only the page of the drill shows it. A real flash ends the drill.
    """
    id = str(context.request.get(SHOWN) or context.asked(DrillQuery).drill)
    drill = drill_of(context) if id else None
    if drill is None or drill.id != id or not drill.is_running:
        return alarms
    if alarms.flashes:
        await note(context, id, "ended")
        return alarms
    projection = context.service.channels.get(drill.channel)
    if drill.acknowledged or projection is None:
        return alarms
    if not drill.seen:
        await note(context, id, "seen")
    if context.channel is None:
        context = replace_channel(context, drill)
    return drill_screens.with_drill(alarms, drill_screens.detail_of(context, drill))


def replace_channel(context: PageContext, drill: Drill) -> PageContext:
    """Return the context of a fragment as one of the drill's channel."""
    return PageContext(
        request=context.request,
        service=context.service,
        words=context.words,
        preferences=context.preferences,
        moment=context.moment,
        grant=context.grant,
        channel=context.service.channel(context.grant, drill.channel),
    )


async def acknowledge(context: PageContext, id: str) -> tuple[str, int]:
    """Acknowledge the message of a drill, and record nothing.

    Return the time, and the seconds since the message came. Raises `Refused` if the
    reader has no such drill.
    """
    drill = await note(context, id, "acknowledged")
    if not drill.acknowledged:
        raise refused("not-found", sentence("This drill is not there any more. Begin another one."))
    seconds = drill_screens.seconds_between(drill.sent, drill.acknowledged)
    return drill.acknowledged, int(seconds)


def _now(context: PageContext) -> str:
    moment: datetime = context.service.now()
    return context.words.stamp(moment)
