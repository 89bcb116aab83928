"""The dispatch of page requests: from the request to a page, to JSON, or to CSV.

It finds the reader, the channel and the moment, and calls the handler. It also renders
errors as pages.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from aiohttp import web

from dragoman.application.http import problems, submission
from dragoman.application.http import request as http_request
from dragoman.application.http.body_workers import RENDERING
from dragoman.application.http.conditional_requests import past
from dragoman.application.http.rate_limits import Payer
from dragoman.application.http.request import add_route, compressed
from dragoman.application.http.work_meter import counted
from dragoman.application.station_port import KeptForHost
from dragoman.console.first_hour import checklists
from dragoman.console.forms import browser_signatures
from dragoman.console.forms.browser_signatures import SignatureRequired
from dragoman.console.forms.form_errors import plain
from dragoman.console.page import page_layout, stranger_pages
from dragoman.console.page.context import EveryPage, PageContext, Preferences
from dragoman.console.page.rendering import (
    HEADERS,
    Page,
    PageRoute,
    as_csv,
    as_json,
    compile_template,
    csv_of,
    html,
    now,
    refused,
    render_template,
)
from dragoman.console.page.sessions import own_origin, redirect, signed_in, words_of
from dragoman.document.blocks import PageDocument
from dragoman.document.tables import has_tables
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import Words
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.text import Text, sentence
from dragoman_schemas.problems import TYPES
from dragoman_schemas.state import Registry

log = structlog.get_logger()

_CHANNEL: Final = "{channel:[a-z0-9-]{1,63}}"
_FORM: Final = r"{form:(?:\.json|\.csv)?}"
_IN_CHANNEL: Final = re.compile(r"/c/([a-z0-9-]{1,63})(?:/|$)")


def register(app: web.Application, routes: Sequence[PageRoute]) -> None:
    """Add the routes of the pages to the application."""
    for route in routes:
        path = route.path if route.anywhere else f"/c/{_CHANNEL}{route.path}"
        if route.method == "GET":
            path += _FORM if not path.endswith("/") else ""
        add_route(
            app.router, route.method, path, _served(route), name=route.name, streams=route.streams
        )


def _served(route: PageRoute) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def served(request: web.Request) -> web.StreamResponse:
        if route.method == "POST":
            own_origin(request)
        context = await _page_context(request, route)
        try:
            result = await route.handler(context)
        except SignatureRequired as request_to_sign:
            return browser_signatures.answer(request_to_sign.data)
        except KeptForHost as kept:
            return redirect(context.outbox_link(kept.entry.id))
        if not isinstance(result, Page):
            return compressed(result)
        if route.method == "GET" and request.method == "GET":
            await checklists.note_opened(context, route.path)
        return compressed(await answer(context, result))

    return served


async def _page_context(request: web.Request, route: PageRoute) -> PageContext:
    """Return the context of a page request. Raises `SignInNeeded`, `Refused`."""
    name = request.match_info.get("channel", "")
    grant = signed_in(request, any_scope=route.any_scope)
    service = request.app[http_request.SERVICE]
    context = PageContext(
        request=request,
        service=service,
        words=words_of(request),
        preferences=Preferences.read(request),
        moment=service.now(),
        grant=grant,
    )
    if route.anywhere:
        return context
    context.channel = service.channel(grant, name)
    request["registry"] = context.projection.registry
    if route.method != "POST":
        await set_position(context)
    return context


async def set_position(context: PageContext) -> None:
    """Set the position and the moment of the page.

    Raises `Refused` or `NotYetApplied`.
    """
    projection, query = context.projection, context.asked(EveryPage)
    # The page must show what the reader has just posted, even through another gateway.
    least = query.after
    if projection.state.position < least <= projection.state.position + 1_000_000:
        await projection.in_file(least)
    await projection.in_file()
    context.newest = projection.flushed
    moment = await past(context.call, projection, query.at)
    if moment is not None:
        context.at, context.moment = moment
        stood = await context.ask(lambda view: (view.registry, view.time, view.digest))
        context.registry_then, context.record_time, context.digest = stood
        if timestamp(context.moment) != context.record_time:
            context.past_time = timestamp(context.moment)


async def answer(context: PageContext, page: Page) -> web.Response:
    """Return the response to a page in the requested form."""
    headers = dict(page.headers)
    if context.channel is not None and context.position:
        headers["Dragoman-Position"] = str(context.position)
    if context.past:
        headers["Dragoman-Moment"] = timestamp(context.moment)
    match context.request.match_info.get("form", ""):
        case ".json":
            return as_json(page.view, headers)
        case ".csv":
            table = csv_of(page)
            if table is None:
                raise refused(
                    "not-acceptable", sentence("This page has no table. Use .json instead of .csv.")
                )
            return as_csv(table, headers)
    await compile_template(context.words, page.template)
    framed = await page_layout.of(context)
    request = context.request

    def rendered() -> str:
        return render_template(
            context,
            context.words,
            page.template,
            frame=framed,
            view=page.view,
            tabled=page.rows is not None
            or (isinstance(page.view, PageDocument) and has_tables(page.view)),
            **page.values,
        )

    # A page of a side waits for the side's earlier page. No post waits for a page.
    payer = request.get("payer")
    document = await request.app[RENDERING].run(
        payer.side if isinstance(payer, Payer) else "", counted(request, rendered)
    )
    return html(document, status=page.status, headers=headers)


def wants_page(request: web.Request) -> bool:
    """Return whether the response to an error is a page."""
    return not request.path.startswith("/v1/") and "text/html" in request.headers.get("Accept", "")


def saying(request: web.Request) -> Callable[[Text], str]:
    """Return the function that words an error which no page shows.

    The API words errors in English. The scripts of a page get them in their reader's
    language.
    """
    return str if request.path.startswith("/v1/") else words_of(request).sentence


async def problem(request: web.Request, error: Exception) -> web.Response:
    """Return an error as a page in the reader's language.

    The page shows the error's title and its details.
    """
    _, request_id = request.get(submission.TRACE, ("", ""))
    refusal, refusal_headers = problems.refusal_of(error)
    words, registry = words_of(request), _registry(request)
    status, _ = TYPES[refusal.kind]
    headers = {
        name: value for name, value in refusal_headers.items() if name in ("Allow", "Retry-After")
    }
    values = {
        "refusal": refusal,
        "detail": words.sentence(plain(refusal.detail)),
        "onward": () if registry is None else _onward(request.path, registry.name, words),
        "status": status,
        "request_id": request_id,
        "registry": registry,
        "preferences": Preferences.read(request),
        "frame": None,
    }
    if registry is None and "grant" not in request and not (refusal.faults or refusal.allowed):
        detail = str(values["detail"])
        return await stranger_pages.answer(
            request,
            words,
            "problem.html",
            lambda: {**values, "request_id": stranger_pages.MARK},
            key=(refusal.kind, detail, values["onward"], status),
            status=status,
            headers={**HEADERS, **headers},
            request_id=request_id,
        )
    await compile_template(words, "problem.html")
    document = render_template(None, words, "problem.html", **values)
    return html(document, status=status, headers=headers)


def _registry(request: web.Request) -> Registry | None:
    """Return the registry of the channel in the address of a page that failed.

    The address itself may belong to no page. Return None if the reader has no channel
    of that name.
    """
    registry: Registry | None = request.get("registry")
    grant, match = request.get("grant"), _IN_CHANNEL.match(request.path)
    if registry is not None or match is None or not isinstance(grant, Grant) or grant.is_operator:
        return registry
    try:
        return request.app[http_request.SERVICE].channel(grant, match[1]).registry
    except Refused:
        return None


def _onward(path: str, channel: str, words: Words) -> tuple[tuple[str, str], ...]:
    """Return the lists in which a reader may look for a thing that was not found.

    Each list has its address and its name.
    """
    rest = path.removeprefix(f"/c/{channel}")
    lists = (
        ("/drafts", "/drafts", words.say("Drafts of your side")),
        ("/exchanges", "/inbox", words.say("Inbox")),
        ("/meetings", "/meetings", words.say("Meetings")),
        ("/dialogue", "/dialogue", words.say("Dialogue")),
        ("/people/register", "/people/register", words.say("Register of people")),
        ("/people", "/people", words.say("People")),
        ("/compose", "/compose", words.say("Write")),
        ("/reports", "/reports", words.say("Reports")),
        ("/records", "/log", words.say("The log")),
        ("/recorded", "/log", words.say("The log")),
        ("/admin", "/admin", words.say("Administration")),
    )
    target = next(
        (
            (f"/c/{channel}{to}", word)
            for begins, to, word in lists
            if rest.startswith(begins) and rest != to
        ),
        None,
    )
    return () if target is None else (target,)


__all__ = ["HEADERS", "answer", "now", "problem", "register", "saying", "wants_page"]
