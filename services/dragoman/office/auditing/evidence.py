"""The evidence file of an exchange: its records with their proofs under one head."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web
from msgspec import Struct

from dragoman.application.http.request import ApiRequest
from dragoman.application.http.submission import in_thread
from dragoman.application.operations import exchange_view, transparency_log
from dragoman.domain.record.errors import Refused, refuse
from dragoman.domain.views import attribution
from dragoman.projection.projection import Projection
from dragoman.projection.queries.evidence_rows import evidence_records, with_proofs
from dragoman.projection.view import View, queried
from dragoman.reports import stated_values
from dragoman.tlog.checkpoint import Checkpoint
from dragoman_schemas.evidence import EvidenceFile
from dragoman_schemas.report_shapes import ReportedStatements
from dragoman_schemas.state import Exchange, Registry, decode_exchange


class ExchangeEvidence(Struct, frozen=True):
    """The evidence of an exchange, and the statements of its sides in these records.

    The statements are None where no side stated anything twice. The file does not
    contain them: they follow from its records.
    """

    file: EvidenceFile
    statements: ReportedStatements | None = None


EVIDENCE_PAGE: Final[web.AppKey[Callable[[ExchangeEvidence, str], web.Response]]] = web.AppKey(
    "evidence_page"
)
"""The function that answers with an evidence file, as a page in a language."""

_MOST_RECORDS: Final = 2_000
"""Records of an evidence file. A browser verifies so many in seconds."""

_HEAD_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 0.1


async def evidence_of(
    call: ApiRequest[Any], projection: Projection, exchange: str, position: int
) -> ExchangeEvidence:
    """Return the evidence of an exchange, up to its newest record. Raises `Refused`.

    `position` is the newest one that was folded.
    """
    view = await exchange_view.viewed(call, projection, exchange, None, position, limit=0)
    state = decode_exchange(bytes(view.state))
    if attribution.unattributed(state):
        raise refuse(
            "not-permitted",
            "Under the Chatham House Rule no file is made that names who spoke.",
        )
    newest = max(entry.position for entry in view.timeline) if view.timeline else view.position
    head, note = await _head_over(call, projection, newest)
    result: ExchangeEvidence = await in_thread(call, _build, call, projection, state, head, note)
    return result


async def _head_over(
    call: ApiRequest[Any], projection: Projection, position: int
) -> tuple[Checkpoint, bytes]:
    """Return a signed head that covers a position, once there is one."""
    until = time.monotonic() + _HEAD_SECONDS
    while time.monotonic() < until:
        try:
            head, note = await transparency_log.signed_head(call, projection)
        except Refused as error:
            if error.refusal.kind != "not-found":
                raise
        else:
            if head.size >= position:
                return head, note
        await asyncio.sleep(_AGAIN_SECONDS)
    raise refuse("unavailable", "The newest records are not signed yet; ask again in a moment.")


def _recorded(
    view: View, registry: Registry, exchange: str, size: int
) -> tuple[dict[int, bytes], Exchange | None]:
    """Return the records of an evidence file, and the exchange under its head."""
    under_head = view.at(size)
    return evidence_records(under_head, registry, exchange, _MOST_RECORDS), under_head.state(
        exchange
    )


def _build(
    call: ApiRequest[Any],
    projection: Projection,
    state: Exchange,
    head: Checkpoint,
    note: bytes,
) -> ExchangeEvidence:
    raws, under_head = queried(
        call.service.store, projection.name, _recorded, projection.registry, state.id, head.size
    )
    if len(raws) > _MOST_RECORDS:
        raise refuse(
            "no-room",
            "The evidence of this exchange has more than %(n)s records. Export the whole log "
            "with `dragoman audit export`.",
            n=_MOST_RECORDS,
        )
    nodes = call.service.trees.nodes(projection.name)
    file = EvidenceFile(
        exchange=state.id,
        number=state.number,
        checkpoint=note.decode(),
        records=with_proofs(nodes, raws, head.size),
    )
    return ExchangeEvidence(file, stated_values.of_exchange(under_head or state))
