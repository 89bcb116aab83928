"""An exchange: its moves, its messages, and what its addressees owe.

    act               who        status before → after             marks
    acknowledgement   addressed  any → same                        acknowledges
    reply             addressed  live, closed → same               acknowledges, answers
    interim-reply     addressed  live → same                       acknowledges
    update            opener     live → same
    correction        opener     live → same                       consent, number C
    retraction        any        any → same                        consent
    cancellation      opener     live, not yet held → cancelled    consent, number X
    closure           any        live, declined → closed (1)       consent
    decline           addressee  live → same (2)                   acknowledges, answers

    (1) once the opener has closed it and nobody may object any more: see `closing`
    (2) a meeting request → declined

All of them but an acknowledgement and a closure are messages themselves. An
acknowledgement or an answer of one message counts for every earlier message to the same
side: a side that has read the newest message has the others. `common_acts` has the
rules of these acts.
"""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import consent, developments, field_checks
from dragoman.domain.acts.act_rules import Folding, Format, Moves, Rule
from dragoman.domain.acts.families.exchange_content import content_of, suspended
from dragoman.domain.acts.families.opening import check_carried
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import sentence
from dragoman_schemas.act_frame import Act, Answering, Continuing, Precedence
from dragoman_schemas.acts import SHAPES, continuing
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import (
    Exchange,
    Message,
    Registry,
    Said,
    Stamp,
)

RECEIPTS: Final = frozenset(
    {"acknowledgement", "second-key", "call-attempt", "passed-on", "window-notice"}
)
"""Acts that say nothing about the matter.

An act that relies on the exchange as it was read relies on the matter, not on receipts.
"""


_CONSENTS: Final = {"agreement", "endorsement", "acceptance", "release-consent"}
"""Acts by which a side consents to a text; the text may then be amended."""

_TRANSLATING: Final = ("translation", "translation-agreement", "translation-dispute")


ENDED: Final = ("cancelled", "closed", "declined", "withdrawn")

FINAL: Final = ("cancelled", "closed", "withdrawn")
"""Statuses from which nothing leads on, not even a closure."""


def moves_of_format(
    live: tuple[str, ...],
    moves: Moves,
    *,
    cancellable: tuple[str, ...] | None = None,
    declinable: tuple[str, ...] | None = None,
) -> Moves:
    """Return a format's moves: the given ones, and those that every exchange has.

    `live` are the statuses in which the exchange is alive. `cancellable` are the
    statuses in which it may be cancelled, and `declinable` those in which it may be
    declined, by default the live ones.
    """
    reached = {to for transitions in moves.values() for to in transitions.values()}
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
                "window-notice",
                "acknowledgement",
                "passed-on",
                "repeat-request",
                "consent-withdrawal",
                "second-key",
                "retraction",
                *_TRANSLATING,
            ),
            everywhere,
        ),
        **dict.fromkeys(("interim-reply", "clarification-request", "assessment"), alive),
        "reply": {**alive, "closed": "closed"},
        "decline": {status: status for status in (declinable or live)},
        **dict.fromkeys(("update", "correction", "call-attempt"), alive),
        "cancellation": dict.fromkeys(cancellable or live, "cancelled"),
        "closure": {status: "closed" for status in (*live, *ended) if status not in FINAL},
        "lesson": {status: status for status in ended},
        **(
            dict.fromkeys(("amendment", "amendment-refusal"), alive)
            if moves.keys() & _CONSENTS
            else {}
        ),
        **({"alternative": alive} if moves.keys() & set(consent.BINDING) else {}),
        **(
            {
                "amendment-agreement": {
                    **alive,
                    **{
                        before: after
                        for act in consent.BINDING
                        for before, after in moves.get(act, {}).items()
                    },
                }
            }
            if moves.keys() & _CONSENTS
            else {}
        ),
    }
    return {act: {**common.get(act, {}), **moves.get(act, {})} for act in {**common, **moves}}


def check_continuing(
    registry: Registry, form: Format, exchange: Exchange, record: Record
) -> Refusal | None:
    """Refuse a continuing act whose times, `of` or status are not valid.

    `of` must name a message to the act's side. The status of a `status-change` must be
    one that may follow the present one.
    """
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
                "%(id)s is not a message to %(side)s in this exchange; leave it out for the newest",
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


def with_message_effects(exchange: Exchange, rule: Rule, folding: Folding) -> Exchange:
    """Return the exchange after the effects of a continuing act on its messages.

    The act acknowledges or answers messages, and it may become a message itself.
    """
    messages = exchange.messages
    data, record, side = folding.record.data, folding.record, folding.record.side
    if rule.acknowledges or rule.answers:
        of = data.of if isinstance(data, Answering) else UNSET
        answers = rule.answers and not (isinstance(data, continuing.Reply) and data.final is False)
        messages = _marked(messages, side, of, folding.stamp, answers=answers)
    if rule.message:
        to, info = _addressees(exchange, folding)
        messages = (
            *messages,
            Message(
                id=record.envelope.id,
                act=rule.act,
                said=folding.stamp,
                to=to,
                info=info,
                for_the_record=isinstance(data, Continuing) and data.for_the_record is True,
                suspended=suspended(folding.registry),
                marking=or_default(data.marking, "") if isinstance(data, Continuing) else "",
            ),
        )
        if exchange.closed is None and side in exchange.closures:
            standing = {name: end for name, end in exchange.closures.items() if name != side}
            exchange = replace(exchange, closures=standing)
    if rule.kept:
        acts = (
            *exchange.acts.get(rule.act, ()),
            Said(said=folding.stamp, id=record.envelope.id, content=content_of(record.newest)),
        )
        return replace(exchange, messages=messages, acts={**exchange.acts, rule.act: acts})
    return exchange if messages is exchange.messages else replace(exchange, messages=messages)


_TO_ASKER: Final = frozenset(
    {"reply", "interim-reply", "clarification-request", "decline", "repeat-request"}
)
"""Acts that go to the author of the message that they are about.

The other sides of the exchange get them for information. In version 1 of these acts
every side was an action addressee.
"""


def _addressees(exchange: Exchange, folding: Folding) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the action and the information addressees of a message in an exchange."""
    record = folding.record
    side, data = record.side, record.data
    names = {exchange.side, *exchange.to, *exchange.info} - {side}
    ordered = tuple(member.name for member in folding.registry.sides if member.name in names)
    info = tuple(dict.fromkeys((*exchange.info, *exchange.observers)))
    of_old = record.envelope.dataschema.endswith(":1")
    asker = "" if record.name not in _TO_ASKER or of_old else _asker(exchange, side, data)
    if asker not in names:
        return (
            tuple(name for name in ordered if name not in info),
            tuple(name for name in info if name != side),
        )
    to = tuple(name for name in ordered if name == asker and name not in exchange.observers)
    return to, tuple(name for name in ordered if name not in to)


def _asker(exchange: Exchange, side: str, data: Act) -> str:
    """Return the author of the message that a side's act is about."""
    of = getattr(data, "of", UNSET)
    messages = [
        message
        for message in exchange.messages
        if (side in message.to if of is UNSET else message.id == of)
    ]
    return messages[-1].said.side if messages else exchange.side


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


def owes_acknowledgement(exchange: Exchange) -> set[str]:
    """Return the action addressees that have not acknowledged every message to them."""
    return {side for message in exchange.messages for side in owing_receipt(exchange, message)}


def owing_receipt(exchange: Exchange, message: Message) -> tuple[str, ...]:
    """Return the action addressees that owe a receipt of a message.

    None owes a receipt of a message that is for the record, or that was said by voice
    before. None owes one once receipts are over.
    """
    if message.for_the_record or message.said.told or receipts_over(exchange) is not None:
        return ()
    return tuple(side for side in message.to if side not in message.acknowledged)


def receipts_over(exchange: Exchange) -> Stamp | None:
    """Return the record since which no receipts are owed any more.

    It is the end of a matter that every addressee had answered. None while receipts are
    owed.
    """
    answered = exchange.messages[0].answered.keys() | exchange.accounts.keys()
    return exchange.closed if answered >= _asked(exchange) else None


def _asked(exchange: Exchange) -> set[str]:
    """Return the action addressees that are asked for an answer to the opening.

    A mere recipient of a text is not.
    """
    return set(exchange.to) & (
        consent.parties(exchange) if exchange.signatories else {*exchange.to}
    )


ASKING: Final[dict[str, tuple[str, ...]]] = {
    "explanation-request": ("requested", "answered"),
    "terrorism-warning": ("open",),
    "ict-inquiry": ("open",),
    "visit-request": ("requested",),
    "item-request": ("requested",),
}
"""Formats that ask for an answer, and the statuses in which it is still missing.

A meeting asks for one while it is requested, and a note where it names a time for it.
"""


def owes_answer(exchange: Exchange) -> set[str]:
    """Return the sides that have not answered what the exchange asks of them.

    They are the action addressees. Of a meeting, they are the parties that have not
    answered the windows that stand. Nobody owes an answer to a message that asks for
    none, or once the exchange has ended.
    """
    if exchange.for_the_record or exchange.status in ENDED:
        return set()
    meeting = exchange.meeting
    if meeting is not None:
        if exchange.status != "requested":
            return set()
        answered = meeting.accepted.keys() | meeting.declined.keys()
        if meeting.proposed_by == exchange.side:
            answered |= exchange.messages[0].answered.keys()
        return parties_to_answer(exchange) - answered
    asks = exchange.status in ASKING.get(exchange.act, ()) or (
        exchange.act == "contact-note" and "reply_wanted_by" in exchange.content
    )
    return {side for side in exchange.to if asks and side not in exchange.messages[0].answered}


def parties_to_answer(exchange: Exchange) -> set[str]:
    """Return the parties that must say whether the offered windows suit them.

    They are all parties except the one that proposed the windows, and observers.
    """
    assert exchange.meeting is not None
    return {exchange.side, *exchange.to} - {exchange.meeting.proposed_by, *exchange.observers}


# Members of the event and of the frame


def event_of(exchange: Exchange) -> dict[str, Raw]:
    """Return the members of the event that the opening reports, with later updates.

    They are its place and time. So a matter keeps the name of its event when a side
    reports later that it was elsewhere.
    """
    names = SHAPES[exchange.act].__struct_encode_fields__
    event = developments.of_event(exchange) if exchange.developments else {}
    return {
        name: value
        for name, value in event.items()
        if name in names and name in developments.OF_EVENT
    }


def precedence_of(exchange: Exchange, message: Message) -> Precedence:
    """Return the precedence with which a message came."""
    return message.precedence or exchange.precedence


def own_markings(exchange: Exchange) -> str:
    """Return the markings that an exchange's messages have beside the channel's."""
    further = (message.marking for message in exchange.messages if message.marking)
    return ", ".join(dict.fromkeys(further))


def markings(registry: Registry, exchange: Exchange) -> str:
    """Return the marking of the channel, and those of an exchange's messages."""
    return ", ".join(filter(None, (registry.marking, own_markings(exchange))))


def frame_word(exchange: Exchange, name: str) -> str:
    """Return a member of the frame that is one word, from the opening or by default."""
    value = exchange.content.get(name, exchange.defaults.get(name))
    return "" if value is None else str(msgspec.json.decode(value))


SPEAKER_FAMILIES: Final = ("contact", "meeting")
"""Families with speakers.

A side's own column of the dialogue is the side's, and no officer's.
"""


def is_unattributed(exchange: Exchange) -> bool:
    """Return whether an exchange is under the Chatham House Rule."""
    return (
        exchange.family in SPEAKER_FAMILIES
        and frame_word(exchange, "attribution") == "chatham_house"
    )


def is_asker_satisfied(exchange: Exchange) -> bool:
    """Return whether the side that asked has said that it is satisfied."""
    assessed = exchange.acts.get("assessment", ())
    return bool(assessed) and bytes(assessed[-1].content["result"]) == b'"satisfied"'


def settled_by_all(exchange: Exchange, status: str) -> str:
    """Return the status once all who were asked have answered.

    It is `accepted` if any of them accepted, and otherwise the status that the last
    answer leads to.
    """
    meeting = exchange.meeting
    if status == exchange.status or meeting is None:
        return status
    if not parties_to_answer(exchange) <= meeting.accepted.keys() | meeting.declined.keys():
        return exchange.status
    return "accepted" if meeting.accepted else status


JOINT: Final = frozenset({"held"})
"""Steps of a common work: they take effect once every side has said them."""
