"""Copies of a log that a command names: an export or a mirror's folder."""

from pathlib import Path

from dragoman.cli.common import UsageError, say
from dragoman.eventlog.archive import Archive, EarlierCheck

_KEPT = ("records", "leaves", "offsets", "sealed", "pinned.json")


def existing_path(file: Path) -> Path:
    """Return a named file or folder. Raises `UsageError` if it does not exist."""
    if not file.exists():
        raise UsageError(f"{file}: there is no such file or folder")
    return file


def archive_in(folder: Path, earlier: EarlierCheck | None = None) -> Archive:
    """Open the copy in a mirror's folder; no new one is begun.

    Records that are as in an `earlier` check are not checked one by one.

    Raises `UsageError`, and the errors of an archive.
    """
    if not any((folder / name).exists() for name in _KEPT):
        raise UsageError(
            f"{folder} is not a mirror's folder: name the folder of `dragoman audit mirror`"
        )
    archive = Archive(folder, earlier=earlier)
    for notice in archive.notices:
        say(f"{folder}: {notice}")
    return archive
