"""N20 `roadmap-item`: one line of the joint roadmap."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Area, SignedText
from dragoman_schemas.fields import SPAN_OF_DAYS, Line, Lines, Side, Window, Words


class RoadmapItem(SignedText, frozen=True, kw_only=True, tag="roadmap-item"):
    """A plan in one area: its topic, and the deliverable that it shall produce."""

    area: Area
    text: Words
    deliverable: Lines
    track: Literal["1", "1.5", "2"] | UnsetType = UNSET
    period: Annotated[Window, SPAN_OF_DAYS] | UnsetType = UNSET
    host: Side | UnsetType = UNSET
    owners: dict[Side, Line] | UnsetType = UNSET
    topics: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=50)] | UnsetType = UNSET
