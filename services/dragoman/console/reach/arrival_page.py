"""The page behind the link in a test: its reader confirms that the test arrived.

    /reach/0190a19c3f5e77d4b2

It needs no sign-in, because it is opened on whatever device the test reached. Chat
programs open links to show a preview, so only the button confirms.
"""

from aiohttp import web

from dragoman.application.http.request import SERVICE
from dragoman.application.operations.endpoint_tests import confirm
from dragoman.console.context import Preferences
from dragoman.console.rendering import html, render_template
from dragoman.console.sessions import own_origin, words_of


async def question(request: web.Request) -> web.Response:
    """Ask whether the test arrived."""
    return _page(request, answer="")


async def confirmed(request: web.Request) -> web.Response:
    """Confirm that the test arrived."""
    own_origin(request)
    result = await confirm(request.app[SERVICE], request.match_info["code"])
    return _page(request, answer="invalid" if result is None else result.arrived)


def _page(request: web.Request, answer: str) -> web.Response:
    return html(
        render_template(
            None,
            words_of(request),
            "arrived.html",
            code=request.match_info["code"],
            answer=answer,
            preferences=Preferences.read(request),
            frame=None,
        ),
        status=404 if answer == "invalid" else 200,
    )
