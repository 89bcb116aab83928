"""Flashes that a side has acknowledged and not opened, at two gateways on one broker."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from brokers import RealBroker
from dragoman.application.read_receipts import ReadReceipts
from dragoman.application.service import Service
from dragoman.domain.acts.deadlines import timestamp
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.projection import Projection
from dragoman.projection.queries.exchange_view import exchange_view
from dragoman.projection.store import Store
from dragoman.stores import files, opened_exchanges
from dragoman.stores.erasable import Erasable
from dragoman.stores.opened_exchanges import OpenedExchanges
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.knowledge_responses import FirstOpening
from found import holding
from served import served
from views import found
from world import INCIDENT, World

FLASH = {**INCIDENT, "precedence": "flash"}


async def stored(broker: RealBroker) -> OpenedExchanges:
    await Erasable.create(await broker.bus("steward"), files.STREAM, files.SUBJECTS, 1, files.BYTES)
    return OpenedExchanges(
        Erasable(await broker.bus(), opened_exchanges.STREAM, opened_exchanges.PREFIX)
    )


async def look(
    receipts: ReadReceipts, service: Service, projection: Projection, exchange: str, actor: str
) -> None:
    """Open an exchange, and wait until that is stored."""
    view = found(
        service.store, projection.name, exchange_view, exchange, "", "china", now=service.now()
    )
    grant = Grant(id="reader", actor=actor, channels=(projection.registry.cid,))
    receipts.opened(projection, view, grant)
    for task in list(receipts._tasks):
        await task


async def waiting(receipts: ReadReceipts, projection: Projection, side: str) -> list[str]:
    """The exchanges whose flash waits to be opened, as another gateway hears of it."""
    await receipts.follow()
    await receipts.compare()
    return sorted(unopened.exchange for unopened in receipts.unopened(projection, side))


async def test_a_flash_waits_until_somebody_of_the_side_has_opened_it_at_any_gateway(
    real_broker: RealBroker, world: World, store: Store, tmp_path: Path
) -> None:
    world.clock = datetime.now(UTC)  # Only the flashes of the last hours wait.
    read, unread = world.open("nato/d-1", FLASH), world.open("nato/d-1", FLASH)
    for exchange in (read, unread):
        world.keep("china/d-1", {"act": "acknowledgement"}, exchange)
    async with served(world, store, tmp_path) as (_, service, projection):
        projection.caught_up.set()
        service.opened_exchanges = await stored(real_broker)
        ours, others = ReadReceipts(service), ReadReceipts(service)
        await others.follow()
        assert others.unopened(projection, "china") == (), "it may be opened elsewhere"
        assert await waiting(others, projection, "china") == sorted((read, unread))
        for nobody in ("china/a-1", "china/adm-1", "nato/d-1"):
            await look(ours, service, projection, read, nobody)
            assert await waiting(others, projection, "china") == sorted((read, unread))
        await look(ours, service, projection, read, "china/o-1")
        assert await waiting(others, projection, "china") == [unread]
        assert await waiting(ReadReceipts(service), projection, "china") == [unread], "begun anew"
        cid = projection.registry.cid
        (opening,) = await service.opened_exchanges.of(cid, "china", read)
        assert (opening.by, opening.at) == ("china/o-1", timestamp(world.clock))
        assert await service.opened_exchanges.of(cid, "china", unread) == ()


async def test_the_first_opening_after_a_record_stays_and_is_overwritten_on_the_disk(
    real_broker: RealBroker,
) -> None:
    ours, others = await stored(real_broker), await stored(real_broker)
    first, second = (
        FirstOpening(after=after, position=9, at="2026-11-24T03:00:00.000Z", by=by)
        for after, by in ((3, "china/zanzibar"), (7, "china/quisqualis"))
    )
    await ours.add("c1", "china", "e1", second)
    await ours.add("c1", "china", "e1", first)
    await others.add("c1", "china", "e1", FirstOpening(after=3, position=3, at="later", by="x"))
    await others.add("c1", "china", "e2", first)
    assert await others.of("c1", "china", "e1") == (first, second)
    assert await others.of("c1", "nato", "e1") == ()
    assert holding(real_broker.data, b"quisqualis"), "the search has teeth"
    await ours.sweep("c1", ["e1"])
    assert await others.of("c1", "china", "e1") == ()
    assert await others.of("c1", "china", "e2") == (first,)
    await real_broker.restart()
    assert holding(real_broker.data, b"quisqualis") == []


async def test_an_opening_that_is_not_stored_is_stored_with_the_next_look(
    real_broker: RealBroker, world: World, store: Store, tmp_path: Path
) -> None:
    exchange = world.open("nato/d-1", FLASH)
    async with served(world, store, tmp_path) as (_, service, projection):
        receipts = ReadReceipts(service)
        cut_off = service.opened_exchanges
        await look(receipts, service, projection, exchange, "china/o-1")
        with pytest.raises(LogUnreachable):
            await cut_off.of(projection.registry.cid, "china", exchange)
        service.opened_exchanges = await stored(real_broker)
        await look(receipts, service, projection, exchange, "china/d-1")
        (opening,) = await service.opened_exchanges.of(projection.registry.cid, "china", exchange)
        assert opening.by == "china/d-1"
