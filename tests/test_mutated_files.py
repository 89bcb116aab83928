"""The files of `make mutants` are in the tree."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_file_that_the_hunt_changes_exists() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    assert [path for path in config["only_mutate"] if not (ROOT / path).is_file()] == []
