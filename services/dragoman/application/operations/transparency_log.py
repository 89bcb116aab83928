"""Signed heads and proofs of a log over HTTP, for members of the channel.

They have the public formats, as any other reader gets them.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from dragoman.application.http.request import SERVICE, ApiAnswer, ApiRequest, NoBody
from dragoman.application.http.submission import in_thread, whole
from dragoman.application.service import Service
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.errors import refuse
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import RESEAL_SECONDS
from dragoman.projection.projection import Projection
from dragoman.reports import log_findings
from dragoman.reports.log_findings import LogFinding
from dragoman.stores.signed_heads import HEADS_AT_ONCE, SignedHeadStore, StoredHead
from dragoman.text import Text, sentence
from dragoman.tlog import checkpoint, merkle, note
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.note import NotANote
from dragoman.tlog.proof import Proof

TEXT: Final = "text/plain"
BYTES: Final = "application/octet-stream"
_FRESH_SECONDS: Final = 0.2
_LATE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 2.0
_ASKED_SECONDS: Final = 1.0
_FOUND_SECONDS: Final = 1.0
NO_SNIFF: Final = {"X-Content-Type-Options": "nosniff"}


class _Head(Struct, frozen=True):
    """The facts of a signed head: its sequence, size and time of storage."""

    seq: int
    size: int
    taken: datetime | None


class Heads:
    """The newest signed head of each channel, read again when it is a moment old.

    For the health of the host, the heads of all channels are read together: first the
    newest of each, then whatever was signed since.
    """

    def __init__(self) -> None:
        """Begin without any head."""
        self._heads: dict[str, tuple[float, StoredHead | None]] = {}
        self._behind: dict[str, tuple[int, float]] = {}
        self._of_all: dict[str, _Head] = {}
        self._last: int | None = None
        self._found: tuple[float, int, int] = (float("-inf"), 0, 0)
        self.unsigned_s = 0.0

    async def late(self, service: Service) -> tuple[int, int]:
        """Return the numbers of live channels without a head in time, and of all.

        The answer is at most a second old. Raises `LogUnreachable`, `NotANote`.
        """
        found_at, late, live = self._found
        if time.monotonic() - found_at > _FOUND_SECONDS:
            channels = [
                channel
                for channel in service.channels.values()
                if channel.is_channel and service.is_live(channel)
            ]
            if channels:  # The first channel has the store of heads made.
                await self._read_on(service.signed_heads)
            now = datetime.now(UTC)
            late, live = sum(self._is_late_now(channel, now) for channel in channels), len(channels)
            behind = [since for _, since in self._behind.values()]
            self.unsigned_s = max(0.0, time.monotonic() - min(behind)) if behind else 0.0
            self._found = time.monotonic(), late, live
        return late, live

    async def _read_on(self, store: SignedHeadStore) -> None:
        """Read the heads that were signed since the last look."""
        if self._last is None:
            try:
                heads = await store.newest_of_all()
            except LogUnreachable:  # there are too many channels for one answer
                heads = await store.all_after(0)
        else:
            heads = await store.all_after(self._last)
        while heads:
            for channel, stored in heads:
                size = checkpoint.read(note.read(stored.note).text).size
                self._of_all[channel] = _Head(stored.seq, size, stored.taken)
                self._last = max(stored.seq, self._last or 0)
            heads = await store.all_after(self._last or 0) if len(heads) == HEADS_AT_ONCE else []

    def _is_late_now(self, projection: Projection, now: datetime) -> bool:
        head = self._of_all.get(projection.name, _Head(0, 0, None))
        return self._is_late(projection, head, now)

    def _is_late(self, projection: Projection, head: _Head, now: datetime) -> bool:
        if head.taken is not None:
            if (now - head.taken).total_seconds() > RESEAL_SECONDS + _LATE_SECONDS:
                return True
            if head.size >= projection.state.position:
                self._behind.pop(projection.name, None)
                return False
        begun = time.monotonic()
        number, since = self._behind.get(projection.name, (head.seq, begun))
        self._behind[projection.name] = (head.seq, since if number == head.seq else begun)
        return begun - self._behind[projection.name][1] > _LATE_SECONDS

    async def newest(
        self, call: ApiRequest[Any], channel: str, fresh_s: float = _FRESH_SECONDS
    ) -> StoredHead | None:
        """Return the newest head, which was read at most `fresh_s` seconds ago.

        Raises `Refused` if the broker cannot be reached.
        """
        read_at, sealed = self._heads.get(channel, (-1.0, None))
        if time.monotonic() - read_at > fresh_s:
            try:
                sealed = await call.service.signed_heads.newest(channel)
            except LogUnreachable as error:
                raise refuse(
                    "unavailable",
                    "The signed head cannot be looked up now: %(error)s. Try again.",
                    error=error.said,
                ) from None
            self._heads[channel] = time.monotonic(), sealed
        projection = call.service.channels.get(channel)
        if sealed is None or projection is None or not projection.is_channel:
            return sealed
        return replace(
            sealed, note=call.service.pushed.merged(projection.registry.cid, sealed.note)
        )

    async def is_late(self, call: ApiRequest[Any], projection: Projection) -> bool:
        """Return whether the signer has left records or the head unsigned for too long.

        Raises `Refused`, `NotANote`.
        """
        sealed = await self.newest(call, projection.name, _LOOK_SECONDS)
        head = _Head(0, 0, None)
        if sealed is not None:
            size = checkpoint.read(note.read(sealed.note).text).size
            head = _Head(sealed.seq, size, sealed.taken)
        return self._is_late(projection, head, datetime.now(UTC))


HEADS: Final = web.AppKey("heads", Heads)


async def unsigned(app: web.Application) -> Text | None:
    """Return the reason why heads of live channels are not signed; None if all are."""
    service, heads = app[SERVICE], app[HEADS]
    try:
        async with asyncio.timeout(_ASKED_SECONDS):
            late, live = await heads.late(service)
    except (LogUnreachable, TimeoutError):
        return sentence("the broker does not answer which heads are signed")
    except NotANote:
        return sentence("the stored head is not valid; keep it, and read the signer’s log")
    if not late:
        return None
    return sentence(
        "%(n)s of %(all)s were not signed for too long; check that the signer runs, and read its "
        "log",
        n=late,
        all=live,
    )


async def signed_head(call: ApiRequest[Any], projection: Projection) -> tuple[Checkpoint, bytes]:
    """Return the newest signed head. Raises `Refused`.

    It must be the head of the records that were folded here.
    """
    sealed = await call.request.app[HEADS].newest(call, projection.name)
    if sealed is None:
        raise refuse(
            "not-found",
            "No head of this log is signed yet. A signer signs one within half a second of a record.",
        )
    try:
        head, _ = checkpoint.read_signed(sealed.note, log_of(projection.registry))
    except NotANote as error:
        raise refuse(
            "read-only",
            "The stored head is not a valid head of this log: %(error)s. Keep it, and tell the "
            "operator.",
            error=error.said,
        ) from None
    await projection.in_file(head.size)
    nodes = call.service.trees.nodes(projection.name)
    root = await in_thread(call, merkle.root_of, nodes, head.size)
    if root != head.root:
        raise refuse(
            "read-only",
            "The signed head of %(n)s records does not match the records here. Keep both, and "
            "tell the operator.",
            n=head.size,
        )
    return head, sealed.note


async def checked(call: ApiRequest[Any]) -> list[LogFinding]:
    """Return the findings about the log that this gateway makes, on its own word.

    An auditor therefore does not ask a gateway, but checks a copy of the log.
    """
    projection = call.channel
    sealed = await call.request.app[HEADS].newest(call, projection.name)
    covered = await call.service.coverage.of(projection)
    findings = [log_findings.of_records(projection.state.position)]
    try:
        head = (
            None
            if sealed is None
            else checkpoint.read_signed(sealed.note, log_of(projection.registry))[0]
        )
    except NotANote as error:
        return [*findings, log_findings.of_no_head(error.said)]
    when = "" if sealed is None or sealed.taken is None else f"{sealed.taken:%Y-%m-%dT%H:%M:%SZ}"
    findings.append(log_findings.of_head(0 if head is None else head.size, when))
    policy = projection.registry.policy
    return [
        *findings,
        log_findings.of_witnesses(covered.final, covered.sides)
        if policy
        else log_findings.of_no_witnesses(),
    ]


async def show_proof(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the proof that a record is in the log.

    It is verified offline, with nothing but the key of the log.
    """
    projection = call.channel
    position = whole(call.path("position"))
    head, note = await signed_head(call, projection)
    if position is None or not 1 <= position <= head.size:
        raise refuse(
            "not-found",
            "The newest signed head has %(n)s records; a new record gets a head within half a "
            "second.",
            n=head.size,
        )
    nodes = call.service.trees.nodes(projection.name)
    hashes = await in_thread(call, merkle.inclusion, nodes, position - 1, head.size)
    name = f"{projection.name}-{position}.tlog-proof"
    headers = {
        **NO_SNIFF,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Dragoman-Position": str(position),
        "Cache-Control": "no-store",
    }
    return web.Response(
        body=bytes(Proof(position - 1, tuple(hashes), note)),
        content_type=TEXT,
        charset="utf-8",
        headers=headers,
    )
