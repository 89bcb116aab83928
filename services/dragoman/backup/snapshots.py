r"""The snapshot of a store beside the logs: its keys, and the newest value of each.

    {"key":"token.5e…","value":"{\"id\":\"5e…\",…}"}
    {"key":"token.77…"}                                  a key that was deleted

There is a line for each key, sorted. A deleted key is kept too: a token that was
revoked must not be issued again by the file `operator.token`.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from dragoman.backup.manifest import BackupInvalid
from dragoman.domain.record import nesting

Snapshot = Mapping[str, bytes | None]
"""The newest value of each key; None for a key that was deleted."""


class _Line(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    key: str
    value: str | None = None


def encode(snapshot: Snapshot) -> bytes:
    """Return the lines of a snapshot."""
    return b"".join(
        msgspec.json.encode(_Line(key, None if value is None else value.decode())) + b"\n"
        for key, value in sorted(snapshot.items())
    )


def decode(raw: bytes) -> dict[str, bytes | None]:
    """Return a snapshot from its lines. Raises `BackupInvalid`."""
    try:
        lines = [nesting.decode(line, _Line) for line in raw.splitlines()]
    except msgspec.MsgspecError as error:
        raise BackupInvalid(f"a snapshot cannot be read: {error}") from None
    return {line.key: None if line.value is None else line.value.encode() for line in lines}
