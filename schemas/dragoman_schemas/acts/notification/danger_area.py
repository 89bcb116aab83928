"""N10 `danger-area`: an area to keep out of.

It replaces neither a NOTAM nor a NAVAREA warning.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Continuing, OpeningAct
from dragoman_schemas.fields import (
    FUTURE,
    Length,
    Line,
    OpenWindow,
    Timestamp,
    Titles,
    Where,
    words_of,
)


class DangerArea(OpeningAct, frozen=True, kw_only=True, tag="danger-area"):
    """A danger area: its place, its window, and the danger.

    The window may be until further notice. The side then confirms it again and again.
    `self_caused` says whether the side itself causes the danger. By default it does so
    for firing and similar work, and not for a leak, a wreck or a flood wave.
    """

    place: Where
    window: Annotated[OpenWindow, FUTURE]
    hazard: Literal[
        "firing",
        "bombing",
        "missile",
        "mines",
        "diving",
        "drones",
        "electronic",
        "salvage",
        "debris",
        "wreck",
        "unexploded_ordnance",
        "gas_leak",
        "flood_wave",
        "landslide",
        "wildfire",
        "pollution",
        "other",
    ]
    self_caused: bool | UnsetType = UNSET
    hazard_text: Annotated[Titles, words_of("hazard")] | UnsetType = UNSET
    floor: Length | UnsetType = UNSET
    ceiling: Length | UnsetType = UNSET
    notam: Annotated[tuple[Line, ...], Meta(max_length=20)] | UnsetType = UNSET
    navarea: Annotated[tuple[Line, ...], Meta(max_length=20)] | UnsetType = UNSET
    on_scene_contact: Line | UnsetType = UNSET


class AllClear(Continuing, frozen=True, kw_only=True, tag="all-clear"):
    """The area is free again, since that time."""

    cleared_at: Timestamp
