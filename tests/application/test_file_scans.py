"""A file of another side is held until the scanner has passed its bytes, once for each digest."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dragoman.application import file_scanner
from dragoman.application.clock import stamp
from dragoman.application.file_scanner import ScanFailed
from dragoman.application.file_scans import FileScans
from dragoman.limits import CHUNK_BYTES
from dragoman.settings import FileSettings, SettingsError
from dragoman.stores import files, scan_verdicts
from dragoman.stores.erasable import Erasable
from dragoman.stores.files import File, FileStore
from dragoman.stores.scan_verdicts import ScanVerdicts
from memory_broker import MemoryBroker

CID = "c1" * 32
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def program(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o700)
    return path


async def pieces(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        (['test "$(cat)" = "one two"', "echo clean"], (True, "clean")),
        (["cat > /dev/null", "echo", "echo 'stream: Eicar FOUND' >&2", "exit 1"],
         (False, "stream: Eicar FOUND")),
        (["exit 0"], (True, "")),
        (["head -c 300000 /dev/zero | tr '\\0' x", "exit 1"], (False, "x" * 200)),
        (["printf 'a\\033[2J\\n'", "exit 1"], (False, "a\\u001b[2J")),
        (['test -z "$SECRET" && test "$(pwd)" = /'], (True, "")),
    ],
)  # fmt: skip
async def test_the_status_of_the_command_decides_and_its_first_line_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], verdict: tuple[bool, str]
) -> None:
    monkeypatch.setenv("SECRET", "x")
    command = program(tmp_path / "scan", *lines)
    assert await file_scanner.scan([str(command)], 10, pieces(b"one ", b"two")) == verdict


async def test_a_command_that_does_not_decide_has_not_scanned(tmp_path: Path) -> None:
    command = program(tmp_path / "scan", 'echo "$1"', "exit 2")
    with pytest.raises(ScanFailed, match=r"^exit status 2: \$\(id\); no database$"):
        await file_scanner.scan([str(command), "$(id); no database"], 10, pieces(b"x"))
    with pytest.raises(ScanFailed, match="does not start: No such file"):
        await file_scanner.scan([str(tmp_path / "none")], 10, pieces(b"x"))
    slow = program(tmp_path / "slow", f"sleep 60 & echo $! > {tmp_path}/child", "wait")
    begun = time.monotonic()
    with pytest.raises(ScanFailed, match="did not end within"):
        await file_scanner.scan([str(slow)], 0.3, pieces(bytes(10 * CHUNK_BYTES)))
    assert time.monotonic() - begun < 10
    child = int((tmp_path / "child").read_text())
    async with asyncio.timeout(10):
        while _runs(child):
            await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_scanner_must_be_a_program_by_its_whole_path(tmp_path: Path) -> None:
    file_scanner.check([str(program(tmp_path / "scan"))])
    (tmp_path / "text").write_text("")
    for path in ("scan", str(tmp_path), str(tmp_path / "text"), str(tmp_path / "none")):
        with pytest.raises(SettingsError, match=r"files\.scanner"):
            file_scanner.check([path])


class Scanned:
    """A store of files with a scanner, which logs each scan and answers what a test says."""

    def __init__(self, folder: Path, broker: MemoryBroker, store: FileStore) -> None:
        self.folder, self.broker, self.store, self.now = folder, broker, store, NOW
        self.answer(0)
        self.command = program(
            folder / "scan",
            f"sha256sum >> {folder}/scans",
            f"cat {folder}/line",
            f"exit $(cat {folder}/status)",
        )

    def answer(self, status: int, line: str = "") -> None:
        (self.folder / "status").write_text(str(status))
        (self.folder / "line").write_text(line)

    async def gateway(self, **own_sides: str) -> FileScans:
        entries = Erasable(await self.broker.bus(), scan_verdicts.STREAM, scan_verdicts.PREFIX)
        settings = FileSettings(scanner=(str(self.command),), scanner_timeout_s=10)
        return FileScans(self.store, ScanVerdicts(entries), settings, own_sides, lambda: self.now)

    async def put(self, content: bytes, side: str = "nato", cid: str = CID) -> File:
        file = File(
            sha256=hashlib.sha256(content).hexdigest(),
            side=side,
            at=stamp(self.now),
            stage="kept",
            media_type="text/plain",
            bytes=len(content),
        )
        assert await self.store.keep(cid, file, content, None)
        return (await self.store.found(cid, (side,), file.sha256))[0]

    def scans(self) -> list[str]:
        path = self.folder / "scans"
        return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
async def scanned(tmp_path: Path) -> Scanned:
    broker = MemoryBroker()
    await Erasable.create(await broker.bus("steward"), files.STREAM, files.SUBJECTS, 1, files.BYTES)
    return Scanned(
        tmp_path, broker, FileStore(Erasable(await broker.bus(), files.STREAM, files.PREFIX))
    )


async def test_a_file_is_held_until_it_has_passed_and_is_scanned_once(scanned: Scanned) -> None:
    one, other = await scanned.gateway(), await scanned.gateway()
    content = os.urandom(2 * CHUNK_BYTES + 1)
    file = await scanned.put(content)
    verdict = await one.holding([file], "china")
    assert verdict is not None and verdict.outcome == "waiting"
    assert await one.holding([file], "nato") is None, "it is the side's own"
    assert await one.holding([], "china") is None
    assert await one.scan_newest()
    for gateway in (one, other):
        assert await gateway.holding([file], "china") is None
        assert not await gateway.scan_newest()
    await scanned.put(content, "china", "c2" * 32)
    assert not await one.scan_newest(), "a verdict is on bytes"
    assert scanned.scans() == [file.sha256]


async def test_of_several_gateways_one_scans(scanned: Scanned) -> None:
    gateways = [await scanned.gateway() for _ in range(3)]
    await scanned.put(b"x")
    await asyncio.gather(*(gateway.scan_newest() for gateway in gateways))
    assert len(scanned.scans()) == 1


async def test_a_refused_file_stays_held_with_the_line_of_the_scanner(scanned: Scanned) -> None:
    gateway = await scanned.gateway()
    file = await scanned.put(b"x")
    scanned.answer(1, "Eicar FOUND\nmore")
    await gateway.scan_newest()
    scanned.answer(0)
    scanned.now += timedelta(days=1)
    assert not await gateway.scan_newest()
    verdict = await (await scanned.gateway()).holding([file], "china")
    assert verdict is not None
    assert (verdict.outcome, verdict.line, verdict.at) == ("refused", "Eicar FOUND", stamp(NOW))


async def test_a_scan_that_failed_is_tried_again_later_and_newer_files_do_not_wait(
    scanned: Scanned,
) -> None:
    gateway = await scanned.gateway()
    file = await scanned.put(b"old")
    for tries, pause in ((1, 30), (2, 60)):
        scanned.answer(2, "no database")
        assert await gateway.scan_newest()
        verdict = await gateway.holding([file], "china")
        assert verdict is not None
        assert (verdict.outcome, verdict.line, verdict.tries) == (
            "waiting",
            "exit status 2: no database",
            tries,
        )
        scanned.answer(0)
        scanned.now += timedelta(seconds=pause - 1)
        assert not await gateway.scan_newest()
        scanned.now += timedelta(seconds=1)
    newer = await scanned.put(b"new")
    for _ in range(2):
        assert await gateway.scan_newest()
    assert await gateway.holding([file], "china") is None
    assert scanned.scans() == [file.sha256, file.sha256, newer.sha256, file.sha256]


async def test_other_bytes_than_the_files_get_no_verdict(scanned: Scanned) -> None:
    gateway = await scanned.gateway()
    file = await scanned.put(b"clean")
    bus = await scanned.broker.bus()
    entries = Erasable(bus, files.STREAM, files.PREFIX)
    await entries.publish(f"{files.CHUNKS}{CID}.nato.{file.sha256}.{file.upload}.0", b"other")
    stored = await entries.next(f"{files.CHUNKS}{CID}.>", 1)
    assert stored is not None
    await entries.erase(stored.seq)
    assert await gateway.scan_newest()
    verdict = await gateway.holding([file], "china")
    assert verdict is not None
    assert (verdict.outcome, verdict.line) == (
        "waiting",
        "the stored bytes do not match the digest",
    )


async def test_the_files_of_a_stations_own_side_are_not_scanned(scanned: Scanned) -> None:
    gateway = await scanned.gateway(**{CID: "nato"})
    await scanned.put(b"own")
    foreign = await scanned.put(b"foreign", "china")
    assert await gateway.scan_newest()
    assert not await gateway.scan_newest()
    assert scanned.scans() == [foreign.sha256]


async def test_an_erased_file_is_not_scanned(scanned: Scanned) -> None:
    gateway = await scanned.gateway()
    await scanned.store.erase(CID, await scanned.put(b"x"), stamp(NOW))
    assert not await gateway.scan_newest()
