"""`undertaking`: what a side undertook to do, by when, and whether it did.

It comes out of a meeting, a call, a readout or a reply.
"""

from msgspec import UNSET, UnsetType

from dragoman_schemas.act_frame import Answering, Continuing, SignedText
from dragoman_schemas.fields import Name, Reference, Timestamp, Words


class Undertaking(SignedText, frozen=True, kw_only=True, tag="undertaking"):
    """An undertaking of a side: what it will do, and by when.

    `of` is the exchange in which it was said, by its number or id. Until every other
    addressed side agrees, it stands as said by its author and not confirmed.
    """

    by: Name
    what: Words
    by_when: Timestamp
    of: Reference | UnsetType = UNSET


class Fulfilment(Continuing, frozen=True, kw_only=True, tag="fulfilment"):
    """The side that undertook it says that it is done, since that time."""

    at: Timestamp


class FulfilmentConfirmation(Answering, frozen=True, kw_only=True, tag="fulfilment-confirmation"):
    """Another side confirms that it is done."""


class FulfilmentDispute(Answering, frozen=True, kw_only=True, tag="fulfilment-dispute"):
    """Another side says that it is not done, and what is missing."""

    reason: Words
