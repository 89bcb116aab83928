"""Run tests with the clock at the turn of a year: `make newyear`, or `make newyear
TESTS=tests/live`.

Debian's libfaketime shifts the clock of every process that asks libc for the time: pytest, the
service, the command line. The broker keeps the machine's clock (see support/otherclock). Files and
monotonic clocks keep theirs as well, so that nothing waits for a month. Chromium does not start
under libfaketime: its tests are left out. The first tests run in the last seconds of 31 December,
UTC, and the later ones in January.

    newyear.py [--before SECONDS] ARGUMENTS-OF-PYTEST
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

LIBRARIES: Final = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
)
OTHER_CLOCK: Final = Path(__file__).parent / "support" / "otherclock"
BEFORE_S: Final = 10.0
COLLECTING_S: Final = 15.0
"""The first test begins so many seconds after pytest does."""


def main(arguments: list[str]) -> None:
    """Become pytest with another clock."""
    library = next((path for path in LIBRARIES if Path(path).exists()), None)
    if library is None:
        sys.exit("libfaketime is not installed. Install Debian's package faketime.")
    before_s = BEFORE_S + COLLECTING_S
    if arguments[:1] == ["--before"]:
        before_s, arguments = float(arguments[1]), arguments[2:]
    now = datetime.now(UTC)
    shift_s = (
        datetime(now.year + 1, 1, 1, tzinfo=UTC) - timedelta(seconds=before_s) - now
    ).total_seconds()
    shifted = {
        "LD_PRELOAD": library,
        "FAKETIME": f"{shift_s:+.0f}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": os.pathsep.join(
            filter(None, (str(OTHER_CLOCK), os.environ.get("PYTHONPATH")))
        ),
        "OTHER_CLOCK_SHIFT_S": f"{round(shift_s)}",
        "TZ": "UTC",
    }
    os.execve(
        sys.executable,
        [sys.executable, "-m", "pytest", "-m", "not browser", *arguments],
        {**os.environ, **shifted},
    )


if __name__ == "__main__":
    main(sys.argv[1:])
