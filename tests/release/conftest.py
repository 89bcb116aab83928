"""A release of the tree as it is, for all tests of this folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import release
import releases
from releases import Built


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """The packages: built in two places and of the sdist, and compared."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not here, which a release needs")
    with releases.committed():
        made = release.Build(tmp_path_factory.mktemp("release"), home_url=releases.HOME_URL)
        yield Built(*made.twice())


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a bare environment with the wheel."""
    return releases.bare(tmp_path_factory.mktemp("bare") / "environment", built.wheel)
