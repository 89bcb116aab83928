"""The logs that a restoration writes, chosen before anything is written.

A log is taken from the backup, or from a side's mirror if that has more records.
Both are verified, and the longer one must go on from the other. The witnesses of the
settings are asked for the size that they have cosigned. A log with fewer records than
that waits for them.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from msgspec import Struct

from dragoman.backup.backup_check import VerifiedBackup, audit
from dragoman.backup.backup_run import ARCHIVE_HEADS
from dragoman.backup.folder import BackupFolder
from dragoman.backup.host_restore import LogToRestore
from dragoman.backup.log_copies import opening_of, size_of
from dragoman.backup.manifest import BackupError, BackupInvalid
from dragoman.domain.acts.erasure import entry_of
from dragoman.eventlog.archive import Archive
from dragoman.eventlog.archive_format import COSIGNED
from dragoman.tlog import note
from dragoman.tlog.note import Verifier
from dragoman.witness_client import WitnessConflict, Witnesses

_HEADS: Final = ("sealed", "covering", COSIGNED)


class WitnessAnswer(Struct, frozen=True, kw_only=True):
    """The answer of the witnesses for one log.

    `agreed` is False if none of them answers. `beyond` is the size of a cosigned head
    that has more records than are here, else 0.
    """

    channel: str
    agreed: bool
    beyond: int = 0


def of_backup(folder: BackupFolder, backup: VerifiedBackup) -> list[LogToRestore]:
    """Return the logs of a backup."""
    keys = {copy.name: copy.log for copy in backup.manifest.channels}
    return [
        LogToRestore(
            channel=log.channel,
            log=keys[log.channel],
            path=folder.logs(log.channel),
            records=log.records,
            entries=log.entries,
            head=log.newest,
            awaited=log.longest,
            kept={
                name: head
                for name, head in backup.heads(log.channel).items()
                if name in ARCHIVE_HEADS
            },
        )
        for log in backup.logs
    ]


def with_mirror(logs: Sequence[LogToRestore], path: Path) -> list[LogToRestore]:
    """Return logs of which one is taken from a mirror, if the mirror is longer.

    Raises `BackupError` if none of them is the mirror's. Raises `BackupInvalid` if the
    mirror does not verify, or has other records than the log.
    """
    if not (path / "records").exists():
        raise BackupError(f"{path} is not a mirror: name the folder of `dragoman audit mirror`")
    with ExitStack() as stack:
        mirror = Archive(path)
        stack.callback(mirror.close)
        opening = opening_of(mirror.raw(1)) if mirror.size else None
        if opening is None:
            raise BackupInvalid(f"{path}: its first record opens no channel")
        cid, key = opening
        index = next(
            (at for at, log in enumerate(logs) if log.log == str(key) and _cid_of(log) == cid),
            None,
        )
        if index is None:
            raise BackupError(
                f"{path} is of a channel with the cid {cid}, which is not restored here: put that "
                "log back with `dragoman log rebuild` afterwards"
            )
        log = logs[index]
        _compare(log, mirror, path)
        heads = [
            head
            for name in _HEADS
            if (path / name).exists()
            and size_of(head := (path / name).read_bytes(), key) is not None
        ]
        sizes = {head: size_of(head, key) or 0 for head in heads}
        newest = max(
            (head for head in heads if sizes[head] <= mirror.size),
            key=lambda head: sizes[head],
            default=None,
        )
        try:
            verification = audit(mirror, cid, key, newest)
        except BackupInvalid as error:
            raise BackupInvalid(f"{path}: {error}") from None
        erased = verification.replay.erased.values()
        awaited = max((log.awaited, *sizes.values()))
        longer = LogToRestore(
            channel=log.channel,
            log=log.log,
            path=path if mirror.size > log.records else log.path,
            records=max(mirror.size, log.records),
            entries={**log.entries, **{record.position: entry_of(record) for record in erased}},
            head=_newer(key, log.head, newest),
            awaited=awaited,
            kept=log.kept,
        )
    return [longer if at == index else other for at, other in enumerate(logs)]


def _newer(key: Verifier, *heads: bytes | None) -> bytes | None:
    there = [head for head in heads if head is not None]
    return max(there, key=lambda head: size_of(head, key) or 0, default=None)


def _cid_of(log: LogToRestore) -> str:
    archive = Archive(log.path, checked=False)
    try:
        opening = opening_of(archive.raw(1)) if archive.size else None
        return "" if opening is None else opening[0]
    finally:
        archive.close()


def _compare(log: LogToRestore, mirror: Archive, path: Path) -> None:
    """Check that the longer of two copies goes on from the other one."""
    archive = Archive(log.path, checked=False)
    try:
        size = min(archive.size, mirror.size)
        if archive.root(size) != mirror.root(size):
            raise BackupInvalid(
                f"{path} and the backup have other records of {log.channel} among the first "
                f"{size}: keep both, and compare them with `dragoman audit compare`"
            )
    finally:
        archive.close()


async def ask_witnesses(log: LogToRestore, witnesses: Witnesses) -> WitnessAnswer:
    """Ask the witnesses whether they have cosigned more of a log than is here.

    Raises `BackupInvalid` if one has cosigned other records.
    """
    key = log.verifier
    if key is None:
        return WitnessAnswer(channel=log.channel, agreed=True)
    archive = Archive(log.path, checked=False)
    try:
        witnessed = log.kept.get("witnessed")
        agreed = await witnesses.agree(
            key,
            lambda size: archive.root(size) if size <= archive.size else None,
            None if witnessed is None else note.read(witnessed),
            log.head,
        )
    except WitnessConflict as error:
        if not error.beyond:
            raise BackupInvalid(
                f"{log.channel}: {error}: the backup is of another branch of this log. Keep "
                "everything, and compare the sides' mirrors with `dragoman audit compare`"
            ) from None
        return WitnessAnswer(channel=log.channel, agreed=False, beyond=error.size)
    finally:
        archive.close()
    return WitnessAnswer(channel=log.channel, agreed=agreed)


def of_restored(data: Path, names: Sequence[str]) -> list[LogToRestore]:
    """Return the logs of a restored data directory, by the signer's archives in it."""
    logs = []
    for name in names:
        folder = data / "archive" / name
        archive = Archive(folder)
        try:
            opening = opening_of(archive.raw(1)) if archive.size else None
            logs.append(
                LogToRestore(
                    channel=name,
                    log="" if opening is None else str(opening[1]),
                    path=folder,
                    records=archive.size,
                    entries={},
                    head=archive.sealed,
                    awaited=0,
                    kept={},
                )
            )
        finally:
            archive.close()
    return logs
