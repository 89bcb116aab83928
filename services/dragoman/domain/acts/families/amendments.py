"""Amendments, corrections and updates: their checks, and how they change the text."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import consent, developments, statements
from dragoman.domain.acts.act_rules import Folding, Format
from dragoman.domain.acts.families import retracting
from dragoman.domain.acts.families.exchange_content import (
    content_of,
    frame,
    opening_of,
    passed_at,
)
from dragoman.domain.acts.families.opening import check_opening
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import FieldFault, Malformed, Refusal, invalid, make_refusal
from dragoman.text import sentence
from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.acts import continuing
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import (
    Amended,
    Development,
    Exchange,
    Message,
    Registry,
    StateCorrection,
)

UNCORRECTABLE: Final = frozenset(
    {"act", "signed", "to", "info", "on_behalf_of", "signatories", "for_the_record", "passed_by"}
)
"""Members of an opening that no correction, update or amendment may replace."""


_CHANGING: Final = (
    continuing.Correction | continuing.Update | continuing.Amendment | continuing.Retraction
)
"""Acts that give members of the opening other values."""

_FRAME: Final = frozenset(OpeningAct.__struct_encode_fields__)


_ALWAYS_GIVEN: Final = frozenset({"subject", "area", "precedence", "urgent", "imminent"})
"""Members that have a value also where they were left out.

They and the frame do not develop. Only a correction changes them.
"""


_ANSWERED_BY: Final = {"visit-request": "grant", "transmittal": "recommendation-answer"}
"""Acts that answer a text as it is, by format.

What was granted stays what it was, and so does what was taken up.
"""


def check_amendment(
    form: Format, registry: Registry, exchange: Exchange, record: Record
) -> Refusal | None:
    """Refuse a correction, update or amendment whose fields may not be replaced.

    The fields must exist, and the opening must be valid with the new values.
    """
    data = record.data
    if (
        not isinstance(data, _CHANGING)
        or isinstance(data.fields, UnsetType)
        or (isinstance(data, continuing.Retraction) and not _is_of_opening(exchange, record))
    ):
        return None
    refusal = check_turn(exchange, record.side, data.fields)
    if isinstance(data, continuing.Update) and refusal is not None:
        return refusal
    bound = not isinstance(data, continuing.Amendment) and consent.is_bound(exchange)
    for name in data.fields:
        if bound and not consent.is_beside(exchange.act, name):
            return invalid(
                f"/fields/{name}",
                sentence(
                    "another side has consented to this text; propose an amendment, which the "
                    "other sides accept or refuse"
                ),
            )
        if name in exchange.proposed:
            return invalid(
                f"/fields/{name}",
                sentence(
                    "a later message proposes another value of %(name)s; propose again", name=name
                ),
            )
        if name in UNCORRECTABLE or _settled(exchange, name):
            return invalid(
                f"/fields/{name}",
                sentence(
                    "%(name)s cannot be corrected; cancel the message and send a new one", name=name
                ),
            )
        if isinstance(data, continuing.Update):
            if name in _FRAME | _ALWAYS_GIVEN and not _is_open(exchange, name):
                return invalid(
                    f"/fields/{name}",
                    sentence(
                        "%(name)s has a value already; change it by a correction, which gives the "
                        "reason and keeps the earlier value",
                        name=name,
                    ),
                )
            as_of = developments.as_of(data, passed_at(record) or record.envelope.time)
            if developments.is_told(exchange, name, as_of):
                return invalid(
                    f"/fields/{name}",
                    sentence(
                        "%(name)s has a value as of that time already; say when it changed, or "
                        "correct the wrong value",
                        name=name,
                    ),
                )
    try:
        corrected = opening_of(exchange, data.fields, registry.rules)
    except Malformed as error:
        return invalid("/fields" + error.fault.pointer, error.fault.detail)
    opened_by = (
        replace(record.envelope, actor=exchange.opened.by)
        if isinstance(data, continuing.Amendment)
        else record.envelope
    )
    trial = replace(
        record, envelope=opened_by, side=exchange.side, data=corrected, name=exchange.act
    )
    refusal = check_opening(registry, form, trial) or form.rule.check(registry, None, trial)
    if refusal is None:
        return None
    return Refusal(
        kind=refusal.kind,
        detail=refusal.detail,
        faults=tuple(
            FieldFault(pointer="/fields" + fault.pointer, detail=fault.detail)
            for fault in refusal.faults
        ),
    )


def _is_of_opening(exchange: Exchange, record: Record) -> bool:
    message = retracting.message_of(exchange, record)
    return message is not None and message.id == exchange.id


def check_turn(
    exchange: Exchange, side: str, fields: Mapping[str, Raw], pointer: str = "/fields/"
) -> Refusal | None:
    """Refuse another definite value of a member that only a retraction changes."""
    name = statements.turned(exchange, side, fields)
    if not name:
        return None
    return invalid(
        f"{pointer}{name}",
        sentence(
            "your side has stated another %(name)s; if that was not so, take it back by a "
            "retraction, which gives the reason",
            name=name,
        ),
    )


def _settled(exchange: Exchange, name: str) -> bool:
    """Return whether a member is one that its opener may not change any more.

    It is the time or venue of a meeting that a side has accepted, or another side has
    proposed. It is also any member of a text that another side has answered for good.
    """
    if exchange.acts.get(_ANSWERED_BY.get(exchange.act, "")) and name not in consent.BESIDE:
        return True
    meeting = exchange.meeting
    if meeting is None or name not in ("windows", "dates", "venue"):
        return False
    return meeting.proposed_by != exchange.side or (name != "venue" and bool(meeting.accepted))


def _is_open(exchange: Exchange, name: str) -> bool:
    """Return whether a member of the frame has no value nor default, or is unknown."""
    value = exchange.content.get(name, exchange.defaults.get(name))
    return name not in _ALWAYS_GIVEN if value is None else developments.is_unknown(value)


def amend(form: Format, exchange: Exchange, folding: Folding) -> Exchange:
    """Return the exchange with the new values of a correction, update or amendment.

    An amendment counts once every side has accepted it. The earlier values are kept
    beside the new ones. An update replaces only values that are not newer than its own.
    A new precedence is for this message and later ones: another side's correction makes
    nobody late.
    """
    data = folding.record.data
    if isinstance(data, continuing.AmendmentAgreement | continuing.SecondKey):
        return _taken(form, exchange, folding, data.of)
    if isinstance(data, continuing.Retraction):
        newest_retraction = exchange.retractions[-1]
        of_opening = newest_retraction.of == exchange.id
        return _replaced(form, exchange, folding, data.fields) if of_opening else exchange
    if not isinstance(data, continuing.Correction | continuing.Update) or isinstance(
        data.fields, UnsetType
    ):
        return exchange
    was = {name: exchange.content[name] for name in data.fields if name in exchange.content}
    if isinstance(data, continuing.Correction):
        correction = StateCorrection(
            corrected=folding.stamp,
            number=folding.number,
            reason=data.reason,
            fields=data.fields,
            was=was,
        )
        return _replaced(
            form,
            replace(exchange, corrections=(*exchange.corrections, correction)),
            folding,
            data.fields,
        )
    as_of = developments.as_of(data, folding.stamp.when)
    newest = {
        name: raw
        for name, raw in data.fields.items()
        if developments.is_newest(exchange, name, as_of)
    }
    development = Development(
        told=folding.stamp, number=folding.number, as_of=as_of, fields=data.fields, was=was
    )
    exchange = replace(exchange, developments=(*exchange.developments, development))
    return _replaced(form, exchange, folding, newest) if newest else exchange


def _taken(form: Format, exchange: Exchange, folding: Folding, of: str) -> Exchange:
    """Return the exchange with an amendment in its text, once every side accepts it.

    The last step is an agreement, or the second key of one.
    """
    agreement = next(
        (act for act in exchange.acts.get("amendment-agreement", ()) if act.id == of), None
    )
    amendment_id = of if agreement is None else str(msgspec.json.decode(agreement.content["of"]))
    amendment = next(
        (act for act in exchange.acts.get("amendment", ()) if act.id == amendment_id), None
    )
    is_in = any(amended.of == amendment_id for amended in exchange.amended)
    if amendment is None or is_in or not consent.is_taken(exchange, amendment):
        return exchange
    fields = consent.fields_of(amendment)
    was = {name: exchange.content[name] for name in fields if name in exchange.content}
    amended = Amended(taken=folding.stamp, of=amendment_id, fields=fields, was=was)
    return _replaced(form, replace(exchange, amended=(*exchange.amended, amended)), folding, fields)


def _replaced(
    form: Format, exchange: Exchange, folding: Folding, fields: Mapping[str, Raw]
) -> Exchange:
    """Return an exchange whose opening has these members instead of its own."""
    amended = opening_of(exchange, fields)
    assert isinstance(amended, OpeningAct)
    content = {**exchange.content, **fields}
    precedence, area = frame(form, folding.registry, amended, exchange.opened.time)
    return replace(
        exchange,
        content=content,
        precedence=precedence,
        messages=exchange.messages
        if precedence == exchange.precedence
        else _as_they_came(exchange),
        area=area,
        defaults={name: value for name, value in exchange.defaults.items() if name not in content},
    )


def _as_they_came(exchange: Exchange) -> tuple[Message, ...]:
    """Return the messages; all but the newest keep their present precedence."""
    *before, newest = exchange.messages
    return (
        *(
            message if message.precedence else replace(message, precedence=exchange.precedence)
            for message in before
        ),
        newest,
    )


def check_terms(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    """Refuse an act of consent whose terms are not those of the present text."""
    assert exchange is not None
    data = record.data
    of, side = getattr(data, "of", UNSET), getattr(data, "side", UNSET)
    now = consent.terms(exchange, record.name, of=or_default(of, ""), side=or_default(side, ""))
    if getattr(data, "terms", "") == now:
        return None
    if not now:
        return invalid("/act", sentence("there is nothing here yet that this act could consent to"))
    return make_refusal(
        "moved",
        "The text has changed since it was read; read it again, and consent to what it says now.",
    )


def check_amending(
    registry: Registry, exchange: Exchange | None, record: Record[continuing.Amendment]
) -> Refusal | None:
    """Refuse an amendment of the text that may not be proposed now.

    Another one is pending, no side has consented, or its digest or fields are not
    valid.
    """
    data = record.data
    assert exchange is not None
    if consent.open_amendment(exchange) is not None:
        return invalid(
            "/act",
            sentence(
                "an amendment waits for an answer; first accept it, refuse it or take it back"
            ),
        )
    if not consent.is_bound(exchange) and record.side == exchange.side:
        return invalid(
            "/act",
            sentence("no other side has consented to the text yet; change it by a correction"),
        )
    if data.terms != consent.text_terms(exchange, data.fields):
        return invalid(
            "/terms",
            sentence("this is not the digest of the text with these fields; compute it again"),
        )
    if data.terms == consent.text_terms(exchange):
        return invalid(
            "/fields", sentence("the text says this already; give fields that change it")
        )
    return None


def check_alternative(
    registry: Registry, exchange: Exchange | None, record: Record[continuing.Alternative]
) -> Refusal | None:
    """Refuse other words for a part that is no text, or already says the same."""
    data = record.data
    assert exchange is not None
    part = data.field, or_default(data.item, 0)
    present = consent.part_of(exchange, part)
    if data.field in _FRAME - {"text", "subject"} or present is None or not _is_words(present):
        return invalid(
            "/field",
            sentence(
                "%(field)s is not a text of this matter, or is a list of texts; name a text, and its item",
                field=data.field,
            ),
        )
    if isinstance(data.text, UnsetType):
        mine = record.side in consent.alternatives(exchange).get(part, {})
        return (
            None
            if mine
            else invalid("/text", sentence("your side has no other words there; give text"))
        )
    if consent.says(present, content_of(record.newest)["text"]):
        return invalid("/text", sentence("the text says this already; give other words"))
    return None


def _is_words(raw: Raw) -> bool:
    value = msgspec.json.decode(raw)
    return isinstance(value, str) or (
        isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    )


def check_amendment_answer(
    registry: Registry,
    exchange: Exchange | None,
    record: Record[continuing.AmendmentAgreement | continuing.AmendmentRefusal],
) -> Refusal | None:
    """Refuse an answer to an amendment that is not pending, or is the side's own."""
    data = record.data
    assert exchange is not None
    amendment = consent.open_amendment(exchange)
    if amendment is None or amendment.id != data.of:
        return invalid(
            "/of", sentence("%(id)s is not an amendment that waits for an answer", id=data.of)
        )
    if amendment.said.side == record.side:
        return invalid(
            "/of", sentence("this is your own amendment; the other sides accept it or refuse it")
        )
    return (
        None
        if isinstance(data, continuing.AmendmentRefusal)
        else check_terms(registry, exchange, record)
    )


def check_withdrawal(
    registry: Registry, exchange: Exchange | None, record: Record[continuing.ConsentWithdrawal]
) -> Refusal | None:
    """Refuse to take back an act of consent that is not the side's, or is complete."""
    data = record.data
    assert exchange is not None
    act_of_consent = next(
        (
            recorded
            for act in consent.WITHDRAWABLE
            for recorded in exchange.acts.get(act, ())
            if recorded.id == data.of
        ),
        None,
    )
    if (
        act_of_consent is None
        or act_of_consent.said.side != record.side
        or act_of_consent.id in consent.withdrawn(exchange)
    ):
        return invalid(
            "/of",
            sentence(
                "%(id)s is not a consent, an amendment or a dissent of your side in this exchange",
                id=data.of,
            ),
        )
    if consent.is_complete(exchange, act_of_consent):
        return invalid(
            "/of",
            sentence(
                "every side has consented; to change the text, propose an amendment that every "
                "side accepts"
            ),
        )
    return None
