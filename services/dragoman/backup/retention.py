"""The removal of old backups, and of content that was erased since they were made."""

from dragoman.backup import backup_check, snapshots
from dragoman.backup.folder import BackupFolder
from dragoman.backup.manifest import BackupInvalid, Manifest
from dragoman.domain.record import nesting
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
    """Return the number of people and files that only older backups still have.

    They were erased before the newest backup.
    """
    people = _erased(folder, newest, "people", StoredPerson)
    files = _erased(folder, newest, "files", File)
    still: set[str] = set()
    older: dict[tuple[str, str], None] = {}
    for number in folder.numbers:
        try:
            manifest = folder.read(number)
        except BackupInvalid:
            continue  # It is no backup any more, and `verify` says so.
        older |= {(part, manifest.pieces[part]): None for part in ("people", "files")}
    for (part, digest), _ in older.items():
        try:
            values = snapshots.decode(folder.piece(digest))
        except BackupInvalid:
            continue
        erased, kind = (people, StoredPerson) if part == "people" else (files, File)
        still |= {
            f"{part}.{key}" for key in erased & values.keys() if not _is_erased(values[key], kind)
        }
    return len(still)


def _erased(
    folder: BackupFolder, manifest: Manifest, part: str, kind: type[StoredPerson] | type[File]
) -> set[str]:
    values = snapshots.decode(folder.piece(manifest.pieces[part]))
    return {key for key, value in values.items() if _is_erased(value, kind)}


def _is_erased(value: bytes | None, kind: type[StoredPerson] | type[File]) -> bool:
    return value is not None and nesting.decode(value, kind).erased
