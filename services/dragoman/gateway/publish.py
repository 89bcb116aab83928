"""What is generated from the shapes and the tables: JSON Schemas, the OpenAPI document, the diagrams of states.

`python -m dragoman.gateway.publish` writes them below the working directory; a test fails when they are stale.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from dragoman.domain.table import RULES, states
from dragoman.gateway.api import document
from dragoman_schemas.acts import OLDER, SHAPES
from dragoman_schemas.record import Envelope


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
    yield Path("docs/states.md"), states()


def _encoded(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1).decode() + "\n"


if __name__ == "__main__":
    for path, text in documents():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
