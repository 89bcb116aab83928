"""N04 `meeting-request`, and the acts of a meeting from acceptance to readout."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from dragoman_schemas.act_frame import Answering, Continuing, OpeningAct
from dragoman_schemas.fields import (
    FUTURE,
    Authentic,
    Delegation,
    Hex32,
    Languages,
    Line,
    Lines,
    Mechanism,
    Reference,
    Side,
    Timestamp,
    Titles,
    Window,
    Words,
    of_kind,
    with_facts,
    words_of,
)

Windows = Annotated[tuple[Window, ...], Meta(min_length=1, max_length=20), FUTURE]
Topics = Annotated[tuple[Line, ...], Meta(min_length=1, max_length=50)]


class MeetingRequest(OpeningAct, frozen=True, kw_only=True, tag="meeting-request"):
    """A request to meet, with its purpose and the windows in which it could be.

    `mechanism` is the mechanism to which the meeting belongs, by its number or id.
    """

    purpose: Lines
    windows: Windows
    trigger: Reference | UnsetType = UNSET
    kind: (
        Literal[
            "bilateral",
            "all_parties",
            "working_group",
            "staff_talks",
            "flag_officer",
            "ministerial",
            "annual_review",
            "expert",
            "other",
        ]
        | UnsetType
    ) = UNSET
    kind_text: Annotated[Titles, words_of("kind")] | UnsetType = UNSET
    track: Literal["1", "1.5", "2"] | UnsetType = UNSET
    level: Line | UnsetType = UNSET
    venue: Line | UnsetType = UNSET
    languages: Languages | UnsetType = UNSET
    host: Side | UnsetType = UNSET
    cost_bearer: Line | UnsetType = UNSET
    delegation: Delegation | UnsetType = UNSET
    agenda: Topics | UnsetType = UNSET
    mechanism: Mechanism | UnsetType = UNSET


class Acceptance(Answering, frozen=True, kw_only=True, tag="acceptance"):
    """Acceptance of a meeting, a call or a visit, in the window of an index from 0.

    Where several windows are offered, the index is required. In an older record that
    has none, the first window is meant. `terms` is the digest of the request that its
    officer has seen, with every window that is offered.
    """

    terms: Hex32
    window: Annotated[int, Meta(ge=0, le=19), of_kind("offered")] | UnsetType = UNSET


class CounterProposal(Answering, frozen=True, kw_only=True, tag="counter-proposal"):
    """Other windows, which replace the ones that were offered."""

    windows: Windows
    venue: Line | UnsetType = UNSET


class Postponement(Continuing, frozen=True, kw_only=True, tag="postponement"):
    """A delay to other windows, or to a time that is not set yet."""

    reason: Words | UnsetType = UNSET
    windows: Windows | UnsetType = UNSET


class Agenda(Answering, frozen=True, kw_only=True, tag="agenda"):
    """One side's version of the agenda.

    Each side's version is shown beside the other's until one is agreed.
    """

    topics: Topics


class AgendaAgreement(Answering, frozen=True, kw_only=True, tag="agenda-agreement"):
    """One side's agreement to another side's version of the agenda.

    `side` names the author where there are several. `terms` is the digest of the
    version.
    """

    terms: Hex32
    side: Side | UnsetType = UNSET


class MeetingHeld(Continuing, frozen=True, kw_only=True, tag="meeting-held"):
    """The meeting took place, from and to these times."""

    from_: Timestamp = field(name="from")
    to: Annotated[Timestamp, with_facts(begins="from")]


class Readout(Continuing, frozen=True, kw_only=True, tag="readout"):
    """A readout of a meeting: one side's own words, or words that it proposes as joint.

    `authentic` names the languages that are equally authentic: the text is in each of
    them.
    """

    kind: Literal["joint", "separate"]
    topics: Topics
    text: Words
    authentic: Authentic | UnsetType = UNSET


class ReadoutAgreement(Answering, frozen=True, kw_only=True, tag="readout-agreement"):
    """One side's agreement to a readout that another side proposed as joint.

    `side` names the author where there are several. `terms` is the digest of the
    readout.
    """

    terms: Hex32
    side: Side | UnsetType = UNSET
