"""The liaison state: what the log folds to. Also what reads answer, so every member is part of the API.

The canonical encoding of a state is its JSON with members in the order written here,
members of maps sorted, defaults left out, and authors' own values as their bytes stand
in the log.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman_schemas.act_frame import Area, Precedence
from dragoman_schemas.acts.office.channel import Kind, LiveChannel, Role


class State(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A part of the liaison state."""


class Stamp(State, frozen=True, kw_only=True):
    """Which record said so: its position, its time, its actor; and since when it was `told`, where it was said otherwise before."""

    position: int
    time: str
    by: str
    told: str = ""

    @property
    def when(self) -> str:
        """Return when it was said, which is what limits are held against: as it was told, else as it was recorded."""
        return self.told or self.time

    @property
    def side(self) -> str:
        """Return whose actor it was."""
        return self.by.partition("/")[0]


class Message(State, frozen=True, kw_only=True):
    """Something said to other sides within an exchange.

    Acknowledged and answered are kept apart, per side. Sides in `info` owe nothing.
    `suspended`, that the channel was when it was said. `precedence` is what the message
    came with, where the exchange has another one since.
    """

    id: str
    act: str
    said: Stamp
    to: tuple[str, ...]
    info: tuple[str, ...] = ()
    for_the_record: bool = False
    suspended: bool = False
    precedence: Precedence | None = None
    acknowledged: dict[str, Stamp] = {}
    answered: dict[str, Stamp] = {}


class StateCorrection(State, frozen=True, kw_only=True):
    """A correction of named fields that were wrong: what they were before stays here."""

    corrected: Stamp
    number: str
    reason: str
    fields: dict[str, Raw]
    was: dict[str, Raw] = {}


class Development(State, frozen=True, kw_only=True):
    """How named fields stand as of a time, and what stood in the message before."""

    told: Stamp
    number: str
    as_of: str
    fields: dict[str, Raw]
    was: dict[str, Raw] = {}


class Amended(State, frozen=True, kw_only=True):
    """An amendment that every side has taken: by which record, what it says, and what stood in the text before."""

    taken: Stamp
    of: str
    fields: dict[str, Raw]
    was: dict[str, Raw] = {}


class StateCancellation(State, frozen=True, kw_only=True):
    """The originator took the message back."""

    cancelled: Stamp
    number: str
    reason: str


class Account(State, frozen=True, kw_only=True):
    """The other side's account of the same event, in its own words."""

    given: Stamp
    content: dict[str, Raw]


class Said(State, frozen=True, kw_only=True):
    """An act that carried an exchange on, and its content as it stands in the log."""

    said: Stamp
    id: str
    content: dict[str, Raw] = {}


class Accepted(State, frozen=True, kw_only=True):
    """One side's yes to a window: its index, and its ends as they stood when the side accepted, where there are windows."""

    accepted: Stamp
    window: int
    terms: Raw = Raw(b"null")


class Held(State, frozen=True, kw_only=True):
    """A meeting took place. Entered for the record it asks nobody for a readout."""

    recorded: Stamp
    from_: str = msgspec.field(name="from")
    to: str
    for_the_record: bool = False


class StateReadout(State, frozen=True, kw_only=True):
    """The words of a side on a meeting: for itself, or jointly once every side has said these words; proposed until then."""

    given: Stamp
    kind: Literal["joint", "proposed_jointly", "separate"]
    topics: tuple[str, ...]
    text: Raw


class Meeting(State, frozen=True, kw_only=True):
    """The life of a meeting, a call or a visit: whose windows stand, who accepted or declined them, when it was held.

    `agendas` are each side's version, `agenda` the one that all agreed to. `absent` is
    who was said not to have come, by whom.
    """

    proposed_by: str
    accepted: dict[str, Accepted] = {}
    declined: dict[str, Stamp] = {}
    agendas: dict[str, Raw] = {}
    agenda: Raw | UnsetType = UNSET
    absent: dict[str, Stamp] = {}
    held: tuple[Held, ...] = ()
    readouts: dict[str, tuple[StateReadout, ...]] = {}
    readouts_differ: bool = False


class OneKey(State, frozen=True, kw_only=True):
    """A record that one officer sent where two are asked for: who turned the `second` key, and None while it is due."""

    id: str
    act: str
    sent: Stamp
    second: Stamp | None = None


class Exchange(State, frozen=True, kw_only=True):
    """One matter from its opening to its closure.

    `invokes` is the request for explanation on whose ladder a meeting stands.
    `released_by` is the second officer of a two-key opening. `one_key` lists the
    records that one officer sent where two are asked for. `acts` are those continuing
    acts that have content of their own, by name.

    `etag` is the commitment of the newest record, `revision` of the newest that is no
    receipt: an acknowledgement moves the first alone.
    """

    id: str
    act: str
    family: str
    number: str
    status: str
    side: str
    opened: Stamp
    updated: Stamp
    precedence: Precedence
    area: Area
    to: tuple[str, ...]
    info: tuple[str, ...] = ()
    for_the_record: bool = False
    invokes: str = ""
    released_by: str = ""
    one_key: tuple[OneKey, ...] = ()
    content: dict[str, Raw]
    defaults: dict[str, Raw] = {}
    messages: tuple[Message, ...]
    corrections: tuple[StateCorrection, ...] = ()
    developments: tuple[Development, ...] = ()
    amended: tuple[Amended, ...] = ()
    cancellation: StateCancellation | None = None
    closures: dict[str, Stamp] = {}
    accounts: dict[str, tuple[Account, ...]] = {}
    acts: dict[str, tuple[Said, ...]] = {}
    meeting: Meeting | None = None
    revision: str
    etag: str


class Key(State, frozen=True, kw_only=True):
    """A public key in the channel: whose it is, and between which positions it is valid; what it signed from `suspect_from` on is disputed."""

    public: str
    owner: str
    since: int
    until: int | None = None
    suspect_from: int | None = None


class OfficerState(State, frozen=True, kw_only=True):
    """An officer: the office, the roles, since which position and, if revoked, until which."""

    office: str
    roles: tuple[Role, ...]
    since: int
    until: int | None = None


class SideState(State, frozen=True, kw_only=True):
    """A side: the ids of its root keys, and how many of them must sign; `next_roots` is the hash of those that it announced as its next."""

    name: str
    roots: tuple[str, ...]
    threshold: int
    next_roots: str = ""


class Delivered(State, frozen=True, kw_only=True):
    """Everything up to that position has reached a station of the side."""

    upto: int
    recorded: Stamp


class Adopted(State, frozen=True, kw_only=True):
    """A side has adopted a profile of limits, with or without a schedule of line checks."""

    adopted: Stamp
    profile: str
    line_check: Raw | UnsetType = UNSET


class AdoptedCodebook(State, frozen=True, kw_only=True):
    """A side has adopted a version of a codebook."""

    adopted: Stamp
    codebook: str
    version: int


class AdoptedPolicy(State, frozen=True, kw_only=True):
    """A side has adopted a policy of witnesses."""

    adopted: Stamp
    policy: str


class WatchState(State, frozen=True, kw_only=True):
    """A side's watch: manned since, by whom, and the note that was handed over with it."""

    since: Stamp
    note: Raw | UnsetType = UNSET


class Status(State, frozen=True, kw_only=True):
    """How the channel stands, in writing, and why."""

    said: Stamp
    status: str
    reason: Raw | UnsetType = UNSET


class Outage(State, frozen=True, kw_only=True):
    """A time in which a gateway could record nothing, as it told afterwards."""

    from_: str = msgspec.field(name="from")
    to: str
    cause: str


class Consent(State, frozen=True, kw_only=True):
    """What sides consented to take out of the record: whole exchanges, by the hash of every record that they had; and when each side did.

    It says nothing any more once something was said in one of them since.
    """

    exchanges: tuple[str, ...]
    records: str
    sides: dict[str, Stamp]


class Registry(State, frozen=True, kw_only=True):
    """The genesis exchange folded: sides, officers, keys, what was delivered to whom, what each side adopted, whose watch it is.

    `policy` is the one in force: the genesis's, or the one that every side has adopted
    since. `erased` are the exchanges that every side consented to take out of the
    record, by id, and when; `consents` are those of which nothing has come yet.
    """

    id: str
    cid: str
    name: str
    kind: Kind
    custody: Literal["host", "sides"]
    sides: tuple[SideState, ...]
    languages: tuple[str, ...]
    marking: str = "SIDES ONLY"
    exercise_of: LiveChannel | None = None
    required_signatures: tuple[str, ...] = ()
    origin: str = ""
    log_key: str = ""
    rules: int
    opened: Stamp
    officers: dict[str, OfficerState] = {}
    keys: dict[str, Key] = {}
    delivered: dict[str, Delivered] = {}
    profiles: dict[str, Adopted] = {}
    codebooks: dict[str, AdoptedCodebook] = {}
    policies: dict[str, AdoptedPolicy] = {}
    policy: str = ""
    watches: dict[str, WatchState] = {}
    status: Status | None = None
    outage: Outage | None = None
    erased: dict[str, Stamp] = {}
    consents: tuple[Consent, ...] = ()
    etag: str


class ChannelState(State, frozen=True, kw_only=True):
    """A channel's log folded up to a position: the registry, channel time, and the counters of numbers."""

    position: int = 0
    time: str = ""
    registry: Registry | None = None
    tally: dict[str, int] = {}


def encode(state: State) -> bytes:
    """Return the canonical encoding of a state."""
    return msgspec.json.encode(state, order="deterministic")


decode_exchange = msgspec.json.Decoder(Exchange).decode
decode_registry = msgspec.json.Decoder(Registry).decode
decode_channel = msgspec.json.Decoder(ChannelState).decode
