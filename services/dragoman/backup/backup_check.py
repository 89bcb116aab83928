"""The verification of a backup, and of nothing outside its folder.

    manifest   its own digest
    pieces     each has the SHA-256 of its name, and can be read
    files      each uploaded file that is still kept has its SHA-256 and its length
    logs       each archive is what was written (`dragoman.eventlog.self_check`), and
               the root over its first records is that of the manifest
    heads      each head that was read before the log is signed by the log's key, and is
               of these records
    marks      each mark is of a record here
    audit      every record of every log, by all checks of `dragoman audit verify`

A backup's log may have more records than a manifest says: later backups add to it. All
of them are checked, because a restoration takes all of them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.audit.checks import nodes_of
from dragoman.audit.parallel_parse import read_strictly
from dragoman.audit.verification import Verification
from dragoman.backup import snapshots, station_files
from dragoman.backup.folder import BackupFolder
from dragoman.backup.log_copies import size_of
from dragoman.backup.manifest import BackupInvalid, ChannelCopy, Manifest, check_digest
from dragoman.domain.acts.erasure import entry_of, named_in
from dragoman.domain.record import nesting
from dragoman.eventlog.archive import Archive
from dragoman.eventlog.high_water_mark import MarkFile
from dragoman.eventlog.kept_handovers import KeptHandovers
from dragoman.projection import fold_mark
from dragoman.stores.files import File
from dragoman.tlog import checkpoint, dsse, leaf
from dragoman.tlog.note import Verifier, read_verifier

PIECES: Final = ("access", "drafts", "files", "heads", "host", "marks", "notifications", "people")
LATER_PIECES: Final = ("opened", "rosters", "station")
"""Pieces that backups of earlier releases lack, or of a host that is no station."""

_MARK: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[a-z0-9]+(-[a-z0-9]+)*(\.fold)?")
"""The key of a mark: a process and a channel, which become a path."""

Progress = Callable[[str, int, int], None]
"""Receives the part that is checked, how far the check is, and how far it goes."""


class VerifiedLog(Struct, frozen=True, kw_only=True):
    """A log in a backup that was verified.

    `entries` has the entry for each record that was legally erased, by position.
    `newest` is the newest signed head of these records. `longest` is the size of the
    newest head that the folder knows, which may be of more records.
    """

    channel: str
    cid: str
    records: int
    entries: Mapping[int, bytes]
    newest: bytes | None
    longest: int
    newer: str


class VerifiedBackup(Struct, frozen=True, kw_only=True):
    """A backup that was verified: its manifest, its snapshots and its logs."""

    manifest: Manifest
    snapshots: Mapping[str, Mapping[str, bytes | None]]
    logs: tuple[VerifiedLog, ...]
    files: int
    file_bytes: int

    def heads(self, channel: str) -> dict[str, bytes]:
        """Return the heads of a channel, by their names."""
        return {
            key.rpartition("/")[2]: head
            for key, head in self.snapshots["heads"].items()
            if head is not None and key.startswith(f"{channel}/")
        }


def newest_of(folder: BackupFolder) -> int:
    """Return the number of the newest finished backup. Raises `BackupInvalid`."""
    numbers = folder.numbers
    if numbers:
        return numbers[-1]
    begun = folder.unfinished
    raise BackupInvalid(
        f"{folder.path} has no finished backup"
        + (f": the one that began at {begun.begun} was not finished" if begun else "")
    )


def check_backup(
    folder: BackupFolder,
    number: int,
    progress: Progress = lambda part, done, total: None,
    digest: str | None = None,
) -> VerifiedBackup:
    """Verify a backup, which has the digest if one is given.

    Raises `BackupInvalid`, `ArchiveDamaged`.
    """
    manifest = folder.read(number)
    if digest is not None:
        check_digest(manifest, digest)
    missing = [name for name in PIECES if name not in manifest.pieces]
    if missing or (manifest.keys is not None) != ("keys" in manifest.pieces):
        raise BackupInvalid(f"{folder.manifest_path(number)}: it lacks {missing or 'the keys'}")
    values = {
        name: snapshots.decode(folder.piece(digest))
        for name, digest in manifest.pieces.items()
        if name != "keys"
    }
    if "keys" in manifest.pieces:
        folder.piece(manifest.pieces["keys"])
    file_sizes = kept_files(values["files"])
    for done, (sha256, size) in enumerate(file_sizes.items(), 1):
        progress("files", done, len(file_sizes))
        folder.check_file(sha256, size)
    for key in values["marks"]:
        if not _MARK.fullmatch(key):
            raise BackupInvalid(f"the high-water mark {key} is of no process and channel")
    for key in values.get("station", ()):
        if not station_files.is_key(key):
            raise BackupInvalid(f"{key} is not a file of a station")
    later, _ = later_snapshots(folder, number)
    logs = tuple(
        _check_log(folder, copy, values, _later_heads(later, copy.name), progress)
        for copy in manifest.channels
    )
    return VerifiedBackup(
        manifest=manifest,
        snapshots=values,
        logs=logs,
        files=len(file_sizes),
        file_bytes=sum(file_sizes.values()),
    )


def kept_files(entries: Mapping[str, bytes | None]) -> dict[str, int]:
    """Return the files that entries keep, with their lengths, by SHA-256.

    Raises `BackupInvalid`.
    """
    try:
        decoded = [nesting.decode(value, File) for value in entries.values() if value]
    except msgspec.MsgspecError as error:
        raise BackupInvalid(f"an entry of a file cannot be read: {error}") from None
    return {file.sha256: file.bytes for file in decoded if file.kept}


def later_snapshots(
    folder: BackupFolder, number: int
) -> tuple[list[Mapping[str, Mapping[str, bytes | None]]], int]:
    """Return the snapshots of later backups, and how many of these cannot be read."""
    later: list[Mapping[str, Mapping[str, bytes | None]]] = []
    unread = 0
    for other in folder.numbers:
        if other > number:
            try:
                manifest = folder.read(other)
                present = (name for name in LATER_PIECES if name in manifest.pieces)
                later.append(
                    {
                        name: snapshots.decode(folder.piece(manifest.pieces[name]))
                        for name in (*PIECES, *present)
                    }
                )
            except (BackupInvalid, KeyError):
                unread += 1
    return later, unread


def _later_heads(
    later: Sequence[Mapping[str, Mapping[str, bytes | None]]], channel: str
) -> list[bytes]:
    return [
        head
        for values in later
        for key, head in values["heads"].items()
        if head is not None and key.startswith(f"{channel}/")
    ]


def _check_log(
    folder: BackupFolder,
    copy: ChannelCopy,
    values: Mapping[str, Mapping[str, bytes | None]],
    later: list[bytes],
    progress: Progress,
) -> VerifiedLog:
    path = folder.logs(copy.name)
    if copy.records and not (path / "records").exists():
        raise BackupInvalid(f"{path}: the log of {copy.name} is missing")
    archive = Archive(path)
    try:
        if archive.size < copy.records:
            raise BackupInvalid(
                f"{path} has {archive.size} records, and the manifest says {copy.records}"
            )
        if archive.root(copy.records).hex() != copy.root:
            raise BackupInvalid(
                f"{path}: its first {copy.records} records are not those of the manifest"
            )
        heads = [
            head
            for key, head in values["heads"].items()
            if head is not None and key.startswith(f"{copy.name}/")
        ]
        log = KeptHandovers(archive.folder).of(read_verifier(copy.log)) if copy.log else None
        _check_marks(copy, archive, values["marks"])
        if log is None:
            return VerifiedLog(
                channel=copy.name,
                cid="",
                records=archive.size,
                entries={},
                newest=None,
                longest=0,
                newer="",
            )
        for head in heads:
            _check_head(copy.name, archive, log, head)
        sizes = {head: size_of(head, log) or 0 for head in (*heads, *later)}
        fitting = [head for head, size in sizes.items() if size <= archive.size]
        newest = max(fitting, key=lambda head: sizes[head], default=None)
        verification = audit(
            archive, copy.cid, log, newest, lambda done: progress(copy.name, done, archive.size)
        )
        erased = verification.replay.erased.values()
        return VerifiedLog(
            channel=copy.name,
            cid=copy.cid,
            records=archive.size,
            entries={record.position: entry_of(record) for record in erased},
            newest=newest,
            longest=max(sizes.values(), default=0),
            newer=verification.result().newer,
        )
    finally:
        archive.close()


def audit(
    archive: Archive,
    cid: str,
    log: Verifier,
    newest: bytes | None,
    progress: Callable[[int], None] = lambda done: None,
) -> Verification:
    """Run the checks of `dragoman audit verify` on a copy of a log.

    `newest` is the newest head of these records. Raises `BackupInvalid` for the first
    inconsistency.
    """
    verification = Verification(cid=cid, log=log)
    verification.erasures = lambda: named_in(enumerate(archive.messages(), 1))
    verification.take(read_strictly(archive.messages(), verification.keys), progress)
    if newest is not None:
        verification.head(newest, whole=False, sources=lambda size: [nodes_of(archive)])
    lie = verification.lie
    if lie is not None:
        at = f" at position {lie.position}" if lie.position else ""
        raise BackupInvalid(f"{lie.check}{at}: {lie.what}")
    return verification


def _check_head(channel: str, archive: Archive, log: Verifier, signed: bytes) -> None:
    """Check a head that was read before the log. Raises `BackupInvalid`.

    A head of more records than are here is no fault of the backup, and is not checked
    further: the restoration lets the log wait for them.
    """
    size = size_of(signed, log)
    if size is None:
        raise BackupInvalid(f"a head of {channel} is not signed by the key of its genesis")
    if size <= archive.size and archive.root(size) != _root_of(signed, log):
        raise BackupInvalid(f"a signed head of {size} records of {channel} is of other records")


def _root_of(signed: bytes, log: Verifier) -> bytes:
    return checkpoint.read_signed(signed, log)[0].root


def _check_marks(copy: ChannelCopy, archive: Archive, marks: Mapping[str, bytes | None]) -> None:
    for key, raw in marks.items():
        name = key.rpartition("/")[2]
        if raw is not None and name == f"{copy.name}{fold_mark.SUFFIX}":
            _check_fold_mark(key, archive, raw)
        if raw is None or name != copy.name:
            continue
        try:
            mark = nesting.decode(raw, MarkFile)
        except msgspec.MsgspecError as error:
            raise BackupInvalid(f"the high-water mark {key} cannot be read: {error}") from None
        if mark.position > archive.size:
            raise BackupInvalid(
                f"the high-water mark {key} is of position {mark.position}, and the log here has "
                f"{archive.size} records"
            )
        if mark.position and not _is_of(archive, mark):
            raise BackupInvalid(f"the high-water mark {key} is of another record than is here")


def _check_fold_mark(key: str, archive: Archive, raw: bytes) -> None:
    try:
        mark = fold_mark.read(raw)
    except msgspec.MsgspecError as error:
        raise BackupInvalid(f"the fold mark {key} cannot be read: {error}") from None
    if mark.position > archive.size:
        raise BackupInvalid(
            f"the fold mark {key} is of position {mark.position}, and the log here has "
            f"{archive.size} records"
        )
    if mark.root != dsse.encode_base64(archive.root(mark.position)):
        raise BackupInvalid(f"the fold mark {key} is of other records than are here")


def _is_of(archive: Archive, mark: MarkFile) -> bool:
    raw = archive.raw(mark.position)
    return mark.commit == leaf.commit(raw) or leaf.read_entry(raw) == (
        mark.position - 1,
        mark.commit,
    )
