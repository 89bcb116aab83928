"""Two keys: the acts that two officers of a side put together, and those that one officer may send with the second due.

    act                                                                   keys
    an opening whose format says so; a meeting on a ladder                two
    the same, where it is urgent                                          two, or a duty officer with the second due
    correction, cancellation, amendment of what took two officers         two, or a duty officer with the second due
    agreement, endorsement, accounts-agreement, release-consent,          two, or any officer with the second due
    amendment-agreement, closure of what every side agreed to

What is sent on one key is listed in the exchange until a colleague turns the second key
by a `second-key`, which names the record. A notification, a correction and a
cancellation take effect at once: others must know. An act of consent and a closure by
agreement count once the second key has turned, since nothing binds a side on the word
of one officer.
"""

from enum import Enum
from typing import Final

from msgspec.structs import replace

from dragoman.domain.acts import consent
from dragoman.domain.acts.act_rules import Format, Rule
from dragoman.domain.record.codec import Record
from dragoman_schemas.act_frame import Act
from dragoman_schemas.state import Exchange, OneKey, Stamp


class OfficersNeeded(Enum):
    """The officers that an act takes."""

    ONE = "one"
    TWO = "two"
    DUTY = "two, or a duty officer with the second due"
    EITHER = "two, or any officer with the second due"


CONSENTS: Final = frozenset({"agreement", "endorsement", "accounts-agreement", "release-consent"})
"""Acts of consent that take two officers in whatever format they stand."""

WAITING: Final = CONSENTS | {"amendment", "amendment-agreement", "closure"}
"""Acts that count only once the second key has turned. An amendment is proposed at
once; its proposer stands behind it from then.
"""

BY_MATTER: Final = frozenset(
    {"amendment", "amendment-agreement", "correction", "cancellation", "closure"}
)
"""Acts that take as many officers as what they change or end."""

CHANGES: Final = frozenset({"correction", "cancellation", "amendment"})
"""Acts that change or end a message: they take as many officers as the message did."""


def asked(
    rule: Rule, form: Format | None, exchange: Exchange | None, data: Act, time: str
) -> OfficersNeeded:
    """Return the officers that an act takes: an opening by its rule, a continuing act by its exchange, whose format is `form`."""
    if getattr(data, "ad_referendum", None) is True:
        return OfficersNeeded.ONE  # it binds nobody yet
    if rule.two_key:
        return OfficersNeeded.DUTY if rule.one_key(data, time) else OfficersNeeded.TWO
    if exchange is None or form is None:
        return OfficersNeeded.ONE
    if rule.act in CHANGES and (form.rule.two_key or _is_bound(exchange, form)):
        return OfficersNeeded.DUTY
    return (
        OfficersNeeded.EITHER
        if is_consent(rule.act, form) or (rule.act == "closure" and is_agreed(exchange, form))
        else OfficersNeeded.ONE
    )


def is_consent(act: str, form: Format) -> bool:
    """Return whether an act is a consent that binds its side: an amendment is one where its format is agreed to, and not only accepted."""
    return act in CONSENTS or (
        act in ("amendment", "amendment-agreement")
        and not form.moves.keys().isdisjoint(consent.BINDING)
    )


def _is_bound(exchange: Exchange, form: Format) -> bool:
    return not form.moves.keys().isdisjoint(consent.BINDING) and consent.is_bound(exchange)


def is_agreed(exchange: Exchange, form: Format) -> bool:
    """Return whether every side stands behind the text, or behind the same facts: its closure ends something that all agreed to."""
    if "accounts-agreement" in form.moves:
        return consent.standing(exchange, "accounts-agreement") >= {exchange.side, *exchange.to}
    return _is_bound(exchange, form) and consent.parties(exchange) <= consent.agreed(exchange)


def noted(exchange: Exchange, record: Record, stamp: Stamp) -> Exchange:
    """Return the exchange with a record of one officer among those whose second key is due."""
    return replace(
        exchange,
        one_key=(*exchange.one_key, OneKey(id=record.envelope.id, act=record.name, sent=stamp)),
    )


def sent(exchange: Exchange, id: str) -> OneKey | None:
    """Return what is known of a record that went on one key; None of any other record."""
    return next((one_key for one_key in exchange.one_key if one_key.id == id), None)


def due(exchange: Exchange) -> tuple[OneKey, ...]:
    """Return the records whose second key is due: not turned, and of a consent, not taken back."""
    withdrawn = consent.withdrawn(exchange) if exchange.one_key else ()
    return tuple(
        one_key
        for one_key in exchange.one_key
        if one_key.second is None and one_key.id not in withdrawn
    )


def turned(exchange: Exchange, id: str, stamp: Stamp) -> Exchange:
    """Return the exchange with the second key of a record turned. A closure counts from here."""
    keys = tuple(
        replace(one_key, second=stamp) if one_key.id == id else one_key
        for one_key in exchange.one_key
    )
    closed = next((key.sent.side for key in keys if key.id == id and key.act == "closure"), "")
    closures = {closed: stamp, **exchange.closures} if closed else exchange.closures
    return replace(exchange, one_key=keys, closures=closures)
