"""A module of ours that runs as a process of its own, and the pipes to it: what two processors are for, with one interpreter each.

The module is run by name, so that it imports what it needs and no more, and ends when
its pipe does. Its function `run` gets its end of the wire and its arguments.

    python -m dragoman.worker_process MODULE RECEIVING SENDING ARGUMENT...
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
"""What may be on its way: more than a page of a log, so that neither process waits for
the other to look up.
"""
_UNUSED: Final = ("aiohttp", "rich")
"""What nats-py and structlog import where it is there, and no process of ours here
uses: half of the time that one takes to start.
"""


class Pipe:
    """Two pipes, one each way, on which whole messages go."""

    def __init__(self, receiving: int, sending: int) -> None:
        """Own the two descriptors."""
        self._receiving = Connection(receiving, writable=False)
        self._sending = Connection(sending, readable=False)

    @property
    def waiting(self) -> bool:
        """Return whether something has come, or the other has ended."""
        return self._receiving.poll()

    def poll(self, seconds: float) -> bool:
        """Wait at most so long until something has come, or the other has ended; whether that is so."""
        return self._receiving.poll(seconds)

    def send(self, message: bytes) -> None:
        """Send a message, waiting while the pipe is full. Raises `OSError` where the other has ended."""
        self._sending.send_bytes(message)

    def receive(self) -> bytes:
        """Return the next message, waited for. Raises `EOFError` where the other has ended, `OSError`."""
        return self._receiving.recv_bytes()

    def close(self) -> None:
        """Let the other know that there is no more."""
        self._receiving.close()
        self._sending.close()


class WorkerProcess:
    """A running module, and our end of the wire."""

    def __init__(self, module: str, *arguments: str) -> None:
        """Start it. It takes a moment until it answers."""
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
        """Its process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """True once the process has ended."""
        return self._process.poll() is not None

    @property
    def processor_ticks(self) -> int:
        """The processor time that it has used, in the kernel's clock ticks; -1 where the kernel does not tell."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return -1
        return int(fields[11]) + int(fields[12])

    def end(self) -> None:
        """Close the wire, and wait until it has ended; it is killed where it does not."""
        self.wire.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        self.wire.close()
        self._process.kill()
        self._process.wait()


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return reading, writing


def _main(module: str, receiving: str, sending: str, *arguments: str) -> None:
    for end in (int(receiving), int(sending)):
        os.set_inheritable(end, False)  # by no program that it starts
    for name in _UNUSED:
        sys.modules[name] = None  # type: ignore[assignment]  # to import it is then as if it were not installed
    importlib.import_module(module).run(Pipe(int(receiving), int(sending)), *arguments)


if __name__ == "__main__":
    _main(*sys.argv[1:])
