"""The budgets of processor time, on a few tests of their own."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import budgets
from patience import PATIENCE_S
from read_files import RUNNER

HERE = Path(__file__).parent
CONFTEST = f"""
import sys
sys.path.append({str(HERE / "support")!r})
import budgets

def pytest_addoption(parser):
    parser.addoption("--long", action="store_true")

def pytest_configure(config):
    budgets.register(config)
"""
SPENDING = """
import subprocess, sys, time

SPEND = "import time\\nwhile time.process_time() < 0.9: pass"

def test_that_spends():
    until = time.process_time() + 0.9
    while time.process_time() < until:
        pass

def test_whose_grandchild_spends():
    again = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SPEND!r}])"
    subprocess.run([sys.executable, "-c", again], check=True)

def test_of_a_running_child():
    global running
    until_killed = SPEND + "\\nprint(flush=True)\\ntime.sleep(600)"
    running = subprocess.Popen([sys.executable, "-c", until_killed], stdout=subprocess.PIPE)
    running.stdout.readline()

def teardown_module():
    running.stdout.close()
    running.kill()
    running.wait()
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Two folders of tests: one spends two core seconds, and one spends none."""
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\ntestpaths = tests\naddopts = --import-mode=importlib -p no:cacheprovider\n"
    )
    for name, text in (
        ("conftest.py", CONFTEST),
        ("dear/test_dear.py", SPENDING),
        ("cheap/test_cheap.py", "def test_nothing():\n    pass\n"),
    ):
        (file := tmp_path / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def ran(suite: Path, *arguments: str, dear: float) -> subprocess.CompletedProcess[str]:
    """Run the tests with a budget for the dear folder."""
    (suite / "tests" / "budget.toml").write_text(f"[core_seconds]\ndear = {dear}\ncheap = 1\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist", *arguments],
        cwd=suite,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


@pytest.mark.reads(*RUNNER)
@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_whole_run_fails_if_a_folder_is_over_its_budget(suite: Path, workers: str) -> None:
    done = ran(suite, "-n", workers, dear=0.1)
    assert done.returncode == 1, done.stdout
    assert " 4 passed" in done.stdout, "no test failed"
    assert re.search(r"dear  OVER ITS BUDGET\n", done.stdout), done.stdout
    assert done.stdout.count("OVER ITS BUDGET") == 1
    for name in ("that_spends", "whose_grandchild_spends", "of_a_running_child"):
        assert re.search(
            rf"^ +\d\.\d  tests/dear/test_dear.py::test_{name}$", done.stdout, re.MULTILINE
        )


@pytest.mark.reads(*RUNNER)
def test_a_run_within_its_budgets_and_a_run_of_a_part_pass(suite: Path) -> None:
    within = ran(suite, dear=100)
    assert within.returncode == 0, within.stdout
    assert "OVER" not in within.stdout
    (row,) = re.findall(r"^ +(\d+\.\d) +100  dear$", within.stdout, re.MULTILINE)
    assert float(row) > 0.7, "all three tests count, on a machine twice as slow too"
    part = ran(suite, "tests/dear", dear=0.1)
    assert part.returncode == 0, part.stdout
    assert "dearest tests" in part.stdout
    assert "spent  budget" not in part.stdout


def test_a_child_that_ends_during_a_walk_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    walks = iter([10.0, 4.0, 10.5])
    monkeypatch.setattr(budgets, "tree_seconds", lambda _: next(walks))
    monkeypatch.setattr(budgets, "_WALK_EACH_S", -1.0)
    item: Any = SimpleNamespace(user_properties=[])
    call: Any = SimpleNamespace(when="teardown")
    budgets.Meter().pytest_runtest_makereport(item, call)
    spent = dict(item.user_properties)[budgets.SPENT]
    assert 0.5 <= spent < 1.0, "half a second, and what this process itself spent"


def test_new_budgets_leave_room_for_noise_and_none_for_a_doubling() -> None:
    old = '# Words\n[core_seconds]\nlive = 9\n"live if changed" = 40\ntlog = 7\n'
    new = budgets.rewritten(old, {"live": 100.0, "live if changed": 20.1})
    assert new == '# Words\n[core_seconds]\nlive = 150\n"live if changed" = 31\ntlog = 7\n'


def test_each_folder_of_tests_has_a_budget_and_no_other() -> None:
    listed = set(tomllib.loads((HERE / "budget.toml").read_text())["core_seconds"])
    marked = re.compile(r"\bmark\.reads\(")
    expected = set()
    for file in HERE.glob("**/test_*.py"):
        place = file.relative_to(HERE).parts
        name = place[0] if len(place) > 1 else budgets.BESIDE
        expected.add(name)
        if marked.search(file.read_text()):
            expected.add(name + budgets.IF_CHANGED)
    assert listed == expected
