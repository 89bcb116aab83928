"""A projection of a log from which an exchange was erased: the same whether it folded the bytes or
the entries in their place.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from dragoman.domain.acts.erasure import entry_of
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.limits import LIST_PAGE
from dragoman.projection.projection import Projection
from dragoman.projection.queries import exchange_view, liaison_state, lists
from dragoman.projection.store import Store
from dragoman_schemas.acts.office.channel import ErasedRecord
from followed import until
from views import found
from world import INCIDENT, NOTE, World

NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)
BOTH = ("nato/root", "china/root")
CHART = "c4" * 32
ATTACHED = {
    "attachments": [{"sha256": CHART, "media_type": "image/png", "bytes": 9, "title": "A chart"}]
}
Counts = list[tuple[str, str, int]]


def erased(world: World, *owners: str) -> tuple[World, str, list[bytes]]:
    """A log of more than a snapshot's records with one exchange to be erased near its beginning;
    that one, and the log with entries in its place.
    """
    id = world.open("nato/d-1", {**INCIDENT, "facts": "Seen off zanzibar.", **ATTACHED})
    world.keep("china/d-1", {"act": "acknowledgement"}, id)
    for number in range(280):
        world.open("china/o-1", NOTE)
        if number == 100:
            world.open("nato/o-1", {**NOTE, **ATTACHED})
    world.keep("china/d-1", {"act": "reply", "text": "Noted, zanzibar."}, id)
    named = [*world.ledger.records_of(id)]
    world.attested(
        {"act": "erasure", "records": [msgspec.to_builtins(each) for each in named]}, *owners
    )
    world.open("nato/o-1", {**NOTE, **ATTACHED})
    entries = {each.position: entry_of(each) for each in named}
    return world, id, [entries.get(position, raw) for position, raw in enumerate(world.raws, 1)]


@asynccontextmanager
async def projected(raws: list[bytes], path: Path) -> AsyncIterator[Projection]:
    """A projection that follows these messages to their end."""
    log, store = MemoryLog("nato-china"), Store(path)
    for position, raw in enumerate(raws, 1):
        await log.inject(f"dragoman.v1.nato-china.x.{position}", raw)
    projection = Projection(log, store)
    running = asyncio.create_task(projection.run())
    try:
        await projection.caught_up.wait()
        if not projection.broken:
            await projection.in_file()
        yield projection
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        store.close()


def counted(projection: Projection) -> Callable[[int], Counts]:
    def at(position: int) -> Counts:
        query = liaison_state.liaison_state
        state = found(projection.store, "nato-china", query, "", live=True, at=position)
        return [(each.family, each.status, each.exchanges) for each in state.counts]

    return at


async def test_bytes_and_entries_come_to_the_same(world: World, tmp_path: Path) -> None:
    told, id, raws = erased(world, *BOTH)
    async with (
        projected(told.raws, tmp_path / "bytes.sqlite") as whole,
        projected(raws, tmp_path / "entries.sqlite") as less,
    ):
        assert whole.standing == less.standing == told.ledger.standing
        assert whole.exchange(id) is None and less.exchange(id) is None
        for position in (12, 20, 256, 270, len(raws) - 3, len(raws) - 2, len(raws)):
            assert counted(whole)(position) == counted(less)(position), position
        assert counted(whole)(len(raws)) == [("contact", "open", 282)]
        for projection in (whole, less):
            store, zanzibar = projection.store, lists.Filter(q="zanzibar")
            assert not found(store, "nato-china", lists.listed, zanzibar, LIST_PAGE).exchanges
            changed = found(store, "nato-china", liaison_state.difference, 11, at=20)
            assert len(changed.exchanges) == 7
            assert (
                projection.bytes_at(12)[0] == raws[11]
                and not projection.bytes_at(100)[2]
                and projection.bytes_at(len(raws))[2]
            )
    left = [path.name for path in tmp_path.iterdir() if b"zanzibar" in path.read_bytes()]
    assert left == [], "nothing of what was said is on the disk"


async def test_a_file_that_another_act_names_too_is_still_that_sides(
    world: World, tmp_path: Path
) -> None:
    """The side may go on reading and attaching its file, and the check of rows finds no fault."""
    told, _, raws = erased(world, *BOTH)
    async with (
        projected(told.raws, tmp_path / "bytes.sqlite") as whole,
        projected(raws, tmp_path / "entries.sqlite") as less,
    ):
        for projection in (whole, less):
            sides = found(
                projection.store, "nato-china", exchange_view.attached, [CHART, "d5" * 32]
            )
            assert sides == {CHART: frozenset({"nato"}), "d5" * 32: frozenset()}
        rows = "SELECT * FROM attached ORDER BY position"
        first, second = (
            projection.store.reader().execute(rows).fetchall() for projection in (whole, less)
        )
        assert [row[1:3] for row in first] == [(CHART, "nato")] * 2
        assert first == second


async def test_what_a_void_erasure_withholds_stops_the_gateway(
    world: World, tmp_path: Path
) -> None:
    _, _, raws = erased(world, "nato/root")
    async with projected(raws, tmp_path / "projection.sqlite") as projection:
        assert "position 12 of nato-china is withheld by a void erasure at" in str(
            projection.broken
        )


async def test_a_void_erasure_before_a_valid_one_stops_no_gateway(
    world: World, tmp_path: Path
) -> None:
    id = world.open("china/o-1", {**NOTE, "text": "to be erased"})
    named = [msgspec.to_builtins(each) for each in world.ledger.records_of(id)]
    for owners in (("nato/root",), BOTH):  # the first is void: one side alone signed it
        world.attested({"act": "erasure", "records": named}, *owners)
    entries = {
        each["position"]: entry_of(msgspec.convert(each, type=ErasedRecord)) for each in named
    }
    raws = [entries.get(position, raw) for position, raw in enumerate(world.raws, 1)]
    async with projected(raws, tmp_path / "projection.sqlite") as projection:
        assert not projection.broken
        assert projection.standing == world.ledger.standing


async def test_a_log_that_still_has_the_bytes_is_no_other_log(world: World, tmp_path: Path) -> None:
    told, _, raws = erased(world, *BOTH)
    async with projected(told.raws, tmp_path / "projection.sqlite") as projection:
        walking = asyncio.create_task(projection.walk())
        await asyncio.sleep(0.2)
        walking.cancel()
        assert not projection.broken
        assert projection.bytes_at(12)[0] == raws[11] != told.raws[11]


async def test_a_gateway_that_has_the_bytes_of_what_a_log_has_erased_says_what_to_do(
    world: World, tmp_path: Path
) -> None:
    told, _, raws = erased(world, *BOTH)
    async with projected(told.raws[:100], tmp_path / "projection.sqlite") as projection:
        projection.log._messages[:] = [  # type: ignore[attr-defined]
            StoredMessage(position=position, subject="x", raw=raw)
            for position, raw in enumerate(raws[:100], 1)
        ]
        walking = asyncio.create_task(projection.walk())
        await until(lambda: projection.broken is not None)
        walking.cancel()
        assert "at position 12 " in str(projection.broken) and "remove its projection" in str(
            projection.broken
        )


@pytest.fixture
def world() -> World:
    return World()
