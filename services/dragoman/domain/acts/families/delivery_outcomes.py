"""What the courier records: that a message was handed over to a side by other means than its pages, or given up.

One record for each message, side, means and outcome, whichever courier is the first to
say so; a message that was given up may be handed over later. Nothing rests on it: it
stops no clock, and an acknowledgement is a person's.
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
    """Return whether a message of the exchange was said to a side."""
    return any(item.id == message and side in (*item.to, *item.info) for item in exchange.messages)


def _check(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert exchange is not None and isinstance(data, CourierOutcome)
    if not is_told(exchange, data.of, data.side):
        return make_refusal("void", "Nothing of that id was said to %(side)s here.", side=data.side)
    if record.act != act_of(data):
        return make_refusal("void", "The bytes of what the courier records are determined.")
    if is_recorded(exchange, data):
        return make_refusal("void", "This outcome is on record.")
    return None


def is_recorded(exchange: Exchange, outcome: CourierOutcome) -> bool:
    """Return whether the same outcome for the same message, side and means is on record, at whatever time."""
    same_posts = (
        msgspec.json.decode(item.content["of"]) == outcome.of and _same(item, outcome)
        for item in exchange.acts.get("courier-outcome", ())
    )
    return any(same_posts)


def _same(said: Said, outcome: CourierOutcome) -> bool:
    rows = tuple(msgspec.json.decode(said.content[name]) for name in ("side", "means", "outcome"))
    return rows == (outcome.side, outcome.means, outcome.outcome)


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
