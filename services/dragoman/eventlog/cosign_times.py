"""The file `times` of a witness: the times at which it cosigned heads of each size.

It has the first and the last time of each size, one line each; sizes never go down:

    [<size>,<seconds of Unix time>,"<first 16 digits of a SHA-256>"]

The digest is of all bytes before the line, and of the line up to its second comma. So
no line can be changed or left out without being noticed. Lines without a digest are
older than the digests: the next digest covers them as well.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

TIMES: Final = "times"
_DIGITS: Final = 16
_LINE: Final = re.compile(rb'(\[(0|[1-9][0-9]{0,15}),(0|[1-9][0-9]{0,15}))(?:,"([0-9a-f]{16})")?\]')
_TORN: Final = re.compile(rb"\[[0-9]*,?[0-9]*\[[0-9]+,[0-9]+\]")
"""A line that a crash left half written, with the next line right behind it.

Files from before the digests have such lines.
"""

Pair = tuple[int, int]


class TimesDamaged(Exception):
    """A line is not what was written: `what` says why, and `byte` is its place."""

    def __init__(self, byte: int, what: str) -> None:
        """Describe the line at a byte."""
        self.byte, self.what = byte, what
        super().__init__(what)


class CosignTimes(Struct, frozen=True):
    """The content of a file: sizes and times, and the end of its whole lines.

    `is_summed` says whether the newest line has a digest.
    """

    lines: Sequence[Pair]
    end: int
    is_summed: bool


def read(raw: bytes) -> CosignTimes:
    """Return the lines of a file, without a last line that a crash cut off.

    Raises `TimesDamaged`.
    """
    digest, at, size, is_summed = hashlib.sha256(), 0, 0, False
    lines: list[Pair] = []
    for line in raw[: raw.rfind(b"\n") + 1].splitlines(keepends=True):
        result = _LINE.fullmatch(line.removesuffix(b"\n"))
        if result is None and (is_summed or _TORN.fullmatch(line.removesuffix(b"\n")) is None):
            raise TimesDamaged(at, "the line is not what was written")
        if result is not None:
            if result[4] is None and is_summed:
                raise TimesDamaged(at, "the line has lost its digest")
            if result[4] is not None and result[4] != _sum(digest, result[1]):
                raise TimesDamaged(
                    at,
                    "the line, or one before it, is not what was written: its digest is of "
                    "other bytes",
                )
            if int(result[2]) < size:
                raise TimesDamaged(at, "the line is of fewer records than the one before it")
            size, is_summed = int(result[2]), result[4] is not None
            lines.append((size, int(result[3])))
        digest.update(line)
        at += len(line)
    return CosignTimes(lines, at, is_summed)


class TimesFile:
    """The file of one witness, to which lines are added."""

    def __init__(self, path: Path) -> None:
        """Continue behind the last whole line. Raises `TimesDamaged`."""
        self._path = path
        raw = path.read_bytes() if path.exists() else b""
        cosign_times = read(raw)
        self._end = cosign_times.end
        self._digest = hashlib.sha256(raw[: cosign_times.end])
        self.last: Pair | None = cosign_times.lines[-1] if cosign_times.lines else None

    def add(self, pairs: Sequence[Pair]) -> None:
        """Write lines, on the disk when this returns.

        They replace a line that a crash left half written.
        """
        digest, written = self._digest.copy(), b""
        for size, time in pairs:
            line = b"[%d,%d" % (size, time)
            line += b',"%s"]\n' % _sum(digest, line)
            digest.update(line)
            written += line
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.truncate(descriptor, self._end)
            os.pwrite(descriptor, written, self._end)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._digest, self._end = digest, self._end + len(written)
        self.last = pairs[-1] if pairs else self.last


def _sum(digest: "hashlib._Hash", line: bytes) -> bytes:
    beginning = digest.copy()
    beginning.update(line)
    return beginning.hexdigest()[:_DIGITS].encode()
