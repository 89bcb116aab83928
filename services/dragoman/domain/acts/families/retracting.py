"""The retraction: a side takes back what it itself stated, and says what was so.

It names a message of its own, and is possible in every status, also after the end. No
other act leads from one definite value of `kind`, `time`, `whose` or
`cause_established` to another (`statements.GUARDED`).
"""

from typing import Final

from msgspec import Raw, UnsetType
from msgspec.structs import replace

from dragoman.domain.acts import consent, field_checks, statements
from dragoman.domain.acts.act_rules import Folding, Rule, Who
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.domain.record.codec import Record, decode_under
from dragoman.domain.record.errors import Malformed, Refusal, invalid
from dragoman.text import sentence
from dragoman_schemas.act_frame import Answering, OpeningAct
from dragoman_schemas.acts import SHAPES, continuing
from dragoman_schemas.state import Exchange, Message, Registry, StateRetraction

_FRAME: Final = frozenset(
    {*OpeningAct.__struct_encode_fields__, *Answering.__struct_encode_fields__} - {"text"}
)
"""Members that describe the message and state nothing of the matter."""

_STATING: Final = frozenset({"counter-account", "reply", "final-report"})
"""Acts beside the opening by which a side states something."""

_CHANGING: Final = frozenset({"update", "correction"})
"""Acts whose values stand in the opening. Who names one means the opening."""


def message_of(exchange: Exchange, record: Record[continuing.Retraction]) -> Message | None:
    """Return the message that a retraction takes back, or None.

    It is the one that it names, or else the newest one of its side with these fields.
    """
    data = record.data
    own_messages = [
        message
        for message in exchange.messages
        if message.said.side == record.side
        and (message.id == exchange.id or message.act in _STATING)
    ]
    if not isinstance(data.of, UnsetType):
        of = exchange.id if data.of in _told_in_opening(exchange, record.side) else data.of
        return next((message for message in own_messages if message.id == of), None)
    with_fields = [
        message
        for message in own_messages
        if data.fields.keys() <= _content(exchange, message).keys()
    ]
    return max(with_fields, key=lambda message: message.said.position, default=None)


def _told_in_opening(exchange: Exchange, side: str) -> set[str]:
    """Return the messages of the opener by which members of its opening changed."""
    if side != exchange.side:
        return set()
    return {message.id for message in exchange.messages if message.act in _CHANGING}


def own_statement(exchange: Exchange, side: str) -> dict[str, Raw]:
    """Return the present statement of a side: its opening, accounts and replies.

    The members of the frame are left out.
    """
    own_messages = [
        message
        for message in exchange.messages
        if message.said.side == side and (message.id == exchange.id or message.act in _STATING)
    ]
    newest: dict[str, Raw] = {}
    for message in sorted(own_messages, key=lambda message: message.said.position):
        newest |= _content(exchange, message)
    return {name: value for name, value in newest.items() if name not in _FRAME}


def _content(exchange: Exchange, message: Message) -> dict[str, Raw]:
    if message.id == exchange.id:
        return exchange.content
    content = {**consent.content_of_message(exchange, message.id)}
    for retraction in exchange.retractions:
        if retraction.of == message.id:
            content |= retraction.fields
    return content


def _check(
    registry: Registry, exchange: Exchange | None, record: Record[continuing.Retraction]
) -> Refusal | None:
    """Refuse to take back what the side has not stated, or states in the same way."""
    assert exchange is not None
    data = record.data
    refusal = field_checks.times(known_since=data.known_since)
    if refusal is not None:
        return refusal
    message = message_of(exchange, record)
    if message is None:
        return invalid(
            "/fields" if isinstance(data.of, UnsetType) else "/of",
            sentence(
                "no message of your side in this exchange states this; name the message, and "
                "the fields that it has"
            ),
        )
    content = _content(exchange, message)
    for name, value in data.fields.items():
        if name in _FRAME:
            return invalid(
                f"/fields/{name}",
                sentence(
                    "%(name)s states nothing of the matter; it cannot be taken back", name=name
                ),
            )
        if name not in content:
            return invalid(
                f"/fields/{name}",
                sentence("your side has not stated %(name)s in that message", name=name),
            )
        if statements.is_same(content[name], value):
            return invalid(
                f"/fields/{name}",
                sentence(
                    "%(name)s says this already; give what was so instead, or unknown", name=name
                ),
            )
    return None if message.id == exchange.id else _check_values(registry, record, message, content)


def _check_values(
    registry: Registry,
    record: Record[continuing.Retraction],
    message: Message,
    content: dict[str, Raw],
) -> Refusal | None:
    """Refuse values that the act which stated them could not have had."""
    names = SHAPES[message.act].__struct_encode_fields__
    members = {name: value for name, value in content.items() if name in names}
    members |= record.data.fields
    body = b"".join(b',"%s":%s' % (name.encode(), bytes(value)) for name, value in members.items())
    try:
        decode_under(b'{"act":"%s"%s}' % (message.act.encode(), body), registry.rules)
    except Malformed as error:
        return invalid("/fields" + error.fault.pointer, error.fault.detail)
    return None


def _retract(exchange: Exchange, folding: Folding[continuing.Retraction]) -> Exchange:
    message = message_of(exchange, folding.record)
    assert message is not None
    data, before = folding.record.data, _content(exchange, message)
    known_since = data.known_since
    retraction = StateRetraction(
        retracted=folding.stamp,
        of=message.id,
        fields=data.fields,
        was={name: before[name] for name in data.fields},
        reason=content_of(folding.record.newest)["reason"],
        known_since=known_since if isinstance(known_since, str) else "",
    )
    return replace(exchange, retractions=(*exchange.retractions, retraction))


RULES: Final = (
    Rule(
        act="retraction",
        shape=continuing.Retraction,
        who=Who.ANY,
        consenting=True,
        message=True,
        check=_check,
        evolve=_retract,
    ),
)
