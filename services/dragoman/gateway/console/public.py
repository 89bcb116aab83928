"""Shows to anybody what the sides of this host have made public together, without signing in.

/releases                        every release that is public
/releases/{channel}/{exchange}   one of them, which the reader's own browser verifies (static/release.js)
"""

from aiohttp import web

from dragoman.gateway import releases
from dragoman.gateway.console import releasing
from dragoman.gateway.console.page import Preferences, html, rendered
from dragoman.gateway.console.sessions import words_of
from dragoman.gateway.posting import SERVICE, in_thread
from dragoman.gateway.typed import Call, Nothing


async def listed(request: web.Request) -> web.Response:
    """Show the releases that are public, newest first."""
    words = words_of(request)
    rows = [
        (each, words.text(each.title)[1])
        for each in await releases.listed(Call(request, Nothing()))
    ]
    return html(
        rendered(
            None,
            words,
            "public_releases.html",
            rows=rows,
            preferences=Preferences.read(request),
            frame=None,
        )
    )


async def one(request: web.Request) -> web.Response:
    """Show a release. Raises `Refused` where it is not public."""
    words, call = words_of(request), Call(request, Nothing())
    projection, state = await releases.found(call)
    values = await in_thread(
        call, releasing.shown, words, projection, state, request.app[SERVICE].now()
    )
    page = {"preview": False, "preferences": Preferences.read(request), "frame": None}
    return html(rendered(None, words, "public_release.html", **values, **page))
