"""Checks of acts that answer a message."""

from typing import Final

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import field_checks
from dragoman.domain.acts.act_rules import Folding
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import NameValue, sentence
from dragoman_schemas.acts import continuing
from dragoman_schemas.state import (
    Exchange,
    Registry,
)


def check_update(
    registry: Registry, exchange: Exchange | None, record: Record[continuing.Update]
) -> Refusal | None:
    """Refuse an update without any news, or with a time that is not real.

    Only the opener gives new values of its text.
    """
    data = record.data
    if data.text is data.fields is data.next_update is data.phrases is UNSET:
        return invalid(
            "/text",
            sentence(
                "an update must say something; give text, or fields that are new, or next_update"
            ),
        )
    if exchange is not None and record.side != exchange.side and data.fields is not UNSET:
        return invalid(
            "/fields",
            sentence(
                "%(side)s wrote this text; say in text how far it is, or propose an amendment",
                side=NameValue("side", exchange.side),
            ),
        )
    return field_checks.times(as_of=data.as_of, next_update=data.next_update)


def check_absent(
    registry: Registry, exchange: Exchange | None, record: Record[continuing.NonAttendance]
) -> Refusal | None:
    """Refuse to report the absence of a side that is not in the exchange."""
    assert exchange is not None
    if record.data.side not in {exchange.side, *exchange.to, *exchange.info}:
        return invalid(
            "/side",
            sentence(
                "%(side)s was not asked to come; name a side of this exchange",
                side=record.data.side,
            ),
        )
    return None


def mark_absent(exchange: Exchange, folding: Folding[continuing.NonAttendance]) -> Exchange:
    """Return the exchange with a side marked as absent from its meeting."""
    data, meeting = folding.record.data, exchange.meeting
    assert meeting is not None
    return replace(
        exchange, meeting=replace(meeting, absent={data.side: folding.stamp, **meeting.absent})
    )


def check_translation(
    registry: Registry, exchange: Exchange | None, record: Record[continuing.Translation]
) -> Refusal | None:
    """Refuse a translation of a message that is not in the exchange."""
    assert exchange is not None
    of = record.data.of
    if of is UNSET or any(of == message.id for message in exchange.messages):
        return None
    return invalid(
        "/of",
        sentence("%(id)s is not a message of this exchange; leave it out for the opening", id=of),
    )


EXPLAINED: Final = ("aims", "place", "ends", "formations", "equipment")
"""Members of a reply to a request for explanation."""


def check_interim(
    registry: Registry, exchange: Exchange | None, record: Record[continuing.InterimReply]
) -> Refusal | None:
    """Refuse a holding reply whose time is not real."""
    return field_checks.times(next_word_by=record.data.next_word_by)


def check_reply(
    registry: Registry, exchange: Exchange | None, record: Record[continuing.Reply]
) -> Refusal | None:
    """Refuse a reply that says nothing, or has members of another format.

    Refuse also a question that is answered twice, a place or a time that is not valid.
    """
    assert exchange is not None
    data = record.data
    explained = {name: value for name in EXPLAINED if (value := getattr(data, name)) is not UNSET}
    if explained and exchange.act != "explanation-request":
        return invalid(
            f"/{next(iter(explained))}",
            sentence(
                "this answers only an explanation-request; say it in the text of a %(act)s's reply",
                act=exchange.act,
            ),
        )
    if data.text is data.answers is data.phrases is UNSET and not explained:
        return invalid(
            "/text",
            sentence(
                "a reply must say something; give text, answers by question number, or agreed "
                "phrases"
            ),
        )
    refusal = field_checks.place("/place", data.place) or field_checks.times(ends=data.ends)
    if refusal is not None:
        return refusal
    numbers = (
        []
        if isinstance(record.data.answers, UnsetType)
        else [answer.q for answer in record.data.answers]
    )
    for index, number in enumerate(numbers):
        if number in numbers[:index]:
            return invalid(
                f"/answers/{index}/q",
                sentence("question %(n)s is answered twice; answer it once", n=number),
            )
    return None


def check_attempt(
    registry: Registry, exchange: Exchange | None, record: Record[continuing.CallAttempt]
) -> Refusal | None:
    """Refuse a call attempt with an unknown side, or with a time that is not real.

    Other means need words, but version 1 had no member for them.
    """
    data = record.data
    refusal = field_checks.in_words(data) if record.newest == record.act else None
    if refusal is not None:
        return refusal
    if data.side != "unknown":
        return field_checks.side(registry, "/side", data.side) or field_checks.times(at=data.at)
    return field_checks.times(at=data.at)
