"""The event stream that tells an open page about changes in its reader's channels."""

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

from dragoman.application.clock import stamp
from dragoman.application.http.rate_limits import RATE_LIMITS
from dragoman.application.service import Service
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import HEADERS
from dragoman.limits import (
    GATHER_SECONDS,
    PING_SECONDS,
)
from dragoman.office.alarm import unpassed_messages
from dragoman.projection.open_deadlines import RINGING
from dragoman.projection.projection import Projection
from dragoman.projection.stored_row import StoredRow as Stored
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.state import Exchange

_RINGING_SET: Final = frozenset(RINGING)


_CHANGED: Final = 256
"""The most exchanges whose changes a browser learns at once."""


_NEVER: Final = 1e9
"""A ping interval in seconds that never elapses. The stream sends pings of its own,
which carry the time.
"""


@dataclass
class _Change:
    """The pending news of a channel for a browser.

    It has the newest position, whether a message rings, and the number of new records
    of each exchange.
    """

    position: int = 0
    ring: bool = False
    exchanges: dict[str, int] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Browser:
    """One open stream: its reader's grant, and the news that it has not sent yet."""

    grant: Grant
    pending: dict[str, _Change] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    rung: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, channel: str, position: int, *, ring: bool, exchange: str = "") -> None:
        """Note a change in a channel, for the next event.

        A record of an exchange counts for that exchange.
        """
        change = self.pending.setdefault(channel, _Change())
        change.position, change.ring = position, change.ring or ring
        if exchange:
            change.exchanges[exchange] = change.exchanges.get(exchange, 0) + 1
            if len(change.exchanges) > _CHANGED:
                # This browser reads nothing; its pending news must stay small.
                del change.exchanges[next(iter(change.exchanges))]
        self.woken.set()
        if ring:
            self.rung.set()


class BrowserNotifier:
    """The notifier of open browsers about changes in the channels that they may see."""

    def __init__(self, service: Service) -> None:
        """Create the notifier; it listens to no channel yet."""
        self._service = service
        self._hung: dict[str, Callable[[Stored], None]] = {}
        self.browsers: set[_Browser] = set()
        service.access_refresh.ended_listeners.append(self.wake_all)

    def hang(self) -> None:
        """Listen to every channel that exists by now."""
        for name, projection in self._service.channels.items():
            if name not in self._hung:
                self._hung[name] = hear = partial(self._hear, projection)
                projection.listeners.add(hear)

    def wake_all(self) -> None:
        """Make every stream look whether it goes on."""
        for browser in self.browsers:
            browser.woken.set()
            browser.rung.set()

    def nudge(self, projection: Projection, side: str) -> None:
        """Make the open pages of a side load their alarms anew.

        Something has changed that is in no log.
        """
        for browser in self.browsers:
            if browser.grant.side == side and self._service.may_see(browser.grant, projection):
                browser.tell(projection.name, projection.state.position, ring=True)

    def _hear(self, projection: Projection, row: Stored) -> None:
        if not self.browsers or not row.folded.valid:
            return
        state = row.folded.state
        ring = isinstance(state, Exchange) and (
            not _RINGING_SET.isdisjoint(
                (state.precedence, *(message.precedence for message in state.messages))
            )
            or unpassed_messages.is_listed(projection.registry, state.act)
        )
        for browser in self.browsers:
            if self._service.may_see(browser.grant, projection):
                browser.tell(
                    projection.name,
                    row.folded.position,
                    ring=ring,
                    exchange=state.id if isinstance(state, Exchange) else "",
                )


BELLS: Final = web.AppKey("bells", BrowserNotifier)


async def events(context: PageContext) -> web.StreamResponse:
    """Return the event stream of a browser: changes as they come, and pings.

    A page knows from the pings that its connection works.
    """
    app, service, grant = context.request.app, context.service, context.grant
    bells = app[BELLS]
    bells.hang()
    still: Callable[[], bool] = context.request.get(
        "still", lambda: service.access.holds(grant, time.time())
    )
    browser = _Browser(grant)
    account = app[RATE_LIMITS].open_stream(grant)
    bells.browsers.add(browser)
    try:
        response = EventSourceResponse(headers=HEADERS, sep="\n", ping_interval=_NEVER)
        await response.prepare(context.request)
        async with response:
            await response.send(
                _said({"now": stamp(service.now()), "ping": PING_SECONDS}), event="hello"
            )
            with suppress(ConnectionResetError):
                ending = service.lifecycle.ending
                while still() and response.is_connected() and not ending.is_set():
                    await _next(service, browser, response, still)
    finally:
        bells.browsers.discard(browser)
        app[RATE_LIMITS].close_stream(account)
    return response


async def _next(
    service: Service, browser: _Browser, response: Any, still: Callable[[], bool]
) -> None:
    """Send the next events of a browser, or a ping if there is no news.

    Nothing is sent once `still` says that its session has ended. News with a ringing
    message goes out at once. Other news is gathered for a moment.
    """
    try:
        async with asyncio.timeout(PING_SECONDS):
            await browser.woken.wait()
    except TimeoutError:
        if not still():
            return
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
    if not still():
        return
    pending, browser.pending = browser.pending, {}
    for channel, change in pending.items():
        news = {
            "channel": channel,
            "position": change.position,
            "ring": change.ring,
            "exchanges": change.exchanges,
        }
        await response.send(_said(news), event="change")


def _said(value: object) -> str:
    return msgspec.json.encode(value).decode()
