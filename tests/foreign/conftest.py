"""Programs that nobody here wrote: a Go verifier over public libraries, and a witness of another
project.
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from gobuild import built_by_go, required
from service import Demonstration, Service


@pytest.fixture(scope="session")
def verify(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go verifier, built from Debian's packages."""
    return built_by_go("verify", tmp_path_factory)


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


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Service]:
    """A demonstration of a test's own."""
    service = Demonstration(tmp_path / "data")
    yield service
    service.stop()
