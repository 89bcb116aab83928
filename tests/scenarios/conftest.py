import warnings
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from aiohttp.web import NotAppKeyWarning

from stage import Stage, Staging, staged


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[Staging]:
    """Stage a scenario by its name, on a gateway of the test's own, in this process."""

    def stage(name: str) -> AbstractAsyncContextManager[Stage]:
        return staged(tmp_path / "data", name)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotAppKeyWarning)
        yield stage
