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
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

LIBRARIES: Final = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
)
OTHER_CLOCK: Final = Path(__file__).parent / "support" / "otherclock"
BEFORE_S: Final = 10.0
"""The first test begins so many seconds before midnight."""


def main(arguments: list[str]) -> None:
    """Run pytest with another clock, which moves when the first test begins."""
    library = next((path for path in LIBRARIES if Path(path).exists()), None)
    if library is None:
        sys.exit("libfaketime is not installed. Install Debian's package faketime.")
    before_s = BEFORE_S
    if arguments[:1] == ["--before"]:
        before_s, arguments = float(arguments[1]), arguments[2:]
    with TemporaryDirectory() as folder:
        shift = Path(folder) / "shift"
        shift.write_text("+0s\n")
        shifted = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(shift),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "PYTHONPATH": os.pathsep.join(
                filter(None, (str(OTHER_CLOCK), os.environ.get("PYTHONPATH")))
            ),
            "NEW_YEAR_BEFORE_S": str(before_s),
            "TZ": "UTC",
        }
        command = [sys.executable, "-m", "pytest", "-p", "newyear_clock", "-m", "not browser"]
        done = subprocess.run(
            [*command, *arguments], env={**os.environ, **shifted}, check=False
        ).returncode
        if not done and not (Path(folder) / "begun").exists():
            sys.exit("no test ran, so none ran before midnight")
    sys.exit(done)


if __name__ == "__main__":
    main(sys.argv[1:])
