"""N15 `humanitarian-notification`: a humanitarian site or movement.

It asks no permission.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.fields import FUTURE, Count, Line, Timestamp, Where, Window, with_facts


class HumanitarianNotification(
    OpeningAct, frozen=True, kw_only=True, tag="humanitarian-notification"
):
    """A site or a movement of a humanitarian organisation, with its place and time.

    A site has a place. A movement has a route with departure and arrival.
    """

    kind: Literal["site", "movement"]
    organisation: Line
    place: Where | UnsetType = UNSET
    route: Annotated[tuple[Where, ...], Meta(min_length=2, max_length=100)] | UnsetType = UNSET
    window: Annotated[Window, FUTURE] | UnsetType = UNSET
    departure: Annotated[Timestamp, FUTURE] | UnsetType = UNSET
    arrival: Annotated[Timestamp, with_facts(ahead=True, begins="departure")] | UnsetType = UNSET
    urgent: bool | UnsetType = UNSET
    vehicles: Count | UnsetType = UNSET
    persons: Count | UnsetType = UNSET
    cargo: Line | UnsetType = UNSET
    contact: Line | UnsetType = UNSET
