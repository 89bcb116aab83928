"""JSON Schemas of the shapes, as components of the OpenAPI and AsyncAPI documents."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from inspect import cleandoc
from typing import Any, Final, get_args, get_origin

import msgspec
from msgspec import UNSET, Struct, UnsetType, defstruct
from msgspec.structs import fields

from dragoman_schemas.dialogue_responses import Issue, IssueColumn, RoadmapLine
from dragoman_schemas.fields import Titles, Words
from dragoman_schemas.host_responses import Opening
from dragoman_schemas.report_shapes import ChannelStanding, Matter, ReadOut, TurnOver
from dragoman_schemas.responses import DraftView, Entry, ExchangeView, NewDraft, Row
from dragoman_schemas.state import Exchange, Registry
from dragoman_schemas.state_responses import LiaisonState
from dragoman_schemas.watch_responses import SideWatch


def _shown(shape: type[Struct], **value: Any) -> type[Struct]:
    """Return a shape as readers see it.

    Defaults are left out, and so are optional. Some members have other types.
    """
    members: list[Any] = []
    for field in fields(shape):
        type = value.get(field.name, field.type)
        members.append(
            (field.name, type) if field.required else (field.name, type | UnsetType, UNSET)
        )
    return defstruct(shape.__name__, members, kw_only=True, namespace={"__doc__": shape.__doc__})


_WORDS: Final = str | dict[str, str]


_KEPT_AS_BYTES: Final[dict[tuple[type[Struct], str], Any]] = {
    (ChannelStanding, "reason"): _WORDS,
    (DraftView, "act"): dict[str, Any],
    (Entry, "record"): dict[str, Any],
    (ExchangeView, "state"): _shown(Exchange, meeting=dict[str, Any] | None),
    (Issue, "common_ground"): _WORDS,
    (LiaisonState, "registry"): Registry,
    (Matter, "subject"): _WORDS,
    (NewDraft, "act"): dict[str, Any],
    (Opening, "act"): dict[str, Any],
    (ReadOut, "text"): _WORDS,
    (RoadmapLine, "text"): _WORDS,
    (Row, "subject"): _WORDS,
    (SideWatch, "note"): _WORDS,
    (TurnOver, "note"): _WORDS,
    (IssueColumn, "own_view"): _WORDS,
    (IssueColumn, "wanted_outcome"): _WORDS,
    (IssueColumn, "your_view"): _WORDS,
}
"""Members that are sent as the bytes in which they are stored, with their types.

Texts may be given by language.
"""


REF: Final = "#/components/schemas/{name}"


def described(shapes: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the schemas of shapes, and the components that they refer to.

    Generators of clients make a class of each component. A component therefore has the
    plain name of its shape, as its name and as its title.
    """
    rows = [*_KEPT_AS_BYTES.values()]
    schemas, components = undented(
        msgspec.json.schema_components([*shapes, *rows], ref_template=REF)
    )
    for (shape, member), schema in zip(_KEPT_AS_BYTES, schemas[len(shapes) :], strict=True):
        if shape.__name__ in components:
            components[shape.__name__]["properties"][member] |= schema
    names = _plain_names(components)
    refs = {REF.format(name=name): REF.format(name=plain) for name, plain in names.items()}
    root_schemas = portable(schemas[: len(shapes)], refs)
    by_name = {
        names[name]: {**portable(schema, refs), "title": names[name]}
        for name, schema in components.items()
    }
    by_name |= {
        name: {"title": name, "description": _BY_LANGUAGE, **schema}
        for name, schema in _shared().items()
    }
    return root_schemas, {name: by_name[name] for name in sorted(_reached(root_schemas, by_name))}


def _reached(schemas: Any, components: Mapping[str, Any]) -> set[str]:
    """Return the names of all components to which schemas lead."""
    names: set[str] = set()
    waiting = [schemas]
    while waiting:
        match waiting.pop():
            case dict() as schema:
                waiting += schema.values()
            case list() as items:
                waiting += items
            case str() as text if (
                name := text.removeprefix(REF.format(name=""))
            ) in components and name not in names:
                names.add(name)
                waiting.append(components[name])
    return names


def _plain_names(components: Iterable[str]) -> dict[str, str]:
    """Return the plain name of each component.

    If shapes share a name, msgspec gives them the path of their module. An act keeps
    its name, or else an answer does. The other shapes get the last part of their module
    as a prefix: `dragoman_schemas.report_shapes.Lesson` becomes `ReportShapesLesson`.
    """
    names: dict[str, str] = {}
    for component in sorted(components, key=_rank):
        module, _, shape = component.rpartition(".")
        prefix = "".join(part.capitalize() for part in module.rpartition(".")[2].split("_"))
        names[component] = shape if shape not in names.values() else prefix + shape
    assert len({*names.values()}) == len(names), "two components have one name"
    return names


def _rank(component: str) -> tuple[bool, bool, bool, str]:
    module = component.rpartition(".")[0]
    return module != "", ".acts." not in component, not module.endswith("responses"), component


@cache
def _shared() -> dict[str, dict[str, Any]]:
    """Return the schemas of texts by language, by the names of their components."""
    return {
        f"{name}ByLanguage": msgspec.json.schema(
            next(
                argument
                for argument in get_args(get_args(union)[0])
                if get_origin(get_args(argument)[0]) is dict
            )
        )
        for name, union in (("Words", Words), ("Titles", Titles))
    }


_BY_LANGUAGE: Final = "A text in several languages, each under its language tag."


def portable(schema: Any, refs: Mapping[str, str]) -> Any:
    """Return schemas with their references renamed, in forms that generators read.

    A tuple has the schema `false` for what follows its items; `minItems` and `maxItems`
    say how many there are. A choice of one is a constant. An object without described
    members says that it may have any. A text by language, which is in most acts, is a
    component.
    """
    match schema:
        case dict() if shared := next(
            (name for name, value in _shared().items() if value == schema), ""
        ):
            return {"$ref": REF.format(name=shared)}
        case {"prefixItems": items, "items": False, **others}:
            kinds = list({str(item): item for item in items}.values())
            kind = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
            return {
                **portable(others, refs),
                "prefixItems": portable(items, refs),
                "items": portable(kind, refs),
            }
        case {"enum": [str(only)], **others}:
            return {"type": "string", **portable(others, refs), "const": only}
        case {"type": "object"} if len(schema) == 1:
            return {**schema, "additionalProperties": True}
        case dict():
            return {name: portable(value, refs) for name, value in schema.items()}
        case list() | tuple():
            return [portable(item, refs) for item in schema]
        case str():
            return refs.get(schema, schema)
        case _:
            return schema


def undented(schema: Any) -> Any:
    """Return schemas whose descriptions have no indentation.

    Docstrings are indented in the code. Newer interpreters remove that themselves.
    """
    match schema:
        case {"description": str(text), **others}:
            return {"description": cleandoc(text), **undented(others)}
        case dict():
            return {name: undented(value) for name, value in schema.items()}
        case list() | tuple():
            return [undented(item) for item in schema]
        case _:
            return schema
