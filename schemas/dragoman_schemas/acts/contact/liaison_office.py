"""`liaison-office`: an office that a side proposes, and the sides' agreement on it."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import SignedText
from dragoman_schemas.fields import Attended, Count, Date, Line, Side, Words


class LiaisonOffice(SignedText, frozen=True, kw_only=True, tag="liaison-office"):
    """A liaison office: its side, its seat, and its status.

    `charter` is the text on its work that the sides agree to together with the office.
    """

    side: Side
    seat: Line
    status: Literal["proposed", "agreed", "open", "closed"]
    hours: Attended | UnsetType = UNSET
    holidays: Annotated[tuple[Date, ...], Meta(max_length=200)] | UnsetType = UNSET
    staff_posts: Count | UnsetType = UNSET
    privileges: Words | UnsetType = UNSET
    charter: Words | UnsetType = UNSET
