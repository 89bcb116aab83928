"""The hunt: `make mutants` changes the rules one at a time, and asks the tests of the domain
whether they notice.

The tests are collected once. Then every mutant has a child process of its own, in which the change
is made and the tests run that touch what was changed, until one fails: first those that killed its
like, then the quick ones. A mutant that all of them let pass has survived, and is listed in
build/mutants.txt.

Usage: hunt.py [--only PART] [--jobs N]. Fails where less than the demanded share was killed.
"""

import argparse
import os
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, NoReturn

import pytest
from mutmut.configuration import config

import bodies
import tables
from dragoman.tlog import dsse
from mutant import ROOT, Mutant, file_of

REPORT: Final = ROOT / "build" / "mutants.txt"
DEMANDED: Final = 0.85
MEMORY_BYTES: Final = 4 << 30
TEST_SECONDS: Final = 30
READS_THE_TABLES: Final = ("test_table.py", "test_profiles.py", "test_titles.py")
"""Tests that hold the tables against the catalogue, and so touch all of them."""

ELSEWHERE: Final = ("test_strict_json.py", "test_state_digest.py")
"""Tests of modules that are not changed here."""

THE_PROCESS: Final = "the end of the process"
NOT_MADE: Final = 3
"""The exit code of a child in which the change could not be made."""

UNCHANGED: Final = Mutant(part="", what="nothing", touches=(), apply=lambda: None)
ELSEWHERE_ON_EARTH: Final = "Asia/Kathmandu"
"""The rules hold in any time zone; in UTC nobody would notice one that reads the machine's."""


class Touched:
    """A record of the code that the tests touch. A profiler sees the calls of functions, acts,
    formats and profiles.
    """

    def __init__(self, names: list[str]) -> None:
        self.by_test: dict[str, set[str]] = {}
        self.seconds: dict[str, float] = {}
        self._files = {str(file_of(name)): name for name in names}
        self._now: set[str] = set()
        self._names: dict[CodeType, str] = {}

    def run(self, item: pytest.Item, following: pytest.Item | None) -> None:
        """Run one test and remember."""
        self._now = set()
        began = time.perf_counter()
        sys.setprofile(self._seen)
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        finally:
            sys.setprofile(None)
        self.seconds[item.nodeid] = time.perf_counter() - began
        self.by_test[item.nodeid] = self._now

    def _seen(self, frame: FrameType, event: str, value: Any) -> None:
        code = frame.f_code
        name = self._names.get(code)
        if name is None:
            module = self._files.get(code.co_filename, "")
            name = self._names[code] = f"{module}.{code.co_qualname}" if module else ""
        if not name:
            return
        if event == "call":
            self._now.update((name, f"{name.partition('.')[0]}.*"))
        elif event == "return" and name in ("judge.judge", "decide.decide"):
            rule, known = (frame.f_locals.get(each) for each in ("rule", "known"))
            if rule is not None:
                self._now.update(
                    (f"act {rule.act}", f"format {rule.act if known is None else known.act}")
                )
        elif event == "return" and name == "deadlines.profile_of" and value is not None:
            self._now.add(f"profile {value[0].name}")


class Hunt:
    """The plugin that runs mutants where pytest would run tests."""

    def __init__(self, mutants: list[Mutant], names: list[str], jobs: int) -> None:
        self.survived: list[Mutant] = []
        self.by_process = 0
        self._mutants = mutants
        self._names = names
        self._jobs = jobs
        self._killers: dict[str, list[str]] = defaultdict(list)
        self._failed = -1
        self._failures: list[str] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn what each test touches, then hunt."""
        _remember_signatures()
        items = {item.nodeid: item for item in session.items}
        context = get_context("fork")
        results: Any = context.SimpleQueue()
        learner = context.Process(target=self._learn, args=(list(items.values()), results))
        learner.start()
        by_test, seconds, failures = results.get()
        learner.join()
        if failures:
            _stop("\n".join([*failures, "these tests fail as they are; mend them first"]))
        ordered = _various_first(items, seconds)
        if killer := self._killed_by(UNCHANGED, [items[each] for each in ordered]):
            _stop(f"with nothing changed, but in another order, {killer} fails; mend it first")
        workers = [
            context.Process(
                target=self._work, args=(n, items, ordered, by_test, results), daemon=True
            )
            for n in range(self._jobs)
        ]
        for worker in workers:
            worker.start()
        done, began = 0, time.monotonic()
        while done < len(self._mutants):
            index, killer = results.get()
            if index < 0:
                _stop(killer)
            done += 1
            self.by_process += killer == THE_PROCESS
            if not killer:
                self.survived.append(self._mutants[index])
            if done % 250 == 0 or done == len(self._mutants):
                _say(
                    f"{done} of {len(self._mutants)} in {time.monotonic() - began:.0f} s, {len(self.survived)} survived"
                )
        for worker in workers:
            worker.join()
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """In a child, the first failure ends it, and nobody reads the report."""
        if call.excinfo is not None and self._failed >= 0:
            os.write(self._failed, item.nodeid.encode())
            os._exit(1)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what fails with nothing changed."""
        if report.failed:
            self._failures.append(f"{report.longreprtext}\n{report.nodeid}")

    def _learn(self, items: list[pytest.Item], results: Any) -> None:
        _quiet()
        touched = Touched(self._names)
        for item, following in _pairs(items):
            touched.run(item, following)
        results.put((touched.by_test, touched.seconds, self._failures))

    def _work(
        self,
        number: int,
        items: dict[str, pytest.Item],
        ordered: list[str],
        by_test: dict[str, set[str]],
        results: Any,
    ) -> None:
        _quiet()
        try:
            self._hunt(number, items, ordered, by_test, results)
        except AssertionError as error:
            results.put((-1, str(error)))

    def _hunt(
        self,
        number: int,
        items: dict[str, pytest.Item],
        ordered: list[str],
        by_test: dict[str, set[str]],
        results: Any,
    ) -> None:
        for index in range(number, len(self._mutants), self._jobs):
            mutant = self._mutants[index]
            about = [
                each
                for each in ordered
                if _reads_tables(each) or not by_test[each].isdisjoint(mutant.touches)
            ]
            relevant = set(about)
            named = f"[{mutant.touches[0].rpartition(' ')[2]}]"
            likely = [
                *self._killers[mutant.touches[0]],
                *(each for each in about if each.endswith(named)),
                *self._killers[mutant.part][:4],
            ]
            chosen = [*dict.fromkeys(each for each in (*likely, *about) if each in relevant)]
            killer = self._killed_by(mutant, [items[each] for each in chosen])
            for key in (mutant.touches[0], mutant.part) if killer in items else ():
                kept = self._killers[key]
                self._killers[key] = [killer, *(each for each in kept if each != killer)]
            results.put((index, killer))

    def _killed_by(self, mutant: Mutant, items: list[pytest.Item]) -> str:
        """The test that noticed a mutant, or how its process ended; empty where none did."""
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            self._failed = theirs
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            try:
                mutant.apply()
            except BaseException:  # the parent says which one it was  # noqa: BLE001
                os._exit(NOT_MADE)
            try:
                for item, following in _pairs(items):
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            except BaseException:  # whatever it is, it was noticed  # noqa: BLE001
                os._exit(1)
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours) as said:
            killer = said.read()
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) != NOT_MADE, (
            f"this mutant cannot be made: {mutant.what}"
        )
        return killer or ("" if status == 0 else THE_PROCESS)


def _various_first(tests: Iterable[str], seconds: dict[str, float]) -> list[str]:
    """One case of each test, the quick ones first, then the next of each."""
    cases: Counter[str] = Counter()
    ranks: dict[str, int] = {}
    for test in tests:
        cases[test.partition("[")[0]] += 1
        ranks[test] = cases[test.partition("[")[0]]
    return sorted(ranks, key=lambda test: (ranks[test], seconds[test]))


def _reads_tables(test: str) -> bool:
    return test.rpartition("/")[2].startswith(READS_THE_TABLES)


def _remember_signatures() -> None:
    """A signature holds or not in every child alike: those of a channel's beginning are checked
    here, once.
    """
    for name in ("sign", "verify", "is_sound", "public_of"):
        setattr(dsse, name, cache(getattr(dsse, name)))
    world = import_module("world")
    for sides in (("nato", "china"), ("nato", "china", "osce"), ("nato", "china", "mars")):
        world.World(sides=sides)
    world._BEGUN.clear()  # each child begins its own, by the rules as they were changed


def _pairs(items: list[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    return zip(items, [*items[1:], None], strict=True)


def _quiet() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)


def _stop(why: str) -> NoReturn:
    _say(why)
    pytest.exit(why, returncode=2)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def report(
    mutants: list[Mutant], survived: list[Mutant], refused: dict[str, int]
) -> tuple[str, bool]:
    """The figures and the survivors as text, and whether enough were killed in each part."""
    made, left = (
        Counter(mutant.part for mutant in mutants),
        Counter(mutant.part for mutant in survived),
    )
    lines = [
        f"{'part':14}{'mutants':>9}{'killed':>9}{'survived':>10}{'share':>8}{'  refused by the type check'}"
    ]
    rows = [
        (part, made[part], left[part]) for part in dict.fromkeys(mutant.part for mutant in mutants)
    ]
    for part, all_, some in (*rows, ("all", made.total(), left.total())):
        typed = sum(refused.values()) if part == "all" else refused.get(part, 0)
        lines.append(
            f"{part:14}{all_:9}{all_ - some:9}{some:10}{(all_ - some) / all_:8.1%}{typed or '':>10}"
        )
    enough = all(all_ - some >= DEMANDED * all_ for _, all_, some in rows)
    table = "\n".join(lines)
    _say(
        table
        if enough
        else f"{table}\nless than {DEMANDED:.0%} were killed somewhere; the survivors stand in {REPORT}"
    )
    return "\n".join(
        [
            table,
            "",
            *(
                f"[{mutant.part}] {mutant.what}\n"
                for mutant in sorted(survived, key=lambda each: each.part)
            ),
        ]
    ), enough


def main() -> int:
    """Make the mutants, hunt them, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        help="a part, such as clocks, rules, lives; may be repeated",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    os.chdir(ROOT)
    os.environ["TZ"] = ELSEWHERE_ON_EARTH
    time.tzset()
    paths = list(config().only_mutate)
    names = [Path(path).stem for path in paths]
    _say("making mutants")
    written, refused = bodies.of(
        [path for path in paths if not asked.only or Path(path).stem in asked.only]
    )
    mutants = [*written, *tables.of(), *tables.constants(names)]
    if asked.only:
        mutants = [mutant for mutant in mutants if mutant.part in asked.only]
    hunt = Hunt(mutants, names, asked.jobs)
    arguments = [
        "tests/domain",
        "-s",
        "--assert=plain",
        "-p",
        "no:terminal",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
        "-o",
        f"timeout={TEST_SECONDS}",
    ]
    code = pytest.main(arguments, plugins=[hunt])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        _say(f"pytest ended with {code}")
        return 2
    _say(f"{hunt.by_process} of the killed ended their process, all others failed a test")
    text, enough = report(mutants, hunt.survived, refused)
    REPORT.write_text(text)
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
