"""Sessions of readers: signing in and out, forms, and screen preferences.

A session is a row on the server behind a `__Host-` cookie. Forms are accepted only from
our own origin, by the browser's own headers (Sec-Fetch-Site, Origin).
"""

import re
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

import structlog
from aiohttp import web
from msgspec import Struct

from dragoman import metrics
from dragoman.application.http import request as http_request
from dragoman.application.http.queries import of_page
from dragoman.application.http.rate_limits import RATE_LIMITS
from dragoman.application.http.session_cookie import COOKIE
from dragoman.application.identity_provider.code_flow import CODE_FLOW
from dragoman.console.page import form_body, sign_in_document, stranger_pages
from dragoman.console.page.browser_names import browser_of
from dragoman.console.page.context import THEMES, VIEW_COOKIE, Preferences
from dragoman.console.page.form_body import Form
from dragoman.console.page.kept_forms import FORMS_KEPT, FormOwner, KeptForm
from dragoman.console.page.rendering import HEADERS
from dragoman.domain.record.errors import Refused, refuse
from dragoman.i18n import words as languages
from dragoman.i18n.words import Words
from dragoman.limits import (
    BODY_BYTES,
    KEPT_FORM_BYTES,
    KEPT_FORM_SECONDS,
    SESSION_SECONDS,
    SMALL_FORM_BYTES,
    VIEW_SECONDS,
)
from dragoman.stores.tokens_and_sessions import Grant, PageSession, hashed

log = structlog.get_logger()

KEPT: Final = "__Host-dragoman-kept"
"""The cookie with the secret that opens a form which was sent after its session had
ended.
"""

ENDED: Final = "__Host-dragoman-ended"
"""The cookie with the secret of a session whose officer has signed out.

It opens nothing. For an hour, a form that another tab still has is kept by it.
"""

_FILLED: Final = re.compile(r"/c/[a-z0-9-]{1,63}/(compose|exchanges/[0-9a-f-]{36}/acts)/[a-z-]+")
"""Pages that show a kept form filled in. Any other kept form appears on a page of its
own.
"""

_PATH: Final = re.compile(r"/(?!/)[!-\[\]-~]*")
"""A path of ours: no other host, no backslash, no control character."""


class SignInNeeded(Exception):
    """The error of a page request without a session."""


def words_of(request: web.Request) -> Words:
    """Return the words of the screen's chosen language, or of the browser's."""
    chosen = Preferences.read(request).language
    return languages.words(
        chosen or languages.preferred(request.headers.get("Accept-Language", ""))
    )


def signed_in(request: web.Request, *, any_scope: bool = False) -> Grant:
    """Return the grant of the signed-in reader. Raises `SignInNeeded`, `Refused`.

    A reader whose token only reads may send no form, unless the page takes `any_scope`.
    """
    session, grant = request.cookies.get(COOKIE), request.get("grant")
    access = request.app[http_request.SERVICE].access
    if session is None or not isinstance(grant, Grant):
        raise SignInNeeded
    request["session"] = session
    request["still"] = lambda: access.session(session, time.time()) is not None
    if grant.scope == "read" and request.method == "POST" and not any_scope:
        raise refuse(
            "not-permitted",
            "Your token only allows reading. Ask the operator for another token.",
        )
    return grant


async def to_sign_in(request: web.Request) -> web.Response:
    """Redirect the reader to the sign-in form, and back afterwards.

    A script gets the status 401 instead. A form that was sent after the end of its
    session is kept.
    """
    if "text/html" not in request.headers.get("Accept", "") or request.headers.get(
        "Sec-Fetch-Mode"
    ) in ("cors", "same-origin"):
        return web.Response(status=401, headers={**HEADERS, "WWW-Authenticate": "Bearer"})
    if request.method in ("GET", "HEAD"):
        return web.Response(
            status=303,
            headers={"Location": f"/sign-in?next={quote(request.rel_url.path_qs)}", **HEADERS},
        )
    secret = await _kept(request)
    has_form = _FILLED.fullmatch(request.path) is not None
    back = request.path if has_form else "/kept" if secret else "/"
    unkept = "" if secret else "&unkept=yes"
    response = redirect(f"/sign-in?next={quote(back)}{unkept}")
    if secret:
        _set(response, KEPT, secret, KEPT_FORM_SECONDS)
    return response


def _set(response: web.Response, name: str, secret: str, seconds: int) -> None:
    """Set a cookie that only our own requests carry, and that no script reads."""
    response.set_cookie(
        name,
        secret,
        max_age=seconds,
        path="/",
        secure=True,
        httponly=True,
        samesite="Strict",
    )


def _delete(response: web.Response, name: str) -> None:
    """Delete a cookie that `_set` has set."""
    response.del_cookie(name, path="/", secure=True, httponly=True, samesite="Strict")


def keep_form(
    request: web.Request, grant: Grant, fields: Mapping[str, str], to: str
) -> web.Response | None:
    """Keep the fields of a form and redirect to another page.

    The form's own page shows the fields again. Return None if the form is too long.
    """
    body = urlencode(list(fields.items())).encode()
    secret = request.app[FORMS_KEPT].keep(_officer(request, grant), request.path, body)
    if not secret:
        return None
    response = redirect(to)
    _set(response, KEPT, secret, KEPT_FORM_SECONDS)
    return response


async def _kept(request: web.Request) -> str:
    """Keep a form whose session has just ended; return the secret that opens it.

    Return an empty text if nothing is kept. The body of a stranger is not even read. A
    file in the form is not kept.
    """
    access, now = request.app[http_request.SERVICE].access, time.time()
    sessions = [request.cookies[name] for name in (COOKIE, ENDED) if request.cookies.get(name)]
    grant = next((grant for session in sessions if (grant := access.ended(session, now))), None)
    if grant is None:
        return ""
    try:
        request["payer"] = request.app[RATE_LIMITS].caller(
            grant, "", min(request.content_length or 0, KEPT_FORM_BYTES)
        )
        form = await form_body.read(request, limit=KEPT_FORM_BYTES, files=True)
    except Refused:
        return ""
    body = urlencode(
        [(name, value) for name, value in form.items() if isinstance(value, str)]
    ).encode()
    log.info("form.kept", actor=grant.actor, bytes=len(body))
    return request.app[FORMS_KEPT].keep(_officer(request, grant), request.path, body)


def _officer(request: web.Request, grant: Grant) -> FormOwner:
    cids = request.app[http_request.SERVICE].access.cids(grant)
    return FormOwner(grant.actor, frozenset(cids))


def kept_form(request: web.Request, grant: Grant) -> KeptForm | None:
    """Return the form that this browser left behind, to the same officer only.

    The form was sent after its session had ended, or the officer left it to enter a
    person.
    """
    secret = request.cookies.get(KEPT, "")
    return request.app[FORMS_KEPT].find(secret, _officer(request, grant)) if secret else None


def forget_kept(request: web.Request, response: web.Response) -> None:
    """Delete a kept form, because it was sent or its officer has signed out."""
    if secret := request.cookies.get(KEPT):
        request.app[FORMS_KEPT].drop(secret)
        _delete(response, KEPT)


def own_origin(request: web.Request) -> None:
    """Raise `Refused` if the form came from another site."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    same = (
        site in ("same-origin", "none")
        if site is not None
        else origin is None or origin.partition("://")[2] == request.host
    )
    if not same:
        raise refuse(
            "not-permitted", "This form came from another site. Open the board here and try again."
        )


async def form_of(request: web.Request, *, limit: int = BODY_BYTES, files: bool = False) -> Form:
    """Return the form that a page sent, in UTF-8.

    The form may contain a file only if the page takes `files`. Raises `Refused`.
    """
    return await form_body.read(request, limit=limit, files=files)


def said(form: Form, name: str) -> str:
    """Return a field of a form as text; empty if the form does not contain it.

    Line ends are one character.
    """
    field = form.get(name, "")
    return field.replace("\r\n", "\n").strip() if isinstance(field, str) else ""


def following(path: str) -> str:
    """Return the next path if it is one of ours, and `/` otherwise."""
    return path if _PATH.fullmatch(path) else "/"


def redirect(location: str, headers: dict[str, str] | None = None) -> web.Response:
    """Redirect to a page after a form, so that a reload sends nothing again."""
    return web.Response(status=303, headers={"Location": location, **HEADERS, **(headers or {})})


# Signing in and out


class SignInQuery(Struct, frozen=True, kw_only=True):
    """The page to go on to, and what has just happened to the reader.

    They signed out, or sent a form that could not be kept.
    """

    next: str = "/"
    out: bool = False
    unkept: bool = False


async def sign_in_form(request: web.Request) -> web.Response:
    """Return the sign-in form."""
    query = of_page(request, SignInQuery)
    return await _sign_in_page(request, following(query.next), out=query.out, unkept=query.unkept)


async def _sign_in_page(
    request: web.Request,
    next: str,
    *,
    fault: bool = False,
    out: bool = False,
    unkept: bool = False,
    status: int = 200,
) -> web.Response:
    words = words_of(request)
    document = sign_in_document.laid_out(
        words,
        next,
        provider=provider_name(request),
        has_failed=fault,
        is_out=out,
        kept_form=None if unkept else KEPT in request.cookies,
    )
    return await stranger_pages.document(request, words, document, next=next, status=status)


def provider_name(request: web.Request) -> str:
    """Return the name of the provider at which officers sign in; empty without one."""
    flow = request.app.get(CODE_FLOW)
    return "" if flow is None else flow.name


async def sign_in(request: web.Request) -> web.Response:
    """Start a session in exchange for a token."""
    own_origin(request)
    form = await form_of(request, limit=SMALL_FORM_BYTES)
    token, next = said(form, "token"), following(said(form, "next") or "/")
    service = request.app[http_request.SERVICE]
    access = service.access
    grant = access.find(token, time.time())
    if grant is None and await service.access_refresh.look_again():
        grant = access.find(token, time.time())
    if grant is None:
        metrics.SIGN_INS.labels("refused").inc()
        log.info("sign_in.refused", address=request.get("address", ""))
        request.app[RATE_LIMITS].stranger(request.get("address", ""))
        return await _sign_in_page(request, next, fault=True, status=401)
    request.app[RATE_LIMITS].caller(grant, "", 0)
    if request.cookies.get(COOKIE):
        await access.close_session(
            request.cookies[COOKIE]
        )  # signing in again must not leave the earlier session open
    now = time.time()
    session = new_session(request, now, token=hashed(token))
    secret = await access.open_session(session, now)
    response = redirect("/host" if grant.is_operator and next == "/" else next)
    accepted(request, response, grant, secret, "token")
    return response


def new_session(
    request: web.Request, now: float, *, token: str = "", subject: str = "", granted: str = ""
) -> PageSession:
    """Return a session that begins now in the browser of a request.

    It is of a token, or of a subject of the provider, by their digests.
    """
    browser, system = browser_of(request.headers.get("User-Agent", ""))
    return PageSession(
        token=token,
        subject=subject,
        granted=granted,
        begun=now,
        used=now,
        expires=now + SESSION_SECONDS,
        browser=browser,
        system=system,
    )


def accepted(
    request: web.Request, response: web.Response, grant: Grant, secret: str, by: str
) -> None:
    """Set the cookie of a new session on a response, and log the sign-in.

    `by` says what the officer signed in with: a token, or the provider.
    """
    metrics.SIGN_INS.labels("accepted").inc()
    log.info(
        "sign_in.done",
        actor=grant.actor,
        address=request.get("address", ""),
        token_id=grant.id,
        by=by,
    )
    _set(response, COOKIE, secret, SESSION_SECONDS + KEPT_FORM_SECONDS)
    if ENDED in request.cookies:
        _delete(response, ENDED)


async def sign_out(request: web.Request) -> web.Response:
    """End the session."""
    own_origin(request)
    await form_of(request, limit=SMALL_FORM_BYTES)
    session = request.cookies.get(COOKIE)
    response = signed_out(request)
    if session is not None:
        await request.app[http_request.SERVICE].access.end_session(session, time.time())
        _set(response, ENDED, session, KEPT_FORM_SECONDS)
    return response


def signed_out(request: web.Request) -> web.Response:
    """Return the response to a reader whose session has just ended."""
    response = redirect("/sign-in?out=yes", {"Clear-Site-Data": '"cache"'})
    forget_kept(request, response)
    _delete(response, COOKIE)
    return response


async def prefer(request: web.Request) -> web.Response:
    """Store the screen's language, theme, and use of single-letter shortcuts."""
    own_origin(request)
    form = await form_of(request, limit=SMALL_FORM_BYTES)
    preferences = Preferences.read(request)
    language, theme = said(form, "language"), said(form, "theme")
    wanted = Preferences(
        language=language if language in languages.LANGUAGES else preferences.language,
        theme=theme if theme in THEMES else "" if theme == "auto" else preferences.theme,
        keys=said(form, "keys") != "off" if "keys" in form else preferences.keys,
    )
    response = redirect(following(said(form, "next") or "/"))
    _set(response, VIEW_COOKIE, wanted.written(), VIEW_SECONDS)
    return response
