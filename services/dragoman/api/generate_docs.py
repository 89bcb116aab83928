"""What is generated from the shapes and the tables: JSON Schemas, the OpenAPI document, the diagrams of states, the formats, who may do what.

`python -m dragoman.api.generate_docs` writes them below the working directory; a test
fails when they are stale.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from dragoman.api.description import ROUTES, document, streams
from dragoman.api.openapi import template
from dragoman.api.routing import May, Route
from dragoman.api.schema_components import undented
from dragoman.domain.acts import two_keys
from dragoman.domain.acts.act_registry import FORMATS, PATHS, RULES, states
from dragoman.domain.acts.act_rules import NEVER, OFFICERS, STAFF, Rule, Who
from dragoman_schemas.act_frame import Act, Continuing, OpeningAct
from dragoman_schemas.acts import OLDER, SHAPES
from dragoman_schemas.acts.office.channel import Role
from dragoman_schemas.record import Envelope

_SAMPLES: Final = Path("schemas/samples/acts")

_ROLES: Final[tuple[Role, ...]] = (
    "officer",
    "duty_officer",
    "head_of_office",
    "administrator",
    "auditor",
)
_MEMBERS: Final = frozenset[str](_ROLES)
_STRANGERS: Final = ("operator", "an officer elsewhere", "nobody")
_SERVICES: Final = frozenset({Who.GATEWAY, Who.WATCH, Who.COURIER, Who.DESK})

_GRANTED: Final[dict[May, tuple[frozenset[str], str]]] = {
    May.ANYBODY: (_MEMBERS.union(_STRANGERS), "yes"),
    May.CALLER: (_MEMBERS.union(_STRANGERS) - {"nobody"}, "yes"),
    May.OPERATOR: (frozenset({"operator"}), "yes"),
    May.MEMBER: (_MEMBERS, "yes"),
    May.MEMBER_OR_OPERATOR: (_MEMBERS | {"operator"}, "yes"),
    May.SELF: (_MEMBERS, "own"),
    May.OFFICE: (frozenset(STAFF), "yes"),
    May.OWN_OFFICE: (frozenset(STAFF), "own side"),
    May.OWN_OFFICERS: (frozenset(OFFICERS), "own side"),
    May.OWN_HEADS: (frozenset({"head_of_office", "administrator"}), "own side"),
    May.ACT: (frozenset(STAFF), "by the act"),
}
"""To whom an operation is open, and of what."""


def documents() -> Iterator[tuple[Path, str]]:
    """Yield each generated file, by its path in the repository."""
    published = Path("schemas/published")
    newest = {(name, RULES[name].version): shape for name, shape in SHAPES.items()}
    for (name, version), shape in {**OLDER, **newest}.items():
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:dragoman:schema:{name}:{version}",
            **undented(msgspec.json.schema(shape)),
        }
        yield published / "acts" / f"{name}.v{version}.json", _encoded(schema)
    yield (
        published / "record.json",
        _encoded(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                **undented(msgspec.json.schema(Envelope)),
            }
        ),
    )
    yield published / "openapi.json", _in_order(document())
    yield published / "asyncapi.json", _in_order(streams())
    yield Path("docs/states.md"), states()
    yield Path("docs/formats.md"), "\n".join(_formats())
    yield Path("docs/access.md"), "\n".join(_access())


def _formats() -> Iterator[str]:
    """Yield every act with its fields and one whole example, which a test posts."""
    yield from (
        "# Formats and acts",
        "",
        "Made from the shapes and tables by `make schemas`; every format's example is posted by a test.",
        "",
    )
    yield from (
        "Modelled on what states use among themselves; nobody's treaty formats. Only `act` and the required fields must be posted.",
        "",
    )
    for form in FORMATS.values():
        rule = form.rule
        roles = (
            "any officer"
            if rule.roles == OFFICERS
            else " or ".join(sorted(rule.roles)).replace("_", " ")
        )
        yield from (f"## {form.code} `{rule.act}`", "", inspect.getdoc(rule.shape) or "", "")
        keys = (
            "two keys" + (", one where it is urgent" if rule.one_key is not NEVER else "")
            if rule.two_key
            else "one key"
        )
        yield from (
            f"Opened by {roles}, {keys}; posted to `/{_where(rule.family)}`. States and acts: [states.md](states.md).",
            "",
        )
        yield from _members(rule.act, OpeningAct)
    yield from ("# Acts that carry an exchange on, and those of the channel", "")
    for act, rule in RULES.items():
        if act not in FORMATS and (_SAMPLES / f"{act}.json").exists():
            yield from (
                f"## `{act}`",
                "",
                inspect.getdoc(rule.shape) or "",
                "",
                f"By {rule.who.value}.",
                "",
            )
            yield from _members(act, Continuing)


def _where(family: str | None) -> str:
    return next(path for path, of in PATHS.items() if of == family)


def _members(act: str, frame: type[Act]) -> Iterator[str]:
    shape = SHAPES[act]
    framed = set(frame.__struct_fields__) if issubclass(shape, frame) else {"signed"}
    fields = [
        field
        for field in msgspec.structs.fields(shape)
        if field.name not in framed or field.required
    ]
    required = (
        ", ".join(f"`{field.encode_name}`" for field in fields if field.required) or "nothing else"
    )
    optional = ", ".join(f"`{field.encode_name}`" for field in fields if not field.required)
    yield f"Required: {required}." + (
        f" Optional: {optional}, and those of the frame." if optional else ""
    )
    yield from ("", "```json", (_SAMPLES / f"{act}.json").read_text().rstrip(), "```", "")


def _access() -> Iterator[str]:
    """Yield who may call each operation, and who may post each act."""
    yield from ("# Who may do what", "")
    yield from (
        "Made from the routes and the rules by `make schemas`. Nothing is enforced by these tables: handlers and the domain ask by themselves, and",
        "`tests/live/test_access_table.py` calls every operation as every role of every side, in its own channels, in another one and in a desk's, and",
        "compares. The acts are compared in `tests/domain/test_access.py`.",
        "",
        "## Operations",
        "",
        "A number is the status of a refusal. `own side` is what the caller's side has there, `own` what the caller has: what is another's answers `404`,",
        "as if it were not there. Of people all offices read all entries, so another side's is refused with `403`. A file is its side's alone until an act",
        "of that side names it, and then every member's. `by the act` is the table below. What belongs to no channel is answered with what the caller may",
        "know of, which may be nothing: `/v1/me`, the lists of channels and of endpoints. A channel that the caller is not in answers as one that does not",
        "exist, word for word; the operator knows the names and settings of channels, and reads nothing that is said in them. Where the sides keep their",
        "own keys, a side's root reads as an auditor does. With a token of the scope `read`, anything but `GET` and `HEAD` is `403`. `HEAD` is answered where `GET` is, and alike.",
        "",
        *_row("operation", *_ROLES, *_STRANGERS),
        *_row(*("---" for _ in ("operation", *_ROLES, *_STRANGERS))),
    )
    for route in ROUTES:
        yield from _row(
            f"`{route.method} {template(route)}`",
            *(_called(route, who) for who in (*_ROLES, *_STRANGERS)),
        )
    yield from (
        "",
        "## Acts",
        "",
        "What an officer's role permits; what an act says may ask for more, as a call that a duty officer asks for is a flash. `by` is which side may do it",
        "in an exchange, as each stands there. Of two keys one officer drafts and another of the side releases, both officers, duty officers or heads of",
        "office: `with another` may be one of the two if the other one's role says `yes`. `With the second due`, any officer may send it alone, and it counts",
        "once a colleague has turned the second key. `As its matter`: two, or a duty officer with the second due, where the message took two officers or every",
        "side agreed to its text; a closure of what every side agreed to, and an amendment of it, two or one with the second due. A side's root does what says so, and nothing else; what a service",
        "records nobody posts. An act that consents names the state on which it rests.",
        "",
        *_row("act", "by", *_ROLES, "root", "keys", "consents"),
        *_row(*("---" for _ in ("act", "by", *_ROLES, "root", "keys", "consents"))),
    )
    for act, rule in RULES.items():
        by = rule.who.value + (f", or the {rule.service}" if rule.service else "")
        root = "yes" if rule.who is Who.KEEPERS else "no"
        posted = (_posted(rule, role) for role in _ROLES)
        yield from _row(
            f"`{act}`",
            by,
            *posted,
            root,
            "" if rule.who in _SERVICES else _keys(rule),
            "yes" if rule.consenting else "",
        )
    yield ""


def _row(*cells: str) -> Iterator[str]:
    yield f"| {' | '.join(cell.replace('_', ' ') if cell in _MEMBERS else cell for cell in cells)} |"


def _called(route: Route[Any], who: str) -> str:
    granted, how = _GRANTED[route.may]
    if who in granted:
        return how
    if who == "nobody":
        return "401"
    if route.may is May.OPERATOR:
        return "403"
    unseen = who in _STRANGERS or (
        who == "auditor" and "{endpoint}" in route.path
    )  # auditors are told of no endpoints
    return "404" if unseen else "403"


def _keys(rule: Rule) -> str:
    """Return how many officers an act takes, in the words of the table."""
    if rule.two_key:
        return "two, one where it is urgent" if rule.one_key is not NEVER else "two"
    if rule.act in two_keys.CONSENTS:
        return "two, or one with the second due"
    return "as its matter" if rule.act in two_keys.BY_MATTER else "one"


def _posted(rule: Rule, role: Role) -> str:
    if rule.who in _SERVICES:
        return "no"
    if role in rule.roles:
        return "yes"
    return "with another" if rule.two_key and role in OFFICERS else "no"


def _encoded(value: object) -> str:
    return (
        msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1).decode()
        + "\n"
    )


def _in_order(value: object) -> str:
    """Return a document with its members in their order: of several media types, generators of clients take the first."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n"


if __name__ == "__main__":
    for path, text in documents():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
