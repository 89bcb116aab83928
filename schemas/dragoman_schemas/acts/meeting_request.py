"""N04 `meeting-request`, and the acts by which a meeting is accepted, held and read out."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from dragoman_schemas.fields import (
    Language,
    Line,
    Name,
    Reference,
    Timestamp,
    Window,
    Words,
)
from dragoman_schemas.frame import Answering, Continuing, Opening


class MeetingRequest(Opening, frozen=True, kw_only=True, tag="meeting-request"):
    """A request to meet: why, and when it could be."""

    purpose: Line
    windows: Annotated[tuple[Window, ...], Meta(min_length=1, max_length=20)]
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
    languages: Annotated[tuple[Language, ...], Meta(max_length=10)] | UnsetType = UNSET
    host: Name | UnsetType = UNSET
    cost_bearer: Line | UnsetType = UNSET
    agenda: Annotated[tuple[Line, ...], Meta(max_length=50)] | UnsetType = UNSET


class Acceptance(Answering, frozen=True, kw_only=True, tag="acceptance"):
    """Yes to a meeting, in the window of that index, counted from 0."""

    window: Annotated[int, Meta(ge=0, le=19)]


class MeetingHeld(Continuing, frozen=True, kw_only=True, tag="meeting-held"):
    """The meeting took place, from and to these times."""

    from_: Timestamp = field(name="from")
    to: Timestamp


class Readout(Continuing, frozen=True, kw_only=True, tag="readout"):
    """What a meeting was about: joint, or one side's own."""

    kind: Literal["joint", "separate"]
    topics: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=50)]
    text: Words
