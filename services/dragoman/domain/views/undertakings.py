"""The standing of undertakings: who said it, who agrees, and whether it was done.

    late        every side agreed that it was undertaken, and its date has passed
    due         every side agreed that it was undertaken, and its date is to come
    said        not every addressed side agrees; it stands as said by its author
    refused     an addressed side says that it was not undertaken
    done        its side says that it is done, and nobody has confirmed it
    confirmed   another side confirmed it
    ended       it was taken back, or closed without a confirmation

A disputed fulfilment leaves the undertaking late or due. A recurring one is late from a
missed interval until the next one is given, and from the end of its period.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, get_args

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.domain.acts.families import recurrence, undertaking
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


def next_acts(view: UndertakingView, side: str) -> tuple[str, ...]:
    """Return the acts by which a side may answer an undertaking in a list."""
    answer = next((word.answer for word in view.answers if word.side == side), None)
    if view.standing in ("said", "refused") and answer not in (None, "agreed"):
        if answer == "second_key_due":
            return ("second-key",)
        return ("agreement",) if answer == "refused" else ("agreement", "decline")
    if view.by == side:
        return ("fulfilment",) if view.standing in ("late", "due", "said", "refused") else ()
    is_done = view.standing == "done" and (answer is not None or side == view.said_by)
    return ("fulfilment-confirmation", "fulfilment-dispute") if is_done else ()


def in_order(views: Iterable[UndertakingView]) -> list[UndertakingView]:
    """Return undertakings by their dates, the earliest first."""
    return sorted(views, key=lambda view: (_instant(view.by_when), view.number))


def undertaking_view(exchange: Exchange, sides: Sequence[str], now: datetime) -> UndertakingView:
    """Return an undertaking with its standing at a moment."""
    done = recurrence.said_done(exchange)
    verdicts = undertaking.verdicts(exchange)
    disputes = tuple(_disputes(exchange, sides))
    by_when = str(_value(exchange.content["by_when"]))
    done_at = "" if done is None else str(_value(done.content["at"]))
    is_done = done is not None and exchange.status != "disputed"
    view = UndertakingView(
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
        done_said="" if done is None else done.said.when,
        confirmed_by=tuple(side for side in sides if verdicts.get(side) == _CONFIRMATION),
        disputes=disputes,
    )
    counts = interval_counts(exchange, now)
    if counts is None:
        return view
    return replace(
        view,
        late=view.late or counts.missed > 0,
        every_hours=int(counts.every.total_seconds()) // 3600,
        intervals=counts.count,
        given=counts.given,
        missed=counts.missed,
        last_given=counts.last_given,
        next_due=counts.next_due,
    )


class IntervalCounts(Struct, frozen=True, kw_only=True):
    """The numbers of the intervals of a recurring undertaking.

    `in_arrears` says that the newest interval that is over was missed, and no later one
    was given.
    """

    every: timedelta
    count: int
    given: int
    missed: int
    last_given: str
    next_due: str
    in_arrears: bool


def interval_counts(exchange: Exchange, now: datetime) -> IntervalCounts | None:
    """Return the counts of a recurring undertaking at a moment; None for any other.

    Nothing is missed before every side agrees, nor after it was done, or closed.
    """
    recurs = recurrence.recurrence_of(exchange)
    if recurs is None:
        return None
    words = recurrence.given(exchange, recurs)
    over = recurs.over(_owed_until(exchange, now))
    missed = (
        over - sum(interval < over for interval in words) if recurrence.is_owed(exchange) else 0
    )
    due = next((item for item in range(over, recurs.count) if item not in words), None)
    runs = exchange.status in ("undertaken", "disputed")
    newest = max(
        (str(_value(item.content["at"])) for item in words.values()), key=_instant, default=""
    )
    return IntervalCounts(
        every=recurs.every,
        count=recurs.count,
        given=len(words),
        missed=missed,
        last_given=newest,
        next_due=recurs.due(due).strftime("%Y-%m-%dT%H:%M:%SZ") if runs and due is not None else "",
        in_arrears=missed > 0 and max(words, default=-1) < over - 1,
    )


def _owed_until(exchange: Exchange, now: datetime) -> datetime:
    """Return the moment until which intervals count: now, or when it ended."""
    done = recurrence.said_done(exchange)
    stops = [] if exchange.closed is None else [exchange.closed.when]
    if done is not None and exchange.status not in ("undertaken", "disputed"):
        stops.append(done.said.when)
    return min((now, *map(_instant, stops)))


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
            counts = interval_counts(exchange, now)
            return "late" if now > due or (counts and counts.in_arrears) else "due"


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
