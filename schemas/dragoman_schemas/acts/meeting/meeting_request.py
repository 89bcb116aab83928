"""N04 `meeting-request`, and the acts by which a meeting is accepted, held and read out."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from dragoman_schemas.act_frame import Answering, Continuing, OpeningAct
from dragoman_schemas.fields import (
    Authentic,
    Hex32,
    Languages,
    Line,
    Name,
    People,
    Reference,
    Timestamp,
    Window,
    Words,
)

Windows = Annotated[tuple[Window, ...], Meta(min_length=1, max_length=20)]
Topics = Annotated[tuple[Line, ...], Meta(min_length=1, max_length=50)]


class MeetingRequest(OpeningAct, frozen=True, kw_only=True, tag="meeting-request"):
    """A request to meet: why, and when it could be."""

    purpose: Line
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
        ]
        | UnsetType
    ) = UNSET
    track: Literal["1", "1.5", "2"] | UnsetType = UNSET
    level: Line | UnsetType = UNSET
    venue: Line | UnsetType = UNSET
    languages: Languages | UnsetType = UNSET
    host: Name | UnsetType = UNSET
    cost_bearer: Line | UnsetType = UNSET
    delegation: People | UnsetType = UNSET
    agenda: Topics | UnsetType = UNSET


class Acceptance(Answering, frozen=True, kw_only=True, tag="acceptance"):
    """Yes to a meeting, a call or a visit, in the window of that index, counted from 0.

    Where several windows are offered, the index is required; in an older record that
    has none, the first window is meant. `terms` is the digest of the request that its
    officer has seen, with every window that stands.
    """

    terms: Hex32
    window: Annotated[int, Meta(ge=0, le=19)] | UnsetType = UNSET


class CounterProposal(Answering, frozen=True, kw_only=True, tag="counter-proposal"):
    """Other windows, which take the place of those that stood there."""

    windows: Windows
    venue: Line | UnsetType = UNSET


class Postponement(Continuing, frozen=True, kw_only=True, tag="postponement"):
    """Not then: later, in other windows, or at a time yet to be named."""

    reason: Words | UnsetType = UNSET
    windows: Windows | UnsetType = UNSET


class Agenda(Answering, frozen=True, kw_only=True, tag="agenda"):
    """What this side wants to speak of. Each side's version stands beside the other's until one is agreed."""

    topics: Topics


class AgendaAgreement(Answering, frozen=True, kw_only=True, tag="agenda-agreement"):
    """This side takes the other's version of the agenda; `side` whose, where there are several; `terms` is its digest."""

    terms: Hex32
    side: Name | UnsetType = UNSET


class MeetingHeld(Continuing, frozen=True, kw_only=True, tag="meeting-held"):
    """The meeting took place, from and to these times."""

    from_: Timestamp = field(name="from")
    to: Timestamp


class Readout(Continuing, frozen=True, kw_only=True, tag="readout"):
    """A readout of a meeting: one side's own words, or words that it proposes to say jointly.

    `authentic` names the languages that are equally authentic: the text is in each of
    them.
    """

    kind: Literal["joint", "separate"]
    topics: Topics
    text: Words
    authentic: Authentic | UnsetType = UNSET


class ReadoutAgreement(Answering, frozen=True, kw_only=True, tag="readout-agreement"):
    """This side says the readout that another one proposed as joint; `side` whose, where there are several; `terms` is its digest."""

    terms: Hex32
    side: Name | UnsetType = UNSET
