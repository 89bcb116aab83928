"""The route of the evidence file of an exchange."""

from typing import Any, Final

from aiohttp import web
from msgspec import Struct

from dragoman.api.routing import CHANNEL, May, Route
from dragoman.application.http.conditional_requests import standing
from dragoman.application.http.request import ApiAnswer, ApiRequest
from dragoman.application.http.submission import in_thread
from dragoman.application.operations import evidence
from dragoman.application.operations.report_requests import HTML
from dragoman_schemas.fields import Language


class EvidenceQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
