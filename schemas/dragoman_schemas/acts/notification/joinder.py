"""Joinder: two reports of the same event become one matter."""

from dragoman_schemas.act_frame import Continuing
from dragoman_schemas.fields import Message


class Joinder(Continuing, frozen=True, kw_only=True, tag="joinder"):
    """A proposal that this report and an earlier one are of the same event.

    `of` is the id of the earlier exchange.
    """

    of: Message


class JoinderAgreement(Continuing, frozen=True, kw_only=True, tag="joinder-agreement"):
    """The side of the other report agrees: from now on they are one matter.

    `of` is the joinder's id.
    """

    of: Message
