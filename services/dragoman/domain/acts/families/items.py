"""Requests for things: who has each of them, and whether it was handed over.

    requested ──item-handover of all──▶ handed_over ──item-receipt of all──▶ received
    requested ──decline──▶ refused ──item-handover of all──▶ handed_over

Every side may say who has an item. The sides that are asked hand over; the side that
asked says what it has received.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import UNSET, Struct

from dragoman.domain.acts import field_checks
from dragoman.domain.acts.act_rules import Format, Rule, Who, opening
from dragoman.domain.acts.families.exchange import moves_of_format
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import Text, sentence, verbatim
from dragoman_schemas.acts.meeting.item_request import (
    Item,
    ItemHandover,
    ItemHolder,
    ItemReceipt,
    ItemRequest,
)
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import Exchange, Registry, Said

_LIVE: Final = ("requested", "refused", "handed_over", "received")
_WAITING: Final = ("requested", "refused")
_HOLDER, _HANDOVER, _RECEIPT = "item-holder", "item-handover", "item-receipt"


def _check(
    registry: Registry, exchange: Exchange | None, record: Record[ItemRequest]
) -> Refusal | None:
    return field_checks.times(wanted_by=record.data.wanted_by)


def _check_item(
    registry: Registry,
    exchange: Exchange | None,
    record: Record[ItemHolder | ItemHandover | ItemReceipt],
) -> Refusal | None:
    """Refuse an item that the request does not have."""
    assert exchange is not None
    count, number = len(items_of(exchange)), or_default(record.data.item_number, 1)
    if number > count:
        return invalid(
            "/item_number",
            sentence("the request has %(n)s items; name one of them by its number", n=count),
        )
    data = record.data
    if isinstance(data, ItemHolder):
        since = UNSET if data.since == field_checks.UNKNOWN else data.since
        return field_checks.happened(record.envelope.time, since=since) or field_checks.place(
            "/place", data.place
        )
    return field_checks.happened(record.envelope.time, at=data.at)


def items_of(exchange: Exchange) -> tuple[Item, ...]:
    """Return the items of a request, as it reads now."""
    return msgspec.json.decode(exchange.present["items"], type=tuple[Item, ...])


class ItemStanding(Struct, frozen=True, kw_only=True):
    """The newest word on an item: who has it, when it was handed over and received."""

    item: Item
    holder: Said | None
    handed_over: Said | None
    received: Said | None


def standings(exchange: Exchange) -> tuple[ItemStanding, ...]:
    """Return the standing of each item of a request."""
    return tuple(
        ItemStanding(
            item=item,
            holder=_newest(exchange.acts.get(_HOLDER, ()), number),
            handed_over=_newest(exchange.acts.get(_HANDOVER, ()), number),
            received=_newest(exchange.acts.get(_RECEIPT, ()), number),
        )
        for number, item in enumerate(items_of(exchange), start=1)
    )


def _newest(acts: Iterable[Said], number: int) -> Said | None:
    """Return the newest act about an item, or about all items."""
    about = [act for act in acts if int(bytes(act.content.get("item_number", b"0"))) in (0, number)]
    return about[-1] if about else None


def _handed_over(exchange: Exchange, status: str) -> str:
    is_all = all(item.handed_over is not None for item in standings(exchange))
    return status if is_all else exchange.status


def _received(exchange: Exchange, status: str) -> str:
    is_all = all(item.received is not None for item in standings(exchange))
    return status if is_all else exchange.status


def _title(data: ItemRequest) -> Text:
    return sentence("Request for things: %(purpose)s", purpose=verbatim(data.purpose))


ITEM_REQUEST: Final = Format(
    rule=opening("item-request", ItemRequest, "meeting", check=_check),
    code="ITEM",
    start="requested",
    moves=moves_of_format(
        _LIVE,
        {
            "decline": {"requested": "refused"},
            _HOLDER: {status: status for status in _LIVE},
            _HANDOVER: {**dict.fromkeys(_WAITING, "handed_over"), "handed_over": "handed_over"},
            _RECEIPT: {
                **dict.fromkeys((*_WAITING, "handed_over"), "received"),
                "received": "received",
            },
        },
        cancellable=_WAITING,
        declinable=_WAITING,
    ),
    title=_title,
)

FORMATS: Final = (ITEM_REQUEST,)

RULES: Final = (
    Rule(
        act=_HOLDER,
        shape=ItemHolder,
        who=Who.ANY,
        acknowledges=True,
        message=True,
        kept=True,
        check=_check_item,
    ),
    Rule(
        act=_HANDOVER,
        shape=ItemHandover,
        who=Who.ADDRESSEE,
        acknowledges=True,
        answers=True,
        message=True,
        kept=True,
        check=_check_item,
        settle=_handed_over,
    ),
    Rule(
        act=_RECEIPT,
        shape=ItemReceipt,
        who=Who.OPENER,
        acknowledges=True,
        message=True,
        kept=True,
        check=_check_item,
        settle=_received,
    ),
)
