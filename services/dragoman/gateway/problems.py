"""The one place where what went wrong becomes an answer: problem details, their status, and what to do next."""

import structlog
from aiohttp import web
from msgspec import json

from dragoman.domain.refusal import Malformed, Refusal, Refused
from dragoman.gateway.budgets import Over
from dragoman.limits import RETRY_AFTER_SECONDS
from dragoman.log.port import LogBroken, LogUnreachable
from dragoman.projection.live import Behind
from dragoman.projection.reads import ErasedExchange, NoSuchExchange
from dragoman_schemas.problems import BASE, TYPES, Problem

log = structlog.get_logger()

_HTTP = {
    400: "bad-request",
    403: "not-permitted",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    408: "too-slow",
    413: "too-large",
    415: "media-type",
}
_RETRY = frozenset({"unavailable", "unknown-outcome", "behind", "read-only", "busy"})


def answer(error: Exception, request_id: str, instance: str) -> web.Response:
    """The response for an error that reached the edge."""
    refusal, headers = _refusal(error)
    status, title = TYPES[refusal.kind]
    if refusal.kind in _RETRY:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    problem = Problem(
        type=BASE + refusal.kind,
        title=title,
        status=status,
        detail=refusal.detail,
        instance=instance,
        request_id=request_id,
        errors=refusal.faults,
        allowed=refusal.allowed,
        position=refusal.position,
    )
    return web.Response(body=json.encode(problem), status=status, headers=headers, content_type="application/problem+json")


def _refusal(error: Exception) -> tuple[Refusal, dict[str, str]]:
    match error:
        case Over():
            return error.refusal, {"Retry-After": str(error.wait), "RateLimit": f'"{error.policy}";r=0;t={error.wait}'}
        case Refused():
            return error.refusal, {}
        case Malformed():
            detail = "The body does not hold; mend what the errors name and post again."
            return Refusal(kind="invalid-act", detail=detail, faults=(error.fault,)), {}
        case NoSuchExchange():
            return Refusal(
                kind="not-found", detail="There is no such exchange here, or was none at that position; list them under /exchanges."
            ), {}
        case ErasedExchange(args=(int() as position,)):
            detail = f"Every side consented to take this exchange out of the record, at position {position}."
            return Refusal(kind="erased", detail=detail, position=position), {}
        case Behind():
            return Refusal(kind="behind", detail=f"{error}. Ask again in a moment."), {}
        case LogUnreachable():
            return Refusal(kind="unavailable", detail=f"{error}. Try again with the same Idempotency-Key."), {}
        case LogBroken():
            return Refusal(kind="read-only", detail=f"{error}. An operator must look."), {}
        case web.HTTPException() if error.status in _HTTP:
            return Refusal(kind=_HTTP[error.status], detail=_said(error)), _kept(error)
        case _:
            log.error("request.failed", exc_info=error)
            return Refusal(kind="internal", detail="Nothing is known to be wrong with what you sent. Tell the operator the request id."), {}


def _said(error: web.HTTPException) -> str:
    match error:
        case web.HTTPMethodNotAllowed():
            return f"{error.method} is not for this path; use {', '.join(sorted(error.allowed_methods))}."
        case web.HTTPRequestEntityTooLarge():
            return "An act has at most 240 KiB; put long matter into an attachment."
        case web.HTTPNotFound():
            return "There is nothing at this path; GET /v1/openapi.json lists what there is."
        case _:
            return error.text or error.reason


def _kept(error: web.HTTPException) -> dict[str, str]:
    allow = error.headers.get("Allow")
    return {} if allow is None else {"Allow": allow}
