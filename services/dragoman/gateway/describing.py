"""The API described from its one source: an OpenAPI 3.1 document of the routes, and an AsyncAPI 3 document of what is streamed and logged.

What an operation may be refused for follows from what it takes: every problem type stands under its status.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, get_args

import msgspec

from dragoman.gateway.typed import JSON, Nothing, Route
from dragoman_schemas.fields import MediaType
from dragoman_schemas.problems import BASE, TYPES, Problem

_REF: Final = "#/components/schemas/{name}"
_LICENSE: Final = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
_VARIABLE: Final = re.compile(r"{([a-z0-9_]+)(?::([^{}]*))?}")
_NAMES: Final = re.compile(r"[a-z-]+(?:\|[a-z-]+)*")

_PATH: Final = {
    "channel": "The channel's name.",
    "exchange": "The exchange's id, which is that of its opening record.",
    "family": "Where acts of a family are posted.",
    "position": "The record's position in the log, from 1.",
    "draft": "The draft's id.",
    "person": "The entry's id in the channel's register of people.",
    "sha256": "The SHA-256 of the file's bytes, in hex.",
    "tile": "The tile's level and number, as tlog-tiles writes them.",
    "token": "The token's id, as it was shown when it was issued.",
    "subject": "The mapping's id, as it was shown when it was made.",
}
_QUERY: Final = {
    "at": "As it stood at this position, or by this time; left out, or 0, as it stands now.",
    "from": "The first position, or from when on.",
    "after": "Only what follows this position.",
    "to": "The last position, or until when; left out, or 0, now.",
    "limit": "How many rows a page has at most.",
    "cursor": "The page that follows, as `Link: rel=next` gave it.",
    "q": "Words that are looked for, in any language.",
    "family": "Of this family alone.",
    "act": "Opened by this act alone.",
    "status": "In this status alone.",
    "side": "Of this side alone.",
    "area": "In this area alone.",
    "number": "The exchange of this number.",
    "overdue": "What this side, or any, owes and has not done in time.",
    "unacknowledged_by": "What this side has yet to acknowledge.",
    "unanswered_by": "What this side has yet to answer.",
    "format": "Of this format alone.",
    "language": "In which language texts are given that there are several of.",
    "year": "Of this year.",
    "ids": "These entries alone.",
}
_HEADER: Final = {
    "Idempotency-Key": "A new UUIDv7, or 16 to 128 printable characters: the same at every retry of this post, and never for another.",
    "If-Match": "The ETag that the post relies on, in double quotes.",
    "If-None-Match": "The ETag that the caller has; 304 where it is still the newest.",
    "Dragoman-Min-Position": "A position that the answer must have seen: what the caller posted itself is in it.",
    "Prefer": "`wait=N`: answer once the record is final, or after N seconds; `return=minimal`: without a body.",
    "Last-Event-ID": "The position of the last event that came; the stream goes on after it.",
}

_ANY: Final = ("bad-request",)
_CALLER: Final = ("unauthenticated", "budget")
_CHANNEL: Final = ("not-permitted", "not-found", "behind")
_WRITES: Final = ("not-permitted", "unavailable")
_MATCHES: Final = ("moved", "precondition-required")
_BODY: Final = ("media-type", "too-large", "too-slow", "invalid")
_ACT: Final = (
    *("idempotency-key", "second-key-required", "not-allowed-in-state", "void", "busy", "erased", *_MATCHES),
    *("media-type", "too-large", "too-slow", "invalid-act", "invalid", "key-reused", "unknown-outcome", "read-only"),
)


def openapi(routes: Sequence[Route[Any]], act: Any, version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these routes. `act` is the union of all acts."""
    shapes: set[Any] = {Problem}
    for route in routes:
        shapes |= {shape for shape in route.answers.values() if shape is not None}
        if isinstance(route.takes, type):
            shapes.add(route.takes)
    ordered = sorted(shapes, key=lambda shape: str(shape.__name__))
    (act_schema, *schemas), components = msgspec.json.schema_components([act, *ordered], ref_template=_REF)
    by_shape = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(_VARIABLE.sub(r"{\1}", route.path), {})[route.method.lower()] = _operation(route, by_shape, act_schema)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Dragoman", "version": version, "license": _LICENSE},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(route: Route[Any], schemas: Mapping[Any, Any], act: Any) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__.strip("_"),
        "summary": route.summary,
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": {str(status): _success(route, shape, schemas) for status, shape in route.answers.items()}
        | {str(status): _problem(kinds, schemas) for status, kinds in _refusals(route).items() if status not in route.answers}
        | {"default": {"description": "Another problem.", "content": {"application/problem+json": {"schema": schemas[Problem]}}}},
    }
    if route.takes == "file":
        operation["requestBody"] = {"required": True, "content": {media: {} for media in get_args(MediaType)}}
    elif route.takes is not None:
        schema = act if route.takes == "act" else schemas[route.takes]
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    if route.public:
        operation["security"] = []
    return operation


def _success(route: Route[Any], shape: Any, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    content = {"content": {media: {"schema": schemas[shape]} for media in route.media}} if shape is not None else {}
    return {"description": f"{route.summary}.", **content}


def _refusals(route: Route[Any]) -> dict[int, list[str]]:
    """The problem types with which an operation may be refused, by status."""
    kinds = {*_ANY, *(() if route.public else _CALLER)}
    if "{channel}" in route.path:
        kinds |= {*_CHANNEL}
    elif "{" in route.path:
        kinds.add("not-found")
    if route.method != "GET":
        kinds |= {
            *_WRITES,
            *(_MATCHES if "If-Match" in route.headers else ()),
            *(("idempotency-key",) if "Idempotency-Key" in route.headers else ()),
        }
    if route.takes == "act" or route.path.endswith("/release"):
        kinds |= {*_ACT}
    elif route.takes is not None:
        kinds |= {*_BODY, *(("no-room",) if route.takes == "file" else ("exists",))}
    if len(route.media) > 1:
        kinds.add("not-acceptable")
    if "{exchange}" in route.path:
        kinds.add("erased")
    found: dict[int, list[str]] = {}
    for kind, (status, _) in TYPES.items():
        if kind in kinds:
            found.setdefault(status, []).append(kind)
    return dict(sorted(found.items()))


def _problem(kinds: Sequence[str], schemas: Mapping[Any, Any]) -> dict[str, Any]:
    types = {"type": "object", "properties": {"type": {"enum": [BASE + kind for kind in kinds]}}}
    schema = {"allOf": [schemas[Problem], types]}
    return {"description": "; ".join(TYPES[kind][1] for kind in kinds) + ".", "content": {"application/problem+json": {"schema": schema}}}


def _path_parameters(route: Route[Any]) -> Iterator[dict[str, Any]]:
    for name, pattern in _VARIABLE.findall(route.path):
        schema: dict[str, Any] = {"type": "string"}
        if pattern and _NAMES.fullmatch(pattern):
            schema["enum"] = pattern.split("|")
        yield {"name": name, "in": "path", "required": True, "description": _PATH[name], "schema": schema}


def _query_parameters(route: Route[Any]) -> Iterator[dict[str, Any]]:
    schema = msgspec.json.schema(route.query)
    properties = schema.get("$defs", {}).get(route.query.__name__, {}).get("properties", {}) if route.query is not Nothing else {}
    for name, inner in properties.items():
        yield {"name": name, "in": "query", "required": False, "description": _QUERY[name], "schema": inner}


def _header_parameters(route: Route[Any]) -> Iterator[dict[str, Any]]:
    for name in route.headers:
        yield {
            "name": name,
            "in": "header",
            "required": name == "Idempotency-Key" and route.takes != "act",
            "description": _HEADER[name],
            "schema": {"type": "string"},
        }


# What is streamed, and what stands in the log


def asyncapi(record: Any, entry: Any, alarm: Any, families: Sequence[str], version: str) -> dict[str, Any]:
    """The AsyncAPI 3 document: the log's subjects, and the live stream of a channel. The shapes are those of what is sent."""
    (record, entry, alarm), components = msgspec.json.schema_components([record, entry, alarm], ref_template=_REF)

    def message(name: str, title: str, summary: str, media: str, schema: Any) -> dict[str, Any]:
        return {"name": name, "title": title, "summary": summary, "contentType": media, "payload": schema}

    names = {"description": "The channel's name.", "examples": ["nato-china"]}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Dragoman",
            "version": version,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "description": "What a liaison office hears: the records of its channels as they are logged, and the live stream of a gateway.",
        },
        "defaultContentType": JSON,
        "servers": {
            "gateway": {
                "host": "localhost:8470",
                "protocol": "http",
                "description": "A gateway.",
                "security": [{"$ref": "#/components/securitySchemes/token"}],
            },
            "broker": {
                "host": "localhost:4222",
                "protocol": "nats",
                "description": "The broker that keeps the logs; for services and mirrors of the host.",
            },
        },
        "channels": {
            "log": {
                "address": "dragoman.v1.{channel}.{family}.{exchange}",
                "title": "The log of a channel",
                "description": "One subject an exchange, in the stream DRAGOMAN_LOG_<CHANNEL>. A record's bytes are fully determined.",
                "servers": [{"$ref": "#/servers/broker"}],
                "parameters": {
                    "channel": names,
                    "family": {"description": "The family of the exchange.", "enum": list(families)},
                    "exchange": {"description": "The id of its opening record."},
                },
                "messages": {"record": {"$ref": "#/components/messages/record"}},
            },
            "records": {
                "address": "/v1/channels/{channel}/records",
                "title": "The live stream",
                "description": "Server-sent events, with `Accept: text/event-stream`; resumed with `Last-Event-ID` or `?after=`.",
                "servers": [{"$ref": "#/servers/gateway"}],
                "parameters": {"channel": names},
                "messages": {"entry": {"$ref": "#/components/messages/entry"}, "alarm": {"$ref": "#/components/messages/alarm"}},
            },
        },
        "operations": {
            "log": {
                "action": "send",
                "channel": {"$ref": "#/channels/log"},
                "title": "Record an act",
                "summary": "A desk appends each record against the last position of its subject.",
                "security": [{"$ref": "#/components/securitySchemes/nkey"}],
                "messages": [{"$ref": "#/channels/log/messages/record"}],
            },
            "stream": {
                "action": "send",
                "channel": {"$ref": "#/channels/records"},
                "title": "Stream the records of a channel",
                "security": [{"$ref": "#/components/securitySchemes/token"}],
                "summary": "Each record once it is folded, and an alarm for an unacknowledged flash: at once, and again every minute.",
                "messages": [{"$ref": "#/channels/records/messages/entry"}, {"$ref": "#/channels/records/messages/alarm"}],
            },
        },
        "components": {
            "messages": {
                "record": message(
                    "record", "A record", "A CloudEvents 1.0 event in structured mode.", "application/cloudevents+json", record
                ),
                "entry": message("entry", "A record as readers get it", "Its position, whether it is valid, and the record.", JSON, entry),
                "alarm": message("alarm", "An alarm", "A flash that waits for an acknowledgement.", JSON, alarm),
            },
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}, "nkey": {"type": "asymmetricEncryption"}},
        },
    }
