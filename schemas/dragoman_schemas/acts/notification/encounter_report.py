"""N09 `encounter-report`: an encounter at sea or in the air.

The other side's account is shown beside it.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Answering, OpeningAct
from dragoman_schemas.fields import Hex32, Length, Line, Shape, Speed, Unknown, When, Where, Words


class Unit(Shape, frozen=True, kw_only=True):
    """A ship or an aircraft: its type, its number, its flag."""

    type: Line
    side_number: Line | UnsetType = UNSET
    flag: Line | UnsetType = UNSET


class Course(Shape, frozen=True, kw_only=True):
    """The movement of a unit: its course in degrees, and its speed."""

    unit: Line
    course: Annotated[float, Meta(ge=0, le=360)] | UnsetType = UNSET
    speed: Speed | UnsetType = UNSET


Domain = Literal["sea", "air"]
Signals = Annotated[tuple[Line, ...], Meta(max_length=50)]
Emissions = Annotated[
    tuple[Literal["illumination", "lasing", "jamming", "none", "unknown"], ...],
    Meta(min_length=1, max_length=5),
]
Units = Annotated[tuple[Unit, ...], Meta(max_length=50)]
Courses = Annotated[tuple[Course, ...], Meta(max_length=50)]


class EncounterReport(OpeningAct, frozen=True, kw_only=True, tag="encounter-report"):
    """An encounter: its time and place, at sea or in the air, and what happened."""

    time: When
    place: Where
    domain: Domain
    description: Words
    units: Units | UnsetType = UNSET
    cpa: Length | Unknown | UnsetType = UNSET
    courses: Courses | UnsetType = UNSET
    radio_contact: bool | Unknown | UnsetType = UNSET
    radio_channel: Line | UnsetType = UNSET
    cues_signals: Signals | UnsetType = UNSET
    weather: Line | UnsetType = UNSET
    emissions: Emissions | UnsetType = UNSET
    evidence: Words | UnsetType = UNSET
    assessment: Words | UnsetType = UNSET


class AccountsAgreement(Answering, frozen=True, kw_only=True, tag="accounts-agreement"):
    """The facts that both accounts have in common, in words that every side agrees to.

    `terms` is the digest of the accounts. With `ad_referendum` the agreement is subject
    to the side's capital. It does not count until the side agrees without that.
    """

    terms: Hex32
    ad_referendum: bool | UnsetType = UNSET
    facts: Words
