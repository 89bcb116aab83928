"""The `dragoman` command with tasks that a test lets fail: a file `TASK CHANNEL` in a folder makes
that task of that channel raise.

    failing.py FOLDER up …

The tasks are `fold`, `comparison`, `ids`, `watch` and `ringing` of a channel, and `access` and
`place`, which are of none (`access -`). What they raise is no error that the service knows how to
meet. `rebuild -` lets the rebuilding of a damaged file wait.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dragoman import cli, scheduler
from dragoman.api.sse import Tail
from dragoman.application.access_refresh import AccessRefresh
from dragoman.data_directory import PlaceGuard
from dragoman.projection.projection import Projection
from dragoman.projection.rebuild import Rebuilder
from dragoman.projection.store import Store


class Injected(Exception):
    """A fault that nobody foresaw."""


def main(folder: Path) -> None:
    """Make the tasks fail while their file is there, and run the command."""

    def spoilt(owner: type, method: str, task: str, channel_of: Callable[..., str]) -> None:
        sound = getattr(owner, method)

        def failing(*given: Any, **named: Any) -> Any:
            if (folder / f"{task} {channel_of(*given)}").exists():
                raise Injected(task)
            return sound(*given, **named)

        setattr(owner, method, failing)

    def held(owner: type, method: str, task: str) -> None:
        sound = getattr(owner, method)

        async def waiting(*given: Any) -> Any:
            while (folder / f"{task} -").exists():
                await asyncio.sleep(0.05)
            return await sound(*given)

        setattr(owner, method, waiting)

    held(Rebuilder, "_rebuild", "rebuild")
    spoilt(PlaceGuard, "_try_to_take_over", "place", lambda *_: "-")
    spoilt(Projection, "_fold", "fold", lambda projection, *_: projection.name)
    spoilt(Projection, "_walk_once", "comparison", lambda projection: projection.name)
    spoilt(Store, "ids", "ids", lambda _, channel, *__: channel)
    spoilt(scheduler._ChannelDeadlines, "look", "watch", lambda schedule: schedule.projection.name)
    spoilt(Tail, "ring", "ringing", lambda tail: tail._projection.name)
    spoilt(AccessRefresh, "run", "access", lambda _: "-")
    cli.main()


if __name__ == "__main__":
    main(Path(sys.argv.pop(1)))
