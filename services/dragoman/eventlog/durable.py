"""Small files that are replaced as a whole, each with its digests beside it.

    sealed          the file
    sealed.sum      <SHA-256 of the old file> <SHA-256 of the new file>
                    <first 16 digits of the SHA-256 of both>        on the same line

A file is on the disk before any program relies on it. The digests are written first. A
crash in between leaves the old file, which the first digest is of. Before the first
write of a file, that digest is all zeros.
"""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

SUM: Final = ".sum"
_NONE: Final = "0" * 64
_CHECK_DIGITS: Final = 16
_WORDS: Final = 3
BLOCK: Final = 1 << 24
_READ: Final = 1 << 20


class SumDamaged(Exception):
    """A file of digests is not valid by its own check digits."""


def write(path: Path, data: bytes, *, summed: bool = False) -> None:
    """Replace a file, on the disk when this returns.

    `summed` keeps its digests beside it.
    """
    before = hashlib.sha256(path.read_bytes()).hexdigest() if summed and path.exists() else _NONE
    if summed:
        _replace(sum_of(path), _sums(before, hashlib.sha256(data).hexdigest()))
    _replace(path, data)
    if summed and before == _NONE:
        sum_up(path)  # From now on, a missing file is a lost file.
    sync(path.parent)


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def block_digests(path: Path, begin: int = 0, end: int | None = None) -> tuple[str, ...]:
    """Return the SHA-256 of each 16 MiB of a file, computed on all processors.

    The blocks begin at a byte, and stop at the end of the file if it has no `end`.
    """
    end = path.stat().st_size if end is None else end
    descriptor = os.open(path, os.O_RDONLY)

    def digest(at: int) -> str:
        computed = hashlib.sha256()
        for first in range(at, min(at + BLOCK, end), _READ):
            computed.update(
                os.pread(descriptor, min(_READ, at + BLOCK - first, end - first), first)
            )
        return computed.hexdigest()

    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return tuple(pool.map(digest, range(begin, end, BLOCK)))
    finally:
        os.close(descriptor)


def sum_of(path: Path) -> Path:
    """Return the path of the digests of a file."""
    return path.with_name(path.name + SUM)


def is_as_written(path: Path) -> bool:
    """Return whether a file is what was written last, or what a crash left before that.

    Raises `SumDamaged`.
    """
    before, now = _read(sum_of(path).read_bytes())
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else _NONE
    return digest in (before, now)


def sum_up(path: Path) -> None:
    """Write the digest of a file as it is now."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    _replace(sum_of(path), _sums(digest, digest))


def _sums(before: str, now: str) -> bytes:
    both = f"{before} {now}"
    return f"{both} {hashlib.sha256(both.encode()).hexdigest()[:_CHECK_DIGITS]}\n".encode()


def _read(raw: bytes) -> tuple[str, str]:
    words = raw.decode("ascii", "replace").split(" ")
    if len(words) != _WORDS or _sums(words[0], words[1]) != raw:
        raise SumDamaged
    return words[0], words[1]


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
