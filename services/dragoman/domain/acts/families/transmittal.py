"""Transmittals: a Track-2 group's recommendations in the official channel.

    transmitted ──every answer of every addressed side──▶ answered

Each addressed side answers each recommendation: noted, taken up as something, or
declined. The side that handed them over may answer them too. A side's newest answer
counts. The answers are by side, and never the word of whoever spoke last.
"""

from typing import Final

import msgspec
from msgspec import UNSET

from dragoman.domain.acts.act_rules import Format, Rule, Who, opening
from dragoman.domain.acts.families.exchange import moves_of_format
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import Text, sentence, verbatim
from dragoman_schemas.acts.dialogue.transmittal import RecommendationAnswer, Transmittal
from dragoman_schemas.state import Exchange, Registry, Said, Stamp


def count_of(exchange: Exchange) -> int:
    """Return the number of recommendations that were handed over."""
    return len(msgspec.json.decode(exchange.content["recommendations"]))


def answers_of(exchange: Exchange, side: str) -> dict[int, Said]:
    """Return a side's newest answer to each recommendation, by its number."""
    return {
        int(bytes(item.content["q"])): item
        for item in exchange.acts.get("recommendation-answer", ())
        if item.said.side == side
    }


def all_answered(exchange: Exchange, side: str) -> Stamp | None:
    """Return the record by which a side had answered every recommendation, or None."""
    first: dict[int, Stamp] = {}
    for item in exchange.acts.get("recommendation-answer", ()):
        if item.said.side == side:
            first.setdefault(int(bytes(item.content["q"])), item.said)
    numbers = range(1, count_of(exchange) + 1)
    if not first.keys() >= {*numbers}:
        return None
    return max((first[q] for q in numbers), key=lambda stamp: stamp.position)


def _check_answer(
    registry: Registry, exchange: Exchange | None, record: Record[RecommendationAnswer]
) -> Refusal | None:
    data = record.data
    assert exchange is not None
    count = count_of(exchange)
    if data.q > count:
        return invalid(
            "/q",
            sentence("there are %(n)s recommendations, counted from 1; name one of them", n=count),
        )
    if (data.answer == "taken_up") != (data.taken_up_as is not UNSET):
        return invalid(
            "/taken_up_as",
            sentence("say as what it is taken up; leave it out of any other answer"),
        )
    return None


def _answered(exchange: Exchange, status: str) -> str:
    """Return the status once every addressed side has answered everything."""
    every = all(all_answered(exchange, side) is not None for side in exchange.to)
    return status if every else exchange.status


def _title(data: Transmittal) -> Text:
    return sentence("Handed over: %(title)s", title=verbatim(data.title))


TRANSMITTAL: Final = Format(
    rule=opening("transmittal", Transmittal, "dialogue"),
    code="TRANS",
    start="transmitted",
    moves=moves_of_format(
        ("transmitted", "answered"),
        {"recommendation-answer": dict.fromkeys(("transmitted", "answered"), "answered")},
        cancellable=("transmitted",),
    ),
    defaults={"capacity": '"group"'},
    kinds=frozenset({"official", "exercise"}),
    title=_title,
)

FORMATS: Final = (TRANSMITTAL,)

RULES: Final = (
    Rule(
        act="recommendation-answer",
        shape=RecommendationAnswer,
        who=Who.PARTY,
        acknowledges=True,
        message=True,
        kept=True,
        check=_check_answer,
        settle=_answered,
    ),
)
