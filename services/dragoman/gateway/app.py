"""The gateway as an application: its routes, and the middleware through which every request goes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from dragoman import telemetry
from dragoman.domain.refusal import Refusal, Refused
from dragoman.gateway import api, files, live, pages, posting, problems, proofs, reading
from dragoman.gateway.service import Service
from dragoman.limits import BODY_BYTES
from dragoman.stores.access import Grant

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PUBLIC = frozenset(route.path for route in api.ROUTES if route.public)


def application(service: Service) -> web.Application:
    """The application over a service."""
    app = web.Application(client_max_size=BODY_BYTES, middlewares=[_canonical])
    app[posting.SERVICE] = service
    app[reading.TAILS] = {}
    app[proofs.HEADS] = proofs.Heads()
    app[reading.TURN] = asyncio.Lock()
    app.cleanup_ctx.append(_ringing)
    app[files.TAKING] = files.taking()
    for route in sorted(api.ROUTES, key=lambda route: route.takes != "act"):  # the router asks one after the other: posts first
        route.on(app.router)
    pages.register(app)
    return app


async def _ringing(app: web.Application) -> AsyncIterator[None]:
    """Repeat what must not wait, as long as the gateway runs."""
    tails = app[reading.TAILS]
    task = asyncio.create_task(live.keep_ringing(tails, app[posting.SERVICE].store))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@web.middleware
async def _canonical(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Bind the request's ids, find out who calls, answer every error, and log one line."""
    begun = time.perf_counter()
    cause = telemetry.caused_by(request.headers.get("X-Request-Id"), request.headers.get("traceparent"))
    request[posting.TRACE] = (cause.parent, cause.request)
    failed = ""
    try:
        await _authenticate(request)
        if "Content-Encoding" in request.headers:
            raise Refused(Refusal(kind="media-type", detail="Send the body as it is, without Content-Encoding."))
        response = await handler(request)
    except pages.SignInNeeded:
        response = pages.to_sign_in(request)
    except Exception as error:  # noqa: BLE001  # the outermost edge: every error becomes a problem
        failed = type(error).__name__
        response = pages.problem(request, error) if pages.wants_page(request) else problems.answer(error, cause.request, request.path)
    if not response.prepared:
        response.headers["X-Request-Id"] = cause.request
    _log(request, response, failed, begun)
    return response


async def _authenticate(request: web.Request) -> None:
    service = request.app[posting.SERVICE]
    if request.path.startswith("/v1/"):
        grant = await _bearer(request, service) or pages.session_grant(request)
        if grant is None and request.path not in _PUBLIC:
            raise Refused(Refusal(kind="unauthenticated", detail="Send Authorization: Bearer with a token; the operator issues them."))
        if grant is not None:
            request["grant"] = grant


async def _bearer(request: web.Request, service: Service) -> Grant | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    grant = service.access.find(token.strip())
    if grant is None and await service.look_again():
        grant = service.access.find(token.strip())
    return grant


def _log(request: web.Request, response: web.StreamResponse, failed: str, begun: float) -> None:
    match, grant = request.match_info, request.get("grant")
    resource = match.route.resource
    fields: dict[str, object] = {
        "method": request.method,
        "path": request.path if resource is None else resource.canonical,
        "status": response.status,
        "ms": round((time.perf_counter() - begun) * 1000, 1),
    }
    if isinstance(grant, Grant):
        fields["actor"] = grant.actor
    if "channel" in match:
        fields["channel"] = match["channel"]
    if failed:
        fields["error"] = failed
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
