"""The stream by which an open page hears of alarms."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import web
from aiohttp_sse import EventSourceResponse

from dragoman.application.command_handler import stamp
from dragoman.application.http.rate_limits import BUDGETS
from dragoman.application.service import Service
from dragoman.console.pages.alarm import RINGING
from dragoman.console.rendering import HEADERS, PageContext
from dragoman.limits import (
    GATHER_SECONDS,
    PING_SECONDS,
)
from dragoman.projection.projection import Projection
from dragoman.projection.store import StoredRow as Stored
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.state import Exchange

_RINGING_SET: Final = frozenset(RINGING)


_CHANGED: Final = 256
"""The most exchanges of whose change a browser is told at once."""


_NEVER: Final = 1e9
"""The stream has pings of its own, which say the time."""


@dataclass
class _Change:
    """The news of a channel for a browser: its newest position, whether something rings, and how many records each exchange has got."""

    position: int = 0
    ring: bool = False
    exchanges: dict[str, int] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Browser:
    """One open stream: whose it is, and what it has not been told yet."""

    grant: Grant
    pending: dict[str, _Change] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    rung: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, channel: str, position: int, *, ring: bool, exchange: str = "") -> None:
        """Note that a channel has changed, in an exchange where a record of it is told."""
        change = self.pending.setdefault(channel, _Change())
        change.position, change.ring = position, change.ring or ring
        if exchange:
            change.exchanges[exchange] = change.exchanges.get(exchange, 0) + 1
            if len(change.exchanges) > _CHANGED:
                del change.exchanges[
                    next(iter(change.exchanges))
                ]  # of a browser that reads nothing
        self.woken.set()
        if ring:
            self.rung.set()


class Bells:
    """Tells every open browser of a change in a channel that it may see."""

    def __init__(self, service: Service) -> None:
        """Hang in no channel yet."""
        self._service = service
        self._hung: dict[str, Callable[[Stored], None]] = {}
        self.browsers: set[_Browser] = set()

    def hang(self) -> None:
        """Hang in every channel there is by now."""
        for name, projection in self._service.channels.items():
            if name not in self._hung:
                self._hung[name] = hear = partial(self._hear, projection)
                projection.listeners.add(hear)

    def nudge(self, projection: Projection, side: str) -> None:
        """Have the open pages of a side ask anew: something has changed that stands in no log."""
        for browser in self.browsers:
            if browser.grant.side == side and self._service.may_see(browser.grant, projection):
                browser.tell(projection.name, projection.state.position, ring=True)

    def _hear(self, projection: Projection, row: Stored) -> None:
        if not self.browsers or not row.folded.valid:
            return
        state = row.folded.state
        ring = isinstance(state, Exchange) and not _RINGING_SET.isdisjoint(
            (state.precedence, *(message.precedence for message in state.messages))
        )
        for browser in self.browsers:
            if self._service.may_see(browser.grant, projection):
                browser.tell(
                    projection.name,
                    row.folded.position,
                    ring=ring,
                    exchange=state.id if isinstance(state, Exchange) else "",
                )


BELLS: Final = web.AppKey("bells", Bells)


async def events(context: PageContext) -> web.StreamResponse:
    """Return the one stream of a browser: changes as they come, and a ping, by which a page knows that it still hears."""
    app, service, grant = context.request.app, context.service, context.grant
    bells = app[BELLS]
    bells.hang()
    still: Callable[[], bool] = context.request.get(
        "still", lambda: service.access.holds(grant, time.time())
    )
    browser = _Browser(grant)
    account = app[BUDGETS].open_stream(grant)
    bells.browsers.add(browser)
    try:
        response = EventSourceResponse(headers=HEADERS, sep="\n", ping_interval=_NEVER)
        await response.prepare(context.request)
        async with response:
            await response.send(
                _said({"now": stamp(service.now()), "ping": PING_SECONDS}), event="hello"
            )
            with suppress(ConnectionResetError):
                while still() and response.is_connected():
                    await _next(service, browser, response)
    finally:
        bells.browsers.discard(browser)
        app[BUDGETS].close_stream(account)
    return response


async def _next(service: Service, browser: _Browser, response: Any) -> None:
    """Wait for something to tell, and tell it: what rings at once, other changes gathered for a moment; or else a ping."""
    try:
        async with asyncio.timeout(PING_SECONDS):
            await browser.woken.wait()
    except TimeoutError:
        stale = [
            projection.name
            for projection in service.visible(browser.grant)
            if not service.is_live(projection)
        ]
        await response.send(_said({"now": stamp(service.now()), "stale": stale}), event="ping")
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(GATHER_SECONDS):
            await browser.rung.wait()
    browser.woken.clear()
    browser.rung.clear()
    pending, browser.pending = browser.pending, {}
    for channel, change in pending.items():
        told = {
            "channel": channel,
            "position": change.position,
            "ring": change.ring,
            "exchanges": change.exchanges,
        }
        await response.send(_said(told), event="change")


def _said(value: object) -> str:
    return msgspec.json.encode(value).decode()
