"""The ladder of a flash calls officers, each at a rung, until somebody acknowledges it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dragoman.domain.views import alarms
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.notifier import selection
from dragoman.notifier.delivery import OutgoingItem
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.stores.endpoints import NotificationEndpoint
from world import INCIDENT, NOTE, World

FLASH = {**INCIDENT, "precedence": "flash"}


def _folded(world: World, store: Store) -> Projection:
    projection = Projection(MemoryLog("nato-china"), store)
    projection.take(
        [
            StoredMessage(position=position, subject="x", raw=raw)
            for position, raw in enumerate(world.raws, 1)
        ]
    )
    projection.caught_up.set()
    return projection


def _endpoint(projection: Projection, officer: str) -> NotificationEndpoint:
    return NotificationEndpoint(
        id="e",
        cid=projection.registry.cid,
        side=officer.partition("/")[0],
        means="message",
        target="",
        officer=officer,
        called=True,
        created_by=officer,
    )


async def _item(projection: Projection, position: int) -> OutgoingItem:
    item = await selection.RecordReader(projection).at(position)
    assert item is not None
    return item


@pytest.mark.parametrize(
    ("act", "officer", "after"),
    [
        (FLASH, "china/d-1", 0),
        (FLASH, "china/h-1", 540),
        (FLASH, "china/o-1", None),
        (FLASH, "china/a-1", None),
        (FLASH, "nato/d-1", None),  # the sender's own side is not called
        (NOTE, "china/d-1", 0),
        (NOTE, "china/h-1", None),
    ],
)
async def test_the_ladder_calls_each_officer_at_its_rung(
    world: World, store: Store, act: dict[str, Any], officer: str, after: int | None
) -> None:
    world.open("nato/d-1" if act is FLASH else "nato/o-1", act)
    projection = _folded(world, store)
    position = len(world.raws)
    item = await _item(projection, position)
    moment = selection.called_at(_endpoint(projection, officer), projection, item)
    begun = datetime.fromisoformat(item.time)
    expected = None if after is None else (begun + timedelta(seconds=after)).timestamp()
    assert moment == expected
    if act is FLASH and after is not None:  # the same officers for whom the pages ring
        rung = next(rung for seconds, rung in alarms.RUNGS if seconds == after)
        assert officer in alarms.reached(projection.registry, "china", rung)


async def test_nobody_is_called_for_a_flash_that_a_colleague_has_acknowledged(
    world: World, store: Store
) -> None:
    exchange = world.open("nato/d-1", FLASH)
    position = len(world.raws)
    projection = _folded(world, store)
    item = await _item(projection, position)
    head = _endpoint(projection, "china/h-1")
    assert selection.called_at(head, projection, item) is not None
    world.keep("china/d-1", {"act": "acknowledgement"}, exchange)
    raws = world.raws[position:]
    projection.take(
        [
            StoredMessage(position=position + n, subject="x", raw=raw)
            for n, raw in enumerate(raws, 1)
        ]
    )
    assert selection.called_at(head, projection, item) is None
