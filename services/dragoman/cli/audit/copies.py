"""The copies of a log that a command is given: an export, or the folder that a mirror keeps."""

from pathlib import Path

from dragoman.cli.common import UsageError, say
from dragoman.eventlog.archive import Archive

_KEPT = ("records", "leaves", "offsets", "sealed", "pinned.json")


def there(file: Path) -> Path:
    """Return a file or folder that is named, if it is there. Raises `UsageError`."""
    if not file.exists():
        raise UsageError(f"{file}: there is no such file or folder")
    return file


def archive_in(folder: Path) -> Archive:
    """Open the copy in a mirror's folder; none is begun. Raises `UsageError`, and what an archive raises."""
    if not any((folder / name).exists() for name in _KEPT):
        raise UsageError(
            f"{folder} is no mirror's folder: name the one that `dragoman audit mirror` keeps"
        )
    archive = Archive(folder)
    for notice in archive.notices:
        say(f"{folder}: {notice}")
    return archive
