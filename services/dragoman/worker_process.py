"""A module of ours that runs as a process of its own, and the pipes to it.

    python -m dragoman.worker_process MODULE RECEIVING SENDING ARGUMENT...

Processes use several processors, because each has its own interpreter. The module is
run by name, so that it imports only what it needs. It ends when its pipe does. Its
function `run` receives its end of the pipe and its arguments.
"""

import fcntl
import importlib
import os
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

_END_SECONDS: Final = 10.0
_PIPE_BYTES: Final = 1 << 20
"""Bytes that may be under way: more than a page of a log, so that neither process waits
until the other reads.
"""
_UNUSED: Final = ("aiohttp", "rich")
"""Modules that nats-py and structlog import if they are installed, and that no worker
uses. Importing them takes half of the time of a start.
"""


class Pipe:
    """Two pipes, one in each direction, that carry whole messages."""

    def __init__(self, receiving: int, sending: int) -> None:
        """Own the two descriptors."""
        self._receiving = Connection(receiving, writable=False)
        self._sending = Connection(sending, readable=False)

    @property
    def waiting(self) -> bool:
        """Return whether a message has arrived, or the other process has ended."""
        return self._receiving.poll()

    def poll(self, seconds: float) -> bool:
        """Wait for a message, or for the end of the other process.

        Return whether one of them came within the seconds.
        """
        return self._receiving.poll(seconds)

    def send(self, message: bytes) -> None:
        """Send a message, and wait while the pipe is full.

        Raises `OSError` if the other process has ended.
        """
        self._sending.send_bytes(message)

    def receive(self) -> bytes:
        """Wait for the next message and return it.

        Raises `EOFError` if the other process has ended, or `OSError`.
        """
        return self._receiving.recv_bytes()

    def close(self) -> None:
        """Close both pipes, which tells the other process that no message follows."""
        self._receiving.close()
        self._sending.close()


class WorkerProcess:
    """A running module, and our end of the pipe."""

    def __init__(self, module: str, *arguments: str) -> None:
        """Start the module. It takes a moment until it answers."""
        receiving, theirs_out = _pipe()
        theirs_in, sending = _pipe()
        self.wire = Pipe(receiving, sending)
        ends = (theirs_in, theirs_out)
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "dragoman.worker_process",
                    module,
                    *map(str, ends),
                    *arguments,
                ],
                pass_fds=ends,
            )
        finally:
            for end in ends:
                os.close(end)

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Return whether the process has ended."""
        return self._process.poll() is not None

    @property
    def processor_ticks(self) -> int:
        """Return the processor time of the process, in the kernel's clock ticks.

        -1 if the kernel does not tell.
        """
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return -1
        return int(fields[11]) + int(fields[12])

    def end(self) -> None:
        """Close the pipe and wait until the process has ended.

        It is killed if it does not end.
        """
        self.wire.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the process at once."""
        self.wire.close()
        self._process.kill()
        self._process.wait()


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return reading, writing


def _main(module: str, receiving: str, sending: str, *arguments: str) -> None:
    for end in (int(receiving), int(sending)):
        os.set_inheritable(end, False)  # no program that the module starts inherits it
    for name in _UNUSED:
        # An import of the module then fails as if it were not installed.
        sys.modules[name] = None  # type: ignore[assignment]
    importlib.import_module(module).run(Pipe(int(receiving), int(sending)), *arguments)


if __name__ == "__main__":
    _main(*sys.argv[1:])
