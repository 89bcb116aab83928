"""Tests of the times at which the notifier is told that nobody is at a manned watch."""

import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from dragoman.application.http import request as http_request
from dragoman.console.page import armed_consoles
from dragoman.office.alarm import watch_monitor
from dragoman.stores.rosters import StoredRoster
from dragoman.stores.tokens_and_sessions import Console, Grant, TokensAndSessions

DUTY = SimpleNamespace(roles=("duty_officer",), until=None)
HEAD = SimpleNamespace(roles=("head_of_office",), until=None)


def ago(seconds: float = 0.0) -> float:
    return time.time() - seconds


def channel(kind: str = "official") -> Any:
    """A channel with two officers of one side, the watch taken an hour ago."""
    taken = SimpleNamespace(
        by="nato/d-1", time=time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(ago(3600)))
    )
    officers = {"nato/d-1": DUTY, "nato/d-2": DUTY, "nato/h-1": HEAD}
    registry = SimpleNamespace(
        cid="c",
        kind=kind,
        ended=None,
        watches={"nato": SimpleNamespace(since=taken)},
        officers=officers,
    )
    return SimpleNamespace(name="nato-china", registry=registry)


def floor(*said: Console, silent_s: float = 0.0) -> Any:
    """A gateway that has run for an hour, and what consoles have said; one was armed so many
    seconds ago.
    """
    armed = armed_consoles.ArmedConsoles(began=ago(3600), last={("c", "nato"): ago(silent_s)})
    return {
        armed_consoles.ARMED: armed,
        http_request.SERVICE: SimpleNamespace(
            access=SimpleNamespace(consoles=lambda now, cid: list(said)),
            rosters=SimpleNamespace(known=lambda cid, side: StoredRoster(cid=cid, side=side)),
            now=lambda: datetime.now(UTC),
        ),
    }


def told(app: Any, kind: str = "official") -> list[tuple[str, str]]:
    return [
        (each.kind, each.step) for each in watch_monitor.notices(app, channel(kind), time.time())
    ]


@pytest.mark.parametrize(
    ("silent_s", "expected"),
    [(0, []), (110, []), (125, [("unarmed", "deputy")]), (3000, [("unarmed", "deputy")])],
)
def test_the_deputies_are_told_once_no_alarm_was_armed_for_two_minutes(
    silent_s: float, expected: list[tuple[str, str]]
) -> None:
    assert told(floor(silent_s=silent_s)) == expected


def test_an_armed_console_is_enough_and_one_of_an_exercise_is_not() -> None:
    assert told(floor(Console(actor="nato/d-2", state="armed", at=ago()), silent_s=3000)) == []
    assert told(
        floor(Console(actor="nato/d-2", state="armed", exercise="drill", at=ago()), silent_s=3000)
    ) == [("unarmed", "deputy")]


def test_a_check_that_nobody_answers_reaches_the_deputies_at_once_and_the_head_after_a_minute_and_a_half() -> (
    None
):
    asked = Console(actor="nato/d-1", state="no_answer", at=ago(), since=ago(5))
    assert told(floor(asked)) == [("no_answer", "deputy")]
    late = Console(actor="nato/d-1", state="no_answer", at=ago(), since=ago(91))
    assert told(floor(late)) == [("no_answer", "head_of_office")]
    found = watch_monitor.unanswered(floor(late), channel(), "nato")
    assert found is not None
    assert set(found.reaches) == {"nato/d-1", "nato/d-2", "nato/h-1"}
    assert told(floor(late, Console(actor="nato/d-2", state="armed", at=ago()))) == [], (
        "a colleague is there"
    )


def test_where_no_clock_runs_nobody_is_told() -> None:
    assert told(floor(silent_s=3000), "track2") == []


def test_a_console_counts_in_the_channels_of_its_session_and_no_longer_than_that() -> None:
    values = {
        "token.t": Grant(id="t", actor="nato/d-1", channels=("c",)),
        "session.open": {"token": "t", "expires": ago(-60)},
        "console.open": Console(actor="nato/d-1", state="armed", at=ago()),
        "session.over": {"token": "t", "expires": ago(60)},
        "console.over": Console(actor="nato/d-1", state="armed", at=ago()),
    }
    bucket: Any = SimpleNamespace(
        values={key: msgspec.json.encode(value) for key, value in values.items()}
    )
    access = TokensAndSessions(bucket)
    assert [each.actor for each in access.consoles(time.time(), "c")] == ["nato/d-1"]
    assert access.consoles(time.time(), "another") == [], (
        "an officer of the same name in another channel is somebody else"
    )
