"""The channel's own family: genesis, officers, keys, adoptions and deliveries."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from dragoman_schemas.act_frame import Act
from dragoman_schemas.fields import (
    FUTURE,
    Base64Of32,
    ClockTime,
    Hex32,
    Id,
    Language,
    Line,
    MediaType,
    Name,
    Shape,
    Side,
    Text,
    Timestamp,
    Words,
    Zone,
    of_kind,
    with_facts,
)

Kind = Literal["official", "track2", "exercise", "desk"]
Role = Literal["officer", "duty_officer", "head_of_office", "auditor", "administrator", "station"]
Family = Literal["contact", "meeting", "notification", "dialogue", "channel", "desk"]


RulesNumber = Annotated[int, Meta(ge=1, le=9_999)]
"""A version of the rules."""


class GenesisSide(Shape, frozen=True, kw_only=True):
    """A party at the opening: its root keys, and how many of them must sign.

    `next_roots` is a hash of its next root keys. An `observer`, such as a secretariat,
    owes nothing and consents to nothing.
    """

    name: Name
    roots: Annotated[tuple[Base64Of32, ...], Meta(min_length=1, max_length=16)]
    threshold: Annotated[int, Meta(ge=1, le=16)]
    next_roots: Hex32 | UnsetType = UNSET
    observer: bool | UnsetType = UNSET


class LiveChannel(Shape, frozen=True, kw_only=True):
    """The live channel to which an exercise is bound."""

    name: Name
    cid: Hex32


class Predecessor(Shape, frozen=True, kw_only=True):
    """An earlier channel that this one goes on from, at a head of its log.

    It is a tree size in leaves, and the root at that size.
    """

    cid: Hex32
    size: Annotated[int, Meta(ge=1)]
    root: Base64Of32


class Successor(Shape, frozen=True, kw_only=True):
    """The channel in which the sides go on, by its name, and its id once it is open."""

    name: Name
    cid: Hex32 | UnsetType = UNSET


class ChannelOpening(Act, frozen=True, kw_only=True, tag="channel-opening"):
    """Position 1 of every log: the sides, their keys, and the rules.

    See `docs/spec/record.md`, section 9. `file_types` are the types of files that acts
    may attach. Without it they are all types. An empty list takes no files.
    `arrangement` is the text to which the sides agree by signing the opening: the force
    of a receipt, the language that prevails, who keeps what, and how the channel ends.
    `continues` names an earlier channel from which this one goes on.
    """

    type: Literal["dragoman.channel-opening.v1"]
    name: Name
    kind: Kind
    sides: Annotated[tuple[GenesisSide, ...], Meta(min_length=1, max_length=64)]
    witnesses: Annotated[tuple[Line, ...], Meta(max_length=64)] | UnsetType = UNSET
    policy: Text | UnsetType = UNSET
    log_key: Base64Of32
    origin: Line
    languages: Annotated[tuple[Language, ...], Meta(min_length=1, max_length=20)]
    profiles: Annotated[tuple[Name, ...], Meta(max_length=20)] | UnsetType = UNSET
    marking: Line | UnsetType = UNSET
    required_signatures: Annotated[tuple[Family, ...], Meta(max_length=6)] | UnsetType = UNSET
    file_types: Annotated[tuple[MediaType, ...], Meta(max_length=10)] | UnsetType = UNSET
    rules: RulesNumber
    exercise_of: LiveChannel | UnsetType = UNSET
    custody: Literal["host"] | UnsetType = UNSET
    arrangement: Words | UnsetType = UNSET
    continues: Predecessor | UnsetType = UNSET
    nonce: Hex32


class Officer(Act, frozen=True, kw_only=True, tag="officer"):
    """A person at a side's office, with the keys of that person.

    The name is a name of the office and never the person's own. `kept_by` says that
    the side's station keeps the private parts of these keys, and signs for the officer.
    """

    officer: Name
    office: Name
    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=5)]
    keys: Annotated[tuple[Base64Of32, ...], Meta(min_length=1, max_length=8)] | UnsetType = UNSET
    kept_by: Literal["station"] | UnsetType = UNSET


class OfficerRevocation(Act, frozen=True, kw_only=True, tag="officer-revocation"):
    """From this record on the officer may do nothing more in the channel."""

    officer: Name
    reason: Words | UnsetType = UNSET


class KeyAddition(Act, frozen=True, kw_only=True, tag="key-addition"):
    """Further keys of an officer.

    Each of them signs the act as well, so that nobody enters another person's key.
    `kept_by` says that the side's station keeps their private parts.
    """

    officer: Name
    keys: Annotated[tuple[Base64Of32, ...], Meta(min_length=1, max_length=8)]
    kept_by: Literal["station"] | UnsetType = UNSET


class KeyRevocation(Act, frozen=True, kw_only=True, tag="key-revocation"):
    """From this record on the key of that id may sign nothing more in the channel.

    It does not return. What it signed from the position `suspect_from` on may be
    somebody else's: it stays valid, and is disputed.
    """

    key: Hex32
    suspect_from: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    reason: Words | UnsetType = UNSET


class RootRotation(Act, frozen=True, kw_only=True, tag="root-rotation"):
    """A side's root keys from now on, all of them.

    A threshold of the old keys and of the new ones signs it. `next_roots` commits to
    the keys that come after these. Therefore a thief of root keys cannot replace them
    by own keys. See `docs/spec/record.md`, section 14.6.
    """

    roots: Annotated[tuple[Base64Of32, ...], Meta(min_length=1, max_length=16)]
    threshold: Annotated[int, Meta(ge=1, le=16)] = 1
    next_roots: Hex32 | UnsetType = UNSET


class SideAdmission(Act, frozen=True, kw_only=True, tag="side-admission"):
    """A further side, by the consent of all others; it reads the whole log.

    It is signed by its own roots, and by root or an administrator of every side.
    """

    side: GenesisSide


class ChannelEnd(Act, frozen=True, kw_only=True, tag="channel-end"):
    """The end of the channel, by the consent of all sides.

    Root or an administrator of every side signs it. Afterwards nothing is owed. Only
    erasures are recorded, and the changes of a side's officers and keys.
    """

    reason: Words
    successor: Successor | UnsetType = UNSET


class LogHandover(Act, frozen=True, kw_only=True, tag="log-handover"):
    """Another key signs the log's heads from this record on, here or at another host.

    Root or an administrator of every side signs it. `epoch` counts the handovers of the
    channel from 1. `key` is the new key, and `host_url` the address of the host. With
    `cut`, it follows the last record that its author has seen: what the old host
    recorded beyond that is not of this channel.
    """

    epoch: Annotated[int, Meta(ge=1, le=1_000)]
    key: Base64Of32
    cut: bool | UnsetType = UNSET
    host_url: Line | UnsetType = UNSET
    reason: Words | UnsetType = UNSET


class ErasedRecord(Shape, frozen=True, kw_only=True, gc=False):
    """The rest of an erased record: all that the fold still needs, and no text."""

    position: Annotated[int, Meta(ge=2)]
    commit: Hex32
    id: Id
    type: Annotated[str, Meta(max_length=90)]
    subject: Id
    time: Annotated[str, Meta(max_length=24)]
    actor: Annotated[str, Meta(max_length=127)]
    void: bool = False


class Erasure(Act, frozen=True, kw_only=True, tag="erasure"):
    """Whole exchanges are erased: their texts may be forgotten, their existence is not.

    It names every record of each exchange, in the order of the log. Root or an
    administrator of every side signs it (`docs/spec/record.md`, section 14.9). In a
    trial the host signs for the sides that have consented. Their reasons are then in
    the consents, and the erasure has no reason of its own.
    """

    records: Annotated[tuple[ErasedRecord, ...], Meta(min_length=1, max_length=500)]
    reason: Words | UnsetType = UNSET


class ErasureConsent(Act, frozen=True, kw_only=True, tag="erasure-consent"):
    """A side's consent to an erasure that is not recorded yet.

    It names the same records. A later record in one of the exchanges makes it another
    erasure. With these consents the host of a trial signs the erasure for the sides.
    Where the sides keep their own keys, each side signs the erasure itself. `withdrawn`
    takes a consent back that has not led to an erasure yet.
    """

    records: Annotated[tuple[ErasedRecord, ...], Meta(min_length=1, max_length=500)]
    reason: Words | UnsetType = UNSET
    withdrawn: bool | UnsetType = UNSET


class Delivery(Act, frozen=True, kw_only=True, tag="delivery"):
    """Everything up to that position has reached an open console of the side.

    The side's own station records it, with its signature. For a side without one the
    host's gateway does.
    """

    side: Side
    upto: Annotated[int, Meta(ge=1)]


class BrokerOutage(Act, frozen=True, kw_only=True, tag="broker-outage"):
    """In this time nothing could be recorded or received through a gateway.

    The gateway reports it once it is over. `cause` is the broker, where the connection
    to it was down or its durability could not be proved. Otherwise it is the gateway
    itself.
    """

    from_: Timestamp = field(name="from")
    to: Annotated[Timestamp, with_facts(begins="from")]
    cause: Literal["broker", "gateway"]


class LineOutage(Act, frozen=True, kw_only=True, tag="line-outage"):
    """In this time a side's station had no line to the host.

    The station reports it with its signature, once the line is back.
    """

    from_: Timestamp = field(name="from")
    to: Annotated[Timestamp, with_facts(begins="from")]


class LineChecks(Shape, frozen=True, kw_only=True):
    """The schedule of line checks.

    It has the times of every day, the sending side, and the beginning.
    """

    at: Annotated[tuple[ClockTime, ...], Meta(min_length=1, max_length=48)]
    zone: Zone
    sent_by: Name | Literal["alternating"]
    from_: Annotated[Timestamp, FUTURE] | UnsetType = field(name="from", default=UNSET)


class ProfileAdoption(Act, frozen=True, kw_only=True, tag="profile-adoption"):
    """One side's adoption of a profile of limits.

    The limits bind once every side has adopted the same profile.
    """

    profile: Literal["default", "vienna", "shanghai"]
    line_check: LineChecks | UnsetType = UNSET


class CodebookAdoption(Act, frozen=True, kw_only=True, tag="codebook-adoption"):
    """One side's adoption of a version of a codebook of coded messages."""

    codebook: Name
    version: Annotated[int, Meta(ge=1, le=1_000_000)]


class PolicyAdoption(Act, frozen=True, kw_only=True, tag="policy-adoption"):
    """One side's adoption of a policy of witnesses.

    What is under a head is final once the policy's witnesses have cosigned it. The
    policy is a C2SP tlog-policy whose log is this one. It has a group or a witness of
    each side's name. It is in force once every side has adopted the same.
    """

    policy: Annotated[Text, with_facts(code=True)]


class RulesAdoption(Act, frozen=True, kw_only=True, tag="rules-adoption"):
    """One side's adoption of a version of the rules.

    A version is in force once every side has adopted the same one. A reader that lacks
    it reads up to there and no further. `release` is the first release that has it, for
    the reader's operator. The version in force takes an adoption back that is not in
    force yet.
    """

    rules: RulesNumber
    release: Line | UnsetType = UNSET


class OnwardEntry(Shape, frozen=True, kw_only=True):
    """The posts to which a side passes one format on, and the time that it leaves them.

    `before_min` is the number of minutes before the window opens. By default it is that
    of the profile.
    """

    format: Annotated[Name, of_kind("format")]
    posts: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=30)]
    before_min: Annotated[int, Meta(ge=1, le=20_160)] | UnsetType = UNSET


class OnwardAdoption(Act, frozen=True, kw_only=True, tag="onward-adoption"):
    """One side's onward list: whom it tells of which messages that it receives.

    It replaces the side's list before. An empty list ends it. Posts are kinds of posts,
    such as early warning. Names of units stay on the side's own desk.
    """

    entries: Annotated[tuple[OnwardEntry, ...], Meta(max_length=40)]


class ChannelStatus(Act, frozen=True, kw_only=True, tag="channel-status"):
    """N21: the status of the channel from now on.

    A suspension blocks nothing. Messages that are sent meanwhile are marked.
    """

    status: Literal["in_force", "degraded", "suspended", "resumed"]
    reason: Words | UnsetType = UNSET


class WatchAssumption(Act, frozen=True, kw_only=True, tag="watch-assumption"):
    """A duty officer takes the watch of the side."""


class WatchRelief(Act, frozen=True, kw_only=True, tag="watch-relief"):
    """The watch is handed over, or ends; `to` is the officer who takes it.

    The turn-over note is generated from the log, and is not repeated here. A `note` is
    what an officer adds for both sides to read.
    """

    to: Side | UnsetType = UNSET
    note: Words | UnsetType = UNSET
