"""The page of the five-minute drill.

GET  /c/{channel}/drill    explain, ring, show the message, or show the times
POST /c/{channel}/drill    begin a drill, answer its message, or end it
"""

from typing import Final

from aiohttp import web
from msgspec import Struct

from dragoman.console.first_hour import checklists
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page.sessions import form_of, redirect, said
from dragoman.office.alarm import alarm, drill_screens, drills
from dragoman.office.alarm.drill_screens import DrillScreen, seconds_between
from dragoman.stores.first_hours import Drill
from dragoman.text import sentence

_STEPS: Final = ("seen", "acknowledged", "read", "answered")


class DrillTime(Struct, frozen=True, kw_only=True):
    """A step of a drill: its time, and the seconds since the message came."""

    step: str
    time: str
    seconds: float


class DrillView(Struct, frozen=True, kw_only=True):
    """A reader's drill.

    `stage` is start, ringing, message, over or ended. `screens` are those of others.
    """

    stage: str
    sent: str = ""
    times: tuple[DrillTime, ...] = ()
    screens: tuple[DrillScreen, ...] = ()


async def drill_page(context: PageContext) -> Page:
    """Return the page of the reader's drill."""
    if not checklists.may_drill(context):
        raise refused(
            "not-permitted",
            sentence("The drill is for duty officers and heads of office, on a page of now."),
        )
    drill = drills.drill_of(context)
    if drill is not None and drill.channel != context.name:
        drill = None
    if drill is not None and drill.is_running:
        if (await alarm.alarms_of_log(context.request.app, context)).flashes:
            drill = await drills.note(context, drill.id, "ended")
        elif drill.acknowledged and not drill.read:
            drill = await drills.note(context, drill.id, "read")
        else:
            context.request[drills.SHOWN] = drill.id
            if not drill.seen:
                drill = await drills.note(context, drill.id, "seen")
    stage = _stage(drill)
    is_over = drill is not None and stage in ("over", "ended")
    view = DrillView(
        stage=stage,
        sent="" if drill is None else drill.sent,
        times=() if drill is None else tuple(_times(drill)),
        screens=tuple(drill_screens.screens_of(context, drill))
        if drill is not None and is_over
        else (),
    )
    return Page(
        template="drill.html",
        view=view,
        values={
            "drill": drill if stage in ("ringing", "message") else None,
            "is_exercise": True,
            "detail": None if drill is None else drill_screens.detail_of(context, drill),
            "said": context.said,
        },
    )


def _stage(drill: Drill | None) -> str:
    if drill is None:
        return "start"
    if drill.ended:
        return "ended"
    if drill.answered:
        return "over"
    return "message" if drill.acknowledged else "ringing"


def _times(drill: Drill) -> list[DrillTime]:
    times = [(step, str(getattr(drill, step))) for step in _STEPS]
    return [
        DrillTime(step=step, time=time, seconds=seconds_between(drill.sent, time))
        for step, time in times
        if time
    ]


async def act(context: PageContext) -> web.StreamResponse:
    """Begin a drill, answer its message, or end it."""
    form = await form_of(context.request)
    if not checklists.may_drill(context):
        raise refused(
            "not-permitted",
            sentence("The drill is for duty officers and heads of office, on a page of now."),
        )
    id = said(form, "drill")
    match said(form, "do"):
        case "start":
            if (await alarm.alarms_of_log(context.request.app, context)).flashes:
                raise refused(
                    "not-allowed-in-state",
                    sentence("A real flash waits. Acknowledge it first, and do the drill later."),
                )
            await drills.start(context)
        case "answer":
            await drills.note(context, id, "read", "answered")
        case "end":
            await drills.drop(context)
        case _:
            raise refused(
                "bad-request", sentence("This is not an action of the drill. Open it again.")
            )
    return redirect(context.link("/drill"))


ROUTES: Final = (
    PageRoute(path="/drill", handler=drill_page),
    PageRoute(path="/drill", handler=act, method="POST"),
)
