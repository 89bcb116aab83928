"""Routes of the pages: finds out who asks, of which channel and moment, has the handler answer, and gives that as a page, JSON or CSV."""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from aiohttp import web

from dragoman.application.http import problems, submission
from dragoman.application.http import request as http_request
from dragoman.application.http.request import compressed
from dragoman.console import page_layout
from dragoman.console.forms import browser_signatures
from dragoman.console.forms.browser_signatures import SignatureAsked
from dragoman.console.forms.form_errors import plain
from dragoman.console.rendering import (
    HEADERS,
    Page,
    PageContext,
    PageRoute,
    Preferences,
    as_csv,
    as_json,
    html,
    now,
    refused,
    rendered,
)
from dragoman.console.sessions import own_origin, signed_in, words_of
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import Words
from dragoman.projection.queries import liaison_state
from dragoman.projection.queries.snapshot import instant, position_by
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.text import Text, sentence
from dragoman_schemas.problems import TYPES
from dragoman_schemas.state import Registry

log = structlog.get_logger()

_CHANNEL: Final = "{channel:[a-z0-9-]{1,63}}"
_FORM: Final = r"{form:(?:\.json|\.csv)?}"
_IN_CHANNEL: Final = re.compile(r"/c/([a-z0-9-]{1,63})(?:/|$)")
_AT: Final = re.compile(r"[0-9]{1,15}")


def register(app: web.Application, sheets: Sequence[PageRoute]) -> None:
    """Add the pages' routes."""
    for sheet in sheets:
        path = sheet.path if sheet.anywhere else f"/c/{_CHANNEL}{sheet.path}"
        if sheet.method == "GET":
            path += _FORM if not path.endswith("/") else ""
        app.router.add_route(sheet.method, path, _served(sheet), name=sheet.name or None)
        if sheet.method == "GET" and not sheet.streams:
            app.router.add_route("HEAD", path, _served(sheet), name=sheet.name or None)


def _served(sheet: PageRoute) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def served(request: web.Request) -> web.StreamResponse:
        if sheet.method == "POST":
            own_origin(request)
        context = await _here(request, sheet)
        try:
            answered = await sheet.handler(context)
        except SignatureAsked as found:
            return browser_signatures.answer(found.asked)
        if not isinstance(answered, Page):
            return answered
        return compressed(await answer(context, answered))

    return served


async def _here(request: web.Request, sheet: PageRoute) -> PageContext:
    """Everything about a request that a page asks. Raises `SignInNeeded`, `Refused`."""
    name = request.match_info.get("channel", "")
    grant = signed_in(request)
    service = request.app[http_request.SERVICE]
    context = PageContext(
        request=request,
        service=service,
        words=words_of(request),
        preferences=Preferences.read(request),
        moment=service.now(),
        grant=grant,
    )
    if sheet.anywhere:
        return context
    context.channel = service.channel(grant, name)
    request["registry"] = context.projection.registry
    if sheet.method != "POST":
        await _stand(context)
    return context


async def _stand(context: PageContext) -> None:
    """Find the position that the page is to be of. Raises `Refused`, `Behind`."""
    projection = context.projection
    number = (
        submission.whole(context.request.query.get("after", "")) or 0
    )  # what was posted before, on whatever gateway, is on the page
    if projection.state.position < number <= projection.state.position + 1_000_000:
        await projection.in_file(number)
    await projection.in_file()
    context.newest = projection.flushed
    context.at = await position_of(context, context.request.query.get("at", ""))
    if context.at:
        stood = await context.in_thread(
            liaison_state.stood, context.service.store, context.name, context.at
        )
        if stood is None:
            raise refused("not-found", sentence("The channel had not been opened there."))
        context.registry_then, time, context.digest = stood
        context.moment = datetime.fromisoformat(time)


async def position_of(context: PageContext, at: str) -> int:
    """Return a past position by itself or by a time; 0 for now. Raises `Refused`."""
    if at in ("", "0"):
        return 0
    if _AT.fullmatch(at):
        if not 1 <= int(at) <= context.newest:
            raise refused(
                "bad-request",
                sentence(
                    "Records are counted from 1 to %(newest)s; give one of these, or a time.",
                    newest=context.newest,
                ),
            )
        return int(at)
    moment = instant("at", at) + timedelta(milliseconds=1)
    position: int = await context.in_thread(
        position_by, context.service.store, context.name, context.newest, moment
    )
    if not position:
        raise refused("not-found", sentence("The channel had not been opened then."))
    return position


async def answer(context: PageContext, page: Page) -> web.Response:
    """Return what a handler answered with, in the form that is asked for."""
    headers = dict(page.headers)
    if context.channel is not None and context.position:
        headers["Dragoman-Position"] = str(context.position)
    match context.request.match_info.get("form", ""):
        case ".json":
            return as_json(page.view, headers)
        case ".csv":
            if page.rows is None:
                raise refused(
                    "not-acceptable", sentence("This page has no table; take it as .json.")
                )
            return as_csv(page.rows, headers)
    framed = await page_layout.of(context)
    text = rendered(
        context,
        context.words,
        page.template,
        frame=framed,
        view=page.view,
        tabled=page.rows is not None,
        **page.values,
    )
    return html(text, status=page.status, headers=headers)


def wants_page(request: web.Request) -> bool:
    """Return whether an error is to be answered by a page."""
    return not request.path.startswith("/v1/") and "text/html" in request.headers.get("Accept", "")


def saying(request: web.Request) -> Callable[[Text], str]:
    """Return how an error is said that is answered by no page: by the API in English, to a page's scripts in their reader's language."""
    return str if request.path.startswith("/v1/") else words_of(request).sentence


def problem(request: web.Request, error: Exception) -> web.Response:
    """Return an error as a page: its title, and what exactly is wrong, in the reader's language."""
    _, request_id = request.get(submission.TRACE, ("", ""))
    refusal, said = problems.refusal_of(error)
    words, registry = words_of(request), _registry(request)
    status, _ = TYPES[refusal.kind]
    headers = {name: value for name, value in said.items() if name in ("Allow", "Retry-After")}
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
    return html(rendered(None, words, "problem.html", **values), status=status, headers=headers)


def _registry(request: web.Request) -> Registry | None:
    """Return the channel of a page that went wrong, also where its address is of no page; None where the reader has none of that name."""
    registry: Registry | None = request.get("registry")
    grant, named = request.get("grant"), _IN_CHANNEL.match(request.path)
    if registry is not None or named is None or not isinstance(grant, Grant) or grant.is_operator:
        return registry
    try:
        return request.app[http_request.SERVICE].channel(grant, named[1]).registry
    except Refused:
        return None


def _onward(path: str, channel: str, words: Words) -> tuple[tuple[str, str], ...]:
    """Return the pages on which a reader looks for what is not at an address: their addresses and names."""
    text = path.removeprefix(f"/c/{channel}")
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
    result = next(
        (
            (f"/c/{channel}{to}", word)
            for begins, to, word in lists
            if text.startswith(begins) and text != to
        ),
        None,
    )
    return () if result is None else (result,)


__all__ = ["HEADERS", "answer", "now", "position_of", "problem", "register", "saying", "wants_page"]
