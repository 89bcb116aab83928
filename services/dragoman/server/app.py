"""The gateway as an application: its routes, and the middleware through which every request goes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Final
from urllib.parse import quote

from aiohttp import web

from dragoman import telemetry
from dragoman.api import description, sse
from dragoman.api.auth.authentication import Callers
from dragoman.api.auth.oidc import Provider
from dragoman.api.routes import records
from dragoman.application.http import problems, submission
from dragoman.application.http import request as http_request
from dragoman.application.http.body_workers import WORKING, Workers
from dragoman.application.http.conditional_requests import TURNS, Turns
from dragoman.application.http.rate_limits import BUDGETS, RateLimitExceeded, RateLimits
from dragoman.application.operations import files, public_releases, transparency_log
from dragoman.application.operations.report_requests import PRINT_PAGE
from dragoman.application.quotas import ROOM, Room
from dragoman.application.read_receipts import READING, Reading
from dragoman.application.service import Service
from dragoman.console import api_docs, dispatch, routes, sessions, watch_monitor
from dragoman.console.pages import alarm_stream, print_views
from dragoman.domain.record.codec import is_name
from dragoman.domain.record.errors import Refused, refuse
from dragoman.limits import BODY_BYTES
from dragoman.server.connections import Reject
from dragoman.settings import Settings
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.supervision import cancel_until_ended

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_CALLERS: Final = web.AppKey("callers", Callers)
_SECURE: Final = web.AppKey("secure", bool)
"""Whether it is called by https from outside, if only at a proxy."""

_TURNED_AWAY: Final = frozenset({401, 403, 429})
"""Refusals that an auditor of the host looks for: the line says from where."""

_PUBLIC: Final = frozenset(route.path for route in description.ROUTES if route.public)


def application(
    service: Service, settings: Settings, provider: Provider | None = None
) -> web.Application:
    """Return the application over a service, which takes that provider's tokens beside its own. Raises `SettingsError`."""
    app = web.Application(client_max_size=BODY_BYTES, middlewares=[_canonical])
    app[http_request.SERVICE] = service
    app[BUDGETS] = RateLimits(settings.budgets, time.monotonic)
    app[ROOM] = Room(settings.budgets)
    app[_SECURE] = settings.http.public_url.startswith("https://")
    app[_CALLERS] = Callers(app[BUDGETS], provider, settings.http.trusted_proxies)
    app.on_response_prepare.append(_harden)
    app[records.TAILS] = {}
    app[transparency_log.HEADS] = transparency_log.Heads()
    app[public_releases.KEPT] = {}
    app[public_releases.LIST] = {}
    app[TURNS] = Turns()
    app[PRINT_PAGE] = print_views.page
    app.cleanup_ctx.append(_ringing)
    app[READING] = Reading(service)
    app.cleanup_ctx.append(_keeping)
    app[files.TAKING] = files.taking()
    app[WORKING] = Workers()
    app.cleanup_ctx.append(_working)
    for route in sorted(
        description.ROUTES, key=lambda route: route.takes != "act"
    ):  # the router asks one after the other: posts first
        route.on(app.router)
    app[api_docs.DESCRIPTION] = description.document()
    routes.register(app)
    return app


async def _working(app: web.Application) -> AsyncIterator[None]:
    """Have workers as long as the gateway runs."""
    yield
    app[WORKING].close()


async def _ringing(app: web.Application) -> AsyncIterator[None]:
    """Repeat what must not wait, as long as the gateway runs."""
    tails = app[records.TAILS]
    service = app[http_request.SERVICE]
    task = asyncio.create_task(
        service.keep("ringing", lambda: sse.keep_ringing(tails, service.store))
    )
    yield
    await cancel_until_ended([task])


async def _keeping(app: web.Application) -> AsyncIterator[None]:
    """Look after the watches, as long as the gateway runs."""
    task = asyncio.create_task(watch_monitor.keep(app, app[alarm_stream.BELLS].nudge))
    yield
    await cancel_until_ended([task])


@web.middleware
async def _canonical(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Bind the request's ids, find out who calls, answer every error, and log one line."""
    begun = time.perf_counter()
    cause = telemetry.caused_by(
        request.headers.get("X-Request-Id"), request.headers.get("traceparent")
    )
    request[submission.TRACE] = (cause.parent, cause.request)
    failed = ""
    try:
        await request.app[_CALLERS].admit(request, public=_path(request) in _PUBLIC)
        if "Content-Encoding" in request.headers:
            raise refuse("media-type", "Send the body as it is, without Content-Encoding.")
        response = await handler(request)
    except sessions.SignInNeeded:
        response = await sessions.to_sign_in(request)
    except Exception as error:  # the outermost edge: every error becomes a problem  # noqa: BLE001
        failed = error.refusal.kind if isinstance(error, Refused) else type(error).__name__
        if dispatch.wants_page(request):
            response = dispatch.problem(request, error)
        else:
            response = problems.answer(error, cause.request, request.path, dispatch.saying(request))
    if not response.prepared:
        response.headers["X-Request-Id"] = cause.request
    _charge(request, response)
    _log(request, response, failed, begun)
    return response


def _charge(request: web.Request, response: web.StreamResponse) -> None:
    """Take what is sent from the caller's budgets, and say what is left of them."""
    payer = request.get("payer")
    budgets = request.app[BUDGETS]
    if response.status == 429 and not response.prepared:
        response.headers["RateLimit-Policy"] = budgets.policy
    if payer is None:
        return
    length = response.body_length if response.prepared else response.content_length
    if request.method == "HEAD":
        length = 0  # its Content-Length is that of what is not sent
    if length:
        budgets.received(payer, length)
    if not response.prepared:
        response.headers.update(budgets.standing(payer))


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    """What keeps a browser from making more of an answer than it is; a page says its own policy."""
    _set_headers(response.headers, request.path, secure=request.app[_SECURE] or request.secure)


def _set_headers(headers: MutableMapping[str, str], path: str, *, secure: bool) -> None:
    headers["Server"] = "dragoman"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers.setdefault("Referrer-Policy", "no-referrer")
    if path.startswith("/v1/"):
        headers.setdefault("Cache-Control", "no-store")
    if secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"


def rejection(app: web.Application) -> Reject:
    """Return what answers a request that never reached the application, since it is no HTTP or asks for what nobody offers."""

    def reject(request: web.BaseRequest, status: int, error: BaseException | None) -> web.Response:
        begun, request_id = time.perf_counter(), telemetry.caused_by(None, None).request
        address = request.remote or ""
        try:
            app[BUDGETS].address(address)
            refused = (
                problems.unreadable(error)
                if status < 500 or isinstance(error, UnicodeError)
                else error
            )
        except RateLimitExceeded as over:
            refused = over
        if not isinstance(refused, Exception):
            refused = web.HTTPInternalServerError()
        response = problems.answer(refused, request_id, "")
        _set_headers(response.headers, "/v1/", secure=app[_SECURE] or request.secure)
        response.headers["X-Request-Id"] = request_id
        if response.status == 429:
            response.headers["RateLimit-Policy"] = app[BUDGETS].policy
        fields = {
            "status": response.status,
            "ms": round((time.perf_counter() - begun) * 1000, 1),
            "address": address,
        }
        telemetry.request_done({**fields, "error": type(error).__name__})
        return response

    return reject


def _path(request: web.Request) -> str:
    """Return the path of the route, without what its variables are: some of those are secret."""
    resource = request.match_info.route.resource
    return quote(request.path[:200]) if resource is None else resource.canonical


def _log(request: web.Request, response: web.StreamResponse, failed: str, begun: float) -> None:
    match, grant = request.match_info, request.get("grant")
    fields: dict[str, object] = {
        "method": request.method,
        "path": _path(request),
        "status": response.status,
        "ms": round((time.perf_counter() - begun) * 1000, 1),
    }
    if isinstance(grant, Grant):
        fields["actor"], fields["token_id"] = grant.actor, grant.id
    if "channel" in match and is_name(match["channel"]):
        fields["channel"] = match["channel"]
    if failed:
        fields["error"] = failed
    if response.status in _TURNED_AWAY:
        fields["address"] = request.get("address", "")
    recorded = request.get("recorded")
    if recorded is not None:
        fields |= {
            "act": recorded.act,
            "exchange": recorded.exchange,
            "position": recorded.position,
            "number": recorded.number,
            "replayed": request["replayed"],
        }
    telemetry.request_done(fields)
