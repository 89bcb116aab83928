"""The rounds of a courier, where the broker's answers get lost or come from a node that was cut
off: once each, and nothing left out.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from brokers import RealBroker
from confused import Confused
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.notifier.delivery import DeliveryResult, OutgoingItem
from dragoman.notifier.dispatcher import Dispatcher
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.stores.endpoints import (
    BUCKET,
    BYTES,
    NotificationEndpoint,
    NotificationEndpoints,
    Progress,
    Waiting,
    WatchNoticeItem,
)
from dragoman.stores.key_value import Bucket
from patience import PATIENCE_S
from world import NOTE, World

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Recording:
    """In place of the desk: whatever is to be recorded is."""

    async def post_of_service(self, *post: Any, exchange: str) -> None:
        pass


class House:
    """A channel, one endpoint of China's, what was brought to it, and the connection over which its
    progress is kept.
    """

    def __init__(self, projection: Projection, bus: NatsConnection, world: World) -> None:
        self.world = world
        self.projection = projection
        self.node = Confused(bus)
        self.store = NotificationEndpoints(Bucket(bus, BUCKET))
        self.brought: list[OutgoingItem] = []
        self.meanwhile: Any = None
        self.endpoint = NotificationEndpoint(
            id="e1",
            cid=projection.registry.cid,
            side="china",
            means="webhook",
            target="https://example.org/hook",
            families=("contact", "notification"),
            created_by="china/o-1",
        )

    async def bring(self, _endpoint: NotificationEndpoint, item: OutgoingItem) -> DeliveryResult:
        self.brought.append(item)
        if self.meanwhile is not None:
            self.meanwhile()
        return DeliveryResult(ok=True)

    def rounds(self, name: str = "one") -> Dispatcher:
        means: Any = {"webhook": self.bring, "e-mail": self.bring}
        desk: Any = Recording()
        return Dispatcher(
            {"nato-china": self.projection},
            desk,
            self.store,
            means,
            retries_s=(0.1,),
            name=name,
            now=lambda: NOW,
        )

    async def run(self, done: Callable[[], bool], more: float = 1.2) -> None:
        """Let a courier work until that is so, and then for another round or more."""
        working = asyncio.create_task(self.rounds().run())
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not done():
                    await asyncio.sleep(0.02)
            await asyncio.sleep(more)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    @property
    def progress(self) -> Progress:
        return self.store.progress("e1")[0]

    def post(self) -> int:
        """One more note of NATO's, folded; its position."""
        self.world.open("nato/o-1", NOTE)
        self.take(len(self.world.raws))
        return len(self.world.raws)

    def take(self, last: int) -> None:
        """Fold up to a position."""
        first = self.projection.state.position + 1
        raws = self.world.raws[first - 1 : last]
        self.projection.take(
            [StoredMessage(position=first + n, subject="x", raw=raw) for n, raw in enumerate(raws)]
        )


@pytest.fixture
async def house(real_broker: RealBroker, store: Store, world: World) -> House:
    await Bucket.create(await real_broker.bus("steward"), BUCKET, 1, BYTES)
    projection = Projection(MemoryLog("nato-china"), store)
    projection.take(
        [
            StoredMessage(position=position, subject="x", raw=raw)
            for position, raw in enumerate(world.raws, 1)
        ]
    )
    projection.caught_up.set()
    house = House(projection, await real_broker.bus(), world)
    await house.store.add(house.endpoint, upto=projection.state.position)
    return house


@pytest.mark.parametrize("means", ["webhook", "e-mail"])
@pytest.mark.parametrize("trouble", ["refuses", "loses", "swallows"])
async def test_what_was_sent_is_not_sent_again_whatever_the_broker_says(
    house: House, trouble: str, means: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.stores.compare_and_set.APPEND_SECONDS", 0.3)
    await house.store.add(
        replace(house.endpoint, means=means), upto=house.projection.state.position
    )
    house.meanwhile = lambda: setattr(house.node, trouble, 1)
    positions = [house.post()]
    await house.run(lambda: house.progress.delivered == 1 and not house.progress.going)
    house.meanwhile = None
    positions.append(house.post())
    await house.run(lambda: house.progress.delivered == 2 and not house.progress.going)
    assert [item.position for item in house.brought] == positions
    assert (house.progress.delivered, house.progress.parked, house.progress.going) == (2, (), 0)


@pytest.mark.parametrize("trouble", ["refuses", "loses", "swallows"])
async def test_a_notice_that_was_written_down_is_brought_once(
    house: House, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.stores.compare_and_set.APPEND_SECONDS", 0.3)
    notice = WatchNoticeItem(
        cid=house.endpoint.cid, side="china", kind="no_answer", step="deputy", since=time.time()
    )
    assert await house.store.notify(notice, 0)
    setattr(house.node, trouble, 1)
    await house.run(lambda: bool(house.brought))
    await house.run(lambda: True)
    assert [item.id for item in house.brought] == [notice.id]
    assert house.progress.noticed == notice.id


async def test_a_notice_that_another_courier_writes_down_meanwhile_is_its_own(
    house: House, real_broker: RealBroker
) -> None:
    notice = WatchNoticeItem(
        cid=house.endpoint.cid, side="china", kind="no_answer", step="deputy", since=time.time()
    )
    assert await house.store.notify(notice, 0)
    other = NotificationEndpoints(Bucket(await real_broker.bus(), BUCKET))
    await other.refresh()
    house.node.swallows = 1  # and this courier looks for what became of it

    async def write_it_down() -> None:
        while house.node.swallows:
            await asyncio.sleep(0.01)
        progress, revision = other.progress("e1")
        await other.keep(
            "e1",
            replace(progress, noticed=notice.id, holder="other", until=time.time() + 1),
            revision,
        )

    writing = asyncio.create_task(write_it_down())
    await house.run(lambda: house.progress.holder == "other", more=3)
    await writing
    assert (house.brought, house.progress.noticed) == ([], notice.id)


async def test_a_delivery_waits_until_the_log_here_has_its_record(house: House) -> None:
    known = len(house.world.raws)
    house.world.open("nato/o-1", NOTE)
    progress, revision = house.store.progress("e1")
    late = replace(
        progress,
        upto=known + 1,
        waiting=(Waiting(position=known + 1, tries=1, again=time.time() - 1),),
    )
    await house.store.keep("e1", late, revision)  # by a courier that was ahead
    await house.run(lambda: True, more=1.5)
    assert (house.brought, [each.position for each in house.progress.waiting]) == ([], [known + 1])
    house.take(known + 1)
    await house.run(lambda: not house.progress.waiting)
    assert [item.position for item in house.brought] == [known + 1]
    assert house.progress.waiting == ()


async def test_of_two_couriers_of_one_name_only_the_later_one_brings(house: House) -> None:
    first = asyncio.create_task(house.rounds().run())
    running = [first]
    try:
        async with asyncio.timeout(PATIENCE_S):
            position = house.post()
            while house.progress.upto < position:
                await asyncio.sleep(0.02)
            earlier = house.store.run_of("one")
            running.append(asyncio.create_task(house.rounds().run()))
            while house.store.run_of("one") == earlier:
                await asyncio.sleep(0.02)
            with capture_logs() as lines:
                while not any(line["event"] == "courier.replaced" for line in lines):
                    await asyncio.sleep(0.02)
            positions = [position, *(house.post() for _ in range(5))]
            while house.progress.upto < positions[-1]:
                await asyncio.sleep(0.02)
        await asyncio.sleep(1.2)  # another round of both
        assert [item.position for item in house.brought] == positions
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
