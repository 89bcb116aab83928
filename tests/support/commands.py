"""`dragoman` as often as tests call it: in processes that are forked from one which has loaded the
command line and the services already.

What runs there is `dragoman.cli.main` with arguments, environment and files of its own, as if it
had been started; what is saved is the interpreter's start and the imports, most of what a short
command costs and of what a service needs until it is ready. Tests of starting itself start the
program.

    the test → arguments and environment; by descriptor where to answer, and the three standard files        the process → its id, and its exit code
"""

import atexit
import ctypes
import gc
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import IO

from patience import PATIENCE_S

_REQUEST_BYTES = 1 << 17
_CODE = struct.Struct(">ii")
_PR_SET_CHILD_SUBREAPER = 36


class _Nursery:
    """The process that is forked from, and the socket to it. There is one for all tests of a run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def ask(self, request: bytes, descriptors: Sequence[int]) -> None:
        """Have a command run."""
        with self._lock:
            if self._socket is None:
                self._socket, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with there:
                    process = subprocess.Popen(
                        [sys.executable, __file__, str(there.fileno())],
                        pass_fds=[there.fileno()],
                        start_new_session=True,
                    )
                atexit.register(process.wait)
                atexit.register(
                    self._socket.close
                )  # which ends it; what was registered last is called first
            socket.send_fds(self._socket, [request], descriptors)


_nursery = _Nursery()


def run(
    arguments: Sequence[str | Path],
    *,
    stdin: str = "",
    environment: Mapping[str, str],
    timeout: float = PATIENCE_S,
) -> subprocess.CompletedProcess[str]:
    """Call `dragoman` with these arguments, and wait for its end. Raises `TimeoutExpired`."""
    here, there = socket.socketpair()
    with (
        here,
        there,
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as said,
        tempfile.TemporaryFile() as told,
    ):
        given.write(stdin.encode())
        given.seek(0)
        _nursery.ask(
            _request(arguments, environment),
            [there.fileno(), given.fileno(), said.fileno(), told.fileno()],
        )
        there.close()
        here.settimeout(timeout)
        answer = here.makefile("rb")
        process, _ = _CODE.unpack(answer.read(_CODE.size))
        try:
            _, code = _CODE.unpack(answer.read(_CODE.size))
        except TimeoutError:
            os.kill(process, signal.SIGKILL)
            raise subprocess.TimeoutExpired(arguments, timeout) from None
        for each in (said, told):
            each.seek(0)
        return subprocess.CompletedProcess(
            ["dragoman", *map(str, arguments)], code, said.read().decode(), told.read().decode()
        )


class Started:
    """A command that goes on running, as `subprocess.Popen` has it: `stdout` is what it prints."""

    def __init__(
        self, arguments: Sequence[str | Path], *, errors: IO[str], environment: Mapping[str, str]
    ) -> None:
        self._arguments = arguments
        self.returncode: int | None = None
        self._answer, there = socket.socketpair()
        reading, writing = os.pipe()
        self.stdout = os.fdopen(reading, "r")
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            _nursery.ask(
                _request(arguments, environment),
                [there.fileno(), nothing, writing, errors.fileno()],
            )
        finally:
            there.close()
            os.close(nothing)
            os.close(writing)
        self._answer.settimeout(PATIENCE_S)
        self.pid, _ = _CODE.unpack(self._answer.recv(_CODE.size, socket.MSG_WAITALL))

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; the exit code. Raises `TimeoutExpired`."""
        if self.returncode is None:
            self._answer.settimeout(timeout)
            try:
                answer = self._answer.recv(_CODE.size, socket.MSG_WAITALL)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self._arguments, timeout or 0) from None
            self._answer.close()
            _, self.returncode = _CODE.unpack(answer)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _request(arguments: Sequence[str | Path], environment: Mapping[str, str]) -> bytes:
    return json.dumps(
        {
            "arguments": [str(each) for each in arguments],
            "environment": dict(environment),
            "folder": str(Path.cwd()),
        }
    ).encode()


def _serve(control: socket.socket) -> None:
    """Fork a command for each request, until the tests are over."""
    import dragoman.cli
    import kept_templates

    for module in (*walk_packages(dragoman.cli.__path__, "dragoman.cli."),):
        import_module(module.name)
    kept_templates.load()  # else each service compiles those of its pages
    gc.collect()
    gc.freeze()  # what is loaded stays shared: no collection of a forked process writes to it
    # The processor time of a process counts in its parent only if that waits for it (budgets.py).
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, _REQUEST_BYTES, 4)
        if not request:
            return
        if os.fork() == 0:
            control.close()
            _attend(json.loads(request), *descriptors)
        for each in descriptors:
            os.close(each)


def _reap(*_: object) -> None:
    """Wait for all children that have ended, also for those that lost their parents."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _attend(request: dict[str, object], answer: int, *standard: int) -> None:
    """Run a command in a process of its own, and say which that is and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    process = os.fork()
    if process == 0:
        os.close(answer)
        _become(request, standard)
    os.write(answer, _CODE.pack(process, 0))
    _, status = os.waitpid(process, 0)
    os.write(answer, _CODE.pack(process, os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _become(request: dict[str, object], standard: Sequence[int]) -> None:
    """Be the command, to the end."""
    from dragoman.cli import main

    code = 1
    try:
        os.setsid()
        for descriptor, number in zip(standard, (0, 1, 2), strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(request["environment"])  # type: ignore[call-overload]
        os.chdir(str(request["folder"]))
        sys.argv = ["dragoman", *request["arguments"]]  # type: ignore[misc]
        main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        if isinstance(error.code, str):
            sys.stderr.write(f"{error.code}\n")
    except Exception:  # nobody is left to raise it to  # noqa: BLE001
        sys.excepthook(*sys.exc_info())
    finally:
        threading._shutdown()  # type: ignore[attr-defined]  # as an interpreter does at its end: nothing is left half done
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
