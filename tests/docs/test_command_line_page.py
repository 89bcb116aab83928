"""docs/command-line.md is what the commands say, the same on every machine."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from cyclopts import App

from dragoman.cli import app, common

ROOT = Path(__file__).parents[2]
_CODE = re.compile(r"```.*?```|`[^`]+`", re.DOTALL)
_CALL = re.compile(r"(?<![\w./-])dragoman (?=[a-z])([^`\n|&;>)\"]*)")
_WORD = re.compile(r"[a-z][a-z-]*")


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


def calls() -> set[str]:
    """The commands in pages, in files for operators and in what services say of commands."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    units = [*(ROOT / "deploy").rglob("*.service"), *(ROOT / "deploy").rglob("*.sh")]
    services = [
        file for end in ("py", "po", "html") for file in (ROOT / "services").rglob(f"*.{end}")
    ]
    codes = [code for page in pages for code in _CODE.findall(page.read_text())]
    codes += [unit.read_text() for unit in units]
    for file in services:
        text = re.sub(r'"\s*\n\s*f?"', "", file.read_text())
        codes += re.findall(r"`dragoman [^`\n]+`", text)
    return {call for code in codes for call in _CALL.findall(code.replace("\\\n", " "))}


def fault(call: str, commands: dict[tuple[str, ...], App]) -> str | None:
    words = call.split()
    path = max((tuple(words[:n]) for n in range(4) if tuple(words[:n]) in commands), key=len)
    rest = words[len(path) :]
    command = commands[path]
    if command.default_command is None:
        return f"{call}: no such command" if rest and _WORD.fullmatch(rest[0]) else None
    options = {"--help"} | {
        name for argument in command.assemble_argument_collection() for name in argument.names
    }
    named = {word.partition("=")[0].rstrip(".,") for word in rest if re.match("--[a-z]", word)}
    return f"{call}: no option {named - options}" if named - options else None


def test_each_command_that_anything_names_is_one_and_has_its_options(generator: ModuleType) -> None:
    commands: dict[tuple[str, ...], App] = {(): app, **dict(generator._walk(app, ()))}
    assert len(calls()) > 450
    assert [said for call in sorted(calls()) if (said := fault(call, commands))] == []
