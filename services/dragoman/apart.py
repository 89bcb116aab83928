"""A module of ours that runs as a process of its own, and the pipe to it: what two processors are for, with one interpreter each.

The module is run by name, so that it imports what it needs and no more, and ends when its pipe does.
"""

import os
import subprocess
import sys
from multiprocessing.connection import Connection, Pipe
from typing import Final

_END_SECONDS: Final = 10.0


class Apart:
    """A running module, and our end of the pipe. Its own end's descriptor is the first argument after the module's name."""

    def __init__(self, module: str, *arguments: str) -> None:
        """Start it. It takes a moment until it answers."""
        self.pipe, theirs = Pipe()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen([sys.executable, "-m", module, str(number), *arguments], pass_fds=(number,))

    def end(self) -> None:
        """Close the pipe, and wait until it has ended; it is killed where it does not."""
        self.pipe.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        self.pipe.close()
        self._process.kill()
        self._process.wait()


def pipe_of(number: str) -> Connection:
    """Within the module: its end of the pipe, which no program that it starts inherits."""
    os.set_inheritable(int(number), False)
    return Connection(int(number))
