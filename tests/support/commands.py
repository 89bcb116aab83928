"""`dragoman` as often as tests call it: in processes that are forked from one which has loaded the
command line already.

What runs there is `dragoman.cli.main` with arguments, environment and files of its own, as if it
had been started; what is saved is the interpreter's start and the imports, most of what a short
command costs. Tests of starting itself, and of what stays running, start the program.

    the test → arguments and environment; by descriptor where to answer, and the three standard files        the process → its id, and its exit code
"""

import atexit
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
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from patience import PATIENCE_S

_REQUEST_BYTES = 1 << 17
_CODE = struct.Struct(">ii")


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
        request = json.dumps(
            {
                "arguments": [str(each) for each in arguments],
                "environment": dict(environment),
                "folder": str(Path.cwd()),
            }
        ).encode()
        _nursery.ask(request, [there.fileno(), given.fileno(), said.fileno(), told.fileno()])
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


def _serve(control: socket.socket) -> None:
    """Fork a command for each request, until the tests are over."""
    import dragoman.cli

    for module in iter_modules(dragoman.cli.__path__, "dragoman.cli."):
        import_module(module.name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, _REQUEST_BYTES, 4)
        if not request:
            return
        if os.fork() == 0:
            control.close()
            _attend(json.loads(request), *descriptors)
        for each in descriptors:
            os.close(each)


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
