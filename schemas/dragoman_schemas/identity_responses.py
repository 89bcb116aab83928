"""Bodies about the identities of sides on a host, and all channels of a caller."""

from typing import Annotated

from msgspec import Meta, Raw

from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.fields import Name, Shape
from dragoman_schemas.responses import Entry, ResponseBody
from dragoman_schemas.watch_responses import Alarm

Cid = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
"""A channel's id: hex SHA-256 of its opening."""


class IdentityPair(Shape, frozen=True, kw_only=True):
    """A side of a channel. The channel is named by its cid."""

    channel: Cid
    side: Name


class IdentityEntry(Shape, frozen=True, kw_only=True):
    """The entry of an identity, whose bytes its side signs.

    Its canonical bytes have the members in this order, the pairs sorted by channel and
    side, and no spaces. Without pairs the identity is dissolved.
    """

    identity: Name
    pairs: Annotated[tuple[IdentityPair, ...], Meta(max_length=1200)]
    version: Annotated[int, Meta(ge=1, le=1_000_000)]


class NewIdentity(Shape, frozen=True, kw_only=True):
    """An identity to make or to change.

    `entry` has its canonical bytes. `signatures` are `keyid:base64` each: DSSE over the
    bytes, of the payload type `application/vnd.dragoman.identity.v1+json`. The operator
    needs none for trial channels.
    """

    entry: Raw
    signatures: Annotated[
        tuple[Annotated[str, Meta(max_length=20_000)], ...], Meta(max_length=64)
    ] = ()


class IdentityChannel(ResponseBody, frozen=True, kw_only=True):
    """A side of a channel in an identity. `name` is the channel's name on this host."""

    channel: str
    side: str
    name: str = ""


class IdentityView(ResponseBody, frozen=True, kw_only=True):
    """An identity of a side on this host, with the signatures that made its version."""

    identity: str
    version: int
    pairs: tuple[IdentityChannel, ...]
    changed: str
    signatures: tuple[str, ...] = ()


class IdentityLine(ResponseBody, frozen=True, kw_only=True):
    """An identity in a list: its name, its version, and its number of channels."""

    identity: str
    version: int
    sides: tuple[str, ...]
    channels: int
    changed: str


class IdentityList(ResponseBody, frozen=True, kw_only=True):
    """The identities that the caller may see."""

    identities: tuple[IdentityLine, ...]


class OwedItem(ResponseBody, frozen=True, kw_only=True):
    """One open deadline of the caller's side in one of the caller's channels.

    `rings` says that it is a message whose receipt is awaited, and that rings.
    `clock` is the deadline's name. `by` is the author of the message that started it.
    """

    channel: str
    exchange: str
    number: str
    act: str
    message: str
    message_act: str
    by: str
    precedence: Precedence
    clock: str
    side: str
    begins: str
    due: str
    binding: bool
    subject: Raw
    rings: bool = False
    late: bool = False
    exercise: bool = False


class OwedCount(ResponseBody, frozen=True, kw_only=True):
    """The number of deadlines that a side owes in a channel, and of those that ring."""

    channel: str
    owed: int
    ringing: int
    position: int
    live: bool


class HostInbox(ResponseBody, frozen=True, kw_only=True):
    """The open deadlines of the caller's side in all channels, the most urgent first.

    `ringing` and `owed` count all of them. `channels` has every channel that the caller
    may see, also those in which nothing is owed. `next` is the cursor of the following
    page.
    """

    items: tuple[OwedItem, ...]
    ringing: int
    owed: int
    channels: tuple[OwedCount, ...]
    as_of: str
    next: str = ""


class StreamRecord(ResponseBody, frozen=True, kw_only=True):
    """A record in the stream over all channels, with the name of its channel."""

    channel: str
    record: Entry


class StreamAlarm(ResponseBody, frozen=True, kw_only=True):
    """An alarm in the stream over all channels, with the name of its channel."""

    channel: str
    alarm: Alarm


class StreamChannels(ResponseBody, frozen=True, kw_only=True):
    """The position after which each channel goes on, at the beginning of a stream."""

    channels: dict[str, int]


class StreamChannel(ResponseBody, frozen=True, kw_only=True):
    """A channel that the officer has gained, or lost; then it has no position."""

    channel: str
    position: int | None = None


class StreamReset(ResponseBody, frozen=True, kw_only=True):
    """The cursor is unknown or has expired: the reader begins anew with the inbox."""

    reason: str
    do: str
