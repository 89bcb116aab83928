"""Which consoles are armed: what each browser of an officer says of its own alarm every quarter of a minute, and how long nobody's was."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from aiohttp import web
from msgspec import Struct

from dragoman.application.http import request as http_request
from dragoman.application.http import submission
from dragoman.console.rendering import HEADERS, PageContext, refused
from dragoman.console.sessions import form_of, said
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.projection import Projection
from dragoman.stores.tokens_and_sessions import Console
from dragoman.text import sentence
from dragoman_schemas.state import Registry

log = structlog.get_logger()

_STATES: Final = frozenset({"armed", "partly", "off", "not_armed", "blind", "no_answer"})


_UNANSWERED_SECONDS: Final = 3600.0
"""How far back a console may say that its check went unanswered: its own clock is not
to be believed for more.
"""


@dataclass(slots=True)
class ArmedConsole:
    """When a console of each side was armed last for a channel, by its cid, as far as this gateway knows; nothing is held against anybody from before it began."""

    began: float = field(default_factory=time.time)
    last: dict[tuple[str, str], float] = field(default_factory=dict)


ARMED: Final = web.AppKey("armed", ArmedConsole)


class ConsoleAlarmState(Struct, frozen=True, kw_only=True):
    """How the alarm of a side's consoles stands in a channel: how many are armed, and for how many seconds none was."""

    armed: int
    silent_s: float


def standing(app: web.Application, projection: Projection, side: str) -> ConsoleAlarmState:
    """Return how a side's consoles stand for a channel."""
    now = time.time()
    armed_console = app[ARMED]
    exercise = projection.name if projection.registry.kind == "exercise" else ""
    cid = projection.registry.cid
    consoles = app[http_request.SERVICE].access.consoles(now, cid)
    armed = sum(
        console.side == side
        and console.state in ("armed", "partly")
        and console.exercise == exercise
        for console in consoles
    )
    if armed:
        armed_console.last[cid, side] = now
        return ConsoleAlarmState(armed=armed, silent_s=0.0)
    last = max(
        armed_console.last.get((cid, side), 0.0),
        armed_console.began,
        _manned_since(projection.registry, side),
    )
    return ConsoleAlarmState(armed=0, silent_s=max(0.0, now - last))


def _manned_since(registry: Registry, side: str) -> float:
    watch = registry.watches.get(side)
    return 0.0 if watch is None else datetime.fromisoformat(watch.since.time).timestamp()


def unanswered(app: web.Application, projection: Projection, side: str) -> Console | None:
    """Return the console whose watch check nobody has answered for the longest, where none of the side is armed for the channel."""
    exercise = projection.name if projection.registry.kind == "exercise" else ""
    consoles = app[http_request.SERVICE].access.consoles(time.time(), projection.registry.cid)
    there = [item for item in consoles if item.side == side and item.exercise == exercise]
    if side not in projection.registry.watches or any(
        item.state in ("armed", "partly") for item in there
    ):
        return None
    asked = [
        item
        for item in there
        if item.state == "no_answer" and item.actor in projection.registry.officers
    ]
    return min(asked, key=lambda console: console.since, default=None)


def silent_for(app: web.Application, projection: Projection, side: str) -> float:
    """Return for how many seconds no console of a side was armed for a channel."""
    return standing(app, projection, side).silent_s


async def beat(context: PageContext) -> web.Response:
    """Keep how this browser's alarm stands. That it is not kept does not disarm it: the answer says so, and it is tried again."""
    form = await form_of(context.request)
    state, exercise = said(form, "state"), said(form, "exercise")
    visible = {
        projection.name for projection in context.service.visible(context.grant)
    }  # another channel is answered as one that does not exist
    if state not in _STATES or (exercise and exercise not in visible):
        raise refused(
            "bad-request",
            sentence(
                "A console says how it stands: armed, partly, off, not_armed, blind or no_answer."
            ),
        )
    now = round(time.time(), 1)
    since = (
        min(
            now, max(now - _UNANSWERED_SECONDS, float(submission.whole(said(form, "since")) or now))
        )
        if state == "no_answer"
        else 0.0
    )
    console = Console(
        actor=context.grant.actor, state=state, exercise=exercise, at=now, since=since
    )
    try:
        await context.service.access.beat(context.request["session"], console)
    except LogUnreachable as error:
        log.info("console.not_kept", reason=str(error))
        return web.Response(status=503, headers=HEADERS)
    return web.Response(status=204, headers=HEADERS)
