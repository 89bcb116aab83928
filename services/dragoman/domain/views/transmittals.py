"""The answers of each addressed side to what a Track-2 group handed over.

Every recommendation has every addressed side's newest answer beside the others'. A side
without an answer is silent since the transmittal.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from dragoman.domain.acts.deadlines import deadlines_of, timestamp
from dragoman.domain.acts.families import transmittal
from dragoman_schemas.acts.dialogue.transmittal import HandedRecommendation
from dragoman_schemas.agreement_responses import AnsweredRecommendation, SidesAnswer
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import Exchange, Registry, Said

_handed = msgspec.json.Decoder(tuple[HandedRecommendation, ...]).decode


def recommendations(
    exchange: Exchange, sides: Sequence[str], now: datetime
) -> tuple[AnsweredRecommendation, ...]:
    """Return the recommendations of a transmittal, with each addressed side's answer.

    The side that handed them over is there too, if it answered any. The sides are in
    the order of `sides`.
    """
    answers = {side: transmittal.answers_of(exchange, side) for side in sides}
    handed = _handed(bytes(exchange.content["recommendations"]))
    silent_days = (now - instant_of(exchange)).days
    return tuple(
        AnsweredRecommendation(
            q=q,
            text=msgspec.Raw(msgspec.json.encode(item.text)),
            area=or_default(item.area, ""),
            record=or_default(item.record, ""),
            answers=tuple(
                _answer(side, answers[side].get(q), silent_days)
                for side in sides
                if side in exchange.to or (side == exchange.side and answers[side])
            ),
        )
        for q, item in enumerate(handed, 1)
    )


def instant_of(exchange: Exchange) -> datetime:
    """Return the time of a transmittal."""
    return datetime.fromisoformat(exchange.opened.when).astimezone(UTC)


def _answer(side: str, item: Said | None, silent_days: int) -> SidesAnswer:
    if item is None:
        return SidesAnswer(side=side, silent_days=max(silent_days, 0))
    return SidesAnswer(
        side=side,
        answer=_word(item, "answer"),
        taken_up_as=_word(item, "taken_up_as"),
        time=item.said.when,
        position=item.said.position,
    )


def due(registry: Registry, exchange: Exchange) -> str:
    """Return the last day for an answer; empty where no limit runs."""
    clocks = (
        clock.due
        for clock in deadlines_of(registry, exchange, {})
        if clock.clock == "transmittal_answer"
    )
    first = min(clocks, default=None)
    return "" if first is None else timestamp(first)


def _word(item: Said, name: str) -> str:
    raw: Any = item.content.get(name)
    return "" if raw is None else str(msgspec.json.decode(bytes(raw)))
