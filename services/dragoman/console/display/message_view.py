"""One message of an exchange in its own words, and its heading beside its matter.

Both sides speak in an exchange. A page that shows a message shows the values of that
message's record, and marks those that a later record changed. An answer is never shown
with the words, the place or the time of the message that it answers.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from msgspec import Raw

from dragoman.console.display import field_history
from dragoman.console.display.act_display import Display, DisplayedMember
from dragoman.domain.acts import developments
from dragoman.domain.acts.families.exchange_content import content_of
from dragoman.i18n.words import Words
from dragoman.members import shapes
from dragoman.members.choices import PhrasesKind
from dragoman.members.groups import OtherKind
from dragoman.members.kind import Member
from dragoman.members.places import PlaceKind, PointKind
from dragoman.members.shapes import FieldsKind
from dragoman.members.sides import FilesKind, MessageKind, PersonKind, ReferencesKind
from dragoman.members.texts import TextKind, TextsKind
from dragoman.members.times import SpanKind, SpansKind, TimeKind
from dragoman.projection.projection import Projection
from dragoman_schemas.fields import UNNAMED
from dragoman_schemas.state import Exchange, Message

_FIRST: Final = (
    "kind",
    "kind_text",
    "place",
    "places",
    "pos",
    "time",
    "window",
    "whose",
    "casualties",
    "hazard",
    "hazard_text",
    "threat_text",
    "request",
)
"""Members that a duty officer sees first of a message, where it has them."""

TEXTS: Final = ("facts", "description", "text", "request", "reason")
"""Members that hold the main text of a message, in the order of their weight."""
_WHEN: Final = (TimeKind, SpanKind, SpansKind)
_WHERE: Final = (PlaceKind, PointKind)
_PROSE: Final = (TextKind, TextsKind)
_BESIDES: Final = (
    *_PROSE,
    PersonKind,
    FilesKind,
    FieldsKind,
    MessageKind,
    ReferencesKind,
    PhrasesKind,
    OtherKind,
)
_SHORT: Final = 6
"""The greatest number of members with which an act is shown whole."""


def message_of(exchange: Exchange, id: str) -> Message:
    """Return the message with an id, or the opening for an unknown id."""
    return next(
        (message for message in exchange.messages if message.id == id), exchange.messages[0]
    )


def is_opening(exchange: Exchange, message: Message) -> bool:
    """Return whether a message opened its exchange."""
    return message.id == exchange.messages[0].id


def content(projection: Projection, exchange: Exchange, message: Message) -> dict[str, Raw]:
    """Return the members of a message; an erased message has none.

    A message has the members of its own record, whatever later records changed.
    """
    if is_opening(exchange, message):
        return developments.opening_as_sent(exchange)
    record = projection.record_at(message.said.position)
    return {} if record is None or not record.act else content_of(record.newest)


def kind_of(content: Mapping[str, Raw]) -> str:
    """Return the kind of event that a message states; empty where it states none.

    It states none where no list has the kind, or where nobody knows it yet.
    """
    raw = content.get("kind") or content.get("hazard") or content.get("threat")
    value = "" if raw is None else msgspec.json.decode(bytes(raw))
    return value if isinstance(value, str) and value not in UNNAMED else ""


def heading(words: Words, message: Message) -> str:
    """Return the heading of a message that states no kind of event.

    It is the name of the act, or names the side whose account it is.
    """
    if message.act == "counter-account":
        return words.say("%(side)s’s account", side=message.said.side.upper())
    return words.act(message.act)


def matter(words: Words, exchange: Exchange, message: Message, side: str) -> str:
    """Return the relation of a message to its matter, as a side reads it.

    Empty for the message that opened the matter.
    """
    if is_opening(exchange, message):
        return ""
    opened_by_side = exchange.side == side
    if message.act == "counter-account":
        speaker = message.said.side.upper()
        if opened_by_side:
            return words.say(
                "%(side)s’s account of your %(number)s", side=speaker, number=exchange.number
            )
        return words.say("%(side)s’s account of %(number)s", side=speaker, number=exchange.number)
    act = words.act(message.act)
    if opened_by_side:
        return words.say("%(act)s, in your %(number)s", act=act, number=exchange.number)
    return words.say("%(act)s, in %(number)s", act=act, number=exchange.number)


def within(words: Words, exchange: Exchange, message: Message, side: str) -> str:
    """Return the matter to which a message belongs, with the kind of that matter.

    Empty for the message that opened the matter.
    """
    if is_opening(exchange, message):
        return ""
    kind = kind_of(exchange.content)
    value = words.value(kind) if kind else words.act(exchange.act)
    if exchange.side == side:
        return words.say("In your matter: %(what)s, %(number)s", what=value, number=exchange.number)
    return words.say("In the matter: %(what)s, %(number)s", what=value, number=exchange.number)


def facts(
    display: Display, exchange: Exchange, message: Message, content: Mapping[str, Raw]
) -> tuple[DisplayedMember, ...]:
    """Return the facts that are shown first of a message.

    They are the usual facts, always a time and a place where the message states them,
    and all members of a short answer.
    """
    facts = _facts(display, exchange, message, content)
    return tuple(
        field_history.marked(display, exchange, facts) if is_opening(exchange, message) else facts
    )


def _facts(
    display: Display, exchange: Exchange, message: Message, content: Mapping[str, Raw]
) -> Iterator[DisplayedMember]:
    for member in _chosen(exchange, message, content):
        fact = display.fact(member, content[member.name])
        terms = _accepted(exchange, message) if member.name == "window" else None
        yield (
            fact
            if terms is None
            else msgspec.structs.replace(fact, shown=display.span(terms), wide=True)
        )
    amended = content.get("fields") if message.act in ("correction", "update") else None
    for name, raw in (
        {} if amended is None else msgspec.json.decode(bytes(amended), type=dict[str, Raw]).items()
    ):
        if (amends := shapes.member(exchange.act, name)) is not None:
            yield display.fact(amends, raw)


def _chosen(exchange: Exchange, message: Message, content: Mapping[str, Raw]) -> list[Member]:
    stated = [
        member
        for member in shapes.members(message.act)
        if member.name in content
        and member.name not in shapes.FRAME
        and (not isinstance(member.kind, _BESIDES) or member.name in _FIRST)
    ]
    if not is_opening(exchange, message) and len(stated) <= _SHORT:
        return sorted(stated, key=_rank)
    chosen = sorted((member for member in stated if member.name in _FIRST), key=_rank)
    for types in (_WHEN, _WHERE):
        if not any(isinstance(member.kind, types) for member in chosen):
            chosen += [member for member in stated if isinstance(member.kind, types)][:1]
    return chosen


def _rank(member: Member) -> int:
    return _FIRST.index(member.name) if member.name in _FIRST else len(_FIRST)


def _accepted(exchange: Exchange, message: Message) -> dict[str, str] | None:
    """Return the window that an acceptance accepted.

    Its record names the window by an index alone.
    """
    meeting = exchange.meeting
    accepted = None if meeting is None else meeting.accepted.get(message.said.side)
    if (
        accepted is None
        or message.act != "acceptance"
        or accepted.accepted.position != message.said.position
    ):
        return None
    terms = msgspec.json.decode(bytes(accepted.terms))
    return terms if isinstance(terms, dict) and "from" in terms else None


def text(
    display: Display, exchange: Exchange, message: Message, content: Mapping[str, Raw]
) -> DisplayedMember | None:
    """Return the main text of a message: the usual member, or else its first text."""
    members = {
        member.name: member for member in shapes.members(message.act) if member.name in content
    }
    prose = [member.name for member in members.values() if isinstance(member.kind, _PROSE)]
    name = next((item for item in (*TEXTS, *prose) if item in members), None)
    if name is None:
        return None
    fact = display.fact(members[name], content[name])
    return (
        field_history.marked(display, exchange, [fact])[0]
        if is_opening(exchange, message)
        else fact
    )
