"""Programs of tests/foreign, built by Debian's Go from Debian's packages."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = ROOT / "tests" / "foreign"
_LIBRARIES = Path("/usr/share/gocode/src")
_NEEDED = ("golang.org/x/mod/sumdb/tlog", "github.com/transparency-dev/formats/note")


def required(found: bool, what: str) -> None:
    """Skip where something is not installed, unless it has to be."""
    if not found and os.environ.get("REQUIRE_GO"):
        pytest.fail(f"{what} is not installed")
    if not found:
        pytest.skip(f"{what} is not installed")


def built_by_go(name: str, folders: pytest.TempPathFactory) -> Path:
    """The program of that name, built. What was compiled once is kept for every worker and every
    later run.
    """
    required(
        shutil.which("go") is not None and all((_LIBRARIES / each).is_dir() for each in _NEEDED),
        "Go, or a library of it,",
    )
    built = folders.mktemp("go") / name
    cache = Path(os.environ.get("GOCACHE") or ROOT / "build" / "go-cache")
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(_LIBRARIES.parent),
        "GOCACHE": str(cache),
        "GOFLAGS": "",
    }
    subprocess.run(
        ["go", "build", "-o", built, HERE / f"{name}.go"],
        check=True,
        env=environment,
        cwd=built.parent,
    )
    return built
