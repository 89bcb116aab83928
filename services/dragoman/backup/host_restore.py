"""The restoration of a host from a backup, into a new data directory.

    keys      opened with an identity of `age`, and written first
    place     the place of the lost data: the new ones count as a copy, and are
              read-only until they are taken over (`dragoman.data_directory`). Then
              witnesses are asked whether these data are the newest
    logs      the same messages at the same positions, without the bytes of what was
              erased; the store of signed heads is made before them
    stores    people, files, drafts, endpoints and tokens, without sessions and
              positions of streams
    heads     the newest signed head of each log, unless the log waits for records
    archive   the signer's archive, with the heads that it had signed
    marks     the high-water marks, which accept the new streams, and the fold marks,
              with which the first fold is compared
    station   the channels that a station has joined, and the newest heads of its copies

`restored.json` is written at the beginning and at the end, so that a restoration that
was interrupted is noticed. A log that is shorter than a signed head waits there for its
records: it is read-only, and no head of it is signed, until `complete` has fetched them
from a mirror.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman import data_directory
from dragoman.backup import station_files
from dragoman.backup.backup_run import ARCHIVE_HEADS
from dragoman.backup.folder import BackupFolder
from dragoman.backup.manifest import BackupError
from dragoman.data_directory import RestoredFile
from dragoman.domain.record import nesting
from dragoman.eventlog import durable, stream_config
from dragoman.eventlog.archive import Archive
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.high_water_mark import accept_stream
from dragoman.eventlog.kept_handovers import KeptHandovers
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.eventlog.restore import WithoutErased, restore_log
from dragoman.projection import fold_mark
from dragoman.stores import (
    drafts,
    endpoints,
    files,
    opened_exchanges,
    people,
    rosters,
    streams,
    tokens_and_sessions,
)
from dragoman.stores.erasable import Erasable
from dragoman.stores.files import File, FileStore
from dragoman.stores.host_key import HostKeyStore
from dragoman.stores.key_value import Bucket
from dragoman.stores.signed_heads import SignedHeadStore
from dragoman.tlog.note import Verifier, read_verifier

_PASSING: Final = ("session.", "console.", "cursor.")
"""The values that end with a restoration.

They are sessions, browsers and positions of streams.
"""
_PAGE: Final = 2_000

Progress = Callable[[str, int, int], None]
Snapshots = Mapping[str, Mapping[str, bytes | None]]


class LogToRestore(Struct, frozen=True, kw_only=True):
    """The longest verified copy of a log, and the heads that belong to it.

    `entries` replace the erased records. `head` is the newest signed head of these
    records. `awaited` is the size of the newest head that anybody has shown, if it is
    of more records. `kept` are the heads of the signer's archive by file.
    """

    channel: str
    log: str
    path: Path
    records: int
    entries: Mapping[int, bytes]
    head: bytes | None
    awaited: int
    kept: Mapping[str, bytes]

    @property
    def waits(self) -> bool:
        """Return whether a signed head is of more records."""
        return self.awaited > self.records

    @property
    def verifier(self) -> Verifier | None:
        """The log's key, with its handovers; None for a log without a genesis."""
        return KeptHandovers(self.path).of(read_verifier(self.log)) if self.log else None


class RestoreTarget(Struct, frozen=True, kw_only=True):
    """The place of a restoration: a data directory, and the broker for it."""

    data: Path
    endpoint: BrokerEndpoint
    replicas: int


def check_new(data: Path) -> None:
    """Raise `BackupError` unless a data directory is new or empty."""
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        note = data_directory.restored(data) if data.is_dir() else None
        raise BackupError(
            f"{data} is half restored: delete it, and call this again"
            if note is not None and not note.finished
            else f"{data} is not empty: name a new directory with --data"
        )


def begin(data: Path, backup: int, place: str) -> None:
    """Make the data directory, which says that it is not restored yet."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    data_directory.write_restored(data, RestoredFile(backup=backup, at=_now()))
    data_directory.copy_place(data, place)


async def restore(
    target: RestoreTarget,
    folder: BackupFolder,
    backup: int,
    logs: Sequence[LogToRestore],
    snapshots: Snapshots,
    progress: Progress = lambda part, done, total: None,
) -> None:
    """Write everything to the broker and into the data directory, after `begin`.

    Raises `BackupError` if the broker is not empty, `LogUnreachable`, `LogBroken`.
    """
    endpoint = target.endpoint
    async with (
        endpoint.connected("steward") as steward,
        endpoint.connected("gateway") as bus,
    ):
        names = (await steward.api("STREAM.NAMES")).get("streams") or []
        if names:
            raise BackupError(
                f"the broker at {endpoint.url} is not empty ({names[0]}): restore into a broker "
                "that has no stream, or leave --nats-url out to use one of the new directory"
            )
        await SignedHeadStore.create(steward, target.replicas)
        for source in logs:
            await _write_log(target, steward, bus, source, progress)
        for create in streams.creations(steward, target.replicas):
            await create()
        key = snapshots["host"].get("log_key")
        if key is not None:
            await HostKeyStore(bus, steward).enter(bytes.fromhex(key.decode()))
        for part, store in (
            ("people", people),
            ("rosters", rosters),
            ("opened", opened_exchanges),
        ):
            entries = Erasable(bus, store.STREAM, store.PREFIX)
            await _write_values(entries, part, snapshots.get(part, {}), progress)
        await _write_files(bus, folder, snapshots["files"], progress)
        for name, part in (
            (drafts.BUCKET, "drafts"),
            (endpoints.BUCKET, "notifications"),
            (tokens_and_sessions.BUCKET, "access"),
        ):
            await _write_bucket(bus, name, part, snapshots[part], progress)
    await _write_heads(target, logs)
    for source in logs:
        _write_archive(target.data, source)
    _write_marks(target.data, snapshots["marks"])
    station_files.write(target.data, snapshots.get("station", {}))
    data_directory.write_restored(
        target.data,
        RestoredFile(
            backup=backup,
            at=_now(),
            awaited={source.channel: source.awaited for source in logs if source.waits},
            finished=True,
        ),
    )


async def complete(
    target: RestoreTarget,
    logs: Sequence[LogToRestore],
    progress: Progress = lambda part, done, total: None,
) -> int:
    """Fetch the missing records of restored logs; return the number of new records.

    The records that are there must be those of the copies. Raises `CopyMismatch`,
    `LogUnreachable`, `LogBroken`.
    """
    endpoint, added = target.endpoint, 0
    async with (
        endpoint.connected("steward") as steward,
        endpoint.connected("gateway") as bus,
    ):
        for source in logs:
            added += await _write_log(target, steward, bus, source, progress)
    await _write_heads(target, logs)
    for source in logs:
        _write_archive(target.data, source)
    note = data_directory.restored(target.data)
    assert note is not None
    waiting = {source.channel: source.awaited for source in logs}
    awaited = {
        channel: max(size, waiting.get(channel, 0)) for channel, size in note.awaited.items()
    }
    data_directory.write_restored(target.data, replace(note, awaited=awaited))
    return added


def without_erased(snapshots: Snapshots, later: Sequence[Snapshots]) -> Snapshots:
    """Return snapshots in which everything is gone that later backups know to be gone.

    These are people and files that were erased, rosters that were removed, tokens that
    were revoked, and the openings of exchanges that were erased.
    """
    access, register, entries = (
        dict(snapshots["access"]),
        dict(snapshots["people"]),
        dict(snapshots["files"]),
    )
    roster_values = dict(snapshots.get("rosters", {}))
    opened = dict(snapshots.get("opened", {}))
    for newer in later:
        for key, value in newer["access"].items():
            if value is None and key in access:
                access[key] = None
        for key, value in newer["people"].items():
            if value is not None and nesting.decode(value, people.StoredPerson).erased:
                register[key] = value
        for key, value in newer.get("rosters", {}).items():
            if value is not None and rosters.is_removed(value):
                roster_values[key] = value
        if "opened" in newer:  # An opening is deleted only with its exchange.
            opened = {key: value for key, value in opened.items() if key in newer["opened"]}
        for key, value in newer["files"].items():
            if value is not None and nesting.decode(value, File).erased:
                entries[key] = value
    merged = {**snapshots, "access": access, "people": register, "files": entries}
    if roster_values:
        merged["rosters"] = roster_values
    if "opened" in snapshots:
        merged["opened"] = opened
    return merged


async def _write_log(
    target: RestoreTarget,
    steward: NatsConnection,
    bus: NatsConnection,
    source: LogToRestore,
    progress: Progress,
) -> int:
    await stream_config.create(steward, source.channel, target.replicas)
    archive = Archive(source.path, checked=False)  # It was verified a moment ago.
    try:
        return await restore_log(
            bus,
            source.channel,
            WithoutErased(archive, source.entries),
            lambda done: progress(source.channel, done, source.records),
        )
    finally:
        archive.close()


async def _write_values(
    entries: Erasable, part: str, values: Mapping[str, bytes | None], progress: Progress
) -> None:
    for done, (key, value) in enumerate(values.items(), 1):
        if value is not None:
            await entries.put(key, value, 0)
        progress(part, done, len(values))


async def _write_files(
    bus: NatsConnection,
    folder: BackupFolder,
    values: Mapping[str, bytes | None],
    progress: Progress,
) -> None:
    """Write the files that are kept, and the marks of the erased ones.

    An upload that had not ended is left out: its caller had no answer.
    """
    entries = Erasable(bus, files.STREAM, files.PREFIX)
    store = FileStore(entries)
    for done, (key, value) in enumerate(values.items(), 1):
        file = None if value is None else nesting.decode(value, File)
        if file is not None and file.kept:
            content = folder.file_path(file.sha256).read_bytes()
            await store.keep(key.partition(".")[0], replace(file, upload=""), content, None)
        elif file is not None and file.erased:
            erased = replace(file, stage="erased", upload="")
            await entries.put(key, msgspec.json.encode(erased), 0)
        progress("files", done, len(values))


async def _write_bucket(
    bus: NatsConnection,
    name: str,
    part: str,
    values: Mapping[str, bytes | None],
    progress: Progress,
) -> None:
    bucket = Bucket(bus, name)
    for done, (key, value) in enumerate(values.items(), 1):
        if not key.startswith(_PASSING):
            await bucket.put(key, None if value is None else Raw(value), 0)
        progress(part, done, len(values))


async def _write_heads(target: RestoreTarget, logs: Sequence[LogToRestore]) -> None:
    """Write the newest head of each log that is complete.

    A head of fewer records than one that somebody has seen would show that the log went
    back.
    """
    endpoint = target.endpoint
    async with endpoint.connected("registrar") as registrar:
        store = SignedHeadStore(registrar)
        for source in logs:
            if source.head is not None and not source.waits:
                newest = await store.newest(source.channel)
                if newest is None or newest.note != source.head:
                    await store.put(source.channel, source.head, newest)


def _write_archive(data: Path, source: LogToRestore) -> None:
    """Write the signer's archive, or what it lacks, with the heads that it had."""
    copy = Archive(source.path, checked=False)
    try:
        archive = Archive(data / "archive" / source.channel)
        try:
            while archive.size < copy.size:
                positions = range(archive.size + 1, min(archive.size + _PAGE, copy.size) + 1)
                archive.add(
                    [source.entries.get(at) or copy.raw(at) for at in positions],
                    {at for at in positions if at in source.entries or copy.is_erased(at)},
                )
            KeptHandovers(archive.folder).keep(KeptHandovers(source.path).every)
            for name in ARCHIVE_HEADS:
                if name in source.kept:
                    durable.write(data / "archive" / source.channel / name, source.kept[name])
            if source.head is not None and not source.waits:
                if archive.staged is None:  # The signer's archive was on another machine.
                    archive.keep_staged(source.head)
                archive.keep_sealed(source.head)
        finally:
            archive.close()
    finally:
        copy.close()


def _write_marks(data: Path, marks: Mapping[str, bytes | None]) -> None:
    for key, raw in marks.items():
        if raw is None:
            continue
        of_fold = key.endswith(fold_mark.SUFFIX)
        path = data / "marks" / (key if of_fold else f"{key}.json")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(raw)
        if not of_fold:
            accept_stream(path)


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
