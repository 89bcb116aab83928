"""The place of a data directory: what a restart keeps, what a copy does not, and when writing is
allowed.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import data_directory
from dragoman.data_directory import ELSEWHERE, OUTDATED, UNCONFIRMED, Confirmation, PlaceGuard
from dragoman.witness_client import LogConfirmation, confirmation_of

ID = "0123456789abcdef0123456789abcdef"
ROOT = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory that names its place."""
    folder = tmp_path / "data"
    data_directory.adopt(folder)
    assert data_directory.fault_of(folder) == ""
    return folder


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes this another machine."""

    def become(id: str) -> None:
        monkeypatch.setattr(data_directory, "machine", lambda: id)

    return become


def rewrite(data: Path, **changes: object) -> None:
    """Change what the file says, and not which file it is."""
    with (data / data_directory.FILE).open("r+b") as file:
        kept = json.loads(file.read()) | changes
        file.seek(0)
        file.truncate()
        file.write(json.dumps(kept).encode())


def test_a_directory_without_a_place_adopts_the_one_where_it_is(tmp_path: Path) -> None:
    assert data_directory.fault_of(tmp_path) == ""
    assert PlaceGuard(tmp_path).read_only_reason() is None
    assert (tmp_path / data_directory.FILE).stat().st_mode & 0o777 == 0o600


def test_restarts_boots_and_what_is_done_to_the_file_keep_the_place(
    data: Path, tmp_path: Path
) -> None:
    os.utime(data / data_directory.FILE)
    (data / data_directory.FILE).chmod(0o640)
    (tmp_path / "link").symlink_to(data)
    assert data_directory.fault_of(tmp_path / "link") == ""
    assert PlaceGuard(data).read_only_reason() is None


@pytest.mark.parametrize("copy", [["cp", "-a"], ["cp", "-r"]])
def test_a_copy_is_elsewhere_even_at_the_same_path(
    data: Path, tmp_path: Path, copy: list[str]
) -> None:
    import subprocess

    subprocess.run([*copy, data, tmp_path / "copy"], check=True)
    fault = data_directory.fault_of(tmp_path / "copy")
    assert f"at {data}, and this is {tmp_path / 'copy'}" in fault
    assert "a copy" in fault
    shutil.rmtree(data)
    (tmp_path / "copy").rename(data)
    assert "a copy" in data_directory.fault_of(data), "as after a backup was restored"


def test_what_was_moved_is_elsewhere_and_is_back_in_its_place_once_it_is_moved_back(
    data: Path, tmp_path: Path
) -> None:
    data.rename(tmp_path / "moved")
    assert (
        data_directory.fault_of(tmp_path / "moved")
        == f"the data were written at {data}, and this is {tmp_path / 'moved'}"
    )
    (tmp_path / "moved").rename(data)
    assert data_directory.fault_of(data) == ""


def test_a_directory_keeps_its_id_and_shares_it_with_no_copy_and_no_other_one(
    data: Path, tmp_path: Path, machine: Callable[[str], None]
) -> None:
    id = data_directory.lasting_id(data)
    os.utime(data / data_directory.FILE)
    assert data_directory.lasting_id(data) == id
    shutil.copytree(data, tmp_path / "copy")
    copied = data_directory.lasting_id(tmp_path / "copy")
    data.rename(tmp_path / "moved")
    shutil.copytree(tmp_path / "moved", data)  # a copy at the same path
    again = data_directory.lasting_id(data)
    shutil.rmtree(data)
    data_directory.adopt(data)  # another host's directory, at the same path
    other = data_directory.lasting_id(data)
    machine("another")
    assert len({id, copied, again, other, data_directory.lasting_id(data)}) == 5


def test_a_directory_without_room_has_an_id_of_this_start(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data_directory, "_replace", full)
    assert data_directory.lasting_id(data) != data_directory.lasting_id(data)


def test_another_machine_is_told_and_one_without_a_lasting_id_is_not_compared(
    data: Path, tmp_path: Path, machine: Callable[[str], None]
) -> None:
    machine("a")
    rewrite(data, machine="b", host="office-1")
    assert "on another machine, office-1" in data_directory.fault_of(data)
    machine("")
    assert "on another machine" in data_directory.fault_of(data), (
        "what named a machine is not opened in a container"
    )
    rewrite(data, machine="")
    assert data_directory.fault_of(data) == "", "a container that is replaced has the same volume"
    machine("b")
    assert data_directory.fault_of(data) == ""


def test_where_files_have_no_birth_time_the_inode_number_tells(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_directory, "_born", lambda descriptor: 0)
    assert data_directory.fault_of(data) == "", (
        "a kernel that does not say it any more raises no alarm"
    )
    rewrite(data, born=0, inode=1)
    assert "a copy" in data_directory.fault_of(data)


@given(content=st.binary(max_size=40))
def test_a_file_that_cannot_be_read_is_a_fault_and_stops_nothing(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    data = tmp_path_factory.getbasetemp() / "garbled"
    data.mkdir(exist_ok=True)
    (data / data_directory.EDITION_FILE).write_text(data_directory.EDITION)
    (data / data_directory.FILE).write_bytes(content)
    assert "cannot be read" in data_directory.fault_of(data)
    assert PlaceGuard(data).read_only_reason() == ELSEWHERE


def test_a_directory_that_cannot_be_written_goes_on_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data_directory, "_write", full)
    assert PlaceGuard(tmp_path).read_only_reason() is None


@pytest.mark.parametrize(
    ("id", "mounts", "marked", "known"),
    [
        (ID, [ROOT], False, True),
        (ID, [ROOT, "30 22 0:4 / /etc ro - overlay overlay ro"], False, False),
        (ID, ["22 1 0:9 / / rw - overlay overlay rw"], False, False),
        (ID, [ROOT, "31 22 0:5 / @ rw - tmpfs tmpfs rw"], False, False),
        (ID, [ROOT], True, False),
        (
            ID,
            [
                "22 1 0:9 / / rw - overlay overlay rw",
                "31 22 254:0 /etc/machine-id @ ro - ext4 /dev/vda ro",
            ],
            True,
            True,
        ),
        ("", [ROOT], False, False),
        ("uninitialized", [ROOT], False, False),
    ],
)
def test_a_machine_is_known_by_an_id_that_lasts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    id: str,
    mounts: list[str],
    *,
    marked: bool,
    known: bool,
) -> None:
    (file := tmp_path / "machine-id").write_text(f"{id}\n")
    (table := tmp_path / "mountinfo").write_text(
        "\n".join(mounts).replace(" @ ", f" {file} ").replace(" /etc ", f" {tmp_path} ")
    )
    monkeypatch.setattr(data_directory, "_CONTAINERS", (file,) if marked else ())
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    named = data_directory.machine(file, table)
    assert bool(named) == known
    assert ID not in named, "the id itself is not shown"


class Witnessing:
    """Answers to a take-over, one after the other."""

    def __init__(self, *answers: Confirmation) -> None:
        self.answers = [*answers]

    async def __call__(self) -> Confirmation:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def settled(guard: PlaceGuard, confirm: Witnessing | None, seconds: float = 5) -> bool:
    """Return whether the guard lets writing begin, within so many seconds."""
    done: list[None] = []

    async def work() -> None:
        done.append(None)

    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(guard.run(confirm), guard.when_allowed(work))
    except TimeoutError:
        return False
    return bool(done)


async def test_nothing_begins_before_it_is_taken_over(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_directory, "_AGAIN_SECONDS", 0.01)
    copy = shutil.copytree(data, tmp_path / "copy")
    guard = PlaceGuard(copy)
    assert not await settled(guard, None, 0.2)
    (copy / data_directory.FILE).rename(tmp_path / "removed")
    assert not await settled(guard, None, 0.2), "that the file is gone is no permission"
    (tmp_path / "removed").rename(copy / data_directory.FILE)
    assert guard.read_only_reason() == ELSEWHERE
    assert await settled(PlaceGuard(copy, take_over=True), None)
    assert data_directory.fault_of(copy) == ""
    assert await settled(guard, None), "another process on the same directory took over"
    assert guard.read_only_reason() is None


async def test_a_take_over_is_written_down_once_it_is_confirmed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_directory, "_AGAIN_SECONDS", 0.01)
    copy = shutil.copytree(data, tmp_path / "copy")
    no, old = (
        Confirmation(reason=UNCONFIRMED, detail="silent"),
        Confirmation(reason=OUTDATED, detail="further"),
    )
    guard = PlaceGuard(copy, take_over=True)
    assert guard.read_only_reason() == UNCONFIRMED
    assert not await settled(guard, Witnessing(no, old), 0.2)
    assert guard.read_only_reason() == OUTDATED
    assert data_directory.fault_of(copy), "the next start is elsewhere as well"
    assert await settled(guard, Witnessing(old, no, Confirmation(by=("nato",))))
    assert data_directory.fault_of(copy) == ""


def test_all_logs_must_be_confirmed_and_none_contradicted() -> None:
    yes, no, unknown = (
        LogConfirmation(by=("w",)),
        LogConfirmation(waiting=("w does not answer",)),
        LogConfirmation(),
    )
    assert confirmation_of({"a": yes, "b": unknown}) == Confirmation(by=("w",))
    assert confirmation_of({"a": yes, "b": no}).reason == UNCONFIRMED
    assert (
        confirmation_of({"a": LogConfirmation(by=("w",), waiting=("v does not answer",))}).reason
        is None
    )
    assert (
        confirmation_of({"a": no, "b": LogConfirmation(by=("w",), against="it is further")}).reason
        == OUTDATED
    )
    assert confirmation_of({}).reason is None


def test_commands_find_the_gateway_without_a_name_of_its_own_first(tmp_path: Path) -> None:
    assert data_directory.server_file(tmp_path) is None
    for name, moment in (("server-late.json", 20), ("server-early.json", 10)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (moment, moment))
    assert data_directory.server_file(tmp_path) == tmp_path / "server-late.json"
    (tmp_path / "server.json").touch()
    os.utime(tmp_path / "server.json", (1, 1))
    assert data_directory.server_file(tmp_path) == tmp_path / "server.json"


def test_data_by_rules_of_before_are_refused_with_the_reason_and_what_to_do(tmp_path: Path) -> None:
    data_directory.adopt(tmp_path)
    data_directory.adopt(tmp_path)  # a start on data by these rules
    for written in ("0123456789abcdef\n", None):
        file = tmp_path / data_directory.EDITION_FILE
        if written is None:
            file.unlink()  # data of before there were editions
        else:
            file.write_text(written)
        with pytest.raises(data_directory.DataError, match="--fresh") as refused:
            data_directory.PlaceGuard(tmp_path)
        assert "rules 1" in str(refused.value) and "Nothing was changed" in str(refused.value)
