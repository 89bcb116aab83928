"""The closing of a matter: each side closes it for itself, and silence agrees.

    the opener closes it       a limit begins for each action addressee
    an addressee closes it     it agrees
    an addressee says more     it objects, until it closes
    an account differs         its side objects, until it closes
    an addressee says nothing  it agrees once its limit, `objection`, has lapsed

A side's closure stands until that side says something more. The matter is closed once
the opener's closure stands, nobody objects, and nobody's limit runs. Whoever says
nothing loses nothing: a reply and an account stay possible, also afterwards.

A limit for objections is no duty. It binds in each channel that has limits, adopted or
not. Without limits (a Track-2 or desk channel, an act for the record) nobody is waited
for.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from dragoman.domain.acts import accounts
from dragoman.domain.acts.deadline_builder import (
    UNTIMED,
    Deadline,
    instant,
    profile_of,
    timestamp,
)
from dragoman.domain.acts.families.exchange import FINAL
from dragoman_schemas.state import Exchange, Registry, Stamp, StateClosure

CLOCK: Final = "objection"
SILENCE: Final = "silence"
"""The clock of a draft to which whoever is silent agrees."""


def with_closure(
    registry: Registry, exchange: Exchange, side: str, id: str, stamp: Stamp
) -> Exchange:
    """Return the exchange with a side's closure, which counts from a stamp.

    `id` is the record by which the side closed it.
    """
    until = ""
    if side == exchange.side and registry.kind not in UNTIMED and not exchange.for_the_record:
        limits, _ = profile_of(registry)
        until = timestamp(instant(stamp.time) + timedelta(seconds=limits.objection))
    closure = StateClosure(id=id, closed=stamp, objections_until=until)
    return replace(exchange, closures={**exchange.closures, side: closure})


def objecting(exchange: Exchange) -> set[str]:
    """Return the sides that object to the opener's closure."""
    closure = exchange.closures.get(exchange.side)
    differing = {side for side, fields in accounts.differing(exchange).items() if fields}
    said_more = {
        message.said.side
        for message in exchange.messages
        if closure is not None and message.said.position > closure.closed.position
    }
    return (differing | (said_more & set(exchange.to))) - exchange.closures.keys()


def waited_for(exchange: Exchange) -> tuple[str, ...]:
    """Return the action addressees that may still object to the opener's closure.

    They have not closed the matter, do not object, and their limit has not lapsed.
    """
    closure = exchange.closures.get(exchange.side)
    if closure is None or not closure.objections_until or exchange.status in FINAL:
        return ()
    silent = {
        msgspec.json.decode(item.content["side"])
        for item in exchange.acts.get("lapse", ())
        if msgspec.json.decode(item.content["started_by"]) == closure.id
    }
    others = exchange.closures.keys() | objecting(exchange) | silent | set(exchange.observers)
    return tuple(side for side in exchange.to if side not in others)


def lapsed(exchange: Exchange, status: str) -> str:
    """Return the status after a lapse, which adopts a draft or may close a matter."""
    return status if exchange.act == "silence-procedure" else settled(exchange, status)


def silence_limits(exchange: Exchange) -> Iterator[Deadline]:
    """Yield the time until which officers of a side may object to a draft."""
    if exchange.status == "circulating":
        yield Deadline(
            clock=SILENCE,
            side=exchange.side,
            started_by=exchange.id,
            begins=instant(exchange.opened.time),
            due=instant(msgspec.json.decode(exchange.content["until"])),
            met=None,
            binding=True,
        )


def settled(exchange: Exchange, status: str) -> str:
    """Return the status after a closure, or after the limit of a side has lapsed.

    Only with the opener's closure does a matter end: nobody can end a deadline of their
    own by closing it.
    """
    is_over = (
        exchange.status not in FINAL
        and exchange.side in exchange.closures
        and not objecting(exchange)
        and not waited_for(exchange)
    )
    return "closed" if is_over else exchange.status


def objection_limits(exchange: Exchange) -> Iterator[Deadline]:
    """Yield the limit of each side that may still object."""
    for side in waited_for(exchange):
        closure = exchange.closures[exchange.side]
        yield Deadline(
            clock=CLOCK,
            side=side,
            started_by=closure.id,
            begins=instant(closure.closed.time),
            due=instant(closure.objections_until),
            met=None,
            binding=True,
        )
