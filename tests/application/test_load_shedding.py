"""Load shedding: the requests that a late gateway refuses, and in which order."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp.test_utils import make_mocked_request

from dragoman.domain.record.errors import Refused
from dragoman.server.load_shedding import refuse_if_late

C = "/v1/channels/nato-china"
STREAM = {"Accept": "text/event-stream"}


def refused(
    lag: float, lasting: float, method: str, path: str, headers: dict[str, str] | None = None
) -> str:
    """The kind of the refusal of a request, or nothing."""
    watchdog = cast("Any", SimpleNamespace(lag=lag, lasting_lag=lasting))
    try:
        refuse_if_late(make_mocked_request(method, path, headers=headers or {}), watchdog, 1.0)
    except Refused as error:
        return error.refusal.kind
    return ""


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (f"{C}/records", STREAM),
        (f"{C}/inbox", STREAM),
        ("/alarm/events", STREAM),
        (f"{C}/exchanges?limit=1", {}),
        (f"{C}/records", {}),
        (f"{C}/reports/period", {}),
        ("/c/nato-china/inbox", {}),
    ],
)
def test_streams_and_lists_are_refused_first(path: str, headers: dict[str, str]) -> None:
    assert refused(0.9, 0.9, "GET", path, headers) == ""
    assert refused(15.0, 0.0, "GET", path, headers) == "", "a process that was stopped once"
    assert refused(1.1, 1.1, "GET", path, headers) == "behind"


@pytest.mark.parametrize(
    "path", ["/readyz", "/healthz", "/livez", "/c/nato-china", f"{C}/state", C]
)
def test_what_a_watch_and_a_monitor_need_is_not_refused(path: str) -> None:
    assert refused(60.0, 60.0, "GET", path) == ""


def test_posts_are_refused_last_and_only_where_it_lasts() -> None:
    path = f"{C}/notifications"
    assert refused(4.0, 4.0, "POST", path) == ""
    assert refused(15.0, 0.0, "POST", path) == "", "a process that was stopped once"
    assert refused(6.0, 6.0, "POST", path) == "unavailable"
    assert refused(0.0, 6.0, "POST", path) == "", "it is in time again"
