"""Runs all tests in three lanes beside each other, since each waits most of the time for something else; `make test`.

One lane is the pages, which wait for a browser's clock; one the services as they run, which wait for processes to start; one all others. What the
last prints is seen as it comes, then what each of the first two did, and at the end one closing line for all.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
APART: Final = (HERE / "browser", HERE / "live")
_COUNT: Final = re.compile(r"(\d+) (passed|failed|skipped|error|errors|xfailed|xpassed)\b")


def counted(printed: str) -> Counter[str]:
    """What the closing line of a run counts; nothing of a run that did not come so far."""
    closing = next((line for line in reversed(printed.splitlines()) if _COUNT.search(line)), "")
    return Counter({what: int(number) for number, what in _COUNT.findall(closing)})


def main(arguments: list[str]) -> int:
    """Run all lanes; the worst of their exit codes."""
    begun = time.monotonic()
    pytest = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    lanes = []
    for tests in APART:
        output = tempfile.TemporaryFile("w+")  # noqa: SIM115  # it lives as long as its lane
        lanes.append((subprocess.Popen([*pytest, str(tests)], stdout=output, stderr=subprocess.STDOUT), output))
    found: list[str] = []
    others = [word for tests in APART for word in ("--ignore", str(tests))]
    with subprocess.Popen([*pytest, *others], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as lane:
        assert lane.stdout is not None
        for line in lane.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            found.append(line)
    codes, all_counts = [lane.returncode], counted("".join(found))
    for running, output in lanes:
        codes.append(running.wait())
        output.seek(0)
        printed = output.read()
        output.close()
        sys.stdout.write(printed)
        all_counts += counted(printed)
    took = time.monotonic() - begun
    words = ", ".join(f"{number} {what}" for what, number in sorted(all_counts.items()))
    sys.stdout.write(
        f"==== {words or 'nothing ran'} in {took:.2f}s ({int(took) // 3600}:{int(took) // 60 % 60:02}:{int(took) % 60:02}) ====\n"
    )
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
