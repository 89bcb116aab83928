"""The recorder of outages: how fast it records, when it waits, and what it joins."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from dragoman.application.broker_outages import ObservedOutage
from dragoman.application.outage_recorder import OutageRecorder, is_on_record
from dragoman.domain.record.codec import decode_act
from dragoman.domain.record.errors import refuse

BEGUN = datetime(2026, 11, 24, 3, 5, tzinfo=UTC)


class Handler:
    """A command handler that notes what is posted, and refuses so many posts first."""

    def __init__(self, refused: int = 0) -> None:
        self.refused = refused
        self.posts: list[tuple[float, str, Any]] = []

    async def post_of_service(
        self, projection: Any, actor: str, key: str, act: bytes, *, family: str
    ) -> None:
        if self.refused:
            self.refused -= 1
            raise refuse("unavailable", "The log cannot be reached.")
        self.posts.append((time.monotonic(), projection.name, decode_act(act)))


def recorder(
    handler: Handler, watchdog: Any, names: list[str]
) -> tuple[OutageRecorder, dict[str, Any]]:
    channels: dict[str, Any] = {
        name: SimpleNamespace(name=name, checked=BEGUN, is_channel=False, is_copy=False)
        for name in names
    }
    made = OutageRecorder(
        cast("Any", channels), cast("Any", handler), lambda: False, cast("Any", watchdog)
    )
    return made, channels


def blind(made: OutageRecorder, channels: dict[str, Any], since: float, seconds: float) -> None:
    """Let all channels be blind from that second on, for so many seconds, a while ago."""
    begun = time.monotonic() - 100.0
    for checked in (since, since + seconds):
        for channel in channels.values():
            channel.checked = BEGUN + timedelta(seconds=checked)
        made.look(begun + checked)


async def test_a_thousand_channels_are_recorded_over_time_and_each_once() -> None:
    handler, watchdog = Handler(), SimpleNamespace(stood=0.0, lag=0.0)
    made, channels = recorder(handler, watchdog, [f"c-{number}" for number in range(60)])
    blind(made, channels, 0.0, 15.0)
    running = asyncio.create_task(made.run())
    begun = time.monotonic()
    async with asyncio.timeout(60):
        while len(handler.posts) < 60:
            await asyncio.sleep(0.05)
    assert time.monotonic() - begun >= 1.0
    await asyncio.sleep(0.3)
    running.cancel()
    assert sorted({name for _, name, _ in handler.posts}) == sorted(channels)
    assert len(handler.posts) == 60


async def test_nothing_is_recorded_while_the_loop_is_late_and_what_waits_is_joined() -> None:
    handler, watchdog = Handler(), SimpleNamespace(stood=0.0, lag=2.0)
    made, channels = recorder(handler, watchdog, ["c"])
    running = asyncio.create_task(made._record_pending())
    blind(made, channels, 0.0, 15.0)
    await asyncio.sleep(0.3)
    assert handler.posts == []
    blind(made, channels, 20.0, 30.0)
    watchdog.lag = 0.0
    async with asyncio.timeout(30):
        while not handler.posts:
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    running.cancel()
    ((_, _, act),) = handler.posts
    assert (act.from_, act.to) == ("2026-11-24T03:05:00.000Z", "2026-11-24T03:05:50.000Z")


async def test_what_is_refused_for_now_is_recorded_later() -> None:
    handler, watchdog = Handler(refused=1), SimpleNamespace(stood=0.0, lag=0.0)
    made, channels = recorder(handler, watchdog, ["c"])
    blind(made, channels, 0.0, 15.0)
    running = asyncio.create_task(made._record_pending())
    async with asyncio.timeout(30):
        while not handler.posts:
            await asyncio.sleep(0.05)
    running.cancel()


def test_an_outage_that_another_gateway_recorded_is_not_recorded_again() -> None:
    recorded = SimpleNamespace(
        cause="broker", from_="2026-11-24T03:05:00.000Z", to="2026-11-24T03:05:15.000Z"
    )
    projection = cast(
        "Any", SimpleNamespace(is_channel=True, registry=SimpleNamespace(outage=recorded))
    )
    end = BEGUN + timedelta(seconds=16)
    same = ObservedOutage(since=BEGUN - timedelta(seconds=1), until=end, cause="broker")
    assert is_on_record(projection, same)
    longer = ObservedOutage(since=BEGUN, until=end + timedelta(seconds=20), cause="broker")
    assert not is_on_record(projection, longer)
    own = ObservedOutage(since=BEGUN, until=end, cause="gateway")
    assert not is_on_record(projection, own)
