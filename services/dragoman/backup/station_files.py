"""The files of a station in a backup: what a restored one cannot get from its host.

    station/joined.json           the channels, their hosts, and the pins of each
    station/….json                what is kept beside it, such as files to fetch
    copies/NAME/restored-head     the newest signed head that had settled in a copy
    copies/NAME/times             the times at which the side's witness cosigned
    copies/NAME/handovers.json    the handovers of the log that the side has signed

The copies themselves are left out: they are fetched again. The newest head tells
whether the host still shows what was settled here. A witness at the station is held,
because it may have cosigned more since the backup than it remembers.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dragoman.eventlog import durable
from dragoman.eventlog.archive_format import COSIGNED, COVERING, HANDOVERS, RESTORED_HEAD
from dragoman.eventlog.cosign_times import TIMES
from dragoman.eventlog.kept_handovers import KeptHandovers
from dragoman.tlog import checkpoint
from dragoman.tlog.note import NotANote, Verifier, read_verifier

HELD: Final = "held"
"""The file beside a copy for which a witness cosigns nothing."""

_NAME: Final = r"[a-z0-9]+(-[a-z0-9]+)*"
_KEY: Final = re.compile(
    rf"station/[a-z0-9-]+\.json|copies/{_NAME}/({RESTORED_HEAD}|{TIMES}|{HELD}|{HANDOVERS})"
)
_HEADS: Final = ("sealed", COVERING, COSIGNED, RESTORED_HEAD)


def read(data: Path, logs: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files of a station, by their path in its data directory.

    `logs` are the verifier keys of the joined logs by channel.
    """
    files = {f"station/{path.name}": path.read_bytes() for path in data.glob("station/*.json")}
    for channel, log in logs.items():
        folder, place = data / "copies" / channel, f"copies/{channel}"
        verifier = KeptHandovers(folder).of(read_verifier(log))
        if (folder / HANDOVERS).exists():
            files[f"{place}/{HANDOVERS}"] = (folder / HANDOVERS).read_bytes()
        heads = [path.read_bytes() for name in _HEADS if (path := folder / name).exists()]
        newest = max(heads, key=lambda note: _size(note, verifier), default=None)
        if newest is not None:
            files[f"{place}/{RESTORED_HEAD}"] = newest
        if (folder / COSIGNED).exists():
            files[f"{place}/{HELD}"] = b""
            files[f"{place}/{TIMES}"] = (folder / TIMES).read_bytes()
    return files


def _size(note: bytes, log: Verifier) -> int:
    try:
        return checkpoint.read_signed(note, log)[0].size
    except NotANote:
        return 0


def is_key(key: str) -> bool:
    """Return whether a key of the snapshot is a path that a station has."""
    return _KEY.fullmatch(key) is not None


def write(data: Path, files: Mapping[str, bytes | None]) -> None:
    """Write the files into a new data directory."""
    for key, content in files.items():
        if content is not None:
            path = data / key
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            durable.write(path, content)
