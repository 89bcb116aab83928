"""Runs all tests in lanes beside each other, since each waits half of the time for a process, a clock or a browser; `make test`.

Each lane takes the next part when it has done with one. What a part prints is shown when it has ended, and last one closing line for all.
"""

import re
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
LANES: Final = 3
LIVE: Final = HERE / "live"
PAGES: Final = HERE / "browser"
RULES: Final = PAGES / "test_rules.py"
PARTS: Final[dict[str, list[object]]] = {
    "the services as they run": [LIVE],
    "all that is neither live nor a page": [f"--ignore={LIVE}", f"--ignore={PAGES}"],
    "the pages, one by one": [PAGES, f"--ignore={RULES}"],
    "what every page is held to": [RULES],
}
_COUNT: Final = re.compile(r"(\d+) (passed|failed|skipped|error|errors|xfailed|xpassed)\b")


def counted(printed: str) -> Counter[str]:
    """What the closing line of a run counts; nothing of a run that did not come so far."""
    closing = next((line for line in reversed(printed.splitlines()) if _COUNT.search(line)), "")
    return Counter({what: int(number) for number, what in _COUNT.findall(closing)})


def ran(part: str, arguments: list[str]) -> tuple[int, str]:
    """A part's exit code, and what it printed."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} begins: {part}\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, *map(str, PARTS[part])]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def main(arguments: list[str]) -> int:
    """Run all parts; the worst of their exit codes."""
    begun, code, counts = time.monotonic(), 0, Counter[str]()
    with ThreadPoolExecutor(LANES) as lanes:
        for part in as_completed([lanes.submit(ran, part, arguments) for part in PARTS]):
            ended, printed = part.result()
            code = max(code, ended)
            counts += counted(printed)
            sys.stdout.write(printed)
            sys.stdout.flush()
    took = time.monotonic() - begun
    words = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    clock = f"{int(took) // 3600}:{int(took) // 60 % 60:02}:{int(took) % 60:02}"
    sys.stdout.write(f"==== {words or 'nothing ran'} in {took:.2f}s ({clock}) ====\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
