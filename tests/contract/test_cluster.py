"""The log keeps its promises on a cluster, whichever node leads, sleeps, dies or is cut off."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from cluster import REPLICAS, Clients
from dragoman.eventlog import stream_config
from dragoman.eventlog.event_log import (
    AlreadyAppended,
    Appended,
    Conflict,
    EntryToAppend,
    KeyReused,
    Outcome,
)
from dragoman.eventlog.group_commit import GroupCommitLog
from dragoman.limits import COALESCE_FROM
from read_files import LOG
from records import again, note
from writers import Writers, known, whole

pytestmark = pytest.mark.reads(*LOG)

Change = Callable[[Clients], Awaitable[None]]

_OPENINGS = 80
"""In flight at once: four times as many as are needed for some to be committed together."""


async def step_down(cluster: Clients) -> None:
    await cluster.step_down()


async def kill_the_leader(cluster: Clients) -> None:
    leader = await cluster.leader()
    leader.kill()
    await cluster.leader(other_than=leader)


@asynccontextmanager
async def writing(cluster: Clients, writers: Writers, number: int = 8) -> AsyncIterator[None]:
    """Writers at work, and at the end the reckoning: what each was told stands there, once, and
    nothing else does.
    """
    logs = [await cluster.log() for _ in range(number)]
    async with asyncio.TaskGroup() as group:
        for log in logs:
            group.create_task(writers.write(log))
        try:
            await asyncio.sleep(0.2)
            yield
            await asyncio.sleep(0.2)
        finally:
            writers.stopped = True
    assert writers.wrong(await whole(logs[0])) == []


@pytest.mark.parametrize("change", [step_down, kill_the_leader])
async def test_every_retry_after_another_leader_was_elected_has_its_outcome(
    real_cluster: Clients, change: Change
) -> None:
    log = await real_cluster.log()
    single = [EntryToAppend(record=note(1), expected=0)]
    batch = [
        EntryToAppend(record=note(2), expected=0),
        EntryToAppend(record=note(3), expected=0),
        EntryToAppend(record=note(4, exchange=1), expected=1),
    ]
    assert [Appended(1), Appended(4)] == [await log.append(single), await log.append(batch)]
    await change(real_cluster)
    retries: list[tuple[list[EntryToAppend], Outcome]] = [
        (single, Appended(1)),
        ([EntryToAppend(record=again(note(1)), expected=0)], AlreadyAppended(1)),
        ([EntryToAppend(record=again(note(1), "Something else."), expected=0)], KeyReused(1)),
        (batch, Appended(4)),
        (
            [EntryToAppend(record=again(entry.record), expected=entry.expected) for entry in batch],
            AlreadyAppended(2),
        ),
        ([batch[1]], Appended(3)),
        ([EntryToAppend(record=again(note(3)), expected=0)], AlreadyAppended(3)),
        ([EntryToAppend(record=note(9), expected=0), single[0]], AlreadyAppended(1)),
        ([EntryToAppend(record=note(9, exchange=1), expected=1)], Conflict(4)),
        ([EntryToAppend(record=note(5), expected=0)], Appended(5)),
    ]
    assert [outcome for _, outcome in retries] == [
        await known(log, entries) for entries, _ in retries
    ]
    assert [note(1).raw, *(entry.record.raw for entry in batch), note(5).raw] == await whole(log)


async def test_a_channel_is_opened_as_soon_as_a_node_that_was_killed_is_back(
    real_cluster: Clients,
) -> None:
    gone = real_cluster.cluster.running[0]
    gone.kill()
    steward = await real_cluster.bus("steward")
    asked = asyncio.create_task(stream_config.create(steward, "nato-china", REPLICAS))
    await asyncio.sleep(0.5)
    gone.start()
    await asked
    assert await stream_config.channels(steward) == ["nato-china"]


async def test_of_50_copies_of_a_post_one_is_there(real_cluster: Clients) -> None:
    logs = [await real_cluster.log() for _ in range(5)]
    copies = [
        logs[n % 5].append([EntryToAppend(record=again(note(1)), expected=0)]) for n in range(50)
    ]
    assert {Appended(1), AlreadyAppended(1)} >= set(await asyncio.gather(*copies))
    assert len(await whole(logs[0])) == 1


async def test_of_50_racing_writers_on_three_nodes_one_wins_each_version(
    real_cluster: Clients,
) -> None:
    logs = [await real_cluster.log(node) for node in real_cluster.cluster.nodes]
    await logs[0].append([EntryToAppend(record=note(1), expected=0)])
    last = 1
    for version in range(1, 6):
        racing = [
            logs[n % 3].append(
                [EntryToAppend(record=note(100 * version + n, exchange=1), expected=last)]
            )
            for n in range(50)
        ]
        outcomes = await asyncio.gather(*racing)
        won = [outcome for outcome in outcomes if isinstance(outcome, Appended)]
        assert [Appended(last + 1)] == won
        assert outcomes.count(Conflict(last + 1)) == 49
        last += 1
    assert last == len(await whole(logs[0]))


async def test_nothing_is_lost_or_doubled_while_leaders_step_down(real_cluster: Clients) -> None:
    writers = Writers()
    async with writing(real_cluster, writers):
        for _ in range(3):
            await real_cluster.step_down()
            await asyncio.sleep(0.3)


@pytest.mark.timeout(600)
async def test_nothing_is_lost_or_doubled_when_the_leader_is_killed(
    real_cluster: Clients, rounds: int
) -> None:
    writers = Writers()
    async with writing(real_cluster, writers):
        for _ in range(rounds):
            await asyncio.to_thread(real_cluster.cluster.start)
            await kill_the_leader(real_cluster)
    assert writers.longest_s > 1, "nobody noticed"


@pytest.mark.timeout(600)
@pytest.mark.long
async def test_nothing_is_lost_or_doubled_when_the_leader_sleeps_until_another_leads(
    real_cluster: Clients, rounds: int
) -> None:
    writers = Writers()
    async with writing(real_cluster, writers):
        for _ in range(rounds):
            leader = await real_cluster.leader()
            leader.signal(signal.SIGSTOP)
            await real_cluster.leader(other_than=leader)
            leader.signal(signal.SIGCONT)
            await asyncio.to_thread(real_cluster.cluster.start)


@pytest.mark.timeout(600)
@pytest.mark.long
async def test_nothing_is_lost_or_doubled_when_the_nodes_retire_one_after_another(
    real_cluster: Clients, rounds: int
) -> None:
    writers = Writers()
    async with writing(real_cluster, writers, number=2):
        for node in real_cluster.cluster.nodes.values():
            node.signal(signal.SIGUSR2)
            await asyncio.to_thread(node.wait)
            await asyncio.to_thread(real_cluster.cluster.start)


@pytest.mark.timeout(600)
@pytest.mark.long
async def test_a_node_whose_disk_was_lost_copies_the_log_and_counts_again(
    real_cluster: Clients, rounds: int
) -> None:
    writers = Writers()
    async with writing(real_cluster, writers, number=2):
        leader = await real_cluster.leader()
        first, second = (node for node in real_cluster.cluster.nodes.values() if node is not leader)
        first.kill()
        shutil.rmtree(first.folder / "jetstream")
        await asyncio.to_thread(real_cluster.cluster.start)
        second.kill()
        await asyncio.sleep(1)


async def test_a_batch_is_whole_or_absent_when_the_leader_is_killed(real_cluster: Clients) -> None:
    logs = [await real_cluster.log() for _ in range(6)]
    tried: list[tuple[list[EntryToAppend], Outcome]] = []
    stopped = asyncio.Event()

    async def write(number: int) -> None:
        serial = 100_000 * (number + 1)
        while not stopped.is_set():
            batch = [EntryToAppend(record=note(serial + n), expected=0) for n in range(40)]
            serial += 40
            tried.append((batch, await logs[number].append(batch)))
            await asyncio.sleep(0.01)

    writing = [asyncio.create_task(write(number)) for number in range(6)]
    await asyncio.sleep(0.3)
    await kill_the_leader(real_cluster)
    stopped.set()
    await asyncio.gather(*writing)
    stood = {raw: position for position, raw in enumerate(await whole(logs[0]), 1)}
    for batch, outcome in tried:
        positions = [stood.get(entry.record.raw, 0) for entry in batch]
        first = positions[0]
        assert positions in ([0] * 40, list(range(first, first + 40))), "torn"
        assert not isinstance(outcome, Appended) or first == outcome.position - 39
        assert Appended(first + 39) == await known(logs[0], batch) or not first


async def test_openings_that_go_together_are_there_once_when_the_leader_is_killed(
    real_cluster: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await real_cluster.log()
    alone, sizes = log.append, list[int]()

    async def sized(entries: Sequence[EntryToAppend]) -> Outcome:
        sizes.append(len(entries))
        return await alone(entries)

    monkeypatch.setattr(log, "append", sized)
    together, writers = GroupCommitLog(log), Writers()
    async with asyncio.TaskGroup() as group:
        for _ in range(_OPENINGS):
            group.create_task(writers.open(together))
        try:
            await asyncio.sleep(0.3)
            await kill_the_leader(real_cluster)
            await asyncio.sleep(0.3)
        finally:
            writers.stopped = True
    assert max(sizes) >= COALESCE_FROM
    assert writers.longest_s > 1, "nobody noticed"
    assert writers.wrong(await whole(log)) == []


async def test_writing_goes_on_while_a_follower_is_away_and_counts_on_it_when_it_is_back(
    real_cluster: Clients,
) -> None:
    await real_cluster.log()
    leader = await real_cluster.leader()
    first, second = (node for node in real_cluster.cluster.nodes.values() if node is not leader)
    writers = Writers()
    async with writing(real_cluster, writers, number=2):
        first.kill()
        await asyncio.sleep(0.5)
        first.start()
        await asyncio.to_thread(
            real_cluster.cluster.until, lambda: first.healthy, "the follower has caught up"
        )
        second.kill()
        await asyncio.sleep(0.5)
