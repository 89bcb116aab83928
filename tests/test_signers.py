"""Two registrars over one real broker: of each size one head is signed, whoever is first, and the
other one goes on from it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from brokers import RealBroker
from cluster import REPLICAS, Clients
from dragoman.domain.record import codec as records
from dragoman.eventlog.archive import Archive
from dragoman.eventlog.event_log import Appended, EntryToAppend, StoredMessage, subject_of
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import NatsConnection, connected
from dragoman.sealing import Sealing
from dragoman.signer import Signer
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.signed_heads import SignedHeadStore, StoredHead
from dragoman.tlog import checkpoint, note
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.witness_client import Witnesses
from patience import PATIENCE_S
from tcp_wire import Trap, Wire
from world import NOTE, World, seed_of

CHANNEL = "nato-china"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOBODY = Witnesses(None, [])  # type: ignore[arg-type]


class House:
    """A channel's log on a real broker, and whoever signs its heads."""

    def __init__(
        self,
        folder: Path,
        broker: RealBroker | Clients,
        replicas: int,
        log: JetStreamLog,
        seals: SignedHeadStore,
    ) -> None:
        self.folder = folder
        self.broker = broker
        self.replicas = replicas
        self.log = log
        self.seals = seals
        self.world = World()
        self._last: dict[str, int] = {}
        self._size = 0

    @classmethod
    async def made(cls, folder: Path, broker: RealBroker | Clients, replicas: int = 1) -> "House":
        """A house whose channel was opened and has its officers."""
        await SignedHeadStore.create(await broker.bus("steward"), replicas)
        house = cls(
            folder,
            broker,
            replicas,
            await broker.log(),
            SignedHeadStore(await broker.bus("registrar")),
        )
        await house.catch_up()
        return house

    async def catch_up(self) -> None:
        """Append what happened in the world."""
        for raw in self.world.raws[self._size :]:
            subject = subject_of(record := records.parse(raw))
            self._size += 1
            entry = EntryToAppend(
                record=record, expected=self._last.get(subject, 0), first=self._size == 1
            )
            assert Appended(self._size) == await self.log.append([entry])
            self._last[subject] = self._size

    async def post(self) -> int:
        """Append one more record; its position."""
        self.world.open("nato/o-1", NOTE)
        await self.catch_up()
        return self._size

    async def sealing(self, name: str) -> tuple[Sealing, Archive]:
        """One channel of a registrar, step by step, which has kept and looked at everything."""
        archive = Archive(self.folder / name / CHANNEL)
        seals = SignedHeadStore(await self.broker.bus("registrar"))
        sealing = Sealing(CHANNEL, archive, seals, [seed_of("log")], lambda: NOW, NOBODY)
        sealing.take(await self.log.read(1, 1000))
        await sealing.compare(self.log)
        return sealing, archive

    @asynccontextmanager
    async def registrar(self, name: str, bus: NatsConnection | None = None) -> AsyncIterator[None]:
        """A registrar that runs."""
        bus = bus or await self.broker.bus("registrar")
        running = asyncio.create_task(
            Signer(
                bus,
                self.folder / name,
                [seed_of("log")],
                replicas=self.replicas,
                now=lambda: NOW,
                witnesses=lambda: NOBODY,
            ).run()
        )
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def heads(self) -> list[Checkpoint]:
        """All heads that were ever sealed, the first one first."""
        found: list[StoredHead] = []
        at = await self.seals.after(CHANNEL, 0)
        while at is not None:
            found.append(at)
            at = await self.seals.after(CHANNEL, at.seq)
        return [checkpoint.read(note.read(each.note).text) for each in found]

    async def until_sealed(self, size: int) -> None:
        """Wait for the head of that many records."""
        async with asyncio.timeout(PATIENCE_S):
            while (sealed := await self.seals.newest(CHANNEL)) is None or checkpoint.read(
                note.read(sealed.note).text
            ).size < size:
                await asyncio.sleep(0.05)


@pytest.fixture
async def house(tmp_path: Path, real_broker: RealBroker) -> House:
    return await House.made(tmp_path / "registrars", real_broker)


Signed = Callable[[], set[Checkpoint]]


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> Signed:
    """All heads that any registrar has signed and tried to seal, those that came too late among
    them.
    """
    tried: list[bytes] = []
    put = SignedHeadStore.put

    async def told(
        seals: SignedHeadStore, channel: str, note: bytes, over: StoredHead | None
    ) -> StoredHead:
        tried.append(note)
        return await put(seals, channel, note, over)

    monkeypatch.setattr(SignedHeadStore, "put", told)
    return lambda: {checkpoint.read(note.read(each).text) for each in tried}


def are_of_one_log(heads: set[Checkpoint], house: House) -> bool:
    """Return whether every head covers the posted records. Each size has only one root."""
    archive = Archive(house.folder / "judge")
    try:
        archive.add(house.world.raws)
        return all(archive.root(head.size) == head.root for head in heads)
    finally:
        archive.close()


async def test_of_two_that_sign_at_one_moment_one_is_first_and_the_other_goes_on_from_its_head(
    house: House, signed: Signed
) -> None:
    (first, one), (second, other) = [await house.sealing(name) for name in ("first", "second")]
    sizes: list[int] = []
    try:
        for _ in range(3):
            await asyncio.gather(first.seal(), second.seal())
            sizes.append(len(house.world.raws))
            assert [head.size for head in await house.heads()] == sizes
            assert {first.trusted, second.trusted} == {True, False}, (
                "one is told, and looks at what stands there"
            )
            await asyncio.gather(first.seal(), second.seal())
            assert [head.size for head in await house.heads()] == sizes
            assert first.trusted and second.trusted
            await house.post()
            for each in (first, second):
                each.take(await house.log.read(1, 1000))
        assert are_of_one_log(signed(), house)
    finally:
        one.close()
        other.close()


async def test_two_that_run_sign_one_head_of_each_size_and_each_goes_on_without_the_other(
    house: House, signed: Signed
) -> None:
    async with house.registrar("first"):
        async with house.registrar("second"):
            for _ in range(4):
                await house.until_sealed(await house.post())
        await house.until_sealed(await house.post())
    async with house.registrar("second"):
        await house.until_sealed(await house.post())
        async with house.registrar("first"):
            await house.until_sealed(await house.post())
        await house.until_sealed(await house.post())
    sizes = [head.size for head in await house.heads()]
    assert sizes == sorted(set(sizes)) and sizes[-1] == len(house.world.raws)
    assert are_of_one_log(signed(), house)


async def test_one_whose_answer_was_lost_finds_its_head_sealed_and_neither_stops(
    house: House, real_broker: RealBroker, signed: Signed
) -> None:
    wire = Wire(int(real_broker.endpoint.url.rpartition(":")[2]))
    try:
        async with (
            connected(
                f"nats://127.0.0.1:{wire.port}", "registrar", real_broker.endpoint.seed("registrar")
            ) as bus,
            house.registrar("first", bus),
        ):
            await house.until_sealed(await house.post())
            trap = wire.set(Trap(b"HPUB dragoman.seal.v1.", mute_s=0.3))
            await house.until_sealed(await house.post())
            async with house.registrar("second"):
                assert await asyncio.to_thread(trap.sprung.wait, 5)
                await house.until_sealed(await house.post())
            await house.until_sealed(await house.post())
    finally:
        wire.close()
    assert are_of_one_log(signed(), house)


class OldHeads:
    """A node that was cut off, and leads on in its own eyes: while it does, nothing is sealed, and
    the newest head is an old one.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shows: StoredHead | None = None
        self.shown = 0
        put, newest = SignedHeadStore.put, SignedHeadStore.newest

        async def refused(
            seals: SignedHeadStore, channel: str, note: bytes, over: StoredHead | None
        ) -> StoredHead:
            if self.shows is not None:
                raise WriteConflict(channel)
            return await put(seals, channel, note, over)

        async def old(seals: SignedHeadStore, channel: str) -> StoredHead | None:
            if self.shows is None:
                return await newest(seals, channel)
            self.shown += 1
            return self.shows

        monkeypatch.setattr(SignedHeadStore, "put", refused)
        monkeypatch.setattr(SignedHeadStore, "newest", old)

    async def until_shown(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.shown < times:
                await asyncio.sleep(0.01)


@pytest.fixture
async def cluster_house(tmp_path: Path, real_cluster: Clients) -> AsyncIterator[House]:
    yield await House.made(tmp_path / "registrars", real_cluster, REPLICAS)
    await (await real_cluster.bus("admin")).api("STREAM.DELETE.DRAGOMAN_SEAL")


async def test_on_a_cluster_old_heads_stop_nobody_before_an_election_is_over(
    cluster_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, node = cluster_house, OldHeads(monkeypatch)
    with capture_logs() as said:

        def reasons() -> list[str]:
            return [line["reason"] for line in said if line["event"] == "registrar.stopped"]

        async with house.registrar("first"):
            await house.until_sealed(await house.post())
            first = await house.seals.after(CHANNEL, 0)
            assert first is not None
            await house.until_sealed(await house.post())
            node.shows = first
            size = await house.post()
            await node.until_shown(3)
            node.shows = None
            await house.until_sealed(size)
            assert not reasons()
            monkeypatch.setattr("dragoman.signer.ELECTION_SECONDS", 0.5)
            node.shows = first
            await house.post()
            async with asyncio.timeout(PATIENCE_S):
                while not reasons():
                    await asyncio.sleep(0.05)
    shown = checkpoint.read(note.read(first.note).text).size
    told = f"a head of {size} records was sealed, and one of {shown} is shown: the broker's store is an old one"
    assert reasons() == [told]


async def test_on_a_cluster_a_log_that_stays_shorter_than_the_archive_stops_the_signing(
    cluster_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, read, shown = cluster_house, JetStreamLog.read, [True]
    for module in ("signer", "eventlog.jetstream"):
        monkeypatch.setattr(f"dragoman.{module}.ELECTION_SECONDS", 1.0)

    async def shorter(log: JetStreamLog, first: int, most: int) -> list[StoredMessage]:
        return await read(log, first, most) if shown[0] else []

    monkeypatch.setattr(JetStreamLog, "read", shorter)
    with capture_logs() as said:

        def events() -> list[str]:
            return [
                line["event"]
                for line in said
                if line["event"] in ("registrar.looks_again", "registrar.stopped")
            ]

        async with house.registrar("first"):
            await house.until_sealed(await house.post())
        size = await house.post()
        shown[0] = False
        async with house.registrar("first"):
            await asyncio.sleep(0.5)
            shown[0] = True
            await house.until_sealed(size)
        assert events() == [], "it was looked again, and the log was there"
        shown[0] = False
        async with house.registrar("first"), asyncio.timeout(PATIENCE_S):
            while "registrar.stopped" not in events():
                await asyncio.sleep(0.05)
    assert events() == ["registrar.looks_again", "registrar.stopped"]
    assert f"at position {size} the log holds nothing where a record was kept" in {
        line.get("reason") for line in said
    }
