"""`passed-on`: the receiver says to whom it passed a message on.

It is the fourth fact about a message, after delivered, acknowledged and answered. It is
the receiver's own word, and proves no more than that.
"""

from msgspec import UNSET, UnsetType

from dragoman_schemas.act_frame import Answering
from dragoman_schemas.fields import Line, Timestamp


class PassedOn(Answering, frozen=True, kw_only=True, tag="passed-on"):
    """A message was passed on to a post, and perhaps confirmed by it.

    `to_post` is a post of the side's onward list, such as early warning. Names of units
    stay on the side's own desk. `at` is the time at which the post was told, and
    `confirmed_at` the time at which it confirmed that.
    """

    to_post: Line
    at: Timestamp
    confirmed_at: Timestamp | UnsetType = UNSET
