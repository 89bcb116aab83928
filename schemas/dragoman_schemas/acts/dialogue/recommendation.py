"""`recommendation`: what a side, a group or a person advises, who stands behind it, and what became of it."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Area, Continuing, OpeningAct
from dragoman_schemas.fields import Line, Reference, Words


class Recommendation(OpeningAct, frozen=True, kw_only=True, tag="recommendation"):
    """To whom, in which area, and what is advised."""

    addressees: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=50)]
    area: Area
    text: Words
    arguments: Words | UnsetType = UNSET
    roadmap_item: Reference | UnsetType = UNSET


class Fate(Continuing, frozen=True, kw_only=True, tag="fate"):
    """What became of it."""

    result: Literal["taken_up", "declined", "no_response"]
