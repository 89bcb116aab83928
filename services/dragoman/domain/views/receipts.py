"""Receipts: the facts of one addressee about one message.

    delivered      the message was at a station of the side
    acknowledged   a person of the side had it
    answered       the side answered it
    passed on      the side says that it told its own posts
    account        the side gave its own account of the event in the message

They follow from the exchange and from the reports of delivery. The delivery is proved
by a report or by the acknowledgement, whichever is earlier. So an acknowledgement
proves delivery even where reports came later or never. An own account is no answer to a
question, and the state does not mark it as one. But a side that has given its account
of a report has not been silent about it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.acts import event_windows, passing_on
from dragoman.domain.acts.families.exchange import owing_receipt
from dragoman.domain.acts.passing_on import ToldPost
from dragoman_schemas.state import Exchange, Message, Registry, Stamp

_TELLING: Final = frozenset(
    {"update", "correction", "contained", "final-report", "counter-account"}
)
"""Acts, besides the opening, that report on the event itself."""


class AddresseeReceipts(Struct, frozen=True, kw_only=True):
    """The facts of one addressee about one message.

    `delivered` is a time, empty for never. The others are records, None where there is
    none. `told` are the posts to which the side says it passed the message on.
    `not_told` are the posts of its onward list that it has not told.
    """

    owes: bool
    delivered: str
    acknowledged: Stamp | None
    answered: Stamp | None
    account: Stamp | None
    told: tuple[ToldPost, ...] = ()
    not_told: tuple[str, ...] = ()


def awaited_from(registry: Registry, exchange: Exchange, message: Message) -> tuple[str, ...]:
    """Return the addressees that still owe a receipt of a message.

    Nobody owes one after the end of the channel.
    """
    return () if registry.ended is not None else owing_receipt(exchange, message)


def receipts_of(
    registry: Registry, exchange: Exchange, message: Message, side: str, delivered: str
) -> AddresseeReceipts:
    """Return the facts of an addressee about a message.

    `delivered` is the time of a report of delivery; empty for none.
    """
    acknowledged = message.acknowledged.get(side)
    return AddresseeReceipts(
        owes=side in message.to
        and not message.for_the_record
        and (acknowledged is not None or side in owing_receipt(exchange, message)),
        delivered=delivered if acknowledged is None else _earlier(delivered, acknowledged.time),
        acknowledged=acknowledged,
        answered=message.answered.get(side),
        account=account_after(exchange, message, side),
        told=passing_on.told_posts(exchange, side, message),
        not_told=passing_on.posts_to_tell(registry, exchange, side, message)
        if passes_on(exchange, message)
        else (),
    )


class NewestFact(Struct, frozen=True, kw_only=True):
    """The newest message of which a fact of receipt holds, and the time of the fact."""

    message: Message
    time: str


class SideReceipts(Struct, frozen=True, kw_only=True):
    """One side's receipts of all messages to it, in one row.

    Each fact is that of the newest message for which it is known. `waiting` are the
    messages whose receipt the side still owes.
    """

    side: str
    seen: NewestFact | None = None
    acknowledged: NewestFact | None = None
    passed_on: NewestFact | None = None
    answered: NewestFact | None = None
    waiting: tuple[str, ...] = ()


def by_side(
    receipts: Iterable[tuple[Message, str, AddresseeReceipts]],
) -> tuple[SideReceipts, ...]:
    """Return one row of receipts for each side, in the order of their first messages.

    `receipts` has the messages in the order of their records.
    """
    rows: dict[str, SideReceipts] = {}
    for message, side, facts in receipts:
        row = rows.setdefault(side, SideReceipts(side=side))
        answer = facts.answered or facts.account
        passed_on = max((post.said.time for post in facts.told), default="")
        row = replace(
            row,
            seen=_newest(row.seen, message, facts.delivered),
            acknowledged=_newest(row.acknowledged, message, _time(facts.acknowledged)),
            passed_on=_newest(row.passed_on, message, passed_on),
            answered=_newest(row.answered, message, _time(answer)),
        )
        if facts.owes and facts.acknowledged is None:
            row = replace(row, waiting=(*row.waiting, message.id))
        rows[side] = row
    return tuple(rows.values())


def _newest(earlier: NewestFact | None, message: Message, time: str) -> NewestFact | None:
    return NewestFact(message=message, time=time) if time else earlier


def _time(stamp: Stamp | None) -> str:
    return "" if stamp is None else stamp.time


def passes_on(exchange: Exchange, message: Message) -> bool:
    """Return whether a message is one that its addressees pass on.

    It is the opening, or the message that names the window of today.
    """
    return message.id in (exchange.id, event_windows.naming_message(exchange).id)


def account_after(exchange: Exchange, message: Message, side: str) -> Stamp | None:
    """Return the side's first own account after a message that reports on the event.

    None where there is no such account, and for every other message.
    """
    if message.id != exchange.id and message.act not in _TELLING:
        return None
    stamps = (account.given for account in exchange.accounts.get(side, ()))
    return next((stamp for stamp in stamps if stamp.position > message.said.position), None)


def _earlier(reported: str, proven: str) -> str:
    return min(reported or proven, proven, key=datetime.fromisoformat)
