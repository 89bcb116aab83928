"""What each addressee has done with a message: delivered, acknowledged, answered, each with its time and how long it took."""

from collections.abc import Iterable

from msgspec import Struct

from dragoman.gateway.console.page import Here
from dragoman.language.words import as_moment
from dragoman_schemas.answers import Fact
from dragoman_schemas.state import Exchange, Message, Stamp


class Receipt(Struct, frozen=True, kw_only=True):
    """The three facts of one addressee. `who` acknowledged is said by role; times that were taken are in seconds."""

    fact: Fact
    who: str = ""
    acknowledged_s: float | None = None
    answered_s: float | None = None


class Received(Struct, frozen=True, kw_only=True):
    """One message, and what every addressee has done with it."""

    message: Message
    receipts: tuple[Receipt, ...]


def of(here: Here, state: Exchange, facts: Iterable[Fact], message: str = "") -> list[Received]:
    """Return each message of an exchange with its receipts; of one message alone where it is named."""
    known = {each.id: each for each in state.messages if not message or each.id == message}
    found: dict[str, list[Receipt]] = {}
    for fact in facts:
        if fact.message in known:
            found.setdefault(fact.message, []).append(_receipt(here, known[fact.message], fact))
    return [Received(message=known[id], receipts=tuple(receipts)) for id, receipts in found.items()]


def _receipt(here: Here, message: Message, fact: Fact) -> Receipt:
    acknowledged, answered = message.acknowledged.get(fact.side), message.answered.get(fact.side)
    officer = None if acknowledged is None else here.projection.registry.officers.get(acknowledged.by)
    return Receipt(
        fact=fact,
        who="" if officer is None else here.words.value(officer.roles[0]),
        acknowledged_s=_took(message, acknowledged),
        answered_s=_took(message, answered),
    )


def _took(message: Message, stamp: Stamp | None) -> float | None:
    return None if stamp is None else (as_moment(stamp.time) - as_moment(message.said.time)).total_seconds()
