"""The HTTP API as a whole: every route, and the documents that describe it."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from dragoman import __version__
from dragoman.api.asyncapi import asyncapi
from dragoman.api.openapi import openapi
from dragoman.api.routing import CACHE_HEADERS, May, Route
from dragoman.application.http.conditional_requests import unchanged
from dragoman.application.http.kept_bodies import KeptBody, locked_cache
from dragoman.application.http.request import JSON, ApiAnswer, ApiRequest, NoBody
from dragoman.domain.acts.act_registry import PATHS
from dragoman.office import resources
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.identity_responses import (
    StreamAlarm,
    StreamChannel,
    StreamChannels,
    StreamRecord,
    StreamReset,
)
from dragoman_schemas.record import Envelope
from dragoman_schemas.responses import Entry, Row, UnattributedNotice
from dragoman_schemas.watch_responses import Alarm, EndpointTest, WatchNotice


async def show_openapi(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the OpenAPI document."""
    return await _described(call, document)


async def _described(call: ApiRequest[NoBody], describe: Callable[[], Any]) -> ApiAnswer:
    etag, body = await asyncio.to_thread(_kept, describe)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if unchanged(call, etag):
        return web.Response(status=304, headers=headers)
    return body.response(call.request, headers=headers, content_type=JSON)


@locked_cache
def _kept(describe: Callable[[], Any]) -> tuple[str, KeptBody]:
    """Return a document's ETag and bytes. Making them takes a second, once."""
    body = msgspec.json.encode(describe())
    return f'"{hashlib.sha256(body).hexdigest()}"', KeptBody(body)


@locked_cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document of this API."""
    union: Any = None
    for shape in SHAPES.values():
        union = shape if union is None else union | shape
    return openapi(ROUTES, union, __version__)


async def show_asyncapi(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the AsyncAPI document."""
    return await _described(call, streams)


def streams() -> dict[str, Any]:
    """Return the AsyncAPI document of logged and streamed messages."""
    return asyncapi(
        Envelope,
        Entry,
        Row,
        Alarm,
        WatchNotice,
        EndpointTest,
        UnattributedNotice,
        (StreamRecord, StreamAlarm, StreamChannels, StreamChannel, StreamReset),
        sorted({*PATHS.values()}),
        __version__,
    )


ROUTES: Final[tuple[Route[Any], ...]] = (
    *resources.ROUTES,
    Route(
        "GET",
        "/v1/openapi.json",
        show_openapi,
        "The description of the API (OpenAPI)",
        NoBody,
        {200: None, 304: None},
        headers=CACHE_HEADERS,
        may=May.ANYBODY,
    ),
    Route(
        "GET",
        "/v1/asyncapi.json",
        show_asyncapi,
        "The description of logs and streams (AsyncAPI)",
        NoBody,
        {200: None, 304: None},
        headers=CACHE_HEADERS,
        may=May.ANYBODY,
    ),
)
