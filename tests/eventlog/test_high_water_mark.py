"""The high-water mark: never behind in memory, at most a second behind on the disk, never half
written.
"""

from pathlib import Path

import msgspec
import pytest

from dragoman.eventlog import high_water_mark as marks
from dragoman.eventlog.high_water_mark import HighWaterMark, MarkFile
from dragoman.tlog import leaf


async def kept(mark: HighWaterMark, created: str = "then") -> None:
    """Let the mark be kept."""
    mark.keep(created)
    if mark.keeping is not None:
        await mark.keeping


async def test_a_mark_outlives_its_process(tmp_path: Path) -> None:
    path = tmp_path / "marks" / "nato-china.json"
    mark = HighWaterMark(path)
    assert mark.known is None
    mark.note(3, b"three")
    await kept(mark, "2026-11-24T12:00:00Z")
    assert HighWaterMark(path).known == MarkFile(
        created="2026-11-24T12:00:00Z", position=3, commit=leaf.commit(b"three")
    )


async def test_a_mark_never_falls(tmp_path: Path) -> None:
    mark = HighWaterMark(tmp_path / "m.json")
    mark.note(3, b"three")
    mark.note(2, b"two")
    assert mark.known == MarkFile(created="", position=3, commit=leaf.commit(b"three"))
    await kept(mark)
    again = HighWaterMark(tmp_path / "m.json")
    again.note(2, b"two")
    assert again.known == mark.known


async def test_the_file_is_written_at_most_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = HighWaterMark(tmp_path / "m.json")
    for position in range(1, 50):
        mark.note(position, b"x")
        await kept(mark)
    assert msgspec.json.decode(mark.path.read_bytes(), type=MarkFile).position == 1
    monkeypatch.setattr(marks, "MARK_SECONDS", 0.0)
    await kept(mark)
    assert msgspec.json.decode(mark.path.read_bytes(), type=MarkFile).position == 49


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"created":"","position":"3","commit":""}', b'{"position":1}', b"\xff"]
)
def test_a_mark_that_cannot_be_read_is_a_fault_and_no_beginning(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(content)
    assert "compare the log with another copy" in str(HighWaterMark(path).fault)


async def test_a_mark_that_cannot_be_written_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "MARK_SECONDS", 0.0)
    (tmp_path / "marks").write_text("in the way")
    mark = HighWaterMark(tmp_path / "marks-later" / "m.json")
    mark.path = tmp_path / "marks" / "m.json"
    mark.note(1, b"one")
    await kept(mark)
    assert mark.kept is None
    (tmp_path / "marks").unlink()
    await kept(mark)
    assert HighWaterMark(mark.path).known == MarkFile(
        created="then", position=1, commit=leaf.commit(b"one")
    )
