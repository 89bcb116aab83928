"""Quotas: how many exchanges a side may have open, and how much it may say in one.

A script may use the quota up, but urgent acts still have room. An urgent opening has
twice the quota. An acknowledgement, which is owed, has no quota. On a host whose disks
are nearly full, only urgent posts are taken.

Open exchanges are counted in the file, and only after as many were ever opened. Between
two counts each opening counts as open.
"""

import asyncio
import time
from typing import Final

from aiohttp import web

from dragoman.application.clock import stamp
from dragoman.application.service import Service
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.decide import Submission
from dragoman.domain.record.errors import refuse
from dragoman.limits import COUNT_SECONDS
from dragoman.projection.projection import Projection
from dragoman.projection.queries import lists
from dragoman.projection.view import queried
from dragoman.settings import BudgetSettings
from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.state import Exchange

_OWED: Final = "acknowledgement"
_URGENT: Final = frozenset({"flash", "immediate"})
_ALWAYS: Final = frozenset(
    {_OWED, "watch-assumption", "watch-relief", "officer-revocation", "key-revocation"}
)
"""Acts that cannot wait: they are owed, or say who is rung and who may act."""


class Quotas:
    """The quotas of every side in every channel, as this gateway knows them."""

    def __init__(self, settings: BudgetSettings) -> None:
        """Take the quotas from the settings."""
        self._open = settings.open_exchanges
        self._acts = settings.acts
        self._counts: dict[tuple[str, str], tuple[float, int, int]] = {}

    async def check(self, service: Service, projection: Projection, submission: Submission) -> None:
        """Raise `Refused` if a side has no quota left for a post.

        The post must not be recorded yet.
        """
        side = submission.actor.partition("/")[0]
        if service.disks.is_scarce and not is_urgent(service, projection, submission):
            service.disks.refuse_if_scarce()
        if submission.exchange:
            exchange = projection.exchange(submission.exchange)
            if (
                exchange is not None
                and submission.data.__struct_config__.tag != _OWED
                and self._is_full(exchange, side)
            ):
                raise refuse(
                    "budget",
                    "%(side)s has posted %(n)s acts to this exchange; open another exchange that "
                    "refers to it.",
                    side=side,
                    n=self._acts,
                )
        elif isinstance(submission.data, OpeningAct):
            await self._check_open(service, projection, submission.data, side)

    def _is_full(self, exchange: Exchange, side: str) -> bool:
        stamps = [
            *(message.said for message in exchange.messages),
            *(act.said for acts in exchange.acts.values() for act in acts),
        ]
        return (
            len(stamps) >= self._acts
            and sum(item.by.startswith(f"{side}/") for item in stamps) >= self._acts
        )

    async def _check_open(
        self, service: Service, projection: Projection, data: OpeningAct, side: str
    ) -> None:
        opened = sum(
            count
            for series, count in projection.state.tally.items()
            if series.startswith(f"{side}/")
        )
        if opened < self._open:
            return
        limit = self._open * (2 if _is_urgent_opening(service, data) else 1)
        at, count, number = self._counts.get(
            (projection.name, side), (-COUNT_SECONDS, opened, opened)
        )
        now = time.monotonic()
        if count + opened - number >= limit and now - at >= COUNT_SECONDS:
            count = await asyncio.wrap_future(
                service.store.in_thread(
                    queried, service.store, projection.name, lists.open_of, side
                )
            )
            number = opened
            self._counts[projection.name, side] = now, count, number
        if count + opened - number >= limit:
            raise refuse(
                "budget",
                "%(side)s has %(n)s exchanges open in %(channel)s; close finished ones, and post "
                "again.",
                side=side,
                n=limit,
                channel=projection.name,
            )


def is_urgent(service: Service, projection: Projection, submission: Submission) -> bool:
    """Return whether a post cannot wait.

    It opens an urgent exchange, belongs to one, or is one of the acts in `_ALWAYS`.
    """
    if submission.data.__struct_config__.tag in _ALWAYS:
        return True
    if submission.exchange:
        exchange = projection.exchange(submission.exchange)
        return exchange is not None and exchange.precedence in _URGENT
    data = submission.data
    return isinstance(data, OpeningAct) and _is_urgent_opening(service, data)


def _is_urgent_opening(service: Service, data: OpeningAct) -> bool:
    precedence = (
        data.precedence
        if isinstance(data.precedence, str)
        else FORMATS[str(data.__struct_config__.tag)].precedence(data, stamp(service.now()))
    )
    return precedence in _URGENT


QUOTAS: Final = web.AppKey("room", Quotas)
