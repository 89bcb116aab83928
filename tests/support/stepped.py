"""The `dragoman` command with a clock that a test steps: a file holds the seconds that it is off, read at every look.

    stepped.py FILE serve gateway …

The clock is stepped where the gateway's modules take it from, the class `datetime` in each of them; nothing else is changed,
and the machine's own clock, which others use too, least of all.
"""

import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

from dragoman import cli, desk
from dragoman.gateway import service
from dragoman.log import connection
from dragoman.projection import live


def stepped(off: Path) -> type[datetime]:
    """The class of a clock that is off by what the file says."""

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(seconds=float(off.read_text()))

    return Stepped


if __name__ == "__main__":
    clock = stepped(Path(sys.argv.pop(1)))
    for module in (desk, service, connection, live):
        vars(module)["datetime"] = clock
    cli.main()
