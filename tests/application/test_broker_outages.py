"""Outages of the broker, and a loop that stood still: which of the two it was."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import structlog
from hypothesis import given
from hypothesis import strategies as st

from dragoman.application.broker_outages import ObservedOutage, Outages
from dragoman.application.loop_watchdog import Watchdog
from dragoman.limits import OUTAGE_SECONDS

BEGUN = datetime(2026, 11, 24, 3, 5, tzinfo=UTC)


@given(st.floats(0, 100), st.floats(0, 100))
def test_only_the_time_that_the_loop_ran_counts_as_an_outage(blind: float, stood: float) -> None:
    outages = Outages()
    outages.look("nato-china", BEGUN, 50.0, 7.0, down=False)
    until = BEGUN + timedelta(seconds=blind + stood)
    found = outages.look("nato-china", until, 50.0 + (blind + stood), 7.0 + stood, down=False)
    if abs(blind - OUTAGE_SECONDS) > 1e-6:
        assert (found is not None) == (blind > OUTAGE_SECONDS)
    assert found is None or found.until == until


def test_an_end_that_cannot_be_seen_is_no_outage_before_it_is_seen_again() -> None:
    outages = Outages()
    assert outages.look("nato-china", None, 0.0, 0.0, down=True) is None
    assert outages.look("nato-china", BEGUN, 1.0, 0.0, down=False) is None
    assert outages.look("nato-china", BEGUN, 90.0, 0.0, down=False) is None
    found = outages.look("nato-china", BEGUN + timedelta(seconds=90), 91.0, 0.0, down=False)
    assert found == ObservedOutage(
        since=BEGUN, until=BEGUN + timedelta(seconds=90), cause="gateway"
    )


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_an_outage_is_the_brokers_only_where_the_broker_was_seen_to_be_away(
    looks: list[bool],
) -> None:
    outages, tick = Outages(), 0.0
    outages.look(
        "nato-china", BEGUN, tick, 0.0, down=True
    )  # before it began, which says nothing of it
    for down in looks:
        tick += OUTAGE_SECONDS
        assert outages.look("nato-china", BEGUN, tick, 0.0, down=down) is None
    found = outages.look("nato-china", BEGUN + timedelta(seconds=tick), tick + 1, 0.0, down=False)
    assert found is not None
    assert found.cause == ("broker" if any(looks) else "gateway")


async def test_what_holds_the_loop_is_measured_and_named() -> None:
    watchdog = Watchdog()
    task = asyncio.create_task(watchdog.run())
    with structlog.testing.capture_logs() as lines:
        await asyncio.sleep(0.1)
        hold_the_loop(0.4)
        while not lines:
            await asyncio.sleep(0.02)
    task.cancel()
    assert watchdog.stood >= 0.3
    assert (lines[0]["event"], lines[0]["log_level"]) == ("loop.held", "warning")
    assert lines[0]["ms"] >= 300
    assert "hold_the_loop" in lines[0]["where"]


def hold_the_loop(seconds: float) -> None:
    """Wait as code does that forgets that others wait too."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
