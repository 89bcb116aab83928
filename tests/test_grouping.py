"""The groups in which tests are handed out to workers, on a few tests of their own."""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grouping import group_of
from patience import PATIENCE_S
from read_files import RUNNER

SUPPORT = Path(__file__).parent / "support"
CONFTEST = """
import sys
sys.path.append({support!r})
import pytest
from grouping import Grouping

def pytest_configure(config):
    config.pluginmanager.register(Grouping(config))

@pytest.fixture(scope="session")
def three_nodes():
    return 3

@pytest.fixture(scope="module")
def shared():
    return 1

@pytest.fixture
def own():
    return 2
"""
FILES = {
    "domain/test_a.py": "def test_it(number):\n    pass",
    "live/test_shared.py": "def test_it(number, shared):\n    pass",
    "live/test_own.py": "def test_it(number, own):\n    pass",
    "eventlog/test_cluster.py": "def test_it(number, three_nodes):\n    pass",
    "contract/test_cluster.py": "def test_it(number, three_nodes):\n    pass",
}


@pytest.mark.reads(*RUNNER)
def test_tests_that_share_something_run_in_one_worker_and_the_longest_groups_begin_first(
    tmp_path: Path,
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text(CONFTEST.format(support=str(SUPPORT)))
    for name, text in FILES.items():
        (file := tmp_path / "tests" / name).parent.mkdir(exist_ok=True)
        file.write_text(f"import pytest\n\n@pytest.mark.parametrize('number', range(8))\n{text}\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "-v",
        "-p",
        "no:cacheprovider",
        "tests",
    ]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    workers: dict[str, set[str]] = defaultdict(set)
    ran: dict[str, list[str]] = defaultdict(list)
    for worker, file in re.findall(
        r"^\[(gw\d)\] \[ *\d+%\] PASSED tests/(\S+)::", done.stdout, re.MULTILINE
    ):
        workers[file].add(worker)
        ran[worker].append(file)
    assert sum(map(len, ran.values())) == 8 * len(FILES)
    assert [file for file in workers if file != "live/test_own.py" and len(workers[file]) > 1] == []
    assert workers["eventlog/test_cluster.py"] == workers["contract/test_cluster.py"], (
        "one cluster for both"
    )
    (worker,) = workers["domain/test_a.py"]
    assert ran[worker][-8:] == ["domain/test_a.py"] * 8, "what takes least comes last"


@pytest.mark.parametrize(("marked", "group"), [(True, "domain/a/one"), (False, "domain/a")])
def test_a_part_of_a_file_is_a_group(*, marked: bool, group: str) -> None:
    item: Any = SimpleNamespace(
        path=SUPPORT.parent / "domain" / "test_a.py",
        config=SimpleNamespace(rootpath=SUPPORT.parents[1]),
        get_closest_marker=lambda _: pytest.mark.part("one").mark if marked else None,
    )
    assert group_of(item) == group
