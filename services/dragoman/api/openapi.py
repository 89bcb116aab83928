"""The API described from its one source: an OpenAPI 3.1 document of the routes, and an AsyncAPI 3 document of what is streamed and logged.

What an operation may be refused for follows from what it takes: every problem type
stands under its status.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from dragoman.api.routing import May, Route
from dragoman.api.schema_components import REF, _portable, described
from dragoman.application.http.request import JSON, NoBody
from dragoman_schemas.problems import BASE, TYPES, Problem
from dragoman_schemas.responses import (
    DraftView,
    FileView,
    LiaisonState,
    PersonView,
    Recorded,
)

PROBLEM: Final = "application/problem+json"
_BODILESS: Final = (204, 304)


_TAGGED: Final = (DraftView, FileView, LiaisonState, PersonView)


class ApiTopic(NamedTuple):
    """What some operations are about."""

    name: str
    paths: str
    about: str


_TOPICS: Final = (
    ApiTopic(
        "the service",
        r"^/(livez|readyz|metrics)|json$",
        "Whether the service may be used, and what it says of itself.",
    ),
    ApiTopic(
        "who calls",
        r"^/v1/(me|tokens|subjects)",
        "Whom a token speaks for; the operator's tokens, and an OIDC provider's subjects.",
    ),
    ApiTopic(
        "proof",
        r"/log/|/proof$",
        "The signed head of the log, the tiles of its tree, and the proof of a record, in the formats of C2SP.",
    ),
    ApiTopic("records", r"/records", "The log itself, exactly as it stands."),
    ApiTopic(
        "beside the log",
        r"/(drafts|people|files|imports)",
        "What is no part of the record: drafts, people, files, and what is taken in.",
    ),
    ApiTopic(
        "reports",
        r"/(reports|statistics|calendar)",
        "What the log comes to, for reading, printing and calendars.",
    ),
    ApiTopic("webhooks", r"/webhooks", "Where a side wants to be told of records."),
    ApiTopic("posting", r"{family|/acts$", "Opening an exchange, and carrying it on."),
    ApiTopic("the inbox", r"/inbox$", "What concerns the caller's side."),
    ApiTopic(
        "the office",
        r"/(perceptions|roadmap|codebook|watch|points-of-contact)",
        "Who is there, how the line stands, and what the dialogue has come to.",
    ),
    ApiTopic(
        "what is public",
        r"^/v1/releases",
        "What the sides have made public together, for anybody, with what proves it.",
    ),
    ApiTopic(
        "exchanges",
        r"/(exchanges|state|diff)",
        "The current state, the past, and what lies between.",
    ),
    ApiTopic("channels", r"^/v1/(channels|openings)", "Channels, and opening one."),
)
"""What operations are about: by which of their paths, and what that is."""

_ABOUT: Final = "The message service of a liaison office: exchanges between sides, over one log that every side can replay and prove. HEAD is answered wherever GET is, streams apart."
"""HEAD is left to the prose: described, each read would be two methods of a generated
client.
"""
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
    "id": "The token's id, as it was shown when it was issued.",
    "subject": "The mapping's id, as it was shown when it was made.",
    "link": "The link's id, as it was shown when it was made.",
    "secret": "The secret of the link.",
    "endpoint": "The endpoint's id.",
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
    "facets": "Also how many there are in all, and of each kind.",
    "language": "In which language it is read, by default the first of the channel: its own words where that is English, French or Chinese, else in English;"
    " of texts that a side gave in several languages, that one.",
    "year": "Of this year.",
    "ids": "These entries alone.",
}
_HEADER: Final = {
    "Idempotency-Key": "A new UUIDv7, or 16 to 128 printable characters: the same at every retry of this post, and never for another."
    " Needed but for a signed act, whose id says the same.",
    "If-Match": "The ETag that the post relies on, in double quotes.",
    "If-None-Match": "The ETag that the caller has; 304 where it is still the newest.",
    "Dragoman-Min-Position": "A position that the answer must have seen: what the caller posted itself is in it.",
    "Prefer": "`wait=N`: answer once the record is final, or after N seconds; `return=minimal`: without a body.",
    "Last-Event-ID": "The position of the last event that came; the stream goes on after it.",
}

_EXAMPLES: Final = {
    "channel": "nato-china",
    "family": "notifications",
    "exchange": "01930b6e-7c4d-7a52-9b1e-3f0c8d2a6b71",
    "position": "1",
    "draft": "01930b6e-7c4d-7a52-9b1e-3f0c8d2a6b72",
    "person": "01930b6e-7c4d-7a52-9b1e-3f0c8d2a6b73",
    "sha256": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
    "tile": "0/000.p/1",
    "id": "0f1e2d3c4b5a",
    "subject": "0f1e2d3c4b5a",
    "link": "0f1e2d3c4b5a",
    "endpoint": "01930b6e-7c4d-7a52-9b1e-3f0c8d2a6b74",
    "delivery": "01930b6e-7c4d-7a52-9b1e-3f0c8d2a6b75",
    "secret": "drg_4uC2cXl1Yq7cQm0d3cH0m1o8w6bC9p2rV5sT7uX0yZ4",
    "at": "1",
    "from": "1",
    "to": "2",
    "after": "0",
    "limit": 50,
    "q": "vessel",
    "side": "nato",
    "status": "open",
    "language": "en",
    "Idempotency-Key": '"01930b6e-7c4d-7a52-9b1e-3f0c8d2a6b70"',
    "If-Match": '"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"',
    "If-None-Match": '"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"',
    "Dragoman-Min-Position": "1",
    "Prefer": "return=minimal",
    "Last-Event-ID": "1",
}
"""What a variable, a parameter or a header may look like."""

_FILTERED: Final = {"family": "notification"}
"""What is called otherwise in a filter than in a path."""

_SAID: Final = {
    "Location": "Where what was made is read.",
    "ETag": "What changes whenever what was read does.",
    "Link": "`rel=next`: the page that follows, where there is one.",
    "Dragoman-Position": "The position that the answer is of.",
    "Dragoman-As-Of": "When the end of the log was last seen.",
    "Dragoman-Stale": "`true` where that was not just now.",
    "Idempotent-Replayed": "`true` where this was posted before, and the first answer is given again.",
    "Preference-Applied": "Which preferences were.",
    "RateLimit-Policy": "The budgets of the officer and of the side: requests in so many seconds.",
    "RateLimit": "What is left of them, and in how many seconds they are unspent.",
    "Retry-After": "In how many seconds to try again.",
}

_ANY: Final = ("bad-request",)
_CALLER: Final = ("unauthenticated", "budget")
_CHANNEL: Final = ("not-permitted", "not-found", "behind")
_WRITES: Final = ("not-permitted", "unavailable")
_MATCHES: Final = ("moved", "precondition-required")
_BODY: Final = ("media-type", "too-large", "too-slow", "invalid", "invalid-act")
_ACT: Final = (
    *(
        "idempotency-key",
        "second-key-required",
        "not-allowed-in-state",
        "void",
        "busy",
        "erased",
        *_MATCHES,
    ),
    *(
        "media-type",
        "too-large",
        "no-room",
        "too-slow",
        "invalid-act",
        "invalid",
        "key-reused",
        "unknown-outcome",
        "read-only",
    ),
)


def openapi(routes: Sequence[Route[Any]], act: Any, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these routes. `act` is the union of all acts."""
    shapes: set[Any] = {Problem}
    for route in routes:
        shapes |= {shape for shape in route.answers.values() if shape is not None}
        if isinstance(route.takes, type):
            shapes.add(route.takes)
    ordered = sorted(shapes, key=lambda shape: str(shape.__name__))
    (union, *schemas), components = described([act, *ordered])
    by_shape = dict(zip(ordered, schemas, strict=True))
    act_schema, components["Act"] = (
        {"$ref": REF.format(name="Act")},
        {"title": "Act", "description": "Any act.", **union},
    )
    for kinds in sorted({tuple(kinds) for route in routes for kinds in _refusals(route).values()}):
        components[_refusal(kinds)] = {
            "title": _refusal(kinds),
            "description": "; ".join(TYPES[kind][1] for kind in kinds) + ".",
            "allOf": [by_shape[Problem]],
            "type": "object",
            "properties": {"type": _portable({"enum": [BASE + kind for kind in kinds]}, {})},
        }
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(template(route), {})[route.method.lower()] = _operation(
            route, by_shape, act_schema
        )
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Dragoman",
            "version": version,
            "description": _ABOUT,
            "license": _LICENSE,
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": api_topic.name, "description": api_topic.about} for api_topic in _TOPICS],
        "paths": paths,
        "webhooks": {"record": {"post": _webhook()}, "watch-notice": {"post": _notice()}},
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def template(route: Route[Any]) -> str:
    """Return the path of a route as it is described: its variables by name alone."""
    return _VARIABLE.sub(r"{\1}", route.path)


def _webhook() -> dict[str, Any]:
    """Return the call that a side's receiver gets."""
    told = {
        "webhook-id": "The record's id, the same at every try: one that was taken before is answered with 2xx, and otherwise left alone.",
        "webhook-timestamp": "When this try was made, in Unix seconds.",
        "webhook-signature": "`v1a,` Ed25519 or `v1,` HMAC-SHA256 over `id.timestamp.body`, by Standard Webhooks 1.0.",
        "Dragoman-Position": "The record's position in the log.",
    }
    headers = [
        {
            "name": name,
            "in": "header",
            "required": True,
            "description": text,
            "schema": {"type": "string"},
        }
        for name, text in told.items()
    ]
    return {
        "operationId": "webhook",
        "tags": ["webhooks"],
        "summary": "A record is brought to a side's URL",
        "security": [],
        "parameters": headers,
        "requestBody": {
            "required": True,
            "content": {"application/cloudevents+json": {"schema": {"type": "object"}}},
        },
        "responses": {
            "2XX": {"description": "It was taken."},
            "410": {"description": "Nothing more is to be sent here."},
            "4XX": {"description": "It was not taken, and is tried again."},
            "default": {
                "description": "It was not taken, and is tried again; `Retry-After` is heeded."
            },
        },
    }


def _notice() -> dict[str, Any]:
    """Return the call that a side's receiver gets about the side's own watch."""
    webhook = _webhook()
    position = "Dragoman-Position"
    return {
        **webhook,
        "operationId": "watch_notice",
        "summary": "A side hears that nobody is at its manned watch",
        "parameters": [item for item in webhook["parameters"] if item["name"] != position],
    }


def _operation(route: Route[Any], schemas: Mapping[Any, Any], act: Any) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__.strip("_"),
        "tags": [_tag(route.path)],
        "summary": route.summary,
        "description": f"May be called by {route.may.value}.",
        "x-may-call": route.may.value,
        "parameters": [
            *_path_parameters(route),
            *_query_parameters(route),
            *_header_parameters(route),
        ],
        "responses": {
            str(status): _success(route, status, shape, schemas)
            for status, shape in route.answers.items()
        }
        | {
            str(status): _problem(status, kinds)
            for status, kinds in _refusals(route).items()
            if status not in route.answers
        }
        | {
            "default": {
                "description": "Another problem.",
                "content": {PROBLEM: {"schema": schemas[Problem]}},
            }
        },
    }
    if isinstance(route.takes, tuple):
        examples = (
            route.example
            if isinstance(route.example, dict)
            else dict.fromkeys(route.takes, route.example)
        )
        content = {
            media: {"schema": {"type": "string"}, "example": examples[media]}
            for media in route.takes
        }
        operation["requestBody"] = {"required": True, "content": content}
    elif route.takes is not None:
        schema = act if route.takes == "act" else schemas[route.takes]
        operation["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": schema, "example": route.example}},
        }
    if route.public:
        operation["security"] = []
    return operation


def _tag(path: str) -> str:
    """Return what an operation is about, by its path."""
    return next(api_topic.name for api_topic in _TOPICS if re.search(api_topic.paths, path))


def _success(
    route: Route[Any], status: int, shape: Any, schemas: Mapping[Any, Any]
) -> dict[str, Any]:
    names = ["RateLimit-Policy", "RateLimit"] if route.path.startswith("/v1/") else []
    if not route.answers.keys().isdisjoint(
        (201, 202)
    ):  # what is there already is found there as well
        names += [
            "Location",
            *(["Idempotent-Replayed"] if "Idempotency-Key" in route.headers else []),
        ]
    if shape is Recorded:
        names += [
            "Location",
            "ETag",
            "Dragoman-Position",
            "Idempotent-Replayed",
            "Preference-Applied",
        ]
    if shape in _TAGGED or "If-None-Match" in route.headers:
        names.append("ETag")
    if "Dragoman-Min-Position" in route.headers and shape is not Recorded:
        names += ["Dragoman-Position", "Dragoman-As-Of", "Dragoman-Stale"]
    names += route.answer_headers
    answer: dict[str, Any] = {
        "description": f"{route.summary}.",
        "headers": _headers(dict.fromkeys(names)),
    }
    if shape is not None:
        content = {
            media: {"schema": schemas[shape] if media == JSON else {"type": "string"}}
            for media in route.media
        }
        return {**answer, "content": content}
    if status in _BODILESS:
        return answer
    return {
        **answer,
        "content": {
            media: {"schema": {"type": "object" if media.endswith("json") else "string"}}
            for media in route.media
        },
    }


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"description": _SAID[name], "schema": {"type": "string"}} for name in names}


def _refusals(route: Route[Any]) -> dict[int, list[str]]:
    """Return the problem types with which an operation may be refused, by status."""
    kinds = {*_ANY, *(() if route.public else _CALLER)}
    if route.may is May.OPERATOR:
        kinds.add("not-permitted")
    if "{channel}" in route.path:
        kinds |= {*_CHANNEL}
    elif "{" in route.path or route.may is May.OWN_HEADS:  # which name the channel in their body
        kinds.add("not-found")
    if route.method != "GET":
        kinds |= {
            *_WRITES,
            *(_MATCHES if "If-Match" in route.headers else ()),
            *(("idempotency-key", "key-reused") if "Idempotency-Key" in route.headers else ()),
        }
    if route.takes == "act" or route.path.endswith("/release"):
        kinds |= {*_ACT}
    elif route.takes is not None:
        kinds |= {*_BODY, "exists"}
    kinds |= {*route.refusals}
    if len(route.media) > 1:
        kinds.add("not-acceptable")
    if "{exchange}" in route.path:
        kinds.add("erased")
    texts: dict[int, list[str]] = {}
    for kind, (status, _) in TYPES.items():
        if kind in kinds:
            texts.setdefault(status, []).append(kind)
    return dict(sorted(texts.items()))


def _refusal(kinds: Iterable[str]) -> str:
    """Return the name of the component that is a problem of one of these types."""
    return "Or".join("".join(part.capitalize() for part in kind.split("-")) for kind in kinds)


def _problem(status: int, kinds: Sequence[str]) -> dict[str, Any]:
    schema = {"$ref": REF.format(name=_refusal(kinds))}
    names = [
        "RateLimit-Policy",
        "RateLimit",
        *(["Retry-After"] if status in (429, 503) or "busy" in kinds else []),
    ]
    text = "; ".join(TYPES[kind][1] for kind in kinds) + "."
    return {
        "description": text,
        "headers": _headers(names),
        "content": {PROBLEM: {"schema": schema}},
    }


def _path_parameters(route: Route[Any]) -> Iterator[dict[str, Any]]:
    for name, pattern in _VARIABLE.findall(route.path):
        schema: dict[str, Any] = {"type": "string"}
        if pattern and _NAMES.fullmatch(pattern):
            schema["enum"] = pattern.split("|")
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH[name],
            "schema": schema,
            "example": _EXAMPLES[name],
        }


def _query_parameters(route: Route[Any]) -> Iterator[dict[str, Any]]:
    schema = msgspec.json.schema(route.query)
    properties = (
        schema.get("$defs", {}).get(route.query.__name__, {}).get("properties", {})
        if route.query is not NoBody
        else {}
    )
    for name, inner in properties.items():
        parameter = {
            "name": name,
            "in": "query",
            "required": False,
            "description": _QUERY[name],
            "schema": inner,
        }
        example = _FILTERED.get(name, _EXAMPLES.get(name))
        yield parameter | ({"example": _fitting(inner, example)} if example is not None else {})


def _fitting(schema: Mapping[str, Any], example: Any) -> Any:
    """Return an example of a name, of the type that it has here: positions are times elsewhere."""
    for item in schema.get("anyOf", (schema,)):
        if item.get("type") == "integer":
            return int(example)
        if (
            item.get("type") == "string"
            and "pattern" in item
            and re.search(item["pattern"], str(example)) is None
        ):
            return "2026-11-24T00:00Z"
    return example


def _header_parameters(route: Route[Any]) -> Iterator[dict[str, Any]]:
    for name in route.headers:
        yield {
            "name": name,
            "in": "header",
            "required": name in ("Idempotency-Key", "If-Match") and route.takes != "act",
            "description": _HEADER[name],
            "schema": {"type": "string"},
            "example": _EXAMPLES[name],
        }


# What is streamed, and what stands in the log
