"""Signing in at the OIDC provider: the way there, and the way back.

The provider sends the browser back from another site. On that request, and on any
redirect that follows it, a browser leaves out cookies with `SameSite=Strict`. So the
answer is a page of ours that goes on by itself. The next request then comes from our
own site and has the session's cookie. The cookie of a sign-in that has begun must
arrive from the other site, so it is `SameSite=Lax`.
"""

import time
from typing import Final

import structlog
from aiohttp import web

from dragoman import metrics
from dragoman.application.http import request as http_request
from dragoman.application.http.queries import of_page
from dragoman.application.http.rate_limits import RATE_LIMITS
from dragoman.application.http.session_cookie import COOKIE
from dragoman.application.identity_provider.code_flow import (
    BEGUN_SECONDS,
    CODE_FLOW,
    CodeFlow,
    ProviderSignIn,
    SignInFailed,
)
from dragoman.console.page import sessions
from dragoman.console.page.context import Preferences
from dragoman.console.page.rendering import html, refused, render_template
from dragoman.document.blocks import Buttons, Facts, PageDocument, section
from dragoman.i18n.words import Words
from dragoman.members.runs import Cell, Mark, PageLink
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.tokens_and_sessions import session_id, subject_digest
from dragoman.text import sentence

log = structlog.get_logger()

BEGUN: Final = "__Host-dragoman-signin"
"""The cookie of a sign-in that has begun at the provider."""

_STATUS: Final = {
    "denied": 403,
    "error": 502,
    "unreachable": 503,
    "answer": 502,
    "browser": 400,
    "token": 502,
    "subject": 403,
}


def _flow(request: web.Request) -> CodeFlow:
    """Return the sign-in at the provider. Raises `Refused` without a provider."""
    flow = request.app.get(CODE_FLOW)
    if flow is None:
        raise refused(
            "not-found", sentence("Officers sign in with tokens here. Go to the sign-in page.")
        )
    return flow


async def start(request: web.Request) -> web.Response:
    """Redirect the reader to the provider, and remember where they wanted to go."""
    flow = _flow(request)
    next = sessions.following(of_page(request, sessions.SignInQuery).next)
    secret = request.cookies.get(COOKIE, "")
    try:
        cookie, location = await flow.begin(next, session_id(secret) if secret else "")
    except SignInFailed as error:
        return _failed(request, error.because, next, reason=str(error))
    response = sessions.redirect(location)
    response.set_cookie(
        BEGUN,
        cookie,
        max_age=BEGUN_SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite="Lax",
    )
    return response


async def finish(request: web.Request) -> web.Response:
    """Begin a session for the officer whom the provider has signed in."""
    flow = _flow(request)
    cookie = request.cookies.get(BEGUN, "")
    next = "/"
    # Each try may ask the provider, so a stranger's tries are bounded before that.
    request.app[RATE_LIMITS].stranger(request.get("address", ""))
    try:
        # The provider's own parameters: the protocol checks each of them.
        begun = flow.begun(cookie, request.query)
        next = sessions.following(begun.next)
        signed_in = await flow.finish(begun, request.query)
        response = await _begin_session(request, flow, signed_in, next)
    except SignInFailed as error:
        response = _failed(request, error.because, next, reason=str(error), code=error.code)
    response.del_cookie(BEGUN, path="/", secure=True, httponly=True, samesite="Lax")
    return response


async def _begin_session(
    request: web.Request, flow: CodeFlow, signed_in: ProviderSignIn, next: str
) -> web.Response:
    """Return the page that leads on, with the cookie of a new session.

    Raises `SignInFailed` if the same address began a session before.
    """
    service = request.app[http_request.SERVICE]
    access, subject = service.access, signed_in.subject
    grant = access.of_subject(flow.issuer, subject)
    if grant is None and await service.access_refresh.look_again():
        grant = access.of_subject(flow.issuer, subject)
    if grant is None:
        return _failed(request, "subject", next, reason="no officer is mapped", subject=subject)
    request.app[RATE_LIMITS].caller(grant, "", 0)
    now = time.time()
    session = sessions.new_session(
        request, now, subject=subject_digest(flow.issuer, subject), granted=grant.issued
    )
    try:
        await access.open_session(session, now, signed_in.session_secret)
    except WriteConflict:
        raise SignInFailed("browser", "the same address began a session before") from None
    # The cookie of the browser's earlier session does not come from another site.
    await access.end_sessions(grant, [signed_in.begun.replaced], now)
    say = sessions.words_of(request).say
    on = Buttons((PageLink(say("Go on"), f"/{next}", "button"),))
    document = PageDocument(
        title=say("Signed in"),
        heading=(say("You are signed in."),),
        sections=(section("", on),),
    )
    response = _page(request, document, 200, next)
    response.headers["Refresh"] = f"0; url={next}"
    sessions.accepted(request, response, grant, signed_in.session_secret, "provider")
    return response


def _failed(
    request: web.Request,
    because: str,
    next: str,
    *,
    reason: str,
    code: str = "",
    subject: str = "",
) -> web.Response:
    """Return the page that says why nobody is signed in, and what to do."""
    metrics.SIGN_INS.labels("refused").inc()
    log.info(
        "sign_in.refused",
        address=request.get("address", ""),
        by="provider",
        reason=reason,
    )
    flow, words = _flow(request), sessions.words_of(request)
    lead, advice = _explained(words, because, flow.name)
    facts: tuple[tuple[str, Cell], ...] = (
        (words.name("heading", "token_subject"), Mark("secret", subject, "subject")),
        (words.say("Provider"), Mark("code", flow.issuer)),
    )
    document = PageDocument(
        title=words.say("You are not signed in"),
        has_failed=True,
        lead=(lead, *((" ", Mark("id", code)) if code else ())),
        sections=(
            section(
                "",
                advice,
                Facts(facts) if because == "subject" else None,
                Buttons(
                    (
                        _following(words.say("Begin again"), "//signin/oidc", next),
                        _following(words.say("Sign in with a token"), "//sign-in", next),
                    )
                ),
            ),
        ),
    )
    return _page(request, document, _STATUS[because], next)


def _following(name: str, path: str, next: str) -> PageLink:
    return PageLink(name, path, "button", query={"next": next})


def _explained(words: Words, because: str, provider: str) -> tuple[str, str]:
    """Return the reason why nobody is signed in, and what to do."""
    say = words.say
    match because:
        case "subject":
            return (
                say(
                    "%(provider)s knows you, but no officer here belongs to your account.",
                    provider=provider,
                ),
                say(
                    "Give this subject to the operator of this host. Once it is mapped to you, "
                    "sign in again."
                ),
            )
        case "denied":
            return (
                say("The sign-in was refused or cancelled at %(provider)s.", provider=provider),
                say(
                    "Try again. If it is refused again, ask those who run %(provider)s for access "
                    "to this service.",
                    provider=provider,
                ),
            )
        case "unreachable":
            return (
                say("%(provider)s cannot be reached from this host.", provider=provider),
                say("Try again in a minute. If it lasts, tell the operator. A token still works."),
            )
        case "browser":
            return (
                say(
                    "This sign-in did not begin in this browser, took longer than ten minutes, or "
                    "is used up."
                ),
                say("Begin again. If this comes back, allow this site to set cookies."),
            )
        case "error":
            return (
                say("%(provider)s answered with an error.", provider=provider),
                say("Try again in a minute. If it lasts, tell the operator what is shown here."),
            )
        case _:
            return (
                say("The answer of %(provider)s could not be verified.", provider=provider),
                say(
                    "Begin again. If it lasts, tell the operator: the reason is in the log of this "
                    "host."
                ),
            )


def _page(request: web.Request, document: PageDocument, status: int, next: str) -> web.Response:
    preferences = Preferences.read(request)
    text = render_template(
        None,
        sessions.words_of(request),
        "document.html",
        view=document,
        preferences=preferences,
        frame=None,
        next=next,
    )
    # The address of this page has a code, which no other request may name.
    return html(text, status=status, headers={"Referrer-Policy": "no-referrer"})
