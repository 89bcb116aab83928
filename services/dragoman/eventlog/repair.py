"""The repair of an archive's folder: what the records themselves and a kept signed head can prove is written anew, and nothing else is.

    offsets      from the lengths in `records`, where every record is that of its leaf
    leaves       from `records`, where a kept signed head is of just these records
    pinned.json  from its side's notes, where the first record says the same
    times        the lines before the damage, and one of the newest cosigned head
    sealed, covering, erasures-ahead.json, contradictions
                 set aside in a mirror: what they said is lost, and the next signed head must begin with the records here
    *.sum        from the file beside it

What it replaces stays in the folder as `NAME.damaged`. A changed record is never
repaired: it may be evidence.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from dragoman.eventlog import durable
from dragoman.eventlog.archive import ArchiveBusy
from dragoman.eventlog.cosign_times import TIMES, TimesFile
from dragoman.eventlog.self_check import (
    COSIGNED,
    COVERING,
    DO_ASIDE,
    FORMAT,
    HASH,
    PINNED,
    ArchiveDamaged,
    ArchiveFiles,
    Damage,
    Pinned,
    SelfCheck,
)
from dragoman.tlog import checkpoint, note

_ASIDE: Final = ".damaged"
_FILES: Final = ("records", "leaves", "offsets")
_ROUNDS: Final = 100
_COSIGNATURE_BYTES: Final = 72


class ArchiveOfAnotherChannel(Exception):
    """The pins that were given are not those of the first record."""


def repair(folder: Path, pins: Pinned | None = None) -> list[str]:
    """Repair what can be, and return what was done, in words. Raises `ArchiveBusy`, `NotThisChannel`, and `ArchiveDamaged` for what cannot be."""
    done: list[str] = []
    with _locked(folder):
        for _ in range(_ROUNDS):
            with _opened(folder) as files:
                check = SelfCheck(folder, files)
                try:
                    check.run()
                except ArchiveDamaged as error:
                    done += _mended(folder, check, error, pins)
                else:
                    return done
    raise AssertionError("a repair that does not end")


def _mended(
    folder: Path, check: SelfCheck, error: ArchiveDamaged, pins: Pinned | None
) -> Iterator[str]:
    """Repair one damage. Raises it again where that cannot be done."""
    damage = error.damage
    path = folder / damage.file
    if damage.file == "offsets":
        yield _aside(path)
        path.touch(mode=0o600)
        yield "offsets is written anew from the records at the next start"
    elif damage.file == "leaves":
        leaves = _leaves(check, damage)
        if leaves is None:
            raise error
        yield _aside(path)
        durable.write(path, leaves)
        yield f"leaves is written anew, with {len(leaves) // HASH} leaves"
    elif damage.file == PINNED:
        if pins is None:
            raise error
        if check.opening is not None and (pins.cid, pins.log) != (
            check.opening[0],
            str(check.key()),
        ):
            raise ArchiveOfAnotherChannel(
                f"the first record in {folder} is of {check.opening[0]} under {check.key()}"
            )
        yield _aside(path)
        durable.write(
            path,
            msgspec.json.encode(Pinned(cid=pins.cid, log=pins.log, format=FORMAT)),
            summed=True,
        )
        yield "pinned.json is written anew from your notes, which the first record agrees with"
    elif (
        damage.file.endswith(durable.SUM)
        and (beside := path.with_name(damage.file.removesuffix(durable.SUM))).exists()
    ):
        yield _aside(path)
        durable.sum_up(beside)
        yield f"{damage.file} is written anew from {beside.name}"
    elif damage.file == TIMES:
        yield from _mended_times(path, damage.byte)
    elif damage.do == DO_ASIDE and (path.exists() or durable.sum_of(path).exists()):
        yield _aside(path)
        yield f"{damage.file} is set aside: what it said is lost"
    elif (
        damage.do == DO_ASIDE
        and damage.file in ("sealed", COVERING)
        and (known := check.pins()) is not None
    ):
        durable.write(
            folder / PINNED, msgspec.json.encode(Pinned(cid=known.cid, log=known.log)), summed=True
        )
        yield "no signed head is kept: the next one must begin with the records here"
    else:
        raise error


def _mended_times(path: Path, byte: int) -> Iterator[str]:
    data = path.read_bytes()[:byte] if path.exists() else b""
    if path.exists():
        yield _aside(path)
    path.write_bytes(data)
    newest = _cosigned(path.with_name(COSIGNED))
    if newest is not None and newest != (file := TimesFile(path)).last:
        file.add([newest])
    yield "times has the lines before the damage, and when the newest head was cosigned"


def _leaves(check: SelfCheck, damage: Damage) -> bytes | None:
    """Return the leaves as they must be: of the records that a kept head is of, and behind them as they are; None where nothing proves them."""
    if damage.position == len(check.ends) + 1:
        return check.leaves_kept[: len(check.ends) * HASH]
    for head in sorted(check.heads(), key=lambda head: -head.size):
        if head.size >= damage.position and check.derived(head.size) == head.root:
            return b"".join(check.leaves(head.size)) + check.leaves_kept[head.size * HASH :]
    return None


def _cosigned(path: Path) -> tuple[int, int] | None:
    """Return of how many records the newest cosigned head is, and when it was cosigned; None where there is none."""
    if not path.exists():
        return None
    result = note.read(path.read_bytes())
    times = [
        signature.time
        for signature in result.signatures
        if len(signature.payload) == _COSIGNATURE_BYTES
    ]
    return (checkpoint.read(result.text).size, times[-1]) if times else None


def _aside(path: Path) -> str:
    """Move a file and its digests out of the way; returns where it is, in words."""
    for item in (durable.sum_of(path), path):
        if item.exists():
            number, aside = 1, item.with_name(item.name + _ASIDE)
            while aside.exists():
                number, aside = number + 1, item.with_name(f"{item.name}{_ASIDE}-{number + 1}")
            item.rename(aside)
            path = aside
    return f"what was there is in {path}"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ArchiveBusy(f"{folder} is used by another program; stop it first") from None
        yield


@contextmanager
def _opened(folder: Path) -> Iterator[ArchiveFiles]:
    descriptors = [
        os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for name in _FILES
    ]
    try:
        yield ArchiveFiles(descriptors[0], descriptors[1], descriptors[2])
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


__all__ = ["ArchiveOfAnotherChannel", "repair"]
