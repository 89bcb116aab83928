"""How much a side may have open in a channel, and say in one exchange: room that a script may fill, but never for what must not wait.

How many are open is counted in the file, and only once as many were ever opened;
between two counts each opening counts as open still. What is urgent finds twice the
room, and an acknowledgement, which is owed, always finds some.
"""

import asyncio
import time
from typing import Final

from aiohttp import web

from dragoman.application.command_handler import stamp
from dragoman.application.service import Service
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.decide import Post
from dragoman.domain.record.errors import refuse
from dragoman.limits import COUNT_SECONDS
from dragoman.projection.projection import Projection
from dragoman.projection.queries import lists
from dragoman.settings import BudgetSettings
from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.state import Exchange

_OWED: Final = "acknowledgement"


class Room:
    """The room of every side in every channel, as this gateway knows it."""

    def __init__(self, settings: BudgetSettings) -> None:
        """Take the sizes from the settings."""
        self._open = settings.open_exchanges
        self._acts = settings.acts
        self._counted: dict[tuple[str, str], tuple[float, int, int]] = {}

    async def check(self, service: Service, projection: Projection, post: Post) -> None:
        """There is room for a post, which is not recorded yet. Raises `Refused`."""
        side = post.actor.partition("/")[0]
        if post.exchange:
            exchange = projection.exchange(post.exchange)
            if (
                exchange is not None
                and post.data.__struct_config__.tag != _OWED
                and self._is_full(exchange, side)
            ):
                raise refuse(
                    "budget",
                    "%(side)s has said %(n)s things in this exchange; open another one that refers to it.",
                    side=side,
                    n=self._acts,
                )
        elif isinstance(post.data, OpeningAct):
            await self._check_open(service, projection, post.data, side)

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
        precedence = (
            data.precedence
            if isinstance(data.precedence, str)
            else FORMATS[str(data.__struct_config__.tag)].precedence(data, stamp(service.now()))
        )
        most = self._open * (2 if precedence in ("flash", "immediate") else 1)
        at, count, number = self._counted.get(
            (projection.name, side), (-COUNT_SECONDS, opened, opened)
        )
        now = time.monotonic()
        if count + opened - number >= most and now - at >= COUNT_SECONDS:
            count = await asyncio.wrap_future(
                service.store.in_thread(lists.open_of, service.store, projection.name, side)
            )
            number = opened
            self._counted[projection.name, side] = now, count, number
        if count + opened - number >= most:
            raise refuse(
                "budget",
                "%(side)s has %(n)s exchanges open in %(channel)s; close what is done, and post again.",
                side=side,
                n=most,
                channel=projection.name,
            )


ROOM: Final = web.AppKey("room", Room)
