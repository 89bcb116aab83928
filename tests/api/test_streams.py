"""Live streams: what a gateway does once for all readers, and what an open stream keeps."""

import asyncio
import gc
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from dragoman.api import sse
from dragoman.api.sse_broadcast import EventLine
from dragoman.projection.queries import duty_watch
from dragoman_schemas.state import Exchange
from dragoman_schemas.watch_responses import Alarm
from patience import PATIENCE_S
from samples import act
from world import World

EVENTS = 500


def lines_in_memory() -> int:
    """The events that exist now."""
    return sum(type(each) is EventLine for each in gc.get_objects())


def tail_of(world: World) -> sse.Tail:
    """A tail of a world's channel, which has heard nothing."""
    projection = SimpleNamespace(
        registry=world.registry, listeners=set(), record_at=lambda position: None
    )
    return sse.Tail(
        cast("Any", projection),
        lambda: world.clock,
        sse.changed,
        lambda side, lines: None,
        lambda escalation: escalation,
    )


async def test_an_open_stream_keeps_nothing_of_its_beginning(world: World) -> None:
    async def missed(first: int, last: int) -> AsyncIterator[list[EventLine]]:
        entry = cast("Any", msgspec.Raw(b'{"text":"Nothing more is known."}'))
        yield [EventLine(b"record", position, entry, "") for position in range(1, EVENTS + 1)]

    async def reached(position: int) -> None:
        pass

    async def handle(request: web.Request) -> web.StreamResponse:
        return await sse.stream(
            request,
            cast("Any", service),
            cast("Any", projection),
            tail,
            cast("Any", SimpleNamespace(side="china", actor="china/d-1")),
            sse.Begins(1, missed, lambda: True),
        )

    service = SimpleNamespace(
        receiving_side=lambda grant, projection: "china",
        may_see=lambda grant, projection: True,
        deliveries=SimpleNamespace(note=lambda *noted: None),
        lifecycle=SimpleNamespace(ending=asyncio.Event()),
    )
    projection = SimpleNamespace(
        name="nato-china", reached=reached, state=SimpleNamespace(position=EVENTS)
    )
    tail, before = tail_of(world), lines_in_memory()
    app = web.Application()
    app.router.add_get("/", handle)
    async with (
        TestServer(app) as server,
        ClientSession() as session,
        asyncio.timeout(PATIENCE_S),
        session.get(server.make_url("/")) as answer,
    ):
        read = b""
        while read.count(b"\ndata: ") < EVENTS:
            read += await answer.content.readany()
        while not all(reader.is_live for reader in tail.readers._readers):
            await asyncio.sleep(0.01)
        assert lines_in_memory() == before
        tail.readers.end_all()


def test_alarms_are_made_once_for_all_readers_that_come(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    alarm = duty_watch.flash_alarm

    def flash_alarm(exchange: Exchange, *given: Any) -> Alarm:
        made.append(exchange.id)
        return alarm(exchange, *given)

    monkeypatch.setattr(duty_watch, "flash_alarm", flash_alarm)
    tail = tail_of(world)
    for number in range(3):
        id = world.open("nato/d-1", act("contact-note", precedence="flash"))
        tail._arrived(
            cast(
                "Any", SimpleNamespace(folded=SimpleNamespace(state=world.exchange(id), removed=()))
            )
        )
        assert len({*map(len, (tail.ringing() for _ in range(100)))}) == 1
        assert len(tail.ringing()) == number + 1, "a flash rings at once for who comes"
    assert len(made) == 1 + 2 + 3
