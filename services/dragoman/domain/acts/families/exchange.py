"""Any exchange: how it opens, how messages in it are acknowledged and answered, how it is corrected and ended.

    act               who            status before → after                       ack.  answers  message  consent  number
    acknowledgement   addressed      any → same                                   x
    reply             addressed      live → same                                  x     x        x
    interim-reply     addressed      live → same                                  x              x
    update            opener         live → same                                                 x
    correction        opener         live → same                                                 x        x        C
    cancellation      opener         live, before it was held → cancelled                        x        x        X
    closure           any            live or declined → closed, by the opener or by every side            x
    decline           addressee      live → same; a meeting request → declined    x     x        x

Acknowledging or answering a message does the same for every earlier one to that side: who has read the newest has the others.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import takewhile
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import consent, developments, field_checks, two_keys
from dragoman.domain.acts.access import SERVICE
from dragoman.domain.acts.act_rules import Folding, Format, Moves, Rule, Who
from dragoman.domain.record.codec import Record, decode_act
from dragoman.domain.record.errors import FieldFault, Malformed, Refusal, invalid
from dragoman.limits import CLOCK_SKEW_SECONDS
from dragoman.text import sentence
from dragoman_schemas.act_frame import Act, Answering, Area, Continuing, OpeningAct, Precedence
from dragoman_schemas.acts import SHAPES, continuing
from dragoman_schemas.state import (
    Amended,
    Development,
    Exchange,
    Meeting,
    Message,
    Registry,
    Said,
    Stamp,
    StateCancellation,
    StateCorrection,
)

FRAME_DEFAULTS: Final = {
    "basis": '"goodwill"',
    "capacity": '"official"',
    "attribution": '"attributable"',
    "releasability": '"auditors"',
    "without_prejudice": "true",
}
TRACK2_DEFAULTS: Final = {"capacity": '"personal"', "attribution": '"chatham_house"'}

RECEIPTS: Final = frozenset({"acknowledgement", "second-key", "call-attempt"})
"""Acts that say nothing of the matter: an act that relies on the exchange as it was read relies on what was said in it, and not on them."""

UNCORRECTABLE: Final = frozenset({"act", "signed", "to", "info", "for_the_record", "passed_by"})

_FRAME: Final = frozenset(OpeningAct.__struct_encode_fields__)
_ALWAYS_GIVEN: Final = frozenset({"subject", "area", "precedence", "urgent", "imminent"})
"""Members that have a value also where they were left out. They and the frame do not develop: they change by a correction alone."""

_CONSENTS: Final = {"agreement", "endorsement", "acceptance", "release-consent"}
"""Acts by which a side consents to a text; it may then be amended."""

_TRANSLATING: Final = ("translation", "translation-agreement", "translation-dispute")

_members = msgspec.json.Decoder(dict[str, Raw]).decode


ENDED: Final = ("cancelled", "closed", "declined", "withdrawn")


def life(live: tuple[str, ...], own: Moves, *, cancellable: tuple[str, ...] | None = None) -> Moves:
    """A format's moves: its own, and those of any exchange with these live statuses."""
    reached = {to for moves in own.values() for to in moves.values()}
    ended = tuple(status for status in ENDED if status in {*reached, "cancelled", "closed"})
    everywhere, alive = (
        {status: status for status in (*live, *ended)},
        {status: status for status in live},
    )
    common: Moves = {
        **dict.fromkeys(
            (
                "reminder",
                "lapse",
                "courier-outcome",
                "acknowledgement",
                "repeat-request",
                "consent-withdrawal",
                "second-key",
                *_TRANSLATING,
            ),
            everywhere,
        ),
        **dict.fromkeys(
            ("reply", "interim-reply", "clarification-request", "assessment", "decline"), alive
        ),
        **dict.fromkeys(("update", "correction", "call-attempt"), alive),
        "cancellation": dict.fromkeys(cancellable or live, "cancelled"),
        "closure": {
            status: "closed"
            for status in (*live, *ended)
            if status not in ("cancelled", "closed", "withdrawn")
        },
        "lesson": {status: status for status in ended},
        **(
            dict.fromkeys(("amendment", "amendment-refusal"), alive)
            if own.keys() & _CONSENTS
            else {}
        ),
        **({"alternative": alive} if own.keys() & set(consent.BINDING) else {}),
        **(
            {
                "amendment-agreement": {
                    **alive,
                    **{
                        before: after
                        for act in consent.BINDING
                        for before, after in own.get(act, {}).items()
                    },
                }
            }
            if own.keys() & _CONSENTS
            else {}
        ),
    }
    return {act: {**common.get(act, {}), **own.get(act, {})} for act in {**common, **own}}


def side_of(record: Record) -> str:
    """For which side something is said: the actor's, or the one that a service names."""
    return str(getattr(record.data, "side", record.side)) if record.side == SERVICE else record.side


def told(record: Record) -> str:
    """Since when it was known what a record says, where it was said otherwise before; empty where the record itself said it first."""
    passed = getattr(record.data, "passed_by", UNSET)
    if passed is UNSET:
        return ""
    at = (
        datetime.fromisoformat(passed.at)
        .astimezone(UTC)
        .replace(tzinfo=None)
        .isoformat(timespec="milliseconds")
        + "Z"
    )
    return min(at, record.envelope.time)


def _suspended(registry: Registry) -> bool:
    return registry.status is not None and registry.status.status == "suspended"


def content_of(act: bytes) -> dict[str, Raw]:
    """An act's members but `act` and `signed`, each as its bytes stand in the log."""
    members = _members(act)
    members.pop("act", None)
    members.pop("signed", None)
    return members


def opened(form: Format, folding: Folding, invokes: str) -> Exchange:
    """The exchange that an opening opens, with every default filled in; `invokes` is the request on whose ladder it stands."""
    record, data = folding.record, folding.record.data
    assert isinstance(data, OpeningAct)
    side = side_of(record)
    names = tuple(member.name for member in folding.registry.sides if member.name != side)
    info = () if isinstance(data.info, UnsetType) else data.info
    to = (
        tuple(other for other in names if other not in info)
        if isinstance(data.to, UnsetType)
        else data.to
    )
    if form.copied_to_all:
        info = tuple(other for other in names if other not in to)
    for_the_record = data.for_the_record is True
    content = content_of(record.newest)
    message = Message(
        id=record.envelope.id,
        act=record.name,
        said=folding.stamp,
        to=to,
        info=info,
        for_the_record=for_the_record,
        suspended=_suspended(folding.registry),
    )
    precedence, area = _frame(form, folding.registry, data, record.envelope.time)
    return Exchange(
        id=record.envelope.id,
        act=record.name,
        family=record.envelope.family,
        number=folding.number,
        status=form.start if form.begun is None else form.begun(data),
        side=side,
        opened=folding.stamp,
        updated=folding.stamp,
        precedence=precedence,
        area=area,
        to=to,
        info=info,
        for_the_record=for_the_record,
        invokes=invokes,
        released_by=""
        if isinstance(record.envelope.releasedby, UnsetType)
        else record.envelope.releasedby,
        content=content,
        defaults=_defaults(form, folding.registry, content, record.envelope.time),
        messages=(message,),
        meeting=Meeting(proposed_by=side) if form.rule.family == "meeting" else None,
        revision=record.commit,
        etag=record.commit,
    )


def _frame(
    form: Format, registry: Registry, data: OpeningAct, time: str
) -> tuple[Precedence, Area]:
    """An opening's precedence and area, given or by default."""
    return _precedence(form, registry, data, time), form.area if isinstance(
        data.area, UnsetType
    ) else data.area


def _precedence(form: Format, registry: Registry, data: OpeningAct, time: str) -> Precedence:
    """An opening's precedence; a Track-2 channel knows none."""
    if registry.kind == "track2":
        return "routine"
    return (
        form.precedence(data, time) if isinstance(data.precedence, UnsetType) else data.precedence
    )


def _defaults(
    form: Format, registry: Registry, content: dict[str, Raw], time: str
) -> dict[str, Raw]:
    prepared = _prepared(form, track2=registry.kind == "track2")
    defaults = (
        prepared.copy()
        if prepared.keys().isdisjoint(content)
        else {name: value for name, value in prepared.items() if name not in content}
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
    assert isinstance(data, OpeningAct)
    refusal = (
        _check_kind(registry, form)
        or _check_named(registry, data, record.side)
        or field_checks.times(dtg=data.dtg)
        or field_checks.original(data.text, data.original)
        or _check_carried(registry, data, record)
    )
    if refusal is not None:
        return refusal
    if registry.kind == "track2" and data.precedence is not UNSET:
        return invalid("/precedence", sentence("a Track-2 channel has no precedence; leave it out"))
    if _precedence(form, registry, data, record.envelope.time) in ("flash", "immediate"):
        return field_checks.brief(text=data.text, facts=getattr(data, "facts", UNSET))
    return None


def _check_kind(registry: Registry, form: Format) -> Refusal | None:
    if registry.kind in form.kinds:
        return None
    return invalid(
        "/act",
        sentence(
            "%(act)s is not for %(kind)s channels; it is for %(kinds)s",
            act=form.rule.act,
            kind=registry.kind,
            kinds=", ".join(sorted(form.kinds)),
        ),
    )


def _check_carried(
    registry: Registry, data: OpeningAct | Continuing, record: Record
) -> Refusal | None:
    """What any act may carry: files that are there once, an office holder who exists, a time at which it was said."""
    if data.attachments is data.acting_for is data.passed_by is data.phrases is UNSET:
        return None
    if not isinstance(data.attachments, UnsetType):
        digests = [attachment.sha256 for attachment in data.attachments]
        for index, digest in enumerate(digests):
            if digest in digests[:index]:
                return invalid(
                    f"/attachments/{index}/sha256",
                    sentence("the same file is attached twice; attach it once"),
                )
    if (
        not isinstance(data.acting_for, UnsetType)
        and f"{record.side}/{data.acting_for}" not in registry.officers
    ):
        return invalid(
            "/acting_for",
            sentence(
                "%(officer)s is no officer of %(side)s; name the office holder for whom you act",
                officer=data.acting_for,
                side=record.side,
            ),
        )
    return _check_passed(data, record) or field_checks.phrases(data.phrases)


def _check_passed(data: OpeningAct | Continuing, record: Record) -> Refusal | None:
    """What was said otherwise before was said before."""
    if isinstance(data.passed_by, UnsetType):
        return None
    refusal = field_checks.time("/passed_by/at", data.passed_by.at)
    if (
        refusal is None
        and datetime.fromisoformat(data.passed_by.at)
        > datetime.fromisoformat(record.envelope.time) + _SKEW
    ):
        return invalid(
            "/passed_by/at",
            sentence(
                "%(time)s is still to come; give the time at which it was said",
                time=data.passed_by.at,
            ),
        )
    return refusal


_SKEW: Final = timedelta(seconds=CLOCK_SKEW_SECONDS)


def _check_named(registry: Registry, data: OpeningAct, sender: str) -> Refusal | None:
    if data.to is data.info is data.on_behalf_of is UNSET:
        return None
    sides = {side.name for side in registry.sides}
    addressed: set[str] = set()
    for field, rows in (("to", data.to), ("info", data.info), ("on_behalf_of", data.on_behalf_of)):
        for index, side in enumerate(() if isinstance(rows, UnsetType) else rows):
            if side not in sides:
                return invalid(
                    f"/{field}/{index}",
                    sentence(
                        "%(side)s is no side of %(channel)s; its sides are %(sides)s",
                        side=side,
                        channel=registry.name,
                        sides=", ".join(sorted(sides)),
                    ),
                )
            if field != "on_behalf_of" and (side == sender or side in addressed):
                return invalid(
                    f"/{field}/{index}",
                    sentence(
                        "%(side)s is the sender or is named twice; name each other side once",
                        side=side,
                    ),
                )
            addressed.add(side)
    return None


def check_continuing(
    registry: Registry, form: Format, exchange: Exchange, record: Record
) -> Refusal | None:
    """A continuing act's times are real, `of` names a message to its side, and a status that is said may follow."""
    data = record.data
    if isinstance(data, Continuing):
        refusal = field_checks.times(dtg=data.dtg) or _check_carried(registry, data, record)
        if refusal is not None:
            return refusal
    of = data.of if isinstance(data, Answering) else UNSET
    if of is not UNSET and not any(
        of == message.id and _reaches(message, record.side) for message in exchange.messages
    ):
        return invalid(
            "/of",
            sentence(
                "%(id)s is no message to %(side)s in this exchange; leave it out for the newest",
                id=of,
                side=record.side,
            ),
        )
    if isinstance(data, continuing.StatusChange) and data.status not in form.changes.get(
        exchange.status, ()
    ):
        following = ", ".join(form.changes.get(exchange.status, ())) or sentence("none")
        return invalid(
            "/status",
            sentence(
                "from %(status)s a %(act)s cannot become %(to)s; what may follow: %(following)s",
                status=exchange.status,
                act=exchange.act,
                to=data.status,
                following=following,
            ),
        )
    return None


def _reaches(message: Message, side: str) -> bool:
    return side in message.to or side in message.info


def said(exchange: Exchange, rule: Rule, folding: Folding) -> Exchange:
    """What any continuing act does to the messages: acknowledge, answer, and stand there itself as a message."""
    messages = exchange.messages
    data, record, side = folding.record.data, folding.record, folding.record.side
    if rule.acknowledges or rule.answers:
        of = data.of if isinstance(data, Answering) else UNSET
        answers = rule.answers and not (isinstance(data, continuing.Reply) and data.final is False)
        messages = _marked(messages, side, of, folding.stamp, answers=answers)
    if rule.message:
        names = {exchange.side, *exchange.to, *exchange.info} - {side}
        messages = (
            *messages,
            Message(
                id=record.envelope.id,
                act=rule.act,
                said=folding.stamp,
                to=tuple(
                    member.name
                    for member in folding.registry.sides
                    if member.name in names and member.name not in exchange.info
                ),
                info=tuple(name for name in exchange.info if name != side),
                for_the_record=isinstance(data, Continuing) and data.for_the_record is True,
                suspended=_suspended(folding.registry),
            ),
        )
    if rule.kept:
        given = (
            *exchange.acts.get(rule.act, ()),
            Said(said=folding.stamp, id=record.envelope.id, content=content_of(record.newest)),
        )
        return replace(exchange, messages=messages, acts={**exchange.acts, rule.act: given})
    return exchange if messages is exchange.messages else replace(exchange, messages=messages)


def _marked(
    messages: tuple[Message, ...], side: str, of: str | UnsetType, stamp: Stamp, *, answers: bool
) -> tuple[Message, ...]:
    last = max(
        (
            index
            for index, message in enumerate(messages)
            if _reaches(message, side) and of in (UNSET, message.id)
        ),
        default=-1,
    )
    marked = list(messages)
    for index, message in enumerate(messages[: last + 1]):
        if not _reaches(message, side):
            continue
        acknowledged = (
            message.acknowledged
            if side in message.acknowledged
            else {**message.acknowledged, side: stamp}
        )
        answered = (
            {**message.answered, side: stamp}
            if answers and side not in message.answered
            else message.answered
        )
        if acknowledged is not message.acknowledged or answered is not message.answered:
            marked[index] = replace(message, acknowledged=acknowledged, answered=answered)
    return tuple(marked)


def answered_at_last(exchange: Exchange, status: str) -> str:
    """A status that follows a reply, unless the reply said itself that it was not the final one."""
    return (
        exchange.status
        if bytes(exchange.acts["reply"][-1].content.get("final", b"")) == b"false"
        else status
    )


def owes_acknowledgement(exchange: Exchange) -> set[str]:
    """The action addressees that have not acknowledged something said to them."""
    return {side for message in exchange.messages for side in owing_receipt(exchange, message)}


def owing_receipt(exchange: Exchange, message: Message) -> tuple[str, ...]:
    """The action addressees that owe a receipt of a message: nobody of what is for the record, or was said by voice before, or is over."""
    if message.for_the_record or message.said.told or receipts_over(exchange) is not None:
        return ()
    return tuple(side for side in message.to if side not in message.acknowledged)


def receipts_over(exchange: Exchange) -> Stamp | None:
    """Since which record no receipts are owed any more: its opener has closed what every addressee had answered. None while they are."""
    end = exchange.closures.get(exchange.side) if exchange.status == "closed" else None
    answered = exchange.messages[0].answered.keys() | exchange.accounts.keys()
    return end if end is not None and answered >= set(exchange.to) else None


def owes_answer(exchange: Exchange) -> set[str]:
    """The action addressees that have not answered the opening, or the windows that stand, while it lives."""
    if exchange.for_the_record or exchange.status in ENDED:
        return set()
    meeting = exchange.meeting
    if meeting is not None and meeting.proposed_by != exchange.side:
        return (
            asked(exchange) - meeting.accepted.keys() - meeting.declined.keys()
            if exchange.status == "requested"
            else set()
        )
    return {side for side in exchange.to if side not in exchange.messages[0].answered}


def asked(exchange: Exchange) -> set[str]:
    """Who is asked whether the windows that stand suit: every party but the one that proposed them."""
    assert exchange.meeting is not None
    return {exchange.side, *exchange.to} - {exchange.meeting.proposed_by}


def by_all_addressed(exchange: Exchange, status: str) -> str:
    """A status that follows when every action addressee has acknowledged the opening."""
    return (
        status if exchange.messages[0].acknowledged.keys() >= set(exchange.to) else exchange.status
    )


# Correction, cancellation, closure


def check_amendment(
    form: Format, registry: Registry, exchange: Exchange, record: Record
) -> Refusal | None:
    """The fields that a correction or an update names exist, may be replaced, and leave a whole opening behind."""
    data = record.data
    if not isinstance(
        data, continuing.Correction | continuing.Update | continuing.Amendment
    ) or isinstance(data.fields, UnsetType):
        return None
    bound = not isinstance(data, continuing.Amendment) and consent.is_bound(exchange)
    for name in data.fields:
        if bound and name not in consent.BESIDE:
            return invalid(
                f"/fields/{name}",
                sentence(
                    "another side has consented to this text; propose an amendment, which the other sides take or leave"
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
                        "%(name)s was given already; change it by a correction, which says why and keeps what stood there",
                        name=name,
                    ),
                )
            as_of = developments.as_of(data, told(record) or record.envelope.time)
            if developments.is_told(exchange, name, as_of):
                return invalid(
                    f"/fields/{name}",
                    sentence(
                        "%(name)s was given as of that time already; say as of when it changed, or correct what was wrong",
                        name=name,
                    ),
                )
    try:
        corrected = opening_of(exchange, data.fields)
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


def _settled(exchange: Exchange, name: str) -> bool:
    """Whether when or where to meet is no longer its opener's to say: accepted by a side, or proposed by another one."""
    meeting = exchange.meeting
    if meeting is None or name not in ("windows", "dates", "venue"):
        return False
    return meeting.proposed_by != exchange.side or (name != "venue" and bool(meeting.accepted))


def _is_open(exchange: Exchange, name: str) -> bool:
    """Whether a member of the frame was not given and has no default, or is unknown."""
    value = exchange.content.get(name, exchange.defaults.get(name))
    return name not in _ALWAYS_GIVEN if value is None else developments.is_unknown(value)


def opening_of(exchange: Exchange, fields: Mapping[str, Raw] = MappingProxyType({})) -> Act:
    """The act that opened an exchange, as corrected until now, and with these members instead of its own. Raises `Malformed`.

    What others' proposals have put beside it, a venue say, is no member of it.
    """
    names = SHAPES[exchange.act].__struct_encode_fields__
    members = {
        **{name: value for name, value in exchange.content.items() if name in names},
        **fields,
    }
    body = b"".join(b',"%s":%s' % (name.encode(), bytes(value)) for name, value in members.items())
    return decode_act(b'{"act":"%s"%s}' % (exchange.act.encode(), body))


def amend(form: Format, exchange: Exchange, folding: Folding) -> Exchange:
    """Replace the fields that a correction or an update names, or an amendment that every side has taken; what they were stays beside them.

    Of an update, the values as of a newer time than those that stand.

    Where the precedence changes, it does for this message and those to come: nobody is late by another's correction.
    """
    data = folding.record.data
    if isinstance(data, continuing.AmendmentAgreement | continuing.SecondKey):
        return _taken(form, exchange, folding, data.of)
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
    """Return the exchange with an amendment in its text, once every side has taken it by its agreement, or by the second key of one."""
    agreement = next(
        (item for item in exchange.acts.get("amendment-agreement", ()) if item.id == of), None
    )
    text = of if agreement is None else str(msgspec.json.decode(agreement.content["of"]))
    amendment = next((item for item in exchange.acts.get("amendment", ()) if item.id == text), None)
    is_in = any(amended.of == text for amended in exchange.amended)
    if amendment is None or is_in or not consent.is_taken(exchange, amendment):
        return exchange
    fields = consent.fields_of(amendment)
    was = {name: exchange.content[name] for name in fields if name in exchange.content}
    amended = Amended(taken=folding.stamp, of=text, fields=fields, was=was)
    return _replaced(form, replace(exchange, amended=(*exchange.amended, amended)), folding, fields)


def _replaced(
    form: Format, exchange: Exchange, folding: Folding, fields: Mapping[str, Raw]
) -> Exchange:
    """An exchange whose opening has these members instead of its own."""
    amended = opening_of(exchange, fields)
    assert isinstance(amended, OpeningAct)
    content = {**exchange.content, **fields}
    precedence, area = _frame(form, folding.registry, amended, exchange.opened.time)
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


def event_of(exchange: Exchange) -> dict[str, Raw]:
    """Return where and when something happened that was told to be elsewhere later: a matter keeps the name of its event."""
    names = SHAPES[exchange.act].__struct_encode_fields__
    event = developments.of_event(exchange) if exchange.developments else {}
    return {
        name: value
        for name, value in event.items()
        if name in names and name in developments.OF_EVENT
    }


def _as_they_came(exchange: Exchange) -> tuple[Message, ...]:
    """The messages but the newest with the precedence that they have had so far."""
    *before, newest = exchange.messages
    return (
        *(
            message if message.precedence else replace(message, precedence=exchange.precedence)
            for message in before
        ),
        newest,
    )


def precedence_of(exchange: Exchange, message: Message) -> Precedence:
    """With which precedence a message came."""
    return message.precedence or exchange.precedence


def _cancel(exchange: Exchange, folding: Folding) -> Exchange:
    data = folding.record.data
    assert isinstance(data, continuing.Cancellation)
    return replace(
        exchange,
        cancellation=StateCancellation(
            cancelled=folding.stamp, number=folding.number, reason=data.reason
        ),
    )


def _close(exchange: Exchange, folding: Folding) -> Exchange:
    if two_keys.sent(exchange, folding.record.envelope.id) is not None:
        return exchange
    return replace(exchange, closures={folding.record.side: folding.stamp, **exchange.closures})


def _closed_by_opener(exchange: Exchange, status: str) -> str:
    """Whoever opened a matter closes it: "every side" is never without its opener, and nobody ends a clock of their own so."""
    return status if exchange.side in exchange.closures else exchange.status


def _check_closure(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    """Not while another side has an open question: one that somebody has not answered, and that the asker does not call answered."""
    assert exchange is not None
    for message in exchange.messages:
        by = message.said.side
        if (
            message.act in _ASKING
            and by != record.side
            and set(message.to) - message.answered.keys()
            and not satisfied(exchange)
        ):
            return invalid(
                "/act",
                sentence(
                    "%(side)s has asked a question that is not answered yet; answer it first",
                    side=by,
                ),
            )
    return None


_ASKING: Final = frozenset({"clarification-request", "explanation-request", "ict-inquiry"})


def framed(exchange: Exchange, name: str) -> str:
    """A member of the frame that is one word, as it was given or by default."""
    value = exchange.content.get(name, exchange.defaults.get(name))
    return "" if value is None else str(msgspec.json.decode(value))


SPOKEN: Final = ("contact", "meeting")
"""Families with speakers. What a side writes into its own column of the dialogue is the side's, and no officer's."""


def is_unattributed(exchange: Exchange) -> bool:
    """Return whether an exchange is under the Chatham House Rule."""
    return exchange.family in SPOKEN and framed(exchange, "attribution") == "chatham_house"


def satisfied(exchange: Exchange) -> bool:
    """Whether the side that asked calls what came an answer."""
    assessed = exchange.acts.get("assessment", ())
    return bool(assessed) and bytes(assessed[-1].content["result"]) == b'"satisfied"'


def settled_by_all(exchange: Exchange, status: str) -> str:
    """A request moves when all who were asked have answered, and is declined only if none of them accepted."""
    meeting = exchange.meeting
    if status == exchange.status or meeting is None:
        return status
    if not asked(exchange) <= meeting.accepted.keys() | meeting.declined.keys():
        return exchange.status
    return "accepted" if meeting.accepted else status


def _decline(exchange: Exchange, folding: Folding) -> Exchange:
    meeting = exchange.meeting
    if meeting is None:
        return exchange
    return replace(
        exchange,
        meeting=replace(meeting, declined={**meeting.declined, folding.record.side: folding.stamp}),
    )


JOINT: Final = frozenset({"held", "deliverable_tabled", "adopted"})
"""Steps of a common work: one side says them, and they are so once every side has."""


def changed_status(exchange: Exchange, status: str) -> str:
    """The status that the newest `status-change` says; a joint step, only once every side has said it, one after the other."""
    assert status == exchange.status
    text = said_status(exchange.acts["status-change"][-1])
    return (
        text
        if text not in JOINT or consent.parties(exchange) <= confirming(exchange)
        else exchange.status
    )


def said_status(said: Said) -> str:
    """The status that a `status-change` says."""
    return str(msgspec.json.decode(said.content["status"]))


def confirming(exchange: Exchange) -> set[str]:
    """The sides that have said the status of the newest `status-change`, with no other said between."""
    changes = exchange.acts.get("status-change", ())
    newest = takewhile(
        lambda item: said_status(item) == said_status(changes[-1]), reversed(changes)
    )
    return {item.said.side for item in newest}


def _check_update(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, continuing.Update)
    if data.text is data.fields is data.next_update is data.phrases is UNSET:
        return invalid(
            "/text",
            sentence("an update says something; give text, or fields that are new, or next_update"),
        )
    return field_checks.times(as_of=data.as_of, next_update=data.next_update)


def _check_absent(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    assert isinstance(record.data, continuing.NonAttendance) and exchange is not None
    if record.data.side not in {exchange.side, *exchange.to, *exchange.info}:
        return invalid(
            "/side",
            sentence(
                "%(side)s was not asked to come; name a side of this exchange",
                side=record.data.side,
            ),
        )
    return None


def _be_absent(exchange: Exchange, folding: Folding) -> Exchange:
    data, meeting = folding.record.data, exchange.meeting
    assert isinstance(data, continuing.NonAttendance) and meeting is not None
    return replace(
        exchange, meeting=replace(meeting, absent={data.side: folding.stamp, **meeting.absent})
    )


def _check_translation(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    assert isinstance(record.data, continuing.Translation) and exchange is not None
    of = record.data.of
    if of is UNSET or any(of == message.id for message in exchange.messages):
        return None
    return invalid(
        "/of",
        sentence("%(id)s is no message of this exchange; leave it out for the opening", id=of),
    )


def _check_translated(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert (
        isinstance(data, continuing.TranslationAgreement | continuing.TranslationDispute)
        and exchange is not None
    )
    for translation in exchange.acts.get("translation", ()):
        if translation.id == data.of:
            own = translation.said.by.partition("/")[0] == record.side
            if own:
                return invalid(
                    "/of",
                    sentence(
                        "this is your own translation; the other side agrees to it or disputes it"
                    ),
                )
            return (
                check_terms(registry, exchange, record)
                if isinstance(data, continuing.TranslationAgreement)
                else None
            )
    return invalid(
        "/of", sentence("%(id)s is no translation in this exchange; name the id of one", id=data.of)
    )


EXPLAINED: Final = ("aims", "place", "ends", "formations", "equipment")
"""What a reply to a request for explanation may say in fields of its own."""


def _check_interim(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    assert isinstance(record.data, continuing.InterimReply)
    return field_checks.times(next_word_by=record.data.next_word_by)


def _check_reply(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    assert isinstance(record.data, continuing.Reply)
    assert exchange is not None
    data = record.data
    explained = {name: value for name in EXPLAINED if (value := getattr(data, name)) is not UNSET}
    if explained and exchange.act != "explanation-request":
        return invalid(
            f"/{next(iter(explained))}",
            sentence(
                "this answers an explanation-request alone; say it in the text of a %(act)s's reply",
                act=exchange.act,
            ),
        )
    if data.text is data.answers is data.phrases is UNSET and not explained:
        return invalid(
            "/text",
            sentence(
                "a reply says something; give text, answers by question number, or agreed phrases"
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


def check_terms(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    """Refuse an act of consent that names other terms than those of its position."""
    assert exchange is not None
    data = record.data
    of, side = getattr(data, "of", UNSET), getattr(data, "side", UNSET)
    now = consent.terms(
        exchange, record.name, of="" if of is UNSET else of, side="" if side is UNSET else side
    )
    if getattr(data, "terms", "") == now:
        return None
    if not now:
        return invalid("/act", sentence("there is nothing here yet that this act could consent to"))
    return Refusal(
        kind="moved",
        detail=sentence(
            "The text has changed since it was read; read it again, and consent to what it says now."
        ),
    )


def _check_amending(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert isinstance(data, continuing.Amendment) and exchange is not None
    standing = consent.open_amendment(exchange)
    if standing is not None:
        return invalid(
            "/act",
            sentence("an amendment waits for an answer; it is taken, left or taken back first"),
        )
    if not consent.is_bound(exchange) and record.side == exchange.side:
        return invalid(
            "/act",
            sentence("no other side has consented to the text yet; change it by a correction"),
        )
    if data.terms != consent.whole(exchange, data.fields):
        return invalid(
            "/terms",
            sentence(
                "this is not the digest of the text as these fields would make it; make it anew"
            ),
        )
    if data.terms == consent.whole(exchange):
        return invalid(
            "/fields", sentence("the text says this already; name what would be another text")
        )
    return None


def _check_alternative(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert isinstance(data, continuing.Alternative) and exchange is not None
    part = data.field, 0 if isinstance(data.item, UnsetType) else data.item
    stands = consent.part_of(exchange, part)
    if data.field in _FRAME - {"text", "subject"} or stands is None or not _is_words(stands):
        return invalid(
            "/field",
            sentence(
                "%(field)s is no text of this matter, or not as a whole; name a text, and its item",
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
    if consent.says(stands, content_of(record.newest)["text"]):
        return invalid("/text", sentence("the text says this already; give other words"))
    return None


def _is_words(raw: Raw) -> bool:
    value = msgspec.json.decode(raw)
    return isinstance(value, str) or (
        isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    )


def _check_amendment_answer(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert (
        isinstance(data, continuing.AmendmentAgreement | continuing.AmendmentRefusal)
        and exchange is not None
    )
    standing = consent.open_amendment(exchange)
    if standing is None or standing.id != data.of:
        return invalid(
            "/of", sentence("%(id)s is no amendment that waits for an answer", id=data.of)
        )
    if standing.said.side == record.side:
        return invalid(
            "/of", sentence("this is your own amendment; the other sides take it or leave it")
        )
    return (
        None
        if isinstance(data, continuing.AmendmentRefusal)
        else check_terms(registry, exchange, record)
    )


def _check_withdrawal(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert isinstance(data, continuing.ConsentWithdrawal) and exchange is not None
    given = next(
        (
            item
            for act in consent.WITHDRAWABLE
            for item in exchange.acts.get(act, ())
            if item.id == data.of
        ),
        None,
    )
    if given is None or given.said.side != record.side or given.id in consent.withdrawn(exchange):
        return invalid(
            "/of",
            sentence(
                "%(id)s is no act of consent, and no amendment, of your side here", id=data.of
            ),
        )
    if consent.is_complete(exchange, given):
        return invalid(
            "/of",
            sentence(
                "every side has consented; what all agreed to changes by an amendment that all take"
            ),
        )
    return None


def _check_second_key(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert isinstance(data, continuing.SecondKey) and exchange is not None
    sent = next(
        (
            one_key.sent
            for one_key in two_keys.due(exchange)
            if one_key.id == data.of and one_key.sent.side == record.side
        ),
        None,
    )
    if sent is None:
        return invalid("/of", sentence("no second key of your side is due for %(id)s", id=data.of))
    if sent.by == record.envelope.actor:
        return invalid("/of", sentence("the second key is another officer's; ask a colleague"))
    return None


def _turn(exchange: Exchange, folding: Folding) -> Exchange:
    assert isinstance(folding.record.data, continuing.SecondKey)
    return two_keys.turned(exchange, folding.record.data.of, folding.stamp)


def _check_attempt(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, continuing.CallAttempt)
    if data.side != "unknown":
        return field_checks.side(registry, "/side", data.side) or field_checks.times(at=data.at)
    return field_checks.times(at=data.at)


RULES: Final = (
    Rule(
        act="acknowledgement",
        shape=continuing.Acknowledgement,
        who=Who.ADDRESSED,
        acknowledges=True,
        settle=by_all_addressed,
    ),
    Rule(
        act="reply",
        shape=continuing.Reply,
        who=Who.ADDRESSED,
        acknowledges=True,
        answers=True,
        message=True,
        kept=True,
        check=_check_reply,
        settle=answered_at_last,
    ),
    Rule(
        act="interim-reply",
        shape=continuing.InterimReply,
        who=Who.ADDRESSED,
        acknowledges=True,
        message=True,
        kept=True,
        check=_check_interim,
    ),
    Rule(
        act="clarification-request",
        shape=continuing.ClarificationRequest,
        who=Who.ADDRESSED,
        acknowledges=True,
        message=True,
        kept=True,
    ),
    Rule(
        act="assessment",
        shape=continuing.Assessment,
        who=Who.OPENER,
        consenting=True,
        acknowledges=True,
        message=True,
        kept=True,
    ),
    Rule(
        act="update",
        shape=continuing.Update,
        who=Who.OPENER,
        message=True,
        kept=True,
        check=_check_update,
    ),
    Rule(
        act="decline",
        shape=continuing.Decline,
        who=Who.ADDRESSEE,
        acknowledges=True,
        answers=True,
        message=True,
        kept=True,
        evolve=_decline,
        settle=settled_by_all,
    ),
    Rule(
        act="correction",
        shape=continuing.Correction,
        who=Who.OPENER,
        consenting=True,
        message=True,
        numbered="C",
    ),
    Rule(
        act="cancellation",
        shape=continuing.Cancellation,
        who=Who.OPENER,
        consenting=True,
        message=True,
        numbered="X",
        evolve=_cancel,
    ),
    Rule(
        act="translation",
        shape=continuing.Translation,
        who=Who.ANY,
        kept=True,
        check=_check_translation,
    ),
    Rule(
        act="translation-agreement",
        shape=continuing.TranslationAgreement,
        who=Who.ANY,
        consenting=True,
        kept=True,
        check=_check_translated,
    ),
    Rule(
        act="translation-dispute",
        shape=continuing.TranslationDispute,
        who=Who.ANY,
        kept=True,
        check=_check_translated,
    ),
    Rule(
        act="repeat-request",
        shape=continuing.RepeatRequest,
        who=Who.ADDRESSED,
        message=True,
        kept=True,
    ),
    Rule(
        act="consent-withdrawal",
        shape=continuing.ConsentWithdrawal,
        who=Who.ANY,
        message=True,
        kept=True,
        check=_check_withdrawal,
    ),
    Rule(
        act="amendment",
        shape=continuing.Amendment,
        who=Who.ANY,
        consenting=True,
        message=True,
        kept=True,
        check=_check_amending,
    ),
    Rule(
        act="amendment-agreement",
        shape=continuing.AmendmentAgreement,
        who=Who.ANY,
        consenting=True,
        acknowledges=True,
        answers=True,
        kept=True,
        check=_check_amendment_answer,
        settle=consent.by_every_side,
    ),
    Rule(
        act="amendment-refusal",
        shape=continuing.AmendmentRefusal,
        who=Who.ANY,
        acknowledges=True,
        answers=True,
        message=True,
        kept=True,
        check=_check_amendment_answer,
    ),
    Rule(
        act="alternative",
        shape=continuing.Alternative,
        who=Who.ANY,
        acknowledges=True,
        message=True,
        kept=True,
        check=_check_alternative,
    ),
    Rule(
        act="second-key",
        shape=continuing.SecondKey,
        who=Who.ANY,
        check=_check_second_key,
        evolve=_turn,
    ),
    Rule(
        act="call-attempt",
        version=2,
        shape=continuing.CallAttempt,
        who=Who.ANY,
        kept=True,
        check=_check_attempt,
    ),
    Rule(
        act="non-attendance",
        shape=continuing.NonAttendance,
        who=Who.ANY,
        kept=True,
        check=_check_absent,
        evolve=_be_absent,
    ),
    Rule(
        act="agreement",
        shape=continuing.Agreement,
        who=Who.OTHER,
        consenting=True,
        acknowledges=True,
        answers=True,
        kept=True,
        check=check_terms,
        settle=consent.by_every_side,
    ),
    Rule(
        act="status-change",
        shape=continuing.StatusChange,
        who=Who.ANY,
        kept=True,
        settle=changed_status,
    ),
    Rule(
        act="closure",
        shape=continuing.Closure,
        who=Who.ANY,
        consenting=True,
        check=_check_closure,
        evolve=_close,
        settle=_closed_by_opener,
    ),
    Rule(act="lesson", shape=continuing.Lesson, who=Who.ANY, kept=True),
)
