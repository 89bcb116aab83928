"""The log of a shared channel at a station: what is settled, and after it what rings.

    settled   under a signed head, in the copy's folder; never taken back
    staged    came on a line whose head was proven, and waits for the next head; on the
              disk, so that a restart does not forget what an officer has read

If the next head is of other records, the host is convicted, and the staged ones are
taken back. `LineEnd` says how fresh the copy is: as of the last word of the host.
"""

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from dragoman.domain.acts.erasure import Withheld
from dragoman.eventlog import durable
from dragoman.eventlog.event_log import LogBroken, StoredMessage
from dragoman.eventlog.kept_handovers import digest_of, handovers_in
from dragoman.eventlog.settled_copy import SettledCopy
from dragoman.limits import READ_BYTES
from dragoman.projection.table_rows import subject_in
from dragoman.projection.writer_messages import StoreDamaged
from dragoman.station.link import SILENT_SECONDS
from dragoman.text import Text, sentence
from dragoman.tlog.merkle import Nodes

_POSITION: Final = struct.Struct(">Q")
_LENGTH: Final = struct.Struct(">I")
_STAGED_BYTES: Final = 8 << 20
"""The size at which the file of staged records is written anew under load."""

_READ_AT_ONCE: Final = 16
"""Records that are read from the disk in the event loop; more are read in a thread."""


class StagedFile:
    """A file of staged records: the first position, then each after its length.

    What a crash left half written at the end is cut off.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or begin one."""
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(self._descriptor).st_size
        self._head = b""

    def after(self, settled: int) -> list[bytes]:
        """Return the records after so many that are settled."""
        data = os.pread(self._descriptor, self.size, 0)
        messages: list[bytes] = []
        at = _POSITION.size
        while at + _LENGTH.size <= len(data):
            (length,) = _LENGTH.unpack_from(data, at)
            if at + _LENGTH.size + length > len(data):
                break
            messages.append(data[at + _LENGTH.size : at + _LENGTH.size + length])
            at += _LENGTH.size + length
        self.size = min(at, self.size)  # the next record takes the place of half a one
        first = _POSITION.unpack_from(data)[0] if len(data) >= _POSITION.size else settled + 1
        if first > settled + 1:
            return []
        return messages[settled + 1 - first :]

    def append(self, messages: Sequence[bytes]) -> None:
        """Add records, with one fsync for all of them. Raises `OSError`."""
        content = b"".join(_LENGTH.pack(len(raw)) + raw for raw in messages)
        view, at = memoryview(content if self.size else self._head + content), self.size
        while view:
            written = os.pwrite(self._descriptor, view, at)
            view, at = view[written:], at + written
        os.fsync(self._descriptor)
        self.size = at

    def begin(self, settled: int, messages: Sequence[bytes] = ()) -> None:
        """Begin anew after so many settled records.

        A crash before this reaches the disk leaves records that are settled by now.
        """
        self._head = _POSITION.pack(settled + 1)
        if messages:
            content = b"".join(_LENGTH.pack(len(raw)) + raw for raw in messages)
            durable.write(self._path, self._head + content)
            os.close(self._descriptor)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            self.size = _POSITION.size + len(content)
            return
        os.ftruncate(self._descriptor, 0)
        self.size = 0

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class LineEnd:
    """The end of a host's log, by what its line says."""

    is_behind = False
    lasts = SILENT_SECONDS

    def __init__(self) -> None:
        """Begin without a word from the host."""
        self._moment: float | None = None

    def reached(self, moment: float) -> None:
        """Note nothing: that the copy was read to its end says nothing of the host."""

    def heard(self, moment: float) -> None:
        """Note that the host said at a moment that its log ends where the copy does."""
        self._moment = moment

    def seen(self) -> float | None:
        """Return the time at which the copy last was all that the host has."""
        return self._moment


class CopyLog:
    """One shared channel's log, which its `CopyFollower` fills."""

    def __init__(self, channel: str, settled: SettledCopy, staged: Path) -> None:
        """Go on with the records that were kept, and those that were staged."""
        self.channel = channel
        self.end = LineEnd()
        self.settled = settled
        self._file = StagedFile(staged)
        self._base = settled.archive.size
        self._staged = self._file.after(self._base)
        if not self._staged:
            self._file.begin(self._base)
        self._filling = asyncio.Lock()
        self._changed = asyncio.Event()
        self._generation = 0
        self.on_taken_back: Callable[[], None] = lambda: None
        self.is_refolding = False
        """True while the fold still has records that were taken back."""
        self.settled.recall_conviction()

    @property
    def size(self) -> int:
        """The number of records here, staged ones too."""
        return self._base + len(self._staged)

    @property
    def settled_size(self) -> int:
        """The number of records that a signed head covers."""
        return self._base

    @property
    def staged(self) -> Sequence[bytes]:
        """The records that no signed head covers yet."""
        return self._staged

    # Filling

    async def stage(self, messages: Sequence[bytes]) -> None:
        """Take the next records durably, before their head. Raises `OSError`."""
        async with self._filling:
            await asyncio.to_thread(self._file.append, messages)
            self._staged += messages
        self._wake()

    async def settle(
        self, messages: Sequence[bytes], note: bytes, nodes: Nodes | None = None
    ) -> bool:
        """Settle the next records under a head, and return whether it is of them.

        They are the staged ones, as far as there are any, and others after them. A head
        of other records convicts the host, and what is staged is taken back. Raises
        `UnprovenHead`, `ArchiveDamaged`, `OSError`.
        """
        first = messages[: len(self._staged)]
        is_same = list(first) == self._staged[: len(messages)]
        if not await asyncio.to_thread(self._prove, messages, note, nodes) or not is_same:
            self.take_back()
            return False
        async with self._filling:
            try:
                await asyncio.to_thread(self._keep, messages, note)
            finally:  # a full disk may take the records and not the head
                settled = self.settled.archive.size - self._base
                self._base += settled
                del self._staged[:settled]
            if not self._staged:
                self._file.begin(self._base)
            elif self._file.size > _STAGED_BYTES:
                await asyncio.to_thread(self._file.begin, self._base, self._staged)
        self._wake()
        return True

    def _prove(self, messages: Sequence[bytes], note: bytes, nodes: Nodes | None) -> bool:
        return self.settled.prove(messages, note, nodes)

    def _keep(self, messages: Sequence[bytes], note: bytes) -> None:
        if messages:
            self.settled.keep(messages, note)
        if self.settled.size_of(note) == self.settled.archive.size:
            self.settled.head(note)

    async def compare(self, note: bytes) -> bool:
        """Return whether a head is of the settled records."""
        await asyncio.to_thread(self.settled.head, note, patient=True)
        if self.settled.conviction is not None:
            self.take_back()
        return self.settled.conviction is None

    def keep_foreign(self, note: bytes) -> Path:
        """Keep the newest head that another key has signed, beside the copy."""
        path = self.settled.folder.with_name(f"{self.settled.folder.name}.foreign-head")
        if not path.exists() or path.read_bytes() != note:
            durable.write(path, note)
        return path

    def take_back(self) -> None:
        """Take back what no head covers. The fold goes back to what is settled.

        What was taken back stays beside the copy, because it had rung here.
        """
        if self._staged:
            evidence = self.settled.folder.with_name(
                f"{self.settled.folder.name}.taken-back-{self._base + 1}"
            )
            durable.write(evidence, b"".join(raw + b"\n" for raw in self._staged))
            self._staged = []
            self._file.begin(self._base)
            self._generation += 1
            self.on_taken_back()
        self._wake()

    def cut(self) -> None:
        """Take back what a handover cuts off, once the own side has signed it."""
        handover = self.settled.cut_ahead
        if handover is None or self.size < handover.first:
            return
        first = self._staged[handover.first - self._base - 1]
        if not any(
            digest_of(record.act) == handover.act for _, record in handovers_in([(0, first)])
        ):
            self.take_back()

    def expect(self, withhelds: dict[int, Withheld]) -> None:
        """Announce the records that coming erasures name."""
        self.settled.expect(withhelds)

    async def erase(self, entries: Mapping[int, bytes]) -> None:
        """Overwrite settled records that all sides have erased."""
        async with self._filling:
            await asyncio.to_thread(self.settled.archive.erase, entries)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def fault(self) -> Text | None:
        """The reason why nothing more is taken from the host; None if all is well."""
        conviction = self.settled.conviction
        if conviction is None:
            return None
        return sentence(
            "the host contradicts itself within the first %(position)s records of %(channel)s: "
            "tell the other sides by telephone, and keep %(evidence)s",
            position=conviction.position,
            channel=self.channel,
            evidence=conviction.evidence,
        )

    # Reading

    async def read(self, first: int, most: int) -> list[StoredMessage]:
        """Return messages from a position on, those that are staged too."""
        if most <= _READ_AT_ONCE or first > self._base:
            return self._read(first, most)
        return await asyncio.to_thread(self._read, first, most)

    def _read(self, first: int, most: int) -> list[StoredMessage]:
        base, staged = self._base, self._staged
        result: list[StoredMessage] = []
        length = 0
        for position in range(first, min(first + most, base + len(staged) + 1)):
            raw = (
                self.settled.archive.raw(position)
                if position <= base
                else staged[position - base - 1]
            )
            length += len(raw)
            if result and length > READ_BYTES:
                break
            result.append(StoredMessage(position=position, subject=subject_in(raw) or "", raw=raw))
        return result

    async def read_kept(self, first: int, most: int) -> list[StoredMessage]:
        """Return messages as `read` does: a copy loses nothing."""
        return await self.read(first, most)

    async def follow(self, wanted: Callable[[], int]) -> AsyncIterator[list[StoredMessage] | None]:
        """Yield messages as the copy grows, and raise `LogBroken` at its fault.

        Raises `StoreDamaged` once something was taken back: what was folded from it has
        to be folded anew.
        """
        yield None
        generation = self._generation
        while True:
            changed = self._changed
            if generation != self._generation:
                raise StoreDamaged(f"records of {self.channel} were taken back")
            messages = await self.read(wanted(), _FOLLOWED)
            if messages:
                yield messages
                continue
            if self.fault is not None:
                raise LogBroken(self.fault)
            yield []
            await changed.wait()

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        self.settled.close()


_FOLLOWED: Final = 500
