"""One run of an online backup: it reads a running host in a fixed order.

Posts go on meanwhile, so the parts of a backup are of different times. The order makes
them fit together: a log must never be behind whatever refers to it.

    before the logs   marks, the signer's heads, sealed heads, the notifier's progress.
                      Each names a position. If it were read after its log, it could
                      name a record that the backup lacks. A restored gateway would
                      then call the log shortened, a signer would refuse to sign, and a
                      notifier would skip the records that take those positions later.
    the logs          every record up to the end that the log had when it was read.
    after the logs    files, people, drafts, endpoints, tokens, keys. Records refer to
                      them. If people were read before the log, a record could name a
                      person whom the backup lacks. Each erasure and each revocation
                      that happens during the run is in the backup as well.

Positions of streams (`cursor.…`) are read with the tokens and may be ahead of the log.
So a restoration leaves them out, as it does sessions.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from dragoman import __version__, data_directory
from dragoman.backup import key_bundle, snapshots, station_files
from dragoman.backup.folder import BackupFolder
from dragoman.backup.log_copies import LogCopier
from dragoman.backup.manifest import (
    FORMAT,
    BackupError,
    BackupInvalid,
    ChannelCopy,
    Manifest,
    SealedKeys,
)
from dragoman.backup.pacing import BackupPace
from dragoman.data_directory import FILE as PLACE
from dragoman.domain.record import nesting
from dragoman.eventlog import stream_config
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.projection import fold_mark
from dragoman.station import joined_channels
from dragoman.stores import (
    drafts,
    endpoints,
    files,
    opened_exchanges,
    people,
    rosters,
    tokens_and_sessions,
)
from dragoman.stores.endpoints import NotificationEndpoints, Progress
from dragoman.stores.erasable import Erasable
from dragoman.stores.files import File, FileStore
from dragoman.stores.host_key import HostKeyStore
from dragoman.stores.key_value import Bucket
from dragoman.stores.signed_heads import SignedHeadStore

log = structlog.get_logger()

ARCHIVE_HEADS: Final = ("staged", "sealed", "witnessed")
NEWEST_HEAD: Final = "newest"
"""The name of the head from the broker, beside those of the signer's archive."""
_PROGRESS: Final = "progress."
_ROUNDS: Final = 5


class RunReport(Struct, frozen=True, kw_only=True):
    """The result of a run: the manifest, and how much of it was new."""

    manifest: Manifest
    records: int
    files: int
    file_bytes: int
    seconds: float


class RunningHost(Struct, frozen=True, kw_only=True):
    """A running host: its data directory, and connections to its broker.

    `keys` is the folder with the keys of the broker's users.
    """

    data: Path
    keys: Path
    bus: NatsConnection
    auditor: NatsConnection
    replicas: int


class BackupRun:
    """One run into a folder of backups."""

    def __init__(
        self, folder: BackupFolder, source: RunningHost, recipients: Sequence[str]
    ) -> None:
        """Back up a host; without recipients its keys are left out."""
        key_bundle.check_recipients(recipients)
        self._folder = folder
        self._source = source
        self._recipients = tuple(recipients)
        self._progress_before: dict[str, bytes | None] = {}
        self._last: Manifest | None = None

    async def run(self, progress: Callable[[str], None] = lambda what: None) -> RunReport:
        """Make a backup, and return a report on it.

        `progress` receives the part that begins. Raises `BackupError`,
        `ArchiveDamaged`, `LogBroken`, `LogUnreachable`.
        """
        begun, started = _now(), time.monotonic()
        folder, source = self._folder, self._source
        interrupted = folder.unfinished is not None
        before = self._before()
        number = folder.begin(begun)
        progress("marks and heads")
        pieces = {"marks": folder.keep(snapshots.encode(_marks(source.data)))}
        heads = _archive_heads(source.data)
        await self._read_sealed_heads(heads)
        pieces["heads"] = folder.keep(snapshots.encode(heads))
        pieces |= self._station()
        self._progress_before = await self._progress()
        opened = Erasable(source.bus, opened_exchanges.STREAM, opened_exchanges.PREFIX)
        await opened.refresh()
        pieces["opened"] = folder.keep(snapshots.encode(opened.values))
        copier = LogCopier(folder, source.bus, source.auditor, source.replicas)
        copies: list[ChannelCopy] = []
        records = 0
        channels = await stream_config.channels(source.bus)
        gone = sorted(before.keys() - set(channels))
        if gone:
            raise BackupError(
                f"the broker has no log of {', '.join(gone)}, and an earlier backup has it: put it "
                "back as docs/operating-faults.md says, when a log is read-only, then back up again"
            )
        for channel in channels:
            progress(f"the log of {channel}")
            copy = before.get(channel)
            copies.append(
                await copier.copy(
                    channel,
                    copy,
                    [head for key, head in heads.items() if head and key.startswith(f"{channel}/")],
                    checked=interrupted or copy is None,
                )
            )
            records += copies[-1].records - (0 if copy is None else copy.records)
        progress("files")
        entries, count, size = await self._files()
        pieces["files"] = folder.keep(snapshots.encode(entries))
        progress("people, rosters, drafts, endpoints and tokens")
        register = Erasable(source.bus, people.STREAM, people.PREFIX)
        await register.refresh()
        pieces["people"] = folder.keep(snapshots.encode(register.values))
        roster_entries = Erasable(source.bus, rosters.STREAM, rosters.PREFIX)
        await roster_entries.refresh()
        pieces["rosters"] = folder.keep(snapshots.encode(roster_entries.values))
        pieces["drafts"] = folder.keep(snapshots.encode(await self._bucket(drafts.BUCKET)))
        notifications = await self._notifications({copy.cid: copy.records for copy in copies})
        pieces["notifications"] = folder.keep(snapshots.encode(notifications))
        access = await self._bucket(tokens_and_sessions.BUCKET)
        pieces["access"] = folder.keep(snapshots.encode(access))
        host_key = await HostKeyStore(source.bus, source.bus).read()
        pieces["host"] = folder.keep(
            snapshots.encode({} if host_key is None else {"log_key": host_key.hex().encode()})
        )
        keys = self._keys(pieces)
        manifest = Manifest(
            format=FORMAT,
            number=number,
            begun=begun,
            ended=_now(),
            release=__version__,
            place=_text(source.data / PLACE),
            channels=tuple(copies),
            pieces=pieces,
            keys=keys,
        )
        await asyncio.to_thread(folder.finish, manifest)
        data_directory.note_backup(source.data, manifest.ended, str(folder.path.resolve()))
        return RunReport(
            manifest=folder.read(number),
            records=records,
            files=count,
            file_bytes=size,
            seconds=time.monotonic() - started,
        )

    def _station(self) -> dict[str, str]:
        """Copy the files of a station, and return their piece, if this is one."""
        data = self._source.data
        joined = joined_channels.read(data).channels()
        if not joined:
            return {}
        files = station_files.read(data, {name: channel.log for name, channel in joined.items()})
        return {"station": self._folder.keep(snapshots.encode(files))}

    def _before(self) -> dict[str, ChannelCopy]:
        """Return the copies of logs in the newest finished backup, by channel.

        Raises `BackupError` if its manifest is damaged: records could be missing.
        """
        numbers = self._folder.numbers
        try:
            manifest = self._folder.read(numbers[-1]) if numbers else None
        except BackupInvalid as error:
            raise BackupError(f"{error}; back up into another folder") from None
        self._last = manifest
        return {} if manifest is None else {copy.name: copy for copy in manifest.channels}

    async def _bucket(self, name: str, prefix: str = "") -> dict[str, bytes | None]:
        """Return the values of a bucket, and None for each key that was deleted."""
        bucket = Bucket(self._source.bus, name)
        await bucket.refresh()
        return {key: bucket.values.get(key) for key in bucket.revisions if key.startswith(prefix)}

    async def _read_sealed_heads(self, heads: dict[str, bytes]) -> None:
        """Add the newest sealed head of each channel, by the leader of its stream."""
        store = SignedHeadStore(self._source.bus)
        for channel in await stream_config.channels(self._source.bus):
            head = await store.newest(channel)
            if head is not None:
                heads[f"{channel}/{NEWEST_HEAD}"] = head.note

    async def _progress(self) -> dict[str, bytes | None]:
        """Return the progress of each endpoint, as far as its channel's mark has it."""
        store = NotificationEndpoints(Bucket(self._source.bus, endpoints.BUCKET))
        await store.refresh()
        return {
            f"{_PROGRESS}{endpoint.id}": msgspec.json.encode(store.progress(endpoint.id)[0])
            for endpoint in store.endpoints()
        }

    async def _notifications(self, records: Mapping[str, int]) -> dict[str, bytes | None]:
        """Return the endpoints, with the progress that was read before the logs.

        An endpoint that was added since has no such progress. Its progress ends with
        the copy of its log.
        """
        values = await self._bucket(endpoints.BUCKET)
        for key in [key for key in values if key.startswith(endpoints.MARK)]:
            del values[key]  # Another bucket has other revisions.
        for key in [key for key in values if key.startswith(_PROGRESS)]:
            if key in self._progress_before and values[key] is not None:
                values[key] = self._progress_before[key] or values[key]
        for key, value in list(values.items()):
            if not key.startswith("endpoint.") or value is None:
                continue
            endpoint = nesting.decode(value, endpoints.NotificationEndpoint)
            progress_key, end = f"{_PROGRESS}{endpoint.id}", records.get(endpoint.cid, 0)
            raw = values.get(progress_key)
            if raw is None or nesting.decode(raw, Progress).upto > end:
                values[progress_key] = msgspec.json.encode(Progress(upto=end))
        return values

    def _keys(self, pieces: dict[str, str]) -> SealedKeys | None:
        """Seal the keys.

        The bundle of the last backup stays if its keys and recipients are the same.
        """
        if not self._recipients:
            return None
        bundle = key_bundle.read(self._source.data, self._source.keys)
        keys = SealedKeys(content=key_bundle.digest_of(bundle), recipients=self._recipients)
        last = self._last
        if (
            last is not None
            and last.keys == keys
            and self._folder.piece_path(last.pieces["keys"]).exists()
        ):
            pieces["keys"] = last.pieces["keys"]
        else:
            pieces["keys"] = self._folder.keep(key_bundle.seal(bundle, self._recipients))
        return keys

    # Files

    async def _files(self) -> tuple[dict[str, bytes], int, int]:
        """Copy the files that are not in the folder, and return all entries of files.

        A file may be erased or replaced while it is read. So the entries are read again
        until each file that they name is in the folder. Raises `BackupError`.
        """
        entries = Erasable(self._source.bus, files.STREAM, files.PREFIX)
        store = FileStore(entries)
        count = size = 0
        for attempt in range(_ROUNDS):
            await entries.refresh()
            missing = {
                file.sha256: (key.partition(".")[0], file)
                for key, value in entries.values.items()
                if (file := nesting.decode(value, File)).kept
                and not self._folder.file_path(file.sha256).exists()
            }
            if not missing:
                return dict(entries.values), count, size
            for cid, file in missing.values():
                # A replica may be behind, so a second attempt asks the leader.
                pieces = store.read(cid, file) if attempt else store.read_from_replica(cid, file)
                if await self._copy_file(file, pieces):
                    count += 1
                    size += file.bytes
        raise BackupError(
            f"{len(missing)} files cannot be read, the first of them {min(missing)}: the service "
            "calls such a file `file.not_whole`; erase it or put it again, then back up again"
        )

    async def _copy_file(self, file: File, pieces: AsyncGenerator[bytes, None]) -> bool:
        """Copy a file, and return whether it was there and whole."""
        writer = await asyncio.to_thread(self._folder.file_writer, file.sha256)
        try:
            pace = BackupPace()
            async for block in pieces:
                await asyncio.to_thread(writer.write, block)
                await pace.rest()
            return await asyncio.to_thread(writer.finish)
        except LogUnreachable as error:
            log.debug("backup.file_not_read", sha256=file.sha256, reason=str(error))
            return False
        finally:
            writer.close()


def _marks(data: Path) -> dict[str, bytes]:
    """Return the marks of all processes, by process and channel.

    The names of fold marks keep their suffix.
    """
    return {
        f"{path.parent.name}/{path.name.removesuffix('.json')}": path.read_bytes()
        for suffix in (".json", fold_mark.SUFFIX)
        for path in sorted((data / "marks").glob(f"*/*{suffix}"))
    }


def _archive_heads(data: Path) -> dict[str, bytes]:
    """Return the heads in the signer's archives, by channel and file."""
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for path in sorted((data / "archive").glob("*/*"))
        if path.name in ARCHIVE_HEADS
    }


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
