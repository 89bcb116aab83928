"""N13 `emergency-notification`: an accident or a disaster that crosses borders, and help asked for, offered, taken and given."""

from typing import Literal

from msgspec import UNSET, UnsetType

from dragoman_schemas.act_frame import Answering, Continuing, OpeningAct
from dragoman_schemas.fields import Line, Timestamp, Unknown, When, Where, Words


class EmergencyNotification(OpeningAct, frozen=True, kw_only=True, tag="emergency-notification"):
    """What it is, when and where."""

    nature: Literal[
        "nuclear",
        "radiological",
        "industrial",
        "flood",
        "fire",
        "storm",
        "earthquake",
        "epidemic",
        "oil_spill",
    ]
    time: When
    place: Where
    facility: Line | UnsetType = UNSET
    cross_border: bool | Unknown | UnsetType = UNSET
    release: Words | UnsetType = UNSET
    weather: Line | UnsetType = UNSET
    monitoring: Words | UnsetType = UNSET
    protective_measures: Words | UnsetType = UNSET
    help: Literal["wanted", "offered", "none", "unknown"] | UnsetType = UNSET
    next_update: Timestamp | UnsetType = UNSET


class HelpRequest(Continuing, frozen=True, kw_only=True, tag="help-request"):
    """What help is wanted."""

    text: Words


class HelpOffer(Answering, frozen=True, kw_only=True, tag="help-offer"):
    """What help is offered."""

    text: Words


class HelpAcceptance(Continuing, frozen=True, kw_only=True, tag="help-acceptance"):
    """The help of a side is taken."""

    text: Words | UnsetType = UNSET


class HelpDelivery(Continuing, frozen=True, kw_only=True, tag="help-delivery"):
    """What was given, or has arrived."""

    text: Words | UnsetType = UNSET


class Ended(Continuing, frozen=True, kw_only=True, tag="ended"):
    """It is over, since then."""

    ended_at: Timestamp
