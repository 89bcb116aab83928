"""Fixtures that the tests of stations share."""

from collections.abc import AsyncIterator

import aiohttp
import pytest


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """HTTP connections to all stations."""
    async with aiohttp.ClientSession() as session:
        yield session
