"""Every page there is, by its path."""

import time
from typing import Any, Final

from aiohttp import web

from dragoman.gateway import posting
from dragoman.gateway.console import (
    admin,
    alarm,
    audit,
    board,
    compose,
    consoles,
    dialogue,
    docs,
    exchange,
    host,
    inbox,
    kept,
    meetings,
    offline,
    people,
    public,
    releasing,
    reports,
    sessions,
    shelf,
    statistics,
    versions,
)
from dragoman.gateway.console.owed import DUTIES
from dragoman.gateway.console.page import STATIC, Here, Sheet, refused
from dragoman.gateway.console.serving import register as _register
from dragoman.gateway.console.sessions import see
from dragoman.gateway.kept_forms import FORMS_KEPT, KeptForms
from dragoman.text import sentence

SHEETS: Final = (
    Sheet(path="", handler=board.board),
    Sheet(path="/watch", handler=board.take_watch, method="POST"),
    Sheet(path="/acknowledge", handler=alarm.acknowledge, method="POST"),
    Sheet(path="/alarm", handler=alarm.fragment, anywhere=True),
    Sheet(path="/alarm/events", handler=alarm.events, anywhere=True, streams=True),
    Sheet(path="/alarm/beat", handler=consoles.beat, method="POST", anywhere=True),
    *shelf.SHEETS,
    *inbox.SHEETS,
    *offline.SHEETS,
    *exchange.SHEETS,
    *compose.SHEETS,
    *meetings.SHEETS,
    *people.SHEETS,
    *dialogue.SHEETS,
    *releasing.SHEETS,
    *versions.SHEETS,
    *statistics.SHEETS,
    *reports.SHEETS,
    *audit.SHEETS,
    *admin.SHEETS,
    *host.SHEETS,
    *kept.SHEETS,
)


def register(app: web.Application) -> None:
    """Add the pages' routes and files, and what they keep."""
    app[DUTIES] = {}
    app[FORMS_KEPT] = KeptForms(time.monotonic)
    app[consoles.ARMED] = consoles.Armed()
    app[alarm.BELLS] = alarm.Bells(app[posting.SERVICE])
    app.router.add_get("/sign-in", sessions.sign_in_form)
    app.router.add_post("/sign-in", sessions.sign_in)
    app.router.add_post("/sign-out", sessions.sign_out)
    app.router.add_post("/preferences", sessions.prefer)
    app.router.add_get("/docs", docs.docs)
    app.router.add_get("/releases", public.listed)
    app.router.add_get("/releases/{channel:[a-z0-9-]{1,63}}/{exchange:[0-9a-f-]{36}}", public.one)
    app.router.add_get("/offline", offline.plain)
    app.router.add_get("/offline.js", offline.worker)
    _register(app, (Sheet(path="/", handler=_home, anywhere=True), *SHEETS))
    app.router.add_static("/static", STATIC)


async def _home(here: Here) -> Any:
    """The first channel's board: the one that must not wait comes first."""
    if here.grant.is_operator:
        return see("/host")
    visible = here.service.visible(here.grant)
    if not visible:
        raise refused(
            "not-permitted",
            sentence(
                "%(actor)s is in office in no channel; an administrator of the side enters officers.",
                actor=here.grant.actor,
            ),
        )
    first = next((each for each in visible if each.registry.kind == "official"), visible[0])
    return see(f"/c/{first.name}")
