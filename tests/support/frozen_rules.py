"""Digests of rules 1: one for each act, format, profile and codebook.

Rules 1 is frozen: `tests/golden/rules_1.json` is never written again (decision 0054).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from dragoman.domain.acts.act_registry import VERSIONS
from dragoman.domain.acts.act_rules import Format, Rule
from dragoman_schemas.acts import OLDER, SHAPES, rules_versions
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.profiles import PROFILES

ROOT = Path(__file__).parents[2]
FILE = ROOT / "tests" / "golden" / "rules_1.json"


def digests() -> dict[str, str]:
    """Return the digest of each part of rules 1, by its name."""
    return {name: _digest(value) for name, value in sorted(_parts())}


def _parts() -> Iterator[tuple[str, object]]:
    version = VERSIONS[1]
    for (name, number), shape in OLDER.items():
        if number <= version.rules[name].version:
            yield f"shape {name} {number}", _shape_of(shape)
    for name, number in rules_versions.ACTS[1].items():
        shape = OLDER.get((name, number), SHAPES[name])
        yield f"shape {name} {number}", _shape_of(shape)
        yield f"rule {name}", _data_of(version.rules[name])
    for name, form in version.formats.items():
        yield f"format {name}", _data_of(form)
    for name, profile in PROFILES.items():
        yield f"profile {name}", msgspec.to_builtins(profile)
    for name, book in CODEBOOKS.items():
        yield f"codebook {name}", msgspec.to_builtins(book)


def _shape_of(shape: type) -> object:
    return _without_words(msgspec.json.schema(shape))


def _without_words(schema: object) -> object:
    """A schema without what is said of its parts, which may be said better."""
    match schema:
        case dict():
            return {
                name: _without_words(part)
                for name, part in schema.items()
                if name not in ("description", "title") or not isinstance(part, str)
            }
        case list():
            return [_without_words(part) for part in schema]
        case _:
            return schema


def _data_of(part: Rule | Format) -> dict[str, object]:
    """The columns of a table that are data; what its functions do, the golden stores tell."""
    columns = {name: _plain(getattr(part, name)) for name in part.__dataclass_fields__}
    return {name: value for name, value in columns.items() if value is not None}


def _plain(value: Any) -> object:
    match value:
        case Enum():
            return value.value
        case frozenset():
            return sorted(value)
        case tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case str() | int() | bool():
            return value
        case _:
            return None


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
