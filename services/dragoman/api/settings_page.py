"""The page docs/settings.md and the schema of the settings, made from the settings."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from dragoman.settings import PREFIX, Settings, Way

_HEAD: Final = """# Settings

After this page you know every setting. \
[operating-configure.md](operating-configure.md#settings) says where settings are read from, and \
has an example. `dragoman config show` prints yours with their sources, `dragoman config check` \
finds faults, and `dragoman config schema` prints the JSON Schema for an \
editor. This page is generated (`make schemas`).

"""
_TITLES: Final = {
    "": "Top level",
    "registrar": "registrar (the signer)",
    "courier": "courier (the notifier)",
}
_TABLES: Final[dict[str, type[Struct]]] = {"courier.ways": Way}
"""Settings that are lists of tables, with the shape of a table."""

_KINDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "none",
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a settings file."""
    shape: dict[str, Any] = msgspec.json.schema(Settings, schema_hook=_path)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **shape}


def _path(kind: type) -> dict[str, Any]:
    if kind is Path:
        return {"type": "string"}
    raise NotImplementedError


def page() -> str:
    """Return the page."""
    return _HEAD + "\n".join(_section("", Settings(), schema()["$defs"]))


def _section(name: str, values: Struct, shapes: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a section and of those inside it."""
    properties = shapes[type(values).__name__]["properties"]
    yield f"## {_TITLES.get(name, name)}\n"
    yield _linked(inspect.cleandoc(type(values).__doc__ or "")) + "\n"
    yield "| setting | kind | default | in the environment |"
    yield "|---|---|---|---|"
    inner: list[tuple[str, Struct]] = []
    tables: list[tuple[str, type[Struct]]] = []
    for field in values.__struct_fields__:
        value, path = getattr(values, field), f"{name}.{field}".lstrip(".")
        if isinstance(value, Struct):
            inner.append((path, value))
            continue
        variable = PREFIX + path.upper().replace(".", "__")
        if (table := _TABLES.get(path)) is not None:
            tables.append((path, table))
            yield f"| `{path}` | list of tables, see below | none | `{variable}`, as JSON |"
            continue
        yield f"| `{path}` | {_kind(properties[field])} | {_default(value)} | `{variable}` |"
    yield ""
    for path, table in tables:
        yield from _table(path, table, shapes)
    for path, value in inner:
        yield from _section(path, value, shapes)


def _table(name: str, table: type[Struct], shapes: dict[str, Any]) -> Iterator[str]:
    """Yield the lines about the tables of a list."""
    yield f"## [[{name}]]\n"
    yield _linked(inspect.cleandoc(table.__doc__ or "")) + "\n"
    yield "| setting | kind | default |"
    yield "|---|---|---|"
    for field in fields(table):
        kind = _kind(shapes[table.__name__]["properties"][field.name])
        default = "must be there" if field.required else _default(field.default)
        yield f"| `{field.name}` | {kind} | {default} |"
    yield ""


def _linked(text: str) -> str:
    """Return a docstring as a paragraph or several."""
    return "\n\n".join(
        " ".join(line.strip() for line in part.split("\n")) for part in text.split("\n\n")
    )


def _kind(shape: dict[str, Any]) -> str:
    """Return the kind of a setting in words, with its bounds."""
    if "enum" in shape:
        return " or ".join(f"`{value}`" for value in shape["enum"])
    if "anyOf" in shape:
        return " or ".join(_kind(choice) for choice in shape["anyOf"])
    if shape["type"] == "array":
        return f"list of: {_kind(shape['items'])}"
    bounds = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
    }
    limits = [text.format(shape[bound]) for bound, text in bounds.items() if bound in shape]
    return ", ".join([_KINDS[shape["type"]], *limits])


def _default(value: Any) -> str:
    if value is None or value == "":
        return "none"
    text = msgspec.json.encode(value, enc_hook=str).decode()
    return f"`{text}`"
