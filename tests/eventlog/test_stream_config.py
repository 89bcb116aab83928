"""A stream's settings, and what is found wrong with one: by its own account, and against the mark."""

import asyncio
import itertools
import json
import shutil
import time
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from brokers import RealBroker
from cluster import REPLICAS, STREAM, Clients
from dragoman.eventlog import broker, stream_config
from dragoman.eventlog.event_log import Appended, EntryToAppend, LogBroken, Unavailable
from dragoman.eventlog.high_water_mark import HighWaterMark, MarkFile
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import Read
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.stores.signed_heads import STREAM as HEADS
from dragoman.stores.signed_heads import SignedHeadStore
from patience import PATIENCE_S
from read_files import LOG
from records import note

KNOWN = MarkFile(created="then", position=5, commit="")


def info(**state: Any) -> dict[str, Any]:
    whole = {"messages": 7, "first_seq": 1, "last_seq": 7, **state}
    return {"config": stream_config.configuration("a-b"), "created": "then", "state": whole}


def test_a_whole_stream_has_no_fault() -> None:
    assert stream_config.fault_of(info(), "a-b", 1, KNOWN) is None
    assert stream_config.fault_of(info(messages=0, first_seq=0, last_seq=0), "a-b", 1, None) is None


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"first_seq": 3, "messages": 5}, "positions 1 to 2 are missing"),
        ({"num_deleted": 2, "messages": 5}, "2 of 7 positions are missing"),
        (
            {"num_deleted": 2, "messages": 5, "deleted": [4, 3]},
            "2 of 7 positions are missing, the first of them 3",
        ),
        ({"messages": 6}, "1 of 7 positions are missing"),
        ({"lost": {"msgs": [4], "bytes": 812}}, "812 bytes were found damaged"),
        ({"lost": {"msgs": [4, 8], "bytes": 812}}, "812 bytes were found damaged"),
        (
            {"messages": 4, "last_seq": 4, "lost": {"msgs": [5], "bytes": 812}},
            "812 bytes were found damaged",
        ),
        (
            {"messages": 4, "last_seq": 4, "lost": {"msgs": None, "bytes": 812}},
            "812 bytes were found damaged",
        ),
        ({"messages": 4, "last_seq": 4}, "ends at position 4, but 5 was known to be kept"),
        (
            {"messages": 0, "first_seq": 0, "last_seq": 0},
            "ends at position 0, but 5 was known to be kept",
        ),
    ],
)
def test_what_is_missing_is_said(state: dict[str, Any], told: str) -> None:
    fault = str(stream_config.fault_of(info(**state), "a-b", 1, KNOWN))
    assert told in fault
    assert "restore the broker's store from a copy" in fault


@pytest.mark.parametrize("lost", [{"msgs": [8]}, {"msgs": [8, 9]}, {"msgs": None}])
def test_what_lies_behind_every_kept_position_is_no_damage(lost: dict[str, Any]) -> None:
    state = info(lost={**lost, "bytes": 340})
    assert stream_config.fault_of(state, "a-b", 1, KNOWN) is None
    assert stream_config.is_unwritten(state["state"], 5) == bool(lost["msgs"])
    reader = stream_config.fault_of(state, "a-b", 1, None, stored_to=8)
    assert "340 bytes were found damaged" in str(reader), "who has position 8 knows better"


def test_half_a_message_is_damage_to_who_knows_no_position() -> None:
    state = info(lost={"msgs": None, "bytes": 340})
    assert "340 bytes" in str(stream_config.fault_of(state, "a-b", 1, None))


def test_another_log_under_the_same_name_is_told_apart() -> None:
    assert "another log under the same name" in str(
        stream_config.fault_of({**info(), "created": "later"}, "a-b", 1, KNOWN)
    )


def test_a_stream_that_is_not_there_is_a_fault() -> None:
    answer = {"error": {"code": 404, "err_code": 10059, "description": "stream not found"}}
    assert "5 records were known to be kept" in str(stream_config.fault_of(answer, "a-b", 1, KNOWN))


def test_what_nobody_asked_for_must_be_off() -> None:
    found = {
        **stream_config.configuration("a-b"),
        "mirror_direct": False,
        "consumer_limits": {},
        "metadata": {"dragoman.record": "1", "_nats.ver": "2"},
    }
    assert stream_config.drift(found, stream_config.configuration("a-b")) == []
    (changed,) = stream_config.drift({**found, "sealed": True}, stream_config.configuration("a-b"))
    assert str(changed) == "sealed is True and must be 'off'"


@pytest.fixture
def administered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steward may do whatever a broker's administrator may."""
    begins = broker.TEMPLATE.index('publish: ["$JS.API.STREAM.CREATE.*"')
    rights = broker.TEMPLATE[begins : broker.TEMPLATE.index("]", begins) + 1]
    monkeypatch.setattr(broker, "TEMPLATE", broker.TEMPLATE.replace(rights, 'publish: [">"]'))


CHANGES: list[dict[str, Any]] = [
    {"max_msgs": 1, "discard": "old"},
    {"max_msgs_per_subject": 1},
    {"max_age": 48 * 3_600_000_000_000},
    {"max_bytes": 1_000_000},
    {"max_msg_size": 1000},
    {"discard": "old"},
    {"duplicate_window": 1_000_000_000},
    {"allow_direct": False},
    {"allow_msg_ttl": True},
    {"allow_atomic": False},
    {"republish": None},
    {"subjects": ["dragoman.v1.nato-china.>", "elsewhere.>"]},
    {"metadata": {"dragoman.record": "2"}},
    {"sealed": True},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
async def test_every_setting_that_is_changed_is_noticed(
    administered: None, real_broker: RealBroker, tmp_path: Path, change: dict[str, Any]
) -> None:
    log = await real_broker.log()
    assert Appended(1) == await log.append([EntryToAppend(record=note(1), expected=0)])
    steward = await real_broker.bus("steward")
    answer = await steward.api(
        "STREAM.UPDATE.DRAGOMAN_LOG_NATO-CHINA",
        {**stream_config.configuration("nato-china"), **change},
    )
    assert "error" not in answer, answer
    with pytest.raises(LogBroken, match=f"{next(iter(change))} is .* and must be"):
        await opened(await marked(real_broker, tmp_path))


@pytest.mark.parametrize(
    "change",
    [
        {"max_msgs": 10},
        {"discard": "old"},
        {"max_msgs_per_subject": 1},
        {"max_age": 48 * 3_600_000_000_000},
    ],
    ids=str,
)
async def test_every_setting_of_where_heads_are_kept_that_is_changed_is_noticed(
    administered: None, real_broker: RealBroker, change: dict[str, Any]
) -> None:
    steward, seals = (
        await real_broker.bus("steward"),
        SignedHeadStore(await real_broker.bus("registrar")),
    )
    await SignedHeadStore.create(steward, 1)
    await seals.check(1)
    made = (await steward.api(f"STREAM.INFO.{HEADS}"))["config"]
    assert "error" not in await steward.api(f"STREAM.UPDATE.{HEADS}", {**made, **change})
    with pytest.raises(LogBroken, match=f"{next(iter(change))} is .* and must be"):
        await seals.check(1)


DENIED: list[tuple[str, dict[str, Any], int]] = [
    ("STREAM.MSG.DELETE", {"seq": 1}, 10057),
    ("STREAM.PURGE", {}, 10110),
]


@pytest.mark.parametrize(
    ("call", "body", "code"), DENIED, ids=lambda each: each if isinstance(each, str) else ""
)
async def test_not_even_the_brokers_administrator_takes_a_record_out_of_a_log(
    administered: None, real_broker: RealBroker, call: str, body: dict[str, Any], code: int
) -> None:
    log = await real_broker.log()
    assert Appended(1) == await log.append([EntryToAppend(record=note(1), expected=0)])
    answer = await (await real_broker.bus("steward")).api(f"{call}.{STREAM}", body)
    assert answer["error"]["err_code"] == code, answer
    assert [message.position for message in await log.read(1, 10)] == [1]


@pytest.mark.parametrize(
    ("header", "code"), [({"Nats-Rollup": "sub"}, 10111), ({"Nats-TTL": "1s"}, 10166)]
)
async def test_no_message_takes_others_with_it_or_goes_by_itself(
    administered: None, real_broker: RealBroker, header: dict[str, str], code: int
) -> None:
    log = await real_broker.log()
    assert Appended(1) == await log.append([EntryToAppend(record=note(1), expected=0)])
    answer = await (await real_broker.bus("gateway")).request(
        "dragoman.v1.nato-china.contact.x", b"junk", header
    )
    assert json.loads(answer.data)["error"]["err_code"] == code, answer.data
    assert [message.position for message in await log.read(1, 10)] == [1]


@pytest.mark.reads(*LOG)
async def test_replicas_that_are_taken_from_a_log_make_it_read_only_loudly(
    real_cluster: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.eventlog.tail.INSPECT_SECONDS", 0.1)
    monkeypatch.setattr("dragoman.eventlog.jetstream.ELECTION_SECONDS", 1.0)
    log = await real_cluster.log()
    assert Appended(1) == await log.append([EntryToAppend(record=note(1), expected=0)])
    store = Store(tmp_path / "projection.sqlite")
    projection = Projection(log, store)
    with capture_logs() as said:
        following = asyncio.create_task(projection.run())
        await asyncio.wait_for(projection.caught_up.wait(), PATIENCE_S)
        assert not projection.broken
        changed = await (await real_cluster.bus("admin")).api(
            f"STREAM.UPDATE.{STREAM}", stream_config.configuration("nato-china", 1)
        )
        assert "error" not in changed, changed
        await asyncio.wait_for(following, PATIENCE_S)
    store.close()
    told = "num_replicas is 1 and must be 3: put them back as the broker's administrator"
    assert told in str(projection.broken)
    assert [
        (line["event"], line["log_level"]) for line in said if told in line.get("reason", "")
    ] == [("log.broken", "critical")]
    anew = JetStreamLog(
        "nato-china", await real_cluster.bus(), real_cluster.guard, replicas=REPLICAS
    )
    with pytest.raises(LogBroken, match=told):
        await opened(anew)
    assert isinstance(await anew.append([EntryToAppend(record=note(2), expected=0)]), Unavailable)


async def marked(real_broker: RealBroker, folder: Path) -> JetStreamLog:
    """The log as a process has it that keeps a mark."""
    mark = HighWaterMark(folder / "marks" / "nato-china.json")
    return JetStreamLog("nato-china", await real_broker.bus(), real_broker.guard, mark=mark)


async def opened(log: JetStreamLog) -> None:
    """Follow the log until it says that it stands."""
    async with aclosing(log.follow(lambda: 1)) as following:  # type: ignore[type-var]
        assert await anext(following) is None
        await anext(following)


async def test_a_record_that_a_stepped_clock_has_dated_is_not_appended_once_the_clock_is_right(
    real_broker: RealBroker,
) -> None:
    log = await real_broker.log()
    ahead = time.time() - time.monotonic()
    outcome = await log.append([EntryToAppend(record=note(1), expected=0, ahead=ahead + 3600)])
    assert isinstance(outcome, Unavailable) and "stepped since the record was dated" in str(
        outcome.detail
    )
    assert Appended(1) == await log.append([EntryToAppend(record=note(1), expected=0, ahead=ahead)])


@pytest.mark.parametrize("looks", range(4))
async def test_a_clock_that_is_set_right_between_two_looks_dates_no_record(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    log, guard = await real_broker.log(), real_broker.guard
    ahead, looked = time.time() - time.monotonic(), itertools.count()

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(hours=next(looked) < looks)

    monkeypatch.setattr(guard, "_now", now)
    outcome = await log.append([EntryToAppend(record=note(1), expected=0, ahead=ahead + 3600)])
    assert isinstance(outcome, Unavailable), outcome
    assert await log.read(1, 10) == []


async def test_a_log_that_lost_its_end_is_not_written_again(
    real_broker: RealBroker, tmp_path: Path
) -> None:
    store, copy = real_broker.data / "nats" / "jetstream", tmp_path / "older"
    log = await real_broker.log()
    await log.append([EntryToAppend(record=note(1), expected=0)])
    await real_broker.restart(lambda: shutil.copytree(store, copy))
    log = await marked(real_broker, tmp_path)
    assert Appended(2) == await log.append([EntryToAppend(record=note(2), expected=0)])
    await opened(log)

    def put_back() -> None:
        shutil.rmtree(store)
        shutil.copytree(copy, store)

    await real_broker.restart(put_back)
    later = await marked(real_broker, tmp_path)
    with pytest.raises(LogBroken, match="ends at position 1, but 2 was known to be kept"):
        await opened(later)
    assert isinstance(await later.append([EntryToAppend(record=note(3), expected=0)]), Unavailable)


async def test_a_position_that_was_used_again_is_noticed(
    real_broker: RealBroker, tmp_path: Path
) -> None:
    store, copy = real_broker.data / "nats" / "jetstream", tmp_path / "older"
    log = await real_broker.log()
    await log.append([EntryToAppend(record=note(1), expected=0)])
    await real_broker.restart(lambda: shutil.copytree(store, copy))
    log = await marked(real_broker, tmp_path)
    await log.append([EntryToAppend(record=note(2), expected=0)])
    await opened(log)

    def put_back() -> None:
        shutil.rmtree(store)
        shutil.copytree(copy, store)

    await real_broker.restart(put_back)
    careless = JetStreamLog("nato-china", await real_broker.bus(), real_broker.guard)
    for n in (3, 4):
        while isinstance(
            outcome := await careless.append([EntryToAppend(record=note(n), expected=0)]),
            Unavailable,
        ):
            await asyncio.sleep(0.02)
        assert Appended(n - 1) == outcome
    with pytest.raises(
        LogBroken, match=r"at position 2 .* has another message than the kept record"
    ):
        await opened(await marked(real_broker, tmp_path))


async def test_a_follower_notices_a_change_while_it_follows(
    administered: None, real_broker: RealBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.eventlog.tail.INSPECT_SECONDS", 0.1)
    await real_broker.log()
    log = await marked(real_broker, tmp_path)
    steward = await real_broker.bus("steward")

    async def follow() -> None:
        async with aclosing(log.follow(lambda: 1)) as following:  # type: ignore[type-var]
            async for _ in following:
                pass

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.2)
    assert not following.done()
    await steward.api("STREAM.DELETE.DRAGOMAN_LOG_NATO-CHINA")
    with pytest.raises(LogBroken, match="no stream DRAGOMAN_LOG_NATO-CHINA"):
        await asyncio.wait_for(following, PATIENCE_S)


async def test_what_a_read_lost_on_its_way_is_no_hole(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await real_broker.log()
    for n in range(1, 7):
        assert Appended(n) == await log.append([EntryToAppend(record=note(n), expected=0)])
    bus = log._bus
    whole = bus.fetch

    async def lossy(*query: object) -> list[Read]:
        found = await whole(*query)  # type: ignore[arg-type]
        return [*found[:2], *found[4:]]

    monkeypatch.setattr(bus, "fetch", lossy)
    assert [message.position for message in await log.read(1, 100)] == [1, 2, 3]
    assert [message.position for message in await log.read(4, 100)] == [4, 5]

    async def nothing(_: object) -> None:
        return None

    monkeypatch.setattr(log, "_stored", nothing)
    with pytest.raises(LogBroken, match="position 3 of nato-china is missing: 5 follows"):
        await log.read(1, 100)
