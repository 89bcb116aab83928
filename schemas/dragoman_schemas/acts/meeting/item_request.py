"""`item-request`: a request for things, such as recorders, boats or evidence.

The acts beside it say who has each of them, and when it was handed over.
"""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from dragoman_schemas.act_frame import Answering, Continuing, OpeningAct
from dragoman_schemas.fields import (
    DUE,
    Line,
    Lines,
    Reference,
    Shape,
    Timestamp,
    TimestampOrUnknown,
    Where,
    Words,
)

ItemNumber = Annotated[int, Meta(ge=1, le=50)]


class Item(Shape, frozen=True, kw_only=True):
    """A thing that is asked for: its number or mark, and who has it, if known."""

    what: Words
    mark: Line | UnsetType = UNSET
    holder: Line | UnsetType = UNSET


class ItemRequest(OpeningAct, frozen=True, kw_only=True, tag="item-request"):
    """A request for things: which, and for what purpose.

    Acts name an item by its place in the list, from 1. `of` is the matter, by its
    number or id.
    """

    items: Annotated[tuple[Item, ...], Meta(min_length=1, max_length=50)]
    purpose: Lines
    wanted_by: Annotated[Timestamp, DUE] | UnsetType = UNSET
    of: Reference | UnsetType = UNSET


class ItemHolder(Continuing, frozen=True, kw_only=True, tag="item-holder"):
    """A side says who has an item, where, and since when."""

    item_number: ItemNumber
    holder: Line
    place: Where | UnsetType = UNSET
    since: TimestampOrUnknown | UnsetType = UNSET


class ItemHandover(Answering, frozen=True, kw_only=True, tag="item-handover"):
    """A side that was asked has handed over an item; all without `item_number`.

    `receiver` is the person or the body that took it.
    """

    at: Timestamp
    item_number: ItemNumber | UnsetType = UNSET
    receiver: Line | UnsetType = UNSET


class ItemReceipt(Continuing, frozen=True, kw_only=True, tag="item-receipt"):
    """The side that asked has received an item; all without `item_number`."""

    at: Timestamp
    item_number: ItemNumber | UnsetType = UNSET
