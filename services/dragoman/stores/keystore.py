"""The keystore: private keys that a host stores for the sides of a trial channel.

They are files of 32-byte seeds, readable by their owner alone. A channel with keys here
says `custody: host` in its genesis and on every page. Its signatures depend on the
host's word.
"""

import secrets
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
        path = self._path(channel, owner)
        if not path.exists():
            write_secret(path, secrets.token_bytes(32))
        return dsse.public_of(path.read_bytes())

    def holds(self, channel: str, owner: str) -> bool:
        """Return whether the owner's key is in the keystore."""
        return self._path(channel, owner).exists()

    def seed(self, channel: str, owner: str) -> bytes:
        """Return the seed of an owner's key, to sign something other than an act."""
        return self._path(channel, owner).read_bytes()

    def sign(self, channel: str, owners: list[str], act: bytes) -> str:
        """Return the record's member `signatures`, by the keys of these owners."""
        signatures: dict[str, bytes] = {}
        for owner in owners:
            seed = self._path(channel, owner).read_bytes()
            signatures[dsse.key_id(dsse.public_of(seed))] = dsse.sign(seed, act)
        return dsse.write_signatures(signatures)

    def _path(self, channel: str, owner: str) -> Path:
        side, _, name = owner.partition("/")
        return self._folder / channel / side / f"{name}.seed"
