"""N17 `ict-inquiry`: a question about an event in a computer system.

The other side may know what it was.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.fields import Line, Titles, When, Words, words_of


class IctInquiry(OpeningAct, frozen=True, kw_only=True, tag="ict-inquiry"):
    """An inquiry: the time of the event, the class of system, and the question."""

    time: When
    affected: Literal[
        "energy",
        "finance",
        "health",
        "transport",
        "water",
        "communications",
        "government",
        "military",
        "other",
    ]
    request: Words
    affected_text: Annotated[Titles, words_of("affected")] | UnsetType = UNSET
    indicators: Annotated[tuple[Line, ...], Meta(max_length=200)] | UnsetType = UNSET
    apparent_origin: Line | UnsetType = UNSET
    harm: Literal["none", "low", "moderate", "serious", "unknown"] | UnsetType = UNSET
