"""The channel's own family: its genesis, its officers, and what was delivered to whom."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from dragoman_schemas.act_frame import Act
from dragoman_schemas.fields import (
    Base64Of32,
    ClockTime,
    Hex32,
    Id,
    Language,
    Line,
    Name,
    Shape,
    Text,
    Timestamp,
    Words,
    Zone,
)

Kind = Literal["official", "track2", "exercise", "desk"]
Role = Literal["officer", "duty_officer", "head_of_office", "auditor", "administrator"]
Family = Literal["contact", "meeting", "notification", "dialogue", "channel", "desk"]


class GenesisSide(Shape, frozen=True, kw_only=True):
    """A party at the opening: its root keys, how many of them must sign, and a hash of the next ones."""

    name: Name
    roots: Annotated[tuple[Base64Of32, ...], Meta(min_length=1, max_length=16)]
    threshold: Annotated[int, Meta(ge=1, le=16)]
    next_roots: Hex32 | UnsetType = UNSET


class LiveChannel(Shape, frozen=True, kw_only=True):
    """The live channel to which an exercise is bound."""

    name: Name
    cid: Hex32


class ChannelOpening(Act, frozen=True, kw_only=True, tag="channel-opening"):
    """Position 1 of every log: who the sides are, by which keys, under which rules (record.md §5)."""

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
    rules: Literal[1]
    exercise_of: LiveChannel | UnsetType = UNSET
    custody: Literal["host"] | UnsetType = UNSET
    nonce: Hex32


class Officer(Act, frozen=True, kw_only=True, tag="officer"):
    """A person at a side's office, by a name of office and never their own; with the keys that are theirs."""

    officer: Name
    office: Name
    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=5)]
    keys: Annotated[tuple[Base64Of32, ...], Meta(min_length=1, max_length=8)] | UnsetType = UNSET


class OfficerRevocation(Act, frozen=True, kw_only=True, tag="officer-revocation"):
    """From this record on the officer may do nothing more here."""

    officer: Name
    reason: Text | UnsetType = UNSET


class KeyAddition(Act, frozen=True, kw_only=True, tag="key-addition"):
    """Further keys of an officer. Each of them signs the act as well, so that nobody enters another's."""

    officer: Name
    keys: Annotated[tuple[Base64Of32, ...], Meta(min_length=1, max_length=8)]


class KeyRevocation(Act, frozen=True, kw_only=True, tag="key-revocation"):
    """From this record on the key of that id signs nothing more here, and does not return.

    What it signed from the position `suspect_from` on may be somebody else's: it stays
    valid, and is disputed.
    """

    key: Hex32
    suspect_from: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    reason: Text | UnsetType = UNSET


class RootRotation(Act, frozen=True, kw_only=True, tag="root-rotation"):
    """A side's root keys from now on, all of them. Signed by a threshold of the old ones and of the new.

    `next_roots` commits to those that come after these, so that who steals root keys
    cannot replace them by keys of their own (record.md §5).
    """

    roots: Annotated[tuple[Base64Of32, ...], Meta(min_length=1, max_length=16)]
    threshold: Annotated[int, Meta(ge=1, le=16)] = 1
    next_roots: Hex32 | UnsetType = UNSET


class SideAdmission(Act, frozen=True, kw_only=True, tag="side-admission"):
    """A further side, by the consent of all others: it reads the whole log. Signed by its own roots, and by root or an administrator of every side."""

    side: GenesisSide


class ErasedRecord(Shape, frozen=True, kw_only=True, gc=False):
    """What is left of a record: all that the fold still needs to know of it, and nothing that it said."""

    position: Annotated[int, Meta(ge=2)]
    commit: Hex32
    id: Id
    type: Annotated[str, Meta(max_length=90)]
    subject: Id
    time: Annotated[str, Meta(max_length=24)]
    actor: Annotated[str, Meta(max_length=127)]
    void: bool = False


class Erasure(Act, frozen=True, kw_only=True, tag="erasure"):
    """Whole exchanges are taken out of the record: what was said in them may be forgotten, that something was said is not.

    Names every record of each exchange, in the order of the log. Signed by root or an
    administrator of every side (record.md §7). In a trial, where the host signs for the
    sides that have consented, their reasons stand in the consents, and it has none of
    its own.
    """

    records: Annotated[tuple[ErasedRecord, ...], Meta(min_length=1, max_length=500)]
    reason: Text | UnsetType = UNSET


class ErasureConsent(Act, frozen=True, kw_only=True, tag="erasure-consent"):
    """A side's yes to an erasure before it is recorded: names the same records. Whatever is said in one of the exchanges since makes it another one.

    A trial's host signs an erasure for the sides that have consented so. Where the
    sides keep their own keys each signs the erasure itself. `withdrawn` takes a consent
    back that nothing has come of yet.
    """

    records: Annotated[tuple[ErasedRecord, ...], Meta(min_length=1, max_length=500)]
    reason: Text | UnsetType = UNSET
    withdrawn: bool | UnsetType = UNSET


class Delivery(Act, frozen=True, kw_only=True, tag="delivery"):
    """Everything up to that position has reached a station of the side; recorded by the gateway."""

    side: Name
    upto: Annotated[int, Meta(ge=1)]


class BrokerOutage(Act, frozen=True, kw_only=True, tag="broker-outage"):
    """From then until then nothing could be recorded or heard through a gateway. It says so once it is over, and whose fault it was.

    `cause` is the broker, where the connection to it was down or its durability could
    not be proved; else the gateway itself.
    """

    from_: Timestamp = field(name="from")
    to: Timestamp
    cause: Literal["broker", "gateway"]


class LineChecks(Shape, frozen=True, kw_only=True):
    """When the watch checks the line, every day, for which side, and from when on."""

    at: Annotated[tuple[ClockTime, ...], Meta(min_length=1, max_length=48)]
    zone: Zone
    sent_by: Name | Literal["alternating"]
    from_: Timestamp | UnsetType = field(name="from", default=UNSET)


class ProfileAdoption(Act, frozen=True, kw_only=True, tag="profile-adoption"):
    """This side adopts a profile of limits. They bind when every side has adopted the same."""

    profile: Literal["default", "vienna", "shanghai"]
    line_check: LineChecks | UnsetType = UNSET


class CodebookAdoption(Act, frozen=True, kw_only=True, tag="codebook-adoption"):
    """This side adopts a version of a codebook of coded messages."""

    codebook: Name
    version: Annotated[int, Meta(ge=1, le=1_000_000)]


class PolicyAdoption(Act, frozen=True, kw_only=True, tag="policy-adoption"):
    """This side adopts a policy, whose witnesses must have cosigned a head for what is under it to be final.

    A C2SP tlog-policy whose log is this one, with a group or a witness of each side's
    name. It is in force once every side has adopted the same.
    """

    policy: Text


class ChannelStatus(Act, frozen=True, kw_only=True, tag="channel-status"):
    """N21: how the channel stands from now on. A suspension blocks nothing; what is sent meanwhile is marked so."""

    status: Literal["in_force", "degraded", "suspended", "resumed"]
    reason: Words | UnsetType = UNSET


class WatchAssumption(Act, frozen=True, kw_only=True, tag="watch-assumption"):
    """A duty officer takes the watch of the side."""


class WatchRelief(Act, frozen=True, kw_only=True, tag="watch-relief"):
    """The watch is handed over, or ends; `to` is the officer who takes it.

    The turn-over note writes itself from the log, and is not repeated here. A `note` is
    what an officer adds for both sides to read.
    """

    to: Name | UnsetType = UNSET
    note: Words | UnsetType = UNSET
