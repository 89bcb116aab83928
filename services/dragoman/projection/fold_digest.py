"""The digest of all that a projection's file is made by.

A file that another program made may have other rows, also where its tables are the
same: a release with other rules, other shapes or other time zones folds otherwise. So a
file carries the digest of the program that made it, and another digest is folded anew.
After a rollback, too, two gateways of one release have the same rows.
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

_PACKAGES: Final = ("domain", "tlog", "projection")
"""The packages below `dragoman` whose code makes the rows."""

_MODULES: Final = ("limits.py", "text.py")


@cache
def fold_digest() -> str:
    """Return the digest of rules, shapes, tables and time-zone data.

    It covers the source files of the shapes, the rules, the tree and the projection,
    and the versions of Python, msgspec and the time-zone data.
    """
    program, shapes = Path(dragoman.__file__).parent, Path(dragoman_schemas.__file__).parent
    digest = hashlib.sha256(
        f"dragoman-fold/v1\n{tzdata.IANA_VERSION}\n{msgspec.__version__}\n"
        f"{sys.version_info.major}.{sys.version_info.minor}\n".encode()
    )
    for root, files in (
        (shapes, shapes.rglob("*")),
        *((program, (program / package).rglob("*")) for package in _PACKAGES),
        (program, (program / module for module in _MODULES)),
    ):
        for file in sorted(files):
            if file.is_file() and file.suffix not in (".pyc", ".pyo"):
                name, content = str(file.relative_to(root)), file.read_bytes()
                digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()
