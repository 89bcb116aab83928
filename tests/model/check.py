"""The model of append, outbox and handover: `make model` searches every state of it with spin.

Then each rule is left out in turn, and the search has to show a state that is forbidden. So does
the row `REACHES`, which forbids what the model is about: else it would hold because nothing
happens.

Needs Debian's `spin` and `gcc`. Fails where a row says something else than it should.
"""

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

MODEL: Final = Path(__file__).with_name("handover.pml")
BUILD: Final = Path(__file__).resolve().parents[2] / "build" / "model"

BROKEN: Final = {
    "GOES_ON": "a side that signed a handover goes on to cosign the old host",
    "SHORT": "a side signs without comparing what its witness has cosigned",
    "TWICE": "a side signs for two heirs",
    "FORGETS": "a witness is begun anew with its old key",
    "AGAIN": "an heir records an act again that it has",
    "REACHES": "nothing is left out, and no heir may come into office",
}
"""The name of each broken form of the model, and what it breaks."""


def searched(name: str) -> tuple[int, str]:
    """Search all states of one form of the model. Return their number and what they violate."""
    for command in (
        ["spin", f"-D{name}", "-a", str(MODEL)],
        ["gcc", "-O1", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"],
    ):
        subprocess.run(command, cwd=BUILD, check=True, stdout=subprocess.DEVNULL, timeout=120)
    told = subprocess.run(
        ["./pan", "-E", "-m100000"],
        cwd=BUILD,
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    ).stdout
    states = re.search(r"^ *(\d+) states, stored", told, re.MULTILINE)
    if states is None or "max search depth too small" in told or "out of memory" in told:
        raise SystemExit(f"the search did not end:\n{told}")
    violated = re.search(r"assertion violated (.*) \(at depth", told)
    return int(states[1]), violated[1] if violated else ""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    BUILD.mkdir(parents=True, exist_ok=True)
    is_as_it_should = True
    for name in ("WHOLE", *BROKEN):
        begun = time.monotonic()
        states, violated = searched(name)
        if bool(violated) != (name in BROKEN):
            is_as_it_should = False
        say(
            f"{name:8} {states:9,} states {time.monotonic() - begun:5.1f} s  "
            f"{BROKEN.get(name, 'all rules')}: {violated or 'nothing is violated'}"
        )
    say("the model holds, and notices each rule" if is_as_it_should else "NOT AS IT SHOULD BE")
    return 0 if is_as_it_should else 1


if __name__ == "__main__":
    sys.exit(main())
