"""The measure of plain words finds each kind of fault. No two classes share a name, and every path
that a document names is there. `make check` measures the tree itself.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

import plain_words
from plain_words import ADVICE, ROOT


def test_a_fault_of_each_kind_is_found_with_its_reason(tmp_path: Path) -> None:
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
        + "# it does not hold\n"
    )
    faults = {fault.kind: str(fault) for fault in plain_words.of_file(module)}
    assert faults.keys() == ADVICE.keys()
    assert faults["wording"].endswith("reads like a translation. Write: only.")
    assert "Write: is not valid." in faults["phrase"]


def test_a_page_is_measured_and_a_test_only_by_its_docstrings(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("The query does not hold.\n")
    assert [fault.kind for fault in plain_words.of_file(page)] == ["phrase"]
    assert [*plain_words.of_file(Path(__file__))] == []


def test_no_two_classes_share_a_name() -> None:
    classes = Counter(
        match[1]
        for package in ("services/dragoman", "schemas/dragoman_schemas")
        for path in (ROOT / package).rglob("*.py")
        for match in re.finditer(r"^\s*class (\w+)", path.read_text(), re.MULTILINE)
    )
    assert [name for name, number in classes.items() if number > 1] == []


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
