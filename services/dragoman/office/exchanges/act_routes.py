"""Routes by which acts are posted."""

from typing import Any, Final

from aiohttp import web

from dragoman.api import examples
from dragoman.api.routing import CHANNEL, POST_HEADERS, May, Route
from dragoman.api.sse import NDJSON
from dragoman.application.http.request import ApiAnswer, ApiRequest, NoBody
from dragoman.application.http.submission import record
from dragoman.domain.acts.act_registry import PATHS
from dragoman.office.exchanges.act_batches import post_acts
from dragoman_schemas.responses import Recorded


async def post_opening(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Post an act that opens an exchange, under the path of its family."""
    projection = call.channel
    family = PATHS.get(call.path("family"))
    if family is None:
        raise web.HTTPNotFound
    return await record(call, projection, await call.body(), family=family)


async def post_act(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Post an act that continues the exchange in the path."""
    projection = call.channel
    return await record(call, projection, await call.body(), exchange=call.path("exchange"))


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "POST",
        f"{CHANNEL}/exchanges/{{exchange}}/acts",
        post_act,
        "Post an act to an exchange",
        NoBody,
        {201: Recorded},
        takes="act",
        headers=POST_HEADERS,
        example=examples.ACKNOWLEDGEMENT,
        may=May.ACT,
        stations=True,
    ),
    Route(
        "POST",
        f"{CHANNEL}/acts",
        post_acts,
        "Post many acts at once",
        NoBody,
        {200: None},
        takes=(NDJSON,),
        media=(NDJSON,),
        example=examples.ACTS,
        may=May.ACT,
        stations=True,
    ),
    Route(
        "POST",
        f"{CHANNEL}/{{family:{'|'.join(PATHS)}}}",
        post_opening,
        "Open an exchange",
        NoBody,
        {201: Recorded},
        takes="act",
        headers=POST_HEADERS,
        example=examples.INCIDENT,
        may=May.ACT,
        stations=True,
    ),
)
