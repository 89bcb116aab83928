"""A channel takes records where its log key is here, or proved by a signer."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dragoman.application.host_identity import LogKeyProofs
from dragoman.domain.acts import log_policy
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.stores.signed_heads import StoredHead, StreamMissing
from dragoman.text import verbatim
from dragoman.tlog import dsse, note
from dragoman.tlog.checkpoint import Checkpoint
from world import NOTE, World, seed_of

KEY, OTHER = (dsse.public_of(seed_of(owner)) for owner in ("log", "another"))


class Host:
    """A gateway with a channel, its log key, that of the host, and the newest head."""

    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        self.own_keys: list[bytes] = []
        self.host_key: bytes | None = None
        self.head: StoredHead | None = None
        self.proofs = LogKeyProofs(self, self, {projection.name: projection})  # type: ignore[arg-type]

    async def entered(self) -> bytes | None:
        return self.host_key

    async def log_key(self) -> bytes | None:
        return self.host_key

    async def newest(self, channel: str) -> StoredHead | None:
        if self.head is None:
            raise StreamMissing(verbatim("there is none"))
        return self.head

    def sign(self, owner: str = "log", ago: float = 0.0, **about: Any) -> None:
        """Sign the head of all records now."""
        standing = self.projection.standing
        name = log_policy.log_of(self.projection.registry).name
        head = Checkpoint(name, standing.state.position, standing.frontier.root())
        signed = note.encode(head.text, [note.sign(name, seed_of(owner), head.text)])
        time = datetime.now(UTC) - timedelta(seconds=ago)
        self.head = StoredHead(seq=1, note=signed, taken=time, **about)

    async def writes(self) -> bool:
        await self.proofs.begin()
        return self.projection.read_only is None


@pytest.fixture
async def host(tmp_path: Path) -> Any:
    world = World()
    world.open("nato/o-1", NOTE)
    store = Store(tmp_path / "projection.sqlite")
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [
            StoredMessage(position=at, subject=f"s.{at}", raw=raw)
            for at, raw in enumerate(world.raws[:-1], 1)
        ]
    )
    begun = Host(projection)
    begun.more = StoredMessage(position=len(world.raws), subject="s.x", raw=world.raws[-1])  # type: ignore[attr-defined]
    yield begun
    store.close()


@pytest.mark.parametrize(
    ("gateway", "of_host", "writes"),
    [
        (None, None, False),
        (KEY, None, True),
        (KEY, OTHER, True),
        (None, KEY, True),
        (OTHER, KEY, True),
        (OTHER, OTHER, False),
        (OTHER, None, False),
        (None, OTHER, False),
    ],
)
async def test_the_key_of_the_gateway_or_of_the_host_is_enough(
    host: Host, gateway: bytes | None, of_host: bytes | None, writes: bool
) -> None:
    host.own_keys, host.host_key = [gateway] if gateway else [], of_host
    assert await host.writes() == writes


async def test_a_signer_proves_the_key_by_a_head_of_its_own(host: Host) -> None:
    assert not await host.writes()
    host.sign(restored=True)
    assert not await host.writes(), "a copy of the log has its newest head"
    host.sign("another")
    assert not await host.writes()
    host.sign(ago=600)
    assert not await host.writes(), "a signer signs again every five minutes"
    host.sign()
    assert await host.writes()


async def test_a_signer_that_no_longer_signs_proves_nothing_for_long(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("dragoman.application.host_identity.time.monotonic", lambda: now)
    host.sign()
    assert await host.writes()
    host.projection.take([host.more])  # type: ignore[attr-defined]
    now += 1
    assert await host.writes(), "the head follows the record"
    now += 31
    assert not await host.writes()
    host.sign()
    assert await host.writes()


async def test_a_key_that_is_entered_later_lets_the_channel_go_on(host: Host) -> None:
    assert not await host.writes()
    host.host_key = KEY
    assert await host.writes()
