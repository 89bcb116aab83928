"""The alarm states of the browsers at which officers keep watch.

Each browser of an officer reports its own alarm every quarter of a minute
(`heartbeat`). From these reports follows how many consoles of a side are armed, and for
how long none was.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from aiohttp import web
from msgspec import Struct

from dragoman.application.http import request as http_request
from dragoman.application.http import submission
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import HEADERS, refused
from dragoman.console.page.sessions import form_of, said
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.projection import Projection
from dragoman.stores.tokens_and_sessions import Console
from dragoman.text import sentence
from dragoman_schemas.state import Registry

log = structlog.get_logger()

_STATES: Final = frozenset({"armed", "partly", "off", "not_armed", "blind", "no_answer"})


_UNANSWERED_SECONDS: Final = 3600.0
"""The longest time for which a console may say that its check is unanswered. The
service does not trust the browser's clock for more.
"""


@dataclass(slots=True)
class ArmedConsoles:
    """The times at which consoles were last armed, by the channel's cid and the side.

    This gateway knows only what happened after it `began`. Earlier silence counts
    against nobody.
    """

    began: float = field(default_factory=time.time)
    last: dict[tuple[str, str], float] = field(default_factory=dict)


ARMED: Final = web.AppKey("armed", ArmedConsoles)


class ConsoleAlarmState(Struct, frozen=True, kw_only=True):
    """The alarm state of a side's consoles in a channel.

    It says how many consoles are `armed`, and for how many seconds none was.
    """

    armed: int
    silent_s: float


def alarm_state(app: web.Application, projection: Projection, side: str) -> ConsoleAlarmState:
    """Return the alarm state of a side's consoles in a channel."""
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
    """Return the console whose watch check has been unanswered for the longest time.

    Return None if a console of the side is armed for the channel, or if nobody has the
    watch.
    """
    exercise = projection.name if projection.registry.kind == "exercise" else ""
    consoles = app[http_request.SERVICE].access.consoles(time.time(), projection.registry.cid)
    own_consoles = [
        console for console in consoles if console.side == side and console.exercise == exercise
    ]
    if side not in projection.registry.watches or any(
        console.state in ("armed", "partly") for console in own_consoles
    ):
        return None
    unanswered_consoles = [
        console
        for console in own_consoles
        if console.state == "no_answer" and console.actor in projection.registry.officers
    ]
    return min(unanswered_consoles, key=lambda console: console.since, default=None)


def silent_for(app: web.Application, projection: Projection, side: str) -> float:
    """Return the seconds for which no console of a side was armed for a channel."""
    return alarm_state(app, projection, side).silent_s


async def heartbeat(context: PageContext) -> web.Response:
    """Store the alarm state of this browser.

    A state that cannot be stored does not disarm the console. The response has status
    503, and the browser tries again.
    """
    form = await form_of(context.request)
    state, exercise = said(form, "state"), said(form, "exercise")
    visible = {
        projection.name for projection in context.service.visible(context.grant)
    }  # a channel that the reader may not see is treated like one that does not exist
    if state not in _STATES or (exercise and exercise not in visible):
        raise refused(
            "bad-request",
            sentence(
                "A console reports one of these states: armed, partly, off, not_armed, blind or "
                "no_answer."
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
