"""Questions and their answers, by number: an unanswered question is shown, and never refused."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from dragoman.domain.acts.families.exchange import satisfied
from dragoman_schemas.state import Exchange, Message, Said


class Open(Struct, frozen=True, kw_only=True):
    """What a side has not answered of the questions of a message: their numbers, counted from 1, and their words."""

    message: str
    asked_by: str
    side: str
    time: str
    numbers: tuple[int, ...]
    questions: tuple[Raw, ...]


def unanswered(exchange: Exchange) -> Iterator[Open]:
    """Yield the questions of an exchange that were asked of a side and that none of its replies answers.

    A reply answers those that it numbers, of the message that it names or else of the
    newest questions before it; one question is answered by any words. None is open any
    more once the asker is satisfied, or where they were entered for the record.
    """
    rows = {
        message.id: questions
        for message in exchange.messages
        if (questions := _questions(exchange, message))
    }
    if not rows or satisfied(exchange):
        return
    for message in exchange.messages:
        if message.id in rows and not message.for_the_record:
            for side in message.to:
                answered = {
                    number
                    for reply in _replies(exchange, side)
                    for number in _answers(exchange, reply, message, rows)
                }
                numbers = tuple(n for n in range(1, len(rows[message.id]) + 1) if n not in answered)
                if numbers:
                    yield Open(
                        message=message.id,
                        asked_by=message.said.side,
                        side=side,
                        time=message.said.time,
                        numbers=numbers,
                        questions=tuple(rows[message.id][number - 1] for number in numbers),
                    )


_raws = msgspec.json.Decoder(tuple[Raw, ...]).decode
_numbers = msgspec.json.Decoder(tuple[dict[str, Raw], ...]).decode


def _questions(exchange: Exchange, message: Message) -> tuple[Raw, ...]:
    if message.act == "clarification-request":
        (said,) = (act for act in exchange.acts["clarification-request"] if act.id == message.id)
        return _raws(said.content["questions"])
    opens = message.act == exchange.act == "explanation-request" and message.id == exchange.id
    return _raws(exchange.content["questions"]) if opens else ()


def _replies(exchange: Exchange, side: str) -> Iterator[Said]:
    return (reply for reply in exchange.acts.get("reply", ()) if reply.said.side == side)


def _answers(
    exchange: Exchange, reply: Said, message: Message, raws: dict[str, tuple[Raw, ...]]
) -> Iterator[int]:
    """Yield the numbers of a message's questions that a reply answers."""
    before = [
        item
        for item in exchange.messages
        if item.id in raws and item.said.position < reply.said.position
    ]
    addressed = [item.id for item in before if reply.said.side in item.to]
    named = msgspec.json.decode(reply.content["of"]) if "of" in reply.content else ""
    meant = named if named in addressed else addressed[-1] if addressed else ""
    if meant != message.id:
        return
    if "answers" in reply.content:
        yield from (
            int(msgspec.json.decode(number["q"])) for number in _numbers(reply.content["answers"])
        )
    elif len(raws[message.id]) == 1:
        yield 1
