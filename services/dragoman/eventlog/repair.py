"""The repair of an archive's folder, as far as the records and a signed head prove it.

    offsets      from the lengths in `records`, if every record is that of its leaf
    leaves       from `records`, if a kept signed head is of just these records
    pinned.json  from its side's notes, if the first record says the same
    times        the lines before the damage, and one of the newest cosigned head
    sealed, covering, erasures-ahead.json, contradictions
                 set aside in a mirror: their content is lost, and the next signed head
                 must begin with the records here
    *.sum        from the file beside it

Everything else is left alone. A replaced file stays in the folder as `NAME.damaged`. A
changed record is never repaired: it may be evidence.
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
from dragoman.eventlog.archive_damage import DO_ASIDE, ArchiveDamaged, Damage
from dragoman.eventlog.archive_format import COSIGNED, COVERING, FORMAT, HASH, PINNED, Pinned
from dragoman.eventlog.archive_frames import ArchiveFiles
from dragoman.eventlog.cosign_times import TIMES, TimesFile
from dragoman.eventlog.self_check import SelfCheck
from dragoman.tlog import checkpoint, note

_ASIDE: Final = ".damaged"
_FILES: Final = ("records", "leaves", "offsets")
_ROUNDS: Final = 100
_COSIGNATURE_BYTES: Final = 72


class ArchiveOfAnotherChannel(Exception):
    """The pins of the caller are not those of the first record."""


def repair(folder: Path, pins: Pinned | None = None) -> list[str]:
    """Repair a folder as far as possible, and return texts that say what was done.

    Raises `ArchiveBusy`, `ArchiveOfAnotherChannel`, and `ArchiveDamaged` for damage
    that cannot be repaired.
    """
    done: list[str] = []
    with _locked(folder):
        for _ in range(_ROUNDS):
            with _opened(folder) as files:
                check = SelfCheck(folder, files)
                try:
                    check.run()
                except ArchiveDamaged as error:
                    done += _repair_damage(folder, check, error, pins)
                else:
                    return done
    raise AssertionError("a repair that does not end")


def _repair_damage(
    folder: Path, check: SelfCheck, error: ArchiveDamaged, pins: Pinned | None
) -> Iterator[str]:
    """Repair one damage, and yield texts that say what was done.

    Raises the damage again if it cannot be repaired.
    """
    damage = error.damage
    path = folder / damage.file
    if damage.file == "offsets":
        yield _move_aside(path)
        path.touch(mode=0o600)
        yield "offsets is written anew from the records at the next start"
    elif damage.file == "leaves":
        leaves = _leaves(check, damage)
        if leaves is None:
            raise error
        yield _move_aside(path)
        durable.write(path, leaves)
        yield f"leaves is written anew, with {len(leaves) // HASH} leaves"
    elif damage.file == PINNED:
        if pins is None:
            raise error
        if check.kept_heads.opening is not None and (pins.cid, pins.log) != (
            check.kept_heads.opening[0],
            str(check.kept_heads.key()),
        ):
            raise ArchiveOfAnotherChannel(
                f"the first record in {folder} is of {check.kept_heads.opening[0]} under "
                f"{check.kept_heads.key()}"
            )
        yield _move_aside(path)
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
        yield _move_aside(path)
        durable.sum_up(beside)
        yield f"{damage.file} is written anew from {beside.name}"
    elif damage.file == TIMES:
        yield from _repair_times(path, damage.byte)
    elif damage.do == DO_ASIDE and (path.exists() or durable.sum_of(path).exists()):
        yield _move_aside(path)
        yield f"{damage.file} is set aside: what it said is lost"
    elif (
        damage.do == DO_ASIDE
        and damage.file in ("sealed", COVERING)
        and (kept_pins := check.kept_heads.pins()) is not None
    ):
        durable.write(
            folder / PINNED,
            msgspec.json.encode(Pinned(cid=kept_pins.cid, log=kept_pins.log)),
            summed=True,
        )
        yield "no signed head is kept: the next one must begin with the records here"
    else:
        raise error


def _repair_times(path: Path, byte: int) -> Iterator[str]:
    data = path.read_bytes()[:byte] if path.exists() else b""
    if path.exists():
        yield _move_aside(path)
    path.write_bytes(data)
    newest = _cosigned(path.with_name(COSIGNED))
    if newest is not None and newest != (file := TimesFile(path)).last:
        file.add([newest])
    yield "times has the lines before the damage, and when the newest head was cosigned"


def _leaves(check: SelfCheck, damage: Damage) -> bytes | None:
    """Return the correct leaves, or None if no kept head proves them.

    The leaves are computed for the records under a kept head. Behind these records they
    stay as they are.
    """
    if damage.position == len(check.frames.ends) + 1:
        return check.frames.leaves_kept[: len(check.frames.ends) * HASH]
    for head in sorted(check.kept_heads.heads(), key=lambda head: -head.size):
        if head.size >= damage.position and check.frames.derived(head.size) == head.root:
            return (
                b"".join(check.frames.leaves(head.size))
                + check.frames.leaves_kept[head.size * HASH :]
            )
    return None


def _cosigned(path: Path) -> tuple[int, int] | None:
    """Return the size of the newest cosigned head, and the time of its cosignature.

    Return None if there is no such head.
    """
    if not path.exists():
        return None
    result = note.read(path.read_bytes())
    times = [
        signature.time
        for signature in result.signatures
        if len(signature.payload) == _COSIGNATURE_BYTES
    ]
    return (checkpoint.read(result.text).size, times[-1]) if times else None


def _move_aside(path: Path) -> str:
    """Move a file and its digests aside, and return their place in words."""
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
