"""A side's witness: cosigns the heads of a log whose every record the side holds itself (C2SP tlog-witness).

    404   the origin is another log's                       400   it is no request, or asks to go back
    403   the log's key has not signed the head             409   the witness has come to another size, which it says
    422   the proof does not hold, or the head is of other records than those that are kept here: the side is told
    503   the records have not come yet, or the side holds its witness
    200   the cosignature, of a head that goes on from the last one, and of records that are all kept here

Another head than that of the own copy is told and kept whatever it is answered with,
since it convicts the log's key.

The head is on the disk, cosigned, before anybody is given it. Never does a witness
cosign two branches: one head follows the other, by proof, and each is compared with the
root of the own copy.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct

from dragoman.audit.mirror import Mirror
from dragoman.audit.verification import CosigningTime
from dragoman.eventlog import cosign_times, durable
from dragoman.eventlog.cosign_times import TIMES, TimesDamaged, TimesFile
from dragoman.eventlog.self_check import DO_ASIDE, ArchiveDamaged, Damage
from dragoman.tlog import checkpoint, merkle, note
from dragoman.tlog.checkpoint import Checkpoint, NotEmpty
from dragoman.tlog.dsse import public_of
from dragoman.tlog.merkle import EMPTY
from dragoman.tlog.note import COSIGNATURE, NotANote, Verifier

log = structlog.get_logger()

SILENT_SECONDS: Final = 600.0
"""After so long without a head the side is told: silence is a fact as well."""

_COME_SECONDS: Final = 0.7
"""How long records of a head that is asked for may take to come: whoever asks waits for
a second.
"""

_LOOK_SECONDS: Final = 0.02

SIZE: Final = "text/x.tlog.size"
_PLAIN: Final = "text/plain; charset=utf-8"


class WitnessResponse(Struct, frozen=True, kw_only=True):
    """What a request is answered with."""

    status: int
    body: bytes
    media: str = _PLAIN


class CosigningWitness:
    """Cosigns for one log, of which it has a mirror. Owns the files `cosigned`, `times` and `held` beside it.

    `wanted` is set when records are waited for: whoever fills the mirror looks then.
    """

    def __init__(
        self, mirror: Mirror, folder: Path, name: str, seed: bytes, *, now: Callable[[], datetime]
    ) -> None:
        """Go on from what was cosigned before. Raises `NotANote` where that is no head of the mirror's log."""
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
            self._last, result = checkpoint.opened(self._cosigned.read_bytes(), mirror.log)
            note_signature = result.signed_by(self.verifier)
            self._when = CosigningTime(
                size=self._last.size, time=0 if note_signature is None else note_signature.time
            )
        self._times = TimesFile(folder / TIMES)
        if self._times.last is not None and self._times.last[0] > self._when.size:
            self._when = CosigningTime(
                size=self._times.last[0], time=self._times.last[1]
            )  # a crash came before the head itself

    @property
    def size(self) -> int:
        """Return how many records the newest head has that was cosigned."""
        return self._last.size

    @property
    def newest(self) -> bytes | None:
        """The newest head that was cosigned, with the cosignature."""
        return self._cosigned.read_bytes() if self._cosigned.exists() else None

    @property
    def held(self) -> bool:
        """Return whether the side holds its witness: nothing is cosigned until it lets go."""
        return (self._folder / "held").exists()

    @property
    def silent(self) -> float:
        """Seconds since a head was last brought that goes on from the last one, and is of what is kept here."""
        return (self._now() - self._heard).total_seconds()

    async def add(self, raw: bytes) -> WitnessResponse:
        """Answer a request to cosign a head."""
        try:
            addition = checkpoint.read_addition(raw)
            result = note.read(addition.checkpoint)
            head = checkpoint.read(result.text)
        except NotEmpty as error:
            return _no(422, str(error))
        except NotANote as error:
            return _no(400, str(error))
        if head.origin != self._mirror.log.name:
            return _no(404, f"this is the witness of {self._mirror.log.name}")
        try:
            if result.signed_by(self._mirror.log) is None:
                return _no(403, "the log's key has not signed it")
        except NotANote as error:
            return _no(403, str(error))
        if addition.old > head.size:
            return _no(400, "it asks to go back")
        await self._come(head.size)
        async with self._lock:
            return await self._answered(
                addition.old, list(addition.proof), head, addition.checkpoint, result.text
            )

    async def _come(self, size: int) -> None:
        """Have the mirror look at once where it has fewer records, and give them a moment to come."""
        deadline = asyncio.get_running_loop().time() + _COME_SECONDS
        while self._mirror.held < size and asyncio.get_running_loop().time() < deadline:
            self.wanted.set()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _answered(
        self, old: int, proof: list[bytes], head: Checkpoint, signed: bytes, text: str
    ) -> WitnessResponse:
        last = self._last
        if head.size <= self._mirror.held and self._mirror.archive.root(head.size) != head.root:
            try:
                await asyncio.to_thread(self._mirror.archive.self_check)
            except ArchiveDamaged as error:
                log.critical("witness.damaged", reason=str(error))
                return _no(503, "the copy that this witness keeps is damaged")
            self._alarm(head, signed, "it is of other records than those that are kept here")
        if old != last.size:
            return WitnessResponse(status=409, body=f"{last.size}\n".encode(), media=SIZE)
        if not merkle.is_consistent(last.size, head.size, last.root, head.root, proof):
            return _no(422, "the proof does not show that it goes on from the last head")
        if head.size > self._mirror.held:
            return _no(503, f"{self._mirror.held} of its {head.size} records have come here")
        if self._mirror.archive.root(head.size) != head.root:
            return _no(422, "it is of other records than those that are kept here")
        self._heard = self._now()
        if self.held:
            return _no(503, "the side holds its witness")
        line = note.cosign(self._name, self._seed, text, int(self._now().timestamp()))
        await asyncio.to_thread(
            self._keep, signed + line.line.encode(), CosigningTime(size=head.size, time=line.time)
        )
        self._last = head
        return WitnessResponse(status=200, body=line.line.encode())

    def _alarm(self, head: Checkpoint, signed: bytes, what: str) -> None:
        """Keep what convicts the log's key beside what was cosigned, and say so."""
        path = self._folder / f"contradiction-{head.size}.note"
        durable.write(path, signed, summed=True)
        log.critical(
            "witness.contradiction",
            origin=head.origin,
            size=head.size,
            what=what,
            evidence=str(path),
            do="post nothing; show both",
        )

    def _keep(self, cosigned: bytes, when: CosigningTime) -> None:
        """Keep a cosigned head, and before it when that was: a file of times that ends before the head was cut off."""
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
    """Return when the witness in a folder cosigned: each size for the first time and, once there were more records, for the last. Empty where there is none.

    Raises `ArchiveDamaged`.
    """
    path = folder / TIMES
    try:
        times = cosign_times.read(path.read_bytes() if path.exists() else b"")
    except TimesDamaged as error:
        raise ArchiveDamaged(
            folder, Damage(file=TIMES, byte=error.byte, what=error.what, do=DO_ASIDE)
        ) from None
    return [CosigningTime(size=size, time=time) for size, time in times.lines]


def _no(status: int, why: str) -> WitnessResponse:
    return WitnessResponse(status=status, body=f"{why}\n".encode())
