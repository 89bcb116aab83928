"""The free space of the disks, and what follows from each level of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import metrics
from dragoman.application import disk_space
from dragoman.application.disk_space import DiskSpace, Room, rooms_of, shortage_of
from dragoman.domain.record.errors import Refused

DISKS: tuple[disk_space.Disk, ...] = ("data", "archive", "store")


def space(monkeypatch: pytest.MonkeyPatch, *rooms: Room) -> DiskSpace:
    monkeypatch.setattr(disk_space, "rooms_of", lambda data, store: list(rooms))
    return DiskSpace()


@pytest.mark.parametrize("disk", DISKS)
@pytest.mark.parametrize(
    ("free", "is_short", "is_scarce"),
    [
        (1000, False, False),
        (200, False, False),  # the alert at 20 % is a ticket
        (50, False, False),
        (49, True, False),
        (20, True, False),
        (19, True, True),
        (0, True, True),
    ],
)
def test_each_level_of_each_disk(
    disk: disk_space.Disk,
    free: int,
    is_short: bool,
    is_scarce: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    roomy = [Room(each, 900, 1000) for each in DISKS if each != disk]
    disks = space(monkeypatch, *roomy, Room(disk, free, 1000))
    shortage = str(disks.shortage() or "")
    assert bool(shortage) == is_short
    assert disks.is_scarce == is_scarce
    if is_short:
        assert f"only {free / 10} % (0 MiB) of" in shortage and "make room" in shortage
        assert ("only urgent posts are taken; make room" in shortage) == is_scarce
        assert shortage.count("is free") == 1, "only the disk that is short"
    if is_scarce:
        with pytest.raises(Refused, match="Until the operator makes room there") as refused:
            disks.refuse_if_scarce()
        assert refused.value.refusal.kind == "unavailable"
    else:
        disks.refuse_if_scarce()


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 2000)), max_size=3))
def test_what_is_refused_is_always_said_before(pairs: list[tuple[int, int]]) -> None:
    rooms = [Room(DISKS[n], min(pair), max(pair)) for n, pair in enumerate(pairs)]
    is_scarce = any(room.share < disk_space.SCARCE for room in rooms)
    assert (shortage_of(rooms) is not None) >= is_scarce


def test_the_gauges_have_the_names_that_the_alerts_have(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    assert [room.disk for room in rooms_of(tmp_path, (3, 7))] == list(DISKS)
    assert [room.disk for room in rooms_of(tmp_path / "none", None)] == []
    DiskSpace(tmp_path).measure()
    lines = metrics.exposition("")[0].decode().splitlines()
    for name in ("dragoman_disk_free_bytes", "dragoman_disk_size_bytes"):
        for disk in ("data", "archive"):
            (line,) = [line for line in lines if line.startswith(f'{name}{{what="{disk}"}}')]
            assert float(line.rpartition(" ")[2]) > 0
