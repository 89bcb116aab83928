"""Limits of messages: for each officer and hour, and of the cost of each way and month.

    officer    20 messages an hour in a channel, then one summary, then none until the
               hour is over
    way        its cost limit of a calendar month for each side in a channel, and its
               total limit for all sides

So one side cannot use up the money of another one. A flood must not hide a flash.
The last five messages of an hour are only for flashes and for notices about the watch.
So is the last fifth of the money of a month.
"""

import asyncio
import time
from collections import defaultdict
from datetime import UTC, datetime
from enum import Enum
from typing import Final

import structlog
from msgspec.structs import replace

from dragoman.application.ways_to_reach import Ways
from dragoman.notifier.delivery import OutgoingItem
from dragoman.settings import Way
from dragoman.stores.endpoints import (
    Allowance,
    NotificationEndpoint,
    NotificationEndpoints,
    WaySpending,
)

log = structlog.get_logger()

MESSAGES_AN_HOUR: Final = 20
FOR_FLASHES: Final = 5
"""Messages of an hour that are kept for what wakes people."""

MONEY_FOR_FLASHES: Final = 0.2
_HOUR: Final = 3_600.0


class Verdict(Enum):
    """The fate of a message: it is sent, replaced by a summary, or held back."""

    SEND = "send"
    SUMMARY = "summary"
    HOLD = "hold"


def is_urgent(item: OutgoingItem) -> bool:
    """Return whether a message is a flash, or no record: a notice or a test."""
    return item.precedence == "flash" or not item.position


def admitted(allowance: Allowance, now: float, *, urgent: bool) -> tuple[Allowance, Verdict]:
    """Return an officer's allowance after one more message, and what becomes of it."""
    times = tuple(moment for moment in allowance.times if now - moment < _HOUR)
    limit = MESSAGES_AN_HOUR if urgent else MESSAGES_AN_HOUR - FOR_FLASHES
    if len(times) < limit:
        return replace(allowance, times=(*times, now)), Verdict.SEND
    allowance = replace(
        allowance,
        times=times,
        held=(allowance.held if now - allowance.held_at < _HOUR else 0) + 1,
        held_at=now,
    )
    if now - allowance.told_at < _HOUR:
        return allowance, Verdict.HOLD
    return replace(allowance, told_at=now), Verdict.SUMMARY


def paid(
    spending: WaySpending, cost: float, limit: float, *, urgent: bool
) -> tuple[WaySpending, bool]:
    """Return a way's spending after one more message.

    The flag says whether the message is within the limit; 0 is no limit.
    """
    most = limit if urgent else limit * (1 - MONEY_FOR_FLASHES)
    if limit and round(spending.spent + cost, 6) > most:
        return replace(spending, held=spending.held + 1), False
    spent = round(spending.spent + cost, 6)
    return replace(spending, spent=spent, messages=spending.messages + 1), True


def without_last(spending: WaySpending, cost: float) -> WaySpending:
    """Return a side's spending without its last message, which the total held back."""
    spent = round(spending.spent - cost, 6)
    return replace(spending, spent=spent, messages=spending.messages - 1, held=spending.held + 1)


def month_of(now: float) -> str:
    """Return the calendar month of a time, in UTC, like 2026-11."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m")


class Allowances:
    """The limits of all officers and ways, kept in the bucket of endpoints."""

    def __init__(self, store: NotificationEndpoints, ways: Ways) -> None:
        """Count in the store."""
        self._store = store
        self._ways = ways
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """A lock for each officer, side and way, so that its writes do not conflict."""

    async def take(self, endpoint: NotificationEndpoint, item: OutgoingItem) -> Verdict:
        """Count a message to an endpoint, and say whether it may be sent.

        Raises `LogUnreachable`.
        """
        now, urgent = time.time(), is_urgent(item)
        if endpoint.officer:
            async with self._turns[f"{endpoint.cid} {endpoint.officer}"]:
                verdict = await self._store.update_allowance(
                    endpoint.cid,
                    endpoint.officer,
                    lambda allowance: admitted(allowance, now, urgent=urgent),
                )
            if verdict is Verdict.HOLD:
                return verdict
        else:
            verdict = Verdict.SEND
        way = self._ways.find(endpoint.way) if endpoint.means == "message" else None
        if way is None or not way.cost:
            return verdict
        limit = await self._exceeded(way, endpoint, month_of(now), urgent=urgent)
        if not limit:
            return verdict
        log.warning(
            "courier.cost_limit",
            way=way.name,
            endpoint=endpoint.id,
            side=endpoint.side,
            limit=limit,
        )
        return Verdict.HOLD

    async def _exceeded(
        self, way: Way, endpoint: NotificationEndpoint, month: str, *, urgent: bool
    ) -> str:
        """Pay for a message; return the setting whose limit holds it back, if one does.

        The side pays first. So a side that has no money left does not touch the total.
        """
        side = {"cid": endpoint.cid, "side": endpoint.side}
        async with self._turns[f" {way.name} {endpoint.cid} {endpoint.side}"]:
            if not await self._store.update_spending(
                way.name,
                month,
                lambda spending: paid(spending, way.cost, way.cost_limit, urgent=urgent),
                **side,
            ):
                return "cost_limit"
            async with self._turns[f" {way.name}"]:
                if await self._store.update_spending(
                    way.name,
                    month,
                    lambda spending: paid(spending, way.cost, way.total_limit, urgent=urgent),
                ):
                    return ""
            await self._store.update_spending(
                way.name,
                month,
                lambda spending: (without_last(spending, way.cost), None),
                **side,
            )
            return "total_limit"
