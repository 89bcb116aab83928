"""The handovers of a log that the owner of a copy follows: `handovers.json` beside it.

A copy is kept under the log's key. Another key counts here only once its owner has said
so: a side by its own signature of the handover, a signer by the record of its own host.
No record of a host moves a side's copy by itself.

    key     the key that signs the heads from then on, in base64
    first   the size of the first head under it; 0 until its record is here
    act     SHA-256 of the handover's act
    cut     whether what the old host recorded from there on is not of this channel
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.record import nesting
from dragoman.domain.record.codec import NotARecord, Record, parse
from dragoman.eventlog import durable
from dragoman.eventlog.archive_format import HANDOVERS
from dragoman.tlog.dsse import decode_base64
from dragoman.tlog.note import Verifier
from dragoman_schemas.acts.office.channel import LogHandover

_NAME: Final = b'"log-handover"'


class KeptHandover(Struct, frozen=True, kw_only=True):
    """One handover that is followed here."""

    key: str
    first: int = 0
    act: str = ""
    cut: bool = False


class KeptHandovers:
    """The handovers beside one copy. Another process may add one at any time."""

    def __init__(self, folder: Path) -> None:
        """Read them when they are asked for."""
        self._path = folder / HANDOVERS
        self._read: tuple[tuple[int, int], tuple[KeptHandover, ...]] = ((0, 0), ())

    @property
    def every(self) -> tuple[KeptHandover, ...]:
        """All of them, the oldest first."""
        try:
            file = self._path.stat()
        except FileNotFoundError:
            return ()
        moment = file.st_mtime_ns, file.st_ino
        if moment != self._read[0]:
            content = nesting.decode(self._path.read_bytes(), tuple[KeptHandover, ...])
            self._read = moment, content
        return self._read[1]

    @property
    def awaited(self) -> KeptHandover | None:
        """The one whose record has not come yet, and whose position nobody knows."""
        newest = self.every[-1:]
        return newest[0] if newest and not newest[0].first else None

    def keep(self, handovers: Sequence[KeptHandover]) -> None:
        """Replace them, on the disk when this returns. Raises `OSError`."""
        durable.write(self._path, msgspec.json.encode(handovers), summed=True)

    def add(self, handover: KeptHandover) -> None:
        """Follow one more. Raises `OSError`."""
        self.keep((*self.every, handover))

    def found(self, position: int) -> None:
        """Note where the record of the awaited one stands. Raises `OSError`."""
        *earlier, awaited = self.every
        self.keep((*earlier, replace(awaited, first=position)))

    def of(self, log: Verifier) -> Verifier:
        """Return a log's first key together with those that are followed here."""
        return with_later(log, self.every)


def with_later(log: Verifier, handovers: Iterable[KeptHandover]) -> Verifier:
    """Return a log's first key together with those of handovers."""
    return Verifier(
        log.name,
        log.type,
        log.public,
        tuple(
            (handover.first, decode_base64(handover.key, 32) or bytes(32))
            for handover in handovers
            if handover.first
        ),
    )


def digest_of(act: bytes) -> str:
    """Return the digest by which a handover's act is known."""
    return hashlib.sha256(act).hexdigest()


def handovers_in(messages: Iterable[tuple[int, bytes]]) -> list[tuple[int, Record[LogHandover]]]:
    """Return the handovers among messages, with their positions."""
    handovers: list[tuple[int, Record[LogHandover]]] = []
    for position, raw in messages:
        if _NAME not in raw:
            continue
        try:
            record = parse(raw)
        except NotARecord:
            continue
        if isinstance(record.data, LogHandover):
            handovers.append((position, record))
    return handovers


def follow_own(handovers: KeptHandovers, messages: Iterable[tuple[int, bytes]]) -> None:
    """Follow the handovers that the own host has recorded.

    Its gateway judged each of them on the very record before it, as a signed log of
    that host shows. Raises `OSError`.
    """
    for position, record in handovers_in(messages):
        every = handovers.every
        if record.envelope.decided == str(position - 1) and record.data.epoch == len(every) + 1:
            handovers.add(
                KeptHandover(
                    key=record.data.key,
                    first=position,
                    act=digest_of(record.act),
                    cut=record.data.cut is True,
                )
            )
