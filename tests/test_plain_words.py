"""The tree is written in plain words: docstrings, names, phrases, lengths, rooms, and paths that
documents name.
"""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import plain_words
from plain_words import ROOT, Fault

PACKAGES = ("services/dragoman", "schemas/dragoman_schemas")
ALLOWED: dict[str, int] = {}
"""Places of a kind that are left, with the reason beside it. Lower a number when you fix some;
raise none.
"""

PAGES = ("CONTRIBUTING.md", "README.md", "tests/README.md", "docs")


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def pages() -> list[Path]:
    return [
        page
        for name in PAGES
        for page in ([ROOT / name] if name.endswith(".md") else sorted((ROOT / name).rglob("*.md")))
    ]


def shown(faults: list[Fault]) -> str:
    return "\n".join(f"{fault.path}:{fault.line}: {fault.kind}: {fault.text}" for fault in faults)


@cache
def faults_of_modules() -> list[Fault]:
    """The faults of all modules, which takes seconds to see."""
    return [fault for path in modules() for fault in plain_words.of_python(path)]


KINDS = (
    "opening",
    "name",
    "phrase",
    "wording",
    "long sentence",
    "wide docstring",
    "long line",
    "long module",
)


@pytest.mark.parametrize("kind", KINDS)
def test_modules_are_written_plainly(kind: str) -> None:
    faults = [fault for fault in faults_of_modules() if fault.kind == kind]
    assert len(faults) <= ALLOWED.get(kind, 0), shown(faults)


def test_docstrings_of_tests_open_plainly() -> None:
    faults = [
        fault
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for fault in plain_words.of_python(path)
        if fault.kind == "opening"
    ]
    assert faults == [], shown(faults)


def test_no_kind_of_fault_is_forgotten() -> None:
    assert {fault.kind for fault in faults_of_modules()} <= {*KINDS}
    assert len(modules()) > 300


def test_a_fault_of_each_kind_is_found(tmp_path: Path) -> None:
    """The measure itself: one module with each fault."""
    module = tmp_path / "module.py"
    module.write_text(
        '"""What is measured here."""\n\n'
        "said = 1\n"
        '"""'
        + "word " * 26
        + '."""\n'
        + "x = '''"
        + "y" * 101
        + "'''\n"
        + "z = 'seen by you alone'\n"
        + "# it does not hold\n" * 600
    )
    assert {fault.kind for fault in plain_words.of_python(module)} == {*KINDS}


def test_no_folder_has_more_modules_than_a_reader_takes_in() -> None:
    folders = Counter(path.parent for path in modules())
    assert {
        str(folder): number for folder, number in folders.items() if number > plain_words.MODULES
    } == {}


def test_no_two_classes_share_a_name() -> None:
    classes = Counter(
        match[1]
        for path in modules()
        for match in re.finditer(r"^\s*class (\w+)", path.read_text(), re.MULTILINE)
    )
    assert [name for name, number in classes.items() if number > 1] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_are_written_plainly(page: Path) -> None:
    faults = list(plain_words.of_page(page))
    assert faults == [], shown(faults)


@pytest.mark.parametrize(
    "page", ["docs/glossary.md", "docs/ARCHITECTURE.md", "CONTRIBUTING.md", "tests/README.md"]
)
def test_every_path_that_a_page_names_is_there(page: str) -> None:
    named = re.findall(r"`([\w./-]+(?:\.py|\.md|/))`", (ROOT / page).read_text())
    assert named or page == "tests/README.md"
    there = {
        f"/{path.relative_to(ROOT)}"
        for folder in ("services", "schemas", "tests", "docs", "deploy")
        for path in (ROOT / folder).rglob("*")
        if "__pycache__" not in path.parts
    } | {f"/{path.name}" for path in ROOT.iterdir()}
    missing = [
        name for name in named if not any(path.endswith(f"/{name.strip('/')}") for path in there)
    ]
    assert missing == []
