"""Signed heads, tiles and proofs over HTTP, for members of the channel: the public formats, as any other reader takes them."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from dragoman.application.http.request import ApiAnswer, ApiRequest, NoBody
from dragoman.application.http.submission import in_thread, whole
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.errors import Refused, refuse
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import RESEAL_SECONDS
from dragoman.projection.projection import Projection
from dragoman.reports import log_findings
from dragoman.reports.log_findings import LogFinding
from dragoman.stores.signed_heads import SealedHead
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
_SAFE: Final = {"X-Content-Type-Options": "nosniff"}


class Heads:
    """The newest signed head of each channel, asked for anew when it is older than a moment."""

    def __init__(self) -> None:
        """Know none yet."""
        self._known: dict[str, tuple[float, SealedHead | None]] = {}
        self._behind: dict[str, tuple[int, float]] = {}

    async def newest(
        self, call: ApiRequest[Any], channel: str, fresh_s: float = _FRESH_SECONDS
    ) -> SealedHead | None:
        """Return the newest head, or as it was so many seconds ago. Raises `Refused` where the broker cannot be asked."""
        at, sealed = self._known.get(channel, (-1.0, None))
        if time.monotonic() - at > fresh_s:
            try:
                sealed = await call.service.seals.newest(channel)
            except LogUnreachable as error:
                raise refuse(
                    "unavailable",
                    "The signed head cannot be looked up now: %(error)s. Try again.",
                    error=error.said,
                ) from None
            self._known[channel] = time.monotonic(), sealed
        return sealed

    async def is_late(self, call: ApiRequest[Any], projection: Projection) -> bool:
        """Return whether a registrar has left the newest records, or the head as it stands, unsigned for long. Raises `Refused`, `NotANote`."""
        sealed = await self.newest(call, projection.name, _LOOK_SECONDS)
        if sealed is not None and sealed.taken is not None:
            if (datetime.now(UTC) - sealed.taken).total_seconds() > RESEAL_SECONDS + _LATE_SECONDS:
                return True
            if checkpoint.read(note.read(sealed.note).text).size >= projection.state.position:
                self._behind.pop(projection.name, None)
                return False
        seq, now = 0 if sealed is None else sealed.seq, time.monotonic()
        number, since = self._behind.get(projection.name, (seq, now))
        self._behind[projection.name] = (seq, since if number == seq else now)
        return now - self._behind[projection.name][1] > _LATE_SECONDS


HEADS: Final = web.AppKey("heads", Heads)


async def unsigned(call: ApiRequest[Any]) -> Text | None:
    """Return what is wrong with the heads of the channels that are read live, if anything is."""
    service, heads = call.service, call.request.app[HEADS]
    live = [
        channel
        for channel in service.channels.values()
        if channel.is_channel and service.is_live(channel)
    ]
    try:
        async with asyncio.timeout(_ASKED_SECONDS):
            late = sum([await heads.is_late(call, projection) for projection in live])
    except (Refused, TimeoutError):
        return sentence("the broker does not say what is signed")
    except NotANote:
        return sentence("what is sealed is no head; keep it, and look at what the registrar logs")
    if not late:
        return None
    return sentence(
        "%(n)s of %(all)s were not signed for long; see that the registrar runs, and what it logs",
        n=late,
        all=len(live),
    )


async def signed_head(call: ApiRequest[Any], projection: Projection) -> tuple[Checkpoint, bytes]:
    """Return the newest signed head, which must be that of the records that were folded here. Raises `Refused`."""
    sealed = await call.request.app[HEADS].newest(call, projection.name)
    if sealed is None:
        raise refuse(
            "not-found",
            "No head of this log was signed yet; a registrar does, within half a second.",
        )
    try:
        head, _ = checkpoint.opened(sealed.note, log_of(projection.registry))
    except NotANote as error:
        raise refuse(
            "read-only",
            "What is sealed is no head of this log: %(error)s. Tell the operator, and keep it.",
            error=error.said,
        ) from None
    await projection.in_file(head.size)
    nodes = call.service.trees.nodes(projection.name)
    root = await in_thread(call, merkle.root_of, nodes, head.size)
    if root != head.root:
        raise refuse(
            "read-only",
            "The signed head of %(n)s records is not that of the records here. Keep both, and tell the operator.",
            n=head.size,
        )
    return head, sealed.note


async def checked(call: ApiRequest[Any]) -> list[LogFinding]:
    """Return what this gateway can say of the log being whole: on its own word, which is why an auditor asks nobody."""
    projection = call.channel
    sealed = await call.request.app[HEADS].newest(call, projection.name)
    covered = await call.service.coverage.of(projection)
    findings = [log_findings.of_records(projection.state.position)]
    try:
        head = (
            None
            if sealed is None
            else checkpoint.opened(sealed.note, log_of(projection.registry))[0]
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
    """Return the proof that a record stands in the log, verified offline with the log's key alone."""
    projection = call.channel
    position = whole(call.path("position"))
    head, note = await signed_head(call, projection)
    if position is None or not 1 <= position <= head.size:
        raise refuse(
            "not-found",
            "The newest signed head is of %(n)s records; a record is under one within half a second.",
            n=head.size,
        )
    nodes = call.service.trees.nodes(projection.name)
    hashes = await in_thread(call, merkle.inclusion, nodes, position - 1, head.size)
    name = f"{projection.name}-{position}.tlog-proof"
    headers = {
        **_SAFE,
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
