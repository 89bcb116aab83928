"""The archive: what was acknowledged is there after any crash, and what was changed is found."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.log.archive import Archive, ArchiveBusy, ArchiveDamaged
from dragoman.tlog import leaf, merkle
from dragoman.tlog.merkle import Frontier, leaf_hash

MESSAGES = [os.urandom(1 + n % 97) for n in range(1200)]


def root_of(count: int) -> bytes:
    frontier = Frontier()
    for index, raw in enumerate(MESSAGES[:count]):
        frontier = frontier.add(leaf_hash(leaf.entry(index, leaf.commit(raw))))
    return frontier.root()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "nato-china"


def test_what_was_added_is_there_when_it_is_opened_again(folder: Path) -> None:
    for begin, end in ((0, 1), (1, 300), (300, 300), (300, 900), (900, 1200)):
        archive = Archive(folder)
        assert archive.size == begin
        archive.add(MESSAGES[begin:end])
        assert (archive.size, archive.root(end)) == (end, root_of(end))
        archive.close()
    archive = Archive(folder)
    assert [archive.raw(position) for position in (1, 256, 1200)] == [MESSAGES[0], MESSAGES[255], MESSAGES[1199]]
    assert list(archive.check()) == list(range(1, 1201))
    archive.close()


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 1023, 1024, 1199, 1200])
def test_every_head_and_proof_comes_out_of_the_archive(folder: Path, size: int) -> None:
    archive = Archive(folder)
    archive.add(MESSAGES)
    assert archive.root(size) == root_of(size)
    proof = merkle.inclusion(archive.nodes, size // 2, size)
    entry = leaf.entry(size // 2, leaf.commit(MESSAGES[size // 2]))
    assert merkle.is_included(size // 2, size, leaf_hash(entry), proof, root_of(size))
    assert merkle.is_consistent(size, 1200, root_of(size), root_of(1200), merkle.consistency(archive.nodes, size, 1200))
    archive.close()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept=st.integers(0, 20), lost=st.integers(0, 2000), torn=st.sampled_from(["records", "leaves", "offsets"]))
def test_a_crash_in_an_addition_leaves_what_was_acknowledged(tmp_path: Path, kept: int, lost: int, torn: str) -> None:
    folder = tmp_path / os.urandom(4).hex()
    archive = Archive(folder)
    archive.add(MESSAGES[:kept])
    sizes = {name: (folder / name).stat().st_size for name in ("records", "leaves", "offsets")}
    archive.add(MESSAGES[kept : kept + 5])
    archive.close()
    order = ("records", "leaves", "offsets")
    for name in order[order.index(torn) :]:  # the file that was being written, and those that come after it
        length = (folder / name).stat().st_size
        os.truncate(folder / name, max(sizes[name], length - lost) if name == torn else sizes[name])
    opened = Archive(folder)
    assert kept <= opened.size <= kept + 5
    assert opened.root(opened.size) == root_of(opened.size)
    opened.add(MESSAGES[opened.size : kept + 5])
    assert opened.root(kept + 5) == root_of(kept + 5)
    opened.close()


def flipped(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def test_a_record_that_was_changed_is_found_and_located(folder: Path) -> None:
    archive = Archive(folder)
    archive.add(MESSAGES[:50])
    archive.close()
    flipped(folder / "records", 4)
    archive = Archive(folder)
    with pytest.raises(ArchiveDamaged, match="position 1 "):
        list(archive.check())
    archive.close()


@pytest.mark.parametrize(("name", "at"), [("records", -1), ("leaves", -1)])
def test_a_changed_end_is_found_at_the_opening(folder: Path, name: str, at: int) -> None:
    archive = Archive(folder)
    archive.add(MESSAGES[:50])
    archive.close()
    flipped(folder / name, at)
    with pytest.raises(ArchiveDamaged, match="position 50"):
        Archive(folder)


def test_a_shorter_file_than_its_records_is_damage(folder: Path) -> None:
    archive = Archive(folder)
    archive.add(MESSAGES[:50])
    archive.close()
    os.truncate(folder / "records", 100)
    with pytest.raises(ArchiveDamaged, match="fewer bytes"):
        Archive(folder)


def test_one_program_has_an_archive(folder: Path) -> None:
    archive = Archive(folder)
    with pytest.raises(ArchiveBusy):
        Archive(folder)
    archive.close()
    Archive(folder).close()


@pytest.mark.parametrize("end", [0, 10**9])
def test_a_damaged_offset_is_found_and_located(folder: Path, end: int) -> None:
    archive = Archive(folder)
    archive.add(MESSAGES[:50])
    archive.close()
    with (folder / "offsets").open("r+b") as offsets:
        offsets.seek(6 * 8)
        offsets.write(end.to_bytes(8, "big"))
    damaged = Archive(folder)
    with pytest.raises(ArchiveDamaged, match="position 7 "):
        list(damaged.check())
    with pytest.raises(ArchiveDamaged, match="position 8 "):
        damaged.raw(8)
    damaged.close()
