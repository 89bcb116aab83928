"""`liaison-staff`: a person whom a side names for a post in its liaison office.

The other sides agree to the person before the arrival.
"""

from typing import Annotated

from msgspec import UNSET, UnsetType

from dragoman_schemas.act_frame import SignedText
from dragoman_schemas.fields import FUTURE, Line, OwnPerson, Reference, Timestamp


class LiaisonStaff(SignedText, frozen=True, kw_only=True, tag="liaison-staff"):
    """A member of the staff of a liaison office: the person, the post, and the office.

    `of` is the exchange of the office, by its number or id. `arrival` is the planned
    time of arrival.
    """

    person: OwnPerson
    post: Line
    of: Reference | UnsetType = UNSET
    arrival: Annotated[Timestamp, FUTURE] | UnsetType = UNSET
