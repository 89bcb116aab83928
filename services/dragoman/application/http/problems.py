"""The translation of errors into HTTP answers, in one place.

An answer is a problem (RFC 9457): its type, status, and what the caller can do next.
"""

import errno
from collections.abc import Callable

import structlog
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from msgspec import json

from dragoman.application.http.rate_limits import RateLimitExceeded
from dragoman.domain.record.errors import Malformed, Refusal, Refused, make_refusal
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.limits import RETRY_AFTER_SECONDS
from dragoman.projection.projection import NotYetApplied
from dragoman.projection.queries.records import ErasedExchange, NoSuchExchange
from dragoman.projection.writer_messages import StoreDamaged
from dragoman.text import Text, sentence, verbatim
from dragoman_schemas.problems import BASE, TYPES, Fault, Problem

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
_RETRY = frozenset({"unavailable", "unknown-outcome", "behind", "read-only", "busy", "file-held"})


def answer(
    error: Exception, request_id: str, instance: str, say: Callable[[Text], str] = str
) -> web.Response:
    """Return the response for an error. `say` translates its English texts."""
    refusal, headers = refusal_of(error)
    problem = problem_of(refusal, request_id, instance, say)
    return web.Response(
        body=json.encode(problem),
        status=problem.status,
        headers=headers,
        content_type="application/problem+json",
    )


def problem_of(
    refusal: Refusal, request_id: str, instance: str, say: Callable[[Text], str] = str
) -> Problem:
    """Return a refusal as a problem. `say` translates its English texts."""
    status, title = TYPES[refusal.kind]
    return Problem(
        type=BASE + refusal.kind,
        title=title,
        status=status,
        detail=say(refusal.detail),
        instance=instance,
        request_id=request_id,
        errors=tuple(
            Fault(pointer=fault.pointer, detail=say(fault.detail), earliest=fault.earliest)
            for fault in refusal.faults
        ),
        allowed=refusal.allowed,
        position=refusal.position,
    )


def unreadable(error: BaseException | None) -> Exception:
    """Return the refusal of a request that is not valid HTTP.

    The detail quotes nothing, because the request may contain a token.
    """
    match error:
        case LineTooLong():
            detail = sentence("The path or a header is longer than 8 KiB; shorten it.")
        case web.HTTPExpectationFailed():
            detail = sentence(
                "The only supported expectation is 100-continue; leave out the Expect header."
            )
        case web.HTTPException():
            return error
        case _:
            detail = sentence(
                "The request is not valid HTTP/1.1. Look for a control character or a line end "
                "in its path and headers, for example at the end of a token’s file."
            )
    return Refused(Refusal(kind="bad-request", detail=detail))


def refusal_of(error: Exception) -> tuple[Refusal, dict[str, str]]:
    """Return an error as a refusal, and the headers of its answer."""
    # The last part of the path is longer than the name of any file.
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        error = web.HTTPNotFound()
    refusal, headers = _refusal(error)
    if refusal.kind in _RETRY:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if TYPES[refusal.kind][0] == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return refusal, headers


def _refusal(error: Exception) -> tuple[Refusal, dict[str, str]]:
    match error:
        case RateLimitExceeded():
            return error.refusal, {
                "Retry-After": str(error.wait),
                "RateLimit": f'"{error.policy}";r=0;t={error.wait}',
            }
        case Refused():
            return error.refusal, {}
        case Malformed():
            detail = sentence(
                "The body is not valid. Correct what the errors name, and post it again."
            )
            return Refusal(kind="invalid-act", detail=detail, faults=error.faults), {}
        case NoSuchExchange():
            return make_refusal(
                "not-found",
                "There is no such exchange here, or was none at that position; list them under "
                "/exchanges.",
            ), {}
        case ErasedExchange(args=(int() as position,)):
            detail = sentence(
                "This exchange was erased with the consent of every side, at position "
                "%(position)s.",
                position=position,
            )
            return Refusal(kind="erased", detail=detail, position=position), {}
        case NotYetApplied():
            return make_refusal("behind", "%(error)s. Ask again in a moment.", error=error.said), {}
        case StoreDamaged():
            detail = sentence(
                "This gateway found its own copy of the log damaged, and builds another one. Ask "
                "again in a moment."
            )
            return Refusal(kind="behind", detail=detail), {}
        case LogUnreachable():
            return make_refusal(
                "unavailable",
                "%(error)s. Try again with the same Idempotency-Key.",
                error=error.said,
            ), {}
        case LogBroken():
            return make_refusal(
                "read-only", "%(error)s. An operator must check this.", error=error.said
            ), {}
        case web.RequestPayloadError():
            detail = sentence(
                "The body ended early, or is not encoded as its headers say; send it again."
            )
            return Refusal(kind="bad-request", detail=detail), {}
        case web.HTTPException() if error.status in _HTTP:
            return Refusal(kind=_HTTP[error.status], detail=_detail_of(error)), _headers_of(error)
        case _:
            log.error("request.failed", exc_info=error)
            return make_refusal(
                "internal",
                "The service failed; no error in your request is known. Tell the operator the "
                "request id.",
            ), {}


def _detail_of(error: web.HTTPException) -> Text:
    match error:
        case web.HTTPMethodNotAllowed():
            methods = ", ".join(sorted(error.allowed_methods))
            return sentence(
                "This path does not support %(method)s; use %(methods)s.",
                method=error.method,
                methods=methods,
            )
        case web.HTTPRequestEntityTooLarge():
            return sentence("An act has at most 240 KiB; put long matter into an attachment.")
        case web.HTTPNotFound():
            return sentence("This path does not exist; GET /v1/openapi.json lists all paths.")
        case _:
            return verbatim(error.text or error.reason)


def _headers_of(error: web.HTTPException) -> dict[str, str]:
    allow = error.headers.get("Allow")
    return {} if allow is None else {"Allow": allow}
