"""The private keys that a host keeps for the sides of a trial channel.

Files of 32-byte seeds, readable by the owner alone. A channel whose keys are here says
`custody: host` in its genesis and on every page: its signatures rest on the host's
word.
"""

import secrets
from pathlib import Path

from dragoman.eventlog.broker import write_secret
from dragoman.tlog import dsse


class Custody:
    """Seeds under `<folder>/<channel>/<side>/<name>.seed`."""

    def __init__(self, folder: Path) -> None:
        """Keep the keys in that folder."""
        self._folder = folder

    def make(self, channel: str, owner: str) -> bytes:
        """Make the key of an owner, `side/name`, or find it; the public key."""
        path = self._path(channel, owner)
        if not path.exists():
            write_secret(path, secrets.token_bytes(32))
        return dsse.public_of(path.read_bytes())

    def holds(self, channel: str, owner: str) -> bool:
        """Return whether the owner's key is here."""
        return self._path(channel, owner).exists()

    def seed(self, channel: str, owner: str) -> bytes:
        """Return the seed of an owner's key, for who signs what is no act."""
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
