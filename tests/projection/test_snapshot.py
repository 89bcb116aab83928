"""A moment: which position a time stands for, and that what is counted of the past comes out the
same whatever came after.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.record.errors import Refused
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection.projection import Projection
from dragoman.projection.queries.snapshot import PeriodQuery, open_snapshot
from dragoman.projection.queries.statistics import statistics
from dragoman.projection.store import Store
from dragoman.projection.tables import SNAPSHOT_RECORDS
from views import found
from world import INCIDENT, NOTE, World

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class Kept:
    """A channel whose records go into a file."""

    def __init__(self, store: Store) -> None:
        self.world = World()
        self.store = store
        self.projection = Projection(MemoryLog("nato-china"), store)

    async def goes_on(self) -> None:
        """Fold what the world has had since."""
        first = self.projection.state.position + 1
        raws = self.world.raws[first - 1 :]
        self.projection.take(
            [
                StoredMessage(position=n, subject=f"s.{n}", raw=raw)
                for n, raw in enumerate(raws, first)
            ]
        )
        await self.projection.in_file()

    def of_everything(self, **asked: str | int) -> bytes:
        """The statistics of a period, encoded."""
        return msgspec.json.encode(
            found(self.store, "nato-china", statistics, msgspec.convert(asked, PeriodQuery), "")
        )


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    store = Store(tmp_path / "projection.sqlite")
    yield Kept(store)
    store.close()


async def test_a_time_stands_for_the_last_position_before_it(kept: Kept) -> None:
    world = kept.world
    while world.position < 2 * SNAPSHOT_RECORDS + 20:
        world.open("nato/o-1", NOTE)
    await kept.goes_on()
    opened = datetime.fromisoformat(world.registry.opened.time)
    for position in (
        1,
        2,
        SNAPSHOT_RECORDS - 1,
        SNAPSHOT_RECORDS,
        SNAPSHOT_RECORDS + 1,
        2 * SNAPSHOT_RECORDS,
        world.position - 1,
    ):
        just_after = opened + timedelta(
            seconds=position - 1, milliseconds=1
        )  # the world's clock ticks once a record
        for asked in (PeriodQuery(to=timestamp(just_after)), PeriodQuery(at=position)):
            with open_snapshot(kept.store, "nato-china", asked, "") as then:
                assert (position, just_after) == (then.position, then.ends)


@pytest.mark.parametrize(
    "asked",
    [
        PeriodQuery(at=10_000),
        PeriodQuery(at=-1),
        PeriodQuery(to="2026-02-30T06:00Z"),
        PeriodQuery(to="2036-11-24T06:00Z"),
        PeriodQuery(to="2026-11-24T06:00Z"),
        PeriodQuery(at=5, to="2026-11-24T12:00:40Z"),
        PeriodQuery(at=40, to="2026-11-24T12:00:05Z"),
        PeriodQuery(from_="2026-11-24T13:00Z"),
    ],
)
async def test_what_the_log_cannot_say_is_refused(kept: Kept, asked: PeriodQuery) -> None:
    for _ in range(40):
        kept.world.open("nato/o-1", NOTE)
    await kept.goes_on()
    with pytest.raises(Refused) as refused:
        found(kept.store, "nato-china", statistics, asked, "")
    assert refused.value.refusal.kind in ("bad-request", "not-found")


async def test_a_past_period_comes_out_the_same_whatever_came_after(kept: Kept) -> None:
    world, ids = kept.world, []
    for minute in range(60):
        world.clock = NOON + timedelta(minutes=minute + 1)
        id = world.open(
            "nato/d-1", {**INCIDENT, "area": "general" if minute % 3 else "maritime-security"}
        )
        ids.append(id)
        if minute % 4:
            world.keep("china/d-1", {"act": "acknowledgement"}, id)
    await kept.goes_on()
    asked = {"from": "2026-11-24T12:20:00Z", "to": "2026-11-24T12:50:00Z"}
    before, all_of_it = kept.of_everything(**asked), kept.of_everything(at=world.position)
    position = world.position
    for id in ids:
        world.clock += timedelta(minutes=1)
        world.keep("china/d-1", {"act": "reply", "text": "Noted."}, id)
        world.keep(
            "nato/d-1",
            {"act": "correction", "fields": {"area": "climate-change"}, "reason": "Filed wrongly."},
            id,
            seen=True,
        )
        world.keep("nato/d-1", {"act": "closure"}, id, seen=True)
    world.keep("nato/d-1", {"act": "watch-assumption"})
    await kept.goes_on()
    assert world.position > position + 100
    assert (before, all_of_it) == (kept.of_everything(**asked), kept.of_everything(at=position))
