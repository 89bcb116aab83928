"""N07 `hazardous-incident`: a dangerous event that the other side may misread.

Four fields are required; the rest may be unknown.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Answering, Continuing, OpeningAct
from dragoman_schemas.acts.contact.call_record import Direction
from dragoman_schemas.acts.notification.emergency_notification import Nature
from dragoman_schemas.acts.notification.encounter_report import (
    Courses,
    Domain,
    Emissions,
    Signals,
    Units,
)
from dragoman_schemas.fields import (
    FUTURE,
    Count,
    Language,
    Length,
    Line,
    Places,
    Side,
    Timestamp,
    TimestampOrUnknown,
    Titles,
    Unknown,
    When,
    Where,
    Words,
    of_kind,
    with_facts,
    words_of,
)

Kind = Literal[
    "collision",
    "near_miss",
    "crash",
    "grounding",
    "stray_fire",
    "fire_control_radar",
    "laser",
    "jamming",
    "unannounced_entry",
    "lost_drone_or_missile",
    "fire_or_explosion",
    "unauthorised_launch",
    "persons_in_distress_or_held",
    "attack",
    "sabotage",
    "gas_leak",
    "pollution",
    "flood",
    "landslide",
    "wildfire",
    "unknown",
    "other",
]
Whose = Annotated[
    Annotated[tuple[Side, ...], Meta(min_length=1, max_length=26)]
    | Literal["nobody_here", "unknown"],
    of_kind("whose"),
]
"""The sides whose forces took part, none of this channel, or not known yet."""

Casualties = Count
Assistance = Literal["wanted", "offered", "none", "unknown"]


class HazardousIncident(OpeningAct, frozen=True, kw_only=True, tag="hazardous-incident"):
    """A first report: the kind, the time, the place, and the known facts.

    The kind is `unknown` while only the event is known. `places` are further places of
    the same event. `whose_text` names a state, company or ship that is nobody here.
    """

    kind: Kind
    time: When
    place: Where
    facts: Words
    places: Places | UnsetType = UNSET
    kind_text: Annotated[Titles, words_of("kind")] | UnsetType = UNSET
    whose: Whose | UnsetType = UNSET
    whose_text: Titles | UnsetType = UNSET
    known_at: TimestampOrUnknown | UnsetType = UNSET
    casualties: Casualties | UnsetType = UNSET
    damage: Words | UnsetType = UNSET
    cause_assumed: Words | UnsetType = UNSET
    cause_established: Words | UnsetType = UNSET
    measures_taken: Words | UnsetType = UNSET
    continuing: bool | Unknown | UnsetType = UNSET
    assistance: Assistance | UnsetType = UNSET
    request: Words | UnsetType = UNSET
    on_scene_frequency: Line | UnsetType = UNSET
    next_update: Annotated[TimestampOrUnknown, FUTURE] | UnsetType = UNSET


class Contained(Continuing, frozen=True, kw_only=True, tag="contained"):
    """The danger is over, since that time."""

    at: Timestamp | UnsetType = UNSET


class FinalReport(Continuing, frozen=True, kw_only=True, tag="final-report"):
    """The final knowledge of the side that reported."""

    facts: Words
    casualties: Casualties | UnsetType = UNSET
    damage: Words | UnsetType = UNSET
    cause_established: Words | UnsetType = UNSET
    measures_taken: Words | UnsetType = UNSET


class CounterAccount(Answering, frozen=True, kw_only=True, tag="counter-account"):
    """The other side's account of the same event, in the fields of the event's format.

    It has the fields that the side wants to give, and no fields of another format.
    `facts` is also the description of an encounter, and the gist of a call.
    """

    facts: Words
    time: When | UnsetType = UNSET
    place: Where | UnsetType = UNSET
    places: Places | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    kind_text: Annotated[Titles, words_of("kind")] | UnsetType = UNSET
    whose: Whose | UnsetType = UNSET
    whose_text: Titles | UnsetType = UNSET
    known_at: TimestampOrUnknown | UnsetType = UNSET
    casualties: Casualties | UnsetType = UNSET
    damage: Words | UnsetType = UNSET
    cause_assumed: Words | UnsetType = UNSET
    cause_established: Words | UnsetType = UNSET
    measures_taken: Words | UnsetType = UNSET
    continuing: bool | Unknown | UnsetType = UNSET
    assistance: Assistance | UnsetType = UNSET
    request: Words | UnsetType = UNSET
    on_scene_frequency: Line | UnsetType = UNSET
    next_update: Annotated[TimestampOrUnknown, FUTURE] | UnsetType = UNSET
    domain: Domain | UnsetType = UNSET
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
    direction: Direction | UnsetType = UNSET
    began: Timestamp | UnsetType = UNSET
    ended: Annotated[Timestamp, with_facts(begins="began")] | UnsetType = UNSET
    posts: dict[Side, Line] | UnsetType = UNSET
    read_back: bool | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    interpreter: bool | UnsetType = UNSET
    nature: Nature | UnsetType = UNSET
    nature_text: Annotated[Titles, words_of("nature")] | UnsetType = UNSET
    facility: Line | UnsetType = UNSET
    cross_border: bool | Unknown | UnsetType = UNSET
    release: Words | UnsetType = UNSET
    monitoring: Words | UnsetType = UNSET
    protective_measures: Words | UnsetType = UNSET
    help: Assistance | UnsetType = UNSET
