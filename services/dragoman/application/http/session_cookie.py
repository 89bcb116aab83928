"""The session cookie of a page."""

import time
from typing import Final

from aiohttp import web

from dragoman.application.http import request as http_request
from dragoman.stores.tokens_and_sessions import Grant

COOKIE: Final = "__Host-dragoman"


def session_grant(request: web.Request) -> Grant | None:
    """Return who a session speaks for, on requests that only read."""
    session = request.cookies.get(COOKIE)
    if session is None or request.method not in ("GET", "HEAD"):
        return None
    access = request.app[http_request.SERVICE].access
    request["session"] = session
    request["still"] = lambda: access.session(session, time.time()) is not None
    return access.session(session, time.time())


def page_grant(request: web.Request) -> Grant | None:
    """Return who a session speaks for on a page; forms come from our own pages alone, which each handler checks."""
    session = request.cookies.get(COOKIE)
    return (
        None
        if session is None
        else request.app[http_request.SERVICE].access.session(session, time.time())
    )
