"""The HTTP API: every route with its shapes, and what is asked of the service itself."""

import hashlib
from functools import cache
from typing import Any, Final

import msgspec
from aiohttp import web

from dragoman import __version__
from dragoman.api import routes
from dragoman.api.asyncapi import asyncapi
from dragoman.api.openapi import openapi
from dragoman.api.routing import CACHE_HEADERS, May, Route
from dragoman.application.http.conditional_requests import unchanged
from dragoman.application.http.request import JSON, ApiAnswer, ApiRequest, NoBody
from dragoman.domain.acts.act_registry import PATHS
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.record import Envelope
from dragoman_schemas.responses import (
    Alarm,
    Entry,
    Row,
    UnattributedNotice,
    WatchNotice,
)

# Who and where


# Posting


# Health, and the API about itself


async def show_openapi(call: ApiRequest[NoBody]) -> ApiAnswer:
    return _described(call, _openapi())


def _described(call: ApiRequest[NoBody], body: bytes) -> ApiAnswer:
    etag = f'"{hashlib.sha256(body).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if unchanged(call, etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers=headers, content_type=JSON)


@cache
def _openapi() -> bytes:
    return msgspec.json.encode(document())


@cache
def _asyncapi() -> bytes:
    return msgspec.json.encode(streams())


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document of this API."""
    union: Any = None
    for shape in SHAPES.values():
        union = shape if union is None else union | shape
    return openapi(ROUTES, union, __version__)


async def show_asyncapi(call: ApiRequest[NoBody]) -> ApiAnswer:
    return _described(call, _asyncapi())


def streams() -> dict[str, Any]:
    """Return the AsyncAPI document of what is logged and streamed."""
    return asyncapi(
        Envelope,
        Entry,
        Row,
        Alarm,
        WatchNotice,
        UnattributedNotice,
        sorted({*PATHS.values()}),
        __version__,
    )


ROUTES: Final[tuple[Route[Any], ...]] = (
    *routes.ROUTES,
    Route(
        "GET",
        "/v1/openapi.json",
        show_openapi,
        "This document",
        NoBody,
        {200: None, 304: None},
        headers=CACHE_HEADERS,
        may=May.ANYBODY,
    ),
    Route(
        "GET",
        "/v1/asyncapi.json",
        show_asyncapi,
        "What is logged and streamed",
        NoBody,
        {200: None, 304: None},
        headers=CACHE_HEADERS,
        may=May.ANYBODY,
    ),
)
