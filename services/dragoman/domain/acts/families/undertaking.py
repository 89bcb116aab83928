"""Undertakings of the sides: what, by when, whether agreed, and whether done.

    said ──every agreement──▶ undertaken ──fulfilment──▶ done
    said ──decline──▶ refused

    done ──fulfilment-confirmation──▶ confirmed
    done ──fulfilment-dispute──▶ disputed ──fulfilment──▶ done
    confirmed ──fulfilment-dispute of another side──▶ disputed

Either side may record what a side undertook. It is *said by* its author until every
addressed side agrees that it was undertaken. Only then does its limit bind. Where a
side disputed that it is done, that side itself must confirm it. No other side can do so
in its place.

A recurring one is done once each interval is given, or its side says so of the whole.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import UnsetType

from dragoman.domain.acts import consent, field_checks
from dragoman.domain.acts.access import observers
from dragoman.domain.acts.act_rules import Format, Rule, Who, opening
from dragoman.domain.acts.families import recurrence
from dragoman.domain.acts.families.exchange import moves_of_format
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import NameValue, Text, sentence, verbatim
from dragoman_schemas.acts.meeting.undertaking import (
    Fulfilment,
    FulfilmentConfirmation,
    FulfilmentDispute,
    Undertaking,
)
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import Exchange, Registry

_ASKED: Final = ("said", "refused")
_LIVE: Final = (*_ASKED, "undertaken", "done", "disputed", "confirmed")
_DOING: Final = (*_ASKED, "undertaken", "disputed")
_CONFIRMATION, _DISPUTE = "fulfilment-confirmation", "fulfilment-dispute"


def _check(
    registry: Registry, exchange: Exchange | None, record: Record[Undertaking]
) -> Refusal | None:
    data = record.data
    refusal = field_checks.times(by_when=data.by_when) or field_checks.side(
        registry, "/by", data.by
    )
    if refusal is None and data.by in observers(registry):
        return invalid(
            "/by",
            sentence("%(side)s observes this channel and undertakes nothing", side=data.by),
        )
    refusal = refusal or _check_recurring(data)
    addressed = (
        data.by not in or_default(data.info, ())
        and (isinstance(data.to, UnsetType) or data.by in data.to)
        and data.by in or_default(data.signatories, (data.by,))
    )
    if refusal is None and data.by != record.side and not addressed:
        return invalid(
            "/to",
            sentence(
                "%(side)s undertakes it and must agree; add it to the addressees", side=data.by
            ),
        )
    return refusal


def _check_recurring(data: Undertaking) -> Refusal | None:
    """Refuse a period that has no interval, or too many."""
    if isinstance(data.recurring, UnsetType):
        return None
    begins, ends = field_checks.moment(data.recurring.begins), field_checks.moment(data.by_when)
    if begins is None:
        return field_checks.time("/recurring/begins", data.recurring.begins)
    assert ends is not None
    if ends <= begins:
        return invalid("/by_when", sentence("the time ends before it begins; check its end"))
    most = recurrence.MOST
    if ends - begins > most * timedelta(hours=data.recurring.every_hours):
        return invalid(
            "/recurring/every_hours", sentence("a period has at most %(n)s intervals", n=most)
        )
    return None


def undertaker(exchange: Exchange) -> str:
    """Return the side that undertook something."""
    return str(msgspec.json.decode(exchange.content["by"]))


def _check_done(
    registry: Registry, exchange: Exchange | None, record: Record[Fulfilment]
) -> Refusal | None:
    """Refuse the word of a side that did not undertake it."""
    assert exchange is not None
    if record.side != undertaker(exchange):
        return invalid(
            "/act",
            sentence(
                "%(side)s undertook this and says when it is done; you confirm or dispute that",
                side=undertaker(exchange),
            ),
        )
    refusal = field_checks.happened(record.envelope.time, at=record.data.at)
    recurs = recurrence.recurrence_of(exchange)
    if refusal is not None or recurs is None or record.data.complete is True:
        return refusal
    if recurs.of(datetime.fromisoformat(record.data.at)) is None:
        return invalid("/at", sentence("this is outside the period of what your side undertook"))
    return None


def _check_answer(
    registry: Registry,
    exchange: Exchange | None,
    record: Record[FulfilmentConfirmation | FulfilmentDispute],
) -> Refusal | None:
    """Refuse a verdict of the side that undertook it.

    Refuse also a dispute of a side that has confirmed that it is done.
    """
    assert exchange is not None
    if record.side == undertaker(exchange):
        return invalid("/act", sentence("you undertook this; another side confirms or disputes it"))
    if exchange.status == "confirmed" and verdicts(exchange).get(record.side) == _CONFIRMATION:
        return invalid("/act", sentence("your side has confirmed that it is done"))
    return None


def verdicts(exchange: Exchange) -> dict[str, str]:
    """Return each side's newest verdict on what was done, by the name of its act."""
    acts = [
        (item.said.position, item.said.side, act)
        for act in (_CONFIRMATION, _DISPUTE)
        for item in exchange.acts.get(act, ())
    ]
    return {side: act for _, side, act in sorted(acts)}


def _confirmed(exchange: Exchange, status: str) -> str:
    """Return the status after a confirmation, once no side disputes that it is done."""
    return exchange.status if _DISPUTE in verdicts(exchange).values() else status


def _done(exchange: Exchange, status: str) -> str:
    """Return the status after a fulfilment, once no interval is owed."""
    return exchange.status if recurrence.said_done(exchange) is None else status


def _title(data: Undertaking) -> Text:
    what = verbatim(data.what)
    return sentence("Undertaking of %(side)s: %(what)s", side=NameValue("side", data.by), what=what)


UNDERTAKING: Final = Format(
    rule=opening("undertaking", Undertaking, "meeting", check=_check),
    code="UNDER",
    start="said",
    moves=moves_of_format(
        _LIVE,
        {
            "agreement": dict.fromkeys(_ASKED, "undertaken"),
            "fulfilment": dict.fromkeys(_DOING, "done"),
            "fulfilment-confirmation": {"done": "confirmed"},
            "fulfilment-dispute": dict.fromkeys(("done", "confirmed"), "disputed"),
        },
        cancellable=_ASKED,
        declinable=_ASKED,
    ),
    holds=consent.refused_or("said"),
    title=_title,
)

FORMATS: Final = (UNDERTAKING,)

RULES: Final = (
    Rule(
        act="fulfilment",
        shape=Fulfilment,
        who=Who.PARTY,
        message=True,
        kept=True,
        check=_check_done,
        settle=_done,
    ),
    Rule(
        act="fulfilment-confirmation",
        shape=FulfilmentConfirmation,
        who=Who.PARTY,
        acknowledges=True,
        answers=True,
        kept=True,
        check=_check_answer,
        settle=_confirmed,
    ),
    Rule(
        act="fulfilment-dispute",
        shape=FulfilmentDispute,
        who=Who.PARTY,
        acknowledges=True,
        answers=True,
        message=True,
        kept=True,
        check=_check_answer,
    ),
)
