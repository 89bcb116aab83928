"""N13 `emergency-notification`: an accident or a disaster that crosses borders.

Sides ask for help, offer it, accept it and give it in the same exchange.
"""

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from dragoman_schemas.act_frame import Answering, Continuing, OpeningAct
from dragoman_schemas.fields import (
    FUTURE,
    Line,
    Places,
    Timestamp,
    Titles,
    Unknown,
    When,
    Where,
    Words,
    words_of,
)

Nature = Literal[
    "nuclear",
    "radiological",
    "industrial",
    "flood",
    "fire",
    "storm",
    "earthquake",
    "epidemic",
    "oil_spill",
    "gas_leak",
    "pollution",
    "flood_wave",
    "landslide",
    "drought",
    "wildfire",
    "attack",
    "sabotage",
    "other",
]


class EmergencyNotification(OpeningAct, frozen=True, kw_only=True, tag="emergency-notification"):
    """An emergency: its nature, time and place.

    `places` are further places of the same emergency.
    """

    nature: Nature
    time: When
    place: Where
    places: Places | UnsetType = UNSET
    nature_text: Annotated[Titles, words_of("nature")] | UnsetType = UNSET
    facility: Line | UnsetType = UNSET
    cross_border: bool | Unknown | UnsetType = UNSET
    release: Words | UnsetType = UNSET
    weather: Line | UnsetType = UNSET
    monitoring: Words | UnsetType = UNSET
    protective_measures: Words | UnsetType = UNSET
    help: Literal["wanted", "offered", "none", "unknown"] | UnsetType = UNSET
    next_update: Annotated[Timestamp, FUTURE] | UnsetType = UNSET


class HelpRequest(Continuing, frozen=True, kw_only=True, tag="help-request"):
    """A request for help."""

    text: Words


class HelpOffer(Answering, frozen=True, kw_only=True, tag="help-offer"):
    """An offer of help."""

    text: Words


class HelpAcceptance(Continuing, frozen=True, kw_only=True, tag="help-acceptance"):
    """One side's acceptance of the help of another side."""

    text: Words | UnsetType = UNSET


class HelpDelivery(Continuing, frozen=True, kw_only=True, tag="help-delivery"):
    """The help was given, or has arrived."""

    text: Words | UnsetType = UNSET


class Ended(Continuing, frozen=True, kw_only=True, tag="ended"):
    """The emergency is over, since that time."""

    ended_at: Timestamp
