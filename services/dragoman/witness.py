"""A side's own witness: cosigns the heads of a log that the side mirrors.

It is a C2SP tlog-witness, and holds every record of the log itself. It answers a
request to cosign a head with:

    200   the cosignature: the head goes on from the last one, and its records are here
    400   the request is not valid, or asks to go back
    403   the log's key has not signed the head
    404   the origin is that of another log
    409   the witness has cosigned another size, which the body contains
    422   the proof is not valid, or the head is of other records than those here; the
          side is warned
    503   the records have not arrived yet, or the side holds its witness

A head that differs from the side's own copy is logged and stored, whatever the answer,
because it convicts the log's key.

A cosigned head is on the disk before anybody receives it. A witness never cosigns two
branches: each head follows the last one by proof, and is compared with the root of the
side's own copy.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct

from dragoman.audit.mirror import Mirror
from dragoman.audit.verification_result import CosigningTime
from dragoman.eventlog import cosign_times, durable
from dragoman.eventlog.archive_damage import DO_ASIDE, ArchiveDamaged, Damage
from dragoman.eventlog.cosign_times import TIMES, TimesDamaged, TimesFile
from dragoman.tlog import checkpoint, merkle, note
from dragoman.tlog.checkpoint import Checkpoint, NotEmpty
from dragoman.tlog.dsse import public_of
from dragoman.tlog.merkle import EMPTY
from dragoman.tlog.note import COSIGNATURE, NotANote, Verifier

log = structlog.get_logger()

SILENT_SECONDS: Final = 600.0
"""Seconds without a head after which the side is warned: silence is a fact as well."""

_COME_SECONDS: Final = 0.7
"""Seconds for which the records of a head may take to arrive. The client that asks
waits for a second.
"""

_LOOK_SECONDS: Final = 0.02

SIZE: Final = "text/x.tlog.size"
_PLAIN: Final = "text/plain; charset=utf-8"


class WitnessResponse(Struct, frozen=True, kw_only=True):
    """An answer to a request: status, body and media type."""

    status: int
    body: bytes
    media: str = _PLAIN


class CosigningWitness:
    """A witness for one log, of which it has a mirror.

    It owns the files `cosigned`, `times` and `held` beside the mirror. `wanted` is set
    while it waits for records: the task that fills the mirror then reads at once.
    """

    def __init__(
        self, mirror: Mirror, folder: Path, name: str, seed: bytes, *, now: Callable[[], datetime]
    ) -> None:
        """Go on from the last cosigned head.

        Raises `NotANote` if that is not a head of the mirror's log.
        """
        self._mirror = mirror
        self._folder = folder
        self._name = name
        self._seed = seed
        self._now = now
        self._lock = asyncio.Lock()
        self._heard = now()
        self.wanted = asyncio.Event()
        self.verifier = Verifier(name, COSIGNATURE, public_of(seed))
        self._cosigned = folder / "cosigned"
        self._last = Checkpoint(mirror.log.name, 0, EMPTY)
        self._when = CosigningTime(size=0, time=0)
        if self._cosigned.exists():
            self._last, result = checkpoint.read_signed(self._cosigned.read_bytes(), mirror.log)
            note_signature = result.signed_by(self.verifier)
            self._when = CosigningTime(
                size=self._last.size, time=0 if note_signature is None else note_signature.time
            )
        self._times = TimesFile(folder / TIMES)
        if self._times.last is not None and self._times.last[0] > self._when.size:
            # A crash came between the time and the head itself.
            self._when = CosigningTime(size=self._times.last[0], time=self._times.last[1])

    @property
    def size(self) -> int:
        """Return the number of records of the newest cosigned head."""
        return self._last.size

    @property
    def newest(self) -> bytes | None:
        """Return the newest cosigned head, with the cosignature."""
        return self._cosigned.read_bytes() if self._cosigned.exists() else None

    @property
    def held(self) -> bool:
        """Return whether the side holds its witness.

        A held witness cosigns no head until the side lets it go.
        """
        return (self._folder / "held").exists()

    @property
    def silent(self) -> float:
        """Return the seconds since the last good head.

        A good head goes on from the last one, and is of the records here.
        """
        return (self._now() - self._heard).total_seconds()

    async def add(self, raw: bytes) -> WitnessResponse:
        """Answer a request to cosign a head."""
        try:
            addition = checkpoint.read_addition(raw)
            result = note.read(addition.checkpoint)
            head = checkpoint.read(result.text)
        except NotEmpty as error:
            return _refusal(422, str(error))
        except NotANote as error:
            return _refusal(400, str(error))
        if head.origin != self._mirror.log.name:
            return _refusal(404, f"this is the witness of {self._mirror.log.name}")
        try:
            if result.signed_by(self._mirror.log.at(head.size)) is None:
                return _refusal(403, "the log's key has not signed it")
        except NotANote as error:
            return _refusal(403, str(error))
        if addition.old > head.size:
            return _refusal(400, "it asks to go back")
        await self._wait_for_records(head.size)
        async with self._lock:
            return await self._answer(
                addition.old, list(addition.proof), head, addition.checkpoint, result.text
            )

    async def _wait_for_records(self, size: int) -> None:
        """Wait a moment for records that the mirror lacks.

        The mirror is asked to read at once.
        """
        deadline = asyncio.get_running_loop().time() + _COME_SECONDS
        while self._mirror.held < size and asyncio.get_running_loop().time() < deadline:
            self.wanted.set()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _answer(
        self, old: int, proof: list[bytes], head: Checkpoint, signed: bytes, text: str
    ) -> WitnessResponse:
        last = self._last
        if head.size <= self._mirror.held and self._mirror.archive.root(head.size) != head.root:
            try:
                await asyncio.to_thread(self._mirror.archive.self_check)
            except ArchiveDamaged as error:
                log.critical("witness.damaged", reason=str(error))
                return _refusal(503, "the copy that this witness keeps is damaged")
            self._alarm(head, signed, "it is of other records than those that are kept here")
        if old != last.size:
            return WitnessResponse(status=409, body=f"{last.size}\n".encode(), media=SIZE)
        if not merkle.is_consistent(last.size, head.size, last.root, head.root, proof):
            return _refusal(422, "the proof does not show that it goes on from the last head")
        if head.size > self._mirror.held:
            return _refusal(503, f"{self._mirror.held} of its {head.size} records have come here")
        if self._mirror.archive.root(head.size) != head.root:
            return _refusal(422, "it is of other records than those that are kept here")
        self._heard = self._now()
        if self.held:
            return _refusal(503, "the side holds its witness")
        line = note.cosign(self._name, self._seed, text, int(self._now().timestamp()))
        await asyncio.to_thread(
            self._keep, signed + line.line.encode(), CosigningTime(size=head.size, time=line.time)
        )
        self._last = head
        return WitnessResponse(status=200, body=line.line.encode())

    def _alarm(self, head: Checkpoint, signed: bytes, contradiction: str) -> None:
        """Store and log the evidence against the log's key."""
        path = self._folder / f"contradiction-{head.size}.note"
        durable.write(path, signed, summed=True)
        log.critical(
            "witness.contradiction",
            origin=head.origin,
            size=head.size,
            what=contradiction,
            evidence=str(path),
            do="post nothing; show both",
        )

    def _keep(self, cosigned: bytes, when: CosigningTime) -> None:
        """Store a cosigned head, and before it the time of the cosignature.

        In this order, a file of times that ends before the head has lost its end.
        """
        if when.size > self._when.size:
            self._times.add(
                [
                    (cosigning_time.size, cosigning_time.time)
                    for cosigning_time in (self._when, when)
                    if cosigning_time.size
                ]
            )
        durable.write(self._cosigned, cosigned, summed=True)
        self._when = when


def times_in(folder: Path) -> list[CosigningTime]:
    """Return the times at which the witness in a folder cosigned.

    Each size has the time of its first cosignature, and also of its last one if more
    records followed. Empty if the folder has no witness. Raises `ArchiveDamaged`.
    """
    path = folder / TIMES
    try:
        times = cosign_times.read(path.read_bytes() if path.exists() else b"")
    except TimesDamaged as error:
        raise ArchiveDamaged(
            folder, Damage(file=TIMES, byte=error.byte, what=error.what, do=DO_ASIDE)
        ) from None
    return [CosigningTime(size=size, time=time) for size, time in times.lines]


def _refusal(status: int, why: str) -> WitnessResponse:
    return WitnessResponse(status=status, body=f"{why}\n".encode())
