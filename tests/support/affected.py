"""The tests of what a change touches: `make affected`.

    python tests/support/affected.py                 changed since main, or not committed
    python tests/support/affected.py --since v0.1.0

It prints on standard error what runs and why, and on standard output the files for pytest.

1. A test runs if it imports what changed, directly or not.
2. A test that starts the program imports all of it or nothing. It runs if the text of the test has to
do with a room (`ROOMS`) that changed or that imports what changed. Deep rooms have to do with all.
3. A file that is no Python counts as a change of the modules and tests that name it, and of those in
`READERS`. If nobody is known to read it, everything runs.
"""

import argparse
import re
import subprocess
import sys
from collections import defaultdict
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from import_graph import Graph

ROOT: Final = Path(__file__).parents[2]
PROGRAM: Final = "services/dragoman/"
STARTERS: Final = ("tests/support/service.py", "tests/support/host.py", "tests/support/commands.py")
"""The modules with which tests start the program in a process."""

HUBS: Final = tuple(
    f"{PROGRAM}{name}"
    for name in ("cli/", "server/", "bootstrap", "service_factory", "admin_door", "__main__")
)
"""The modules that put the program together: through them every room reaches every other."""

ROOMS: Final[dict[str, str]] = {
    "api": "/v1/|tests/(live|foreign|attacks|notifier)/",
    "audit": "audit|verify|replay|export",
    "backup": "backup|restore",
    "cli": r"\.run\(|DRAGOMAN|_command",
    "client": r"client|\.run\(",
    "console": "/c/|html|page|browser",
    "i18n": "/c/|html|page|browser|language|report",
    "interop": "cap|ics|calendar|geojson|navtex|imports|in-force|roster",
    "office": "/c/|/v1/|html|page|browser|tests/(live|foreign|attacks|notifier)/",
    "notifier": "webhook|endpoint|courier|mail|notif",
    "reports": "report|statistics|turn.over|page|html|calendar",
    "scheduler": "schedul|reminder|lapse|deadline|due|clock|missed",
    "sealing": "seal|releases|people|files",
    "signer": "sign|proof|checkpoint|head",
    "witness": "witness",
    "witness_client": "witness",
}
"""A room of the program, and what a test that starts the program has in its text or path if the
room matters to it. Any other room matters to all of these tests.
"""

EVERYTHING: Final = ("pyproject.toml", "requirements/*", "tests/conftest.py", ".ci/*")
READERS: Final[dict[str, tuple[str, ...]]] = {
    f"{PROGRAM}i18n/locales/*": ("tests/test_catalogues.py", "tests/console", "tests/reports",
                                 "tests/interop", "tests/browser", "tests/live/test_languages.py"),
    "schemas/samples/*": ("tests/support/samples.py",),
    "schemas/published/*": ("tests/golden", "tests/api"),
    "docs/*": ("tests/docs", "tests/test_plain_words.py"),
    "deploy/*": ("tests/deploy", "tests/release"),
    "tests/passed.json": (),
    "tests/budget.toml": (),
    "tests/support/*": ("tests/support",),
    "tests/vectors/*": ("tests/tlog", "tests/domain"),
    "package*.json": ("tests/foreign", "tests/live/test_generated_clients.py", "tests/browser"),
    ".npmrc": (),
    "Makefile": (),
    "*.md": ("tests/docs", "tests/test_plain_words.py", "tests/release"),
    ".*ignore*": (),
    "LICENSE": ("tests/release",),
}  # fmt: skip
"""The readers of a file that is no Python, besides tests that name it. The first pattern counts."""

TREE: Final = ("tests/golden/test_frozen_names.py", "tests/api/test_log_events_page.py",
               "tests/domain/test_nesting.py", "tests/test_catalogues.py", "tests/test_plain_words.py",
               "tests/test_refusals.py", "tests/test_security_page.py")  # fmt: skip
"""Tests that read the text of all modules."""

_MANY: Final = 3


def changed(since: str) -> list[str]:
    """Return the files that differ from a commit, or from where this branch left main."""

    def git(*arguments: str) -> list[str]:
        done = subprocess.run(
            ("git", *arguments), cwd=ROOT, check=False, capture_output=True, text=True
        )
        return done.stdout.splitlines() if not done.returncode else []

    base = since or next(iter(git("merge-base", "HEAD", "main")), "HEAD")
    if not git("rev-parse", "--verify", "--quiet", base):
        raise SystemExit(f"{base} is no commit")
    differing = git("diff", "--name-only", "--no-renames", base, "--")
    return sorted({*differing, *git("ls-files", "--others", "--exclude-standard")})


def selected(graph: Graph, files: list[str]) -> dict[str, str]:
    """Return the tests to run, each with the reason; `tests` for everything."""
    reasons: dict[str, str] = {}
    tests = [path for path in graph.texts if re.fullmatch(r"tests/(.*/)?test_\w+\.py", path)]
    hubs = [path for path in graph.texts if path.startswith(HUBS)]
    starting = graph.importers((*STARTERS, *hubs))
    for file in files:
        if any(fnmatch(file, pattern) for pattern in EVERYTHING):
            return {"tests": f"everything rests on {file}"}
        seeds = {file} if file.endswith(".py") else _readers(graph, file)
        if seeds is None:
            return {"tests": f"nobody knows who reads {file}"}
        reached = graph.importers(seeds, but=HUBS)
        if any(seed.startswith(("services/", "schemas/")) for seed in seeds):
            reached.update(TREE)
        rooms = {_room(path) for path in reached if not path.startswith(HUBS)}
        rooms |= {_room(path) for path in seeds}
        for test in tests:
            if test in reached:
                reasons.setdefault(test, f"imports or reads {file}")
            elif test in starting and (room := _named(rooms - {""}, test, graph.texts[test])):
                reasons.setdefault(test, f"starts the program, where {room} has to do with {file}")
    return reasons


def _room(path: str) -> str:
    """Return the room of a module of the program; empty for any other file."""
    inside = path.startswith(PROGRAM)
    return path.removeprefix(PROGRAM).partition("/")[0].removesuffix(".py") if inside else ""


def _named(rooms: set[str], test: str, text: str) -> str:
    """Return the room that matters to a test which starts the program; empty if none does."""
    for room in sorted(rooms):
        if room not in ROOMS or re.search(ROOMS[room], f"{test}\n{text}", re.IGNORECASE):
            return room
    return ""


def _readers(graph: Graph, file: str) -> set[str] | None:
    """Return the Python files that read another file; None if nobody knows them."""
    name, folder = Path(file).name, Path(file).parent
    folders = next((found for pattern, found in READERS.items() if fnmatch(file, pattern)), None)
    if folders is None and file.startswith("tests/") and file.count("/") > 1:
        folders = ("/".join(folder.parts[:2]),)
    if folders is None and not file.startswith(PROGRAM):
        return None
    own = {path for path in graph.texts if folders and path.startswith(folders)}
    if folders is None:  # the modules of its room that name it or its folder, or all that are near
        room = [path for path in graph.texts if _room(path) == _room(file)]
        words = (name, f'"{folder.name}"')
        own = {path for path in room if any(word in graph.texts[path] for word in words)} or {
            path for path in room if Path(path).name != "__init__.py"
        }
    return own | {
        path for path, text in graph.texts.items() if path.startswith("tests/") and name in text
    }


def explained(reasons: dict[str, str]) -> str:
    """Return the choice as text: folder by folder, with the reasons."""
    folders: dict[tuple[str, str], list[str]] = defaultdict(list)
    for test, reason in sorted(reasons.items()):
        folders[str(Path(test).parent), reason].append(Path(test).name)
    return "".join(
        f"{folder}: {', '.join(names[:_MANY])}"
        + (f" and {len(names) - _MANY} more" if len(names) > _MANY else "")
        + f": {reason}\n"
        for (folder, reason), names in folders.items()
    )


def main() -> None:
    """Print the tests of what changed."""
    parser = argparse.ArgumentParser(description="Name the tests of what a change touches.")
    parser.add_argument("--since", default="", help="a commit; by default where main was left")
    files = changed(parser.parse_args().since)
    graph = Graph.of(ROOT, files)
    reasons = selected(graph, files)
    total = sum(1 for path in graph.texts if Path(path).name.startswith("test_"))
    told = f"{len(files)} changed files touch {len(reasons)} of {total} test files\n"
    sys.stderr.write(explained(reasons) + told)
    sys.stdout.writelines(f"{test}\n" for test in sorted(reasons))


if __name__ == "__main__":
    main()
