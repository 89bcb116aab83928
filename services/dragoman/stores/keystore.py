"""The keystore: private keys that a host stores for the sides of a trial channel.

They are files of 32-byte seeds, readable by their owner alone. A channel with keys here
says `custody: host` in its genesis and on every page. Its signatures depend on the
host's word.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path

from dragoman.eventlog.broker import write_secret
from dragoman.tlog import dsse


class Keystore:
    """Seeds in files `<folder>/<channel>/<side>/<name>.seed`."""

    def __init__(self, folder: Path) -> None:
        """Store the keys in that folder."""
        self._folder = folder

    def make(self, channel: str, owner: str) -> bytes:
        """Return the public key of an owner, `side/name`; create the key if needed."""
        self.keep(channel, {owner: self.prepared(channel, owner)})
        return dsse.public_of(self.seed(channel, owner))

    def prepared(self, channel: str, owner: str) -> bytes:
        """Return the seed of an owner's key, or a new one that is not stored yet."""
        path = self._path(channel, owner)
        return path.read_bytes() if path.exists() else secrets.token_bytes(32)

    def keep(self, channel: str, seeds: Mapping[str, bytes]) -> None:
        """Store the seeds of owners who have none here."""
        for owner, seed in seeds.items():
            path = self._path(channel, owner)
            if not path.exists():
                write_secret(path, seed)

    def has_channel(self, channel: str) -> bool:
        """Return whether any key of a channel is in the keystore."""
        return (self._folder / channel).is_dir()

    def public(self, channel: str, owner: str) -> bytes | None:
        """Return the public key of an owner; None if the key is not in the keystore."""
        path = self._path(channel, owner)
        return dsse.public_of(path.read_bytes()) if path.exists() else None

    def path(self, channel: str, owner: str) -> Path:
        """Return the file of an owner's key, to name it in an error."""
        return self._path(channel, owner)

    def holds(self, channel: str, owner: str) -> bool:
        """Return whether the owner's key is in the keystore."""
        return self._path(channel, owner).exists()

    def seed(self, channel: str, owner: str) -> bytes:
        """Return the seed of an owner's key, to sign something other than an act."""
        return self._path(channel, owner).read_bytes()

    def seeds(self, channel: str, side: str) -> list[bytes]:
        """Return all seeds of a side, the first one that was made first."""
        paths = (self._folder / channel / side).glob("*.seed")
        return [path.read_bytes() for path in sorted(paths, key=lambda path: path.stem)]

    def sign(
        self, channel: str, owners: list[str], act: bytes, new: Mapping[str, bytes] | None = None
    ) -> str:
        """Return the record's member `signatures`, by the keys of these owners.

        `new` has the seeds that are not stored yet, by owner.
        """
        signatures: dict[str, bytes] = {}
        for owner in owners:
            seed = (new or {}).get(owner) or self._path(channel, owner).read_bytes()
            signatures[dsse.key_id(dsse.public_of(seed))] = dsse.sign(seed, act)
        return dsse.write_signatures(signatures)

    def _path(self, channel: str, owner: str) -> Path:
        side, _, name = owner.partition("/")
        return self._folder / channel / side / f"{name}.seed"
