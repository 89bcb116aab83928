"""The documents that are generated from the shapes and the tables.

They are JSON Schemas, the OpenAPI and AsyncAPI documents, and the pages of states,
formats, access, settings, metrics, log events and problems.

    python -m dragoman.office.generate_docs           write all below this directory
    python -m dragoman.office.generate_docs FOLDER    write the two descriptions

The repository keeps the schemas and the pages; a test fails if they are stale. It does
not keep the OpenAPI and AsyncAPI documents: the service makes them when it is asked.
"""

import inspect
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec

from dragoman.api import log_events_page, metrics_page, problems_page, settings_page
from dragoman.api.openapi import template
from dragoman.api.routing import May, Route
from dragoman.api.schema_components import undented
from dragoman.domain.acts import two_keys
from dragoman.domain.acts.act_registry import FORMATS, PATHS, RULES, states
from dragoman.domain.acts.act_rules import DUTY, NEVER, OFFICERS, STAFF, STATION, Rule, Who
from dragoman.office.description import ROUTES, document, streams
from dragoman_schemas.act_frame import Act, Continuing, OpeningAct
from dragoman_schemas.acts import OLDER, SHAPES
from dragoman_schemas.acts.meeting.meeting_request import MeetingRequest
from dragoman_schemas.acts.office.channel import Role
from dragoman_schemas.record import Envelope

_SAMPLES: Final = Path("schemas/samples/acts")
_DESCRIPTIONS: Final = Path("build/schemas")
_RECORD: Final = Path("docs/spec/record.md")
_ACTS_OF_A_ROW: Final = 8

_ROLES: Final[tuple[Role, ...]] = (
    "officer",
    "duty_officer",
    "head_of_office",
    "administrator",
    "auditor",
    "station",
)
_MEMBERS: Final = frozenset[str](_ROLES)
_STRANGERS: Final = ("operator", "an officer elsewhere", "nobody")
_SERVICES: Final = frozenset({Who.GATEWAY, Who.WATCH, Who.COURIER, Who.DESK})

_GRANTED: Final[dict[May, tuple[frozenset[str], str]]] = {
    May.ANYBODY: (_MEMBERS.union(_STRANGERS), "yes"),
    May.CALLER: (_MEMBERS.union(_STRANGERS) - {"nobody"}, "yes"),
    May.ANY_MEMBER: (_MEMBERS.union(_STRANGERS) - {"nobody", "operator"}, "yes"),
    May.OPERATOR: (frozenset({"operator"}), "yes"),
    May.MEMBER: (_MEMBERS, "yes"),
    May.MEMBER_OR_OPERATOR: (_MEMBERS | {"operator"}, "yes"),
    May.SELF: (_MEMBERS, "own"),
    May.OFFICE: (frozenset(STAFF), "yes"),
    May.OWN_OFFICE: (frozenset(STAFF), "own side"),
    May.OWN_OFFICERS: (frozenset(OFFICERS), "own side"),
    May.OWN_DUTY: (frozenset(DUTY), "own side"),
    May.OWN_HEAD: (frozenset({"head_of_office"}), "own side"),
    May.OWN_HEADS: (frozenset({"head_of_office", "administrator"}), "own side"),
    May.STATION: (frozenset(STATION), "own side"),
    May.ACT: (frozenset(STAFF | STATION), "by the act"),
}
"""The roles that may call an operation, and on what."""


def documents() -> Iterator[tuple[Path, str]]:
    """Yield each generated file that the repository keeps, by its path there."""
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
    yield Path("docs/states.md"), states()
    yield Path("docs/metrics.md"), metrics_page.page()
    yield Path("docs/settings.md"), settings_page.page()
    yield Path("docs/log-events.md"), log_events_page.page()
    yield Path("docs/problems.md"), problems_page.page()
    yield Path("docs/formats.md"), "\n".join(_formats())
    yield Path("docs/access.md"), "\n".join(_access())
    yield _RECORD, _with_tables_of_acts(_RECORD.read_text())


def descriptions(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the OpenAPI and the AsyncAPI document, by their paths in a folder."""
    yield folder / "openapi.json", _in_order(document())
    yield folder / "asyncapi.json", _in_order(streams())


def _formats() -> Iterator[str]:
    """Yield the lines of the page of acts.

    Every act has its fields and an example, which a test posts.
    """
    yield from (
        "# Formats and acts",
        "",
        "After this page you can write each act: its members, and an example that a test posts.",
        "",
        "- [Formats](#formats)",
        "- [Acts that carry an exchange on](#acts-that-carry-an-exchange-on), and those of the",
        "  channel",
        "",
        "Generated from the shapes and tables by `make schemas`.",
        "",
    )
    yield from (
        "The formats are modelled on what states use among themselves. They are no treaty's",
        "formats. A post needs only `act` and the required fields.",
        "",
        "## Formats",
        "",
    )
    for form in FORMATS.values():
        rule = form.rule
        roles = (
            "any officer"
            if rule.roles == OFFICERS
            else " or ".join(sorted(rule.roles)).replace("_", " ")
        )
        yield from (f"### {form.code} `{rule.act}`", "", inspect.getdoc(rule.shape) or "", "")
        keys = (
            "two officers" + (", one where it is urgent" if rule.one_key is not NEVER else "")
            if rule.two_key
            else "one officer" + (", two on the ladder" if rule.shape is MeetingRequest else "")
        )
        where = f"/{_where(rule.family)}"
        yield (
            f"Opened by {roles}, {keys}; posted to `{where}`. "
            "States and acts: [states.md](states.md)."
        )
        yield ""
        yield from _members(rule.act, OpeningAct)
    yield from ("## Acts that carry an exchange on", "", "Those of the channel are here, too.", "")
    for act, rule in RULES.items():
        if act not in FORMATS and (_SAMPLES / f"{act}.json").exists():
            yield from (
                f"### `{act}`",
                "",
                inspect.getdoc(rule.shape) or "",
                "",
                f"By {rule.who.wording}.",
                "",
            )
            yield from _members(act, Continuing)


def _with_tables_of_acts(page: str) -> str:
    """Return the specification of records with its two tables of acts as they are."""
    before, header, rest = page.partition("| openings of family | acts |")
    _, until, after = rest.partition("\n| property | acts |")
    assert header and until
    return before + "\n".join(_tables_of_acts()) + until + after


def _tables_of_acts() -> Iterator[str]:
    """Yield the lines on openings by their families, and on all that continues them."""
    yield from (*_row("openings of family", "acts"), "|---|---|")
    families = dict.fromkeys(str(form.rule.family) for form in FORMATS.values())
    for family in families:
        openings = (act for act, form in FORMATS.items() if form.rule.family == family)
        yield from _row(f"`{family}`", ", ".join(f"`{act}`" for act in openings))
    yield from (
        "",
        "Acts of the family `channel`: `channel-opening` (position 1 only) and the acts of §14.2.",
        "",
        "Continuing acts of any other family:",
        "",
        *_row("continuing acts"),
        "|---|",
    )
    acts = [f"`{act}`" for act, rule in RULES.items() if rule.family is None]
    for start in range(0, len(acts), _ACTS_OF_A_ROW):
        yield from _row(", ".join(acts[start : start + _ACTS_OF_A_ROW]))
    yield ""


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
    """Yield the lines of the page of callers of operations and authors of acts."""
    yield from ("# Who may do what", "")
    yield from (
        "After this page you know which role may call which operation, and who may post which",
        "act.",
        "",
        "- [Operations](#operations)",
        "- [Acts](#acts)",
        "",
        "Generated from the routes and the rules by `make schemas`. These tables enforce",
        "nothing: handlers and the domain check every caller themselves. A test,",
        "`tests/live/test_access_table.py`, calls every operation as every role of every side,",
        "in its own channels, in another one and in a desk's, and compares. The acts are",
        "compared in `tests/domain/test_access.py`.",
        "",
        "## Operations",
        "",
        "- A number is the status of a refusal.",
        "- `own side`: the caller sees what belongs to the caller's side. `own`: the caller sees",
        "  what belongs to the caller. Anything else answers `404`, as if it did not exist.",
        "- All offices read all entries of the register of people, so another side's entry",
        "  answers `403` to a change.",
        "- A file belongs only to its side until an act of that side names it. Then every",
        "  member may fetch it.",
        "- `by the act`: see the table of acts below.",
        "- Operations of no channel (`/v1/me`, the lists of channels and of endpoints) answer",
        "  with what the caller may know, which may be nothing.",
        "- A channel that the caller may not see answers like one that does not exist.",
        "- The operator knows the names and settings of channels, and reads no messages.",
        "- Where the sides keep their own keys, a side's root reads as an auditor does.",
        "- With a token of the scope `read`, all methods but `GET` and `HEAD` answer `403`.",
        "- `HEAD` is answered where `GET` is, in the same way.",
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
        "- The columns of roles say what an officer's role permits. The content of an act may",
        "  need more: for example, a call for which a duty officer asks is a flash.",
        "- `by` is the side that may post the act in an exchange, in its present status.",
        "- An act of two officers is drafted by one officer and released by another of the side.",
        "  Both are officers, duty officers or heads of office. `with another` may be one of",
        "  the two if the role of the other one says `yes`.",
        "- `With the second due`: any officer may send the act without a colleague. It counts once a",
        "  second officer has confirmed it.",
        "- `Ad referendum`: subject to the side's capital. It binds nobody yet, so it takes one",
        "  officer.",
        "- `On the ladder`: the meeting refers to a request for explanation. One of its two officers",
        "  is a head of office.",
        "- `As its matter`: the rule depends on the exchange. A correction, a cancellation or an",
        "  amendment takes two officers if the opening took two, or if another side supports the",
        "  text. A duty officer may send it with the second due. Any other amendment of a text that",
        "  sides agree to takes two officers, or one with the second due. So does the agreement to",
        "  such an amendment, and the closure of what every side agreed to. Otherwise one officer is",
        "  enough.",
        "- A side's root does only what its column says. Nobody posts what a service records.",
        "- A station speaks for its own side, and signs all that it says. Once a side has a station",
        "  in office, the service no longer does these acts for that side.",
        "- An act that consents names the state on which it rests.",
        "",
        *_row("act", "by", *_ROLES, "root", "keys", "consents"),
        *_row(*("---" for _ in ("act", "by", *_ROLES, "root", "keys", "consents"))),
    )
    for act, rule in RULES.items():
        by = rule.who.wording + (f", or the {rule.service}" if rule.service else "")
        by += ", or a station of the side" if rule.station else ""
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
    texts = (cell.replace("_", " ") if cell in _MEMBERS else cell for cell in cells)
    yield f"| {' | '.join(texts)} |"


def _called(route: Route[Any], who: str) -> str:
    granted, how = _GRANTED[route.may]
    if who in granted:
        return how
    if who == "nobody":
        return "401"
    if route.may is May.OPERATOR:
        return "403"
    # Auditors and stations see no endpoints.
    unseen = who in _STRANGERS or (who in ("auditor", "station") and "{endpoint}" in route.path)
    return "404" if unseen else "403"


def _keys(rule: Rule) -> str:
    """Return the number of officers that an act needs, in the words of the table."""
    if rule.two_key:
        urgent = ", or a duty officer with the second due where it is urgent"
        return f"two{urgent if rule.one_key is not NEVER else ''}"
    if rule.act in two_keys.CONSENTS:
        is_for_capitals = "ad_referendum" in rule.shape.__struct_fields__
        return f"two, or one with the second due{'; one ad referendum' if is_for_capitals else ''}"
    if rule.shape is MeetingRequest:
        return "one, two on the ladder"
    return "as its matter" if rule.act in two_keys.BY_MATTER else "one"


def _posted(rule: Rule, role: Role) -> str:
    if role == "station":
        return "yes" if rule.station else "no"
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
    """Return a document whose members keep their order.

    Generators of clients take the first of several media types.
    """
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n"


if __name__ == "__main__":
    files = (
        descriptions(Path(sys.argv[1]))
        if sys.argv[1:]
        else chain(documents(), descriptions(_DESCRIPTIONS))
    )
    for path, text in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
