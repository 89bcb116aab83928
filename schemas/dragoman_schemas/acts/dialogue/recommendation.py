"""`recommendation`: advice of a side, a group or a person, its support and its fate."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Area, Continuing, SignedText
from dragoman_schemas.fields import Line, Reference, Words


class Recommendation(SignedText, frozen=True, kw_only=True, tag="recommendation"):
    """A recommendation: its addressees, its area, and its text."""

    addressees: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=50)]
    area: Area
    text: Words
    arguments: Words | UnsetType = UNSET
    roadmap_item: Reference | UnsetType = UNSET


class Fate(Continuing, frozen=True, kw_only=True, tag="fate"):
    """The fate of a recommendation, with the official side that answered it.

    `answered_by` is that side. It need not be a side of this channel. Each side has a
    fate of its own. `taken_up_as` says as what it was taken up. The signed extract of
    the answer is an attachment.
    """

    result: Literal["taken_up", "declined", "no_response", "noted"]
    answered_by: Line | UnsetType = UNSET
    taken_up_as: Line | UnsetType = UNSET
