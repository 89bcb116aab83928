"""Questions and their answers, by number.

An unanswered question is shown, and never a reason to refuse an act.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from dragoman.domain.acts.families.exchange import is_asker_satisfied
from dragoman_schemas.state import Exchange, Message, Said


class UnansweredQuestions(Struct, frozen=True, kw_only=True):
    """A message's questions that a side has not answered: numbers from 1, and words."""

    message: str
    asked_by: str
    side: str
    time: str
    numbers: tuple[int, ...]
    questions: tuple[Raw, ...]


def unanswered(exchange: Exchange) -> Iterator[UnansweredQuestions]:
    """Yield the questions of an exchange that a side was asked and has not answered.

    A reply answers the questions that it numbers. They are those of the message that it
    names, or else of the newest questions before it. Any words answer a single
    question. No question is open once the asker is satisfied, or where it was entered
    for the record.
    """
    asked_questions = {
        message.id: questions
        for message in exchange.messages
        if (questions := _questions(exchange, message))
    }
    if not asked_questions or is_asker_satisfied(exchange):
        return
    for message in exchange.messages:
        if message.id in asked_questions and not message.for_the_record:
            for side in message.to:
                answered = {
                    number
                    for reply in _replies(exchange, side)
                    for number in _answers(exchange, reply, message, asked_questions)
                }
                numbers = tuple(
                    n for n in range(1, len(asked_questions[message.id]) + 1) if n not in answered
                )
                if numbers:
                    yield UnansweredQuestions(
                        message=message.id,
                        asked_by=message.said.side,
                        side=side,
                        time=message.said.time,
                        numbers=numbers,
                        questions=tuple(
                            asked_questions[message.id][number - 1] for number in numbers
                        ),
                    )


_raws = msgspec.json.Decoder(tuple[Raw, ...]).decode
_numbers = msgspec.json.Decoder(tuple[dict[str, Raw], ...]).decode


def _questions(exchange: Exchange, message: Message) -> tuple[Raw, ...]:
    if message.act == "clarification-request":
        (request,) = (act for act in exchange.acts["clarification-request"] if act.id == message.id)
        return _raws(request.content["questions"])
    opens = message.act == exchange.act == "explanation-request" and message.id == exchange.id
    return _raws(exchange.content["questions"]) if opens else ()


def _replies(exchange: Exchange, side: str) -> Iterator[Said]:
    return (reply for reply in exchange.acts.get("reply", ()) if reply.said.side == side)


def _answers(
    exchange: Exchange, reply: Said, message: Message, asked_questions: dict[str, tuple[Raw, ...]]
) -> Iterator[int]:
    """Yield the numbers of a message's questions that a reply answers."""
    before = [
        item
        for item in exchange.messages
        if item.id in asked_questions and item.said.position < reply.said.position
    ]
    addressed = [item.id for item in before if reply.said.side in item.to]
    of = msgspec.json.decode(reply.content["of"]) if "of" in reply.content else ""
    meant = of if of in addressed else addressed[-1] if addressed else ""
    if meant != message.id:
        return
    if "answers" in reply.content:
        yield from (
            int(msgspec.json.decode(answer["q"])) for answer in _numbers(reply.content["answers"])
        )
    elif len(asked_questions[message.id]) == 1:
        yield 1
