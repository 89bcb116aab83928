"""The channels that a station has joined, in the folder `station` of its data.

station/joined.json    the hosts, their channels, and this station's name in each
keys/station/…         the station's own key, and those of its officers
copies/NAME/           the copy of a channel, as a mirror keeps one
copies/NAME.staged     records that rang here and are under no signed head yet
"""

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from dragoman.eventlog import durable
from dragoman.eventlog.archive_format import Pinned

_FILE: Final = "station/joined.json"


class JoinedChannel(Struct, frozen=True, kw_only=True):
    """One shared channel: its name and cid, and the verifier key of its log.

    `actor` is this station's officer entry there. `witness` is the name of the side's
    witness in the channel's policy; empty if the station cosigns nothing.
    """

    name: str
    cid: str
    log: str
    actor: str
    witness: str = ""

    @property
    def pinned(self) -> Pinned:
        """The pins of the copy."""
        return Pinned(cid=self.cid, log=self.log)

    @property
    def side(self) -> str:
        """The side whose station this is."""
        return self.actor.partition("/")[0]


class JoinedHost(Struct, frozen=True, kw_only=True):
    """One host, and the channels there. `url` has no slash at its end."""

    url: Annotated[str, Meta(min_length=1)]
    channels: tuple[JoinedChannel, ...]


class JoinedHosts(Struct, frozen=True, kw_only=True):
    """All hosts of a station."""

    hosts: tuple[JoinedHost, ...] = ()

    def channels(self) -> dict[str, JoinedChannel]:
        """Return the channels by name."""
        return {channel.name: channel for host in self.hosts for channel in host.channels}


def read(data: Path) -> JoinedHosts:
    """Return the channels that the station of a data directory has joined."""
    path = data / _FILE
    return (
        msgspec.json.decode(path.read_bytes(), type=JoinedHosts) if path.exists() else JoinedHosts()
    )


def write(data: Path, joined: JoinedHosts) -> None:
    """Keep the joined channels, on the disk when this returns."""
    path = data / _FILE
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    durable.write(path, msgspec.json.format(msgspec.json.encode(joined), indent=2))


def paused_file(data: Path, channel: str) -> Path:
    """Return the file that lasts while nothing is sent to a channel's host."""
    return data / "station" / f"{channel}.paused"


def copy_folder(data: Path, channel: str) -> Path:
    """Return the folder of a channel's copy."""
    return data / "copies" / channel
