"""What a watch does to its own alarms: cautions are shelved for a while and for a reason, screens are silenced. Both stand in the turn-over note.

    board ─ shelve, with a reason, for 8 hours at most ─▶ listed apart, and not counted; taken back, or over with its time or with the watch

What is more urgent than a caution cannot be shelved, and what becomes so comes back by
itself. It is of the side's own watch, and in no log.
"""

from collections.abc import Container, Iterable
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web
from msgspec.structs import replace

from dragoman.console.deadline_cache import duties
from dragoman.console.display.deadline_rows import Strip, strip
from dragoman.console.rendering import HEADERS, PageContext, PageRoute, refused
from dragoman.console.sessions import following, form_of, said, see
from dragoman.domain.acts.act_rules import DUTY
from dragoman.limits import SHELVED, SHELVED_REASON
from dragoman.stores.watch_floor import Floor, ShelvedAlarm
from dragoman.text import sentence

HOURS: Final = (1, 2, 4, 8)


def may_shelve(context: PageContext) -> bool:
    """Return whether the reader may put a caution aside: a duty officer or head of office whose side's watch is taken."""
    return (
        context.may_post
        and not DUTY.isdisjoint(context.roles)
        and context.side in context.registry.watches
    )


def in_force(floor: Floor, now: datetime) -> dict[tuple[str, str, str], ShelvedAlarm]:
    """Return what is shelved, by exchange, clock and what started it."""
    return {
        (shelved_alarm.exchange, shelved_alarm.clock, shelved_alarm.started_by): shelved_alarm
        for shelved_alarm in floor.standing(now)
    }


def standing(strips: Iterable[Strip], shelved: Container[tuple[str, str, str]]) -> list[Strip]:
    """Return those that are not shelved: cautions alone can be."""
    return [
        item
        for item in strips
        if item.level != "caution" or (item.exchange, item.clock, item.started_by) not in shelved
    ]


async def shelve(context: PageContext) -> web.StreamResponse:
    """Put a caution aside, or take it back."""
    form = await form_of(context.request)
    context.newest = context.projection.flushed
    watch = context.registry.watches.get(context.side)
    if watch is None or not may_shelve(context):
        raise refused(
            "not-permitted",
            sentence(
                "Cautions are shelved by duty officers and heads of office while their side’s watch is taken."
            ),
        )
    wanted = said(form, "exchange"), said(form, "clock"), said(form, "started_by")
    onward = following(said(form, "next") or context.link())
    now = context.service.now()

    def without(floor: Floor) -> Floor:
        shelved_alarms = (value for key, value in in_force(floor, now).items() if key != wanted)
        return replace(floor, shelved=tuple(shelved_alarms))

    if said(form, "do") == "back":
        await context.service.access.watching.change(
            context.registry.cid, context.side, watch.since.position, without
        )
        return see(f"{onward}{'&' if '?' in onward else '?'}said=unshelved")
    owed = (await duties(context.request.app, context.projection)).listed()
    strips = (
        strip(duty, now)
        for duty in owed
        if (duty.exchange, duty.clock.clock, duty.clock.started_by) == wanted
    )
    result = next(strips, None)
    reason, hours = said(form, "reason"), said(form, "hours")
    if result is None or result.level != "caution":
        raise refused(
            "not-allowed-in-state",
            sentence("Only a caution is shelved, and this is none now. Look at the board again."),
        )
    if not reason or len(reason) > SHELVED_REASON or hours not in map(str, HOURS):
        raise refused(
            "bad-request",
            sentence(
                "Give a reason in %(n)s characters at most, and for how long: 8 hours at most.",
                n=SHELVED_REASON,
            ),
        )
    shelved_alarm = ShelvedAlarm(
        exchange=result.exchange,
        number=result.number,
        clock=result.clock,
        started_by=result.started_by,
        owed_by=result.owed_by,
        reason=reason,
        by=context.grant.actor,
        until=context.words.stamp(now + timedelta(hours=int(hours))),
    )

    def with_it(floor: Floor) -> Floor:
        shelved = without(floor).shelved
        if len(shelved) >= SHELVED:
            raise refused(
                "no-room",
                sentence("A watch shelves %(n)s cautions at most. Take one back first.", n=SHELVED),
            )
        return replace(floor, shelved=(*shelved, shelved_alarm))

    await context.service.access.watching.change(
        context.registry.cid, context.side, watch.since.position, with_it
    )
    return see(f"{onward}{'&' if '?' in onward else '?'}said=shelved")


async def silenced(context: PageContext) -> web.Response:
    """Count that a screen was silenced, for each channel whose alarm it silenced."""
    form = await form_of(context.request)
    now = context.words.stamp(context.service.now())

    def once_more(floor: Floor) -> Floor:
        return replace(floor, silenced=floor.silenced + 1, silenced_last=now)

    for name in {item for item in form.getall("channel", []) if isinstance(item, str)}:
        projection = context.service.channels.get(name)
        watch = None if projection is None else projection.registry.watches.get(context.side)
        if (
            projection is not None
            and watch is not None
            and context.service.station(context.grant, projection)
        ):
            await context.service.access.watching.change(
                projection.registry.cid, context.side, watch.since.position, once_more
            )
    return web.Response(status=204, headers=HEADERS)


SHEETS: Final = (
    PageRoute(path="/shelve", handler=shelve, method="POST"),
    PageRoute(path="/alarm/silenced", handler=silenced, method="POST", anywhere=True),
)
