"""Programs that nobody here wrote: a Go verifier over public libraries, and a witness of another project."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

HERE = Path(__file__).parent
_LIBRARIES = Path("/usr/share/gocode/src")
_NEEDED = ("golang.org/x/mod/sumdb/tlog", "github.com/transparency-dev/formats/note")


def required(found: bool, what: str) -> None:  # noqa: FBT001
    """Skip where something is not installed, unless it has to be."""
    if not found and os.environ.get("DRAGOMAN_REQUIRE_GO"):
        pytest.fail(f"{what} is not installed")
    if not found:
        pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="session")
def verify(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go verifier, built from Debian's packages."""
    required(shutil.which("go") is not None and all((_LIBRARIES / each).is_dir() for each in _NEEDED), "Go, or a library of it,")
    built = tmp_path_factory.mktemp("go") / "verify"
    cache = Path(os.environ.get("GOCACHE") or built.parent / "cache")
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(_LIBRARIES.parent), "GOCACHE": str(cache), "GOFLAGS": ""}
    subprocess.run(["go", "build", "-o", built, HERE / "verify.go"], check=True, env=environment, cwd=built.parent)
    return built


@pytest.fixture
def sigsum_witness() -> str:
    """Debian's witness for Sigsum logs."""
    found = shutil.which("sigsum-witness")
    required(found is not None and shutil.which("sigsum-key") is not None, "sigsum-go")
    return str(found)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session for all callers of a test."""
    async with aiohttp.ClientSession() as session:
        yield session
