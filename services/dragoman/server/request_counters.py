"""The counters of requests, counted where the line of each request is written."""

import functools
import re
import time
from typing import Final

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from dragoman import metrics
from dragoman.domain.acts.act_registry import PATHS, RULES
from dragoman.office import description

_PATTERN: Final = re.compile(r"(?<={)(\w+):[^{}]+}")
_POSTS: Final = frozenset(
    (route.method, _PATTERN.sub(r"\1}", route.path))
    for route in description.ROUTES
    if route.takes == "act"
)
PROBES: Final = frozenset({"/livez", "/readyz", "/healthz"})
UNKNOWN: Final = "unknown"
"""The path of a request that has no route."""

_ANY: Final = "any"  # acts of no family, such as an acknowledgement


_requests: Final = functools.cache(metrics.HTTP_REQUESTS.labels)
_seconds: Final = functools.cache(metrics.HTTP_SECONDS.labels)
_acts: Final = functools.cache(metrics.POSTS.labels)


def is_post(method: str, route: str) -> bool:
    """Return whether a method and a route post an act."""
    return (method, route) in _POSTS


def count(
    request: web.Request, response: web.StreamResponse, route: str, failed: str, begun: float
) -> None:
    """Count a request that was answered.

    `route` is the path of its route. `failed` is the kind of a refusal, or the name of
    an error. `begun` is the time at which its head had come.
    """
    method = request.method if request.match_info.http_exception is None else "other"
    status = f"{response.status // 100}xx"
    _requests(route, method, status).inc()
    posts = is_post(request.method, route)
    if not isinstance(response, EventSourceResponse):
        seconds = time.perf_counter() - begun
        _seconds(_group(request, route, is_post=posts)).observe(seconds)
    if request.get("recorded") is not None:
        outcome = "replayed" if request["replayed"] else "recorded"
        _acts(_family(request["recorded"].act), outcome).inc()
    elif "batch" in request:
        for (act, outcome), times in request["batch"].items():
            _acts(_family(act), outcome).inc(times)
    elif posts:
        family = str(PATHS.get(request.match_info.get("family", ""), UNKNOWN))
        outcome = "refused" if response.status < 500 else "failed"
        _acts(family, outcome).inc()
    if failed == "budget":
        metrics.REFUSALS.labels(str(request.get("spent", "quota"))).inc()


def _family(act: str) -> str:
    rule = RULES.get(act)
    return UNKNOWN if rule is None else str(rule.family or _ANY)


def _group(request: web.Request, route: str, *, is_post: bool) -> str:
    if is_post or request.get("recorded") is not None or "batch" in request:
        return "post"
    if route in PROBES:
        return "probe"
    if route == UNKNOWN:
        return "other"
    if request.method not in ("GET", "HEAD"):
        return "other"
    return "read" if route.startswith("/v1/") else "page"
