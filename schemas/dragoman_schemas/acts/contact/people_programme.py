"""`people-programme`: contacts between people of both sides.

They are, for example, experts, students or units.
"""

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from dragoman_schemas.act_frame import SignedText
from dragoman_schemas.fields import (
    SPAN_OF_DAYS,
    Count,
    Line,
    People,
    Side,
    Titles,
    Window,
    Words,
    words_of,
)


class PeopleProgramme(SignedText, frozen=True, kw_only=True, tag="people-programme"):
    """A programme: the kind of exchange, the host, and the period."""

    kind: Literal["academic", "students", "units", "officers", "cultural", "other"]
    host: Side
    period: Annotated[Window, SPAN_OF_DAYS]
    kind_text: Annotated[Titles, words_of("kind")] | UnsetType = UNSET
    planned: Count | UnsetType = UNSET
    actual: Count | UnsetType = UNSET
    contacts: People | UnsetType = UNSET
    follow_up: Words | UnsetType = UNSET
    title: Line | UnsetType = UNSET
