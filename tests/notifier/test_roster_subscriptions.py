"""The keeper of rosters: what it reads when, and what stays of a calendar that cannot be read."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from brokers import RealBroker
from dragoman.interop.ssrf_guard import AddressGuard
from dragoman.notifier.roster_subscriptions import INTERVAL, RosterKeeper
from dragoman.stores import files, rosters
from dragoman.stores.erasable import Erasable
from dragoman.stores.rosters import RosterStore, StoredRoster
from world import World

START = datetime(2026, 11, 29, 12, tzinfo=UTC)
CALENDAR = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n"
    "X-DRAGOMAN-OFFICER:d-1\r\nDTSTART:20261129T060000Z\r\nDTEND:20261129T180000Z\r\n"
    "RRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


class Office:
    """A roster of China's, the keeper, a calendar's server, and a clock that the test sets."""

    def __init__(self, store: RosterStore) -> None:
        self.now = START
        self.store = store
        self.asked: list[dict[str, str]] = []
        self.answer = web.Response(text=CALENDAR, headers={"ETag": '"1"'})
        world = World()
        projection: Any = SimpleNamespace(name="nato-china", registry=world.registry)
        self.cid = world.registry.cid
        service: Any = SimpleNamespace(
            rosters=store,
            urls=AddressGuard(["127.0.0.0/8"]),
            now=lambda: self.now,
            channel_with=lambda cid: projection if cid == self.cid else None,
        )
        self.keeper = RosterKeeper(service)

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.headers))
        return self.answer

    async def after(self, time: timedelta, answer: web.Response | None = None) -> StoredRoster:
        """The roster after the keeper has looked, so much later."""
        self.now += time
        self.answer = answer or web.Response(status=500)
        await self.keeper.tick()
        return await self.store.find(self.cid, "china")


@pytest.fixture
async def office(real_broker: RealBroker) -> AsyncIterator[Office]:
    steward = await real_broker.bus("steward")
    await Erasable.create(steward, files.STREAM, files.SUBJECTS, 1, files.BYTES)
    bus = await real_broker.bus()
    office = Office(RosterStore(Erasable(bus, rosters.STREAM, rosters.PREFIX)))
    app = web.Application()
    app.router.add_get("/roster.ics", office.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    empty = StoredRoster(cid=office.cid, side="china")
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/roster.ics"
    await office.store.keep(
        replace(empty, source="subscription", url=url, put=START, put_by="h-1"), empty
    )
    yield office
    await office.keeper.aclose()
    await runner.cleanup()


async def test_the_last_good_copy_stays_for_three_days_and_then_the_log_alone_counts(
    office: Office,
) -> None:
    first = await office.after(timedelta(), web.Response(text=CALENDAR, headers={"ETag": '"1"'}))
    assert first.status(office.now) == "in_force" and "If-None-Match" not in office.asked[0]
    again = await office.after(INTERVAL / 2)
    assert again == first and len(office.asked) == 1, "nothing is asked before its time"
    same = await office.after(INTERVAL, web.Response(status=304))
    assert office.asked[1]["If-None-Match"] == '"1"'
    assert (same.read, same.fault, same.shifts) == (office.now, "", first.shifts)
    for answer in (None, web.Response(text="<html>"), web.Response(status=302)):
        bad = await office.after(INTERVAL, answer)
        assert bad.fault and (bad.read, bad.shifts) == (same.read, same.shifts)
        assert bad.status(office.now) == "in_force"
    assert "If-None-Match" not in office.asked[-1], "after a fault the whole calendar is asked for"
    stale = await office.after(timedelta(days=3))
    assert stale.status(office.now) == "stale" and stale.in_force(office.now) == ()
    well = await office.after(INTERVAL, web.Response(text=CALENDAR))
    assert well.status(office.now) == "in_force" and not well.fault


async def test_shifts_are_computed_further_ahead_also_when_the_calendar_does_not_change(
    office: Office,
) -> None:
    first = await office.after(timedelta(), web.Response(text=CALENDAR, headers={"ETag": '"1"'}))
    later = await office.after(timedelta(days=30), web.Response(status=304))
    assert later.shifts[-1].begins - first.shifts[-1].begins == timedelta(days=30)
    assert later.shifts[0].begins > START, "past shifts are not kept"
    file = replace(later, source="file", url="", tried=office.now)
    await office.store.keep(file, later)
    asked = len(office.asked)
    assert (await office.after(timedelta(hours=20))).shifts == file.shifts
    last = (await office.after(timedelta(hours=10))).shifts[-1]
    assert last.begins - file.shifts[-1].begins == timedelta(days=1)
    assert len(office.asked) == asked, "a file is asked of nobody"


async def test_a_reading_does_not_overwrite_what_was_put_meanwhile(office: Office) -> None:
    async def put_meanwhile(request: web.Request) -> web.Response:
        before = await office.store.find(office.cid, "china")
        assert await office.store.keep(
            replace(before, source="file", url="", put_by="adm-1"), before
        )
        return web.Response(text=CALENDAR)

    before = await office.store.find(office.cid, "china")
    app = web.Application()
    app.router.add_get("/other.ics", put_meanwhile)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/other.ics"
    await office.store.keep(replace(before, url=url), before)
    roster = await office.after(timedelta())
    await runner.cleanup()
    assert (roster.source, roster.put_by, roster.shifts) == ("file", "adm-1", ())
