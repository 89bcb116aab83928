"""The forms of an officer's own lists: saved searches and the read position."""

from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from dragoman.application.http import submission
from dragoman.console.context import PageContext
from dragoman.console.pages.inbox import wanted_of
from dragoman.console.rendering import PageRoute, refused
from dragoman.console.sessions import form_of, redirect, said
from dragoman.limits import SEARCH_NAME
from dragoman.stores.saved_searches import Search, TooMany
from dragoman.text import sentence


async def keep(context: PageContext) -> web.StreamResponse:
    """Save a search under a name; it replaces the reader's own search of that name."""
    form = await _officers(context)
    name, query = (
        " ".join(said(form, "name").split()),
        wanted_of(dict(parse_qsl(said(form, "query")))).query(),
    )
    back: Any = partial(context.link, "/inbox", **query)
    if not 1 <= len(name) <= SEARCH_NAME or not name.isprintable():
        return redirect(back(fault="name"))
    try:
        await context.service.access.searches.keep(
            Search(
                actor=context.grant.actor,
                cid=context.registry.cid,
                name=name,
                query=urlencode(query),
            )
        )
    except TooMany:
        return redirect(back(fault="many"))
    return redirect(back(said="kept"))


async def drop(context: PageContext) -> web.StreamResponse:
    """Delete a saved search."""
    form = await _officers(context)
    await context.service.access.searches.drop(
        context.grant.actor, context.registry.cid, " ".join(said(form, "name").split())
    )
    return redirect(
        context.link(
            "/inbox", **wanted_of(dict(parse_qsl(said(form, "query")))).query(), said="dropped"
        )
    )


async def _officers(context: PageContext) -> Any:
    """Return the form of an officer. Raises `Refused` for any other reader."""
    if not context.is_officer:
        raise refused(
            "not-permitted",
            sentence(
                "Only officers of a side can save searches. Keep the address of the list instead: "
                "it contains the search."
            ),
        )
    return await form_of(context.request)


async def read_all(context: PageContext) -> web.StreamResponse:
    """Count everything up to the page's record as read by the officer."""
    form = await _officers(context)
    position = submission.whole(said(form, "position")) or 0
    newest = context.projection.state.position
    await context.service.access.read_positions.read_all(
        context.grant.actor, context.registry.cid, min(max(0, position), newest)
    )
    query = wanted_of(dict(parse_qsl(said(form, "query")))).query()
    return redirect(context.link("/inbox", **(query or {"waits": "all"})))


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/inbox/saved", handler=keep, method="POST"),
    PageRoute(path="/inbox/saved/drop", handler=drop, method="POST"),
    PageRoute(path="/inbox/read", handler=read_all, method="POST"),
)
