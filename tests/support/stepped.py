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

_OFF = Path(sys.argv.pop(1))


class Stepped(datetime):
    """A clock that is off."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """The time, and how much this clock is off."""
        return super().now(tz) + timedelta(seconds=float(_OFF.read_text()))


for module in (desk, service, connection, live):
    vars(module)["datetime"] = Stepped

if __name__ == "__main__":
    cli.main()
