"""Notices of messages that were not passed on: browsers learn of them early."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dragoman.console.page.alarm_views import UnpassedNotice
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.i18n.words import words
from dragoman.office.alarm import unpassed_messages
from dragoman.projection.open_deadlines import OpenDeadlines
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.stores.rosters import StoredRoster
from samples import act
from world import World

OPENS = datetime(2026, 11, 24, 18, tzinfo=UTC)
WINDOW = {"from": "2026-11-24T18:00Z", "to": "2026-11-24T20:00Z"}
NO_ROSTER = SimpleNamespace(
    rosters=SimpleNamespace(known=lambda cid, side: StoredRoster(cid=cid, side=side)),
    now=lambda: OPENS,
)
POSTS = ("Early warning", "Air defence")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "projection.sqlite")
    yield store
    store.close()


async def listed(world: World, store: Store) -> tuple[Projection, OpenDeadlines]:
    """Return the projection of a channel, and its open deadlines."""
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [
            StoredMessage(position=n, subject=f"s.{n}", raw=raw)
            for n, raw in enumerate(world.raws, 1)
        ]
    )
    await projection.in_file()
    open_deadlines = OpenDeadlines(projection)
    await open_deadlines.begin()
    return projection, open_deadlines


async def test_a_browser_of_the_receiver_learns_of_a_limit_before_it_passes(store: Store) -> None:
    world = World()  # no profile is adopted, so no lapse of the limit is ever recorded
    entries = [{"format": "danger-area", "posts": list(POSTS)}]
    world.keep("china/h-1", {"act": "onward-adoption", "entries": entries})
    world.open("nato/d-1", act("danger-area", window=WINDOW))
    projection, open_deadlines = await listed(world, store)

    def notices(reader: str, now: datetime) -> list[UnpassedNotice]:
        grant = SimpleNamespace(actor=reader)
        context: Any = SimpleNamespace(
            side=reader.partition("/")[0], grant=grant, words=words("en"), service=NO_ROSTER
        )
        return [*unpassed_messages.notices(context, projection, open_deadlines.listed(), now)]

    (early,) = notices("china/d-1", OPENS - timedelta(hours=3))
    assert not early.is_late
    assert (early.since, early.opens) == ("2026-11-24T16:00:00.000Z", "2026-11-24T18:00:00.000Z")
    assert (early.posts, early.reaches_s) == (", ".join(POSTS), 0)
    (late,) = notices("china/d-1", OPENS - timedelta(hours=1))
    assert late.is_late and late.until == "2026-11-24T20:00:00.000Z"
    assert [notice.reaches_s for notice in notices("china/h-1", OPENS)] == [540]
    assert [notice.reaches_s for notice in notices("china/a-1", OPENS)] == [None]
    assert not notices("nato/d-1", OPENS)
    assert not notices("china/d-1", OPENS + timedelta(hours=3))
