"""A mirror keeps records only under a signed head that begins with all that it kept before,
whatever the host shows it.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from dragoman.audit import compare
from dragoman.audit.mirror import Mirror
from dragoman.cli.audit import mirror as mirroring
from dragoman.cli.common import Unverified
from dragoman.client import ApiResponse, ProblemResponse, Unreachable
from dragoman.domain.acts.log_policy import log_of
from dragoman.eventlog.archive import ArchiveDamaged
from dragoman.eventlog.archive_format import Pinned
from dragoman.eventlog.settled_copy import UnprovenHead
from dragoman.tlog import tiles
from dragoman_schemas.problems import Problem
from dragoman_schemas.responses import Entry
from heads import head_over
from world import NOTE, World

N = "nato/o-1"


def told(notes: int) -> World:
    world = World()
    for _ in range(notes):
        world.open(N, NOTE)
    return world


def grown(world: World, messages: list[bytes], size: int) -> list[bytes]:
    """Another branch: the first messages of a log, and others after them, up to a size."""
    other = World()
    for raw in messages[other.position :]:
        other.take(raw)
    other.clock = world.clock
    while len(other.raws) < size:
        other.open("china/o-1", {**NOTE, "text": "Something else."})
    return [*other.raws]


class Host:
    """A gateway that gives records of a log, a head of the first `signed` records, and tiles. A
    page has `page` records.
    """

    def __init__(self, raws: list[bytes], signed: int | None = None, page: int = 100) -> None:
        self.shows(raws, signed)
        self.page = page
        self.away = False
        self.gives = 10**6
        self.spoils: str = ""
        self.asked: list[str] = []

    def shows(self, raws: list[bytes], signed: int | None = None) -> None:
        self.raws, self.signed = raws, len(raws) if signed is None else signed

    async def call(self, _: str, path: str) -> ApiResponse:
        await asyncio.sleep(0)
        self.asked.append(path)
        if self.away:
            raise Unreachable("nobody answers")
        if path.endswith("/checkpoint") and self.signed:
            return ApiResponse(200, {}, head_over(self.raws[: self.signed]))
        tile = tiles.read_path(path.partition("/log/")[2])
        if tile is None or self.spoils == "wants":
            raise ProblemResponse(
                Problem(type="/problems/not-found", title="Not found", status=404, detail="none")
            )
        raw = tiles.hashes(tile, compare.of_messages("", self.raws[: self.signed], None).nodes)
        return ApiResponse(
            200, {}, bytes([raw[0] ^ 1]) + raw[1:] if self.spoils == "tiles" else raw
        )

    async def records(self, _: str, first: int = 1) -> AsyncIterator[list[Entry]]:
        given = self.raws[: self.gives]
        for begin in range(first, len(given) + 1, self.page):
            await asyncio.sleep(0)
            if self.away:
                raise Unreachable("nobody answers")
            page = enumerate(given[begin - 1 : begin - 1 + self.page], begin)
            yield [
                Entry(position=position, valid=True, commit="", record=Raw(raw))
                for position, raw in page
            ]


def mirror_of(folder: Path, world: World) -> Mirror:
    return Mirror(folder, Pinned(cid=world.registry.cid, log=str(log_of(world.registry))))


def followed(mirror: Mirror, host: Host, *, once: bool = True) -> None:
    asyncio.run(mirroring.follow(mirror, host, "nato-china", once=once))  # type: ignore[arg-type]


def kept(mirror: Mirror) -> list[bytes]:
    return list(mirror.archive.messages())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirroring, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(mirroring, "_UNSIGNED_SECONDS", 0.02)
    monkeypatch.setattr(mirroring, "HEAD_SECONDS", 0.05)


@pytest.mark.parametrize("page", [1, 7, 100, 1000])
@pytest.mark.parametrize("batch", [4, 8, 256])
def test_a_log_is_kept_to_its_signed_head_and_no_further(
    page: int, batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "BATCH", batch)
    world = told(20)
    mirror = mirror_of(tmp_path / "m", world)
    for signed in (len(world.raws) - 15, len(world.raws) - 14, len(world.raws) - 3):
        followed(mirror, Host(world.raws, signed, page))
        assert mirror.lie is None and kept(mirror) == world.raws[:signed]
        assert mirror.archive.sealed == head_over(world.raws[:signed])
    mirror.close()
    again = mirror_of(tmp_path / "m", world)
    again.again()
    followed(again, Host(world.raws, None, page))
    assert again.lie is None and kept(again) == world.raws
    again.close()


@pytest.mark.parametrize("parted", [12, 20, 24])
@pytest.mark.parametrize("more", [1, 2, 30])
@pytest.mark.parametrize("page", [1, 100])
def test_of_a_log_that_was_rolled_back_and_grew_again_nothing_is_kept(
    parted: int, more: int, page: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "BATCH", 4)
    world = told(14)
    before = [*world.raws]
    assert parted <= len(before)
    mirror = mirror_of(tmp_path / "m", world)
    followed(mirror, Host(before))
    other = grown(world, before[: parted - 1], len(before) + more)
    host = Host(other, page=page)

    async def away_and_back() -> None:
        host.away = True
        following = asyncio.create_task(mirroring.follow(mirror, host, "nato-china", once=False))  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        host.away = False
        await asyncio.wait_for(following, 30)

    asyncio.run(away_and_back())
    assert (
        mirror.lie is not None
        and "is of other records than those that are kept here" in mirror.lie.what
    )
    assert kept(mirror) == before, "none of the other branch"
    assert mirror.archive.sealed == head_over(before)
    (note,) = (tmp_path / "m").glob("contradiction-*.note")
    assert note.read_bytes() == head_over(other), "both heads convict"
    mirror.close()


def test_nothing_is_kept_while_no_head_covers_it_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = told(14)
    mirror = mirror_of(tmp_path / "m", world)
    followed(mirror, Host(world.raws, 18))
    other = grown(world, world.raws[:14], 25)
    host = Host(other, 0)

    async def unsigned() -> None:
        following = asyncio.create_task(mirroring.follow(mirror, host, "nato-china", once=False))  # type: ignore[arg-type]
        said = ""
        async with asyncio.timeout(30):
            while "none is kept before one covers it" not in said:
                await asyncio.sleep(0.01)
                said += capsys.readouterr().err
        assert (len(kept(mirror)), mirror.lie) == (18, None)
        host.shows(other)
        await asyncio.wait_for(following, 30)

    asyncio.run(unsigned())
    assert mirror.lie is not None and kept(mirror) == world.raws[:18]
    mirror.close()


def test_records_that_a_head_is_of_and_that_do_not_come_are_waited_for_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = told(9)
    mirror, host = mirror_of(tmp_path / "m", world), Host(world.raws)
    host.gives = 14

    async def withheld() -> None:
        following = asyncio.create_task(mirroring.follow(mirror, host, "nato-china", once=False))  # type: ignore[arg-type]
        said = ""
        async with asyncio.timeout(30):
            while f"a head of {len(world.raws)} records is signed, and 14 are given" not in said:
                await asyncio.sleep(0.01)
                said += capsys.readouterr().err
            assert (kept(mirror), mirror.lie) == (world.raws[:14], None)
            host.gives = len(world.raws)
            while kept(mirror) != world.raws:
                await asyncio.sleep(0.01)
        following.cancel()

    asyncio.run(withheld())
    assert mirror.lie is None and mirror.archive.sealed == head_over(world.raws)
    mirror.close()


def test_once_without_any_head_keeps_nothing_and_ends_so(tmp_path: Path) -> None:
    world = told(5)
    mirror = mirror_of(tmp_path / "m", world)
    with pytest.raises(Unverified, match="no head is signed"):
        followed(mirror, Host(world.raws, 0))
    assert mirror.archive.size == 0
    mirror.close()


@pytest.mark.parametrize("spoils", ["tiles", "wants"])
def test_a_tree_that_is_not_the_heads_convicts_nobody_and_is_no_reason_to_keep_anything(
    spoils: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "BATCH", 4)
    world = told(20)
    mirror = mirror_of(tmp_path / "m", world)
    followed(mirror, Host(world.raws, 9))
    host = Host(world.raws, page=5)
    host.spoils = spoils
    with pytest.raises(UnprovenHead):
        followed(mirror, host)
    assert mirror.lie is None and kept(mirror) == world.raws[:9]
    host.spoils = ""
    followed(mirror, host)
    assert kept(mirror) == world.raws
    mirror.close()


def test_a_head_that_was_being_come_to_is_remembered_over_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "BATCH", 4)
    world = told(20)
    mirror, host = mirror_of(tmp_path / "m", world), Host(world.raws, page=5)
    take = mirror.take

    def broken(*arguments: Any) -> None:
        take(*arguments)
        host.away = True

    monkeypatch.setattr(mirror, "take", broken)
    with pytest.raises(Unreachable):
        followed(mirror, host)
    assert 0 < mirror.archive.size < len(world.raws) and mirror.archive.covering == head_over(
        world.raws
    )
    mirror.close()
    again = mirror_of(tmp_path / "m", world)
    again.again()
    followed(again, Host(world.raws, again.archive.size))
    assert again.lie is not None and "the log went back" in again.lie.what
    again.close()


def test_a_damaged_leaf_found_while_it_runs_is_no_lie_of_the_host(tmp_path: Path) -> None:
    world = told(6)
    mirror = mirror_of(tmp_path / "m", world)
    followed(mirror, Host(world.raws))
    path = tmp_path / "m" / "leaves"
    raw = bytearray(path.read_bytes())
    raw[32 * 4] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ArchiveDamaged, match=r"leaves, byte 128 \(position 5\)"):
        followed(mirror, Host(world.raws, len(world.raws) - 1))
    assert mirror.lie is None and not list((tmp_path / "m").glob("contradiction-*"))
    mirror.close()
