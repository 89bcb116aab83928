"""Asking witnesses to cosign a head (C2SP tlog-witness), each from the size that it has come to.

A witness that does not answer, or holds, or says that it is further than the log, is asked again later: what one side's program
says stops nobody, only a signature could.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import aiohttp
import structlog
from msgspec import Struct

from dragoman.tlog import merkle, note
from dragoman.tlog.checkpoint import Addition, Checkpoint
from dragoman.tlog.merkle import Nodes
from dragoman.tlog.note import COSIGNATURE, NotANote, Note, Signature, Verifier, read_verifier

log = structlog.get_logger()

_SECONDS: Final = aiohttp.ClientTimeout(total=1.0)
_AGAIN_SECONDS: Final = 10.0
_TRIES: Final = 2
_OK, _CONFLICT, _UNKNOWN = 200, 409, 404


class Asked(Struct, frozen=True, kw_only=True):
    """A witness: the key by which it cosigns, and where it is asked."""

    verifier: Verifier
    url: str


def read(text: str) -> Asked:
    """A witness as settings name it: its verifier key and its URL. Raises `NotANote`."""
    key, _, url = text.strip().partition(" ")
    verifier = read_verifier(key)
    if verifier.type != COSIGNATURE or not url.strip().startswith(("http://", "https://")):
        raise NotANote(f"{text[:80]!r} is no witness: write the verifier key of a cosigner, a space, and its URL")
    return Asked(verifier=verifier, url=url.strip().rstrip("/"))


class Witnesses:
    """The witnesses of one log, and how far each has come."""

    def __init__(self, session: aiohttp.ClientSession, asked: Sequence[Asked]) -> None:
        """Ask through the session."""
        self._session = session
        self._sizes: dict[Asked, int] = dict.fromkeys(asked, 0)
        self._not_before: dict[Asked, float] = {}

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

    async def _one(self, witness: Asked, head: Checkpoint, signed: bytes, nodes: Nodes) -> Signature | None:
        for _ in range(_TRIES):
            old = self._sizes[witness]
            asked = Addition(old=old, proof=tuple(merkle.consistency(nodes, old, head.size)), checkpoint=signed)
            try:
                async with self._session.post(f"{witness.url}/add-checkpoint", data=bytes(asked), timeout=_SECONDS) as answer:
                    status, body = answer.status, await answer.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                self._later(witness, type(error).__name__)
                return None
            if status == _OK:
                self._sizes[witness] = head.size
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
            self._later(witness, f"{status} {body[:200].decode(errors='replace').strip()}")
            return None
        return None

    def _read(self, witness: Asked, head: Checkpoint, body: bytes) -> Signature | None:
        try:
            return note.read(f"{head.text}\n".encode() + body).signed_by(witness.verifier)
        except NotANote as error:
            self._later(witness, f"its cosignature does not hold: {error}")
            return None

    def _later(self, witness: Asked, why: str) -> None:
        log.warning("witness.not_cosigned", witness=witness.verifier.name, reason=why)
        self._not_before[witness] = time.monotonic() + _AGAIN_SECONDS
