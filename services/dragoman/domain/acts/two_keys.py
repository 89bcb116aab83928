"""Two keys: the acts that need two officers of a side.

    act                                                       keys
    an opening whose format says so; a meeting on a ladder    two
    the same, where it is urgent                              two, or a duty officer
    correction, retraction, cancellation or amendment of an   two, or a duty officer
    act that took two officers
    agreement, endorsement, adoption, accounts-agreement,     two, or any officer
    release-consent, amendment-agreement, closure of a text
    that every side agreed to

An officer who may act alone does so with the second key due. Such an act is listed in
the exchange until a colleague turns the second key. The colleague does so by a
`second-key`, which names the record.

A notification, a correction and a cancellation take effect at once, because others must
know. An act of consent and a closure by agreement count once the second key has turned.
Nothing binds a side on the word of one officer.
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
    """The officers that an act needs."""

    ONE = "one"
    TWO = "two"
    DUTY = "two, or a duty officer with the second due"
    EITHER = "two, or any officer with the second due"


CONSENTS: Final = frozenset(
    {"agreement", "endorsement", "accounts-agreement", "release-consent", "adoption"}
)
"""Acts of consent that need two officers in every format."""

WAITING: Final = CONSENTS | {"amendment", "amendment-agreement", "closure"}
"""Acts that count only once the second key has turned.

An amendment is proposed at once; its proposer stands behind it from then.
"""

BY_MATTER: Final = frozenset(
    {"amendment", "amendment-agreement", "correction", "retraction", "cancellation", "closure"}
)
"""Acts that need as many officers as the act that they change or end."""

CHANGES: Final = frozenset({"correction", "retraction", "cancellation", "amendment"})
"""Acts that change or end a message.

They need as many officers as the message did.
"""


def officers_needed(
    rule: Rule, form: Format | None, exchange: Exchange | None, data: Act, time: str
) -> OfficersNeeded:
    """Return the officers that an act needs.

    An opening's rule decides for an opening. For a continuing act, its exchange
    decides; `form` is the format of the exchange.
    """
    if getattr(data, "ad_referendum", None) is True:
        return OfficersNeeded.ONE  # It binds nobody yet.
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
    """Return whether an act is a consent that binds its side.

    An amendment is one if its format is agreed to, and not only accepted.
    """
    return act in CONSENTS or (
        act in ("amendment", "amendment-agreement")
        and not form.moves.keys().isdisjoint(consent.BINDING)
    )


def _is_bound(exchange: Exchange, form: Format) -> bool:
    """Return whether another side consents to the text of a format that binds."""
    return not form.moves.keys().isdisjoint(consent.BINDING) and consent.is_bound(exchange)


def is_agreed(exchange: Exchange, form: Format) -> bool:
    """Return whether every side consents to the text, or to the same facts.

    Then a closure ends a matter that all sides have agreed to.
    """
    if "accounts-agreement" in form.moves:
        return consent.is_facts_agreed(exchange)
    return _is_bound(exchange, form) and consent.parties(exchange) <= consent.agreed(exchange)


def with_second_key_due(exchange: Exchange, record: Record, stamp: Stamp) -> Exchange:
    """Return the exchange with a record added whose second key is due."""
    return replace(
        exchange,
        one_key=(*exchange.one_key, OneKey(id=record.envelope.id, act=record.name, sent=stamp)),
    )


def one_key_entry(exchange: Exchange, id: str) -> OneKey | None:
    """Return the entry of a record that went on one key; None for any other record."""
    return next((one_key for one_key in exchange.one_key if one_key.id == id), None)


def due(exchange: Exchange) -> tuple[OneKey, ...]:
    """Return the records whose second key is due.

    It has not turned yet, and if the act is a consent, it was not taken back.
    """
    withdrawn = consent.withdrawn(exchange) if exchange.one_key else ()
    return tuple(
        one_key
        for one_key in exchange.one_key
        if one_key.second is None and one_key.id not in withdrawn
    )


def with_second_key_turned(exchange: Exchange, id: str, stamp: Stamp) -> Exchange:
    """Return the exchange with the second key of a record turned."""
    keys = tuple(
        replace(one_key, second=stamp) if one_key.id == id else one_key
        for one_key in exchange.one_key
    )
    return replace(exchange, one_key=keys)
