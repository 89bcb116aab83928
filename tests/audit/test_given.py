"""A log that is written on, and erased from, while an auditor takes it from a gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from dragoman.audit.compare import of_messages
from dragoman.audit.verification import Verification
from dragoman.cli.audit import verify
from dragoman.cli.audit.verify import GatewayLog, RequiredCosigners
from dragoman.cli.common import Target
from dragoman.domain.acts.log_policy import log_of
from dragoman.tlog import leaf, note
from dragoman.tlog.checkpoint import Checkpoint
from dragoman_schemas.responses import Entry
from world import NOTE, World, seed_of


class Gateway:
    """A gateway whose log grows once a client has read it. Its head follows a moment later."""

    def __init__(self, raws: list[bytes], begins: int) -> None:
        self.raws = raws
        self.known = self.signed = begins

    async def records(self, _: str, first: int = 1) -> AsyncIterator[list[Entry]]:
        last, self.known = self.known, len(self.raws)
        yield [
            Entry(position=position, commit="", valid=True, record=msgspec.Raw(raw))
            for position, raw in enumerate(self.raws[first - 1 : last], first)
        ]

    async def call(self, _: str, path: str) -> Any:
        assert path.endswith("/log/checkpoint")
        size, self.signed = self.signed, len(self.raws)
        head = Checkpoint(
            "example.org/nato-china", size, of_messages("", self.raws, None).root(size)
        )
        return SimpleNamespace(
            body=note.encode(head.text, [note.sign(head.origin, seed_of("log"), head.text)])
        )


async def given(messages: list[bytes], head: bytes, *_: object) -> tuple[list[bytes], bytes]:
    """A log and its head, as an export takes them from a gateway."""
    return [*messages], head


async def test_an_export_of_other_records_than_those_of_its_head_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = World(), World()
    one.open("nato/o-1", NOTE)
    other.open("china/o-1", NOTE)
    text = Checkpoint(
        "example.org/nato-china", len(one.raws), of_messages("", one.raws, None).root(len(one.raws))
    ).text
    head = note.encode(text, [note.sign("example.org/nato-china", seed_of("log"), text)])
    about = SimpleNamespace(
        position=len(one.raws),
        name="nato-china",
        cid=one.registry.cid,
        kind="official",
        custody=None,
        sides=["nato", "china"],
        log="",
    )

    @asynccontextmanager
    async def connected(_: object) -> AsyncIterator[Any]:
        async def channel(_: str) -> Any:
            return about

        yield SimpleNamespace(channel=channel)

    monkeypatch.setattr(verify, "connected", connected)
    for messages, code in ((other.raws, 7), (one.raws, 0)):
        monkeypatch.setattr(verify, "gateway_log", partial(given, messages, head))
        path = tmp_path / f"{code}.zip"
        assert await verify.export_command(to=path, target=Target(channel="nato-china")) == code
        assert path.exists() == (code == 0)
    assert (
        "is of other records than those that the gateway gave: nothing is written"
        in capsys.readouterr().err
    )


async def test_what_is_erased_while_the_log_is_read_is_no_lie() -> None:
    world = World()
    id = world.open("nato/o-1", NOTE)
    at = world.exchange(id).opened.position
    before = len(world.raws)
    erasure = {
        "act": "erasure",
        "records": [msgspec.to_builtins(each) for each in world.ledger.records_of(id)],
    }
    world.attested(erasure, "nato/root", "china/root")
    raws = [*world.raws]
    raws[at - 1] = leaf.entry(at - 1, leaf.commit(raws[at - 1]))
    gateway: Any = Gateway(raws, before)
    verification = Verification(cid=world.registry.cid, log=log_of(world.registry))
    log = GatewayLog(gateway, "nato-china", RequiredCosigners())
    async for page in log.pages():
        if verification.asks_for_erasures(page):
            verification.expect(log.named)
        verification.take(page)
    verification.head(log.head)
    assert verification.lie is None
    assert verification.replay.standing.frontier.size == len(raws)
