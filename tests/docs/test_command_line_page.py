"""docs/command-line.md is what the commands say, the same on every machine."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from dragoman.cli import common

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    path = ROOT / "docs" / "site" / "command_line.py"
    specification = importlib.util.spec_from_file_location("command_line_page", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_page_is_what_the_commands_say(
    generator: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/somebody")
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("DRAGOMAN_DATA", "/elsewhere")
    monkeypatch.setenv("DRAGOMAN_CHANNEL", "another")
    page = (ROOT / "docs" / "command-line.md").read_text()
    assert page == generator.page(), "run make schemas"
    assert not re.search(r"/(root|home|somebody)/", page)


def test_each_command_is_on_the_page_and_no_old_name(generator: ModuleType) -> None:
    headings = re.findall(r"^#+ `dragoman (.*)`$", generator.page(), re.MULTILINE)
    assert {"up", "serve witness", "audit verify", "config schema", "backup prune"} <= {*headings}
    assert {"audit exceptions", "serve watch"}.isdisjoint(headings)
    assert len(headings) == len(set(headings)) > 100


def test_each_exit_code_has_a_meaning() -> None:
    names = ("FAILED", "USAGE", "NOT_FOUND", "DENIED", "CONFLICT", "UNREACHABLE", "UNVERIFIED")
    codes = {getattr(common, name) for name in (*names, "NEWER", "INTERRUPTED")}
    assert set(common.EXIT_CODES) == {0, *codes}


def test_no_argument_is_without_a_meaning(generator: ModuleType) -> None:
    assert re.findall(r"^\| (`[^`]*`) \|  \|", generator.page(), re.MULTILINE) == []
