"""Load shedding: what a gateway refuses while its event loop is late.

    refuse_if_late(request, watchdog, 1.0)     # raises Refused: 503, Retry-After

A gateway that is late makes everybody wait. New streams and lists are refused first:
they cost most, and a client can ask again. The board, an exchange and posts go on.
Posts are refused only while the loop is late by several seconds at a time, because they
would run into their time limits. Probes are never refused. A loop that was late only
once, as after a stop of the process, refuses nothing.
"""

from typing import Final

from aiohttp import web

from dragoman import metrics
from dragoman.application.loop_watchdog import Watchdog
from dragoman.domain.record.errors import refuse

_POSTS: Final = 5.0
"""The lag at which posts are refused too, in lags at which lists are."""

_LISTS: Final = frozenset(
    {
        "exchanges",
        "files",
        "in-force",
        "inbox",
        "data-series",
        "mechanisms",
        "meetings",
        "people",
        "perceptions",
        "records",
        "roadmap",
        "statistics",
        "undertakings",
    }
)
"""The last parts of paths under which many rows are read at once."""


def refuse_if_late(request: web.Request, watchdog: Watchdog, lag_s: float) -> None:
    """Raise `Refused` if a request must wait until the event loop is in time again.

    `lag_s` is the lag in seconds beyond which new streams and lists are refused.
    """
    lag = min(watchdog.lag, watchdog.lasting_lag)
    if request.method in ("GET", "HEAD"):
        if lag > lag_s and _is_heavy(request):
            metrics.SHED.inc()
            raise refuse(
                "behind",
                "This gateway is overloaded, and takes no new streams and lists for a moment. "
                "Posts go on. Ask again.",
            )
    elif lag > _POSTS * lag_s:
        metrics.SHED.inc()
        raise refuse(
            "unavailable",
            "This gateway is overloaded, and did not read this request. Send the same again, with "
            "the same Idempotency-Key.",
        )


def _is_heavy(request: web.Request) -> bool:
    """Return whether a request opens a stream or reads a list."""
    if "text/event-stream" in request.headers.get("Accept", ""):
        return True
    path = request.path.rstrip("/")
    return "/reports/" in path or path.rpartition("/")[2].partition(".")[0] in _LISTS
