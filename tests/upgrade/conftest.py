"""Fixtures of the tests with two releases."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

import next_release
from service import Service


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The next release, in a folder."""
    return next_release.built(tmp_path_factory.mktemp("next"))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Service]:
    """A demonstration of a test's own, with this release."""
    service = Service(tmp_path / "data", "--demo")
    yield service
    service.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """HTTP connections."""
    async with aiohttp.ClientSession() as opened:
        yield opened
