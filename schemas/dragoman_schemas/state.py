"""The liaison state: the result of folding a log.

The API answers with it, so every member is part of the API. The canonical encoding of a
state is its JSON. Its members are in the order of this file, members of maps are
sorted, and defaults are left out. Authors' own values keep their bytes from the log.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman_schemas.act_frame import Area, Precedence
from dragoman_schemas.acts.office.channel import Kind, LiveChannel, Role, Successor
from dragoman_schemas.fields import Words


class State(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A part of the liaison state."""


class Stamp(State, frozen=True, kw_only=True):
    """The record that said something: its position, its time and its actor.

    `told` is the time at which it was said by other means, where that was before.
    """

    position: int
    time: str
    by: str
    told: str = ""

    @property
    def when(self) -> str:
        """Return the time at which it was said, against which limits are measured.

        It is the `told` time where there is one, else the time of the record.
        """
        return self.told or self.time

    @property
    def side(self) -> str:
        """Return the side of the actor."""
        return self.by.partition("/")[0]


class Message(State, frozen=True, kw_only=True):
    """A message to other sides within an exchange.

    Acknowledged and answered are kept apart, per side. Sides in `info` owe nothing.
    `suspended` says that the channel was suspended when the message was sent.
    `precedence` is the message's own one, where the exchange has got another since.
    `marking` is the message's own one; empty where it has that of the channel.
    """

    id: str
    act: str
    said: Stamp
    to: tuple[str, ...]
    info: tuple[str, ...] = ()
    for_the_record: bool = False
    suspended: bool = False
    precedence: Precedence | None = None
    marking: str = ""
    acknowledged: dict[str, Stamp] = {}
    answered: dict[str, Stamp] = {}


class StateCorrection(State, frozen=True, kw_only=True):
    """A correction of fields that were wrong; `was` keeps their earlier values."""

    corrected: Stamp
    number: str
    reason: Words
    fields: dict[str, Raw]
    was: dict[str, Raw] = {}


class StateRetraction(State, frozen=True, kw_only=True):
    """A statement that its side took back; `was` keeps the values of before.

    `of` is the message in which it was stated.
    """

    retracted: Stamp
    of: str
    fields: dict[str, Raw]
    was: dict[str, Raw] = {}
    reason: Raw
    known_since: str = ""


class Development(State, frozen=True, kw_only=True):
    """New values of fields as of a time, and their values in the message before."""

    told: Stamp
    number: str
    as_of: str
    fields: dict[str, Raw]
    was: dict[str, Raw] = {}


class Amended(State, frozen=True, kw_only=True):
    """An amendment that every side has accepted.

    It has the record that completed the agreement, the new values, and the values in
    the text before.
    """

    taken: Stamp
    of: str
    fields: dict[str, Raw]
    was: dict[str, Raw] = {}


class StateCancellation(State, frozen=True, kw_only=True):
    """A cancellation: the originator took the message back."""

    cancelled: Stamp
    number: str
    reason: Words


class StateClosure(State, frozen=True, kw_only=True):
    """A side's closure of the matter, which stands until that side says more.

    `closed` is the record from which it counts: of a closure on one key, that of its
    second key. Until `objections_until` the action addressees may object to the
    closure of the opener; it is empty where nobody is waited for.
    """

    id: str
    closed: Stamp
    objections_until: str = ""


class Account(State, frozen=True, kw_only=True):
    """The other side's account of the same event, in its own words."""

    given: Stamp
    content: dict[str, Raw]


class Said(State, frozen=True, kw_only=True):
    """An act that carried an exchange on, with its content from the log."""

    said: Stamp
    id: str
    content: dict[str, Raw] = {}


class Accepted(State, frozen=True, kw_only=True):
    """One side's acceptance of a window.

    `window` is its index. `terms` are its ends at the time when the side accepted,
    where there are windows.
    """

    accepted: Stamp
    window: int
    terms: Raw = Raw(b"null")


class Held(State, frozen=True, kw_only=True):
    """A meeting that took place.

    Entered for the record, it asks nobody for a readout.
    """

    recorded: Stamp
    from_: str = msgspec.field(name="from")
    to: str
    for_the_record: bool = False


class StateReadout(State, frozen=True, kw_only=True):
    """The words of a side on a meeting.

    A readout is separate, or joint once every side has said these words. Until then it
    is proposed jointly.
    """

    given: Stamp
    kind: Literal["joint", "proposed_jointly", "separate"]
    topics: tuple[str, ...]
    text: Raw


class Meeting(State, frozen=True, kw_only=True):
    """The life of a meeting, a call or a visit.

    `proposed_by` is the side whose windows are current. `accepted` and `declined` are
    by side. `agendas` are each side's version, `agenda` the one that all agreed to.
    `absent` has the sides that did not come, and the record that said so.
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
    """A record that one officer sent where two are asked for.

    `second` is the record of the second officer; None while it is due.
    """

    id: str
    act: str
    sent: Stamp
    second: Stamp | None = None


class Joined(State, frozen=True, kw_only=True):
    """A report that is of the same event as an earlier one of another side.

    `of` is the earlier exchange, and `id` the record that proposed it. `agreed` is the
    record since which they are one matter; None while nobody has agreed.
    """

    of: str
    id: str
    proposed: Stamp
    agreed: Stamp | None = None


class Proposed(State, frozen=True, kw_only=True):
    """A value of a member that a later message proposes, and the record of the message.

    `id` is the id of the record, and `said` has its position, time and side.
    """

    said: Stamp
    id: str
    value: Raw


class Exchange(State, frozen=True, kw_only=True):
    """One matter from its opening to its closure.

    `content` are the opener's own members, as corrected, updated and amended.
    `proposed` are the members that a counter-proposal or a postponement proposes
    instead, by name. They are another message's words and never become the opener's.
    `observers` are those of its sides that owe nothing and consent to nothing.
    `signatories` are the sides that must stand behind its text, where it names them.
    `closures` are those that stand, by side, and `closed` is the record that closed the
    matter for all. `invokes` is the request for explanation whose ladder a meeting
    belongs to. `released_by` is the second officer of a two-key opening. `one_key`
    lists the records that one officer sent where two are asked for. `acts` are those
    continuing acts that have content of their own, by name.

    `etag` is the commitment of the newest record. `revision` is that of the newest
    record that is not a receipt. An acknowledgement changes only `etag`.
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
    observers: tuple[str, ...] = ()
    signatories: tuple[str, ...] = ()
    for_the_record: bool = False
    invokes: str = ""
    released_by: str = ""
    one_key: tuple[OneKey, ...] = ()
    content: dict[str, Raw]
    proposed: dict[str, Proposed] = {}
    defaults: dict[str, Raw] = {}
    messages: tuple[Message, ...]
    corrections: tuple[StateCorrection, ...] = ()
    developments: tuple[Development, ...] = ()
    retractions: tuple[StateRetraction, ...] = ()
    amended: tuple[Amended, ...] = ()
    cancellation: StateCancellation | None = None
    closures: dict[str, StateClosure] = {}
    closed: Stamp | None = None
    accounts: dict[str, tuple[Account, ...]] = {}
    acts: dict[str, tuple[Said, ...]] = {}
    meeting: Meeting | None = None
    joined: Joined | None = None
    revision: str
    etag: str

    @property
    def present(self) -> dict[str, Raw]:
        """Return the members as they stand now: the opener's, or those proposed."""
        if not self.proposed:
            return self.content
        return {**self.content, **{name: item.value for name, item in self.proposed.items()}}

    @property
    def proposal(self) -> str:
        """Return the id of the record that made the standing proposal.

        It is the opening where no later message has proposed anything.
        """
        newest = max(self.proposed.values(), key=lambda item: item.said.position, default=None)
        return self.id if newest is None else newest.id


class Key(State, frozen=True, kw_only=True):
    """A public key in the channel, its owner, and the positions of its validity.

    What it signed from `suspect_from` on is disputed. `kept_by` says that the side's
    station keeps its private part, and signs for the owner.
    """

    public: str
    owner: str
    since: int
    until: int | None = None
    suspect_from: int | None = None
    kept_by: str = ""


class OfficerState(State, frozen=True, kw_only=True):
    """An officer: the office, the roles, and the positions of entry and revocation."""

    office: str
    roles: tuple[Role, ...]
    since: int
    until: int | None = None


class SideState(State, frozen=True, kw_only=True):
    """A side: the ids of its root keys, and how many of them must sign.

    `next_roots` is the hash of the root keys that it announced as its next. An
    `observer` owes nothing and consents to nothing.
    """

    name: str
    roots: tuple[str, ...]
    threshold: int
    next_roots: str = ""
    observer: bool = False


class Delivered(State, frozen=True, kw_only=True):
    """The position up to which everything has reached a station of the side."""

    upto: int
    recorded: Stamp


class Adopted(State, frozen=True, kw_only=True):
    """A side's adoption of a profile of limits.

    It may include a schedule of line checks.
    """

    adopted: Stamp
    profile: str
    line_check: Raw | UnsetType = UNSET


class AdoptedCodebook(State, frozen=True, kw_only=True):
    """A side's adoption of a version of a codebook."""

    adopted: Stamp
    codebook: str
    version: int


class AdoptedPolicy(State, frozen=True, kw_only=True):
    """A side's adoption of a policy of witnesses."""

    adopted: Stamp
    policy: str


class OnwardList(State, frozen=True, kw_only=True):
    """The posts to which a side passes on messages of one format.

    `before_min` is the number of minutes before the window opens; None for the limit of
    the profile.
    """

    format: str
    posts: tuple[str, ...]
    before_min: int | None = None


class AdoptedOnward(State, frozen=True, kw_only=True):
    """A side's adoption of onward lists, one for each format.

    Messages from before it follow the adoption before.
    """

    adopted: Stamp
    lists: tuple[OnwardList, ...] = ()


class AdoptedRules(State, frozen=True, kw_only=True):
    """A side's adoption of a version of the rules.

    `release` is the first release of this program that has them, if the side named one.
    """

    adopted: Stamp
    rules: int
    release: str = ""


class WatchState(State, frozen=True, kw_only=True):
    """A side's watch: the record that took it, and the note that came with it."""

    since: Stamp
    note: Raw | UnsetType = UNSET


class Status(State, frozen=True, kw_only=True):
    """The status of the channel, as an act declared it, and the reason."""

    said: Stamp
    status: str
    reason: Raw | UnsetType = UNSET


class EndOfChannel(State, frozen=True, kw_only=True):
    """The end of the channel, as all sides said it, and where they go on."""

    said: Stamp
    reason: Raw
    successor: Successor | None = None


class Outage(State, frozen=True, kw_only=True):
    """A time in which a gateway could record nothing, as it reported afterwards.

    For the cause `line` it is a time in which a side's station had no line to the host.
    """

    from_: str = msgspec.field(name="from")
    to: str
    cause: str


class Consent(State, frozen=True, kw_only=True):
    """The sides' consent to erase whole exchanges, and the time of each side's act.

    `records` is the hash of every record that the exchanges had. The consent counts no
    longer once something is recorded in one of them.
    """

    exchanges: tuple[str, ...]
    records: str
    sides: dict[str, Stamp]


class Handover(State, frozen=True, kw_only=True):
    """A handover of the log to another key, from the head of `since` records on.

    `host_url` is the address that the sides named for the log's host, if they did.
    """

    key: str
    since: int
    cut: bool = False
    host_url: str = ""


class Registry(State, frozen=True, kw_only=True):
    """The folded genesis exchange: sides, officers, keys, adoptions and watches.

    `delivered` says what has reached each side. `policy` is the one in force: the one
    of the genesis, or the one that every side has adopted since. So is `rules`, the
    version of the rules; `rules_adopted` has each side's adoption. `onward` has every
    adoption of onward lists by side, the newest last. `erased` has the
    exchanges that every side consented to erase, by id, and the time. `consents` are
    those that have not led to an erasure yet. `line_outages` has the newest outage of
    each side's line. `log_key` is the log's first key, and `handovers` has those that
    came after it. `ended` is the end of the channel.
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
    file_types: tuple[str, ...] | None = None
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
    onward: dict[str, tuple[AdoptedOnward, ...]] = {}
    watches: dict[str, WatchState] = {}
    status: Status | None = None
    ended: EndOfChannel | None = None
    outage: Outage | None = None
    line_outages: dict[str, Outage] = {}
    erased: dict[str, Stamp] = {}
    consents: tuple[Consent, ...] = ()
    rules_adopted: dict[str, AdoptedRules] = {}
    handovers: tuple[Handover, ...] = ()
    etag: str


class ChannelState(State, frozen=True, kw_only=True):
    """A channel's log folded up to a position.

    It has the registry, channel time, and the counters of numbers.
    """

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
