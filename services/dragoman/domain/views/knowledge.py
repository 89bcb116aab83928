"""The marks of an exchange, and the knowledge of each side at a moment.

    marks    NATO sent 0014 at 03:02:10Z; it reached China's station at 03:02:11Z; its
             duty officer acknowledged it at 03:05:40Z
    known    at 03:04Z China's station had 0014, and no person had acknowledged it

Everything follows from the exchange. A mark has the record that says so. Only the
openings of the reader's own side are beside the log: no record says them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, get_args

from msgspec.structs import replace

from dragoman_schemas.knowledge_responses import (
    FirstOpening,
    KnowledgeKind,
    KnowledgeMark,
    MessageKnown,
)
from dragoman_schemas.responses import Fact
from dragoman_schemas.state import Exchange, Message

_ORDER: Final = get_args(KnowledgeKind)

Delivery = tuple[str, int]
"""The time at which a side's station had a message, and the record that says so."""


def marks(
    exchange: Exchange,
    facts: Iterable[Fact],
    deliveries: Mapping[tuple[str, str], Delivery],
    numbers: Mapping[int, str],
) -> list[KnowledgeMark]:
    """Return the marks of an exchange, in the order of time.

    `deliveries` are by message and side. `numbers` are by position.
    """
    of_message: dict[str, list[Fact]] = {}
    for fact in facts:
        of_message.setdefault(fact.message, []).append(fact)
    result = [
        mark
        for message in exchange.messages
        for mark in _of_message(message, of_message.get(message.id, []), deliveries, numbers)
    ]
    return ordered(result)


def openings(
    exchange: Exchange, side: str, first: Iterable[FirstOpening], numbers: Mapping[int, str]
) -> list[KnowledgeMark]:
    """Return the marks of a side's openings of an exchange.

    Each names the newest message to the side that was in the exchange then, or else the
    newest one of all. An opening before the first message has no mark.
    """
    result = []
    for opening in first:
        messages = [item for item in exchange.messages if item.said.position <= opening.position]
        to_side = [item for item in messages if side in (*item.to, *item.info)]
        for message in (to_side or messages)[-1:]:
            mark = KnowledgeMark(
                kind="opened",
                side=side,
                at=opening.at,
                position=opening.position,
                message=message.id,
                act=message.act,
                number=numbers.get(message.said.position, ""),
                of=message.said.by.partition("/")[0],
                by=opening.by,
            )
            result.append(mark)
    return result


def ordered(marks: Iterable[KnowledgeMark]) -> list[KnowledgeMark]:
    """Return marks in the order of time, and of cause where the times are equal."""
    return sorted(marks, key=lambda mark: (mark.at, _ORDER.index(mark.kind), mark.position))


def _of_message(
    message: Message,
    facts: list[Fact],
    deliveries: Mapping[tuple[str, str], Delivery],
    numbers: Mapping[int, str],
) -> Iterator[KnowledgeMark]:
    sender = message.said.by.partition("/")[0]
    number = numbers.get(message.said.position, "")

    base = KnowledgeMark(
        kind="sent",
        side=sender,
        at=message.said.time,
        position=message.said.position,
        message=message.id,
        act=message.act,
        number=number,
        of=sender,
        by=message.said.by,
    )
    yield base
    for fact in facts:
        there = replace(base, side=fact.side, by="")
        if (delivery := deliveries.get((message.id, fact.side))) is not None:
            yield replace(there, kind="delivered", at=delivery[0], position=delivery[1])
        for kind, stamp in (
            ("acknowledged", message.acknowledged.get(fact.side)),
            ("answered", message.answered.get(fact.side)),
        ):
            if stamp is not None:
                yield replace(there, kind=kind, at=stamp.time, position=stamp.position, by=stamp.by)
        passings: dict[str, list[str]] = {}
        for post in fact.passed_on:
            passings.setdefault(post.said, []).append(post.post)
        for time, posts in passings.items():
            yield replace(
                there, kind="passed_on", at=time, position=0, posts=tuple(dict.fromkeys(posts))
            )


def known_at(marks: Iterable[KnowledgeMark], moment: str) -> tuple[MessageKnown, ...]:
    """Return the knowledge of each addressee at a moment, in the order of sending.

    Messages that were sent later are left out. A time counts from itself on. To open an
    exchange is to open every message that was in it then.
    """
    sent: dict[str, KnowledgeMark] = {}
    times: dict[tuple[str, str], dict[str, str]] = {}
    addressees: dict[tuple[str, str], None] = {}
    opened: list[KnowledgeMark] = []
    for mark in marks:
        if mark.kind == "sent":
            sent[mark.message] = mark
        elif mark.kind == "opened":
            opened.append(mark)
            if mark.of != mark.side:
                addressees.setdefault((mark.message, mark.side))
        else:
            addressees.setdefault((mark.message, mark.side))
            if mark.at <= moment and mark.kind != "was_to_ring":
                times.setdefault((mark.message, mark.side), {}).setdefault(mark.kind, mark.at)
    for message, side in addressees:
        at = min(
            (
                mark.at
                for mark in opened
                if mark.side == side
                and mark.at <= moment
                and message in sent
                and sent[message].position <= mark.position
            ),
            default="",
        )
        if at:
            times.setdefault((message, side), {})["opened"] = at
    return tuple(
        MessageKnown(
            message=message,
            act=sent[message].act,
            number=sent[message].number,
            of=sent[message].of,
            side=side,
            sent=sent[message].at,
            **times.get((message, side), {}),
        )
        for message, side in addressees
        if message in sent and sent[message].at <= moment
    )
