"""Runs all tests: those of the pages, which wait for a browser's clock most of the time, beside all others; `make test`.

What the others print is seen as it comes, then what the pages' did, and last one closing line for both.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PAGES = Path(__file__).parent / "browser"
_COUNT = re.compile(r"(\d+) (passed|failed|skipped|error|errors|xfailed|xpassed)\b")


def counted(printed: str) -> Counter[str]:
    """What the closing line of a run counts; nothing of a run that did not come so far."""
    closing = next((line for line in reversed(printed.splitlines()) if _COUNT.search(line)), "")
    return Counter({what: int(number) for number, what in _COUNT.findall(closing)})


def main(arguments: list[str]) -> int:
    """Run both; the worse of their exit codes."""
    begun = time.monotonic()
    pytest = [sys.executable, "-m", "pytest", *arguments]
    with tempfile.TemporaryFile("w+") as pages:
        beside = subprocess.Popen([*pytest, str(PAGES), "-p", "no:cacheprovider"], stdout=pages, stderr=subprocess.STDOUT)
        found: list[str] = []
        with subprocess.Popen([*pytest, "--ignore", str(PAGES)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as others:
            assert others.stdout is not None
            for line in others.stdout:
                sys.stdout.write(line)
                sys.stdout.flush()
                found.append(line)
        code = max(others.returncode, beside.wait())
        pages.seek(0)
        printed = pages.read()
    sys.stdout.write(printed)
    both = counted("".join(found)) + counted(printed)
    took = time.monotonic() - begun
    words = ", ".join(f"{number} {what}" for what, number in sorted(both.items()))
    sys.stdout.write(
        f"==== {words or 'nothing ran'} in {took:.2f}s ({int(took) // 3600}:{int(took) // 60 % 60:02}:{int(took) % 60:02}) ====\n"
    )
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
