"""The removal of old backups, and of content that was erased since they were made."""

from collections.abc import Callable
from typing import Final

from dragoman.backup import backup_check, snapshots
from dragoman.backup.folder import BackupFolder
from dragoman.backup.manifest import BackupInvalid, Manifest
from dragoman.domain.record import nesting
from dragoman.stores import rosters
from dragoman.stores.files import File
from dragoman.stores.people import StoredPerson


def prune(folder: BackupFolder, keep: int) -> tuple[int, int, int]:
    """Remove all but the newest backups; return how many backups, pieces and files.

    Raises `BackupInvalid` if a manifest that stays is damaged: what belongs to it would
    not be known.
    """
    numbers = folder.numbers
    staying = [folder.read(number) for number in numbers[-keep:]]
    pieces = {digest for manifest in staying for digest in manifest.pieces.values()}
    files = {
        sha256
        for manifest in staying
        for sha256 in backup_check.kept_files(
            snapshots.decode(folder.piece(manifest.pieces["files"]))
        )
    }
    for number in numbers[:-keep]:
        folder.manifest_path(number).unlink()
    return len(numbers[:-keep]), *folder.remove_all_but(pieces, files)


def lingering(folder: BackupFolder, newest: Manifest) -> int:
    """Return the number of erased things that only older backups still have.

    They are people, rosters and files, which were erased before the newest backup.
    """
    gone = {part: _erased(folder, newest, part) for part in _IS_ERASED}
    still: set[str] = set()
    older: dict[tuple[str, str], None] = {}
    for number in folder.numbers:
        try:
            manifest = folder.read(number)
        except BackupInvalid:
            continue  # It is no backup any more, and `verify` says so.
        older |= {
            (part, manifest.pieces[part]): None for part in _IS_ERASED if part in manifest.pieces
        }
    for (part, digest), _ in older.items():
        try:
            values = snapshots.decode(folder.piece(digest))
        except BackupInvalid:
            continue
        still |= {
            f"{part}.{key}"
            for key in gone[part] & values.keys()
            if not _is_erased(part, values[key])
        }
    return len(still)


_IS_ERASED: Final[dict[str, Callable[[bytes], bool]]] = {
    "people": lambda value: nesting.decode(value, StoredPerson).erased,
    "rosters": rosters.is_removed,
    "files": lambda value: nesting.decode(value, File).erased,
}
"""Functions that say of a value whether it was erased, by the piece that has it."""


def _erased(folder: BackupFolder, manifest: Manifest, part: str) -> set[str]:
    if part not in manifest.pieces:
        return set()
    values = snapshots.decode(folder.piece(manifest.pieces[part]))
    return {key for key, value in values.items() if _is_erased(part, value)}


def _is_erased(part: str, value: bytes | None) -> bool:
    return value is not None and _IS_ERASED[part](value)
