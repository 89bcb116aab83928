"""Asking witnesses to cosign a head (C2SP tlog-witness), each from the size that it has come to.

A witness that does not answer, or holds, or says that it is further than the log, is
asked again later: what one side's program says stops nobody, only a signature does.
Before a registrar goes on from what it finds, a witness must agree with it: one that
shows a head by the log's own key that is not of these records, or of more than there
are, has shown that an old copy stands here.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import aiohttp
import structlog
from msgspec import Struct

from dragoman.data_directory import OUTDATED, UNCONFIRMED, Confirmation
from dragoman.text import sentence
from dragoman.tlog import checkpoint, merkle, note
from dragoman.tlog.checkpoint import Addition, Checkpoint
from dragoman.tlog.merkle import Nodes
from dragoman.tlog.note import COSIGNATURE, NotANote, Note, NoteSignature, Verifier, read_verifier

log = structlog.get_logger()

_SECONDS: Final = aiohttp.ClientTimeout(total=1.0)
_AGAIN_SECONDS: Final = 10.0
_SOON_SECONDS: Final = 1.0
_TRIES: Final = 2
_HEAD_BYTES: Final = 2**20
_OK, _CONFLICT, _UNKNOWN, _NOT_NOW = 200, 409, 404, 503


class WitnessEndpoint(Struct, frozen=True, kw_only=True):
    """A witness: the key by which it cosigns, and where it is asked."""

    verifier: Verifier
    url: str


def read(text: str) -> WitnessEndpoint:
    """Return a witness as settings name it: its verifier key and its URL. Raises `NotANote`."""
    key, _, url = text.strip().partition(" ")
    verifier = read_verifier(key)
    if verifier.type != COSIGNATURE or not url.strip().startswith(("http://", "https://")):
        raise NotANote(
            sentence(
                "%(text)s is no witness: write the verifier key of a cosigner, a space, and its URL",
                text=repr(text[:80]),
            )
        )
    return WitnessEndpoint(verifier=verifier, url=url.strip().rstrip("/"))


class WitnessConflict(Exception):
    """A witness holds a head, signed by the log's own key, that does not go with what is kept here; the message says which.

    `size` is the head's, and `beyond` whether it is of more records than are kept.
    """

    def __init__(self, witness: str, size: int, *, beyond: bool) -> None:
        """Keep both."""
        text = "less is kept here" if beyond else "others are kept here"
        super().__init__(
            f"{witness} has cosigned a head of {size} records, signed by the log's key, and {text}"
        )
        self.size = size
        self.beyond = beyond


class LogConfirmation(Struct, frozen=True, kw_only=True):
    """The witnesses' answer for one log: who confirmed its newest head, why the others did not, and what contradicts it.

    A witness that does not know the log is in neither list.
    """

    by: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    against: str = ""


def confirmation_of(answers: Mapping[str, LogConfirmation]) -> Confirmation:
    """Return the answer for all logs of a data directory: nothing contradicts any of them, and somebody confirms each that is witnessed."""
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
    """Return what a witness answers, as far as it is read."""
    body = b""
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > _HEAD_BYTES:
            break
    return body


class Witnesses:
    """The witnesses of one log, and how far each has come."""

    def __init__(
        self, session: aiohttp.ClientSession, witness_endpoints: Sequence[WitnessEndpoint]
    ) -> None:
        """Ask through the session."""
        self._session = session
        self._sizes: dict[WitnessEndpoint, int] = dict.fromkeys(witness_endpoints, 0)
        self._not_before: dict[WitnessEndpoint, float] = {}
        self._told: dict[WitnessEndpoint, str] = {}

    async def cosigned(self, head: Checkpoint, found: Note, nodes: Nodes) -> list[NoteSignature]:
        """Return the cosignatures of those whose are not on the note yet, and that give one now."""
        there = {(signature.name, signature.key_id) for signature in found.signatures}
        waiting = [
            size
            for size in self._sizes
            if (size.verifier.name, size.verifier.key_id) not in there
            and self._not_before.get(size, 0.0) <= time.monotonic()
        ]
        signed = str(found).encode()
        note_signatures = await asyncio.gather(
            *(self._one(item, head, signed, nodes) for item in waiting)
        )
        return [signature for signature in note_signatures if signature is not None]

    async def agree(
        self,
        log: Verifier,
        root: Callable[[int], bytes | None],
        witnessed: Note | None,
        sealed: bytes | None,
    ) -> bool:
        """Return whether one of the witnesses agrees with what is kept here, or none of them has a say. Raises `Contradicted`.

        `root` gives the own root at a size, None where less is kept, and `witnessed` is
        the newest head that was cosigned here: a witness that is not under it, and has
        no head of this log, is new, and cannot say anything. One that shows nobody its
        heads is asked to cosign the `sealed` one: it says then how many records it has
        come to.
        """
        stances = await asyncio.gather(
            *(self._stance(size, log, root, witnessed, sealed) for size in self._sizes)
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
        """Return whether it agrees; None where it has no say. Raises `Contradicted`."""
        url = f"{witness.url}/{hashlib.sha256(log.name.encode()).hexdigest()}/checkpoint"
        try:
            async with self._session.get(url, timeout=_SECONDS, allow_redirects=False) as answer:
                status, body = answer.status, await _body_of(answer)
        except (aiohttp.ClientError, TimeoutError):
            return False
        if status == _UNKNOWN:
            known = witnessed is not None and witnessed.signed_by(witness.verifier) is not None
            return await self._has_come_so_far(witness, sealed) if known else None
        try:
            head, result = checkpoint.opened(body, log)
            if status != _OK or result.signed_by(witness.verifier) is None:
                return False
        except NotANote:
            return False
        data = root(head.size)
        if data != head.root:
            raise WitnessConflict(witness.verifier.name, head.size, beyond=data is None)
        self._sizes[witness] = head.size
        return True

    async def confirm(
        self, log: Verifier, root: Callable[[int], bytes | None], nodes: Nodes, sealed: bytes | None
    ) -> LogConfirmation:
        """Ask every witness whether the newest signed head, `sealed`, is the newest that it knows. Nothing is signed for it.

        A head by the log's key that a witness shows, of more records or of others than
        are here, contradicts. One that has come less far is asked to cosign the newest.
        `root` is as in `agree`.
        """
        try:
            newest = (
                Checkpoint(log.name, 0, merkle.EMPTY)
                if sealed is None
                else checkpoint.opened(sealed, log)[0]
            )
            if root(newest.size) != newest.root:
                return LogConfirmation(
                    against=f"the signed head of {newest.size} records is not of the records that are here"
                )
            answers = await asyncio.gather(
                *(self._confirm_by(size, log, root, nodes, newest, sealed) for size in self._sizes)
            )
        except NotANote as error:
            return LogConfirmation(against=f"what is sealed is no head: {error}")
        except WitnessConflict as error:
            return LogConfirmation(against=str(error))
        names = [size.verifier.name for size in self._sizes]
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
        """Return why a witness does not confirm the newest head; empty where it does, None where it does not know the log."""
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
                return f"says that it has cosigned {size} records, and the newest head here is of {newest.size}"
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
        """Return how far a witness that shows no heads says it has come; why it does not say so; or None where it did not know the log."""
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
        """Return whether a witness that shows no heads says that it has cosigned, and no more than is sealed."""
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
                self._later(witness, type(error).__name__)
                return None
            if status == _OK:
                self._sizes[witness] = head.size
                self._told.pop(witness, None)
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
            self._later(witness, why, _SOON_SECONDS if status == _NOT_NOW else _AGAIN_SECONDS)
            return None
        return None

    def _read(
        self, witness: WitnessEndpoint, head: Checkpoint, body: bytes
    ) -> NoteSignature | None:
        try:
            return note.read(f"{head.text}\n".encode() + body).signed_by(witness.verifier)
        except NotANote as error:
            self._later(witness, f"its cosignature does not hold: {error}")
            return None

    def _later(self, witness: WitnessEndpoint, why: str, seconds: float = _AGAIN_SECONDS) -> None:
        if self._told.get(witness) != why:
            log.warning("witness.not_cosigned", witness=witness.verifier.name, reason=why)
        self._told[witness] = why
        self._not_before[witness] = time.monotonic() + seconds
