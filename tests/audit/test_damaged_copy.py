"""A copy of a log whose own files are damaged: it says which file and where, convicts nobody, and
goes on once it was repaired.
"""

import asyncio
import os
import shutil
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import commands
from dragoman.audit.mirror import Mirror
from dragoman.cli.audit.copies import archive_in
from dragoman.domain.acts.erasure import named_in
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.codec import parse
from dragoman.eventlog.archive import Archive, ArchiveDamaged
from dragoman.eventlog.archive_format import Pinned
from dragoman.eventlog.repair import repair
from dragoman.tlog import leaf
from dragoman.witness import CosigningWitness, times_in
from heads import asking, head_over
from world import NOTE, World, seed_of

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
_UNCHECKED = {"lock"}
"""Files that are locked and never read, so that their content does not matter."""


class Folder:
    """A copy on the disk that is whole: how to open it as its owner does, and how it reads then."""

    def __init__(
        self, path: Path, opened: Callable[[Path], int], size: int, pins: Pinned | None = None
    ) -> None:
        self.path, self.opened, self.size, self.pins = path, opened, size, pins
        self.files = sorted(
            each.name
            for each in path.iterdir()
            if each.name not in _UNCHECKED and each.stat().st_size
        )
        """Files whose content matters."""
        lost = {"records"} if pins is None else {"records", "cosigned"}
        self.repaired = {"leaves", "offsets"} if pins is None else {*self.files} - lost
        """Files that a repair makes whole, or sets aside."""

    def copy(self, beside: Path) -> Path:
        return shutil.copytree(self.path, beside / os.urandom(6).hex())


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The mirror of a log with an erasure, beside a witness that has cosigned it thrice, and read
    ahead what an erasure names.
    """
    folder, world = tmp_path_factory.mktemp("damaged") / "mirror", World()
    for _ in range(6):
        world.open("nato/o-1", NOTE)
    id = world.open("nato/o-1", NOTE)
    at = world.exchange(id).opened.position
    records = [msgspec.to_builtins(each) for each in world.ledger.records_of(id)]
    world.attested({"act": "erasure", "records": records}, "nato/root", "china/root")
    for _ in range(6):
        world.open("china/o-1", NOTE)
    raws = [*world.raws]
    whole = raws[at - 1]
    pins = Pinned(cid=world.registry.cid, log=str(log_of(world.registry)))
    mirror = Mirror(folder, pins)
    now = [NOW]
    witness = CosigningWitness(
        mirror, folder, "nato.example/witness", seed_of("witness"), now=lambda: now[0]
    )
    stubbed = [*raws]
    stubbed[at - 1] = leaf.entry(at - 1, leaf.commit(whole))
    mirror.expect(named_in(enumerate(stubbed, 1)))
    ends = [8, at + 3, len(raws)]
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        mirror.take(raws[begin:end], head_over(raws[:end]))
        now[0] = datetime.fromisoformat(parse(raws[end - 1]).envelope.time)
        assert asyncio.run(witness.add(asking(raws, witness.size, end))).status == 200
    mirror.head(b"no head of it")
    assert mirror.lie is not None and mirror.archive.is_erased(at)
    mirror.archive.keep_covering(head_over(raws[:9]))
    mirror.close()

    def opened(path: Path) -> int:
        again = Mirror(path, pins)
        try:
            again.again()
            assert again.lie is None, again.lie
            CosigningWitness(
                again, path, "nato.example/witness", seed_of("witness"), now=lambda: NOW
            )
            if again.archive.notices:
                raise Noticed(again.archive.notices)
            return again.archive.size
        finally:
            again.close()

    return Folder(folder, opened, len(raws), pins)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A registrar's archive."""
    folder, world = tmp_path_factory.mktemp("damaged") / "archive", World()
    for _ in range(9):
        world.open("nato/o-1", NOTE)
    archive = Archive(folder)
    archive.add(world.raws[:9])
    archive.add(world.raws[9:])
    archive.keep_staged(head_over(world.raws))
    archive.keep_sealed(head_over(world.raws[:-1]))
    archive.keep_witnessed(head_over(world.raws[:5]))
    archive.close()

    def opened(path: Path) -> int:
        again = Archive(path)
        try:
            if again.notices:
                raise Noticed(again.notices)
            return again.size
        finally:
            again.close()

    return Folder(folder, opened, len(world.raws))


class Noticed(Exception):
    """A folder was made good, and it was said."""


def place_of(folder: Folder, name: str, byte: int) -> int:
    """The position of the record that a byte of the three great files is of; 0 in another file."""
    match name:
        case "leaves":
            return byte // 32 + 1
        case "offsets":
            return byte // 8 + 1
        case "records":
            offsets = (folder.path / "offsets").read_bytes()
            ends = struct.unpack(f">{len(offsets) // 8}Q", offsets)
            return next(
                (position for position, end in enumerate(ends, 1) if byte < end), len(ends) + 1
            )
    return 0


def struck(folder: Folder, path: Path, data: st.DataObject) -> tuple[str, str, int]:
    """Damage one file of a copy; its name, how, and where it begins to be another one."""
    name = data.draw(st.sampled_from(folder.files), label="file")
    raw = bytearray((path / name).read_bytes())
    how = data.draw(
        st.sampled_from(["bit", "byte", "truncate", "extend", "empty", "delete"]), label="how"
    )
    at = data.draw(st.integers(0, len(raw) - 1), label="at")
    match how:
        case "bit":
            raw[at] ^= 1 << data.draw(st.integers(0, 7))
        case "byte":
            raw[at] ^= data.draw(st.integers(1, 255))
        case "truncate":
            del raw[at:]
        case "extend":
            at = len(raw)
            raw += data.draw(st.binary(min_size=1, max_size=99))
        case "empty" | "delete":
            at = 0
            raw.clear()
    (path / name).write_bytes(raw)
    if how == "delete":
        (path / name).unlink()
    return name, how, at


@pytest.mark.parametrize("kind", ["mirror", "archive"])
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_to_a_copy_is_told_with_its_file_and_place_and_convicts_nobody(
    kind: str, data: st.DataObject, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder: Folder = request.getfixturevalue(kind)
    path = folder.copy(tmp_path)
    name, how, at = struck(folder, path, data)
    before = {each.name: each.read_bytes() for each in path.iterdir()}
    optional = (
        kind == "archive" and how == "delete" and name in ("sealed", "witnessed")
    )  # which a young archive does not have yet
    outcome = opening(folder, path)
    match outcome:
        case Noticed():
            assert name in str(outcome) and "byte" in str(outcome)
            assert opening(folder, path) == folder.size, "nothing is lost by it"
        case ArchiveDamaged():
            told = str(outcome)
            assert (
                outcome.damage.file in (name, f"{name}.sum")
                and f"{path}/{outcome.damage.file}, byte " in told
            ), told
            place = place_of(folder, name, at)
            assert not place or outcome.damage.position in (place, min(place, folder.size)), told
            assert "backup" in told, "what to do"
            begun = {each: b"" for each in ("records", "leaves", "offsets") if each not in before}
            assert {each.name: each.read_bytes() for each in path.iterdir()} == before | begun, (
                "what is damaged stays as it is"
            )
            assert audited(path) == told, "an audit of the folder says the same"
            assert is_repaired(folder, path) == (outcome.damage.file in folder.repaired)
            assert (path / "records").read_bytes() == before.get("records", b""), (
                "no repair changes a record"
            )
        case _:
            assert outcome == folder.size and optional, "it was not noticed"
    shutil.rmtree(path)


def opening(folder: Folder, path: Path) -> int | Exception:
    """Open a copy and return its size, or the error that opening it raises."""
    try:
        return folder.opened(path)
    except (ArchiveDamaged, Noticed) as error:
        return error


def is_repaired(folder: Folder, path: Path) -> bool:
    """Return whether a repair makes the copy whole."""
    try:
        assert repair(path, folder.pins)
    except ArchiveDamaged:
        return False
    return (
        opening(folder, path) == folder.size or opening(folder, path) == folder.size
    )  # a notice that offsets were completed comes first


def audited(path: Path) -> str:
    """Return the damage that an audit of a folder reports, or an empty string if there is none."""
    try:
        times_in(path)
        archive_in(path).close()
    except ArchiveDamaged as error:
        return str(error)
    return ""


def test_the_commands_say_it_and_put_it_right(mirror: Folder, tmp_path: Path) -> None:
    path = mirror.copy(tmp_path)
    raw = bytearray((path / "leaves").read_bytes())
    raw[70] ^= 1
    (path / "leaves").write_bytes(raw)
    assert mirror.pins is not None
    pins = ["--cid", mirror.pins.cid, "--log", mirror.pins.log]
    verified = commands.run(["audit", "verify", str(path), *pins], environment=os.environ)
    assert verified.returncode == 7
    assert (
        f"dragoman: this copy is damaged: {path}/leaves, byte 64 (position 3): the leaf is not that of the record"
        in verified.stderr
    )
    repaired = commands.run(["audit", "repair", str(path)], environment=os.environ)
    assert (repaired.returncode, repaired.stdout.splitlines()[-1]) == (
        0,
        f"leaves is written anew, with {mirror.size} leaves",
    )
    assert (path / "leaves.damaged").read_bytes() == raw
    assert (
        "no lie was found"
        in commands.run(["audit", "verify", str(path), *pins], environment=os.environ).stderr
    )


def test_a_folder_of_before_the_digests_is_brought_to_them_once_it_was_checked(
    mirror: Folder, tmp_path: Path
) -> None:
    path = mirror.copy(tmp_path)
    for each in (*path.glob("*.sum"), path / "covering"):
        each.unlink()
    assert mirror.pins is not None
    (path / "pinned.json").write_bytes(
        msgspec.json.encode({"cid": mirror.pins.cid, "log": mirror.pins.log})
    )
    lines = [msgspec.json.decode(line)[:2] for line in (path / "times").read_bytes().splitlines()]
    (path / "times").write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in lines))
    assert mirror.opened(path) == mirror.size
    assert [[each.size, each.time] for each in times_in(path)] == lines
    assert msgspec.json.decode((path / "pinned.json").read_bytes())["format"] == 2
    raw = bytearray((path / "cosigned").read_bytes())
    raw[-9] ^= 1  # in the witness's own line, which the log's key has not signed
    (path / "cosigned").write_bytes(raw)
    assert "cosigned, byte 0: it is not what was written" in str(opening(mirror, path))


def test_a_whole_copy_is_opened_again(mirror: Folder, archive: Folder, tmp_path: Path) -> None:
    for folder in (mirror, archive):
        assert folder.opened(folder.copy(tmp_path)) == folder.size
