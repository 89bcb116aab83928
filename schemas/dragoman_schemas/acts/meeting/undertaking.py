"""`undertaking`: what a side undertook to do, by when, and whether it did.

It comes out of a meeting, a call, a readout or a reply.
"""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Answering, Continuing, SignedText
from dragoman_schemas.fields import BEGINS, DUE, Reference, Shape, Side, Timestamp, Words


class Recurring(Shape, frozen=True, kw_only=True):
    """A duty that returns: since when, and once in how many hours."""

    begins: Annotated[Timestamp, BEGINS]
    every_hours: Annotated[int, Meta(ge=1, le=8_784)]


class Undertaking(SignedText, frozen=True, kw_only=True, tag="undertaking"):
    """An undertaking of a side: what it will do, and by when.

    `of` is the exchange in which it was said, by its number or id. Until every other
    addressed side agrees, it stands as said by its author and not confirmed. With
    `recurring` it is done once in each interval, until `by_when`.
    """

    by: Side
    what: Words
    by_when: Annotated[Timestamp, DUE]
    recurring: Recurring | UnsetType = UNSET
    of: Reference | UnsetType = UNSET


class Fulfilment(Continuing, frozen=True, kw_only=True, tag="fulfilment"):
    """The side that undertook it says that it is done, since that time.

    If it recurs, this is for the interval of `at`, or, with `complete`, for the whole.
    """

    at: Timestamp
    complete: bool | UnsetType = UNSET


class FulfilmentConfirmation(Answering, frozen=True, kw_only=True, tag="fulfilment-confirmation"):
    """Another side confirms that it is done."""


class FulfilmentDispute(Answering, frozen=True, kw_only=True, tag="fulfilment-dispute"):
    """Another side says that it is not done, and what is missing."""

    reason: Words
