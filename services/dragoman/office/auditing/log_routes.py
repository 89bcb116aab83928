"""Routes of the transparency log, and of the evidence of an exchange."""

from typing import Any, Final

from aiohttp import web
from msgspec import Struct

from dragoman.api import examples
from dragoman.api.routing import CHANNEL, May, Route
from dragoman.application.http.conditional_requests import standing
from dragoman.application.http.request import ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.http.submission import in_thread
from dragoman.application.operations import transparency_log
from dragoman.application.operations.report_requests import HTML
from dragoman.application.operations.transparency_log import BYTES, NO_SNIFF, TEXT, signed_head
from dragoman.domain.acts.access import is_station
from dragoman.domain.record.errors import refuse
from dragoman.office.auditing import evidence
from dragoman.tlog import tiles
from dragoman_schemas.fields import Language
from dragoman_schemas.responses import (
    Covered,
)

_FOR_EVER: Final = "private, max-age=31536000, immutable"


async def show_checkpoint(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the newest signed head, unchanged."""
    _, note = await signed_head(call, call.channel)
    return web.Response(
        body=note,
        content_type=TEXT,
        charset="utf-8",
        headers={**NO_SNIFF, "Cache-Control": "private, max-age=1"},
    )


async def take_cosignature(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Take a head that a station has cosigned for its side's witness."""
    actor = call.grant.actor
    if not is_station(call.channel.registry, actor):
        raise refuse(
            "not-permitted",
            "Only a station hands cosignatures in. The signer asks other witnesses itself.",
        )
    await call.service.pushed.take(call.channel, actor, await call.arrived())
    return ApiReply(body=await call.service.coverage.of(call.channel))


async def show_coverage(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return up to where the log is countersigned and final, by the policy in force."""
    return ApiReply(
        body=await call.service.coverage.of(call.channel),
        headers={"Cache-Control": "no-store"},
    )


async def show_tile(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return a tile or an entry bundle of the tree."""
    projection = call.channel
    tile = tiles.read_path(f"tile/{call.path('tile')}")
    if tile is None or not tiles.exists(tile, projection.state.position):
        raise refuse(
            "not-found",
            "The tree of %(n)s records has no tile %(path)s.",
            n=projection.state.position,
            path=call.path("tile")[:80],
        )
    await projection.in_file()
    body = await in_thread(call, call.service.trees.tile, projection.name, tile)
    cached = _FOR_EVER if tile.width == tiles.WIDTH else "private, max-age=60"
    return web.Response(
        body=body, content_type=BYTES, headers={**NO_SNIFF, "Cache-Control": cached}
    )


class EvidenceQuery(Struct, frozen=True, kw_only=True):
    """The language of the page around the evidence: English, French or Chinese."""

    language: Language | None = None


async def show_evidence(call: ApiRequest[EvidenceQuery]) -> ApiAnswer:
    """Return the evidence of an exchange, as a page that verifies itself."""
    projection, position = await standing(call)
    result = await evidence.evidence_of(call, projection, call.path("exchange"), position)
    answer: web.Response = await in_thread(
        call, call.request.app[evidence.EVIDENCE_PAGE], result, call.query.language or "en"
    )
    return answer


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "POST",
        f"{CHANNEL}/log/cosignatures",
        take_cosignature,
        "Hand in a head that a station has cosigned",
        NoBody,
        {200: Covered},
        takes=(TEXT,),
        example=examples.COSIGNED_HEAD,
        may=May.STATION,
        stations=True,
    ),
    Route(
        "GET",
        f"{CHANNEL}/records/{{position}}/proof",
        transparency_log.show_proof,
        "The proof that a record is in the log",
        NoBody,
        {200: None},
        media=(transparency_log.TEXT,),
        may=May.MEMBER,
        answer_headers=("Dragoman-Position",),
    ),
    Route(
        "GET",
        f"{CHANNEL}/log/checkpoint",
        show_checkpoint,
        "The newest signed head of the log",
        NoBody,
        {200: None},
        media=(transparency_log.TEXT,),
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/log/coverage",
        show_coverage,
        "The positions up to which the log is countersigned and final",
        NoBody,
        {200: Covered},
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/log/tile/{{tile:.+}}",
        show_tile,
        "A tile of the tree, or its entries",
        NoBody,
        {200: None},
        media=(transparency_log.BYTES,),
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/exchanges/{{exchange}}/evidence",
        show_evidence,
        "The records of an exchange with their proofs, in one file that verifies itself",
        EvidenceQuery,
        {200: None},
        media=(HTML,),
        may=May.MEMBER,
    ),
)
