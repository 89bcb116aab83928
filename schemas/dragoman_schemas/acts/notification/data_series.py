"""`data-series`: figures that a side gives at intervals, such as levels of a river.

A value that is missing at the end of its interval is a lapse.
"""

from typing import Annotated

from msgspec import Meta

from dragoman_schemas.act_frame import Continuing, SignedText
from dragoman_schemas.fields import (
    SPAN_OF_DAYS,
    Line,
    Lines,
    Shape,
    Side,
    Timestamp,
    Where,
    Window,
    of_kind,
)


class DataSeries(SignedText, frozen=True, kw_only=True, tag="data-series"):
    """A series of figures: who gives it, of what, where, and in which unit.

    One value is due in each interval of `every_hours` in the period, once every side
    agrees.
    """

    by: Side
    what: Lines
    place: Where
    unit: Line
    every_hours: Annotated[int, Meta(ge=1, le=8_784)]
    period: Annotated[Window, SPAN_OF_DAYS]


class DataValue(Shape, frozen=True, kw_only=True):
    """One value, and the time at which it was measured."""

    at: Timestamp
    value: Annotated[float, Meta(ge=-1e15, le=1e15)]


class DataValues(Continuing, frozen=True, kw_only=True, tag="data-values"):
    """Values of a series; the newest word for an interval counts."""

    values: Annotated[
        tuple[DataValue, ...], Meta(min_length=1, max_length=1_000), of_kind("readings")
    ]
