"""The contract of `EventLog`, beyond that of `Log`: one suite, run on memory, on JetStream, real and in memory, and on a
cluster of three nodes.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest

from brokers import RealBroker
from cluster import Clients
from dragoman.domain.record import codec as records
from dragoman.domain.record.codec import Record
from dragoman.eventlog import stream_config
from dragoman.eventlog.event_log import (
    AlreadyAppended,
    Appended,
    Conflict,
    EntryToAppend,
    EventLog,
    KeyReused,
    Outcome,
    Unavailable,
)
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.limits import BATCH_RECORDS
from log_openers import IMPLEMENTATIONS, ON_A_CLUSTER, Opener, opener_of
from patience import PATIENCE_S
from records import again, note
from writers import known


@pytest.fixture(params=IMPLEMENTATIONS)
def opener(request: pytest.FixtureRequest) -> Opener:
    return opener_of(request)


async def bytes_of(log: EventLog) -> list[bytes]:
    return [message.raw for message in await log.read(1, 1000)]


async def test_an_append_states_the_last_position_of_its_exchange(opener: Opener) -> None:
    log = await opener()
    assert Appended(1) == await log.append([EntryToAppend(record=note(1), expected=0)])
    assert Conflict(1) == await log.append([EntryToAppend(record=note(2, exchange=1), expected=0)])
    assert Appended(2) == await log.append([EntryToAppend(record=note(2, exchange=1), expected=1)])
    assert Conflict(2) == await log.append([EntryToAppend(record=note(3, exchange=1), expected=1)])
    assert Appended(3) == await log.append([EntryToAppend(record=note(4), expected=0)])
    assert Appended(4) == await log.append([EntryToAppend(record=note(5, exchange=1), expected=2)])


async def test_of_50_racing_writers_one_wins_each_version(opener: Opener) -> None:
    log = await opener()
    await log.append([EntryToAppend(record=note(1), expected=0)])
    last = 1
    for version in range(4):
        racing = [
            log.append(
                [EntryToAppend(record=note(100 * (version + 1) + n, exchange=1), expected=last)]
            )
            for n in range(50)
        ]
        outcomes = await asyncio.gather(*racing)
        won = [outcome for outcome in outcomes if isinstance(outcome, Appended)]
        assert len(won) == 1
        assert (
            sum(
                isinstance(outcome, Conflict) and outcome.position == won[0].position
                for outcome in outcomes
            )
            == 49
        )
        last = won[0].position
    assert len(await log.read(1, 1000)) == 5


async def test_the_same_post_twice_is_there_once(opener: Opener) -> None:
    log = await opener()
    first = note(1)
    await log.append([EntryToAppend(record=first, expected=0)])
    assert AlreadyAppended(1) == await log.append([EntryToAppend(record=again(first), expected=0)])
    assert [first.raw] == await bytes_of(log)


async def test_the_same_post_racing_itself_is_there_once(opener: Opener) -> None:
    log = await opener()
    outcomes = await asyncio.gather(
        *(log.append([EntryToAppend(record=again(note(1)), expected=0)]) for _ in range(20))
    )
    assert {1} == {
        outcome.position for outcome in outcomes if isinstance(outcome, Appended | AlreadyAppended)
    }
    assert sum(isinstance(outcome, Appended | AlreadyAppended) for outcome in outcomes) == 20
    assert len(await bytes_of(log)) == 1


async def test_the_same_id_with_another_post_is_refused(opener: Opener) -> None:
    log = await opener()
    first = note(1)
    await log.append([EntryToAppend(record=first, expected=0)])
    assert KeyReused(1) == await log.append(
        [EntryToAppend(record=again(first, "Something else."), expected=0)]
    )
    assert KeyReused(1) == await log.append([EntryToAppend(record=note(1, exchange=7), expected=0)])
    assert [first.raw] == await bytes_of(log)


async def test_the_same_post_with_a_later_expectation_is_still_found(opener: Opener) -> None:
    log = await opener()
    await log.append([EntryToAppend(record=note(1), expected=0)])
    await log.append([EntryToAppend(record=note(2, exchange=1), expected=1)])
    await log.append([EntryToAppend(record=note(3, exchange=1), expected=2)])
    assert isinstance(
        await log.append([EntryToAppend(record=again(note(2, exchange=1)), expected=3)]),
        AlreadyAppended,
    )
    assert len(await bytes_of(log)) == 3


async def test_several_records_are_appended_as_one(opener: Opener) -> None:
    log = await opener()
    await log.append([EntryToAppend(record=note(1), expected=0)])
    several = [
        EntryToAppend(record=note(2), expected=0),
        EntryToAppend(record=note(3, exchange=1), expected=1),
        EntryToAppend(record=note(4, exchange=1), expected=0),
    ]
    several[2] = EntryToAppend(record=note(4, exchange=1), expected=3)
    assert Appended(4) == await log.append(several)
    assert [note(1).raw, *(entry.record.raw for entry in several)] == await bytes_of(log)


@pytest.mark.parametrize(
    "wrong",
    [
        EntryToAppend(record=note(9, exchange=1), expected=0),
        EntryToAppend(record=note(1), expected=0),
    ],
    ids=["a conflict", "a duplicate"],
)
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_of_several_records_one_that_cannot_be_leaves_none(
    opener: Opener, wrong: EntryToAppend, place: int
) -> None:
    log = await opener()
    await log.append([EntryToAppend(record=note(1), expected=0)])
    several = [EntryToAppend(record=note(2), expected=0), EntryToAppend(record=note(3), expected=0)]
    several.insert(place, wrong)
    assert not isinstance(await log.append(several), Appended)
    assert [note(1).raw] == await bytes_of(log)


async def test_several_records_of_two_writers_do_not_interleave(opener: Opener) -> None:
    log = await opener()
    batches = [
        [EntryToAppend(record=note(1000 * b + n), expected=0) for n in range(1, 21)]
        for b in range(1, 6)
    ]
    outcomes = await asyncio.gather(*(log.append(batch) for batch in batches))
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    stored = await bytes_of(log)
    for batch in batches:
        raws = [entry.record.raw for entry in batch]
        start = stored.index(raws[0])
        assert raws == stored[start : start + 20]


async def test_a_genesis_asks_for_an_empty_log(opener: Opener) -> None:
    log = await opener()
    outcomes = await asyncio.gather(
        *(log.append([EntryToAppend(record=note(n), expected=0, first=True)]) for n in range(1, 9))
    )
    assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 7
    assert len(await bytes_of(log)) == 1


# Many openings at once


async def test_many_openings_at_once_are_all_there_once(opener: Opener) -> None:
    log = await opener()
    outcomes = await asyncio.gather(
        *(log.append([EntryToAppend(record=note(n), expected=0)]) for n in range(1, 301))
    )
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    stored = await bytes_of(log)
    assert len(stored) == 300
    for n, outcome in enumerate(outcomes, 1):
        assert isinstance(outcome, Appended)
        assert stored[outcome.position - 1] == note(n).raw


async def test_among_many_openings_each_gets_its_own_outcome(opener: Opener) -> None:
    log = await opener()
    await log.append([EntryToAppend(record=note(7), expected=0)])
    await log.append([EntryToAppend(record=note(77), expected=0)])
    posts = [
        again(note(7)),
        again(note(77), "Something else."),
        *(note(n) for n in range(100, 160)),
        again(note(100)),
        again(note(101), "Other."),
    ]
    outcomes = await asyncio.gather(
        *(log.append([EntryToAppend(record=record, expected=0)]) for record in posts)
    )
    assert outcomes[0] == AlreadyAppended(1)
    assert outcomes[1] == KeyReused(2)
    assert all(isinstance(outcome, Appended | AlreadyAppended | KeyReused) for outcome in outcomes)
    ids = [records.parse(raw).envelope.id for raw in await bytes_of(log)]
    assert len(ids) == len(set(ids)) == 62


async def test_conflicts_among_many_openings_are_their_own(opener: Opener) -> None:
    log = await opener()
    await log.append([EntryToAppend(record=note(1), expected=0)])
    stale = [
        log.append([EntryToAppend(record=note(500 + n, exchange=1), expected=0)]) for n in range(30)
    ]
    fresh = [log.append([EntryToAppend(record=note(n), expected=0)]) for n in range(2, 62)]
    outcomes = await asyncio.gather(*stale, *fresh)
    assert {Conflict(1)} == set(outcomes[:30])
    assert all(isinstance(outcome, Appended) for outcome in outcomes[30:])


# What only a broker can go through


async def test_what_was_appended_outlives_a_killed_broker(real_broker: RealBroker) -> None:
    log = await real_broker.log()
    first = note(1)
    assert Appended(1) == await log.append([EntryToAppend(record=first, expected=0)])
    await real_broker.restart()
    assert AlreadyAppended(1) == await until_writable(
        log, EntryToAppend(record=again(first), expected=0)
    )
    assert KeyReused(1) == await log.append(
        [EntryToAppend(record=again(first, "Something else."), expected=0)]
    )
    assert Conflict(1) == await log.append([EntryToAppend(record=note(2, exchange=1), expected=0)])
    assert Appended(2) == await log.append([EntryToAppend(record=note(3), expected=0)])
    assert [first.raw, note(3).raw] == await bytes_of(log)


async def until_writable(log: EventLog, *entries: EntryToAppend) -> Outcome:
    while isinstance(outcome := await log.append(entries), Unavailable):
        await asyncio.sleep(0.02)
    return outcome


async def test_a_batch_is_whole_or_absent_after_a_killed_broker(real_broker: RealBroker) -> None:
    log = await real_broker.log()
    several = [EntryToAppend(record=note(n), expected=0) for n in range(1, 41)]
    appending = asyncio.create_task(log.append(several))
    await asyncio.sleep(0.001)
    await real_broker.restart()
    outcome = await appending
    stored = await bytes_of(await real_broker.log())
    assert len(stored) in (0, 40)
    if isinstance(outcome, Appended):
        assert [entry.record.raw for entry in several] == stored


async def test_following_goes_on_over_a_killed_broker(real_broker: RealBroker) -> None:
    log = await real_broker.log()
    await log.append([EntryToAppend(record=note(1), expected=0)])
    seen: list[int] = []

    async def follow() -> None:
        async with aclosing(log.follow(lambda: len(seen) + 1)) as following:  # type: ignore[type-var]
            async for messages in following:
                seen.extend(message.position for message in messages or ())
                if seen[-1:] == [4]:
                    return

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.05)
    await real_broker.restart()
    for n in (2, 3, 4):
        assert isinstance(
            await until_writable(log, EntryToAppend(record=note(n), expected=0)), Appended
        )
    await asyncio.wait_for(following, PATIENCE_S)
    assert seen == [1, 2, 3, 4]


async def test_nothing_is_written_while_the_broker_is_down(real_broker: RealBroker) -> None:
    log = await real_broker.log()
    await real_broker.supervisor.stop()
    while real_broker.guard.proven and not isinstance(
        await log.append([EntryToAppend(record=note(1), expected=0)]), Unavailable
    ):
        await asyncio.sleep(0.02)
    assert isinstance(await log.append([EntryToAppend(record=note(2), expected=0)]), Unavailable)


async def test_a_log_without_a_proven_broker_only_reads(real_broker: RealBroker) -> None:
    await real_broker.log()
    log = JetStreamLog("nato-china", await real_broker.bus("auditor"))
    assert isinstance(await log.append([EntryToAppend(record=note(1), expected=0)]), Unavailable)
    assert await log.read(1, 10) == []


# A post tried again, after whatever lies between, alone and among others

WINDOW_NS = 100_000_000
"""A broker's window of message ids that is over at once; a day in production."""


class Between:
    """A log, and what lies between a post and its retry."""

    def __init__(self, broker: RealBroker | Clients, log: EventLog, happens: str) -> None:
        self.broker = broker
        self.log = log
        self.happens = happens

    async def pass_(self) -> None:
        """Let it happen."""
        if "window" in self.happens:
            await asyncio.sleep(3 * WINDOW_NS / 1e9)
        if "restart" in self.happens:
            await self.broker.restart()

    async def append(self, *posts: Record) -> Outcome:
        """Append openings, alone or as one."""
        return await known(self.log, [EntryToAppend(record=post, expected=0) for post in posts])


HAPPENS = ["at once", "after the window", "after a restart", "after a restart and the window"]


@pytest.fixture(
    params=[
        *HAPPENS,
        *(pytest.param(f"on a cluster {happens}", marks=ON_A_CLUSTER) for happens in HAPPENS[:-1]),
        pytest.param(f"on a cluster {HAPPENS[-1]}", marks=[ON_A_CLUSTER, pytest.mark.long]),
    ]
)
def happens(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def broker(request: pytest.FixtureRequest, happens: str) -> RealBroker | Clients:
    """The broker or the cluster to which it happens."""
    found: RealBroker | Clients = request.getfixturevalue(
        "real_cluster" if "cluster" in happens else "real_broker"
    )
    return found


@pytest.fixture
async def between(
    broker: RealBroker | Clients, happens: str, monkeypatch: pytest.MonkeyPatch
) -> Between:
    if "window" in happens:
        usual = stream_config.configuration
        monkeypatch.setattr(
            stream_config,
            "configuration",
            lambda *asked: {**usual(*asked), "duplicate_window": WINDOW_NS},
        )
    log = await broker.log()
    made = await (await broker.bus("steward")).api(
        f"STREAM.INFO.{stream_config.stream_of('nato-china')}"
    )
    assert ("window" in happens) == (made["config"]["duplicate_window"] == WINDOW_NS), made
    return Between(broker, log, happens)


async def test_a_post_tried_again_has_one_outcome_whatever_lies_between(between: Between) -> None:
    posts = [note(n) for n in range(1, 4)]
    for post in posts:
        await between.append(post)
    await between.pass_()
    for position, post in enumerate(posts, 1):
        assert Appended(position) == await between.append(post)
        assert AlreadyAppended(position) == await between.append(again(post))
        assert KeyReused(position) == await between.append(again(post, "Something else."))
    assert [post.raw for post in posts] == await bytes_of(between.log)


async def test_a_batch_tried_again_has_one_outcome_whatever_lies_between(between: Between) -> None:
    posts = [note(n) for n in range(2, 5)]
    await between.append(note(1))
    assert Appended(4) == await between.append(*posts)
    await between.pass_()
    assert Appended(4) == await between.append(*posts)
    assert AlreadyAppended(2) == await between.append(*(again(post) for post in posts))
    assert KeyReused(2) == await between.append(*(again(post, "Something else.") for post in posts))
    assert [post.raw for post in (note(1), *posts)] == await bytes_of(between.log)


async def test_a_post_that_went_in_a_batch_is_found_when_tried_alone(between: Between) -> None:
    posts = [note(n) for n in range(1, 4)]
    await between.append(*posts)
    await between.pass_()
    for position, post in enumerate(posts, 1):
        assert Appended(position) == await between.append(post)
        assert AlreadyAppended(position) == await between.append(again(post))
        assert KeyReused(position) == await between.append(again(post, "Something else."))
    assert [post.raw for post in posts] == await bytes_of(between.log)


async def test_a_post_that_went_alone_is_found_when_tried_in_a_batch(between: Between) -> None:
    await between.append(note(1))
    await between.append(note(2))
    await between.pass_()
    assert AlreadyAppended(2) == await between.append(note(3), again(note(2)), note(4))
    assert KeyReused(2) == await between.append(note(3), note(4), again(note(2), "Something else."))
    assert AlreadyAppended(1) == await between.append(note(1), note(2), note(5))
    assert [note(1).raw, note(2).raw] == await bytes_of(between.log)


async def test_an_overtaken_post_tried_again_is_found_where_it_stands(between: Between) -> None:
    await between.append(note(1))
    for n in (2, 3):
        assert Appended(n) == await between.log.append(
            [EntryToAppend(record=note(n, exchange=1), expected=n - 1)]
        )
    await between.pass_()
    assert Appended(2) == await known(
        between.log, [EntryToAppend(record=note(2, exchange=1), expected=1)]
    )
    assert AlreadyAppended(2) == await between.log.append(
        [EntryToAppend(record=again(note(2, exchange=1)), expected=1)]
    )
    assert Conflict(2) == await between.log.append(
        [EntryToAppend(record=note(4, exchange=1), expected=1)]
    )
    assert len(await bytes_of(between.log)) == 3


async def test_an_id_on_another_exchange_is_refused_within_the_window_and_left_to_the_fold_beyond_it(
    between: Between,
) -> None:
    await between.append(note(1))
    await between.pass_()
    found = await between.append(note(1, exchange=7))
    if "window" not in between.happens:
        assert found == KeyReused(1)
    elif (
        "restart" in between.happens
    ):  # a broker that restores its ids may keep some beyond their window
        assert found in (Appended(2), KeyReused(1))
    else:
        assert found == Appended(2)


async def test_a_batch_that_broke_off_leaves_nothing_and_holds_nobody_up(
    real_broker: RealBroker,
) -> None:
    log = await real_broker.log()
    dying = await real_broker.bus()
    entries = [EntryToAppend(record=note(n), expected=0) for n in range(1, 6)]
    for number, entry in enumerate(entries[:-1], 1):
        headers = {
            "Nats-Msg-Id": entry.message_id,
            "Nats-Expected-Last-Subject-Sequence": "0",
            "Nats-Batch-Id": "broken-off",
            "Nats-Batch-Sequence": str(number),
        }
        await dying.client.publish(entry.subject, entry.record.raw, headers=headers)
    await dying.client.flush()
    await dying.client.close()
    assert await bytes_of(log) == []
    assert Appended(1) == await log.append([entries[1]])
    assert AlreadyAppended(1) == await log.append(
        [EntryToAppend(record=again(entry.record), expected=0) for entry in entries]
    )
    assert [Appended(position) for position in (2, 3)] == [
        await log.append([entry]) for entry in (entries[0], entries[2])
    ]
    assert [note(n).raw for n in (2, 1, 3)] == await bytes_of(log)


async def begun(
    bus: NatsConnection, batch: str, numbers: Sequence[int], **more: str
) -> dict[str, Any]:
    """Send messages of a batch, and ask for the answer to the last of them, which commits unless it
    is told otherwise.
    """
    *before, last = numbers
    for number in before:
        headers = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
        await bus.client.publish(
            f"dragoman.v1.nato-china.contact.{batch}-{number}", b"x", headers=headers
        )
    headers = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(last), **more}
    return json.loads(  # type: ignore[no-any-return]
        (await bus.request(f"dragoman.v1.nato-china.contact.{batch}-{last}", b"x", headers)).data
    )


@pytest.mark.parametrize(
    ("numbers", "commit", "code"),
    [
        ([1, 3], "1", 10176),
        ([1, 2], "yes", 10200),
        (range(1, BATCH_RECORDS + 2), "1", 10199),
        (range(1, BATCH_RECORDS + 1), "1", None),
    ],
    ids=["a gap", "no commit", "one too many", "as many as may be"],
)
async def test_a_batch_is_taken_as_a_broker_takes_it(
    real_broker: RealBroker, numbers: Sequence[int], commit: str, code: int | None
) -> None:
    log, bus = await real_broker.log(), await real_broker.bus()
    answer = await begun(bus, "a-batch", numbers, **{"Nats-Batch-Commit": commit})
    assert answer.get("error", {}).get("err_code") == code, answer
    assert await stream_config.last_position(bus, log.channel) == (0 if code else BATCH_RECORDS)


async def test_of_more_open_batches_than_fifty_the_next_is_refused_and_the_log_goes_on(
    real_broker: RealBroker,
) -> None:
    log, bus = await real_broker.log(), await real_broker.bus()
    for number in range(50):
        headers = {"Nats-Batch-Id": f"open-{number}", "Nats-Batch-Sequence": "1"}
        await bus.client.publish(
            f"dragoman.v1.nato-china.contact.open-{number}", b"x", headers=headers
        )
    assert (await begun(bus, "one-more", [1]))["error"]["err_code"] == 10210
    assert Appended(1) == await log.append([EntryToAppend(record=note(1), expected=0)])
