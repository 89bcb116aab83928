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

Acknowledging or answering a message does the same for every earlier one to that side:
who has read the newest has the others.
"""

from itertools import takewhile
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import consent, developments, field_checks, two_keys
from dragoman.domain.acts.act_rules import Folding, Format, Moves, Rule, Who
from dragoman.domain.acts.families.amendments import (
    check_alternative,
    check_amending,
    check_amendment_answer,
    check_terms,
    check_withdrawal,
)
from dragoman.domain.acts.families.exchange_content import content_of, suspended
from dragoman.domain.acts.families.opening import check_carried
from dragoman.domain.acts.families.replies import (
    be_absent,
    check_absent,
    check_attempt,
    check_interim,
    check_reply,
    check_translation,
    check_update,
)
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import sentence
from dragoman_schemas.act_frame import Answering, Continuing, Precedence
from dragoman_schemas.acts import SHAPES, continuing
from dragoman_schemas.state import (
    Exchange,
    Message,
    Registry,
    Said,
    Stamp,
    StateCancellation,
)

RECEIPTS: Final = frozenset({"acknowledgement", "second-key", "call-attempt"})
"""Acts that say nothing of the matter: an act that relies on the exchange as it was
read relies on what was said in it, and not on them.
"""


_CONSENTS: Final = {"agreement", "endorsement", "acceptance", "release-consent"}
"""Acts by which a side consents to a text; it may then be amended."""

_TRANSLATING: Final = ("translation", "translation-agreement", "translation-dispute")


ENDED: Final = ("cancelled", "closed", "declined", "withdrawn")


def life(live: tuple[str, ...], own: Moves, *, cancellable: tuple[str, ...] | None = None) -> Moves:
    """Return a format's moves: its own, and those of any exchange with these live statuses."""
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


def check_continuing(
    registry: Registry, form: Format, exchange: Exchange, record: Record
) -> Refusal | None:
    """Return a continuing act's times are real, `of` names a message to its side, and a status that is said may follow."""
    data = record.data
    if isinstance(data, Continuing):
        refusal = field_checks.times(dtg=data.dtg) or check_carried(registry, data, record)
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
    """Return what any continuing act does to the messages: acknowledge, answer, and stand there itself as a message."""
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
                suspended=suspended(folding.registry),
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
    """Return a status that follows a reply, unless the reply said itself that it was not the final one."""
    return (
        exchange.status
        if bytes(exchange.acts["reply"][-1].content.get("final", b"")) == b"false"
        else status
    )


def owes_acknowledgement(exchange: Exchange) -> set[str]:
    """Return the action addressees that have not acknowledged something said to them."""
    return {side for message in exchange.messages for side in owing_receipt(exchange, message)}


def owing_receipt(exchange: Exchange, message: Message) -> tuple[str, ...]:
    """Return the action addressees that owe a receipt of a message: nobody of what is for the record, or was said by voice before, or is over."""
    if message.for_the_record or message.said.told or receipts_over(exchange) is not None:
        return ()
    return tuple(side for side in message.to if side not in message.acknowledged)


def receipts_over(exchange: Exchange) -> Stamp | None:
    """Since which record no receipts are owed any more: its opener has closed what every addressee had answered. None while they are."""
    end = exchange.closures.get(exchange.side) if exchange.status == "closed" else None
    answered = exchange.messages[0].answered.keys() | exchange.accounts.keys()
    return end if end is not None and answered >= set(exchange.to) else None


def owes_answer(exchange: Exchange) -> set[str]:
    """Return the action addressees that have not answered the opening, or the windows that stand, while it lives."""
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
    """Return who is asked whether the windows that stand suit: every party but the one that proposed them."""
    assert exchange.meeting is not None
    return {exchange.side, *exchange.to} - {exchange.meeting.proposed_by}


def by_all_addressed(exchange: Exchange, status: str) -> str:
    """Return a status that follows when every action addressee has acknowledged the opening."""
    return (
        status if exchange.messages[0].acknowledged.keys() >= set(exchange.to) else exchange.status
    )


# Correction, cancellation, closure


def event_of(exchange: Exchange) -> dict[str, Raw]:
    """Return where and when something happened that was told to be elsewhere later: a matter keeps the name of its event."""
    names = SHAPES[exchange.act].__struct_encode_fields__
    event = developments.of_event(exchange) if exchange.developments else {}
    return {
        name: value
        for name, value in event.items()
        if name in names and name in developments.OF_EVENT
    }


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
    """Return a member of the frame that is one word, as it was given or by default."""
    value = exchange.content.get(name, exchange.defaults.get(name))
    return "" if value is None else str(msgspec.json.decode(value))


SPOKEN: Final = ("contact", "meeting")
"""Families with speakers. What a side writes into its own column of the dialogue is the
side's, and no officer's.
"""


def is_unattributed(exchange: Exchange) -> bool:
    """Return whether an exchange is under the Chatham House Rule."""
    return exchange.family in SPOKEN and framed(exchange, "attribution") == "chatham_house"


def satisfied(exchange: Exchange) -> bool:
    """Return whether the side that asked calls what came an answer."""
    assessed = exchange.acts.get("assessment", ())
    return bool(assessed) and bytes(assessed[-1].content["result"]) == b'"satisfied"'


def settled_by_all(exchange: Exchange, status: str) -> str:
    """Return a request moves when all who were asked have answered, and is declined only if none of them accepted."""
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
    """Return the status that the newest `status-change` says; a joint step, only once every side has said it, one after the other."""
    assert status == exchange.status
    text = said_status(exchange.acts["status-change"][-1])
    return (
        text
        if text not in JOINT or consent.parties(exchange) <= confirming(exchange)
        else exchange.status
    )


def said_status(said: Said) -> str:
    """Return the status that a `status-change` says."""
    return str(msgspec.json.decode(said.content["status"]))


def confirming(exchange: Exchange) -> set[str]:
    """Return the sides that have said the status of the newest `status-change`, with no other said between."""
    changes = exchange.acts.get("status-change", ())
    newest = takewhile(
        lambda item: said_status(item) == said_status(changes[-1]), reversed(changes)
    )
    return {item.said.side for item in newest}


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
        check=check_reply,
        settle=answered_at_last,
    ),
    Rule(
        act="interim-reply",
        shape=continuing.InterimReply,
        who=Who.ADDRESSED,
        acknowledges=True,
        message=True,
        kept=True,
        check=check_interim,
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
        check=check_update,
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
        check=check_translation,
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
        check=check_withdrawal,
    ),
    Rule(
        act="amendment",
        shape=continuing.Amendment,
        who=Who.ANY,
        consenting=True,
        message=True,
        kept=True,
        check=check_amending,
    ),
    Rule(
        act="amendment-agreement",
        shape=continuing.AmendmentAgreement,
        who=Who.ANY,
        consenting=True,
        acknowledges=True,
        answers=True,
        kept=True,
        check=check_amendment_answer,
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
        check=check_amendment_answer,
    ),
    Rule(
        act="alternative",
        shape=continuing.Alternative,
        who=Who.ANY,
        acknowledges=True,
        message=True,
        kept=True,
        check=check_alternative,
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
        check=check_attempt,
    ),
    Rule(
        act="non-attendance",
        shape=continuing.NonAttendance,
        who=Who.ANY,
        kept=True,
        check=check_absent,
        evolve=be_absent,
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
