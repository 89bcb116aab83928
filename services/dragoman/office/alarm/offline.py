"""The offline page: what a browser keeps of a channel for a lost connection.

    GET  /offline.js             the service worker; its place at the root lets it serve
                                 all pages
    GET  /offline                the page without a channel, for everybody
    GET  /c/{channel}/offline    the last board, cards, the duty numbers, and
                                 forms for a text to begin
    GET  /manifest.webmanifest   makes the pages installable

The browser keeps the page for a day, or until the session ends, sealed with a key that
ends with the session (`static/sealed.js`). The scripts of a page store it
(`static/kept.js`). They delete it at sign-out, at the end of the session, and when its
time is over.
"""

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from aiohttp import web
from markupsafe import Markup

from dragoman.application.clock import stamp
from dragoman.application.http.session_cookie import COOKIE
from dragoman.console.compose.offline_forms import offline_forms
from dragoman.console.matter import print_views
from dragoman.console.page import duty_numbers, static_files
from dragoman.console.page.context import PageContext, Preferences
from dragoman.console.page.rendering import HEADERS, PageRoute, html, render_template
from dragoman.console.page.sessions import words_of
from dragoman.i18n.words import Words
from dragoman.limits import KEPT_SECONDS
from dragoman.office.alarm import board
from dragoman.projection.queries.records import ErasedExchange, NoSuchExchange

_UNTIL: Final = "Dragoman-Kept-Until"
_PAPER: Final = "#f3f2ed"
"""The ground of the pages in the light of day."""

_DRAFTS: Final = Markup("<!--drafts-->")
"""The service worker replaces it by the texts that the device keeps."""

_CARDS: Final = 8
"""Cards that are kept: messages that wait for the reader, and then open matters."""


async def worker(request: web.Request) -> web.Response:
    """Return the service worker.

    Each release has its own worker. So a browser takes the plain page and its style
    sheet from the new release.
    """
    source = static_files.files()["offline.js"].read_text()
    return web.Response(
        text=f"// release {static_files.release()}\n{source}",
        headers=HEADERS,
        content_type="text/javascript",
    )


async def plain(request: web.Request) -> web.Response:
    """Return the page without numbers."""
    return html(_page(words_of(request), Preferences.read(request)))


async def manifest(request: web.Request) -> web.Response:
    """Return the manifest, with which a browser can install the pages."""
    words = words_of(request)
    icon = {"src": "/static/icon.svg", "type": "image/svg+xml", "sizes": "any", "purpose": "any"}
    return web.json_response(
        {
            "id": "/",
            "name": words.say("Dragoman watch"),
            "short_name": "Dragoman",
            "lang": words.tag,
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": _PAPER,
            "theme_color": _PAPER,
            "icons": [icon, {**icon, "purpose": "maskable"}],
        },
        headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"},
        content_type="application/manifest+json",
    )


async def kept_page(context: PageContext) -> web.Response:
    """Return the page that a browser keeps of a channel.

    A header says until when the browser may keep it.
    """
    shown = await board.board(context)
    view = shown.view
    assert isinstance(view, board.Board)
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
    urgent = [
        *(row.exchange for row in view.rows if row.whose == "mine"),
        *(matter.exchange for matter in view.open_matters),
    ]
    cards = []
    for id in [*dict.fromkeys(urgent)][:_CARDS]:
        # An exchange may be erased, or not be in the file yet; the next page has it right.
        with suppress(NoSuchExchange, ErasedExchange):
            cards.append(await print_views.card_of(context, id))
    text = _page(
        context.words,
        context.preferences,
        ringing=ringing,
        channel=context.name,
        marking=context.registry.marking,
        until=until,
        exercise=context.registry.kind == "exercise",
        context=context,
        board=view,
        headline=shown.values["headline"],
        groups=shown.values["groups"],
        cards=[values for _, values in cards],
        forms=offline_forms(context),
    )
    return html(text, headers={_UNTIL: stamp(until)})


def _page(words: Words, preferences: Preferences, **values: object) -> str:
    page_values = {
        "ringing": (),
        "channel": "",
        "marking": "",
        "until": None,
        "exercise": False,
        "board": None,
        "cards": (),
        "forms": (),
        "drafts": _DRAFTS,
        "context": None,
        **values,
    }
    context = page_values.pop("context")
    assert context is None or isinstance(context, PageContext)
    return render_template(
        context,
        words,
        "offline.html",
        preferences=preferences,
        kept_at=words.written(datetime.now(UTC), "minute"),
        **page_values,
    )


ROUTES: Final = (PageRoute(path="/offline", handler=kept_page),)
