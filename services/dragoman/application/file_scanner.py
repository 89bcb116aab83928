"""The scanner of a side: a command that reads one file and says whether it passes.

    status = command < file
    0    the file passes
    1    the file is refused
    else it could not be scanned

The command gets the file on its standard input: so it needs no right to our data, and
no copy is left on a disk. It runs without a shell, in a process group of its own.
"""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from dragoman.printable import escaped
from dragoman.settings import SettingsError

_OUTPUT_BYTES: Final = 4_096
_LINE_LENGTH: Final = 200


class ScanFailed(Exception):
    """An error: a file could not be scanned. The message says why."""


def check(command: Sequence[str]) -> None:
    """Raise `SettingsError` if the command cannot be run."""
    path = Path(command[0])
    if not (path.is_absolute() and path.is_file() and os.access(path, os.X_OK)):
        raise SettingsError(
            f"files.scanner: {path} is not the whole path of a program that may be run here"
        )


async def scan(
    command: Sequence[str], timeout_s: float, pieces: AsyncIterator[bytes]
) -> tuple[bool, str]:
    """Return whether the command passes a file, and the first line that it wrote.

    All pieces are read, even where the command has ended before. Raises `ScanFailed`,
    and the errors of the pieces.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
            start_new_session=True,
        )
    except OSError as error:
        raise ScanFailed(f"{command[0]} does not start: {error.strerror}") from None
    assert process.stdin is not None
    assert process.stdout is not None
    reading = asyncio.create_task(_first_line(process.stdout))
    try:
        async with asyncio.timeout(timeout_s):
            await _feed(process.stdin, pieces)
            line, status = await reading, await process.wait()
    except TimeoutError:
        raise ScanFailed(f"the scanner did not end within {timeout_s:g} s") from None
    finally:
        if process.returncode is None or not reading.done():  # A child of it may still write.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        reading.cancel()
        await process.wait()
    if status not in (0, 1):
        raise ScanFailed(f"exit status {status}: {line}")
    return status == 0, line


async def _feed(stream: asyncio.StreamWriter, pieces: AsyncIterator[bytes]) -> None:
    async for piece in pieces:
        if not stream.is_closing():
            with suppress(ConnectionError):
                stream.write(piece)
                await stream.drain()
    stream.close()


async def _first_line(stream: asyncio.StreamReader) -> str:
    """Return the first line of an output, which is read to its end."""
    output = b""
    while piece := await stream.read(_OUTPUT_BYTES):
        output += piece[: _OUTPUT_BYTES - len(output)]
    lines = output.decode(errors="replace").strip().splitlines()
    return escaped(lines[0])[:_LINE_LENGTH] if lines else ""
