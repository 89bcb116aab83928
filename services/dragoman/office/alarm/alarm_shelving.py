"""Matters that a side's own watch has set aside until a time, and silenced screens.

A watch sets a row of its list aside, with a reason, until a time before its limit. It
silences no alarm. The board lists apart what is set aside. A row comes back when an
officer takes it back, when its time is over, or with the next watch. It also comes back
when it becomes serious.

Both belong to the side's own watch and are in no log. No other side sees them. Both
appear in the turn-over note.
"""

from typing import Final

from aiohttp import web
from msgspec.structs import replace

from dragoman.application.deadline_cache import open_deadlines_of
from dragoman.application.operations.report_requests import WATCH_FLOOR
from dragoman.console.matter import matter_list
from dragoman.console.matter.shelving import LEVELS_ASIDE, in_force, may_shelve
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import HEADERS, PageRoute, refused
from dragoman.console.page.sessions import following, form_of, redirect, said
from dragoman.i18n.words import as_moment
from dragoman.limits import SHELVED, SHELVED_REASON
from dragoman.members.input import times
from dragoman.members.input.not_understood import NotUnderstoodInput
from dragoman.stores.watch_floor import Floor, ShelvedAlarm
from dragoman.text import sentence


async def shelve(context: PageContext) -> web.StreamResponse:
    """Set a row of the list aside, or take it back."""
    form = await form_of(context.request)
    context.newest = context.projection.flushed
    watch = context.registry.watches.get(context.side)
    if watch is None or not may_shelve(context):
        raise refused(
            "not-permitted",
            sentence(
                "Matters are set aside by duty officers and heads of office while their side’s "
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
    owed = await open_deadlines_of(context.request.app, context.projection)
    rows = matter_list.rows_of(context, owed.listed(), owed.matters())
    row = next((row for row in rows if row.key == wanted), None)
    if row is None or row.level not in LEVELS_ASIDE:
        raise refused(
            "not-allowed-in-state",
            sentence(
                "Only a matter that is not serious can be set aside, and only while something is "
                "owed in it. Look at the board again."
            ),
        )
    reason = said(form, "reason")
    try:
        until = times.read_moment(said(form, "until"), now, context.zone)
    except NotUnderstoodInput:
        until = now
    if not reason or len(reason) > SHELVED_REASON or until <= now:
        raise refused(
            "bad-request",
            sentence(
                "Give a reason in %(n)s characters at most, and a time to come.",
                n=SHELVED_REASON,
            ),
        )
    if row.due and until > as_moment(row.due):
        raise refused(
            "bad-request",
            sentence(
                "This is due at %(t)s. Give a time before its limit.",
                t=context.words.written(row.due, "minute"),
            ),
        )
    shelved_alarm = ShelvedAlarm(
        exchange=row.exchange,
        number=row.number,
        clock=row.clock,
        started_by=row.started_by,
        owed_by=row.owed_by[0],
        reason=reason,
        by=context.grant.actor,
        until=context.words.stamp(until),
    )

    def with_it(floor: Floor) -> Floor:
        shelved = without(floor).shelved
        if len(shelved) >= SHELVED:
            raise refused(
                "no-room",
                sentence(
                    "A watch sets %(n)s matters aside at most. Take one back first.", n=SHELVED
                ),
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
            and context.service.receiving_side(context.grant, projection)
        ):
            await context.request.app[WATCH_FLOOR].change(
                projection.registry.cid, context.side, watch.since.position, once_more
            )
    return web.Response(status=204, headers=HEADERS)


ROUTES: Final = (
    PageRoute(path="/shelve", handler=shelve, method="POST"),
    PageRoute(path="/alarm/silenced", handler=silenced, method="POST", anywhere=True),
)
