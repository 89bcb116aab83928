"""N08 `launch-notice`: a launch of a missile or a space vehicle, before and after."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.fields import FUTURE, Count, Line, When, Where, Window


class LaunchNotice(OpeningAct, frozen=True, kw_only=True, tag="launch-notice"):
    """A launch: its phase, its time, the launch area and the impact areas.

    A postponement or cancellation is the act of that name.
    """

    phase: Literal["pre_launch", "post_launch", "deviation"]
    launch_area: Where
    impact_areas: Annotated[tuple[Where, ...], Meta(min_length=1, max_length=20)]
    window: Annotated[Window, FUTURE] | UnsetType = UNSET
    time: When | UnsetType = UNSET
    class_: Line | UnsetType = field(name="class", default=UNSET)
    number: Count | UnsetType = UNSET
    direction: Annotated[float, Meta(ge=0, le=360)] | UnsetType = UNSET
    range_class: Line | UnsetType = UNSET
    dropping_zones: Annotated[tuple[Where, ...], Meta(max_length=20)] | UnsetType = UNSET
    notam: Annotated[tuple[Line, ...], Meta(max_length=20)] | UnsetType = UNSET
    navarea: Annotated[tuple[Line, ...], Meta(max_length=20)] | UnsetType = UNSET
