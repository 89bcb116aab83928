"""The OpenAPI 3.1 document of the routes.

The problems with which an operation may be refused follow from what it takes. Every
problem type is listed under its status.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from dragoman.api.routing import May, Route
from dragoman.api.schema_components import REF, described, portable
from dragoman.application.http.conditional_requests import At
from dragoman.application.http.request import JSON, NoBody
from dragoman_schemas.problems import BASE, TYPES, Problem
from dragoman_schemas.responses import DraftView, FileView, PersonView, Recorded
from dragoman_schemas.state_responses import LiaisonState

PROBLEM: Final = "application/problem+json"
_BODILESS: Final = (204, 304, 308)


_TAGGED: Final = (DraftView, FileView, LiaisonState, PersonView)


class ApiTopic(NamedTuple):
    """A topic of the API: its operations have paths that match a pattern."""

    name: str
    paths: str
    about: str


_TOPICS: Final = (
    ApiTopic(
        "the service",
        r"^/(livez|readyz|healthz|metrics)|json$",
        "Health, metrics and descriptions of the service.",
    ),
    ApiTopic(
        "callers and tokens",
        r"^/v1/(me|tokens|subjects|identities)",
        "The caller's officer, the operator's tokens, the subjects of an OIDC provider, and the "
        "identities of sides.",
    ),
    ApiTopic(
        "proof",
        r"/log/|/proof$",
        "The signed head of the log, the tiles of its tree, and the proof of a record, in the "
        "formats of C2SP.",
    ),
    ApiTopic("records", r"/records", "The log itself, byte for byte."),
    ApiTopic(
        "drafts, people and files",
        r"/(drafts|people|files|imports)",
        "Data that is not in the log: drafts, people, files and imports.",
    ),
    ApiTopic(
        "reports",
        r"/(reports|statistics|calendar)",
        "Reports from the log, for reading, printing and calendars.",
    ),
    ApiTopic(
        "webhooks", r"/webhooks", "The URLs and addresses at which a side is notified of records."
    ),
    ApiTopic("reach", r"^/v1/reach", "How an officer is reached away from the pages."),
    ApiTopic(
        "posting",
        r"{family|/acts$|^/v1/notices",
        "Acts that open an exchange or continue it, and one notice to many channels.",
    ),
    ApiTopic(
        "the inbox", r"/inbox$|^/v1/stream$", "What concerns the caller's side, as lists and live."
    ),
    ApiTopic(
        "the roster",
        r"/roster",
        "The duty roster of a side, which no other side reads: shifts, offers and covers.",
    ),
    ApiTopic(
        "watch and dialogue",
        r"/(perceptions|roadmap|codebook|watch|in-force|points-of-contact)",
        "The duty watch, the line, the windows in force, the points of contact, and the results "
        "of the dialogue.",
    ),
    ApiTopic(
        "public releases",
        r"^/v1/releases",
        "Releases that the sides published together, with their proofs, for anybody.",
    ),
    ApiTopic(
        "exchanges",
        r"/(exchanges|state|diff)",
        "The present state, past states, and the differences between them.",
    ),
    ApiTopic("channels", r"^/v1/(channels|openings)", "Channels, and their opening."),
)
"""The topics, in the order in which a path is compared with them."""

_ABOUT: Final = (
    "The message service of a liaison office: exchanges between sides, over one log that every "
    "side can replay and prove. HEAD is answered wherever GET is, streams apart."
)
"""The description of the API.

HEAD is mentioned only here. If it were described, each read would be two methods of a
generated client.
"""
_LICENSE: Final = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
_VARIABLE: Final = re.compile(r"{([a-z0-9_]+)(?::([^{}]*))?}")
_NAMES: Final = re.compile(r"[a-z-]+(?:\|[a-z-]+)*")

_PATH: Final = {
    "channel": "The channel's name.",
    "identity": "The name of the identity.",
    "exchange": "The exchange's id, which is that of its opening record.",
    "family": "The path of a family of acts.",
    "position": "The record's position in the log, from 1.",
    "parcel": "The id of a parcel: 64 hexadecimal digits.",
    "draft": "The draft's id.",
    "entry": "The id of an entry of the outbox, which is that of its act.",
    "person": "The entry's id in the channel's register of people.",
    "sha256": "The SHA-256 of the file's bytes, in hex.",
    "tile": "The tile's level and number, as tlog-tiles writes them.",
    "id": "The token's id, as it was shown when the token was issued.",
    "subject": "The mapping's id, as it was shown when the mapping was made.",
    "link": "The link's id, as it was shown when the link was made.",
    "session": "The session's id, as the list of one's own sessions shows it.",
    "secret": "The secret of the link.",
    "endpoint": "The endpoint's id.",
    "way": "The id of a way to reach the caller.",
    "officer": "The officer's name in the channel, without the side.",
    "key": "The Idempotency-Key with which the notice was posted.",
}
_QUERY: Final = {
    "at": "The position, or the time, of the answer; left out, or 0, it is now.",
    "from": "The first position, or the first moment.",
    "after": "Only what follows this position.",
    "to": "The last position, or the last moment; left out, or 0, it is now.",
    "limit": "The most rows of a page.",
    "cursor": "The next page, as `Link: rel=next` gave it.",
    "q": "Words to look for, in any language.",
    "family": "Only this family.",
    "act": "Only exchanges that this act opened.",
    "status": "Only this status.",
    "side": "Only this side.",
    "area": "Only this area.",
    "number": "The exchange with this number.",
    "overdue": "Exchanges under which this side, or any side, is late.",
    "unacknowledged_by": "Exchanges that this side has not acknowledged yet.",
    "unanswered_by": "Exchanges that this side has not answered yet.",
    "format": "Only this format.",
    "facets": "Counts of all matching exchanges, and of each kind, as well.",
    "language": "The language of the answer; by default the first one of the channel. The "
    "service's own words are in English if it is not English, French or Chinese. A text that "
    "a side gave in several languages is shown in this one.",
    "year": "Only this year.",
    "by": "The officer who posted the notice; by default the caller.",
    "ids": "Only these entries.",
    "moment": "The time that is looked at; left out, it is that of `at`.",
    "of": "The calendar that the link reads: the channel's, or the roster of the caller's side.",
    "as": "The form of the answer, whatever the header `Accept` says.",
}
_HEADER: Final = {
    "Idempotency-Key": "A new UUIDv7, or 16 to 128 printable characters: the same at every retry "
    "of this post, and never for another. Not needed for a signed act, whose id has the same "
    "use.",
    "If-Match": "The ETag that the post relies on, in double quotes.",
    "If-None-Match": "The ETag that the caller has; the answer is 304 if it is still the newest.",
    "Dragoman-Min-Position": "A position that the answer must include, for example that of the "
    "caller's own post.",
    "Prefer": "`wait=N`: answer once the record is final, or after N seconds; `return=minimal`: "
    "answer without a body.",
    "Last-Event-ID": "The id of the last event that came; the stream goes on after it. In a stream "
    "of one channel it is a position, and over all channels a cursor.",
}

_EXAMPLES: Final = {
    "channel": "nato-china",
    "identity": "nato-lo",
    "family": "notifications",
    "exchange": "01930b6e-7c4d-7a52-9b1e-3f0c8d2a6b71",
    "position": "1",
    "parcel": "5f" * 32,
    "draft": "01930b6e-7c4d-7a52-9b1e-3f0c8d2a6b72",
    "entry": "01930b6e-7c4d-7a52-9b1e-3f0c8d2a6b72",
    "person": "01930b6e-7c4d-7a52-9b1e-3f0c8d2a6b73",
    "sha256": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
    "tile": "0/000.p/1",
    "id": "0f1e2d3c4b5a",
    "subject": "0f1e2d3c4b5a",
    "link": "0f1e2d3c4b5a",
    "session": "0f1e2d3c4b5a",
    "officer": "o-9",
    "of": "calendar",
    "endpoint": "01930b6e-7c4d-7a52-9b1e-3f0c8d2a6b74",
    "way": "01930b6e-7c4d-7a52-9b1e-3f0c8d2a6b75",
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
    "moment": "2026-11-24T00:00Z",
    "as": "geojson",
    "Idempotency-Key": '"01930b6e-7c4d-7a52-9b1e-3f0c8d2a6b70"',
    "If-Match": '"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"',
    "If-None-Match": '"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"',
    "Dragoman-Min-Position": "1",
    "Prefer": "return=minimal",
    "Last-Event-ID": "1",
    "key": "0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f6",
}
"""Examples of variables, parameters and headers."""

_FILTERED: Final = {"family": "notification"}
"""Examples of names that mean something else in a filter than in a path."""

_ANSWER_HEADER: Final = {
    "Location": "The path of the new resource.",
    "ETag": "A value that changes whenever the resource changes.",
    "Link": "`rel=next`: the next page, if there is one.",
    "Dragoman-Position": "The position of the answer.",
    "Dragoman-Moment": "With `at`: the time for which limits and windows are worked out.",
    "Dragoman-As-Of": "The time at which the end of the log was last seen.",
    "Dragoman-Stale": "`true` if that was not just now.",
    "Idempotent-Replayed": "`true` if this was posted before, and the first answer is repeated.",
    "Preference-Applied": "The preferences that were applied.",
    "RateLimit-Policy": "The budgets of the officer and of the side: requests in so many seconds.",
    "RateLimit": "The rest of the budgets, and the seconds until they are unspent.",
    "Retry-After": "The seconds to wait before the next try.",
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
    """Return the OpenAPI 3.1 document of routes. `act` is the union of all acts."""
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
            "properties": {"type": portable({"enum": [BASE + kind for kind in kinds]}, {})},
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
    """Return the path of a route with the bare names of its variables."""
    return _VARIABLE.sub(r"{\1}", route.path)


def _webhook() -> dict[str, Any]:
    """Return the description of the call that a side's receiver gets."""
    header_texts = {
        "webhook-id": "The record's id, the same at every try. Answer 2xx to an id that you "
        "received before, and do nothing else.",
        "webhook-timestamp": "The time of this try, in Unix seconds.",
        "webhook-signature": "`v1a,` Ed25519 or `v1,` HMAC-SHA256 over `id.timestamp.body`, by "
        "Standard Webhooks 1.0.",
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
        for name, text in header_texts.items()
    ]
    return {
        "operationId": "webhook",
        "tags": ["webhooks"],
        "summary": "A record is sent to a side's URL",
        "security": [],
        "parameters": headers,
        "requestBody": {
            "required": True,
            "content": {"application/cloudevents+json": {"schema": {"type": "object"}}},
        },
        "responses": {
            "2XX": {"description": "The receiver has accepted it."},
            "410": {"description": "Nothing more must be sent here."},
            "4XX": {"description": "The receiver has not accepted it; it is sent again."},
            "default": {
                "description": "The receiver has not accepted it; it is sent again, after "
                "`Retry-After` if that is sent."
            },
        },
    }


def _notice() -> dict[str, Any]:
    """Return the description of the call about a side's own watch."""
    webhook = _webhook()
    position = "Dragoman-Position"
    return {
        **webhook,
        "operationId": "watch_notice",
        "summary": "A side is notified that nobody is at its manned watch",
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
    """Return the topic of an operation, by its path."""
    return next(api_topic.name for api_topic in _TOPICS if re.search(api_topic.paths, path))


def _success(
    route: Route[Any], status: int, shape: Any, schemas: Mapping[Any, Any]
) -> dict[str, Any]:
    names = ["RateLimit-Policy", "RateLimit"] if route.path.startswith("/v1/") else []
    # Location is also sent if the resource exists already.
    if not route.answers.keys().isdisjoint((201, 202)):
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
    if issubclass(route.query, At):
        names.append("Dragoman-Moment")
    names += route.answer_headers
    answer: dict[str, Any] = {
        "description": f"{route.summary}.",
        "headers": _headers(dict.fromkeys(names)),
    }
    if shape is not None:
        content = {
            media: {
                "schema": schemas[shape]
                if media == JSON
                else {"type": "object" if media.endswith("+json") else "string"}
            }
            for media in route.media
        }
        return {**answer, "content": content}
    if status in _BODILESS:
        return answer
    return {
        **answer,
        "content": {
            media: {
                "schema": {"type": "object" if media.endswith(("/json", "+json")) else "string"}
            }
            for media in route.media
        },
    }


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {
        name: {"description": _ANSWER_HEADER[name], "schema": {"type": "string"}} for name in names
    }


def _refusals(route: Route[Any]) -> dict[int, list[str]]:
    """Return the problem types with which an operation may be refused, by status."""
    kinds = {*_ANY, *(() if route.public else _CALLER)}
    if route.may is May.OPERATOR:
        kinds.add("not-permitted")
    if "{channel}" in route.path:
        kinds |= {*_CHANNEL}
    elif "{" in route.path or route.may in (May.OWN_HEADS, May.ANY_MEMBER):
        # The body of the former names the channel, and the latter have at least one.
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
    """Return the name of the component for a problem of one of these types."""
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
    """Return an example of the type that a name has here.

    A position, for example, is a time elsewhere.
    """
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
