"""What the courier records: that a message was handed over to a side by other means than its pages, or given up.

One record for each message, side, means and outcome, whichever courier is the first to say so; a message that was given up may be
handed over later. Nothing rests on it: it stops no clock, and an acknowledgement is a person's.
"""

from typing import Final

import msgspec

from dragoman.domain import ids
from dragoman.domain.record import Record
from dragoman.domain.refusal import Refusal
from dragoman.domain.rule import Rule, Who
from dragoman.sentence import sentence
from dragoman_schemas.acts.watch import CourierOutcome
from dragoman_schemas.state import Exchange, Registry

ACTOR: Final = "service/courier"


def id_of(channel: str, outcome: CourierOutcome) -> str:
    """The id of an outcome, the same from every courier."""
    return ids.from_key(channel, ACTOR, f"{outcome.of}/{outcome.side}/{outcome.means}/{outcome.outcome}")


def act_of(outcome: CourierOutcome) -> bytes:
    """The bytes of an outcome."""
    return msgspec.json.encode(outcome)


def is_told(exchange: Exchange, message: str, side: str) -> bool:
    """Whether a message of the exchange was said to a side."""
    return any(each.id == message and side in (*each.to, *each.info) for each in exchange.messages)


def _check(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert exchange is not None and isinstance(data, CourierOutcome)
    if not is_told(exchange, data.of, data.side):
        return Refusal(kind="void", detail=sentence("Nothing of that id was said to %(side)s here.", side=data.side))
    if record.envelope.id != id_of(registry.name, data) or record.act != act_of(data):
        return Refusal(kind="void", detail=sentence("The bytes and the id of what the courier records are determined."))
    return None


RULES: Final = (Rule(act="courier-outcome", shape=CourierOutcome, who=Who.COURIER, silent=True, kept=True, check=_check),)
