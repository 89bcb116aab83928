"""The shelving of cautions, and the silencing of screens, by a side's own watch.

A watch shelves a caution on the board with a reason, for 8 hours at most. The board
lists shelved cautions apart and does not count them. Shelving ends when an officer
takes it back, when its time is over, or with the watch.

Anything more urgent than a caution cannot be shelved. A caution that becomes more
urgent comes back by itself. Shelving and silencing belong to the side's own watch and
are in no log. Both appear in the turn-over note.
"""

from datetime import timedelta
from typing import Final

from aiohttp import web
from msgspec.structs import replace

from dragoman.application.deadline_cache import open_deadlines_of
from dragoman.application.operations.report_requests import WATCH_FLOOR
from dragoman.console.display.deadline_rows import deadline_row
from dragoman.console.matter.shelving import HOURS, in_force, may_shelve
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import HEADERS, PageRoute, refused
from dragoman.console.page.sessions import following, form_of, redirect, said
from dragoman.limits import SHELVED, SHELVED_REASON
from dragoman.stores.watch_floor import Floor, ShelvedAlarm
from dragoman.text import sentence


async def shelve(context: PageContext) -> web.StreamResponse:
    """Shelve a caution, or take it back."""
    form = await form_of(context.request)
    context.newest = context.projection.flushed
    watch = context.registry.watches.get(context.side)
    if watch is None or not may_shelve(context):
        raise refused(
            "not-permitted",
            sentence(
                "Cautions are shelved by duty officers and heads of office while their side’s "
                "watch is taken."
            ),
        )
    wanted = said(form, "exchange"), said(form, "clock"), said(form, "started_by")
    onward = following(said(form, "next") or context.link())
    now = context.service.now()

    def without(floor: Floor) -> Floor:
        shelved_alarms = (value for key, value in in_force(floor, now).items() if key != wanted)
        return replace(floor, shelved=tuple(shelved_alarms))

    if said(form, "do") == "back":
        await context.request.app[WATCH_FLOOR].change(
            context.registry.cid, context.side, watch.since.position, without
        )
        return redirect(f"{onward}{'&' if '?' in onward else '?'}said=unshelved")
    owed = (await open_deadlines_of(context.request.app, context.projection)).listed()
    strips = (
        deadline_row(duty, now)
        for duty in owed
        if (duty.exchange, duty.clock.clock, duty.clock.started_by) == wanted
    )
    row = next(strips, None)
    reason, hours = said(form, "reason"), said(form, "hours")
    if row is None or row.level != "caution":
        raise refused(
            "not-allowed-in-state",
            sentence(
                "Only a caution can be shelved, and this is not a caution now. Look at the board "
                "again."
            ),
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
        exchange=row.exchange,
        number=row.number,
        clock=row.clock,
        started_by=row.started_by,
        owed_by=row.owed_by,
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

    await context.request.app[WATCH_FLOOR].change(
        context.registry.cid, context.side, watch.since.position, with_it
    )
    return redirect(f"{onward}{'&' if '?' in onward else '?'}said=shelved")


async def silenced(context: PageContext) -> web.Response:
    """Count the silencing of a screen, for each channel whose alarm it silenced."""
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
            await context.request.app[WATCH_FLOOR].change(
                projection.registry.cid, context.side, watch.since.position, once_more
            )
    return web.Response(status=204, headers=HEADERS)


ROUTES: Final = (
    PageRoute(path="/shelve", handler=shelve, method="POST"),
    PageRoute(path="/alarm/silenced", handler=silenced, method="POST", anywhere=True),
)
