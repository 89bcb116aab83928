"""The projection of a channel: in order whatever comes first, never a position twice, and the same
from a file as from the log.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import views
from dragoman.domain.record.codec import parse
from dragoman.eventlog.event_log import EntryToAppend, LogBroken, StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.limits import LIST_PAGE
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.projection.queries import lists
from dragoman.projection.store import Store
from dragoman.projection.writer import Writer
from dragoman.projection.writer_messages import StoreBusy, StoreDamaged
from followed import until
from processes import children
from world import INCIDENT, NOTE, World

NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)


@pytest.fixture
async def told(world: World) -> World:
    """A channel in which something happened."""
    id = world.open("nato/d-1", INCIDENT)
    world.keep("china/d-1", {"act": "acknowledgement"}, id)
    world.take(b"\x00junk")
    world.open("china/o-1", NOTE)
    return world


def messages(world: World) -> list[StoredMessage]:
    return [
        StoredMessage(
            position=position,
            subject=f"dragoman.v1.nato-china.x.{world.raws[0][20:56].decode(errors='replace')}",
            raw=raw,
        )
        for position, raw in enumerate(world.raws, 1)
    ]


async def test_messages_are_folded_in_order_whatever_comes_first(told: World, store: Store) -> None:
    projection = Projection(MemoryLog("nato-china"), store)
    given = messages(told)
    projection.take(given[1::2])
    assert projection.state.position == 0
    projection.take(given[:1])
    assert projection.state.position == 2
    projection.take(given)
    assert told.ledger.standing.digest == projection.standing.digest
    assert told.ledger.standing.frontier == projection.standing.frontier


async def test_a_file_goes_on_where_it_stopped(told: World, tmp_path: Path) -> None:
    given = messages(told)
    for end in (3, 7, len(given)):
        store = Store(tmp_path / "projection.sqlite")
        projection = Projection(MemoryLog("nato-china"), store)
        projection.take(given[:end])
        await projection.in_file()
        store.close()
    assert told.ledger.standing.digest == projection.standing.digest
    store = Store(tmp_path / "projection.sqlite")
    assert told.ledger.standing == store.standing("nato-china")
    store.close()


async def test_a_writer_that_was_killed_is_replaced_and_nothing_is_missing(
    told: World, tmp_path: Path
) -> None:
    before = children()
    store = Store(tmp_path / "projection.sqlite")
    (writer,) = children() - before
    projection = Projection(MemoryLog("nato-china"), store)
    given = messages(told)
    projection.take(given[:5])
    await projection.in_file()
    os.kill(writer, signal.SIGKILL)
    projection.take(given)
    await projection.in_file()
    assert not projection.broken
    assert told.ledger.standing == store.standing("nato-china")
    store.close()
    assert children() == before


async def test_what_a_writer_committed_before_it_died_is_not_written_twice(
    told: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = store._jobs._ask

    def lose_the_answer(packed: bytes) -> None:
        monkeypatch.undo()
        ask(packed)
        raise EOFError

    monkeypatch.setattr(store._jobs, "_ask", lose_the_answer)
    projection = Projection(MemoryLog("nato-china"), store)
    projection.take(messages(told))
    await projection.in_file()
    assert not projection.broken
    assert told.ledger.standing == store.standing("nato-china")
    found = views.found(store, "nato-china", lists.listed, lists.Filter(q="aircraft"), LIST_PAGE)
    assert len(found.exchanges) == 1


def test_a_file_has_one_writer_at_a_time(store: Store) -> None:
    with pytest.raises(StoreBusy, match="another program writes"):
        Writer(store.path, patience=0.1)


async def test_the_ledger_answers_alike_from_memory_and_from_the_file(
    told: World, store: Store
) -> None:
    projection = Projection(MemoryLog("nato-china"), store)
    projection.take(messages(told))
    in_memory = answers(projection, told)
    await projection.in_file()
    fresh = Projection(MemoryLog("nato-china"), store)
    assert in_memory == answers(fresh, told) == answers(told.ledger, told)


def answers(ledger: object, world: World) -> list[object]:
    from dragoman.domain.history_port import History
    from dragoman.domain.record.codec import NotARecord, parse

    asked: History = ledger  # type: ignore[assignment]
    found: list[object] = []
    for position, raw in enumerate(world.raws, 1):
        found += [asked.root(position), asked.actor(position)]
        try:
            record = parse(raw)
        except NotARecord:
            continue
        state = asked.exchange(record.envelope.subject)
        found += [
            None if state is None else state.etag,
            asked.used(record.envelope.id),
            asked.holds(record.envelope.subject, record.commit),
        ]
    return [*found, asked.used("0192f0c1-2f3a-7c4d-8e5f-112233445566"), asked.holds("x", "y")]


async def test_waiting_for_a_position_is_bounded(told: World, store: Store) -> None:
    projection = Projection(MemoryLog("nato-china"), store)
    with pytest.raises(NotYetApplied):
        await projection.reached(1, 0.01)
    waiting = asyncio.create_task(projection.reached(5))
    await asyncio.sleep(0)
    projection.take(messages(told))
    await waiting


async def test_a_position_used_twice_is_corruption(told: World, store: Store) -> None:
    projection = Projection(MemoryLog("nato-china"), store)
    projection.take(messages(told))
    await projection.in_file()
    other = told.decide("nato/o-1", NOTE)
    with pytest.raises(LogBroken):
        projection.appended(EntryToAppend(record=other, expected=0), 5)  # type: ignore[arg-type]
    assert projection.broken


@pytest.fixture
async def followed(told: World, store: Store) -> AsyncIterator[tuple[MemoryLog, Projection]]:
    log = MemoryLog("nato-china")
    for message in messages(told):
        await log.inject(message.subject, message.raw)
    projection = Projection(log, store)
    running = asyncio.create_task(projection.run())
    yield log, projection
    running.cancel()


async def test_a_projection_follows_its_log(
    told: World, followed: tuple[MemoryLog, Projection]
) -> None:
    log, projection = followed
    await projection.caught_up.wait()
    assert told.ledger.standing.digest == projection.standing.digest
    told.take(b"more junk")
    await log.inject("dragoman.v1.nato-china.x.y", b"more junk")
    await projection.reached(len(told.raws))
    assert told.ledger.standing.digest == projection.standing.digest
    assert len(told.raws) == projection.last_on("dragoman.v1.nato-china.x.y")


async def test_a_search_finds_the_exchange_by_any_of_its_words(told: World, store: Store) -> None:
    projection = Projection(MemoryLog("nato-china"), store)
    projection.take(messages(told))
    await projection.in_file()
    for words in (
        "aircraft",
        "NEAR_MISS",
        "reception counterpart",
        "NATO-CHINA/NATO/26/0001/N07/O",
    ):
        rows = views.found(store, "nato-china", lists.listed, lists.Filter(q=words), LIST_PAGE)
        assert len(rows.exchanges) == 1, words
    aircraft = lists.Filter(q="aircraft")
    assert not views.found(store, "other", lists.listed, aircraft, LIST_PAGE).exchanges


def pages(store: Store, most: int) -> list[str]:
    """The exchanges that a search finds, page after page."""
    found: list[str] = []
    cursor = ""
    while True:
        wanted = lists.Filter(q="heron", cursor=cursor)
        rows = views.found(store, "nato-china", lists.listed, wanted, most)
        found += [row.id for row in rows.exchanges]
        cursor = rows.next
        if not cursor:
            return found


@pytest.mark.parametrize("seed", range(5))
async def test_a_search_has_all_its_pages_however_few_places_it_reads_at_first(
    seed: int, world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, opened, spoken = random.Random(seed), list[str](), set[str]()
    for _ in range(60):
        word = chance.choice(("heron", "gannet"))
        if opened and chance.random() < 0.5:
            id = chance.choice(opened)
            world.keep("nato/o-1", {"act": "update", "text": f"Seen a {word}."}, id)
        else:
            id = world.open("nato/o-1", {**NOTE, "text": f"Met a {word}."})
            opened.append(id)
        if word == "heron":
            spoken.add(id)
    projection = Projection(MemoryLog("nato-china"), store)
    projection.take(messages(world))
    await projection.in_file()
    wanted = [id for id in reversed(opened) if id in spoken]
    for places, most in ((1, 1), (1, 3), (2, 4), (10, 2)):
        monkeypatch.setattr(lists, "SEARCH_PLACES", places)
        assert pages(store, most) == wanted


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "projection.sqlite"
    for content in (b"", b"hello", b"SQLite format 3\x00" + b"\x00" * 84, b"\xff" * 10_000):
        path.write_bytes(content)
        with pytest.raises(StoreDamaged):
            Store(path)


@pytest.mark.parametrize("position", [1, 5, 13])
async def test_a_walk_finds_what_a_log_no_longer_holds(
    told: World, followed: tuple[MemoryLog, Projection], position: int
) -> None:
    log, projection = followed
    await projection.caught_up.wait()
    await projection.in_file()
    walking = asyncio.create_task(projection.walk())
    await asyncio.sleep(0.05)
    assert not projection.broken
    log._messages[position - 1] = StoredMessage(position=position, subject="x", raw=b"flipped")
    projection._walk_now.set()
    await until(lambda: projection.broken is not None)
    walking.cancel()
    assert f"at position {position} " in str(projection.broken)


async def test_the_ids_of_a_file_are_known_again_and_others_are_not_looked_up(
    told: World, tmp_path: Path
) -> None:
    store = Store(tmp_path / "projection.sqlite")
    projection = Projection(MemoryLog("nato-china"), store)
    projection.take(messages(told))
    await projection.in_file()
    store.close()
    store = Store(tmp_path / "projection.sqlite")
    again = Projection(MemoryLog("nato-china"), store)
    await again.remember()
    used = [
        (position, parse(raw).envelope.id)
        for position, raw in enumerate(told.raws, 1)
        if raw.startswith(b"{")
    ]
    assert used == [(again.posted(id), id) for _, id in used]
    store.reader().close()  # whoever asks the file now fails
    assert again.posted("00000000-0000-7000-8000-000000000000") is None
    store.close()


async def test_who_gives_up_waiting_just_as_it_is_folded_has_it(told: World, store: Store) -> None:
    projection = Projection(MemoryLog("nato-china"), store)
    given = messages(told)
    waiting = asyncio.create_task(projection.reached(len(given), 0.01))
    late = asyncio.create_task(projection.reached(len(given) + 1, 0.01))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.02, projection.take, given)
    time.sleep(0.1)  # both are due now: first the end of the waiting, then the fold
    await waiting
    with pytest.raises(NotYetApplied):
        await late
