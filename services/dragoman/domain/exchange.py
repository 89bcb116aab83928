"""Any exchange: how it opens, how messages in it are acknowledged and answered, how it is corrected and ended.

    act               who            status before → after                       ack.  answers  message  consent  number
    acknowledgement   addressed      any → same                                   x
    reply             addressed      live → same                                  x     x        x
    interim-reply     addressed      live → same                                  x              x
    correction        opener         live → same                                                 x        x        C
    cancellation      opener         live, before it was held → cancelled                        x        x        X
    closure           any            live or declined → closed, by the opener or by every side            x
    decline           addressee      live → same; a meeting request → declined    x     x        x

Acknowledging or answering a message does the same for every earlier one to that side: who has read the newest has the others.
"""

from functools import cache
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from dragoman.domain import checks
from dragoman.domain.record import Record, decode_act
from dragoman.domain.refusal import Malformed, Refusal, invalid
from dragoman.domain.rule import Folding, Format, Moves, Rule, Who
from dragoman_schemas.acts import carrying
from dragoman_schemas.frame import Act, Answering, Area, Continuing, Opening, Precedence
from dragoman_schemas.state import (
    Cancellation,
    Correction,
    Exchange,
    Message,
    Registry,
    Stamp,
)

FRAME_DEFAULTS: Final = {
    "basis": '"goodwill"',
    "capacity": '"official"',
    "attribution": '"attributable"',
    "releasability": '"auditors"',
    "without_prejudice": "true",
}
TRACK2_DEFAULTS: Final = {"capacity": '"personal"', "attribution": '"chatham_house"'}

UNCORRECTABLE: Final = frozenset({"act", "signed", "to", "info", "for_the_record"})

_members = msgspec.json.Decoder(dict[str, Raw]).decode


def life(live: tuple[str, ...], own: Moves, *, cancellable: tuple[str, ...] | None = None) -> Moves:
    """A format's moves: its own, and those of any exchange with these live statuses."""
    ended = ("cancelled", "closed", *(("declined",) if "declined" in {to for moves in own.values() for to in moves.values()} else ()))
    common: Moves = {
        "acknowledgement": {status: status for status in (*live, *ended)},
        "reply": {status: status for status in live},
        "interim-reply": {status: status for status in live},
        "decline": {status: status for status in live},
        "correction": {status: status for status in live},
        "cancellation": dict.fromkeys(cancellable or live, "cancelled"),
        "closure": {status: "closed" for status in (*live, *ended) if status not in ("cancelled", "closed")},
    }
    return {**common, **own}


def content_of(act: bytes) -> dict[str, Raw]:
    """An act's members but `act` and `signed`, each as its bytes stand in the log."""
    members = _members(act)
    members.pop("act", None)
    members.pop("signed", None)
    return members


def opened(form: Format, folding: Folding) -> Exchange:
    """The exchange that an opening opens, with every default filled in."""
    record, data = folding.record, folding.record.data
    assert isinstance(data, Opening)
    side = record.side
    others = tuple(member.name for member in folding.registry.sides if member.name != side)
    info = () if isinstance(data.info, UnsetType) else data.info
    to = tuple(other for other in others if other not in info) if isinstance(data.to, UnsetType) else data.to
    for_the_record = data.for_the_record is True
    content = content_of(record.act)
    message = Message(id=record.envelope.id, act=record.name, said=folding.stamp, to=to, info=info, for_the_record=for_the_record)
    precedence, subject, area = _frame(form, data, content)
    return Exchange(
        id=record.envelope.id,
        act=record.name,
        family=record.envelope.family,
        number=folding.number,
        status=form.start,
        side=side,
        opened=folding.stamp,
        updated=folding.stamp,
        precedence=precedence,
        subject=subject,
        area=area,
        to=to,
        info=info,
        for_the_record=for_the_record,
        content=content,
        defaults=_defaults(form, folding.registry, content, record.envelope.time),
        messages=(message,),
        etag=record.commit,
    )


def _frame(form: Format, data: Opening, content: dict[str, Raw]) -> tuple[Precedence, Raw, Area]:
    """An opening's precedence, subject and area, given or by default."""
    return (
        form.precedence(data) if isinstance(data.precedence, UnsetType) else data.precedence,
        content["subject"] if "subject" in content else Raw(msgspec.json.encode(form.title(data)[:120])),
        form.area if isinstance(data.area, UnsetType) else data.area,
    )


def _defaults(form: Format, registry: Registry, content: dict[str, Raw], time: str) -> dict[str, Raw]:
    prepared = _prepared(form, track2=registry.kind == "track2")
    defaults = (
        prepared.copy() if prepared.keys().isdisjoint(content) else {name: value for name, value in prepared.items() if name not in content}
    )
    if "dtg" not in content:
        defaults["dtg"] = Raw(f'"{time}"'.encode())
    return defaults


@cache
def _prepared(form: Format, *, track2: bool) -> dict[str, Raw]:
    """A format's defaults, which are the same for every message: made once."""
    defaults = {**FRAME_DEFAULTS, **(TRACK2_DEFAULTS if track2 else {}), **form.defaults}
    return {name: Raw(value.encode()) for name, value in defaults.items()}


def check_opening(registry: Registry, form: Format, record: Record) -> Refusal | None:
    """The frame's own rules: addressees that exist, real times, texts short enough for their precedence."""
    data = record.data
    assert isinstance(data, Opening)
    refusal = _check_named(registry, data, record.side) or checks.times(dtg=data.dtg) or checks.original(data.text, data.original)
    if refusal is not None:
        return refusal
    precedence = form.precedence(data) if isinstance(data.precedence, UnsetType) else data.precedence
    if precedence in ("flash", "immediate"):
        return checks.brief(text=data.text, facts=getattr(data, "facts", UNSET))
    return None


def _check_named(registry: Registry, data: Opening, sender: str) -> Refusal | None:
    if data.to is data.info is data.on_behalf_of is UNSET:
        return None
    sides = {side.name for side in registry.sides}
    addressed: set[str] = set()
    for field, named in (("to", data.to), ("info", data.info), ("on_behalf_of", data.on_behalf_of)):
        for index, side in enumerate(() if isinstance(named, UnsetType) else named):
            if side not in sides:
                return invalid(f"/{field}/{index}", f"{side} is no side of {registry.name}; its sides are {', '.join(sorted(sides))}")
            if field != "on_behalf_of" and (side == sender or side in addressed):
                return invalid(f"/{field}/{index}", f"{side} is the sender or is named twice; name each other side once")
            addressed.add(side)
    return None


def check_continuing(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    """A continuing act's times are real, and `of` names a message to its side."""
    data = record.data
    if isinstance(data, Continuing):
        refusal = checks.times(dtg=data.dtg)
        if refusal is not None:
            return refusal
    if isinstance(data, Answering) and not isinstance(data.of, UnsetType):
        assert exchange is not None
        if not any(data.of == message.id and _reaches(message, record.side) for message in exchange.messages):
            return invalid("/of", f"{data.of} is no message to {record.side} in this exchange; leave it out for the newest")
    return None


def _reaches(message: Message, side: str) -> bool:
    return side in message.to or side in message.info


def said(exchange: Exchange, rule: Rule, folding: Folding) -> Exchange:
    """What any continuing act does to the messages: acknowledge, answer, and stand there itself as a message."""
    messages = exchange.messages
    data, record, side = folding.record.data, folding.record, folding.record.side
    if rule.acknowledges or rule.answers:
        of = data.of if isinstance(data, Answering) else UNSET
        messages = _marked(messages, side, of, folding.stamp, answers=rule.answers)
    if rule.message:
        others = {exchange.side, *exchange.to, *exchange.info} - {side}
        messages = (
            *messages,
            Message(
                id=record.envelope.id,
                act=rule.act,
                said=folding.stamp,
                to=tuple(member.name for member in folding.registry.sides if member.name in others and member.name not in exchange.info),
                info=tuple(name for name in exchange.info if name != side),
                for_the_record=isinstance(data, Continuing) and data.for_the_record is True,
            ),
        )
    return exchange if messages is exchange.messages else replace(exchange, messages=messages)


def _marked(messages: tuple[Message, ...], side: str, of: str | UnsetType, stamp: Stamp, *, answers: bool) -> tuple[Message, ...]:
    last = max((index for index, message in enumerate(messages) if _reaches(message, side) and of in (UNSET, message.id)), default=-1)
    marked = list(messages)
    for index, message in enumerate(messages[: last + 1]):
        if not _reaches(message, side):
            continue
        acknowledged = message.acknowledged if side in message.acknowledged else {**message.acknowledged, side: stamp}
        answered = {**message.answered, side: stamp} if answers and side not in message.answered else message.answered
        if acknowledged is not message.acknowledged or answered is not message.answered:
            marked[index] = replace(message, acknowledged=acknowledged, answered=answered)
    return tuple(marked)


def owes_acknowledgement(exchange: Exchange) -> set[str]:
    """The action addressees that have not acknowledged something said to them."""
    return {side for message in exchange.messages if not message.for_the_record for side in message.to if side not in message.acknowledged}


def owes_answer(exchange: Exchange) -> set[str]:
    """The action addressees that have not answered the opening, while it lives."""
    if exchange.for_the_record or exchange.status in ("cancelled", "closed", "declined"):
        return set()
    return {side for side in exchange.to if side not in exchange.messages[0].answered}


# Correction, cancellation, closure


def check_correction(form: Format, registry: Registry, exchange: Exchange, record: Record) -> Refusal | None:
    """The named fields exist, are correctable, and leave a whole opening behind."""
    data = record.data
    assert isinstance(data, carrying.Correction)
    for name in data.fields:
        settled = name == "windows" and exchange.meeting is not None and exchange.meeting.accepted
        if name in UNCORRECTABLE or settled:
            return invalid(f"/fields/{name}", f"{name} cannot be corrected; cancel the message and send a new one")
    try:
        corrected = _corrected(exchange, data)
    except Malformed as error:
        return invalid("/fields" + error.fault.pointer, error.fault.detail)
    trial = replace(record, data=corrected, name=exchange.act)
    refusal = check_opening(registry, form, trial) or form.rule.check(registry, None, trial)
    if refusal is None:
        return None
    return Refusal(
        kind=refusal.kind,
        detail=refusal.detail,
        faults=tuple(replace(fault, pointer="/fields" + fault.pointer) for fault in refusal.faults),
    )


def _corrected(exchange: Exchange, correction: carrying.Correction) -> Act:
    members = {**exchange.content, **correction.fields}
    body = b"".join(b',"%s":%s' % (name.encode(), bytes(value)) for name, value in members.items())
    return decode_act(b'{"act":"%s"%s}' % (exchange.act.encode(), body))


def correct(form: Format, exchange: Exchange, folding: Folding) -> Exchange:
    """Replace the named fields; what they were stays with the correction."""
    data = folding.record.data
    assert isinstance(data, carrying.Correction)
    corrected = _corrected(exchange, data)
    assert isinstance(corrected, Opening)
    content = {**exchange.content, **data.fields}
    correction = Correction(
        corrected=folding.stamp,
        number=folding.number,
        reason=data.reason,
        fields=data.fields,
        was={name: exchange.content[name] for name in data.fields if name in exchange.content},
    )
    precedence, subject, area = _frame(form, corrected, content)
    return replace(
        exchange,
        content=content,
        precedence=precedence,
        subject=subject,
        area=area,
        corrections=(*exchange.corrections, correction),
        defaults={name: value for name, value in exchange.defaults.items() if name not in content},
    )


def _cancel(exchange: Exchange, folding: Folding) -> Exchange:
    data = folding.record.data
    assert isinstance(data, carrying.Cancellation)
    return replace(exchange, cancellation=Cancellation(cancelled=folding.stamp, number=folding.number, reason=data.reason))


def _close(exchange: Exchange, folding: Folding) -> Exchange:
    return replace(exchange, closures={folding.record.side: folding.stamp, **exchange.closures})


def _closed_by_enough(exchange: Exchange, status: str) -> str:
    enough = exchange.side in exchange.closures or {*exchange.to, *exchange.info} <= exchange.closures.keys()
    return status if enough else exchange.status


def settled_by_all(exchange: Exchange, status: str) -> str:
    """A request moves when every addressee has answered, and is declined only if none of them accepted."""
    if status == exchange.status:
        return status
    if not set(exchange.to) <= exchange.messages[0].answered.keys():
        return exchange.status
    return "accepted" if exchange.meeting is not None and exchange.meeting.accepted else status


def _check_interim(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    assert isinstance(record.data, carrying.InterimReply)
    return checks.times(next_word_by=record.data.next_word_by)


def _check_reply(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    assert isinstance(record.data, carrying.Reply)
    if record.data.text is UNSET and record.data.answers is UNSET:
        return invalid("/text", "a reply says something; give text, or answers by question number")
    return None


RULES: Final = (
    Rule(act="acknowledgement", shape=carrying.Acknowledgement, who=Who.ADDRESSED, acknowledges=True),
    Rule(act="reply", shape=carrying.Reply, who=Who.ADDRESSED, acknowledges=True, answers=True, message=True, check=_check_reply),
    Rule(act="interim-reply", shape=carrying.InterimReply, who=Who.ADDRESSED, acknowledges=True, message=True, check=_check_interim),
    Rule(
        act="decline",
        shape=carrying.Decline,
        who=Who.ADDRESSEE,
        acknowledges=True,
        answers=True,
        message=True,
        settle=settled_by_all,
    ),
    Rule(act="correction", shape=carrying.Correction, who=Who.OPENER, consenting=True, message=True, numbered="C"),
    Rule(act="cancellation", shape=carrying.Cancellation, who=Who.OPENER, consenting=True, message=True, numbered="X", evolve=_cancel),
    Rule(act="closure", shape=carrying.Closure, who=Who.ANY, consenting=True, evolve=_close, settle=_closed_by_enough),
)
