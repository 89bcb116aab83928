"""The folder of a host's backups.

    lock                   guards the folder: one program writes at a time
    unfinished.json        {"number":4,"begun":"…"}, until that backup is finished
    manifests/000003.json  one finished backup (`dragoman.backup.manifest`)
    pieces/<sha256>        a snapshot of a store beside the logs, or the sealed keys
    files/<2>/<sha256>     a file that an officer uploaded; its name begins with <2>
    logs/<channel>/        the log, as an archive; all backups share it, and it grows

Nothing but a log's archive is ever changed after it was written. A piece or a file is
written under another name and renamed. So a backup that was killed leaves no half file
under a final name, and no manifest.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.backup import manifest as manifests
from dragoman.backup.manifest import BackupError, BackupInvalid, Manifest
from dragoman.domain.record import nesting
from dragoman.eventlog import durable

_NUMBER: Final = re.compile(r"(\d{6})\.json")
_NEW: Final = ".new"
_BLOCK: Final = 1024 * 1024


class Unfinished(Struct, frozen=True, kw_only=True):
    """A backup that has begun: its number, and the time of its begin."""

    number: int
    begun: str


class BackupFolder:
    """A folder of backups. `opened` locks it."""

    def __init__(self, path: Path) -> None:
        """Use a folder."""
        self.path = path

    def logs(self, channel: str) -> Path:
        """Return the folder of a channel's archive."""
        return self.path / "logs" / channel

    @property
    def channels(self) -> list[str]:
        """The channels of which there is an archive."""
        return sorted(path.name for path in (self.path / "logs").glob("*") if path.is_dir())

    # Manifests

    @property
    def numbers(self) -> list[int]:
        """The numbers of the finished backups, in order."""
        matches = (_NUMBER.fullmatch(path.name) for path in self._manifests.glob("*.json"))
        return sorted(int(match[1]) for match in matches if match is not None)

    @property
    def _manifests(self) -> Path:
        return self.path / "manifests"

    @property
    def unfinished(self) -> Unfinished | None:
        """The backup that has begun and has no manifest; None if no backup has."""
        try:
            begun = nesting.decode(self._begun.read_bytes(), Unfinished)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError:
            return Unfinished(number=0, begun="an unknown time")
        return None if begun.number in self.numbers else begun

    @property
    def _begun(self) -> Path:
        return self.path / "unfinished.json"

    def read(self, number: int) -> Manifest:
        """Return a manifest. Raises `BackupInvalid`, also if it does not exist."""
        path = self.manifest_path(number)
        try:
            manifest = manifests.decode(path.read_bytes())
        except OSError as error:
            raise BackupInvalid(f"{path} cannot be read: {error.strerror}") from None
        except BackupInvalid as error:
            raise BackupInvalid(f"{path}: {error}") from None
        if manifest.number != number:
            raise BackupInvalid(f"{path}: it is of backup {manifest.number}: it was renamed")
        return manifest

    def manifest_path(self, number: int) -> Path:
        """Return the path of a manifest."""
        return self._manifests / f"{number:06}.json"

    def begin(self, begun: str) -> int:
        """Note that a backup begins, and return its number."""
        number = max(self.numbers, default=0) + 1
        for name in ("pieces", "files", "logs", "manifests"):
            (self.path / name).mkdir(mode=0o700, exist_ok=True)
        for stale in (*self.path.glob(f"pieces/*{_NEW}"), *self.path.glob(f"files/*/*{_NEW}")):
            stale.unlink()
        durable.write(self._begun, msgspec.json.encode(Unfinished(number=number, begun=begun)))
        return number

    def finish(self, manifest: Manifest) -> None:
        """Write a manifest, which makes its backup a finished one."""
        _sync(self.path / "logs", self.path / "pieces", *self.path.glob("files/*"), self.path)
        durable.write(self.manifest_path(manifest.number), manifests.encode(manifest))
        self._begun.unlink(missing_ok=True)

    # Pieces and files

    def piece_path(self, digest: str) -> Path:
        """Return the path of a piece."""
        return self.path / "pieces" / digest

    def keep(self, content: bytes) -> str:
        """Write a piece unless it is there, and return its digest."""
        digest = hashlib.sha256(content).hexdigest()
        if not self.piece_path(digest).exists():
            writer = FileWriter(self.piece_path(digest), digest)
            writer.write(content)
            writer.finish()
            writer.close()
        return digest

    def piece(self, digest: str) -> bytes:
        """Return the content of a piece. Raises `BackupInvalid`."""
        path = self.piece_path(digest)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BackupInvalid(f"{path} cannot be read: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise BackupInvalid(f"{path} is not what was written: its SHA-256 differs")
        return content

    def file_path(self, sha256: str) -> Path:
        """Return the path of an uploaded file."""
        return self.path / "files" / sha256[:2] / sha256

    def file_writer(self, sha256: str) -> "FileWriter":
        """Return a writer of an uploaded file."""
        path = self.file_path(sha256)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        return FileWriter(path, sha256)

    def check_file(self, sha256: str, size: int) -> None:
        """Check an uploaded file. Raises `BackupInvalid`."""
        path, digest, length = self.file_path(sha256), hashlib.sha256(), 0
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
                    length += len(block)
        except OSError as error:
            raise BackupInvalid(f"{path} cannot be read: {error.strerror}") from None
        if (digest.hexdigest(), length) != (sha256, size):
            raise BackupInvalid(f"{path} is not what was written: its SHA-256 or length differs")

    # Removing

    def remove_all_but(self, pieces: set[str], files: set[str]) -> tuple[int, int]:
        """Delete other pieces and files, and return how many of each."""
        others = [path for path in self.path.glob("pieces/*") if path.name not in pieces]
        other_files = [path for path in self.path.glob("files/*/*") if path.name not in files]
        for path in (*others, *other_files):
            path.unlink()
        return len(others), len(other_files)


@contextmanager
def opened(path: Path, *, new: bool = False) -> Iterator[BackupFolder]:
    """Yield a locked folder of backups; `new` makes one if it does not exist.

    Raises `BackupError` if the folder is another one, or is in use.
    """
    if path.exists() and not path.is_dir():
        raise BackupError(f"{path} is not a folder: name the folder of the backups")
    is_backup = (path / "lock").exists()
    if not is_backup and path.exists() and any(path.iterdir()):
        raise BackupError(f"{path} is not a folder of backups: name an empty folder or a new one")
    if not is_backup and not new:
        raise BackupError(f"{path} has no backup: name the folder of `dragoman backup`")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (path / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BackupError(
                f"{path} is in use by another backup, check or restoration: wait until it ends"
            ) from None
        yield BackupFolder(path)


class FileWriter:
    """A file that gets its name once its content has the SHA-256 of that name."""

    def __init__(self, path: Path, sha256: str) -> None:
        """Begin the file under another name."""
        self._path = path
        self._sha256 = sha256
        self._digest = hashlib.sha256()
        self._fresh = path.with_name(path.name + _NEW)
        self._file = os.fdopen(
            os.open(self._fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"
        )

    def write(self, block: bytes) -> None:
        """Add bytes."""
        self._digest.update(block)
        self._file.write(block)

    def finish(self) -> bool:
        """Give the file its name, on the disk; return False if it is not that file."""
        if self._digest.hexdigest() != self._sha256:
            return False
        self._file.flush()
        os.fsync(self._file.fileno())
        self._fresh.rename(self._path)
        return True

    def close(self) -> None:
        """Close the file, and delete it if it has no name yet."""
        self._file.close()
        self._fresh.unlink(missing_ok=True)


def _sync(*folders: Path) -> None:
    """Have the names in folders on the disk."""
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
