"""The format of a backup: whatever was changed in the folder, the check names it."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.backup import (
    backup_check,
    backup_run,
    host_restore,
    key_bundle,
    manifest,
    retention,
    snapshots,
)
from dragoman.backup.folder import BackupFolder, opened
from dragoman.backup.manifest import BackupError, BackupInvalid, ChannelCopy, Manifest
from dragoman.data_directory import DataError, RestoredFile, awaited_records, write_restored
from dragoman.eventlog.archive import Archive
from dragoman.eventlog.archive_damage import ArchiveDamaged

FILE = b"What was uploaded."


def made(path: Path, *, records: int = 3, **more: bytes) -> BackupFolder:
    """A backup without a genesis, so that nothing but the format is checked."""

    with opened(path, new=True) as folder:
        number = folder.begin("2026-01-01T00:00:00Z")
        archive = Archive(folder.logs("nato-china"))
        archive.add([b"junk %d" % at for at in range(archive.size, records)])
        root = archive.root(archive.size).hex()
        archive.close()
        digest = hashlib.sha256(FILE).hexdigest()
        writer = folder.file_writer(digest)
        writer.write(FILE)
        assert writer.finish()
        writer.close()
        entry = {"sha256": digest, "side": "nato", "at": "", "stage": "kept", "bytes": len(FILE)}
        values = dict.fromkeys(backup_check.PIECES, b"")
        values["files"] = snapshots.encode({f"cid.nato.{digest}": json.dumps(entry).encode()})
        pieces = {name: folder.keep(value) for name, value in {**values, **more}.items()}
        folder.finish(
            Manifest(
                format=1,
                number=number,
                begun="2026-01-01T00:00:00Z",
                ended="2026-01-01T00:00:01Z",
                release="0",
                place="",
                channels=(ChannelCopy(name="nato-china", records=records, root=root),),
                pieces=pieces,
            )
        )
        return folder


def check(path: Path, number: int = 1, digest: str | None = None) -> backup_check.VerifiedBackup:
    with opened(path) as folder:
        return backup_check.check_backup(folder, number, digest=digest)


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def only(folder: Path, pattern: str) -> Path:
    return min(path for path in folder.glob(pattern) if path.stat().st_size)


def test_a_backup_as_it_was_written_is_valid(tmp_path: Path) -> None:
    made(tmp_path / "b")
    verified = check(tmp_path / "b")
    assert (verified.files, verified.file_bytes, verified.logs[0].records) == (1, len(FILE), 3)


CHANGES: dict[str, Callable[[Path], None]] = {
    "a byte of the manifest": lambda path: flip(path / "manifests" / "000001.json"),
    "a byte of a piece": lambda path: flip(only(path, "pieces/*")),
    "a piece is gone": lambda path: only(path, "pieces/*").unlink(),
    "a byte of a file": lambda path: flip(only(path, "files/*/*")),
    "a file is gone": lambda path: only(path, "files/*/*").unlink(),
    "a byte of a record": lambda path: flip(path / "logs" / "nato-china" / "records"),
    "a byte of a leaf": lambda path: flip(path / "logs" / "nato-china" / "leaves"),
    "the log is gone": lambda path: shutil.rmtree(path / "logs" / "nato-china"),
    "the manifest is gone": lambda path: (path / "manifests" / "000001.json").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_was_changed_is_named(tmp_path: Path, change: str) -> None:
    made(tmp_path / "b")
    CHANGES[change](tmp_path / "b")
    with pytest.raises((BackupInvalid, ArchiveDamaged), match=re.escape(str(tmp_path / "b"))):
        check(tmp_path / "b")


def test_a_log_of_other_records_than_the_manifest_says_is_refused(tmp_path: Path) -> None:
    made(tmp_path / "b")
    shutil.rmtree(tmp_path / "b" / "logs" / "nato-china")
    archive = Archive(tmp_path / "b" / "logs" / "nato-china")
    archive.add([b"other", b"records", b"here"])
    archive.close()
    with pytest.raises(BackupInvalid, match="are not those of the manifest"):
        check(tmp_path / "b")


def test_a_shorter_log_than_the_manifest_says_is_refused(tmp_path: Path) -> None:
    made(tmp_path / "b")
    shutil.rmtree(tmp_path / "b" / "logs" / "nato-china")
    archive = Archive(tmp_path / "b" / "logs" / "nato-china")
    archive.add([b"junk 0"])
    archive.close()
    with pytest.raises(BackupInvalid, match="has 1 records, and the manifest says 3"):
        check(tmp_path / "b")


def test_a_log_that_grew_after_a_backup_is_still_that_of_the_backup(tmp_path: Path) -> None:
    made(tmp_path / "b")
    made(tmp_path / "b", records=5)
    assert check(tmp_path / "b", 1).logs[0].records == 5


@pytest.mark.parametrize("position", [1, 4])
def test_a_mark_of_another_record_is_refused(tmp_path: Path, position: int) -> None:
    mark = {"created": "", "position": position, "commit": "0" * 64}
    marks = snapshots.encode({"gateway/nato-china": json.dumps(mark).encode()})
    made(tmp_path / "b", marks=marks)
    with pytest.raises(BackupInvalid, match="the high-water mark gateway/nato-china is of"):
        check(tmp_path / "b")


@pytest.mark.parametrize("position", [1, 4])
def test_a_fold_mark_of_other_records_is_refused(tmp_path: Path, position: int) -> None:
    mark = {
        "position": position,
        "root": "00",
        "digest": "00",
        "void": 0,
        "release": "0.1.0",
        "program": "00",
    }
    marks = snapshots.encode({"gateway/nato-china.fold": json.dumps(mark).encode()})
    made(tmp_path / "b", marks=marks)
    with pytest.raises(BackupInvalid, match=r"the fold mark gateway/nato-china\.fold is of"):
        check(tmp_path / "b")


def test_marks_come_back_as_they_were(tmp_path: Path) -> None:
    """A high-water mark accepts the new stream. A fold mark stays as it was."""
    marks = {"gateway/nato-china.json": b'{"created":"now","position":1,"commit":"00"}',
             "gateway/nato-china.fold": b'{"position":1}'}  # fmt: skip
    for name, raw in marks.items():
        (tmp_path / "old" / "marks" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "old" / "marks" / name).write_bytes(raw)
    kept = backup_run._marks(tmp_path / "old")
    host_restore._write_marks(tmp_path / "new", dict(kept))
    folder = tmp_path / "new" / "marks" / "gateway"
    assert json.loads((folder / "nato-china.json").read_bytes())["created"] == ""
    assert (folder / "nato-china.fold").read_bytes() == marks["gateway/nato-china.fold"]
    assert len(list(folder.iterdir())) == 2


def test_a_backup_that_was_not_finished_does_not_count(tmp_path: Path) -> None:
    with opened(tmp_path / "b", new=True) as folder:
        folder.begin("2026-01-01T00:00:00Z")
        with pytest.raises(BackupInvalid, match="began at 2026-01-01T00:00:00Z was not finished"):
            backup_check.newest_of(folder)
    made(tmp_path / "b")
    with opened(tmp_path / "b") as folder:
        assert (folder.numbers, folder.unfinished) == ([1], None)
        folder.begin("2026-01-02T00:00:00Z")
        assert folder.unfinished is not None
        assert backup_check.newest_of(folder) == 1


def test_a_manifest_of_a_newer_format_is_not_read(tmp_path: Path) -> None:
    made(tmp_path / "b")
    path = tmp_path / "b" / "manifests" / "000001.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(BackupInvalid, match="has the format 2, and this release reads 1"):
        check(tmp_path / "b")
    with pytest.raises(BackupInvalid, match="not a manifest"):
        manifest.decode(b"{")


def test_a_file_gets_its_name_only_with_its_digest(tmp_path: Path) -> None:
    with opened(tmp_path / "b", new=True) as folder:
        folder.begin("2026-01-01T00:00:00Z")
        writer = folder.file_writer("0" * 64)
        writer.write(b"Other bytes.")
        assert not writer.finish()
        writer.close()
        assert not [path for path in (tmp_path / "b" / "files").rglob("*") if path.is_file()]


_HOSTILE = st.sampled_from(
    [
        "../../ESC",
        "/etc/cron.d/x",
        "..",
        ".",
        "",
        "a/../../b",
        "A",
        "nato-china\n",
        "nato/china",
        "a\0",
    ]
) | st.text(max_size=12).filter(lambda text: not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text))


@given(_HOSTILE, st.sampled_from(["channel", "piece", "digest of a piece"]))
def test_no_name_of_a_manifest_leads_out_of_the_folder(name: str, place: str) -> None:
    content = Manifest(
        format=1,
        number=1,
        begun="",
        ended="",
        release="0",
        place="",
        channels=(ChannelCopy(name=name if place == "channel" else "c", records=0, root="0" * 64),),
        pieces={
            name if place == "piece" else "files": name if place.startswith("digest") else "0" * 64
        },
    )
    with pytest.raises(BackupInvalid, match=r"it is not a manifest: .* `\$\.(channels|pieces)"):
        manifest.decode(manifest.encode(content))


@pytest.mark.parametrize("key", ["../../ESC", "../x", "a/../../b", "/etc/x", "gateway/../b", "a"])
def test_a_mark_that_would_leave_the_data_directory_is_refused(tmp_path: Path, key: str) -> None:
    made(tmp_path / "b", marks=snapshots.encode({key: b"{}"}))
    with pytest.raises(BackupInvalid, match="is of no process and channel"):
        check(tmp_path / "b")


def test_a_file_without_a_digest_as_its_name_is_refused(tmp_path: Path) -> None:
    entry = {"sha256": "../../../x", "side": "nato", "at": "", "stage": "kept", "bytes": 1}
    made(tmp_path / "b", files=snapshots.encode({"c.nato.x": json.dumps(entry).encode()}))
    with pytest.raises(BackupInvalid, match="an entry of a file cannot be read"):
        check(tmp_path / "b")


def test_a_backup_is_the_one_whose_digest_was_noted(tmp_path: Path) -> None:
    made(tmp_path / "b")
    noted = check(tmp_path / "b").manifest.digest
    check(tmp_path / "b", digest=noted)
    shutil.rmtree(tmp_path / "b")
    made(tmp_path / "b", access=b'{"key":"token.1","value":"{}"}\n')
    check(tmp_path / "b")
    with pytest.raises(BackupInvalid, match="it is another backup than the one whose digest"):
        check(tmp_path / "b", digest=noted)


def test_pruning_removes_what_only_older_backups_have(tmp_path: Path) -> None:
    made(tmp_path / "b", access=b'{"key":"token.1"}\n')
    made(tmp_path / "b")
    with opened(tmp_path / "b") as folder:
        assert retention.prune(folder, 1) == (1, 1, 0)
        assert folder.numbers == [2]
        backup_check.check_backup(folder, 2)


def test_keys_are_sealed_to_recipients_and_opened_by_one_of_them(tmp_path: Path) -> None:
    keys = [pyrage.x25519.Identity.generate() for _ in range(2)]
    bundle = {"keys/log/log/log.seed": b"s" * 32, "operator.token": b"drg_1"}
    sealed = key_bundle.seal(bundle, [str(key.to_public()) for key in keys])
    assert b"drg_1" not in sealed
    for number, key in enumerate(keys):
        (path := tmp_path / f"{number}.key").write_text(f"# a comment\n{key}\n")
        assert key_bundle.unseal(sealed, path) == bundle
    key_bundle.write(tmp_path / "data", bundle)
    written = tmp_path / "data" / "keys" / "log" / "log" / "log.seed"
    assert (written.read_bytes(), written.stat().st_mode & 0o777) == (b"s" * 32, 0o600)
    assert key_bundle.digest_of(bundle) != key_bundle.digest_of({**bundle, "operator.token": b"2"})
    (tmp_path / "wrong").write_text("not a key")
    with pytest.raises(BackupError, match="is not an identity of age"):
        key_bundle.unseal(sealed, tmp_path / "wrong")


@pytest.mark.parametrize("name", ["../stranger", "/x", "keys/../x", "marks/gateway/c", "keys"])
def test_a_bundle_writes_keys_alone(tmp_path: Path, name: str) -> None:
    key = pyrage.x25519.Identity.generate()
    sealed = key_bundle.seal({name: b""}, [str(key.to_public())])
    (tmp_path / "key").write_text(str(key))
    with pytest.raises(BackupError, match="which no host has"):
        key_bundle.unseal(sealed, tmp_path / "key")


def test_what_later_backups_know_to_be_gone_is_gone() -> None:
    person = (
        b'{"id":"p","side":"nato","revision":1,"created":"","updated":"","random":"00","entry":{}}'
    )
    gone = b'{"id":"p","side":"nato","revision":2,"created":"","updated":""}'
    kept, erased = (
        json.dumps({"sha256": "f" * 64, "side": "nato", "at": "", "stage": stage}).encode()
        for stage in ("kept", "erased")
    )
    before: host_restore.Snapshots = {
        "access": {"token.1": b"{}"},
        "people": {"c.p": person},
        "files": {"c.n.f": kept},
    }
    later: host_restore.Snapshots = {
        "access": {"token.1": None},
        "people": {"c.p": gone},
        "files": {"c.n.f": erased},
    }
    merged = host_restore.without_erased(before, [later])
    assert merged == {
        "access": {"token.1": None},
        "people": {"c.p": gone},
        "files": {"c.n.f": erased},
    }
    assert host_restore.without_erased(before, [before]) == before
    two, one = {"c.n.e1.3": b"{}", "c.n.e2.7": b"{}"}, {"c.n.e2.7": b"{}", "c.n.e3.9": b"{}"}
    for newer, left in (
        ({**later, "opened": one}, {"c.n.e2.7": b"{}"}),
        ({**later, "opened": {}}, {}),
        (later, two),
    ):
        merged = host_restore.without_erased({**before, "opened": two}, [newer])
        assert merged["opened"] == left, "an earlier release had no openings"


def test_a_half_restored_directory_is_not_started(tmp_path: Path) -> None:
    assert awaited_records(tmp_path) == {}
    write_restored(tmp_path, RestoredFile(backup=1, at="", awaited={"nato-china": 7}))
    with pytest.raises(DataError, match="is half restored: delete it"):
        awaited_records(tmp_path)
    note = RestoredFile(backup=1, at="", awaited={"nato-china": 7}, finished=True)
    write_restored(tmp_path, note)
    assert awaited_records(tmp_path) == {"nato-china": 7}


def test_a_snapshot_keeps_deleted_keys() -> None:
    values = {"a": b'{"text":"\\n \xe2\x80\xa8 \xc3\xa9"}', "b": None}
    assert snapshots.decode(snapshots.encode(values)) == values
    with pytest.raises(BackupInvalid, match="cannot be read"):
        snapshots.decode(b"{}\n")
