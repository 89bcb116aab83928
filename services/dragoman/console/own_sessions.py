"""The page of an officer's own sessions and tokens, on which sessions are ended."""

from typing import Any, Final

from aiohttp import web

from dragoman.application.operations import own_sessions
from dragoman.console import sessions
from dragoman.console.context import PageContext
from dragoman.console.rendering import Page, PageRoute
from dragoman.limits import SMALL_FORM_BYTES
from dragoman.stores.tokens_and_sessions import session_id
from dragoman_schemas.host_responses import OwnSession


def _current(context: PageContext) -> str:
    return session_id(context.request["session"])


async def listed(context: PageContext) -> Page:
    """Return the page with the reader's sessions and tokens."""
    view = await own_sessions.own_sessions(context.service, context.grant, _current(context))
    return Page(
        template="sessions.html",
        view=view,
        rows=view.sessions,
        values={
            "said": context.request.query.get("said", ""),
            "provider": sessions.provider_name(context.request),
            "browser_of": lambda session: _browser(context, session),
        },
    )


def _browser(context: PageContext, session: OwnSession) -> str:
    """Return a session's browser and system in words; empty if neither is known."""
    if session.browser and session.system:
        return context.words.say(
            "%(browser)s on %(system)s", browser=session.browser, system=session.system
        )
    return session.browser or session.system


async def end(context: PageContext) -> web.StreamResponse:
    """End one session of the reader's, all others, or all."""
    form = await sessions.form_of(context.request, limit=SMALL_FORM_BYTES)
    service, grant, current = context.service, context.grant, _current(context)
    chosen = sessions.said(form, "end")
    view = await own_sessions.own_sessions(service, grant, current)
    every = {session.id for session in view.sessions}
    ids = {"all": every, "others": every - {current}}.get(chosen, every & {chosen})
    count = await own_sessions.end_sessions(service, grant, ids)
    if current in ids:
        return sessions.signed_out(context.request)
    return sessions.redirect(f"/sessions?said={'ended' if count else 'gone'}")


def _route(handler: Any, method: str = "GET") -> PageRoute:
    return PageRoute(
        path="/sessions", handler=handler, method=method, anywhere=True, any_scope=True
    )


ROUTES: Final = (_route(listed), _route(end, "POST"))
