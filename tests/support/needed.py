"""Programs that a test needs and a machine may lack."""

import os
import shutil

import pytest


def needed(program: str) -> str:
    """Return the path of a program. Without it the test is left out, unless it is required."""
    path = shutil.which(program)
    if path is None:
        assert not os.environ.get("REQUIRE_DEPLOY"), f"{program} is missing"
        pytest.skip(f"{program} is not installed")
    return path
