"""Cosignatures that stations push: a witness behind a firewall needs no port.

A station cosigns each head that settled in its copy, and hands the cosignature in. It
counts like one that the signer asked for: it is shown under the newest head, and covers
its records. The newest one of each station is kept beside the drafts.
"""

import time
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.domain.acts import log_policy
from dragoman.domain.record.errors import refuse
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.stores.key_value import Bucket
from dragoman.tlog import checkpoint, note
from dragoman.tlog.note import NotANote

NOTE_BYTES: Final = 65_536
"""The most bytes of a pushed head with its cosignatures."""

_PREFIX: Final = "cosigned."
_FRESH_SECONDS: Final = 1.0


class PushedHead(Struct, frozen=True):
    """A cosigned head as it is kept: its note, and the number of its records."""

    note: str
    size: int


_decode = msgspec.json.Decoder(PushedHead).decode


class PushedCosignatures:
    """The newest pushed head of each station, for all channels."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket of the drafts."""
        self._bucket = bucket
        self._read_at = float("-inf")

    async def refresh(self) -> None:
        """Read what other gateways took, if that is a second ago.

        Raises `LogUnreachable`.
        """
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            self._read_at = time.monotonic()
            await self._bucket.refresh()

    def notes(self, cid: str) -> list[bytes]:
        """Return the pushed heads of a channel, each with its cosignatures."""
        prefix = f"{_PREFIX}{cid}."
        return [
            _decode(value).note.encode()
            for key, value in self._bucket.values.items()
            if key.startswith(prefix)
        ]

    def merged(self, cid: str, signed: bytes) -> bytes:
        """Return a signed head with the cosignatures that were pushed for it."""
        pushed = self.notes(cid)
        if not pushed:
            return signed
        head = note.read(signed)
        signatures = list(head.signatures)
        keys = {(item.name, item.key_id) for item in signatures}
        for raw in pushed:
            other = note.read(raw)
            if other.text != head.text:
                continue
            for item in other.signatures:
                if (item.name, item.key_id) not in keys:
                    keys.add((item.name, item.key_id))
                    signatures.append(item)
        if len(signatures) == len(head.signatures):
            return signed
        return note.encode(head.text, signatures)

    async def take(self, projection: Projection, actor: str, raw: bytes) -> int:
        """Keep the cosigned head that a station hands in; return its size.

        An older one than its last is taken without effect. Raises `Refused`.
        """
        registry = projection.registry
        policy = log_policy.in_force(registry)
        if policy is None:
            raise refuse(
                "invalid", "No policy of witnesses is in force in this channel; adopt one first."
            )
        try:
            head, signatures = checkpoint.read_signed(raw, log_policy.log_of(registry))
            witnessed = policy.witnessed(signatures)
        except NotANote as error:
            raise refuse(
                "invalid", "This is not a head of this log: %(error)s.", error=error.said
            ) from None
        if not witnessed:
            raise refuse("invalid", "No witness of the policy in force has cosigned this head.")
        try:
            await projection.in_file(head.size)
        except NotYetApplied as error:
            raise refuse(
                "behind", "The log has fewer records than this head: %(error)s.", error=error.said
            ) from None
        if projection.root(head.size) != head.root:
            raise refuse("invalid", "This head is of other records than those of this log.")
        key = f"{_PREFIX}{registry.cid}.{actor.replace('/', '.')}"
        value = self._bucket.values.get(key)
        if value is None or _decode(value).size <= head.size:
            try:
                await self._bucket.put(key, PushedHead(raw.decode(), head.size))
            except LogUnreachable as error:
                raise refuse(
                    "unavailable",
                    "The cosignature is not kept: %(error)s. Send it again.",
                    error=error.said,
                ) from None
        return head.size
