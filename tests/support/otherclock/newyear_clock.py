"""A pytest plugin that moves the clock as soon as the first test is to begin.

libfaketime reads the shift from a file again and again. Until all tests are collected, however long
that takes, the file says that there is none. The worker that has the first test writes the shift.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

BEFORE_S = float(os.environ["NEW_YEAR_BEFORE_S"])
_FILE = Path(os.environ["FAKETIME_TIMESTAMP_FILE"])
_PATIENCE_S = 15.0


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Move the clock to shortly before midnight, once, and see that it has moved."""
    try:
        (_FILE.parent / "begun").touch(exist_ok=False)
    except FileExistsError:
        return
    now = datetime.now(UTC)
    begins = datetime(now.year + 1, 1, 1, tzinfo=UTC) - timedelta(seconds=BEFORE_S)
    written = _FILE.with_suffix(".new")
    written.write_text(f"{(begins - now).total_seconds():+.0f}s\n")
    written.replace(_FILE)
    ends = time.monotonic() + _PATIENCE_S
    while datetime.now(UTC) < begins - timedelta(seconds=2):
        if time.monotonic() > ends:
            pytest.exit("the clock did not move: is libfaketime loaded?", returncode=1)
        time.sleep(0.05)
    if datetime.now(UTC).year != now.year:
        pytest.exit("no test ran before midnight: give more with --before", returncode=1)
