"""The watch on a channel in memory, with a clock that the test sets."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

import later_rules
from dragoman.application.act_signer import OwnKeySigner
from dragoman.application.clock import stamp
from dragoman.application.command_handler import CommandHandler
from dragoman.application.trial_signer import TrialSigner
from dragoman.audit.replay import Replay
from dragoman.domain.acts import deadline_acts, deadlines, line_checks
from dragoman.domain.decide import Submission
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import decode_act, parse, read_act
from dragoman.eventlog.event_log import Appended, EntryToAppend, subject_of
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.scheduler import Scheduler
from dragoman.stores.keystore import Keystore
from dragoman_schemas.acts.office.watch import Reminder
from dragoman_schemas.state import Exchange
from samples import act
from services_ids import clock_id, slot_id
from world import SALT, World, compact, seed_of

MINUTE = timedelta(minutes=1)


@dataclass
class House:
    """A followed channel, a desk, and the time."""

    projection: Projection
    desk: CommandHandler
    log: MemoryLog
    now: datetime
    serial: int = 0

    def watch(self) -> Scheduler:
        return Scheduler({self.projection.name: self.projection}, self.desk, now=lambda: self.now)

    async def post(self, actor: str, body: dict[str, Any], exchange: str = "") -> str:
        self.serial += 1
        raw, data = read_act(compact(body), cut=False)
        id = ids.from_key(self.projection.name, actor, f"watch-test-{self.serial:08d}")
        kept = await self.desk.post(
            self.projection, Submission(actor=actor, act=raw, data=data, id=id, exchange=exchange)
        )
        return kept.recorded.exchange

    async def adopt(self, tmp_path: Path, side: str, body: dict[str, Any]) -> None:
        """Adopt something for a side, by its root key."""
        seed = tmp_path / "keys" / "nato-china" / side / "root.seed"
        seed.parent.mkdir(parents=True, exist_ok=True)
        seed.write_bytes(seed_of(f"{side}/root"))
        await self.post(f"{side}/root", body)

    async def take(self, id: str, actor: str = "service/watch") -> None:
        """Write into the log past every gateway: somebody's note under an id, which has no effect."""
        registry = self.projection.registry
        side, _, name = actor.partition("/")
        envelope = records.envelope(
            id=id, source=f"/services/{name}" if side == "service" else f"/sides/{side}/offices/hq", name="contact-note", version=1, subject=id,
            time=stamp(self.now), channel=registry.name, family="contact", actor=actor, decided=self.projection.state.position, salt=SALT,
        )  # fmt: skip
        position = self.projection.state.position
        record = records.assemble(envelope, *read_act(compact(act("contact-note")), cut=False))
        assert isinstance(
            await self.log.append([EntryToAppend(record=record, expected=0)]), Appended
        )
        await self.projection.reached(position + 1)
        assert self.projection.refusal_at(position + 1) is not None

    def told(self, exchange: str) -> list[tuple[str, str, int]]:
        """Return the records about an exchange's clocks: act, clock, step."""
        state = self.projection.exchange(exchange)
        assert state is not None
        return [
            (
                name,
                msgspec.json.decode(said.content["clock"]),
                msgspec.json.decode(said.content["step"]),
            )
            for name in ("reminder", "lapse", "line-check-missed")
            for said in state.acts.get(name, ())
        ]


@pytest.fixture(params=["default"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    """A channel whose sides have adopted a profile, or, for an empty one, have not."""
    async for made in followed(tmp_path, request.param):
        yield made


def world_before(profile: str = "default", **adopted: Any) -> World:
    """The channel as it is before anything is posted."""
    world = World(custody="host")
    for side in world.sides if profile else ():
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": profile, **adopted})
    return world


async def followed(
    tmp_path: Path, profile: str = "default", **adopted: Any
) -> AsyncIterator[House]:
    """A followed channel."""
    world = world_before(profile, **adopted)
    log = MemoryLog("nato-china")
    for position, raw in enumerate(world.raws):
        assert await log.append([EntryToAppend(record=parse(raw), expected=position)]) == Appended(
            position + 1
        )
    store = Store(tmp_path / "projection.sqlite")
    projection = Projection(log, store)
    made = House(
        projection,
        CommandHandler(
            {"host": TrialSigner(Keystore(tmp_path / "keys")), "sides": OwnKeySigner()},
            now=lambda: made.now,
        ),
        log,
        world.clock,
    )
    following = asyncio.create_task(projection.run())
    await projection.caught_up.wait()
    yield made
    following.cancel()
    store.close()


FLASH = act("contact-note", precedence="flash")


async def test_reminders_come_at_half_and_nine_tenths_and_a_lapse_after_the_limit(
    house: House,
) -> None:
    id, watch = await house.post("nato/d-1", FLASH), house.watch()
    begun = house.now
    seen = []
    for seconds in (0, 299, 300, 539, 540, 600, 600.001, 900):
        house.now = begun + timedelta(seconds=seconds)
        await watch.tick()
        seen.append([step for _, clock, step in house.told(id) if clock == "acknowledgement"])
    assert seen == [[], [], [50], [50], [50, 90], [50, 90], [50, 90, 100], [50, 90, 100]]


async def test_after_a_time_without_a_watch_the_highest_step_alone_is_recorded(
    house: House,
) -> None:
    id = await house.post("nato/d-1", FLASH)
    house.now += 11 * MINUTE
    await house.watch().tick()
    assert house.told(id) == [("lapse", "acknowledgement", 100)]


async def test_any_number_of_watches_and_restarts_record_each_step_once(house: House) -> None:
    exchanges = [await house.post("nato/d-1", FLASH) for _ in range(20)]
    for _ in range(3):
        house.now += 4 * MINUTE
        await asyncio.gather(*(house.watch().tick() for _ in range(3)))
    assert [house.told(id) for id in exchanges] == [
        [("reminder", "acknowledgement", 50), ("lapse", "acknowledgement", 100)]
    ] * 20
    folded = house.projection.state.position
    await house.watch().tick()
    assert house.projection.state.position == folded


async def test_an_acknowledgement_that_lands_first_wins(house: House) -> None:
    id, watch = await house.post("nato/d-1", FLASH), house.watch()
    await watch.tick()
    house.now += 9 * MINUTE
    await house.post("china/d-1", act("acknowledgement"), id)
    house.now += 9 * MINUTE
    await watch.tick()
    assert house.told(id) == []


async def test_a_running_watch_hears_of_what_is_new(house: House) -> None:
    watch = house.watch()
    await watch.tick()
    incident = await house.post(
        "nato/d-1", act("hazardous-incident", next_update="2026-11-24T12:30Z", precedence="routine")
    )
    house.now += timedelta(hours=1)
    await watch.tick()
    assert house.told(incident) == [("lapse", "update", 100)]
    await house.post("nato/d-1", {"act": "update", "text": "Nothing new."}, incident)
    house.now += timedelta(hours=6, seconds=1)
    await watch.tick()
    assert [told for told in house.told(incident) if told[1] == "update"] == [
        ("lapse", "update", 100),
        ("lapse", "update", 100),
    ]


async def test_nothing_falls_due_once_all_sides_have_ended_the_channel(house: House) -> None:
    watch, exchange = house.watch(), await house.post("nato/o-1", FLASH)
    await watch.tick()
    assert await watch.next_step() is not None
    world = world_before()
    last, signers = world.position, ("nato/root", "china/root")
    end = world.attested({"act": "channel-end", "reason": "We stop."}, *signers).record
    assert end is not None
    appended = await house.log.append([EntryToAppend(record=end, expected=last)])
    assert isinstance(appended, Appended)
    await house.projection.reached(last + 2)
    assert house.projection.registry.ended is not None
    assert await watch.next_step() is None
    house.now += 60 * MINUTE
    with capture_logs() as logs:
        await watch.tick()
    assert [line for line in logs if line["event"] == "clock.not_recorded"] == []
    assert house.told(exchange) == []


@pytest.mark.parametrize("house", [""], indirect=True)
async def test_courtesy_never_lapses(house: House) -> None:
    id, watch = await house.post("nato/d-1", FLASH), house.watch()
    for _ in range(3):
        house.now += timedelta(days=1)
        await watch.tick()
    assert house.told(id) == []


async def test_what_the_watch_records_names_what_caused_it(house: House) -> None:
    id = await house.post("nato/d-1", FLASH)
    house.now += 11 * MINUTE
    await house.watch().tick()
    record = house.projection.record_at(house.projection.state.position)
    assert record is not None
    assert (record.name, record.envelope.actor, record.envelope.causationid) == (
        "lapse",
        "service/watch",
        id,
    )
    assert subject_of(record).endswith(id)


async def test_watches_record_each_step_once_though_somebody_takes_their_ids_and_the_audit_agrees(
    house: House,
) -> None:
    exchanges = [await house.post("nato/d-1", FLASH) for _ in range(20)]
    (limit, *_) = deadlines.open_deadlines(
        house.projection.registry, one_of(house, exchanges[0]), {}
    )
    for id in exchanges:
        (limit, *_) = deadlines.open_deadlines(house.projection.registry, one_of(house, id), {})
        for step in (50, 90, 100):
            await house.take(clock_id("nato-china", id, limit, step))
    begun = house.now
    with capture_logs() as lines:
        for seconds in (301, 541, 601):
            house.now = begun + timedelta(seconds=seconds)
            await asyncio.gather(
                *(house.watch().tick() for _ in range(2))
            )  # two schedulers, each as after a restart
            await house.watch().tick()
    told = [
        ("reminder", "acknowledgement", 50),
        ("reminder", "acknowledgement", 90),
        ("lapse", "acknowledgement", 100),
    ]
    assert [house.told(id) for id in exchanges] == [told] * 20
    assert len([line for line in lines if line["event"] == "record.id_taken"]) == 60, (
        "each is told once"
    )
    again = Replay()
    again.take([raw for _, raw in await everything(house)])
    assert again.standing == house.projection.standing


async def test_nine_ids_of_one_step_are_taken_and_the_next_step_is_recorded(house: House) -> None:
    id = await house.post("nato/d-1", FLASH)
    (limit, *_) = deadlines.open_deadlines(house.projection.registry, one_of(house, id), {})
    first = deadline_acts.key_of(id, reminder(limit, 50))
    for each in ids.every("nato-china", deadlines.ACTOR, first):
        await house.take(each)
    begun = house.now
    for seconds in (301, 541, 601):
        house.now = begun + timedelta(seconds=seconds)
        await house.watch().tick()
    assert house.told(id) == [
        ("reminder", "acknowledgement", 90),
        ("lapse", "acknowledgement", 100),
    ]


async def test_an_officers_record_takes_no_id_of_a_service(house: House) -> None:
    id = await house.post("nato/d-1", FLASH)
    (limit, *_) = deadlines.open_deadlines(house.projection.registry, one_of(house, id), {})
    own = clock_id("nato-china", id, limit, 50)
    await house.take(own, "nato/d-1")
    house.now += timedelta(seconds=301)
    await house.watch().tick()
    position = house.projection.posted(own)
    assert position is not None
    record = house.projection.record_at(position)
    assert record is not None
    assert record.envelope.actor == "service/watch"


def one_of(house: House, id: str) -> Exchange:
    state = house.projection.exchange(id)
    assert state is not None
    return state


def reminder(limit: deadlines.Deadline, step: int) -> Reminder:
    data = decode_act(deadline_acts.act_of(limit, step))
    assert isinstance(data, Reminder)
    return data


async def everything(house: House) -> list[tuple[int, bytes]]:
    found = await house.log.read(1, house.projection.state.position)
    return [(each.position, each.raw) for each in found]


@pytest.mark.parametrize("house", [""], indirect=True)
async def test_a_profile_that_is_adopted_while_the_watch_runs_binds_what_comes_after(
    house: House, tmp_path: Path
) -> None:
    watch = house.watch()
    before = await house.post("nato/d-1", FLASH)
    await watch.tick()
    for side in ("nato", "china"):
        await house.adopt(tmp_path, side, {"act": "profile-adoption", "profile": "default"})
    after = await house.post("nato/d-1", FLASH)
    await watch.tick()
    house.now += 11 * MINUTE
    await watch.tick()
    assert (house.told(before), house.told(after)) == ([], [("lapse", "acknowledgement", 100)])


async def test_rules_that_are_adopted_while_the_watch_runs_change_open_deadlines(
    house: House, tmp_path: Path
) -> None:
    with later_rules.in_use():
        id, watch = await house.post("nato/d-1", FLASH), house.watch()
        begun = house.now
        await watch.tick()
        for side in ("nato", "china"):
            await house.adopt(tmp_path, side, {"act": "rules-adoption", "rules": 2})
        house.now = begun + 4 * MINUTE
        await watch.tick_due()
        assert house.told(id) == [("reminder", "acknowledgement", 50)]
        house.now = begun + 6 * MINUTE
        await watch.tick_due()
        assert house.told(id)[1:] == [("lapse", "acknowledgement", 100)]


@pytest.fixture
def schedule() -> dict[str, Any]:
    return {"at": ["06:00", "18:00"], "zone": "UTC", "sent_by": "china"}


@pytest.fixture
async def scheduled(tmp_path: Path, schedule: dict[str, Any]) -> AsyncIterator[House]:
    """A channel whose sides have adopted a schedule of line checks at noon."""
    async for made in followed(tmp_path, line_check=schedule):
        yield made


def checks(house: House) -> list[tuple[str, str, str]]:
    """The line checks: for which side, when, in which status."""
    found = []
    for position in range(1, house.projection.state.position + 1):
        record = house.projection.record_at(position)
        if record is not None and record.name == "line-check":
            state = house.projection.exchange(record.envelope.id)
            assert state is not None
            found.append((state.side, state.opened.time[8:16], state.status))
    return found


def latest(house: House) -> str:
    """The newest line check."""
    for position in range(house.projection.state.position, 0, -1):
        record = house.projection.record_at(position)
        if record is not None and record.name == "line-check":
            return record.envelope.id
    raise AssertionError


async def test_a_line_check_is_sent_by_schedule_once_whatever_the_number_of_watches(
    scheduled: House,
) -> None:
    for hours in (5, 6, 6.1, 7):
        scheduled.now = datetime.fromisoformat("2026-11-24T12:00Z") + timedelta(hours=hours)
        await asyncio.gather(*(scheduled.watch().tick() for _ in range(3)))
    assert checks(scheduled) == [("china", "24T18:00", "missed")]


async def test_a_running_watch_sends_each_check_and_records_what_is_missed(
    scheduled: House,
) -> None:
    watch = scheduled.watch()
    start = datetime.fromisoformat("2026-11-24T12:00Z")
    for minutes in (1, 360, 366, 371, 1080, 1085, 1091):
        scheduled.now = start + timedelta(minutes=minutes)
        await watch.tick()
    assert checks(scheduled) == [("china", "24T18:00", "missed"), ("china", "25T06:00", "missed")]
    assert scheduled.told(latest(scheduled))[-1] == ("line-check-missed", "echo", 100)


async def test_a_check_that_was_due_while_no_watch_ran_is_not_made_up_for(scheduled: House) -> None:
    scheduled.now = datetime.fromisoformat("2026-11-24T18:11Z")
    await scheduled.watch().tick()
    assert checks(scheduled) == []


async def test_a_line_check_is_sent_once_though_somebody_takes_its_id(scheduled: House) -> None:
    registry = scheduled.projection.registry
    schedule = line_checks.schedule_of(registry)
    assert schedule is not None
    slot = schedule.next(scheduled.now)
    await scheduled.take(slot_id(registry, slot))
    scheduled.now = slot.due
    before = len(checks(scheduled))
    await asyncio.gather(*(scheduled.watch().tick() for _ in range(3)))
    await scheduled.watch().tick()
    assert len(checks(scheduled)) == before + 1


OPENS = datetime.fromisoformat("2026-12-01T08:00Z")


def notices(house: House, exchange: str) -> list[tuple[int, str]]:
    """Return the notices of an exchange's window: their steps, and the windows' beginnings."""
    return [
        (msgspec.json.decode(item.content["step"]), msgspec.json.decode(item.content["opens"]))
        for item in one_of(house, exchange).acts.get("window-notice", ())
    ]


@pytest.mark.parametrize("house", ["", "default"], indirect=True)
async def test_a_window_is_announced_an_hour_and_ten_minutes_before_it_opens_with_or_without_limits(
    house: House,
) -> None:
    id, watch = await house.post("nato/o-1", act("danger-area")), house.watch()
    counts = []
    for minutes in (-120, -60.1, -60, -59, -30, -10.1, -10, -9, -1, 0, 1, 30):
        house.now = OPENS + timedelta(minutes=minutes)
        await watch.tick()
        counts.append(len(notices(house, id)))
    assert counts == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]
    opens = "2026-12-01T08:00:00.000Z"
    assert notices(house, id) == [(60, opens), (10, opens)]


@pytest.mark.parametrize("house", [""], indirect=True)
async def test_any_number_of_watches_and_restarts_record_each_notice_once(house: House) -> None:
    ids = [await house.post("nato/o-1", act("danger-area")) for _ in range(10)]
    for minutes in (-60, -20, -10, -5, 5):
        house.now = OPENS + timedelta(minutes=minutes)
        await asyncio.gather(*(house.watch().tick() for _ in range(3)))
    assert [[step for step, _ in notices(house, id)] for id in ids] == [[60, 10]] * 10


@pytest.mark.parametrize("house", [""], indirect=True)
async def test_after_a_time_without_a_watch_the_last_notice_alone_is_recorded(house: House) -> None:
    id = await house.post("nato/o-1", act("danger-area"))
    house.now = OPENS - timedelta(minutes=3)
    await house.watch().tick()
    assert [step for step, _ in notices(house, id)] == [10]
    missed = await house.post("nato/o-1", act("danger-area"))
    house.now = OPENS + timedelta(minutes=3)
    await house.watch().tick()
    assert notices(house, missed) == []


@pytest.mark.parametrize("house", [""], indirect=True)
async def test_a_window_that_moves_while_the_watch_runs_is_announced_anew(house: House) -> None:
    id, watch = await house.post("nato/o-1", act("danger-area")), house.watch()
    house.now = OPENS - timedelta(minutes=60)
    await watch.tick()
    window = {"from": "2026-12-02T08:00Z", "to": "2026-12-02T10:00Z"}
    await house.post("nato/o-1", {"act": "update", "fields": {"window": window}}, id)
    for minutes in (-10, 0, 24 * 60 - 60, 24 * 60 - 10):
        house.now = OPENS + timedelta(minutes=minutes)
        await watch.tick()
    assert [(step, opens[8:10]) for step, opens in notices(house, id)] == [
        (60, "01"),
        (60, "02"),
        (10, "02"),
    ]


async def test_a_notice_that_was_missed_keeps_no_later_limit_from_its_lapse(house: House) -> None:
    id = await house.post("nato/o-1", act("danger-area"))
    await house.post("china/d-1", act("acknowledgement"), id)
    watch = house.watch()
    for minutes in (5, 181, 182):
        house.now = OPENS + timedelta(minutes=minutes)
        await watch.tick()
    assert notices(house, id) == []
    assert house.told(id) == [("lapse", "completed", 100)], "two hours of window, and one more"


@pytest.mark.parametrize("house", [""], indirect=True)
async def test_a_watch_has_nothing_to_wait_for_once_every_notice_is_recorded(house: House) -> None:
    await house.post("nato/o-1", act("danger-area"))
    watch = house.watch()
    await watch.tick()
    assert await watch.next_step() == OPENS - timedelta(minutes=60)
    house.now = OPENS - timedelta(minutes=60)
    await watch.tick()
    assert await watch.next_step() == OPENS - timedelta(minutes=10)
    house.now = OPENS + timedelta(minutes=1)
    await watch.tick()
    assert await watch.next_step() is None
