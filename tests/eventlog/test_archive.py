"""The archive: what was acknowledged is there after any crash, and what was changed is found."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.eventlog.archive import Archive, ArchiveBusy, ArchiveDamaged
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
    assert [archive.raw(position) for position in (1, 256, 1200)] == [
        MESSAGES[0],
        MESSAGES[255],
        MESSAGES[1199],
    ]
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
    assert merkle.is_consistent(
        size, 1200, root_of(size), root_of(1200), merkle.consistency(archive.nodes, size, 1200)
    )
    archive.close()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kept=st.integers(0, 20),
    lost=st.integers(0, 2000),
    torn=st.sampled_from(["records", "leaves", "offsets"]),
)
def test_a_crash_in_an_addition_leaves_what_was_acknowledged(
    tmp_path: Path, kept: int, lost: int, torn: str
) -> None:
    folder = tmp_path / os.urandom(4).hex()
    archive = Archive(folder)
    archive.add(MESSAGES[:kept])
    sizes = {name: (folder / name).stat().st_size for name in ("records", "leaves", "offsets")}
    archive.add(MESSAGES[kept : kept + 5])
    archive.close()
    order = ("records", "leaves", "offsets")
    for name in order[
        order.index(torn) :
    ]:  # the file that was being written, and those that come after it
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


@pytest.mark.parametrize("taken", [0, 3, 40, 400, 1000])
def test_a_full_disk_in_an_addition_leaves_what_was_there_and_the_next_addition_follows_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    archive = Archive(folder)
    archive.add(MESSAGES[:300])
    room, write = taken, os.write

    def written(descriptor: int, data: memoryview) -> int:
        nonlocal room
        if room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        part = data[:room]
        room -= len(part)
        return write(descriptor, part)

    monkeypatch.setattr(os, "write", written)
    with pytest.raises(OSError, match="No space left"):
        archive.add(MESSAGES[300:320])
    monkeypatch.setattr(os, "write", write)
    assert archive.size == 300
    archive.add(MESSAGES[300:320])
    assert list(archive.check()) == list(range(1, 321)) and archive.root(320) == root_of(320)
    archive.close()


def test_a_record_that_was_changed_is_found_and_located(folder: Path) -> None:
    archive = Archive(folder)
    archive.add(MESSAGES[:50])
    archive.close()
    flipped(folder / "records", 4)
    with pytest.raises(
        ArchiveDamaged, match=r"records, byte 0 \(position 1\): it is not of the leaf"
    ):
        Archive(folder)
    archive = Archive(folder, checked=False)
    with pytest.raises(ArchiveDamaged, match=r"position 1\)"):
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
    with pytest.raises(
        ArchiveDamaged,
        match=r"records, byte 100 \(position \d+\): it ends before the end of this record",
    ):
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
    with pytest.raises(
        ArchiveDamaged,
        match=r"offsets, byte 48 \(position 7\): it does not lead to the end of the record",
    ):
        Archive(folder)
    damaged = Archive(folder, checked=False)
    with pytest.raises(ArchiveDamaged, match=r"position 8\)"):
        damaged.raw(8)
    damaged.close()


@pytest.mark.parametrize("left", [0, 1, 8 * 20, 8 * 49 + 3])
def test_offsets_that_end_early_are_completed_from_the_records_and_that_is_said(
    folder: Path, left: int
) -> None:
    archive = Archive(folder)
    archive.add(MESSAGES[:50])
    archive.close()
    whole = (folder / "offsets").read_bytes()
    os.truncate(folder / "offsets", left)
    archive = Archive(folder)
    assert (archive.size, archive.root(50)) == (50, root_of(50))
    (notice,) = archive.notices
    assert notice.startswith(
        f"offsets ended at byte {left // 8 * 8}, before its last {50 - left // 8} records: it was completed"
    )
    archive.close()
    assert (folder / "offsets").read_bytes() == whole


# Erasing

LONG = [os.urandom(400) for _ in range(300)]


def entries_of(*positions: int) -> dict[int, bytes]:
    return {
        position: leaf.entry(position - 1, leaf.commit(LONG[position - 1]))
        for position in positions
    }


def test_what_is_erased_is_overwritten_and_the_tree_is_the_same(folder: Path) -> None:
    archive = Archive(folder)
    archive.add(LONG)
    root = archive.root(300)
    archive.erase(entries_of(3, 256, 300))
    archive.close()
    assert not any(
        LONG[position - 1][40:] in (folder / "records").read_bytes() for position in (3, 256, 300)
    )
    archive = Archive(folder)
    assert (archive.root(300), list(archive.check())) == (root, list(range(1, 301)))
    assert [archive.raw(position) for position in (2, 3, 300)] == [
        LONG[1],
        entries_of(3)[3],
        entries_of(300)[300],
    ]
    assert [position for position in range(1, 301) if archive.is_erased(position)] == [3, 256, 300]
    archive.close()


def test_entries_are_added_for_what_others_have_erased(folder: Path) -> None:
    whole, less = Archive(folder), Archive(folder.with_name("other"))
    whole.add(LONG)
    left = [
        entries_of(position).get(position, b"") if position == 7 else raw
        for position, raw in enumerate(LONG, 1)
    ]
    less.add(left, {7})
    assert less.root(300) == whole.root(300) and less.is_erased(7)
    assert list(less.messages()) == left
    for archive in (whole, less):
        archive.close()


def test_an_erasure_that_a_crash_cut_off_is_carried_out_at_the_next_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(folder)
    archive.add(LONG)
    monkeypatch.setattr(Archive, "_carry_out", lambda self: None)
    archive.erase(entries_of(5, 300))
    archive.close()
    torn = bytearray((folder / "records").read_bytes())
    torn[-200:-100] = bytes(100)  # the last record was being overwritten
    (folder / "records").write_bytes(torn)
    monkeypatch.undo()
    archive = Archive(folder)
    assert archive.is_erased(5) and archive.is_erased(300)
    assert list(archive.check()) == list(range(1, 301))
    assert not (folder / "erasing").exists()
    archive.close()


def test_nothing_is_overwritten_by_an_entry_of_another_record(folder: Path) -> None:
    archive = Archive(folder)
    archive.add(LONG)
    with pytest.raises(ArchiveDamaged, match="is not the entry of the record"):
        archive.erase({5: entries_of(6)[6]})
    assert archive.raw(5) == LONG[4]
    archive.close()
