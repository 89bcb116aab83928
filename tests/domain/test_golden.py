"""Golden records: one of each act and version, written once. Whatever changes, they are read as
they were meant.
"""

import json
from pathlib import Path

import pytest

from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.record.codec import parse
from dragoman_schemas.acts import OLDER, SHAPES
from golden_records import write_missing

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


def test_a_missing_record_is_written_and_one_that_stands_is_never_touched(tmp_path: Path) -> None:
    written = write_missing(tmp_path)
    assert written == [f"{name}.v{RULES[name].version}" for name in SHAPES]
    records = {path: parse(path.read_bytes()) for path in tmp_path.glob("*.v*.json")}
    commits: dict[str, str] = json.loads((tmp_path / "commits.json").read_text())
    assert commits == {
        path.name.removesuffix(".json"): record.commit for path, record in records.items()
    }
    frozen, gone = tmp_path / f"{written[0]}.json", tmp_path / f"{written[1]}.json"
    frozen.write_text("frozen")
    gone.unlink()
    assert write_missing(tmp_path) == [], (
        "one that was lost is not made anew: its commitment is there"
    )
    del commits[written[1]]
    (tmp_path / "commits.json").write_text(json.dumps(commits))
    assert (write_missing(tmp_path), frozen.read_text()) == ([written[1]], "frozen")
