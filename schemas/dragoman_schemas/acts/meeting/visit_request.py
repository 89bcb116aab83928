"""N18 `visit-request`: a request to come and see, and the acts of the visit.

It is the invitation the other way round: the side that wants to see asks.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Answering, Continuing, OpeningAct
from dragoman_schemas.fields import (
    FUTURE,
    Delegation,
    Languages,
    Line,
    Lines,
    Reference,
    Timestamp,
    Titles,
    Where,
    Window,
    Words,
    words_of,
)

VisitKind = Literal[
    "observation",
    "inspection",
    "evaluation",
    "site",
    "wreckage",
    "port_call",
    "overflight",
    "consular_access",
    "other",
]


class VisitRequest(OpeningAct, frozen=True, kw_only=True, tag="visit-request"):
    """A request to see a place, an activity, wreckage or people, and to enter for it.

    `arrival` is the planned time of arrival, and `stay` the window of the stay.
    `matter` is the exchange that it is about, by its number or id.
    """

    kind: VisitKind
    place: Where
    purpose: Lines
    arrival: Annotated[Timestamp, FUTURE]
    kind_text: Annotated[Titles, words_of("kind")] | UnsetType = UNSET
    stay: Window | UnsetType = UNSET
    visitors: Annotated[int, Meta(ge=1, le=10_000)] | UnsetType = UNSET
    delegation: Delegation | UnsetType = UNSET
    matter: Reference | UnsetType = UNSET
    means: Line | UnsetType = UNSET
    languages: Languages | UnsetType = UNSET


class VisitGrant(Answering, frozen=True, kw_only=True, tag="grant"):
    """One side's permission, with its conditions if there are any.

    `arrival` is given where the visitors may come at another time than they asked for.
    """

    conditions: Words | UnsetType = UNSET
    arrival: Annotated[Timestamp, FUTURE] | UnsetType = UNSET
    point_of_entry: Line | UnsetType = UNSET


class Arrival(Continuing, frozen=True, kw_only=True, tag="arrival"):
    """The visitors have arrived, or have seen the people, at that time.

    In the staff of a liaison office: its member has arrived.
    """

    at: Timestamp


class Departure(Continuing, frozen=True, kw_only=True, tag="departure"):
    """The visitors have left, or the member of the staff has, at that time."""

    at: Timestamp


class VisitReport(Continuing, frozen=True, kw_only=True, tag="visit-report"):
    """The visitors' report of what they saw."""

    text: Words
