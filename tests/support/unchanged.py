"""Tests that are left out of a whole run while the files that they read are the same.

A test names those files, and everything that it starts:

    pytestmark = pytest.mark.reads("deploy/proxy/**", "services/dragoman/settings.py")

`tests/passed.json` is committed. It holds a digest for each file with such tests: of the files as
they were when all of its marked tests last passed. A whole run skips the marked tests if the digest
is the same, and says so. It runs them if anything differs, for example after a merge. A run that
passes writes the new digest, which is committed together with the change.

A run that names the tests, and `pytest -m reads`, never skip them.
"""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from budgets import is_narrowed, is_whole

FILE: Final = "tests/passed.json"
MARK: Final = "reads"
DIGEST: Final = "digest_of_reads"
"""The property of a report that holds the digest of what the test reads."""


@cache
def digest(root: Path, globs: tuple[str, ...]) -> str:
    """Return the digest of the names and bytes of these files, or an empty text outside of Git.
    Files that Git ignores do not count.
    """
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]
        + [f":(glob){each}" for each in globs],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listing.returncode:
        return ""
    found = hashlib.sha256()
    for name in sorted(set(listing.stdout.decode().split("\0")) - {""}):
        path = root / name
        content = path.read_bytes() if path.is_file() else b""
        found.update(f"{name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


def marked_with(item: pytest.Item) -> list[str]:
    """Return the globs that the marks of a test name."""
    return [glob for mark in item.iter_markers(MARK) for glob in mark.args]


def read_by(item: pytest.Item) -> tuple[str, ...]:
    """Return the globs of the files that a test reads; none if it is not marked."""
    globs = marked_with(item)
    file = item.nodeid.partition("::")[0]
    return (*globs, file, f"{file.rpartition('/')[0]}/conftest.py") if globs else ()


class Unchanged:
    """A plugin of pytest that skips marked tests, and keeps the digests of those that passed."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.digests: dict[str, set[str]] = {}
        self.not_passed: set[str] = set()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist, which knows no command line, whether the run is whole."""
        node.workerinput["whole"] = is_whole(self.config)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Skip the marked tests whose files are as they were when they passed."""
        whole = getattr(config, "workerinput", {"whole": is_whole(config)})["whole"]
        passed = passed_in(config.rootpath)
        # All marked tests of a file run, or none: a digest is of the file as a whole.
        globs: dict[str, set[str]] = {}
        for item in items:
            if names := read_by(item):
                globs.setdefault(item.nodeid.partition("::")[0], set()).update(names)
        for item in items:
            file = item.nodeid.partition("::")[0]
            if not read_by(item):
                continue
            found = digest(config.rootpath, tuple(sorted(globs[file])))
            item.user_properties.append((DIGEST, found))
            if whole and found and passed.get(file) == found:
                item.add_marker(
                    pytest.mark.skip(
                        reason=f"it passed with these files: {' '.join(marked_with(item))}; "
                        f"to run it: pytest {file}"
                    )
                )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the marked tests that passed, and those that did not."""
        if MARK not in report.keywords:
            return
        file = report.nodeid.partition("::")[0]
        if report.outcome != "passed":
            self.not_passed.add(file)
        for name, value in report.user_properties:
            if name == DIGEST:
                self.digests.setdefault(file, set()).add(str(value))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the digests of the files whose marked tests all ran and passed."""
        by_name = any("::" in argument for argument in self.config.args)
        ended = session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
        cut_short = session.shouldstop or session.shouldfail
        if by_name or cut_short or not ended or is_narrowed(self.config, but=MARK):
            return
        fresh = {
            file: found.pop()
            for file, found in self.digests.items()
            if file not in self.not_passed and len(found) == 1
        }
        keep(self.config.rootpath, fresh)


def passed_in(root: Path) -> dict[str, str]:
    """Return the digests that are kept; none if the file is missing or a merge left it broken."""
    try:
        kept = json.loads((root / FILE).read_text())
    except (OSError, ValueError):
        return {}
    return dict(kept)


def keep(root: Path, fresh: Mapping[str, str]) -> None:
    """Write these digests. Digests of test files that are gone are dropped."""
    passed = passed_in(root)
    now = {file: value for file, value in {**passed, **fresh}.items() if (root / file).exists()}
    if now != passed:
        (root / FILE).write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
