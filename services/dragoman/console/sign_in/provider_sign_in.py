"""Signing in at the OIDC provider: the way there, and the way back.

The provider sends the browser back from another site. On that request, and on any
redirect that follows it, a browser leaves out cookies with `SameSite=Strict`. So the
answer is a page of ours that goes on by itself. The next request then comes from our
own site and has the session's cookie. The cookie of a sign-in that has begun must
arrive from the other site, so it is `SameSite=Lax`.
"""

import time
from typing import Any, Final

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
    response = _page(request, "signed_in.html", 200, next=next)
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
    flow = _flow(request)
    return _page(
        request,
        "sign_in_failed.html",
        _STATUS[because],
        because=because,
        code=code,
        subject=subject,
        issuer=flow.issuer,
        next=next,
    )


def _page(request: web.Request, template: str, status: int, **values: Any) -> web.Response:
    words = sessions.words_of(request)
    text = render_template(
        None,
        words,
        template,
        provider=_flow(request).name,
        preferences=Preferences.read(request),
        frame=None,
        **values,
    )
    # The address of this page has a code, which no other request may name.
    return html(text, status=status, headers={"Referrer-Policy": "no-referrer"})
