"""The answers of a gateway that starts: they say so, and how far it is.

A client is asked to try again in a moment, and a page loads itself again. Nothing is
recorded, and nobody is signed in.
"""

import uuid
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from dragoman.application.http import problems
from dragoman.console import dispatch
from dragoman.console.page.rendering import html, render_template
from dragoman.console.page.sessions import words_of
from dragoman.domain.record.errors import Refusal, Refused
from dragoman.lifecycle import Lifecycle
from dragoman.limits import RETRY_AFTER_SECONDS
from dragoman.readiness import STARTED, readiness_of
from dragoman.server.headers import set_headers
from dragoman.text import Text, sentence
from dragoman_schemas.host_responses import Check, Health

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(lifecycle: Lifecycle, *, secure: bool) -> web.Application:
    """Return the application of a gateway that starts.

    `secure` says that callers come by https, to a proxy before it.
    """

    @web.middleware
    async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = _answer(request, lifecycle.status)
        set_headers(response.headers, "/v1/", secure=secure or request.secure)
        response.force_close()  # The next request is for the application itself.
        return response

    return web.Application(middlewares=[answered])


def _answer(request: web.Request, status: Text) -> web.Response:
    if request.path == "/livez":
        return _health(Health(status="ok"))
    if request.path in ("/readyz", "/healthz"):
        return _health(readiness_of((Check(name=STARTED, ok=False, detail=str(status)),)))
    detail = sentence("The service is starting (%(status)s). Try again in a moment.", status=status)
    refused = Refused(Refusal(kind="unavailable", detail=detail))
    if dispatch.wants_page(request):
        return _page(request, status)
    return problems.answer(refused, uuid.uuid4().hex[:16], "", dispatch.saying(request))


def _page(request: web.Request, status: Text) -> web.Response:
    """Return the page that says so.

    After a form was sent it does not load itself again: the reader goes back to it.
    """
    words = words_of(request)
    sent = request.method not in ("GET", "HEAD")
    values = {"status": words.sentence(status), "sent": sent}
    page = render_template(None, words, "starting.html", **values)
    again = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    headers = again if sent else {**again, "Refresh": str(RETRY_AFTER_SECONDS)}
    return html(page, status=503, headers=headers)


def reject(request: web.BaseRequest, status: int, error: BaseException | None) -> web.Response:
    """Answer a request that is not valid HTTP."""
    refused = problems.unreadable(error) if status < 500 else web.HTTPInternalServerError()
    response = problems.answer(refused, uuid.uuid4().hex[:16], "")
    set_headers(response.headers, "/v1/", secure=request.secure)
    return response


def _health(health: Health) -> web.Response:
    return web.Response(
        status=200 if health.status == "ok" else 503,
        body=msgspec.json.encode(health),
        content_type="application/json",
    )
