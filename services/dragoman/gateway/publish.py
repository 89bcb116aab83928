"""What is generated from the shapes and the tables: JSON Schemas, the OpenAPI document, the diagrams of states, the formats.

`python -m dragoman.gateway.publish` writes them below the working directory; a test fails when they are stale.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from dragoman.domain.rule import NEVER, OFFICERS
from dragoman.domain.table import FORMATS, PATHS, RULES, states
from dragoman.gateway.api import document, streams
from dragoman_schemas.acts import OLDER, SHAPES
from dragoman_schemas.frame import Act, Continuing, Opening
from dragoman_schemas.record import Envelope

_SAMPLES: Final = Path("schemas/samples/acts")


def documents() -> Iterator[tuple[Path, str]]:
    """Each generated file, by its path in the repository."""
    published = Path("schemas/published")
    newest = {(name, RULES[name].version): shape for name, shape in SHAPES.items()}
    for (name, version), shape in {**OLDER, **newest}.items():
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:dragoman:schema:{name}:{version}",
            **msgspec.json.schema(shape),
        }
        yield published / "acts" / f"{name}.v{version}.json", _encoded(schema)
    yield published / "record.json", _encoded({"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Envelope)})
    yield published / "openapi.json", _encoded(document())
    yield published / "asyncapi.json", _encoded(streams())
    yield Path("docs/states.md"), states()
    yield Path("docs/formats.md"), "\n".join(_formats())


def _formats() -> Iterator[str]:
    """Every act with its fields and one whole example, which a test posts."""
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
        roles = "any officer" if rule.roles == OFFICERS else " or ".join(sorted(rule.roles)).replace("_", " ")
        yield from (f"## {form.code} `{rule.act}`", "", inspect.getdoc(rule.shape) or "", "")
        keys = "two keys" + (", one where it is urgent" if rule.one_key is not NEVER else "") if rule.two_key else "one key"
        yield from (f"Opened by {roles}, {keys}; posted to `/{_where(rule.family)}`. States and acts: [states.md](states.md).", "")
        yield from _members(rule.act, Opening)
    yield from ("# Acts that carry an exchange on, and those of the channel", "")
    for act, rule in RULES.items():
        if act not in FORMATS and (_SAMPLES / f"{act}.json").exists():
            yield from (f"## `{act}`", "", inspect.getdoc(rule.shape) or "", "", f"By {rule.who.value}.", "")
            yield from _members(act, Continuing)


def _where(family: str | None) -> str:
    return next(path for path, of in PATHS.items() if of == family)


def _members(act: str, frame: type[Act]) -> Iterator[str]:
    shape = SHAPES[act]
    framed = set(frame.__struct_fields__) if issubclass(shape, frame) else {"signed"}
    fields = [field for field in msgspec.structs.fields(shape) if field.name not in framed or field.required]
    required = ", ".join(f"`{field.encode_name}`" for field in fields if field.required) or "nothing else"
    optional = ", ".join(f"`{field.encode_name}`" for field in fields if not field.required)
    yield f"Required: {required}." + (f" Optional: {optional}, and those of the frame." if optional else "")
    yield from ("", "```json", (_SAMPLES / f"{act}.json").read_text().rstrip(), "```", "")


def _encoded(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1).decode() + "\n"


if __name__ == "__main__":
    for path, text in documents():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
