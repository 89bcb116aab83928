"""Every name that stands on the wire, on disk or in a digest, as this program has it now.

    python tests/support/frozen_names.py      writes schemas/published/names.txt anew

Names of shapes, tables and the API are read from the running code. Names that only stand in the
text of a module (subjects, streams, buckets and their keys, broker users, files, prefixes of what
is hashed) are the literals of the modules which write them. The code may call a thing otherwise, or
stand in another module: none of these lines changes by that.
"""

import ast
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from msgspec import inspect as shapes

import dragoman
from dragoman.domain.acts.act_registry import FORMATS, PATHS, RULES
from dragoman.office.description import document, streams
from dragoman.settings import Settings
from dragoman_schemas.acts import OLDER, SHAPES
from dragoman_schemas.problems import TYPES
from dragoman_schemas.record import Envelope
from dragoman_schemas.state import ChannelState, Exchange, Registry

PACKAGE = Path(dragoman.__file__).parent
FILE = Path("schemas/published/names.txt")
WRITERS = (
    "stores/*.py",
    "eventlog/*.py",
    "readiness.py",
    "tlog/*.py",
    "domain/record/ids.py",
    "domain/record/state_digest.py",
    "domain/acts/consent.py",
    "domain/acts/erasure.py",
    "domain/acts/membership.py",
    "domain/acts/references.py",
    "domain/acts/families/genesis.py",
    "domain/acts/line_checks.py",
    "domain/acts/families/delivery_outcomes.py",
    "domain/acts/deadlines.py",
    "domain/acts/deadline_builder.py",
    "domain/acts/announced_deadlines.py",
    "domain/acts/window_notices.py",
    "domain/acts/deadline_outcomes.py",
    "domain/acts/duty_calendar.py",
    "domain/acts/deadline_acts.py",
    "domain/acts/deadline_outcomes.py",
    "domain/acts/duty_calendar.py",
    "audit/export.py",
    "eventlog/settled_copy.py",
    "api/sse.py",
    "api/host_stream.py",
    "notifier/*.py",
    "signer.py",
    "sealing.py",
    "bootstrap.py",
    "service_factory.py",
    "application/opening_requests.py",
    "server/listener.py",
    "projection/rebuild.py",
    "data_directory.py",
    "witness.py",
)
"""The modules that name something outside this program."""

_SAID = {"sentence", "refuse", "make_refusal", "verbatim", "TypeVar", "NotImplementedError"}
_MANY = 60
_DEEP = 7
_WORDS = 5


def names() -> str:
    """Return all names, one a line, each under the place where it stands."""
    found = sorted({f"{place}: {name}" for place, names in _places() for name in names})
    return "\n".join(found) + "\n"


def _places() -> Iterator[tuple[str, Iterable[str]]]:
    newest = {(name, RULES[name].version): shape for name, shape in SHAPES.items()}
    yield "record", _members(Envelope)
    for (name, version), shape in {**OLDER, **newest}.items():
        yield f"act dragoman.{name}.v{version}", _members(shape)
    yield "state of channel", _members(ChannelState)
    yield "state of exchange", _members(Exchange)
    yield "state of registry", _members(Registry)
    yield "family, its path", (f"{family} /{path}" for path, family in PATHS.items())
    yield (
        "number",
        (f"{form.code or '-'} {form.rule.act} {form.rule.family}" for form in FORMATS.values()),
    )
    yield "number", (f"{rule.code} {rule.act}" for rule in RULES.values() if rule.code)
    yield (
        "status",
        {
            f"{form.rule.act} {status}"
            for form in FORMATS.values()
            for moves in form.moves.values()
            for status in _all(moves)
        },
    )
    yield "problem", (f"{kind} {status}" for kind, (status, _) in TYPES.items())
    yield "setting", _members(Settings)
    yield "API", _api(document())
    yield "events", _events(streams())
    yield "literal", _literals()


def _all(moves: Any) -> Iterator[str]:
    for before, after in moves.items():
        yield before
        yield after


def _members(shape: Any) -> Iterator[str]:
    """Yield the path of each member of a shape, and what may be chosen there."""
    yield from _below(shapes.type_info(shape), "", ())


def _below(info: Any, path: str, passed: tuple[Any, ...]) -> Iterator[str]:
    info = info.type if isinstance(info, shapes.Metadata) else info  # its kind is beside its type
    match info:
        case shapes.StructType(cls=cls, fields=fields, tag=tag, tag_field=field):
            if cls in passed:
                return
            if field is not None:
                yield f"{path}.{field} = {tag}"
            for member in fields:
                yield f"{path}.{member.encode_name}"
                yield from _below(member.type, f"{path}.{member.encode_name}", (*passed, cls))
        case shapes.LiteralType(values=values):
            yield from (f"{path} = {value}" for value in values)
        case shapes.EnumType(cls=cls):
            yield from (f"{path} = {value.value}" for value in cls if isinstance(value, Enum))
        case shapes.UnionType(types=types):
            for each in types:
                yield from _below(each, path, passed)
        case shapes.DictType(value_type=value):
            yield from _below(value, f"{path}.*", passed)
        case _:
            several = (getattr(info, "item_type", None), *getattr(info, "item_types", ()))
            for item in several:
                if item is not None:
                    yield from _below(item, f"{path}[]", passed)


def _api(described: dict[str, Any]) -> Iterator[str]:
    """Yield each operation with its parameters and headers, what is sent and what is answered."""
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            if not isinstance(operation, dict):
                continue
            here = f"{method.upper()} {path}"
            yield here
            for parameter in operation.get("parameters", ()):
                yield f"{here} {parameter['in']} {parameter['name']}"
            for media, body in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{here} takes {media}"
                yield from (
                    f"{here} sent {member}"
                    for member in _described(described, body.get("schema", {}), "", ())
                )
            for status, answer in operation["responses"].items():
                yield f"{here} answers {status}"
                for header in answer.get("headers", {}):
                    yield f"{here} header {header}"
                for media, body in answer.get("content", {}).items():
                    if status < "3":
                        yield f"{here} gives {media}"
                        yield from (
                            f"{here} given {member}"
                            for member in _described(described, body.get("schema", {}), "", ())
                        )


def _described(
    whole: dict[str, Any], schema: Any, path: str, passed: tuple[str, ...]
) -> Iterator[str]:
    if not isinstance(schema, dict) or path.count(".") > _DEEP:
        return
    reference = schema.get("$ref")
    if reference is not None:
        if reference not in passed:
            yield from _described(
                whole,
                whole["components"]["schemas"][reference.rpartition("/")[2]],
                path,
                (*passed, reference),
            )
        return
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    if len(choices) < _MANY:  # a union of all acts is listed under the acts
        for each in choices:
            yield from _described(whole, each, path, passed)
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from _described(whole, inner, f"{path}.{name}", passed)
    for inner, at in ((schema.get("items"), "[]"), (schema.get("additionalProperties"), ".*")):
        yield from _described(whole, inner, f"{path}{at}", passed)


def _events(described: dict[str, Any]) -> Iterator[str]:
    for name, channel in described["channels"].items():
        yield f"{name} {channel.get('address', '')}"
        yield from (f"{name} message {message}" for message in channel.get("messages", {}))


def _literals() -> Iterator[str]:
    for pattern in WRITERS:
        for path in sorted(PACKAGE.glob(pattern)):
            yield from literals_in(ast.parse(path.read_text()))


def literals_in(tree: ast.Module) -> Iterator[str]:
    """Yield the texts of a module that are neither documentation nor said to people nor a type."""
    aside = [node for node in ast.walk(tree) if _is_said(node)] + list(_annotations(tree))
    passed = {id(part) for node in aside for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in passed:
            continue
        if isinstance(node, ast.JoinedStr):
            passed.update(id(part) for part in ast.walk(node))
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
        else:
            continue
        prose = len(text.split()) > _WORDS and not text.startswith(("{", "#"))
        if any(character.isalnum() for character in text) and not prose:
            yield text.encode("unicode_escape").decode()


def _is_said(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Raise() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True  # names of the code
        case ast.AnnAssign(target=ast.Name(id="__all__")):
            return True
        case ast.Call(func=ast.Name(id=name)) if name in _SAID or name.endswith(
            ("Error", "Broken", "Unreachable")
        ):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="log"))):
            return True
        case _:
            return False


def _annotations(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if (found := getattr(node, name, None)) is not None:
                yield found


if __name__ == "__main__":
    FILE.write_text(names())
