"""N05 `military-activity`: an activity that is announced in advance.

The after-activity report describes it at its peak.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Continuing, OpeningAct
from dragoman_schemas.fields import (
    FUTURE,
    Count,
    Line,
    Lines,
    Reference,
    Shape,
    Timestamp,
    Titles,
    Where,
    Window,
    Words,
    words_of,
)

ActivityType = Literal[
    "field_exercise",
    "amphibious",
    "heliborne",
    "parachute",
    "transfer",
    "concentration",
    "strategic_bomber",
    "naval",
    "air",
    "command_post",
    "air_defence_readiness",
    "other",
]


class Arms(Shape, frozen=True, kw_only=True):
    """Numbers by arm, as far as they are given."""

    battle_tanks: Count | UnsetType = UNSET
    armoured_combat_vehicles: Count | UnsetType = UNSET
    artillery_100mm_plus: Count | UnsetType = UNSET
    helicopters: Count | UnsetType = UNSET
    sorties: Count | UnsetType = UNSET
    ships: Count | UnsetType = UNSET


class Phase(Shape, frozen=True, kw_only=True):
    """A part of an activity."""

    name: Line
    window: Annotated[Window, FUTURE]
    place: Where | UnsetType = UNSET


class MilitaryActivity(OpeningAct, frozen=True, kw_only=True, tag="military-activity"):
    """An activity: its designation, purpose, time, place, type and strength.

    `notice_kind` says whether it began without notice to the troops. Readiness needs no
    number of `troops`, and an activity of another type needs none either.
    """

    designation: Line
    purpose: Lines
    window: Annotated[Window, FUTURE]
    place: Where
    type: ActivityType
    notice_kind: Literal["normal", "alert"]
    troops: Count | UnsetType = UNSET
    type_text: Annotated[Titles, words_of("type")] | UnsetType = UNSET
    command_level: Line | UnsetType = UNSET
    participants: Annotated[tuple[Line, ...], Meta(max_length=100)] | UnsetType = UNSET
    arms: Arms | UnsetType = UNSET
    phases: Annotated[tuple[Phase, ...], Meta(max_length=50)] | UnsetType = UNSET
    calendar: Reference | UnsetType = UNSET
    observers_invited: bool | UnsetType = UNSET
    decided_at: Timestamp | UnsetType = UNSET


class AfterActivityReport(Continuing, frozen=True, kw_only=True, tag="after-activity-report"):
    """The activity at its peak."""

    troops: Count
    ended_at: Timestamp
    arms: Arms | UnsetType = UNSET
    text: Words | UnsetType = UNSET
