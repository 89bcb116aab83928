"""The page behind the link in a test: its reader confirms that the test arrived.

    /reach/0190a19c3f5e77d4b2

It needs no sign-in, because it is opened on whatever device the test reached. Chat
programs open links to show a preview, so only the button confirms.
"""

from aiohttp import web

from dragoman.application.http.request import SERVICE
from dragoman.application.operations.endpoint_tests import confirm
from dragoman.console.page import stranger_pages
from dragoman.console.page.sessions import own_origin, words_of
from dragoman.document.blocks import Buttons, PageDocument, section
from dragoman.members.runs import PressButton
from dragoman.text import capitalized


async def question(request: web.Request) -> web.Response:
    """Ask whether the test arrived."""
    say = words_of(request).say
    button = PressButton(say("Confirm that it arrived"), f"/{request.path}")
    document = PageDocument(
        title=say("Did this test reach you?"),
        lead=say("Nothing has happened. Your side tests whether it can reach you here."),
        sections=(section("", Buttons((button,))),),
    )
    return await _page(request, document)


async def confirmed(request: web.Request) -> web.Response:
    """Confirm that the test arrived."""
    own_origin(request)
    words, code = words_of(request), request.match_info["code"]
    say, result = words.say, await confirm(request.app[SERVICE], code)
    if result is None:
        lead = say(
            "A test is valid for a day, and a newer test replaces it. Send another one from the "
            "page My reach."
        )
        unknown = PageDocument(title=say("This test is not known"), lead=lead)
        return await _page(request, unknown, 404)
    lead = say(
        "The test reached you. This was recorded at %(t)s. You can close this page.",
        t=words.written(result.arrived),
    )
    return await _page(request, PageDocument(title=capitalized(say("confirmed")), lead=lead))


async def _page(request: web.Request, document: PageDocument, status: int = 200) -> web.Response:
    words = words_of(request)
    return await stranger_pages.document(request, words, document, status=status)
