"""The digest of all that a projection's file is made by.

A file that another program made may have other rows, also where its tables are the
same: a release with other rules, other shapes or other time zones folds otherwise. So a
file carries the digest of the program that made it, and another digest is folded anew.
After a rollback, too, two gateways of one release have the same rows.

Programs may differ in rows, and never in the meaning of the records. Where they do, the
channel is read-only: `JudgedOtherwise`.
"""

import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import tzdata  # type: ignore[import-untyped]

import dragoman
import dragoman_schemas
from dragoman.text import TextError, sentence

_PACKAGES: Final = ("domain", "tlog", "projection")
"""The packages below `dragoman` whose code makes the rows."""

_MODULES: Final = ("limits.py", "text.py")


class JudgedOtherwise(TextError):
    """An error: a program gave the records up to a position another meaning before.

    `release` names that program. `now` and `before` are the numbers of void records.
    """

    def __init__(self, channel: str, position: int, release: str, *, now: int, before: int) -> None:
        """Name the channel, the position and the release to go back to."""
        self.position, self.release = position, release
        super().__init__(
            sentence(
                "this release gives the records of %(channel)s up to position %(position)s "
                "another meaning than release %(release)s did (%(now)s of them are void now, and "
                "%(before)s were): go back to that release",
                channel=channel,
                position=position,
                release=release,
                now=now,
                before=before,
            )
        )


def fold_digest() -> str:
    """Return the digest of rules, shapes, tables and time-zone data."""
    return program_digest(_PACKAGES)


@cache
def program_digest(packages: tuple[str, ...]) -> str:
    """Return the digest of the shapes, of some packages and of time-zone data.

    It covers the source files, and the versions of Python, msgspec and the time-zone
    data.
    """
    program, shapes = Path(dragoman.__file__).parent, Path(dragoman_schemas.__file__).parent
    digest = hashlib.sha256(
        f"dragoman-fold/v1\n{tzdata.IANA_VERSION}\n{msgspec.__version__}\n"
        f"{sys.version_info.major}.{sys.version_info.minor}\n".encode()
    )
    for root, files in (
        (shapes, shapes.rglob("*")),
        *((program, (program / package).rglob("*")) for package in packages),
        (program, (program / module for module in _MODULES)),
    ):
        for file in sorted(files):
            if file.is_file() and file.suffix not in (".pyc", ".pyo"):
                name, content = str(file.relative_to(root)), file.read_bytes()
                digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()
