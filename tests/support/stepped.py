"""The `dragoman` command with a clock that a test steps: a file holds the seconds that it is off,
read at every look.

    stepped.py FILE serve gateway …
    stepped.py --alone FILE up …          the guard does not compare it with the broker's: a test lives through other years.
                                          FILE.beats counts how often the watch has looked at all clocks

The clock is stepped where the gateway's modules take it from, the class `datetime` in each of them;
nothing else is changed, and the machine's own clock, which others use too, least of all.
"""

import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, tzinfo
from itertools import count
from pathlib import Path
from typing import Any, Self

from dragoman import cli, scheduler
from dragoman.application import clock as application_clock
from dragoman.application import service
from dragoman.eventlog import durability_guard
from dragoman.projection import projection


def stepped(off: Path) -> type[datetime]:
    """The class of a clock that is off by what the file says."""

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(seconds=float(off.read_text()))

    return Stepped


def counted(beats: Path) -> None:
    """Count in a file how often the watch has looked at all clocks, so that a test can wait until
    it has.
    """
    numbers = count(1)

    def counting(tick: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
        async def counted(self: scheduler.Scheduler) -> None:
            await tick(self)
            fresh = beats.with_suffix(".fresh")
            fresh.write_text(str(next(numbers)))
            fresh.rename(beats)

        return counted

    for name in ("tick", "tick_due"):
        setattr(scheduler.Scheduler, name, counting(getattr(scheduler.Scheduler, name)))


if __name__ == "__main__":
    alone = sys.argv[1] == "--alone" and bool(sys.argv.pop(1))
    file = Path(sys.argv.pop(1))
    clock = stepped(file)
    if alone:
        counted(file.with_suffix(".beats"))
        durability_guard.DurabilityGuard.agrees = lambda *_: True  # type: ignore[method-assign]
    for module in (
        application_clock,
        service,
        projection,
        *(() if alone else (durability_guard,)),
    ):
        vars(module)["datetime"] = clock
    cli.main()
