"""The client of the witnesses, which cosign heads (C2SP tlog-witness).

Each witness is asked to cosign from the size that it has reached. A witness that does
not answer, holds, or says that it is ahead of the log is asked again later. The claim
of one side's program stops nobody; only a signature does.

Before a signer goes on from its stored heads, a witness must agree with them. A witness
may show a head, signed by the log's own key, that is of other records or of more
records than are here. That shows that the data here are an old copy.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import aiohttp
import structlog
from msgspec import Struct

from dragoman import metrics
from dragoman.data_directory import OUTDATED, UNCONFIRMED, Confirmation
from dragoman.text import sentence
from dragoman.tlog import checkpoint, merkle, note
from dragoman.tlog.checkpoint import Addition, Checkpoint
from dragoman.tlog.merkle import Nodes
from dragoman.tlog.note import COSIGNATURE, NotANote, Note, NoteSignature, Verifier, read_verifier

log = structlog.get_logger()

_SECONDS: Final = aiohttp.ClientTimeout(total=1.0)
_AGAIN_SECONDS: Final = 10.0
_SOON_SECONDS: Final = 0.1
"""Seconds before a witness that waits for records is asked again, the first time.

A witness that is busy with records may not answer in time. Each further pause is twice
as long.
"""
_BEHIND_SECONDS: Final = 1.0
"""The longest pause before a witness that waits for records is asked again."""
_TRIES: Final = 2
_HEAD_BYTES: Final = 2**20
_OK, _CONFLICT, _UNKNOWN, _NOT_NOW = 200, 409, 404, 503
_OUTCOMES = {_OK: "cosigned", _CONFLICT: "behind", _NOT_NOW: "later"}


class WitnessEndpoint(Struct, frozen=True, kw_only=True):
    """A witness: its cosigning key and its URL."""

    verifier: Verifier
    url: str


def read(text: str) -> WitnessEndpoint:
    """Return a witness from a line of the settings: its verifier key and its URL.

    Raises `NotANote`.
    """
    key, _, url = text.strip().partition(" ")
    verifier = read_verifier(key)
    if verifier.type != COSIGNATURE or not url.strip().startswith(("http://", "https://")):
        raise NotANote(
            sentence(
                "%(text)s is not a witness line. Expected: a verifier key of a cosigner, a space, "
                "and its URL",
                text=repr(text[:80]),
            )
        )
    return WitnessEndpoint(verifier=verifier, url=url.strip().rstrip("/"))


class WitnessConflict(Exception):
    """A head at a witness that contradicts the records here.

    The head is signed by the log's own key. `size` is its size; `beyond` says whether
    it is of more records than are here. The message says which of the two it is.
    """

    def __init__(self, witness: str, size: int, *, beyond: bool) -> None:
        """Describe the conflict."""
        text = "less is kept here" if beyond else "others are kept here"
        super().__init__(
            f"{witness} has cosigned a head of {size} records, signed by the log's key, and {text}"
        )
        self.size = size
        self.beyond = beyond


class LogConfirmation(Struct, frozen=True, kw_only=True):
    """The answer of the witnesses for one log.

    `by` names the witnesses that confirmed its newest head, `waiting` the others with
    their reasons, and `against` is a contradiction. A witness that does not know the
    log is in neither list.
    """

    by: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    against: str = ""


def confirmation_of(answers: Mapping[str, LogConfirmation]) -> Confirmation:
    """Return the answer for all logs of a data directory.

    They are confirmed if no witness contradicts one of them, and each witnessed log is
    confirmed by at least one witness.
    """
    against = [
        f"{channel}: {answer.against}" for channel, answer in answers.items() if answer.against
    ]
    if against:
        return Confirmation(reason=OUTDATED, detail="; ".join(against))
    waiting = [
        f"{channel}: {', '.join(answer.waiting)}"
        for channel, answer in answers.items()
        if answer.waiting and not answer.by
    ]
    if waiting:
        return Confirmation(reason=UNCONFIRMED, detail="; ".join(waiting))
    return Confirmation(
        by=tuple(sorted({name for answer in answers.values() for name in answer.by}))
    )


async def _body_of(answer: aiohttp.ClientResponse) -> bytes:
    """Return the answer of a witness, cut to a limit."""
    body = b""
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > _HEAD_BYTES:
            break
    return body


class Witnesses:
    """The witnesses of one log, each with the size that it has reached."""

    def __init__(
        self, session: aiohttp.ClientSession, witness_endpoints: Sequence[WitnessEndpoint]
    ) -> None:
        """Ask through an HTTP session."""
        self._session = session
        self._sizes: dict[WitnessEndpoint, int] = dict.fromkeys(witness_endpoints, 0)
        self._not_before: dict[WitnessEndpoint, float] = {}
        self._told: dict[WitnessEndpoint, str] = {}
        self._pauses: dict[WitnessEndpoint, float] = {}

    @property
    def is_empty(self) -> bool:
        """Return whether no witness is named."""
        return not self._sizes

    async def cosigned(
        self, head: Checkpoint, signed_note: Note, nodes: Nodes
    ) -> list[NoteSignature]:
        """Return the new cosignatures of a head.

        They are those of the witnesses whose cosignature the note lacks, and which give
        one now.
        """
        waiting = [
            witness
            for witness in self._lacking(signed_note)
            if self._not_before.get(witness, 0.0) <= time.monotonic()
        ]
        signed = str(signed_note).encode()
        note_signatures = await asyncio.gather(
            *(self._one(witness, head, signed, nodes) for witness in waiting)
        )
        return [signature for signature in note_signatures if signature is not None]

    def again_seconds(self, signed_note: Note) -> float | None:
        """Return the seconds until a witness may be asked for a cosignature of a head.

        None if no witness lacks under it that would ever be asked again.
        """
        times = [self._not_before.get(witness, 0.0) for witness in self._lacking(signed_note)]
        earliest = min(times, default=float("inf"))
        return None if earliest == float("inf") else max(0.0, earliest - time.monotonic())

    def _lacking(self, signed_note: Note) -> list[WitnessEndpoint]:
        """Return the witnesses whose cosignature a head lacks."""
        there = {(signature.name, signature.key_id) for signature in signed_note.signatures}
        return [
            witness
            for witness in self._sizes
            if (witness.verifier.name, witness.verifier.key_id) not in there
        ]

    async def agree(
        self,
        log: Verifier,
        root: Callable[[int], bytes | None],
        witnessed: Note | None,
        sealed: bytes | None,
    ) -> bool:
        """Return whether a witness agrees with the records here, or none has a say.

        `root` gives the root here at a size, or None if fewer records are here.
        `witnessed` is the newest head that was cosigned here. A witness that has not
        signed it, and has no head of this log, is new and has no say. A witness that
        shows its heads to nobody is asked to cosign the `sealed` head; it then answers
        with the size that it has reached. Raises `WitnessConflict`.
        """
        stances = await asyncio.gather(
            *(self._stance(witness, log, root, witnessed, sealed) for witness in self._sizes)
        )
        return True in stances or all(stance is None for stance in stances)

    async def _stance(
        self,
        witness: WitnessEndpoint,
        log: Verifier,
        root: Callable[[int], bytes | None],
        witnessed: Note | None,
        sealed: bytes | None,
    ) -> bool | None:
        """Return whether a witness agrees; None if it has no say.

        Raises `WitnessConflict`.
        """
        url = f"{witness.url}/{hashlib.sha256(log.name.encode()).hexdigest()}/checkpoint"
        try:
            async with self._session.get(url, timeout=_SECONDS, allow_redirects=False) as answer:
                status, body = answer.status, await _body_of(answer)
        except (aiohttp.ClientError, TimeoutError):
            return False
        if status == _UNKNOWN:
            knows_log = witnessed is not None and witnessed.signed_by(witness.verifier) is not None
            return await self._has_come_so_far(witness, sealed) if knows_log else None
        try:
            head, result = checkpoint.read_signed(body, log)
            if status != _OK or result.signed_by(witness.verifier) is None:
                return False
        except NotANote:
            return False
        own_root = root(head.size)
        if own_root != head.root:
            raise WitnessConflict(witness.verifier.name, head.size, beyond=own_root is None)
        self._sizes[witness] = head.size
        return True

    async def confirm(
        self, log: Verifier, root: Callable[[int], bytes | None], nodes: Nodes, sealed: bytes | None
    ) -> LogConfirmation:
        """Ask every witness whether the newest signed head is the newest that it knows.

        That head is `sealed`; no head is signed for this. A witness contradicts if it
        shows a head by the log's key that is of more or of other records than are here.
        A witness that is behind is asked to cosign the newest head. `root` is as in
        `agree`.
        """
        try:
            newest = (
                Checkpoint(log.name, 0, merkle.EMPTY)
                if sealed is None
                else checkpoint.read_signed(sealed, log)[0]
            )
            if root(newest.size) != newest.root:
                return LogConfirmation(
                    against=f"the signed head of {newest.size} records "
                    "is not of the records that are here"
                )
            answers = await asyncio.gather(
                *(
                    self._confirm_by(witness, log, root, nodes, newest, sealed)
                    for witness in self._sizes
                )
            )
        except NotANote as error:
            return LogConfirmation(against=f"what is sealed is not a head: {error}")
        except WitnessConflict as error:
            return LogConfirmation(against=str(error))
        names = [witness.verifier.name for witness in self._sizes]
        return LogConfirmation(
            by=tuple(name for name, answer in zip(names, answers, strict=True) if answer == ""),
            waiting=tuple(
                f"{name} {answer}" for name, answer in zip(names, answers, strict=True) if answer
            ),
        )

    async def _confirm_by(
        self,
        witness: WitnessEndpoint,
        log: Verifier,
        root: Callable[[int], bytes | None],
        nodes: Nodes,
        newest: Checkpoint,
        sealed: bytes | None,
    ) -> str | None:
        """Return the reason why a witness does not confirm the newest head.

        Empty if it confirms, None if it does not know the log.
        """
        stance = await self._stance(witness, log, root, None, sealed)
        if stance is False:
            return "does not answer"
        if sealed is None:
            return None if stance is None else ""
        if stance is None:
            size = await self._size_of(witness, sealed)
            if size is None or isinstance(size, str):
                return size
            if size > newest.size:
                return (
                    f"says that it has cosigned {size} records, "
                    f"and the newest head here is of {newest.size}"
                )
            self._sizes[witness] = size
        if (
            self._sizes[witness] >= newest.size
            or await self._one(witness, newest, sealed, nodes) is not None
        ):
            return ""
        return (
            f"has cosigned {self._sizes[witness]} of the {newest.size} records of the newest head"
        )

    async def _size_of(self, witness: WitnessEndpoint, sealed: bytes) -> int | str | None:
        """Return the size that a witness without public heads says it has reached.

        A string is the reason why it does not say so. None means that it did not know
        the log.
        """
        try:
            async with self._session.post(
                f"{witness.url}/add-checkpoint",
                data=bytes(Addition(old=0, proof=(), checkpoint=sealed)),
                timeout=_SECONDS,
                allow_redirects=False,
            ) as answer:
                status, body = answer.status, (await _body_of(answer)).strip()
        except (aiohttp.ClientError, TimeoutError):
            return "does not answer"
        if status == _CONFLICT and body.isdigit():
            return int(body)
        return None if status in (_UNKNOWN, _OK) else f"answers {status}"

    async def _has_come_so_far(self, witness: WitnessEndpoint, sealed: bytes | None) -> bool:
        """Return whether a witness without public heads has cosigned this log.

        The size that it names must not be beyond the sealed head.
        """
        if sealed is None:
            return False
        addition = Addition(old=0, proof=(), checkpoint=sealed)
        try:
            async with self._session.post(
                f"{witness.url}/add-checkpoint",
                data=bytes(addition),
                timeout=_SECONDS,
                allow_redirects=False,
            ) as answer:
                status, body = answer.status, await _body_of(answer)
        except (aiohttp.ClientError, TimeoutError):
            return False
        return (
            status == _CONFLICT
            and body.strip().isdigit()
            and int(body) <= checkpoint.read(note.read(sealed).text).size
        )

    async def _one(
        self, witness: WitnessEndpoint, head: Checkpoint, signed: bytes, nodes: Nodes
    ) -> NoteSignature | None:
        for _ in range(_TRIES):
            old = self._sizes[witness]
            addition = Addition(
                old=old, proof=tuple(merkle.consistency(nodes, old, head.size)), checkpoint=signed
            )
            try:
                async with self._session.post(
                    f"{witness.url}/add-checkpoint",
                    data=bytes(addition),
                    timeout=_SECONDS,
                    allow_redirects=False,
                ) as answer:
                    status, body = answer.status, await _body_of(answer)
            except (aiohttp.ClientError, TimeoutError) as error:
                metrics.WITNESS_ANSWERS.labels("unreachable").inc()
                is_busy = isinstance(error, TimeoutError)
                pause = self._next_pause(witness) if is_busy else _AGAIN_SECONDS
                self._later(witness, type(error).__name__, pause)
                return None
            metrics.WITNESS_ANSWERS.labels(_OUTCOMES.get(status, "refused")).inc()
            if status == _OK:
                self._sizes[witness] = head.size
                self._told.pop(witness, None)
                self._pauses.pop(witness, None)
                return self._read(witness, head, body)
            if status == _CONFLICT and body.strip().isdigit():
                self._sizes[witness] = size = int(body)
                if size <= head.size:
                    continue
                self._sizes[witness] = 0
                self._later(
                    witness,
                    f"it says that it has cosigned {size} records, and there are {head.size}",
                )
                return None
            if status == _UNKNOWN:
                self._not_before[witness] = float("inf")  # it is another log's
                return None
            why = f"{status} {body[:200].decode(errors='replace').strip()}"
            pause = self._next_pause(witness) if status == _NOT_NOW else _AGAIN_SECONDS
            self._later(witness, why, pause)
            return None
        return None

    def _read(
        self, witness: WitnessEndpoint, head: Checkpoint, body: bytes
    ) -> NoteSignature | None:
        try:
            return note.read(f"{head.text}\n".encode() + body).signed_by(witness.verifier)
        except NotANote as error:
            self._later(witness, f"its cosignature is not valid: {error}")
            return None

    def _next_pause(self, witness: WitnessEndpoint) -> float:
        """Return the seconds before a witness is asked again that is behind or busy."""
        pause = self._pauses.get(witness, _SOON_SECONDS)
        self._pauses[witness] = min(2 * pause, _BEHIND_SECONDS)
        return pause

    def _later(self, witness: WitnessEndpoint, why: str, seconds: float = _AGAIN_SECONDS) -> None:
        if self._told.get(witness) != why:
            log.warning("witness.not_cosigned", witness=witness.verifier.name, reason=why)
        self._told[witness] = why
        self._not_before[witness] = time.monotonic() + seconds
