"""Budgets of processor time: `tests/budget.toml` names core seconds for each folder of tests.

A worker measures each test together with the fixtures that are set up and torn down around it. It
counts its own processor time and that of all processes that descend from it: services, brokers,
commands, browsers, compilers. The figures travel to the controller as properties of the reports.

    walking /proc:  own time + time of the children it waited for, summed over the living tree

Each process hands its time to the parent that waits for it. So the sum only grows, and its growth
is what a test costs. A process is missed if its parent was killed and nobody waits for it.
The forking process of `commands.py` adopts and awaits such orphans.

    python tests/support/budgets.py     writes new budgets from the figures of the last whole run

Machines differ, and a busy processor is slower. So each worker times a fixed loop now and then.
The mean time of that loop, compared with the reference machine, scales all budgets of the run.
"""

import hashlib
import json
import math
import os
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

FILE: Final = "tests/budget.toml"
SPENT: Final = "core_seconds"
"""The property of a report that holds the core seconds of a test."""

LOOP: Final = "loop_seconds"
"""The property of a report that holds a time of the fixed loop."""

BESIDE: Final = "tests"
"""The name of the budget for the test files beside the folders."""

IF_CHANGED: Final = " if changed"

REFERENCE_LOOP_S: Final = 0.0072
"""The time of the loop on the reference machine."""

_WALK_EACH_S: Final = 0.5
_WALKS: Final = 5
_LOOP_EACH_S: Final = 20.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_DEAREST: Final = 10
_ROOM: Final = 1.5
"""A new budget in relation to what the folder cost: noise passes, and a doubling fails."""

_LEAST: Final = 5
_WORTH_A_LINE_S: Final = 0.5


def tree_seconds(root: int) -> float:
    """Return the processor seconds of the processes that descend from `root`, without its own time.
    The time of dead processes counts if a living one of the tree waited for them. Parents come
    first: else a child that ends meanwhile would count twice.
    """
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in sorted(Path("/proc").glob("[0-9]*"), key=lambda entry: int(entry.name)):
        try:
            fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue  # It ended meanwhile.
        pid = int(folder.name)
        parents[pid] = int(fields[1])
        own, awaited = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        ticks[pid] = awaited if pid == root else own + awaited
    inside = {root: True}

    def descends(pid: int) -> bool:
        if pid not in inside:
            inside[pid] = pid in parents and descends(parents[pid])
        return inside[pid]

    return sum(spent for pid, spent in ticks.items() if descends(pid)) / _TICKS


def loop_seconds() -> float:
    """Time a fixed piece of work that resembles tests: objects, text and hashes."""
    begun = time.thread_time()
    for number in range(100):
        rows = [{"id": f"{number}-{row}", "text": "x" * row} for row in range(60)]
        by_id = {row["id"]: row for row in json.loads(json.dumps(rows))}
        hashlib.sha256("".join(sorted(by_id)).encode() * 40).digest()
    return time.thread_time() - begun


def budget_of(report: pytest.TestReport) -> str:
    """Return the name of the budget of a test: its folder of `tests`, or `tests` itself. Tests that
    run only if a file has changed have budgets of their own.
    """
    parts = report.nodeid.partition("::")[0].split("/")
    return (parts[1] if len(parts) > 2 else BESIDE) + IF_CHANGED * ("reads" in report.keywords)


def is_narrowed(config: pytest.Config, but: str = "") -> bool:
    """Say whether options leave tests out, or change their form. The marks `but` do not count."""
    option = config.option
    names = ("keyword", "lf", "deselect", "ignore", "ignore_glob", "stepwise", "collectonly")
    return (option.markexpr or but) != but or any(getattr(option, name, None) for name in names)


def is_whole(config: pytest.Config) -> bool:
    """Say whether a run takes all tests, in their usual form."""
    named = config.args_source is not pytest.Config.ArgsSource.TESTPATHS
    return not (named or config.option.long or is_narrowed(config))


class Meter:
    """A plugin of pytest that measures the tests of this process."""

    def __init__(self) -> None:
        self._own = time.process_time()
        self._tree = tree_seconds(os.getpid())
        self._walked = time.monotonic()
        self._looped = 0.0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Put the figures of a test into its last report."""
        if call.when != "teardown":
            return
        now = time.monotonic()
        own = time.process_time()
        spent, self._own = own - self._own, own
        if now - self._walked > _WALK_EACH_S:  # A walk costs milliseconds. Short tests share one.
            tree = tree_seconds(os.getpid())
            # A child that ends during a walk is missed: its parent was looked at before.
            for _ in range(_WALKS):
                if tree >= self._tree:
                    break
                tree = tree_seconds(os.getpid())
            spent += max(0.0, tree - self._tree)  # It only sinks if processes were lost.
            self._tree, self._walked = tree, now
        item.user_properties.append((SPENT, round(spent, 4)))
        if now - self._looped > _LOOP_EACH_S:
            item.user_properties.append((LOOP, loop_seconds()))
            self._looped = now


class Budgets:
    """A plugin of pytest that sums what all workers measured, and fails a whole run in which a
    folder went over its budget.
    """

    def __init__(self, config: pytest.Config, budgets: Mapping[str, float]) -> None:
        self.config = config
        self.budgets = budgets
        self.tests: dict[str, float] = {}
        self.budget_of: dict[str, str] = {}
        self.loops: list[float] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the figures of a test that has ended."""
        if report.when == "teardown":
            for name, value in report.user_properties:
                if name == SPENT:
                    self.tests[report.nodeid] = float(value)  # type: ignore[arg-type]
                    self.budget_of[report.nodeid] = budget_of(report)
                elif name == LOOP:
                    self.loops.append(float(value))  # type: ignore[arg-type]

    @property
    def slowness(self) -> float:
        """The number of times that the loop took longer here than on the reference machine."""
        return sum(self.loops) / len(self.loops) / REFERENCE_LOOP_S if self.loops else 1.0

    def folders(self) -> dict[str, float]:
        """Return the core seconds of each folder, in seconds of the reference machine."""
        sums: dict[str, float] = defaultdict(float)
        for nodeid, spent in self.tests.items():
            sums[self.budget_of[nodeid]] += spent / self.slowness
        return sums

    def over(self) -> list[str]:
        """Return the folders that went over their budgets."""
        return [
            folder
            for folder, spent in self.folders().items()
            if spent > self.budgets.get(folder, 0)
        ]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a whole run if a folder is over its budget."""
        if session.exitstatus == pytest.ExitCode.OK and is_whole(self.config) and self.over():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the dearest tests, and after a whole run the folders. Keep all figures in build/."""
        kept = Path(self.config.rootpath, "build", "core_seconds.json")
        kept.parent.mkdir(exist_ok=True)
        figures = {"slowness": self.slowness, "folders": self.folders(), "tests": self.tests}
        kept.write_text(json.dumps(figures, indent=1) + "\n")
        for title, lines in (
            ("core seconds of the dearest tests", self.dearest()),
            ("core seconds of the folders", self.table()),
        ):
            if rows := list(lines):
                terminalreporter.section(f"{title} (this machine: {self.slowness:.2f})")
                for row in rows:
                    terminalreporter.write_line(row)

    def dearest(self) -> Iterator[str]:
        """Return a line for each of the ten tests that cost most."""
        ranked = sorted(self.tests.items(), key=lambda test: -test[1])[:_DEAREST]
        for nodeid, spent in ranked:
            if spent >= _WORTH_A_LINE_S:
                yield f"{spent / self.slowness:7.1f}  {nodeid}"

    def table(self) -> Iterator[str]:
        """Return the lines of the table of folders; none after a run of a part."""
        if not is_whole(self.config):
            return
        sums = self.folders()
        over = set(self.over())
        yield "  spent  budget"
        for folder, spent in sorted(sums.items(), key=lambda row: -row[1]):
            budget = self.budgets.get(folder, 0)
            yield f"{spent:7.1f} {budget:7.0f}  {folder}" + "  OVER ITS BUDGET" * (folder in over)
        yield f"{sum(sums.values()):7.1f} {sum(self.budgets.values()):7.0f}  all"
        if over:
            yield f"Make the tests of {', '.join(sorted(over))} cheaper, or raise {FILE} and say why."


def register(config: pytest.Config) -> None:
    """Measure in each process that runs tests, and judge in the one that prints."""
    is_worker = hasattr(config, "workerinput")
    if is_worker or not config.getoption("numprocesses", None):
        config.pluginmanager.register(Meter())
    if not is_worker:
        budgets = tomllib.loads(Path(config.rootpath, FILE).read_text())["core_seconds"]
        config.pluginmanager.register(Budgets(config, budgets))


def rewritten(text: str, folders: Mapping[str, float]) -> str:
    """Return the text of the budgets, with new ones for the folders that were measured."""
    lines = []
    for line in text.splitlines():
        name = line.partition(" = ")[0].strip('"')
        budget = max(_LEAST, math.ceil(folders.get(name, 0) * _ROOM))
        lines.append(f"{line.partition(' = ')[0]} = {budget}" if name in folders else line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":  # after a whole run, if its figures are the ones to keep
    tests = Path(__file__).parents[1]
    figures = json.loads((tests.parent / "build" / "core_seconds.json").read_text())
    budget_file = tests / Path(FILE).name
    budget_file.write_text(rewritten(budget_file.read_text(), figures["folders"]))
