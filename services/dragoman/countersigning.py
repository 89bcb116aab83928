"""Asking witnesses to cosign a head (C2SP tlog-witness), each from the size that it has come to.

A witness that does not answer, or holds, or says that it is further than the log, is asked again later: what one side's program
says stops nobody, only a signature does. Before a registrar goes on from what it finds, a witness must agree with it: one that shows a
head by the log's own key that is not of these records, or of more than there are, has shown that an old copy stands here.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Final

import aiohttp
import structlog
from msgspec import Struct

from dragoman.sentence import sentence
from dragoman.tlog import checkpoint, merkle, note
from dragoman.tlog.checkpoint import Addition, Checkpoint
from dragoman.tlog.merkle import Nodes
from dragoman.tlog.note import COSIGNATURE, NotANote, Note, Signature, Verifier, read_verifier

log = structlog.get_logger()

_SECONDS: Final = aiohttp.ClientTimeout(total=1.0)
_AGAIN_SECONDS: Final = 10.0
_SOON_SECONDS: Final = 1.0
_TRIES: Final = 2
_HEAD_BYTES: Final = 2**20
_OK, _CONFLICT, _UNKNOWN, _NOT_NOW = 200, 409, 404, 503


class Asked(Struct, frozen=True, kw_only=True):
    """A witness: the key by which it cosigns, and where it is asked."""

    verifier: Verifier
    url: str


def read(text: str) -> Asked:
    """A witness as settings name it: its verifier key and its URL. Raises `NotANote`."""
    key, _, url = text.strip().partition(" ")
    verifier = read_verifier(key)
    if verifier.type != COSIGNATURE or not url.strip().startswith(("http://", "https://")):
        raise NotANote(sentence("%(text)s is no witness: write the verifier key of a cosigner, a space, and its URL", text=repr(text[:80])))
    return Asked(verifier=verifier, url=url.strip().rstrip("/"))


class Contradicted(Exception):
    """A witness holds a head, signed by the log's own key, that does not go with what is kept here; the message says which.

    `size` is the head's, and `beyond` whether it is of more records than are kept.
    """

    def __init__(self, witness: str, size: int, *, beyond: bool) -> None:
        """Keep both."""
        kept = "less is kept here" if beyond else "others are kept here"
        super().__init__(f"{witness} has cosigned a head of {size} records, signed by the log's key, and {kept}")
        self.size = size
        self.beyond = beyond


async def _body_of(answer: aiohttp.ClientResponse) -> bytes:
    """What a witness answers, as far as it is read."""
    body = b""
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > _HEAD_BYTES:
            break
    return body


class Witnesses:
    """The witnesses of one log, and how far each has come."""

    def __init__(self, session: aiohttp.ClientSession, asked: Sequence[Asked]) -> None:
        """Ask through the session."""
        self._session = session
        self._sizes: dict[Asked, int] = dict.fromkeys(asked, 0)
        self._not_before: dict[Asked, float] = {}
        self._told: dict[Asked, str] = {}

    async def cosigned(self, head: Checkpoint, found: Note, nodes: Nodes) -> list[Signature]:
        """The cosignatures of those whose are not on the note yet, and that give one now."""
        there = {(signature.name, signature.key_id) for signature in found.signatures}
        waiting = [
            each
            for each in self._sizes
            if (each.verifier.name, each.verifier.key_id) not in there and self._not_before.get(each, 0.0) <= time.monotonic()
        ]
        signed = str(found).encode()
        given = await asyncio.gather(*(self._one(each, head, signed, nodes) for each in waiting))
        return [signature for signature in given if signature is not None]

    async def agree(self, log: Verifier, root: Callable[[int], bytes | None], witnessed: Note | None, sealed: bytes | None) -> bool:
        """Whether one of the witnesses agrees with what is kept here, or none of them has a say. Raises `Contradicted`.

        `root` gives the own root at a size, None where less is kept, and `witnessed` is the newest head that was cosigned here: a
        witness that is not under it, and has no head of this log, is new, and cannot say anything. One that shows nobody its heads is asked
        to cosign the `sealed` one: it says then how many records it has come to.
        """
        stances = await asyncio.gather(*(self._stance(each, log, root, witnessed, sealed) for each in self._sizes))
        return True in stances or all(stance is None for stance in stances)

    async def _stance(
        self, witness: Asked, log: Verifier, root: Callable[[int], bytes | None], witnessed: Note | None, sealed: bytes | None
    ) -> bool | None:
        """Whether it agrees; None where it has no say. Raises `Contradicted`."""
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
            head, found = checkpoint.opened(body, log)
            if status != _OK or found.signed_by(witness.verifier) is None:
                return False
        except NotANote:
            return False
        own = root(head.size)
        if own != head.root:
            raise Contradicted(witness.verifier.name, head.size, beyond=own is None)
        self._sizes[witness] = head.size
        return True

    async def _has_come_so_far(self, witness: Asked, sealed: bytes | None) -> bool:
        """Whether a witness that shows no heads says that it has cosigned, and no more than is sealed."""
        if sealed is None:
            return False
        asked = Addition(old=0, proof=(), checkpoint=sealed)
        try:
            async with self._session.post(
                f"{witness.url}/add-checkpoint", data=bytes(asked), timeout=_SECONDS, allow_redirects=False
            ) as answer:
                status, body = answer.status, await _body_of(answer)
        except (aiohttp.ClientError, TimeoutError):
            return False
        return status == _CONFLICT and body.strip().isdigit() and int(body) <= checkpoint.read(note.read(sealed).text).size

    async def _one(self, witness: Asked, head: Checkpoint, signed: bytes, nodes: Nodes) -> Signature | None:
        for _ in range(_TRIES):
            old = self._sizes[witness]
            asked = Addition(old=old, proof=tuple(merkle.consistency(nodes, old, head.size)), checkpoint=signed)
            try:
                async with self._session.post(
                    f"{witness.url}/add-checkpoint", data=bytes(asked), timeout=_SECONDS, allow_redirects=False
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
                self._later(witness, f"it says that it has cosigned {size} records, and there are {head.size}")
                return None
            if status == _UNKNOWN:
                self._not_before[witness] = float("inf")  # it is another log's
                return None
            why = f"{status} {body[:200].decode(errors='replace').strip()}"
            self._later(witness, why, _SOON_SECONDS if status == _NOT_NOW else _AGAIN_SECONDS)
            return None
        return None

    def _read(self, witness: Asked, head: Checkpoint, body: bytes) -> Signature | None:
        try:
            return note.read(f"{head.text}\n".encode() + body).signed_by(witness.verifier)
        except NotANote as error:
            self._later(witness, f"its cosignature does not hold: {error}")
            return None

    def _later(self, witness: Asked, why: str, seconds: float = _AGAIN_SECONDS) -> None:
        if self._told.get(witness) != why:
            log.warning("witness.not_cosigned", witness=witness.verifier.name, reason=why)
        self._told[witness] = why
        self._not_before[witness] = time.monotonic() + seconds
