"""Pages for anybody: what the sides of this host have made public together, without signing in.

/releases                        every release that is public
/releases/{channel}/{exchange}   one of them, which the reader's own browser verifies (static/release.js)
"""

from aiohttp import web

from dragoman.gateway import releases
from dragoman.gateway.console import releasing
from dragoman.gateway.console.page import Preferences, html, rendered
from dragoman.gateway.console.said import Display
from dragoman.gateway.console.sessions import words_of
from dragoman.gateway.posting import SERVICE
from dragoman.gateway.typed import Call, Nothing
from dragoman_schemas.state import Exchange


async def listed(request: web.Request) -> web.Response:
    """Show the releases that are public, newest first."""
    words, service = words_of(request), request.app[SERVICE]
    found = releases.public_on(service)
    display = Display(words)
    rows = [
        {**releasing.shown(words, projection, state, service.now()), "channel": projection.name, "title": _title(display, state)}
        for projection, state in sorted(found, key=lambda each: each[1].opened.time, reverse=True)
    ]
    values = {"rows": rows, "preferences": Preferences.read(request), "frame": None}
    return html(rendered(None, words, "public_releases.html", **values))


def _title(display: Display, state: Exchange) -> str:
    return display.words.text(state.content["title"])[1]


async def one(request: web.Request) -> web.Response:
    """Show a release. Raises `Refused` where it is not public."""
    words, service = words_of(request), request.app[SERVICE]
    projection, state = releases.found(Call(request, Nothing()))
    values = releasing.shown(words, projection, state, service.now()) | {
        "preview": False,
        "preferences": Preferences.read(request),
        "frame": None,
    }
    return html(rendered(None, words, "public_release.html", **values))
