"""The page of an officer's own sessions and tokens, on which sessions are ended."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from dragoman.application.operations import own_sessions
from dragoman.console.grant_words import NONE, GrantWords
from dragoman.console.page import sessions
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.document.blocks import Buttons, Empty, PageDocument, Remark, Section, columns, section
from dragoman.limits import SMALL_FORM_BYTES
from dragoman.members.runs import Cell, Mark, PageLink, PressButton
from dragoman.stores.tokens_and_sessions import session_id
from dragoman_schemas.host_responses import OwnSession, OwnToken

_PATH: Final = "/sessions"
_TO: Final = f"/{_PATH}"


def _current(context: PageContext) -> str:
    return session_id(context.request["session"])


async def listed(context: PageContext) -> Page:
    """Return the page with the reader's sessions and tokens."""
    view = await own_sessions.own_sessions(context.service, context.grant, _current(context))
    words = GrantWords(context)
    say = words.w.say
    announced = {
        "ended": say("Ended. It takes effect everywhere within a second."),
        "gone": say("There is no such session any more."),
    }
    lead = say(
        "The browsers in which %(actor)s is signed in now. End a session that you do not know, "
        "and tell the operator.",
        actor=view.actor,
    )
    document = PageDocument(
        title=say("My sessions"),
        announced=announced.get(context.said, ""),
        actions=()
        if context.grant.is_operator
        else (PageLink((say("My reach"),), "//reach", "button"),),
        lead=(lead,),
        sections=(_sessions(words, view.sessions), _tokens(words, view.tokens)),
    )
    return Page(view=document)


def _sessions(words: GrantWords, views: Sequence[OwnSession]) -> Section:
    say = words.w.say
    others = PressButton(say("End all others"), _TO, {"end": "others"})
    every = PressButton(say("End all, this one too"), _TO, {"end": "all"})
    note = say(
        "The last use may be ten minutes old. An open page counts as use. Of the browser, only "
        "its name and the name of its system are kept, as long as the session."
    )
    return section(
        say("Signed in"),
        columns(
            say("My sessions"),
            views,
            (say("Browser"), lambda session: _browser(words, session)),
            (say("Began"), lambda session: words.date(session.began)),
            (say("Last used"), lambda session: words.date(session.used)),
            (say("Ends"), lambda session: words.date(session.ends)),
            (say("Signed in with"), lambda session: _by(words, session)),
            (say("Session"), lambda session: Mark("id", session.id)),
            (
                say("End it"),
                lambda session: PressButton(say("End it"), _TO, {"end": session.id}, session.id),
            ),
            names=lambda session: {"current": ""} if session.current else {},
        ),
        Buttons((others, every) if len(views) > 1 else (every,)),
        Remark((note,)),
    )


def _browser(words: GrantWords, session: OwnSession) -> Cell:
    """Return the browser of a session and its system, as far as they are name."""
    say, name = words.w.say, session.browser or session.system or words.w.say("not known")
    if session.browser and session.system:
        name = say("%(browser)s on %(system)s", browser=session.browser, system=session.system)
    return (name, " ", Mark("tag", say("this browser"))) if session.current else name


def _by(words: GrantWords, session: OwnSession) -> Cell:
    """Return the thing with which the officer signed in."""
    say = words.w.say
    if session.by == "provider":
        return sessions.provider_name(words.context.request) or say("the provider")
    if session.label:
        return say("token “%(label)s”", label=session.label)
    return (say("Token"), " ", Mark("id", session.grant))


def _tokens(words: GrantWords, views: Sequence[OwnToken]) -> Section:
    say = words.w.say
    note = say(
        "Anyone who has a token can sign in again. If one is lost, tell the operator its id, so "
        "that it is revoked."
    )
    return section(
        say("My tokens"),
        columns(
            say("My tokens"),
            views,
            (say("Token id"), lambda token: Mark("id", token.id)),
            (say("Label"), lambda token: token.label or NONE),
            (say("May"), lambda token: words.scope(token.scope)),
            (say("Issued"), lambda token: words.date(token.issued)),
            (say("Ends"), lambda token: words.ends(token.expires, is_soon=token.ends_soon)),
            empty=Empty(say("No token speaks for you. You sign in at the provider.")),
        ),
        Remark((note,)),
    )


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
    return sessions.redirect(f"{_PATH}?said={'ended' if count else 'gone'}")


def _route(handler: Any, method: str = "GET") -> PageRoute:
    return PageRoute(path=_PATH, handler=handler, method=method, anywhere=True, any_scope=True)


ROUTES: Final = (_route(listed), _route(end, "POST"))
