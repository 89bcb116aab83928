"""The offline page: duty numbers that a browser keeps for a lost connection.

    GET  /offline.js            the service worker; its place at the root lets it serve
                                all pages
    GET  /offline               the page without numbers, for everybody
    GET  /c/{channel}/offline   the numbers of a channel that its reader may see, alone

The browser keeps the page for a day, or until the session ends. The scripts of a page
store it (`static/kept.js`). They delete it at sign-out, at the end of the session, and
when its time is over.
"""

import time
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from dragoman.application.clock import stamp
from dragoman.application.http.session_cookie import COOKIE
from dragoman.console.context import PageContext, Preferences
from dragoman.console.pages import duty_numbers
from dragoman.console.rendering import HEADERS, STATIC, PageRoute, html, render_template
from dragoman.console.sessions import words_of
from dragoman.i18n.words import Words
from dragoman.limits import KEPT_SECONDS

_UNTIL: Final = "Dragoman-Kept-Until"


async def worker(request: web.Request) -> web.FileResponse:
    """Return the service worker."""
    return web.FileResponse(
        STATIC / "offline.js", headers={**HEADERS, "Content-Type": "text/javascript; charset=utf-8"}
    )


async def plain(request: web.Request) -> web.Response:
    """Return the page without numbers."""
    return html(_page(words_of(request), Preferences.read(request)))


async def numbers(context: PageContext) -> web.Response:
    """Return the page with the numbers of a channel.

    A header says until when the browser may keep it.
    """
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
    page_values = {
        "ringing": (),
        "channel": "",
        "marking": "",
        "until": None,
        "exercise": False,
        **values,
    }
    return render_template(
        None,
        words,
        "offline.html",
        preferences=preferences,
        kept_at=words.written(datetime.now(UTC), "minute"),
        **page_values,
    )


ROUTES: Final = (PageRoute(path="/offline", handler=numbers),)
