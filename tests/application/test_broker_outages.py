"""Outages of the broker, and a loop that stood still: which of the two it was."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import structlog
from hypothesis import given
from hypothesis import strategies as st

from dragoman.application.broker_outages import ObservedOutage, Outages, TimeAway
from dragoman.application.loop_watchdog import Watchdog
from dragoman.limits import OUTAGE_SECONDS

BEGUN = datetime(2026, 11, 24, 3, 5, tzinfo=UTC)


@given(st.floats(0, 100))
def test_an_outage_is_long_enough_however_the_time_passed(blind: float) -> None:
    outages = Outages()
    outages.look("nato-china", BEGUN, 50.0, 0.0)
    until = BEGUN + timedelta(seconds=blind)
    found = outages.look("nato-china", until, 50.0 + blind, 0.0)
    if abs(blind - OUTAGE_SECONDS) > 1e-6 and blind > 0:
        assert (found is not None) == (blind > OUTAGE_SECONDS)
    assert found is None or found.until == until


def test_an_end_that_cannot_be_seen_is_no_outage_before_it_is_seen_again() -> None:
    outages = Outages()
    assert outages.look("nato-china", None, 0.0, 0.0) is None
    assert outages.look("nato-china", BEGUN, 1.0, 0.0) is None
    assert outages.look("nato-china", BEGUN, 90.0, 0.0) is None
    found = outages.look("nato-china", BEGUN + timedelta(seconds=90), 91.0, 0.0)
    assert found == ObservedOutage(
        since=BEGUN, until=BEGUN + timedelta(seconds=90), cause="gateway"
    )


def observed(looks: list[tuple[bool, float]]) -> ObservedOutage | None:
    """The outage that two looks a second find: whether the broker is away at each, and for how long
    the loop stood still before it. The end is seen at the first and at the last.
    """
    outages, away, tick, stood = Outages(), TimeAway(), 0.0, 0.0
    away.look(tick, stood, down=True)  # before it began, which says nothing of it
    outages.look("nato-china", BEGUN, tick, away.seconds)
    for down, stands in looks:
        tick, stood = tick + 0.5 + stands, stood + stands
        away.look(tick, stood, down=down)
    return outages.look("nato-china", BEGUN + timedelta(seconds=tick), tick, away.seconds)


@given(st.integers(24, 200), st.data())
def test_the_broker_is_blamed_where_it_was_away_for_half_of_the_outage(
    count: int, data: st.DataObject
) -> None:
    gone = data.draw(st.integers(0, count))
    found = observed([(number < gone, 0.0) for number in range(count)])
    assert found is not None
    assert found.cause == ("broker" if gone >= count / 2 else "gateway")


@given(st.floats(11, 100), st.integers(0, 10), st.integers(0, 10))
def test_a_gateway_that_stood_still_blames_nobody_for_what_it_lost_by_that(
    stood: float, before: int, after: int
) -> None:
    looks = [(False, 0.0)] * before + [(True, stood)] + [(True, 0.0)] * after + [(False, 0.0)]
    found = observed(looks)
    assert found is not None
    assert found.cause == "gateway"


@given(st.integers(14, 120), st.integers(0, 3))
def test_a_gateway_that_gets_a_tenth_of_a_processor_blames_nobody(count: int, late: int) -> None:
    found = observed([(number >= late, 0.9) for number in range(count)] + [(False, 0.0)])
    assert found is not None
    assert found.cause == "gateway"


def test_two_outages_that_are_joined_have_the_cause_of_the_longer() -> None:
    short = ObservedOutage(since=BEGUN, until=BEGUN + timedelta(seconds=11), cause="gateway")
    begun = BEGUN + timedelta(seconds=13)
    long = ObservedOutage(since=begun, until=begun + timedelta(seconds=60), cause="broker")
    for joined in (short.joined(long), long.joined(short)):
        assert joined == ObservedOutage(since=BEGUN, until=long.until, cause="broker")


async def test_a_loop_that_was_late_once_has_no_lasting_lag() -> None:
    watchdog = Watchdog()
    task = asyncio.create_task(watchdog.run())
    await asyncio.sleep(0.1)
    hold_the_loop(0.4)
    assert watchdog.lag >= 0.3
    await asyncio.sleep(0.05)
    assert watchdog.lag >= 0.3
    assert watchdog.lasting_lag == 0.0
    hold_the_loop(0.4)
    await asyncio.sleep(0.05)
    assert watchdog.lasting_lag >= 0.3
    task.cancel()


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
