"""Commands of `dragoman station`: a side's own premises, from the invitation on.

    at the host      dragoman station invite > nato-china.invitation
    at the station   dragoman station join nato-china.invitation --as nato/station-1
                     dragoman station enter --channel nato-china
                     dragoman up --station

Both sides read the four words of the invitation to each other by telephone: whoever
changes it on the way changes them.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter
from msgspec import Meta, Struct

from dragoman import data_directory
from dragoman.cli.common import (
    EVERYWHERE,
    Target,
    UsageError,
    channel_of,
    connected,
    out,
    out_json,
    read_input,
    say,
    table,
)
from dragoman.cli.signature import Sign, post_signed, seed_of
from dragoman.domain.record import nesting
from dragoman.domain.record.codec import is_name
from dragoman.eventlog.archive import records_in
from dragoman.interop.check_words import check_words
from dragoman.station import joined_channels
from dragoman.station.joined_channels import JoinedChannel, JoinedHost, JoinedHosts
from dragoman.station.kept_key_signer import STATION_KEY, WITNESS_KEY
from dragoman.station.station import keys_of
from dragoman.tlog import dsse
from dragoman.tlog.note import COSIGNATURE, NotANote, Verifier, read_verifier

station = App(
    name="station", help="Invite stations to channels, join them, and keep keys of officers there."
)

_KIND: Final = "dragoman.invitation.v1"

Data = Annotated[Path, Parameter(env_var="DRAGOMAN_DATA", help="The station's data directory.")]
DATA: Final = Path("dragoman-data")


class InvitedChannel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel in an invitation: its name, its cid, its log's key, and its policy."""

    name: str
    cid: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    log: str
    policy: str = ""


class Invitation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The facts with which a station follows channels of one host, believing nobody."""

    kind: str
    host: Annotated[str, Meta(pattern=r"^https?://[^/\s]+$(?!\n)")]
    channels: Annotated[tuple[InvitedChannel, ...], Meta(min_length=1, max_length=1_200)]

    @property
    def words(self) -> str:
        """The four words that two sides read to each other."""
        return " ".join(check_words(hashlib.sha256(msgspec.json.encode(self)).hexdigest()))


@station.command
async def invite(
    *,
    host: Annotated[
        str, Parameter(help="The address of the host for stations, like https://liaison.example.")
    ],
    target: Target = EVERYWHERE,
) -> int:
    """Print an invitation to the channels of this token, or to --channel.

    It holds no secret. The four words go to standard error.
    """
    async with connected(target) as caller:
        names = (
            [target.channel]
            if target.channel
            else [
                channel["name"]
                for channel in (await caller.call("GET", "/v1/channels")).json()["channels"]
            ]
        )
        views = [await caller.channel(name) for name in names]
    invitation = Invitation(
        kind=_KIND,
        host=host.rstrip("/"),
        channels=tuple(
            InvitedChannel(name=view.name, cid=view.cid, log=view.log, policy=view.policy)
            for view in views
        ),
    )
    out(msgspec.json.encode(invitation).decode())
    say(f"read these words to the other side: {invitation.words}")
    return 0


@station.command
def join(
    file: Annotated[
        str, Parameter(allow_leading_hyphen=True, help="The invitation; - is standard input.")
    ],
    *,
    as_: Annotated[
        str, Parameter(name="--as", help="This station's officer entry, as SIDE/STATION.")
    ],
    witness: Annotated[
        str,
        Parameter(help="The name of your side's witness in the policy, if it is at the station."),
    ] = "",
    words: Annotated[
        str, Parameter(help="The four words that the other side read to you; compared with these.")
    ] = "",
    data: Data = DATA,
) -> int:
    """Join the channels of an invitation, and make this station's key if it has none.

    A channel that was joined before keeps its copy. The key is printed for the
    administrator who enters the station.
    """
    side, slash, name = as_.partition("/")
    if not slash or not is_name(side) or not is_name(name):
        raise UsageError(f"a station is written side/name, like nato/station-1, not {as_}")
    invitation = _read(read_input(file))
    if words and words.split() != invitation.words.split():
        raise UsageError(
            f"the words of this invitation are: {invitation.words}. If the other side reads "
            "others, somebody changed it on the way: ask for it again"
        )
    data_directory.adopt(data)
    if witness:
        keys_of(data).make(*WITNESS_KEY)
    joined = joined_channels.read(data)
    earlier = joined.channels()
    channels = tuple(
        JoinedChannel(
            name=channel.name, cid=channel.cid, log=channel.log, actor=as_, witness=witness
        )
        for channel in invitation.channels
    )
    for channel in channels:
        before = earlier.get(channel.name)
        if before is not None and (before.cid, before.log) != (channel.cid, channel.log):
            raise UsageError(
                f"this station has another channel {channel.name} already: one station cannot "
                "have two channels of one name"
            )
    names = {channel.name for channel in channels}
    hosts = [
        msgspec.structs.replace(
            host,
            channels=tuple(channel for channel in host.channels if channel.name not in names),
        )
        for host in joined.hosts
    ]
    same = [host for host in hosts if host.url == invitation.host]
    others = [host for host in hosts if host.url != invitation.host and host.channels]
    together = (*(channel for host in same for channel in host.channels), *channels)
    joined_channels.write(
        data, JoinedHosts(hosts=(*others, JoinedHost(url=invitation.host, channels=together)))
    )
    public = keys_of(data).make(*STATION_KEY)
    out(dsse.encode_base64(public))
    say(f"joined {', '.join(sorted(names))}; the words of the invitation: {invitation.words}")
    say("next: have an administrator enter it, with `dragoman station enter`; then")
    say(f"dragoman up --station --data {data}")
    return 0


def _read(raw: bytes) -> Invitation:
    """Return an invitation. Raises `UsageError`."""
    try:
        invitation = nesting.decode(raw, Invitation)
        for channel in invitation.channels:
            read_verifier(channel.log)
    except (msgspec.DecodeError, UnicodeDecodeError, NotANote) as error:
        raise UsageError(f"this is not the invitation of a host: {error}") from None
    if invitation.kind != _KIND:
        raise UsageError(f"this is an invitation of another kind, {invitation.kind}")
    return invitation


@station.command(name="witness-key")
def witness_key(
    name: Annotated[
        str,
        Parameter(help="The name of your side's witness, like nato.example/witness."),
    ],
    *,
    data: Data = DATA,
) -> int:
    """Print the verifier key of a witness at this station, for the channel's policy.

    The key is made if the station has none. With `join --witness`, the station cosigns
    each head that settled here, and pushes that to the host.
    """
    public = keys_of(data).make(*WITNESS_KEY)
    out(str(Verifier(name, COSIGNATURE, public)))
    return 0


@station.command
async def enter(
    *,
    office: Annotated[str, Parameter(help="The name of the office where the station is.")],
    sign: Sign = (),
    target: Target = EVERYWHERE,
) -> int:
    """Enter this station in a channel at its host, as an administrator of the side.

    Call it at the station with the administrator's token for the host. Where the sides
    keep their own keys, --sign has the administrator's. The station's key signs too.
    """
    channel = await _joined(target)
    seed = keys_of(target.data).seed(*STATION_KEY)
    body = {
        "act": "officer",
        "officer": channel.actor.partition("/")[2],
        "office": office,
        "roles": ["station"],
        "keys": [dsse.encode_base64(dsse.public_of(seed))],
    }
    recorded = await post_signed(target, body, [seed, *map(seed_of, sign)])
    if target.json:
        out_json(recorded)
    else:
        say(f"{channel.actor} is in office from position {recorded.position}")
    return 0


@station.command(name="keep-key")
async def keep_key(
    officer: Annotated[str, Parameter(help="The officer, as SIDE/OFFICER.")],
    *,
    sign: Sign = (),
    target: Target = EVERYWHERE,
) -> int:
    """Make a key that this station keeps for an officer, and enter it in a channel.

    The station then signs what the officer posts here. The log, pages and audits say
    so. Whoever administers the station can speak for such an officer.
    """
    channel = await _joined(target)
    keys = keys_of(target.data)
    keys.make(channel.name, officer)
    seed = keys.seed(channel.name, officer)
    body: dict[str, Any] = {
        "act": "key-addition",
        "officer": officer.partition("/")[2],
        "keys": [dsse.encode_base64(dsse.public_of(seed))],
        "kept_by": "station",
    }
    recorded = await post_signed(target, body, [seed, *map(seed_of, sign)])
    if target.json:
        out_json(recorded)
    else:
        say(f"this station signs for {officer} from position {recorded.position}")
    return 0


async def _joined(target: Target) -> JoinedChannel:
    """Return the joined channel that a target names. Raises `UsageError`."""
    async with connected(target) as caller:
        name = await channel_of(target, caller)
    channel = joined_channels.read(target.data).channels().get(name)
    if channel is None:
        raise UsageError(f"the station of {target.data} has not joined {name}: join it first")
    return channel


@station.command
def pause(
    channel: Annotated[str, Parameter(help="The channel.")],
    *,
    data: Data = DATA,
) -> int:
    """Let what is written here wait, and send nothing to the channel's host.

    Copies, alarms and the witness go on.
    """
    path = _pausing(channel, data)
    path.touch()
    say(f"nothing is sent to the host of {channel}; go on with `dragoman station resume {channel}`")
    return 0


@station.command
def resume(
    channel: Annotated[str, Parameter(help="The channel.")],
    *,
    data: Data = DATA,
) -> int:
    """Send to the channel's host again what waits here, after `station pause`."""
    _pausing(channel, data).unlink(missing_ok=True)
    say(f"what waits for the host of {channel} leaves now")
    return 0


def _pausing(channel: str, data: Path) -> Path:
    """Return the file that pauses a joined channel. Raises `UsageError`."""
    if channel not in joined_channels.read(data).channels():
        raise UsageError(f"the station of {data} has not joined {channel}; see `station list`")
    return joined_channels.paused_file(data, channel)


@station.command(name="list")
def list_(
    *,
    data: Data = DATA,
    json: Annotated[bool, Parameter(negative=(), help="Print JSON.")] = False,
) -> int:
    """List the channels that the station of a data directory has joined."""
    joined = joined_channels.read(data)
    if json:
        out_json(msgspec.to_builtins(joined))
        return 0
    rows = [
        [
            channel.name,
            host.url,
            channel.actor,
            str(records_in(joined_channels.copy_folder(data, channel.name))),
            channel.cid,
        ]
        for host in joined.hosts
        for channel in host.channels
    ]
    table(rows, ["CHANNEL", "HOST", "STATION", "RECORDS", "CID"])
    return 0
