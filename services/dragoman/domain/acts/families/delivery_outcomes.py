"""Outcomes that the courier records: a message was delivered by other means, or not.

There is one record for each message, side, means and outcome, from whichever courier is
the first to record it. A message that was given up may be delivered later. Nothing
rests on an outcome: it stops no deadline, since only a person acknowledges a message.
"""

from typing import Final

import msgspec

from dragoman.domain.acts.act_rules import Rule, Who
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, make_refusal
from dragoman_schemas.acts.office.watch import CourierOutcome
from dragoman_schemas.state import Exchange, Registry, Said

ACTOR: Final = "service/courier"


def key_of(outcome: CourierOutcome) -> str:
    """Return the key of an outcome's id, the same from every courier."""
    return f"{outcome.of}/{outcome.side}/{outcome.means}/{outcome.outcome}"


def act_of(outcome: CourierOutcome) -> bytes:
    """Return the bytes of an outcome."""
    return msgspec.json.encode(outcome)


def is_told(exchange: Exchange, message: str, side: str) -> bool:
    """Return whether a message of the exchange went to a side."""
    return any(
        recorded.id == message and side in (*recorded.to, *recorded.info)
        for recorded in exchange.messages
    )


def _check(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert exchange is not None and isinstance(data, CourierOutcome)
    if not is_told(exchange, data.of, data.side):
        return make_refusal(
            "void", "No message with that id went to %(side)s in this exchange.", side=data.side
        )
    if record.act != act_of(data):
        return make_refusal(
            "void", "The bytes of an outcome that the courier records are determined."
        )
    if is_recorded(exchange, data):
        return make_refusal("void", "This outcome is on record already.")
    return None


def is_recorded(exchange: Exchange, outcome: CourierOutcome) -> bool:
    """Return whether this outcome for the same message, side and means is on record.

    The time of the outcome does not matter.
    """
    same_outcomes = (
        msgspec.json.decode(recorded.content["of"]) == outcome.of and _same(recorded, outcome)
        for recorded in exchange.acts.get("courier-outcome", ())
    )
    return any(same_outcomes)


def _same(recorded: Said, outcome: CourierOutcome) -> bool:
    members = tuple(
        msgspec.json.decode(recorded.content[name]) for name in ("side", "means", "outcome")
    )
    return members == (outcome.side, outcome.means, outcome.outcome)


RULES: Final = (
    Rule(
        act="courier-outcome",
        shape=CourierOutcome,
        who=Who.COURIER,
        silent=True,
        kept=True,
        check=_check,
    ),
)
