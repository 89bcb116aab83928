"""The public pages of releases: what the sides of this host published together.

Anybody can read them without signing in.

    /releases                        every public release
    /releases/{channel}/{exchange}   one of them; the reader's own browser verifies it
                                     (static/release.js)
"""

from aiohttp import web

from dragoman.application.http.request import SERVICE, ApiRequest, NoBody
from dragoman.application.http.submission import in_thread
from dragoman.console.compose import release_preview
from dragoman.console.page import stranger_pages
from dragoman.console.page.context import Preferences
from dragoman.console.page.rendering import compile_template, html, render_template
from dragoman.console.page.sessions import words_of
from dragoman.document.blocks import PageDocument, Paragraph, Points, section
from dragoman.i18n.words import Words
from dragoman.members.runs import Aside, PageLink, Runs
from dragoman.office.exchanges import public_releases
from dragoman_schemas.release_bundle import Published


async def listed(request: web.Request) -> web.Response:
    """Return the page with all public releases, newest first."""
    words = words_of(request)
    items = tuple(await public_releases.listed(ApiRequest(request, NoBody())))
    return await stranger_pages.document(request, words, laid_out(words, items))


def laid_out(words: Words, items: tuple[Published, ...]) -> PageDocument:
    """Return the public releases of a host as a document."""
    say = words.say

    def told(item: Published) -> Runs:
        since = say("public since %(t)s", t=words.written(item.published, "minute"))
        sides = words.listed(item.sides).upper()
        remark = Aside((words.listed((item.channel, sides, since)),))
        return (PageLink((words.text(item.title)[1],), f"/{item.page}"), remark)

    none = Paragraph((say("Nothing is public on this host."),))
    block = Points(tuple(map(told, items))) if items else none
    return PageDocument(
        title=say("What the sides have made public"), sections=(section("", block),)
    )


async def one(request: web.Request) -> web.Response:
    """Return the page of a release. Raises `Refused` if it is not public."""
    words, call = words_of(request), ApiRequest(request, NoBody())
    projection, state = await public_releases.found(call)
    values = await in_thread(
        call, release_preview.shown, words, projection, state, request.app[SERVICE].now()
    )
    page = {"preview": False, "preferences": Preferences.read(request), "frame": None}
    await compile_template(words, "public_release.html")
    return html(render_template(None, words, "public_release.html", **values, **page))
