"""The standing of undertakings: who said it, who agrees, and whether it was done.

    late        every side agreed that it was undertaken, and its date has passed
    due         every side agreed that it was undertaken, and its date is to come
    said        not every addressed side agrees; it stands as said by its author
    refused     an addressed side says that it was not undertaken
    done        its side says that it is done, and nobody has confirmed it
    confirmed   another side confirmed it
    ended       it was taken back, or closed without a confirmation

A disputed fulfilment leaves the undertaking late or due.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, get_args

import msgspec
from msgspec import Raw

from dragoman.domain.acts.families import undertaking
from dragoman.domain.views.answers import answers
from dragoman_schemas.agreement_responses import (
    SidesUndertakings,
    UndertakingDispute,
    UndertakingStanding,
    UndertakingView,
)
from dragoman_schemas.state import Exchange

ORDER: Final[tuple[UndertakingStanding, ...]] = get_args(UndertakingStanding)
"""The standings in the order of lists, the most pressing first."""

OPEN: Final = frozenset({"late", "due", "said", "refused", "done"})
"""The standings in which something is still to be said or done."""

_CONFIRMATION, _DISPUTE = "fulfilment-confirmation", "fulfilment-dispute"


def by_side(
    exchanges: Iterable[Exchange], sides: Sequence[str], now: datetime
) -> tuple[SidesUndertakings, ...]:
    """Return the undertakings of each side, in the order of their dates.

    Every side has an entry, in the order of `sides`.
    """
    views = in_order(undertaking_view(exchange, sides, now) for exchange in exchanges)
    return tuple(
        SidesUndertakings(side=side, undertakings=tuple(view for view in views if view.by == side))
        for side in sides
    )


def in_order(views: Iterable[UndertakingView]) -> list[UndertakingView]:
    """Return undertakings by their dates, the earliest first."""
    return sorted(views, key=lambda view: (_instant(view.by_when), view.number))


def undertaking_view(exchange: Exchange, sides: Sequence[str], now: datetime) -> UndertakingView:
    """Return an undertaking with its standing at a moment."""
    done = exchange.acts.get("fulfilment", ())
    verdicts = undertaking.verdicts(exchange)
    disputes = tuple(_disputes(exchange, sides))
    by_when = str(_value(exchange.content["by_when"]))
    done_at = str(_value(done[-1].content["at"])) if done else ""
    is_done = bool(done) and exchange.status != "disputed"
    return UndertakingView(
        exchange=exchange.id,
        number=exchange.number,
        by=undertaking.undertaker(exchange),
        what=Raw(exchange.content["what"]),
        by_when=by_when,
        of=str(_value(exchange.content["of"])) if "of" in exchange.content else "",
        standing=standing_of(exchange, now),
        status=exchange.status,
        late=(_instant(done_at) if is_done else now) > _instant(by_when)
        and exchange.status != "cancelled",
        said_by=exchange.side,
        said_at=exchange.opened.when,
        answers=tuple(answers(exchange).values()),
        done_at=done_at,
        done_said=done[-1].said.when if done else "",
        confirmed_by=tuple(side for side in sides if verdicts.get(side) == _CONFIRMATION),
        disputes=disputes,
    )


def standing_of(exchange: Exchange, now: datetime) -> UndertakingStanding:
    """Return the standing of an undertaking at a moment."""
    match exchange.status:
        case "said" | "refused" | "done" | "confirmed" as status:
            return status
        case "closed":
            verdicts = {*undertaking.verdicts(exchange).values()}
            return "confirmed" if verdicts == {_CONFIRMATION} else "ended"
        case "cancelled":
            return "ended"
        case _:
            due = _instant(str(_value(exchange.content["by_when"])))
            return "late" if now > due else "due"


def _disputes(exchange: Exchange, sides: Sequence[str]) -> Iterator[UndertakingDispute]:
    """Yield the disputes that no confirmation of the same side has ended."""
    verdicts = undertaking.verdicts(exchange)
    newest = {item.said.side: item for item in exchange.acts.get(_DISPUTE, ())}
    for side in sides:
        if verdicts.get(side) == _DISPUTE:
            item = newest[side]
            reason = msgspec.json.decode(item.content["reason"])
            yield UndertakingDispute(side=side, since=item.said.when, reason=reason)


def _value(raw: Raw) -> object:
    value: object = msgspec.json.decode(bytes(raw))
    return value


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
