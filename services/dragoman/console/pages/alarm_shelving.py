"""What a watch does to its own alarms: cautions are shelved for a while and for a reason, screens are silenced. Both stand in the turn-over note.

    board ─ shelve, with a reason, for 8 hours at most ─▶ listed apart, and not counted; taken back, or over with its time or with the watch

What is more urgent than a caution cannot be shelved, and what becomes so comes back by itself. It is of the side's own watch, and in no log.
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


def may_shelve(here: PageContext) -> bool:
    """Whether the reader may put a caution aside: a duty officer or head of office whose side's watch is taken."""
    return here.may_post and not DUTY.isdisjoint(here.roles) and here.side in here.registry.watches


def in_force(floor: Floor, now: datetime) -> dict[tuple[str, str, str], ShelvedAlarm]:
    """What is shelved, by exchange, clock and what started it."""
    return {(each.exchange, each.clock, each.started_by): each for each in floor.standing(now)}


def standing(strips: Iterable[Strip], shelved: Container[tuple[str, str, str]]) -> list[Strip]:
    """Those that are not shelved: cautions alone can be."""
    return [
        each
        for each in strips
        if each.level != "caution" or (each.exchange, each.clock, each.started_by) not in shelved
    ]


async def shelve(here: PageContext) -> web.StreamResponse:
    """Put a caution aside, or take it back."""
    form = await form_of(here.request)
    here.newest = here.projection.flushed
    held = here.registry.watches.get(here.side)
    if held is None or not may_shelve(here):
        raise refused(
            "not-permitted",
            sentence(
                "Cautions are shelved by duty officers and heads of office while their side’s watch is taken."
            ),
        )
    wanted = said(form, "exchange"), said(form, "clock"), said(form, "started_by")
    onward = following(said(form, "next") or here.link())
    now = here.service.now()

    def without(floor: Floor) -> Floor:
        kept = (each for key, each in in_force(floor, now).items() if key != wanted)
        return replace(floor, shelved=tuple(kept))

    if said(form, "do") == "back":
        await here.service.access.watching.change(
            here.registry.cid, here.side, held.since.position, without
        )
        return see(f"{onward}{'&' if '?' in onward else '?'}said=unshelved")
    owed = (await duties(here.request.app, here.projection)).listed()
    asked = (
        strip(duty, now)
        for duty in owed
        if (duty.exchange, duty.clock.clock, duty.clock.started_by) == wanted
    )
    found = next(asked, None)
    reason, hours = said(form, "reason"), said(form, "hours")
    if found is None or found.level != "caution":
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
    each = ShelvedAlarm(
        exchange=found.exchange,
        number=found.number,
        clock=found.clock,
        started_by=found.started_by,
        owed_by=found.owed_by,
        reason=reason,
        by=here.grant.actor,
        until=here.words.stamp(now + timedelta(hours=int(hours))),
    )

    def with_it(floor: Floor) -> Floor:
        shelved = without(floor).shelved
        if len(shelved) >= SHELVED:
            raise refused(
                "no-room",
                sentence("A watch shelves %(n)s cautions at most. Take one back first.", n=SHELVED),
            )
        return replace(floor, shelved=(*shelved, each))

    await here.service.access.watching.change(
        here.registry.cid, here.side, held.since.position, with_it
    )
    return see(f"{onward}{'&' if '?' in onward else '?'}said=shelved")


async def silenced(here: PageContext) -> web.Response:
    """Count that a screen was silenced, for each channel whose alarm it silenced."""
    form = await form_of(here.request)
    now = here.words.stamp(here.service.now())

    def once_more(floor: Floor) -> Floor:
        return replace(floor, silenced=floor.silenced + 1, silenced_last=now)

    for name in {each for each in form.getall("channel", []) if isinstance(each, str)}:
        projection = here.service.channels.get(name)
        held = None if projection is None else projection.registry.watches.get(here.side)
        if (
            projection is not None
            and held is not None
            and here.service.station(here.grant, projection)
        ):
            await here.service.access.watching.change(
                projection.registry.cid, here.side, held.since.position, once_more
            )
    return web.Response(status=204, headers=HEADERS)


SHEETS: Final = (
    PageRoute(path="/shelve", handler=shelve, method="POST"),
    PageRoute(path="/alarm/silenced", handler=silenced, method="POST", anywhere=True),
)
