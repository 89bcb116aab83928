"""Tests that are left out while the files that they read are the same, in a tree of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from patience import PATIENCE_S
from read_files import RUNNER

pytestmark = pytest.mark.reads(*RUNNER)

SUPPORT = Path(__file__).parent / "support"
CONFTEST = f"""
import sys
sys.path.append({str(SUPPORT)!r})
from unchanged import Unchanged

def pytest_addoption(parser):
    parser.addoption("--long", action="store_true")

def pytest_configure(config):
    config.pluginmanager.register(Unchanged(config))
"""
MARKED = """
import pytest
from pathlib import Path

@pytest.mark.reads("deploy/**")
@pytest.mark.parametrize("number", [1, 2])
def test_the_files(number):
    assert Path("deploy/proxy/Caddyfile").read_text() != "broken"

def test_another():
    pass
"""
FILE = "tests/deploy/test_it.py"


class Tree:
    """A repository with a marked test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write(
            "pytest.ini",
            "[pytest]\ntestpaths = tests\nmarkers =\n    reads\n    long\n"
            "addopts = -ra --import-mode=importlib -p no:cacheprovider\n",
        )
        self.write("tests/conftest.py", CONFTEST)
        self.write(FILE, MARKED)
        self.write("deploy/proxy/Caddyfile", "first")
        subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def run(self, *arguments: str) -> str:
        """Run the tests, and return the last line: the number of tests by outcome."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "xdist", *arguments],
            cwd=self.root,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        self.output = done.stdout
        return done.stdout.splitlines()[-1].strip("= ").partition(" in ")[0]

    @property
    def passed(self) -> dict[str, str]:
        file = self.root / "tests" / "passed.json"
        return json.loads(file.read_text()) if file.exists() else {}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_marked_tests_run_until_they_pass_and_again_after_a_change(
    tree: Tree, workers: str
) -> None:
    assert tree.run("-n", workers) == "3 passed"
    assert list(tree.passed) == [FILE]
    assert tree.run("-n", workers) == "1 passed, 2 skipped"
    assert f"deploy/**; to run it: pytest {FILE}" in tree.output
    tree.write("deploy/proxy/Caddyfile", "broken")
    for _ in range(2):
        assert tree.run("-n", workers) == "2 failed, 1 passed"
    tree.write("deploy/proxy/Caddyfile", "first")
    assert tree.run("-n", workers) == "1 passed, 2 skipped", "as it was when it passed"


def test_a_change_of_the_test_itself_and_a_new_file_count(tree: Tree) -> None:
    assert tree.run() == "3 passed"
    tree.write("deploy/other/file", "")
    assert tree.run() == "3 passed"
    tree.write(FILE, MARKED.replace("[1, 2]", "[1, 2, 3]"))
    assert tree.run() == "4 passed"
    tree.write("elsewhere/file", "")
    assert tree.run() == "1 passed, 3 skipped"


def test_a_run_of_a_part_skips_nothing_and_passes_for_no_whole_file(tree: Tree) -> None:
    assert tree.run(f"{FILE}::test_the_files") == "2 passed"
    assert tree.run("-k", "files and 1") == "1 passed, 2 deselected"
    assert tree.passed == {}
    assert tree.run("-m", "reads") == "2 passed, 1 deselected"
    assert list(tree.passed) == [FILE]
    assert tree.run("tests/deploy") == "3 passed"


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_run_that_ends_early_passes_for_no_whole_file(tree: Tree, workers: str) -> None:
    fails = "def test_the_end():\n    assert False\n\n"
    between = MARKED.replace("def test_another", f"{fails}@pytest.mark.reads()\ndef test_another")
    tree.write(FILE, between.replace("@pytest.mark.reads()", "@pytest.mark.reads('deploy/**')"))
    assert tree.run("-n", workers, "-x").startswith("1 failed, 2 passed")
    assert tree.passed == {}


def test_a_broken_list_and_a_skipped_test_leave_nothing_out(tree: Tree) -> None:
    tree.write(FILE, MARKED.replace("    assert", "    pytest.skip('no caddy')\n    assert"))
    assert tree.run() == "1 passed, 2 skipped"
    assert tree.passed == {}
    tree.write(FILE, MARKED)
    assert tree.run() == "3 passed"
    tree.write("tests/passed.json", "<<<<<<< ours\n{}\n")
    assert tree.run() == "3 passed"
    assert list(tree.passed) == [FILE]
