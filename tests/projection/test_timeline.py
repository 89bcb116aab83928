"""The log as somebody looks through it, held against the same by hand over all records."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

import views
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.office.auditing import changes
from dragoman.projection.projection import Projection
from dragoman.projection.queries import liaison_state, records, timeline
from dragoman.projection.queries.timeline import TimelineFilter
from dragoman.projection.store import Store
from dragoman.projection.tables import SNAPSHOT_RECORDS
from world import INCIDENT, NOTE, World

CHANNEL = "nato-china"


class Told:
    """A channel of some days, over two snapshots, with junk in it."""

    def __init__(self, store: Store) -> None:
        self.world = World()
        self.projection = Projection(MemoryLog(CHANNEL), store)
        self.opened = ""
        for round in range((2 * SNAPSHOT_RECORDS + 40) // 3):
            self.opened = self._told(flash=round % 16 == 0)
            if round % 20 == 0:
                self.world.clock += timedelta(hours=31)
            if round % 30 == 0:
                self.world.take(b"\x00junk")

    def _told(self, *, flash: bool) -> str:
        opened = self.world.open(
            "nato/d-1", {**INCIDENT, "precedence": "flash" if flash else "priority"}
        )
        self.world.keep("china/d-1", {"act": "acknowledgement"}, opened)
        self.world.open("china/o-1", NOTE)
        return opened

    async def folded(self) -> None:
        self.projection.take(
            [
                StoredMessage(position=position, subject="", raw=raw)
                for position, raw in enumerate(self.world.raws, 1)
            ]
        )
        await self.projection.in_file()


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    store = Store(tmp_path / "projection.sqlite")
    told = Told(store)
    await told.folded()
    yield told
    store.close()


async def test_records_are_counted_on_the_day_of_the_channels_time(told: Told) -> None:
    store, newest = told.projection.store, told.world.position
    counted, time = Counter[date](), ""
    for entry, _ in views.found(store, CHANNEL, records.records, 1, newest):
        if entry.valid:
            time = max(time, str(msgspec.json.decode(bytes(entry.record))["time"]))  # type: ignore[arg-type]  # it is a record
        counted[datetime.fromisoformat(time).date()] += 1
    first, last = min(counted), max(counted)
    assert (last - first).days > 5
    expected = tuple(counted[first + timedelta(days=day)] for day in range((last - first).days + 1))
    assert views.found(store, CHANNEL, timeline.per_day, first) == expected
    assert views.found(store, CHANNEL, timeline.per_day, first + timedelta(days=3)) == expected[3:]


@pytest.mark.parametrize(
    "wanted",
    [
        TimelineFilter(),
        TimelineFilter(side="china"),
        TimelineFilter(act="acknowledgement"),
        TimelineFilter(family="notification"),
        TimelineFilter(family="channel", side="nato"),
        TimelineFilter(void="void"),
        TimelineFilter(void="valid", side="china", family="contact"),
    ],
)
async def test_pages_of_what_is_wanted_are_all_of_it_once_and_in_order(
    told: Told, wanted: TimelineFilter
) -> None:
    store, newest = told.projection.store, told.world.position
    found, top, firsts = list[int](), newest, list[int]()
    while top:
        page = views.found(store, CHANNEL, timeline.page, wanted, top, 20)
        found += [entry.position for entry in page.entries]
        if len(page.entries) == 20:
            assert not firsts or page.newer == firsts[-1]
            firsts.append(page.entries[0].position)
        top = page.older
    assert found == sorted(set(found), reverse=True)
    assert found == [
        position for position in range(newest, 0, -1) if is_wanted(told, position, wanted)
    ]


def is_wanted(told: Told, position: int, wanted: TimelineFilter) -> bool:
    raw = told.world.raws[position - 1]
    if not raw.startswith(b"{"):
        return wanted in (TimelineFilter(), TimelineFilter(void="void"))
    record = msgspec.json.decode(raw)
    return (
        wanted.void != "void"
        and (not wanted.side or record["actor"].startswith(f"{wanted.side}/"))
        and (not wanted.act or record["data"]["act"] == wanted.act)
        and (not wanted.family or record["family"] == wanted.family)
    )


async def test_flashes_stand_out_at_the_records_that_brought_them(told: Told) -> None:
    store = told.projection.store
    flashes = [
        position
        for position, raw in enumerate(told.world.raws, 1)
        if b'"precedence":"flash"' in raw
    ]
    marks = views.found(store, CHANNEL, timeline.marks)
    assert [mark.position for mark in marks] == flashes[-timeline.MARKS :]
    assert {(mark.kind, mark.side) for mark in marks} == {("flash", "nato")}
    earlier = views.found(store, CHANNEL, timeline.marks, at=flashes[2])
    assert all(mark.position <= flashes[2] for mark in earlier)


async def test_what_changed_names_the_record_that_set_it(told: Told) -> None:
    store, world = told.projection.store, told.world
    opened = next(
        position for position, raw in enumerate(world.raws, 1) if told.opened.encode() in raw
    )
    found = views.found(store, CHANNEL, changes.between, opened)
    given = views.found(store, CHANNEL, liaison_state.difference, opened)
    assert [each.exchange for each in found.exchanges] == [
        each.exchange for each in given.exchanges
    ]
    [carried] = [each for each in found.exchanges if each.exchange == told.opened]
    acknowledged = next(change for change in carried.changes if "acknowledged" in change.pointer)
    assert (acknowledged.pointer, acknowledged.set_by) == (
        "/messages/0/acknowledged/china",
        opened + 1,
    )
    assert carried.unchanged > 10
    assert found.unchanged == sum(
        b'"act":"hazardous-incident"' in raw or b'"act":"contact-note"' in raw for raw in world.raws
    ) - len(found.exchanges)


async def test_acts_that_no_side_signed_are_counted(told: Told) -> None:
    store, newest = told.projection.store, told.world.position
    hosts = sum(
        b'"attestation":"host"' in raw and b'"actor":"service/' not in raw
        for raw in told.world.raws
    )
    assert views.found(store, CHANNEL, timeline.on_hosts_word) == (hosts, newest)
