"""The copies of logs in a folder of backups.

A copy is an archive, as a signer and a mirror have one. So `dragoman audit verify` and
`dragoman log rebuild` read it, and a crash costs nothing that was written before. Each
backup adds the records that are new. An erasure that the host has carried out is
carried out in the copy as well: the root over the records does not change by that.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from dragoman.backup.folder import BackupFolder
from dragoman.backup.manifest import BackupError, ChannelCopy
from dragoman.backup.pacing import BackupPace
from dragoman.domain.acts.erasure import Named, entry_of, named_in, standing_in
from dragoman.domain.acts.families.genesis import cid_of
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.eventlog import durable
from dragoman.eventlog.archive import Archive
from dragoman.eventlog.archive_format import PINNED, Pinned
from dragoman.eventlog.bulk_reader import BulkReader
from dragoman.eventlog.erasures import named_from
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.kept_handovers import KeptHandovers, follow_own
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.eventlog.stream_config import last_position
from dragoman.supervision import finish_in_thread
from dragoman.tlog import checkpoint, dsse, leaf
from dragoman.tlog.note import ED25519, NotANote, Verifier
from dragoman_schemas.acts.office.channel import ChannelOpening

_GATHERED_BYTES: Final = 8 * 1024 * 1024
"""The bytes of records that are written, and synced, at once."""


def opening_of(raw: bytes) -> tuple[str, Verifier] | None:
    """Return the cid and the log's key by the first record.

    None if that record opens no channel.
    """
    try:
        record = parse(raw)
    except NotARecord:
        return None
    opening = record.data
    if not isinstance(opening, ChannelOpening):
        return None
    public = dsse.decode_base64(opening.log_key, 32)
    return (
        None if public is None else (cid_of(record.act), Verifier(opening.origin, ED25519, public))
    )


def size_of(signed: bytes, log: Verifier) -> int | None:
    """Return the number of records of a signed head; None if it is not of this log."""
    try:
        return checkpoint.read_signed(signed, log)[0].size
    except NotANote:
        return None


def newest_head(heads: Sequence[bytes], log: Verifier, most: int) -> bytes | None:
    """Return the signed head of the most records, but of no more than are there."""
    sizes = {signed: size_of(signed, log) for signed in heads}
    fitting = [
        (size, signed) for signed, size in sizes.items() if size is not None and size <= most
    ]
    return max(fitting, default=(0, None), key=lambda pair: pair[0])[1]


class LogCopier:
    """Brings the archives of a folder up to the logs of a broker."""

    def __init__(
        self, folder: BackupFolder, bus: NatsConnection, auditor: NatsConnection, replicas: int
    ) -> None:
        """Read through the bus; the auditor reads long logs with less work."""
        self._folder = folder
        self._bus = bus
        self._auditor = auditor
        self._replicas = replicas

    async def copy(
        self,
        channel: str,
        before: ChannelCopy | None,
        heads: Sequence[bytes],
        *,
        checked: bool,
        progress: Callable[[int], None] = lambda added: None,
    ) -> ChannelCopy:
        """Add the new records of a channel, and return the copy that is now there.

        `before` is the copy of the backup before this one, and `heads` are the signed
        heads that were read before the log. The archive is `checked` as a whole first
        unless the last program that wrote it has finished. Raises `BackupError`,
        `ArchiveDamaged`, `LogBroken`, `LogUnreachable`.
        """
        archive = await asyncio.to_thread(
            lambda: Archive(self._folder.logs(channel), checked=checked)
        )
        try:
            if before is not None and archive.size < before.records:
                raise BackupError(
                    f"the copy of {channel} has {archive.size} records, and an earlier backup "
                    f"{before.records}: records were removed here; back up into another folder"
                )
            log = JetStreamLog(channel, self._bus, replicas=self._replicas)
            await self._compare(channel, archive, log)
            before_size = 0 if before is None else before.records
            await self._add(channel, archive, log, progress)
            erasures = tuple(() if before is None else before.erasures)
            if archive.size > before_size:
                erasures += tuple(await asyncio.to_thread(_erasures_after, archive, before_size))
            await self._erase(archive, log, erasures)
            opening = opening_of(archive.raw(1)) if archive.size else None
            if opening is not None:
                self._pin(channel, *opening)
                handovers = KeptHandovers(archive.folder)
                await asyncio.to_thread(follow_own, handovers, _messages(archive, before_size + 1))
                newest = newest_head(heads, handovers.of(opening[1]), archive.size)
                if newest is not None and newest != archive.sealed:
                    archive.keep_sealed(newest)
            return ChannelCopy(
                name=channel,
                cid="" if opening is None else opening[0],
                log="" if opening is None else str(opening[1]),
                records=archive.size,
                root=archive.root(archive.size).hex(),
                erasures=erasures,
            )
        finally:
            archive.close()

    def _pin(self, channel: str, cid: str, log: Verifier) -> None:
        """Write the cid and the log's key beside a copy, as a mirror has them.

        The format is the first one: there may be records here under no head.
        """
        path = self._folder.logs(channel) / PINNED
        if not path.exists():
            durable.write(path, msgspec.json.encode(Pinned(cid=cid, log=str(log), format=1)))

    async def _compare(self, channel: str, archive: Archive, log: JetStreamLog) -> None:
        """Check that the broker's log goes on from the copy. Raises `BackupError`."""
        if not archive.size:
            return
        messages = await log.read_kept(archive.size, 1)
        last = archive.raw(archive.size)
        if not messages or _leaf_bytes(archive.size, messages[0].raw) != _leaf_bytes(
            archive.size, last
        ):
            what = "nothing" if not messages else "another record"
            raise BackupError(
                f"at position {archive.size} the log of {channel} has {what}, and the copy has a "
                "record: the log went back, or is another one under the same name. Keep this "
                "folder, read docs/operating-faults.md, when a log is read-only, and back up into "
                "another folder"
            )

    async def _add(
        self,
        channel: str,
        archive: Archive,
        log: JetStreamLog,
        progress: Callable[[int], None],
    ) -> None:
        last = await last_position(self._bus, channel)
        pages = BulkReader(channel, self._auditor, archive.size + 1, last)
        withheld: Named | None = None
        gathered: list[bytes] = []
        number = 0
        pace = BackupPace()
        while rows := await pages.next():
            gathered += [raw for _, raw in rows]
            if withheld is None and any(leaf.read_entry(raw) is not None for _, raw in rows):
                withheld = await named_from(log, rows[0][0])
            if sum(map(len, gathered)) >= _GATHERED_BYTES:
                await self._write(archive, gathered, withheld)
                number += len(gathered)
                gathered = []
                progress(number)
            await pace.rest()
        if gathered:
            await self._write(archive, gathered, withheld)
            progress(number + len(gathered))

    @staticmethod
    async def _write(archive: Archive, messages: list[bytes], withheld: Named | None) -> None:
        stubs = {
            position
            for position, raw in enumerate(messages, archive.size + 1)
            if standing_in(raw, position, (withheld or {}).get) is not None
        }
        await finish_in_thread(lambda page: archive.add(page, stubs), messages)

    async def _erase(self, archive: Archive, log: JetStreamLog, erasures: Sequence[int]) -> None:
        """Erase the records from the copy that the host has erased from its log."""
        withheld_records = named_in((position, archive.raw(position)) for position in erasures)
        entries: dict[int, bytes] = {}
        for position, withheld in withheld_records.items():
            entry = entry_of(withheld.record)
            if not archive.is_erased(position):
                messages = await log.read_kept(position, 1)
                if messages and messages[0].raw == entry != archive.raw(position):
                    entries[position] = entry
        if entries:
            await finish_in_thread(archive.erase, entries)


def _leaf_bytes(position: int, raw: bytes) -> bytes:
    """Return the entry of the tree for a message, also if the message is that entry."""
    return (
        raw
        if (entry := leaf.read_entry(raw)) is not None and entry[0] == position - 1
        else leaf.entry(position - 1, leaf.commit(raw))
    )


def _erasures_after(archive: Archive, size: int) -> list[int]:
    """Return the positions of erasures after the first so many records."""
    return [
        position for position, raw in _messages(archive, size + 1) if named_in([(position, raw)])
    ]


def _messages(archive: Archive, first: int) -> Iterator[tuple[int, bytes]]:
    return ((position, archive.raw(position)) for position in range(first, archive.size + 1))
