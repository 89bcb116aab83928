"""What a browser may keep for when its line is lost: a page with the duty numbers of a channel, for a day or until the session ends.

    GET  /offline.js            the service worker, at the root so that it serves every address of the console
    GET  /offline               the page without numbers, for everybody
    GET  /c/{channel}/offline   the page with the numbers of a channel, as its reader may see them; nothing else is on it

The scripts of a page keep it (`static/kept.js`), and delete it at sign-out, at the end
of the session, and when its time is over.
"""

import time
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from dragoman.application.command_handler import stamp
from dragoman.application.http.session_cookie import COOKIE
from dragoman.console.pages import duty_numbers
from dragoman.console.rendering import (
    HEADERS,
    STATIC,
    PageContext,
    PageRoute,
    Preferences,
    html,
    rendered,
)
from dragoman.console.sessions import words_of
from dragoman.i18n.words import Words
from dragoman.limits import KEPT_SECONDS

_UNTIL: Final = "Dragoman-Kept-Until"


async def worker(request: web.Request) -> web.FileResponse:
    """Serve the service worker."""
    return web.FileResponse(
        STATIC / "offline.js", headers={**HEADERS, "Content-Type": "text/javascript; charset=utf-8"}
    )


async def plain(request: web.Request) -> web.Response:
    """Serve the page that has no numbers."""
    return html(_page(words_of(request), Preferences.read(request)))


async def numbers(context: PageContext) -> web.Response:
    """Serve the page with the numbers of a channel, and say until when it may be kept."""
    now = time.time()
    session = context.request.cookies.get(COOKIE, "")
    until = datetime.fromtimestamp(
        min(now + KEPT_SECONDS, context.service.access.session_ends(session) or now), UTC
    )
    ringing = await duty_numbers.of_channel(
        context,
        context.projection,
        next((side for side in context.sides if side != context.side), ""),
    )
    text = _page(
        context.words,
        context.preferences,
        ringing=ringing,
        channel=context.name,
        marking=context.registry.marking,
        until=until,
        exercise=context.registry.kind == "exercise",
    )
    return html(text, headers={_UNTIL: stamp(until)})


def _page(words: Words, preferences: Preferences, **values: object) -> str:
    given = {
        "ringing": (),
        "channel": "",
        "marking": "",
        "until": None,
        "exercise": False,
        **values,
    }
    return rendered(
        None,
        words,
        "offline.html",
        preferences=preferences,
        kept_at=words.written(datetime.now(UTC), "minute"),
        **given,
    )


SHEETS: Final = (PageRoute(path="/offline", handler=numbers),)
