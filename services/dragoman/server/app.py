"""The gateway as an application: its routes, and the middleware of every request."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from dragoman import metrics, telemetry
from dragoman.api import host_stream, sse
from dragoman.api.auth.authentication import Callers
from dragoman.api.auth.oidc import Provider
from dragoman.api.live_tails import TAILS
from dragoman.application.http import problems, submission
from dragoman.application.http import request as http_request
from dragoman.application.http.body_workers import RENDERING, WORKING, Workers
from dragoman.application.http.conditional_requests import TURNS, Turns
from dragoman.application.http.rate_limits import RATE_LIMITS, RateLimitExceeded, RateLimits
from dragoman.application.http.work_meter import STRANGERS, WORK, StrangerQueue, WorkMeter
from dragoman.application.identity_provider.code_flow import CODE_FLOW, CodeFlow
from dragoman.application.operations import files, transmittals, transparency_log
from dragoman.application.operations.report_requests import PRINT_PAGE, WATCH_FLOOR
from dragoman.application.operations.turn_overs import TURN_OVER_SHEETS
from dragoman.application.quotas import QUOTAS, Quotas
from dragoman.application.read_receipts import READ_RECEIPTS, ReadReceipts
from dragoman.application.service import Service
from dragoman.console import api_docs, dispatch
from dragoman.console.matter import print_views
from dragoman.console.matter.reading import READ_POSITIONS
from dragoman.console.page import sessions
from dragoman.domain.record.codec import is_name
from dragoman.domain.record.errors import Refused, refuse
from dragoman.limits import BODY_BYTES
from dragoman.office import description, pages
from dragoman.office.alarm import alarm_stream, watch_monitor
from dragoman.office.auditing import evidence_page
from dragoman.office.auditing.evidence import EVIDENCE_PAGE
from dragoman.office.exchanges import public_releases
from dragoman.server import load_shedding, request_counters
from dragoman.server.connections import Reject
from dragoman.server.headers import set_headers
from dragoman.settings import Settings
from dragoman.stores.read_positions import ReadPositions
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.stores.turn_over_sheets import TurnOverSheets
from dragoman.stores.watch_floor import WatchFloor
from dragoman.supervision import cancel_until_ended

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_CALLERS: Final = web.AppKey("callers", Callers)
_LAG_SECONDS: Final = web.AppKey("lag_s", float)
_SECURE: Final = web.AppKey("secure", bool)
"""The flag that callers outside use https, to the gateway or to a proxy."""

_TURNED_AWAY: Final = frozenset({401, 403, 429})
"""Statuses of refusals that an auditor of the host looks for.

Their log line includes the address of the caller.
"""

_PUBLIC: Final = frozenset(route.path for route in description.ROUTES if route.public)
_ACKNOWLEDGE: Final = "/c/{channel}/acknowledge"

_REFUSED_AFTER_SECONDS: Final = 0.5
"""Seconds until an address hears that its work is refused: a refusal costs work too."""

_SLOW_SECONDS: Final = 0.25
"""Processor seconds from which the log names a request."""


def application(
    service: Service,
    settings: Settings,
    provider: Provider | None = None,
    flow: CodeFlow | None = None,
) -> web.Application:
    """Return the application over a service. Raises `SettingsError`.

    It accepts the provider's tokens beside its own. With a `flow`, officers sign in at
    the provider too.
    """
    app = web.Application(client_max_size=BODY_BYTES, middlewares=[_canonical])
    app[http_request.SERVICE] = service
    app[RATE_LIMITS] = RateLimits(settings.budgets, time.monotonic)
    app[_LAG_SECONDS] = settings.budgets.lag_s
    app[QUOTAS] = Quotas(settings.budgets)
    app[_SECURE] = is_secure(settings)
    if flow is not None:
        app[CODE_FLOW] = flow
    app[_CALLERS] = Callers(app[RATE_LIMITS], provider, settings.http.trusted_proxies)
    app.on_response_prepare.append(_harden)
    app[TAILS] = {}
    app[host_stream.NEWEST] = {}
    app[transparency_log.HEADS] = transparency_log.Heads()
    app[public_releases.KEPT] = {}
    app[public_releases.LIST] = {}
    app[transmittals.CHECKED] = {}
    app[TURNS] = Turns()
    app[WATCH_FLOOR] = WatchFloor(service.access.bucket)
    app[READ_POSITIONS] = ReadPositions(service.access.bucket)
    app[TURN_OVER_SHEETS] = TurnOverSheets(service.access.bucket)
    app[PRINT_PAGE] = print_views.page
    app[EVIDENCE_PAGE] = evidence_page.answer
    app.on_shutdown.append(_end_streams)
    app.cleanup_ctx.append(_ringing)
    app[READ_RECEIPTS] = ReadReceipts(service)
    app.cleanup_ctx.append(_keeping)
    app[files.TAKING] = files.taking()
    app[WORKING] = Workers()
    app[RENDERING] = Workers()
    app[STRANGERS] = StrangerQueue()
    app.cleanup_ctx.append(_working)
    # The router tries one route after the other, so the routes for posts come first.
    for route in sorted(description.ROUTES, key=lambda route: route.takes != "act"):
        route.on(app.router)
    app[api_docs.DESCRIPTION] = description.document
    pages.register(app)
    return app


def is_secure(settings: Settings) -> bool:
    """Return whether callers reach the gateway by https at its public address."""
    return settings.http.public_url.startswith("https://")


async def _working(app: web.Application) -> AsyncIterator[None]:
    """Keep the workers until the gateway stops."""
    yield
    app[WORKING].close()
    app[RENDERING].close()


async def _end_streams(app: web.Application) -> None:
    """End all streams. Their readers learn when to come back, and go on elsewhere."""
    app[http_request.SERVICE].lifecycle.ending.set()
    for tail in app[TAILS].values():
        tail.readers.end_all()
    app[alarm_stream.BELLS].wake_all()
    await asyncio.sleep(0)


async def _ringing(app: web.Application) -> AsyncIterator[None]:
    """Repeat alarms as long as the gateway runs."""
    tails = app[TAILS]
    service = app[http_request.SERVICE]
    task = asyncio.create_task(
        service.keep("ringing", lambda: sse.keep_ringing(tails, service.store))
    )
    yield
    await cancel_until_ended([task])


async def _keeping(app: web.Application) -> AsyncIterator[None]:
    """Monitor the duty watches as long as the gateway runs."""
    task = asyncio.create_task(watch_monitor.monitor(app, app[alarm_stream.BELLS].nudge))
    yield
    await cancel_until_ended([task])


@web.middleware
async def _canonical(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Bind the request's ids, find its caller, answer every error, and log one line."""
    begun = time.perf_counter()
    cause = telemetry.caused_by(
        request.headers.get("X-Request-Id"), request.headers.get("traceparent")
    )
    request[submission.TRACE] = (cause.parent, cause.request)
    failed = ""
    meter = request[WORK] = WorkMeter()
    try:
        path = _path(request)
        await request.app[_CALLERS].admit(
            request,
            public=path in _PUBLIC,
            may_be_urgent=request.method == "POST"
            and (path == _ACKNOWLEDGE or request_counters.is_post(request.method, path)),
        )
        if "payer" not in request and path not in request_counters.PROBES:
            await request.app[STRANGERS].turn()
        watchdog = request.app[http_request.SERVICE].watchdog
        load_shedding.refuse_if_late(request, watchdog, request.app[_LAG_SECONDS])
        if "Content-Encoding" in request.headers:
            raise refuse("media-type", "Send the body as it is, without Content-Encoding.")
        response = await meter.measured(handler(request))
    except sessions.SignInNeeded:
        response = await sessions.to_sign_in(request)
    except Exception as error:  # the outermost edge: every error becomes a problem  # noqa: BLE001
        if isinstance(error, RateLimitExceeded):
            request["spent"] = error.policy
            if error.policy == "address-work":
                await asyncio.sleep(_REFUSED_AFTER_SECONDS)
        failed = error.refusal.kind if isinstance(error, Refused) else type(error).__name__
        if dispatch.wants_page(request):
            response = await meter.measured(dispatch.problem(request, error))
        else:
            response = problems.answer(error, cause.request, request.path, dispatch.saying(request))
    if not response.prepared:
        response.headers["X-Request-Id"] = cause.request
        if request.app[http_request.SERVICE].lifecycle.is_stopping:
            response.force_close()
    _charge(request, response)
    _log(request, response, failed, begun)
    return response


def _charge(request: web.Request, response: web.StreamResponse) -> None:
    """Charge an answer to its caller's budgets, and add headers with what is left."""
    payer = request.get("payer")
    budgets = request.app[RATE_LIMITS]
    if response.status == 429 and not response.prepared:
        response.headers["RateLimit-Policy"] = budgets.policy
    seconds = request[WORK].seconds
    if not isinstance(response, web.Response):
        # A stream works as long as it is open: its beginning counts, as much as a long page.
        seconds = min(seconds, _SLOW_SECONDS)
    if seconds > _SLOW_SECONDS:
        metrics.SLOW_REQUESTS.inc()
        log.warning("request.slow", path=_path(request), work_ms=round(seconds * 1000))
    if payer is None:
        if _path(request) in request_counters.PROBES:
            return
        budgets.address_worked(request.get("address", ""), seconds)
        return
    if not request.get("urgent"):
        budgets.worked(payer, seconds)
    length = response.body_length if response.prepared else response.content_length
    if request.method == "HEAD":
        length = 0  # Its Content-Length counts bytes that are not sent.
    if length:
        budgets.received(payer, length)
    if not response.prepared:
        response.headers.update(budgets.standing(payer))


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that limit what a browser does with an answer.

    A page sets its own policy.
    """
    set_headers(response.headers, request.path, secure=request.app[_SECURE] or request.secure)


def rejection(app: web.Application) -> Reject:
    """Return the function that answers a request that never reached the application.

    Such a request is not valid HTTP, or asks for something that is not supported.
    """

    def reject(request: web.BaseRequest, status: int, error: BaseException | None) -> web.Response:
        begun, request_id = time.perf_counter(), telemetry.caused_by(None, None).request
        address = request.remote or ""
        try:
            app[RATE_LIMITS].address(address)
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
        set_headers(response.headers, "/v1/", secure=app[_SECURE] or request.secure)
        response.headers["X-Request-Id"] = request_id
        if response.status == 429:
            response.headers["RateLimit-Policy"] = app[RATE_LIMITS].policy
        fields = {
            "status": response.status,
            "ms": round((time.perf_counter() - begun) * 1000, 1),
            "address": address,
        }
        metrics.HTTP_REQUESTS.labels("unreadable", "", f"{response.status // 100}xx").inc()
        telemetry.request_done({**fields, "error": type(error).__name__})
        return response

    return reject


def _path(request: web.Request) -> str:
    """Return the path of the route, without the values of its variables.

    Some of those values are secret. A path without a route may be one as well.
    """
    resource = request.match_info.route.resource
    return request_counters.UNKNOWN if resource is None else resource.canonical


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
    request_counters.count(request, response, str(fields["path"]), failed, begun)
    if recorded is not None:
        fields |= {
            "act": recorded.act,
            "exchange": recorded.exchange,
            "position": recorded.position,
            "number": recorded.number,
            "replayed": request["replayed"],
        }
    telemetry.request_done(fields)
