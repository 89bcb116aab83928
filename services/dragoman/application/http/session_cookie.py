"""The session cookie of the pages."""

import time
from typing import Final

from aiohttp import web

from dragoman.application.http import request as http_request
from dragoman.stores.tokens_and_sessions import Grant

COOKIE: Final = "__Host-dragoman"


def session_grant(request: web.Request) -> Grant | None:
    """Return the grant of a session, on requests that only read; None without one.

    The request gets `still`, a function that says whether the session is still valid.
    """
    session = request.cookies.get(COOKIE)
    if session is None or request.method not in ("GET", "HEAD"):
        return None
    access = request.app[http_request.SERVICE].access
    request["session"] = session
    request["still"] = lambda: access.session(session, time.time()) is not None
    return _used(request, session)


def page_grant(request: web.Request) -> Grant | None:
    """Return the grant of a session on a page; None without one.

    Each handler checks itself that a form was sent from our own pages.
    """
    session = request.cookies.get(COOKIE)
    return None if session is None else _used(request, session)


def _used(request: web.Request, session: str) -> Grant | None:
    """Return the grant of a session, and note that the session is used."""
    access, now = request.app[http_request.SERVICE].access, time.time()
    grant = access.session(session, now)
    if grant is not None:
        access.note_use(session, now)
    return grant
