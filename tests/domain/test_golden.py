"""Golden records: one of each act and version, written once. Whatever changes, they are read as
they were meant.
"""

import json
from pathlib import Path

import pytest

from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.record.codec import parse
from dragoman_schemas.acts import OLDER, SHAPES

RECORDS = Path(__file__).parents[2] / "schemas" / "samples" / "records"
COMMITS: dict[str, str] = json.loads((RECORDS / "commits.json").read_text())


def test_there_is_one_of_each_act_and_version() -> None:
    versions = {f"{name}.v{RULES[name].version}" for name in SHAPES} | {
        f"{name}.v{version}" for name, version in OLDER
    }
    assert (
        COMMITS.keys()
        == versions
        == {path.name.removesuffix(".json") for path in RECORDS.glob("*.v*.json")}
    )


@pytest.mark.parametrize("golden", COMMITS)
def test_a_golden_record_is_read_for_ever(golden: str) -> None:
    raw = (RECORDS / f"{golden}.json").read_bytes()
    record = parse(raw)
    name, _, version = golden.rpartition(".v")
    assert (record.name, record.envelope.type, record.commit) == (
        name,
        f"dragoman.{name}.v{version}",
        COMMITS[golden],
    )
    assert isinstance(record.data, SHAPES[name]), "what is read is of the newest shape"
    assert record.raw.endswith(record.act + b"}")
