"""The place of a data directory: its machine, its path and its place file.

    place.json    {"machine":"5f0c…","host":"office-1","path":"/var/lib/dragoman",
                   "inode":1311,"born":1795778197457742111}

A copy of a data directory would write a second history, because it has the log, the
keys and the deadlines of the first one. So the directory names its place. A service
that runs in another place writes nothing until the operator takes the data over. Three
things are compared. Each of them lasts over restarts, reboots, bind mounts and a new
container:

    machine    a hash of /etc/machine-id, if that id lasts; in a container it mostly
               does not, and is left out
    path       the resolved path of the directory
    file       the birth time of `place.json` itself, which no copy shares; or else its
               inode number

`host` is a hint for people and is not compared. Decision 0027 lists the copies that
this does not detect.
"""

import asyncio
import ctypes
import hashlib
import os
import re
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct

from dragoman.domain.record import nesting
from dragoman.text import Text, sentence

log = structlog.get_logger()

FILE: Final = "place.json"
ID_FILE: Final = "directory.id"
RESTORED: Final = "restored.json"

EDITION: Final = "4049fcbb61145894"
"""The edition of rules 1 that was frozen. It never changes (docs/decisions/0054)."""

EDITION_FILE: Final = "rules.edition"
"""The file with the edition of the rules by which the logs of these data were made.

Data of before the freeze have another one, and are refused.
"""

BACKUP: Final = "last-backup.json"
"""The file that a finished backup leaves, with its time and its place."""

ELSEWHERE: Final = sentence(
    "these data were copied or moved, and another service may still write where they came from: "
    "post there, or have the operator stop that one for good and start this one with `--take-over`"
)
UNCONFIRMED: Final = sentence(
    "these data are being taken over, and no witness has confirmed yet that they are the newest: "
    "have the sides start their witnesses, which are asked again and again"
)
OUTDATED: Final = sentence(
    "a witness has cosigned records that are not here, so these data are an old copy or a branch: "
    "have the operator put the log back from the newest copy, such as a side's mirror"
)

_DO: Final = (
    "stop for good what runs on the data where these came from, "
    "then start this once with --take-over; see docs/operating-back-up.md"
)
_AGAIN_SECONDS: Final = 1.0
_MACHINE_ID: Final = Path("/etc/machine-id")
_MOUNTS: Final = Path("/proc/self/mountinfo")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_PASSING: Final = frozenset({"overlay", "tmpfs", "ramfs", "rootfs", "aufs", "fuse.fuse-overlayfs"})
"""Types of file systems that end with a container or with a boot. A machine id on one
of them does not last.
"""
_CONTAINERS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
_AT_EMPTY_PATH: Final = 0x1000
_STATX_BTIME: Final = 0x800
_STATX_BYTES: Final = 256
_BTIME_OFFSET: Final = 80


class DataError(Exception):
    """A data directory that cannot be used. The message says what to do."""


class PlaceFile(Struct, frozen=True, kw_only=True):
    """The content of `place.json`.

    `machine` is empty and `born` is 0 if they are not known. `born` is in nanoseconds.
    """

    machine: str
    host: str
    path: str
    inode: int
    born: int


class RestoredFile(Struct, frozen=True, kw_only=True):
    """The content of `restored.json`, which `dragoman restore` writes.

    `backup` is the number of the backup. `awaited` has the sizes that logs must have
    before more is written to them: signed heads are of so many records. The file
    `finished` is False until everything is restored.
    """

    backup: int
    at: str
    awaited: dict[str, int] = {}
    finished: bool = False


class Confirmation(Struct, frozen=True, kw_only=True):
    """The answer of the witnesses to a take-over.

    It names the witnesses that confirmed, or the reason why none did. `detail` is for
    the log alone.
    """

    by: tuple[str, ...] = ()
    reason: Text | None = None
    detail: str = ""


Confirm = Callable[[], Awaitable[Confirmation]]


def adopt(data: Path) -> None:
    """Write the place of a data directory that has none, and the edition of the rules.

    Raises `DataError` if the directory has data by another edition of the rules.
    """
    if not (data / FILE).exists():
        _try_to_write(data, is_new=True)
    _require_edition(data)


def _write_edition(data: Path) -> None:
    _replace(data / EDITION_FILE, EDITION.encode() + b"\n")


def _require_edition(data: Path) -> None:
    """Raise `DataError` if the logs of a directory were made by other rules."""
    try:
        edition = (data / EDITION_FILE).read_text().strip()
    except (OSError, UnicodeDecodeError):
        edition = ""
    if edition != EDITION and (data / FILE).exists():
        raise DataError(
            f"the logs in {data} were made by {f'edition {edition}' if edition else 'an edition'} "
            f"of rules 1 that is no more: {EDITION} was frozen, and this program would read "
            "them as if they said something else. Nothing was changed. Begin a new directory "
            "with another --data, or delete this one with `dragoman up --fresh`; what it says "
            "can be read with the program that made it (docs/upgrading.md)"
        )


def restored(data: Path) -> RestoredFile | None:
    """Return the note of a restoration; None if the directory was not restored.

    Raises `DataError` if it cannot be read.
    """
    path = data / RESTORED
    try:
        return nesting.decode(path.read_bytes(), RestoredFile)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise DataError(f"{path} cannot be read: {error}; restore the data again") from None


def awaited_records(data: Path) -> dict[str, int]:
    """Return the number of records that restored logs must have, by channel.

    Raises `DataError` if the restoration was not finished.
    """
    note = restored(data)
    if note is not None and not note.finished:
        raise DataError(f"{data} is half restored: delete it, and call `dragoman restore` again")
    return {} if note is None else dict(note.awaited)


def write_restored(data: Path, note: RestoredFile) -> None:
    """Write the note of a restoration."""
    _replace(data / RESTORED, msgspec.json.encode(note) + b"\n")


def copy_place(data: Path, place: str) -> None:
    """Write a place file of another directory, so that these data count as a copy.

    They are then read-only until somebody takes them over. An empty text stands for a
    place that is not known.
    """
    unknown = PlaceFile(machine="", host="unknown", path="a place unknown", inode=0, born=1)
    _write_edition(data)
    _replace(data / FILE, place.encode() or msgspec.json.encode(unknown) + b"\n")


def _replace(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.rename(path)


def fault_of(data: Path) -> str:
    """Return the differences between the place of a directory and its place file.

    Empty if there are none, or if the directory has no place file.
    """
    path = data / FILE
    try:
        with path.open("rb") as file:
            home, place = (
                nesting.decode(file.read(), PlaceFile),
                _place_of(file.fileno(), data),
            )
    except FileNotFoundError:
        return ""
    except (OSError, msgspec.MsgspecError) as error:
        return f"{path} cannot be read: {error}"
    differences = []
    if home.machine and home.machine != place.machine:
        differences.append(f"on another machine, {home.host}, and this is {place.host}")
    if home.path != place.path:
        differences.append(f"at {home.path}, and this is {place.path}")
    if not _is_same_file(home, place):
        differences.append("in other files, of which these are a copy")
    return f"the data were written {'; '.join(differences)}" if differences else ""


def advice(fault: str) -> str:
    """Return a fault with its remedy, for `dragoman doctor`."""
    return fault and f"{fault}; {_DO}"


def lasting_id(data: Path) -> str:
    """Return an id of a data directory that lasts over restarts, and is its own.

    A file has its random part. A copy of that file is in another place, which is the
    other part. If the file cannot be written, the id is that of this process alone.
    """
    path = data / ID_FILE
    try:
        if not path.exists():
            _replace(path, secrets.token_hex(16).encode() + b"\n")
        random = path.read_text().strip()
        with (data / FILE).open("rb") as file:
            place = _place_of(file.fileno(), data)
    except (OSError, UnicodeDecodeError) as error:
        log.warning("place.no_id", data=str(data), reason=str(error))
        return secrets.token_hex(16)
    text = f"{random} {place.machine} {place.path} {place.born or place.inode}"
    return hashlib.sha256(text.encode()).hexdigest()


class PlaceGuard:
    """A permission to write on a data directory.

    It is refused while the directory is not where it was written. It is never taken
    back: it lasts as long as the process.
    """

    def __init__(self, data: Path, *, take_over: bool = False) -> None:
        """Compare the directory with its place, which is written if it has none.

        `awaited` are the records for which restored logs wait. Raises `DataError` if
        the data are half restored.
        """
        self.awaited = awaited_records(data)
        self._data = data
        self._take_over = take_over
        self._allowed = asyncio.Event()
        self._last_detail = ""
        self._reason: Text | None = None
        adopt(data)
        fault = fault_of(data)
        if fault:
            self._reason = UNCONFIRMED if take_over else ELSEWHERE
            doing = "nothing: it is being taken over" if take_over else _DO
            log.critical("place.elsewhere", data=str(data), reason=fault, do=doing)
        else:
            self._allowed.set()

    async def run(self, confirm: Confirm | None = None) -> None:
        """Wait until writing is allowed.

        If witnesses are to `confirm` a take-over, ask them until one does.
        """
        while self._reason is not None:
            if (self._data / FILE).exists() and not fault_of(self._data):
                self._allow()  # another process on this directory took over
            elif self._take_over:
                await self._try_to_take_over(confirm)
            if self._reason is not None:
                await asyncio.sleep(_AGAIN_SECONDS)

    async def when_allowed(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait until writing is allowed, then run work that writes."""
        await self._allowed.wait()
        await work()

    def read_only_reason(self) -> Text | None:
        """Return the reason why no record may be written now.

        None if writing is allowed.
        """
        return self._reason

    def _allow(self) -> None:
        self._reason = None
        self._allowed.set()

    async def _try_to_take_over(self, confirm: Confirm | None) -> None:
        answer = Confirmation() if confirm is None else await confirm()
        if answer.reason is None:
            _try_to_write(self._data)
            nobody = (
                "nobody: no witness is named in the settings"
                if confirm is None
                else "nobody: no witness knows these logs"
            )
            log.warning(
                "place.taken_over",
                data=str(self._data),
                confirmed_by=", ".join(answer.by) or nobody,
            )
            self._allow()
            return
        self._reason = answer.reason
        if answer.detail != self._last_detail:
            self._last_detail = answer.detail
            log.critical(
                "place.not_taken_over",
                data=str(self._data),
                reason=answer.detail,
                do=str(answer.reason),
            )


def _is_same_file(home: PlaceFile, place: PlaceFile) -> bool:
    """Return whether a place file is the one that was written, and not a copy.

    Its birth time tells, or its inode number if the birth time is not known.
    """
    if home.born and place.born:
        return home.born == place.born
    return home.inode == place.inode


def _try_to_write(data: Path, *, is_new: bool = False) -> None:
    try:
        if is_new:
            _write_edition(data)
        _write(data)
    except OSError as error:
        log.warning(
            "place.not_written",
            data=str(data),
            reason=str(error),
            do="make room, or let this user write there",
        )


def _write(data: Path) -> None:
    """Write the place of the directory, whole or not at all.

    The file is opened first, because it names itself.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = data / f".{FILE}.{os.getpid()}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, msgspec.json.encode(_place_of(descriptor, data)) + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.rename(data / FILE)
    folder = os.open(data, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _place_of(descriptor: int, data: Path) -> PlaceFile:
    return PlaceFile(
        machine=machine(),
        host=socket.gethostname(),
        path=str(data.resolve()),
        inode=os.fstat(descriptor).st_ino,
        born=_born(descriptor),
    )


def _born(descriptor: int) -> int:
    """Return the birth time of an open file, in nanoseconds.

    0 if the system does not know it. Python 3.11 has no function for it.
    """
    try:
        statx = ctypes.CDLL(None).statx
    except AttributeError:
        return 0
    answer = ctypes.create_string_buffer(_STATX_BYTES)
    if statx(descriptor, b"", _AT_EMPTY_PATH, _STATX_BTIME, answer) != 0:
        return 0
    (mask,) = struct.unpack_from("=I", answer)
    seconds, nanoseconds = struct.unpack_from("=qI", answer, _BTIME_OFFSET)
    return int(seconds) * 1_000_000_000 + int(nanoseconds) if mask & _STATX_BTIME else 0


def machine(id_file: Path = _MACHINE_ID, mounts: Path = _MOUNTS) -> str:
    """Return a hash of the machine's id; empty if no id of it lasts.

    The id itself must not be shown.
    """
    try:
        id = id_file.read_text().strip()
        lasting = _lasts(id_file, mounts.read_text())
    except (OSError, UnicodeDecodeError):
        return ""
    return (
        hashlib.sha256(f"dragoman place {id}".encode()).hexdigest()
        if lasting and _ID.fullmatch(id)
        else ""
    )


def _lasts(file: Path, mounts: str) -> bool:
    """Return whether a file outlives a restart of the container.

    On a system that runs from memory no file does.
    """
    best, passing = Path(), False
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4])
        if (point == file or point in file.parents) and len(point.parts) >= len(best.parts):
            best, passing = point, after.split()[0] in _PASSING
    in_container = (
        any(marker.exists() for marker in _CONTAINERS) or "KUBERNETES_SERVICE_HOST" in os.environ
    )
    # The id of the machine itself is sometimes mounted into a container.
    return not passing and (best == file or not in_container)


def note_backup(data: Path, time: str, place: str) -> None:
    """Note the time of a finished backup, and the folder that it is in."""
    _replace(data / BACKUP, msgspec.json.encode({"time": time, "place": place}) + b"\n")


def last_backup(data: Path) -> float:
    """Return the time of the last finished backup in Unix seconds, or 0."""
    try:
        content = msgspec.json.decode((data / BACKUP).read_bytes())
        return datetime.fromisoformat(content["time"]).timestamp()
    except (OSError, ValueError, TypeError, KeyError, msgspec.DecodeError):
        return 0.0


def server_file(data: Path) -> Path | None:
    """Return the file with the addresses of the gateway on this data directory.

    Of several gateways it is the one without a name of its own, or else the one that
    started last. None if no gateway ever ran there.
    """
    if (data / "server.json").exists():
        return data / "server.json"
    named_files = data.glob("server-*.json")
    return max(named_files, key=lambda path: path.stat().st_mtime, default=None)
