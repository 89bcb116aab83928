"""N02 `point-of-contact`: a post that is reached for a purpose, by means and hours.

The person and their numbers are in the register of people.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Continuing, OpeningAct
from dragoman_schemas.fields import (
    BEGINS,
    Attended,
    Base64Of32,
    Languages,
    Line,
    OwnPerson,
    Timestamp,
    Titles,
    Words,
    with_facts,
    words_of,
)

Means = Literal["telephone", "e-mail", "page", "radio", "video", "other"]


class PointOfContact(OpeningAct, frozen=True, kw_only=True, tag="point-of-contact"):
    """A point of contact, announced before it takes effect.

    It takes effect at once where a duty number is dead.
    """

    role: Line
    person: OwnPerson
    institution: Line
    languages: Languages
    hours: Attended
    channels: Annotated[tuple[Means, ...], Meta(min_length=1, max_length=6)]
    valid_from: Annotated[Timestamp, BEGINS]
    channels_text: Annotated[Titles, words_of("channels")] | UnsetType = UNSET
    deputy: OwnPerson | UnsetType = UNSET
    valid_to: (
        Annotated[Timestamp, with_facts(ahead=True, days="to", begins="valid_from")] | UnsetType
    ) = UNSET
    key: Base64Of32 | UnsetType = UNSET
    duty_number_dead: bool | UnsetType = UNSET


class Reconfirmation(Continuing, frozen=True, kw_only=True, tag="reconfirmation"):
    """The entry is still valid, unchanged.

    It is a point of contact, a humanitarian site, or a danger area until further
    notice.
    """


class Withdrawal(Continuing, frozen=True, kw_only=True, tag="withdrawal"):
    """The point of contact is no longer valid."""

    reason: Words | UnsetType = UNSET
