"""The manifest of one finished backup.

    {"format":1,"number":3,"begun":"2026-11-28T20:26:48Z",…,
     "channels":[{"name":"nato-china","cid":"9f…","log":"liaison…+f2…",
                  "records":1200,"root":"07…"}],
     "pieces":{"access":"5a…","files":"c1…","heads":"e8…",…},
     "keys":{"content":"77…","recipients":["age1…"]},
     "digest":"b4…"}

A manifest is written last, by rename, so a backup without one was not finished. Every
file of the backup follows from it:

- `pieces` names files by the SHA-256 of their content.
- The piece `files` lists the files that officers uploaded. Their names are their
  SHA-256 as well.
- A log is an archive (`dragoman.eventlog.archive`). `root` is the Merkle root of its
  first `records` records, so it is the SHA-256 of all of them.

`digest` is the SHA-256 of the manifest with an empty digest. It shows a damage, and not
who wrote the manifest: whoever can write the folder can make another one. So the names
here are checked before any of them becomes a path.
"""

import hashlib
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.record import nesting
from dragoman_schemas.fields import Hex32, Name

FORMAT: Final = 1


class BackupError(Exception):
    """A backup or a restoration that cannot be carried out.

    The message says what to do.
    """


class BackupInvalid(Exception):
    """A backup that does not verify. The message names the first fault."""


class ChannelCopy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel's log in a backup: its length, and the root over its records.

    `cid` and `log` come from the genesis; they are empty for a log without one.
    `erasures` are the positions of the erasures in it.
    """

    name: Name
    cid: str = ""
    log: str = ""
    records: int
    root: str
    erasures: tuple[int, ...] = ()


class SealedKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys in a backup: the digest of what was sealed, and the `age` recipients.

    The digest gives nothing away, because each key has 32 random bytes.
    """

    content: str
    recipients: tuple[str, ...]


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a manifest.

    `place` is the place file of the data directory (`dragoman.data_directory`).
    """

    format: int
    number: int
    begun: str
    ended: str
    release: str
    place: str
    channels: tuple[ChannelCopy, ...]
    pieces: dict[Name, Hex32]
    keys: SealedKeys | None = None
    digest: str = ""


def encode(manifest: Manifest) -> bytes:
    """Return the bytes of a manifest, with its digest."""
    digest = hashlib.sha256(_json(replace(manifest, digest=""))).hexdigest()
    return _json(replace(manifest, digest=digest))


def decode(raw: bytes) -> Manifest:
    """Return a manifest from its bytes. Raises `BackupInvalid`."""
    try:
        version = nesting.decode(raw, _Version).format
        if version != FORMAT:
            raise BackupInvalid(
                f"it has the format {version}, and this release reads {FORMAT}: "
                "take the release that wrote it, or a newer one"
            )
        manifest = nesting.decode(raw, Manifest)
    except msgspec.MsgspecError as error:
        raise BackupInvalid(f"it is not a manifest: {error}") from None
    if encode(manifest) != raw:
        raise BackupInvalid("its digest is not that of its content: it was changed")
    return manifest


def check_digest(manifest: Manifest, expected: str) -> None:
    """Raise `BackupInvalid` unless a manifest is the one that somebody noted."""
    if manifest.digest != expected:
        raise BackupInvalid(
            f"backup {manifest.number} has the digest {manifest.digest}, and not {expected}: it is "
            "another backup than the one whose digest was noted"
        )


class _Version(Struct):
    format: int


def _json(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1) + b"\n"
