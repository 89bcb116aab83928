"""A hostile export and a host that answers without end are told from their first messages, and take
no more memory than an honest log.
"""

import io
import zipfile
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from dragoman.audit import export, replay
from dragoman.audit.export import Export, NotAnExport
from dragoman.audit.replay import Hole, Page, Replay
from dragoman.audit.verification import Verification
from dragoman.domain.acts.log_policy import log_of
from dragoman.limits import LINE_BYTES, MESSAGE_BYTES
from dragoman.tlog import leaf, note
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.merkle import Frontier, leaf_hash
from world import NOTE, World, seed_of

MANY = 500_000


def head_over(messages: list[bytes]) -> bytes:
    frontier = Frontier()
    for index, raw in enumerate(messages):
        frontier = frontier.add(leaf_hash(leaf.entry(index, leaf.commit(raw))))
    head = Checkpoint("example.org/nato-china", frontier.size, frontier.root())
    return note.encode(head.text, [note.sign("example.org/nato-china", seed_of("log"), head.text)])


def stretched(world: World, path: Path, more: bytes, signed: bytes | None) -> Path:
    """An export whose records go on after the last one; it stays small."""
    about = {
        "name": "nato-china",
        "cid": world.registry.cid,
        "log": str(log_of(world.registry)),
        "records": len(world.raws),
    }
    whole = io.BytesIO()
    export.write(path, world.raws, about, signed, len(world.raws) if signed else 0)
    with (
        zipfile.ZipFile(path) as read,
        zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as written,
    ):
        for name in read.namelist():
            written.writestr(name, read.read(name) + (more if name == "records.ndjson" else b""))
    path.write_bytes(whole.getvalue())
    return path


def test_of_an_export_no_more_messages_are_read_than_its_head_says_and_one(tmp_path: Path) -> None:
    world = World()
    world.open("nato/o-1", NOTE)
    path = stretched(world, tmp_path / "log.zip", b'{"junk":"00"}\n' * MANY, head_over(world.raws))
    assert path.stat().st_size < 100_000
    with Export(path) as opened:
        assert len([*opened.messages()]) == len(world.raws) + 1
    verification = Verification(cid=world.registry.cid, log=log_of(world.registry))
    with Export(path) as opened:
        verification.take(opened.messages())
        verification.head(opened.checkpoint)
    assert verification.result().lie is not None


def test_an_export_filled_up_with_junk_is_told_as_soon_as_that_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "VOID_RECORDS", 1_000, raising=False)
    world = World()
    path = stretched(world, tmp_path / "log.zip", b'{"junk":"00"}\n' * 20_000, None)
    verification = Verification(cid=world.registry.cid, log=log_of(world.registry))
    with Export(path) as opened, pytest.raises(Hole):
        verification.take(opened.messages())
    assert verification.replay.standing.state.position <= len(world.raws) + 1_001


async def test_a_host_that_answers_without_end_is_told_as_soon_as_that_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replay, "VOID_RECORDS", 1_000, raising=False)
    world, given = World(), 0

    async def endless() -> AsyncGenerator[Page, None]:
        nonlocal given
        yield [*enumerate(world.raws, 1)]
        for position in range(len(world.raws) + 1, 20_000, 100):
            given = position
            yield [(position + each, b"\x00") for each in range(100)]

    with pytest.raises(Hole):
        await replay.replay(endless, upto=10**9)
    assert given <= len(world.raws) + 1_101


def test_no_line_is_longer_than_a_message_in_hexadecimal_digits(tmp_path: Path) -> None:
    assert 2 * MESSAGE_BYTES < LINE_BYTES <= 2 * MESSAGE_BYTES + 4096
    world = World()
    path = stretched(world, tmp_path / "log.zip", b'{"junk":"' + b"0" * LINE_BYTES + b'"}\n', None)
    with Export(path) as opened, pytest.raises(NotAnExport, match="longer than any message"):
        [*opened.messages()]


def test_a_log_with_a_few_void_records_is_none_of_these() -> None:
    world = World()
    for _ in range(20):
        world.take(b"\x00")
    fold = Replay()
    fold.take(world.raws)
    assert len(fold.void) == 20
