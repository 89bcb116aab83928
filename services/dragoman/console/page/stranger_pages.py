"""Pages that anybody may ask for, kept as bytes once they were rendered.

    return await stranger_pages.answer(request, words, "docs.html", values, key=trying)

A page is kept by its template, the reader's language and preferences, and a `key` of
all else that it shows. A stranger can choose some of these: so few are kept.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

import msgspec
from aiohttp import web
from markupsafe import escape

from dragoman.application.http.kept_bodies import KeptBody
from dragoman.application.http.work_meter import counted
from dragoman.console.page.context import Preferences
from dragoman.console.page.rendering import HEADERS, HTML, compile_template, render_template
from dragoman.document.blocks import PageDocument
from dragoman.i18n.words import Words

MARK: Final = "request-id-of-this-answer"
"""The text that stands for the id of a request in a page that is kept."""

_KEPT: Final = 128
"""Pages that are kept: each has about 10 kB."""

_pages: Final[OrderedDict[Hashable, KeptBody]] = OrderedDict()


async def answer(
    request: web.Request,
    words: Words,
    template: str,
    values: Callable[[], Mapping[str, Any]],
    *,
    key: Hashable,
    status: int = 200,
    headers: Mapping[str, str] = HEADERS,
    request_id: str = "",
) -> web.Response:
    """Return a page in the reader's language. Its `values` are asked for in a thread.

    The id of the request is no part of what is kept. It replaces `MARK` in the page.
    """
    preferences = Preferences.read(request)
    place = (template, words.language, preferences, key)
    page = _pages.get(place)
    if page is None:
        await compile_template(words, template)

        def rendered() -> KeptBody:
            shown = {"preferences": preferences, "frame": None, **values()}
            return KeptBody(render_template(None, words, template, **shown).encode())

        page = await asyncio.to_thread(counted(request, rendered))
        _pages[place] = page
        if len(_pages) > _KEPT:
            _pages.popitem(last=False)
    if request_id:
        body = page.identity.replace(MARK.encode(), escape(request_id).encode())
        return web.Response(
            body=body, content_type=HTML, charset="utf-8", status=status, headers=headers
        )
    return page.response(
        request, content_type=HTML, charset="utf-8", status=status, headers=headers
    )


async def document(
    request: web.Request,
    words: Words,
    view: PageDocument,
    *,
    next: str = "/",
    status: int = 200,
) -> web.Response:
    """Return a document to a reader without a session, who goes on to `next`."""
    values = {"view": view, "next": next}
    key = msgspec.json.encode(view), next
    return await answer(request, words, "document.html", lambda: values, key=key, status=status)
