"""An exchange on disk and in memory: what it takes grows in proportion to what is said in it,
however many acts say it.
"""

import asyncio
import gc
import multiprocessing
import tracemalloc
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

import views
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import parse
from dragoman.eventlog.event_log import subject_of
from dragoman.eventlog.memory import MemoryLog
from dragoman.office.auditing import changes
from dragoman.projection import integrity, stored_state
from dragoman.projection.integrity import Checker
from dragoman.projection.projection import Projection
from dragoman.projection.queries import exchange_view
from dragoman.projection.refold import Pace, RowDiffers
from dragoman.projection.store import Store
from dragoman_schemas.state import Exchange, encode
from followed import NOW, Office, settled
from read_files import PROJECTED
from world import INCIDENT, World

MOST = 2.2
"""The highest ratio of the cost of twice the acts."""

SAID: dict[str, tuple[int, dict[str, Any]]] = {
    "long texts": (40, {"act": "update", "text": "Nothing more is known. " * 800}),
    "short texts": (120, {"act": "update", "text": "Nothing more is known."}),
}
"""Channels by the number and the kind of their updates."""


def said(acts: int, act: dict[str, Any]) -> list[bytes]:
    """The records of a channel in which one exchange is carried on, each time otherwise;
    acknowledged now and then.
    """
    world = World()
    exchange = world.open("nato/d-1", INCIDENT)
    for number in range(acts):
        world.keep("nato/d-1", {**act, "text": f"{number}. {act['text']}"}, exchange)
        if number % 10 == 9:
            world.keep("china/d-1", {"act": "acknowledgement"}, exchange)
    return world.raws


def taken(raws: Sequence[bytes], path: Path) -> tuple[int, int]:
    """The bytes of a projection's file when it has the records, and those that its process keeps in
    memory.
    """

    async def follow() -> None:
        log = MemoryLog("nato-china")
        store = await asyncio.to_thread(Store, path)
        projection = Projection(log, store)
        following = asyncio.create_task(projection.run())
        for position, raw in enumerate(raws, 1):
            await log.inject(subject_of(parse(raw)), raw)
            await projection.in_file(position, seconds=60)
        gc.collect()
        memory.append(tracemalloc.get_traced_memory()[0])
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await asyncio.to_thread(store.close)

    memory: list[int] = []
    asyncio.run(follow())
    return path.stat().st_size, memory[0]


def _traced(raws: Sequence[bytes], path: Path) -> tuple[int, int]:
    """The same in a process of its own, in which nothing else was remembered."""
    tracemalloc.start()
    return taken(raws, path)


@pytest.mark.reads(*PROJECTED)
@pytest.mark.parametrize("kind", SAID)
def test_twice_the_acts_take_twice_the_disk_and_memory(kind: str, tmp_path: Path) -> None:
    acts, act = SAID[kind]
    with ProcessPoolExecutor(
        3, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as processes:
        runs = [
            processes.submit(_traced, said(n, act), tmp_path / f"{n}.sqlite")
            for n in (0, acts, 2 * acts)
        ]
        (disk, memory), (disk_once, memory_once), (disk_twice, memory_twice) = [
            run.result() for run in runs
        ]
    ratios = (
        (disk_twice - disk) / (disk_once - disk),
        (memory_twice - memory) / (memory_once - memory),
    )
    assert max(ratios) <= MOST, (
        f"disk and memory grow {ratios[0]:.2f} and {ratios[1]:.2f} times, {disk_twice:,} and {memory_twice:,} bytes"
    )


def passed(path: Path) -> str:
    """Return the finding of a pass over a file, or an empty text if it finds nothing."""
    checker = Checker(path, Pace(1.0))
    try:
        checker.check()
    except RowDiffers as error:
        return error.detail
    finally:
        checker.close()
    return ""


def erasure(world: World, exchange: str) -> dict[str, Any]:
    """The act that takes an exchange out of the record."""
    return {
        "act": "erasure",
        "records": [msgspec.to_builtins(each) for each in world.ledger.records_of(exchange)],
    }


async def test_what_is_stored_as_changes_reads_as_it_was_folded(tmp_path: Path) -> None:
    office, states = Office(tmp_path / "projection.sqlite"), dict[int, bytes]()
    world = office.world
    try:
        exchange = world.open("nato/d-1", INCIDENT)
        other = world.open("nato/d-1", INCIDENT)
        for number in range(30):
            for actor, act in (
                (
                    "nato/d-1",
                    {"act": "update", "text": f"{number}. " + "Nothing more is known. " * 20},
                ),
                (
                    "china/d-1",
                    {
                        "act": "acknowledgement" if number % 3 else "reply",
                        **({} if number % 3 else {"text": "Understood."}),
                    },
                ),
                (
                    "nato/d-1",
                    {
                        "act": "correction",
                        "fields": {"facts": f"Fact {number}."},
                        "reason": "Recordings.",
                    },
                ),
            ):
                folded = world.keep(actor, act, exchange, seen=act["act"] == "correction")
                assert isinstance(folded, Folded) and isinstance(folded.state, Exchange)
                states[folded.position] = encode(folded.state)
        await office.give()
        await office.whole()
        with office.store.snapshot() as connection:
            base = office.store.base("nato-china")
            rows = connection.execute(
                "SELECT key, state FROM records WHERE exchange = ?", (exchange,)
            ).fetchall()
            found = {
                key - base: stored_state.whole(connection, base, exchange, column)
                for key, column in rows
            }
        assert (
            states.items() <= found.items()
            and max(len(state) for state in states.values()) > 30_000
        )
        assert (
            sum(len(column) for _, column in rows)
            < 150_000
            < sum(len(state) for state in states.values()) // 5
        )
        for position in sorted(states)[::20]:
            query = exchange_view.exchange_view
            view = views.found(
                office.store, "nato-china", query, exchange, "", "china", at=position, now=NOW
            )
            assert bytes(view.state) == states[position]
            assert view.blame == _blamed(states | {rows[0][0] - base: rows[0][1]}, position)
        first, last = min(states), max(states)
        between = views.found(office.store, "nato-china", changes.between, first, at=last)
        assert {change.pointer: change.set_by for change in between.exchanges[0].changes}[
            "/content/facts"
        ] == last
        assert passed(office.path) == ""
        assert (await asyncio.to_thread(integrity._refold, office.path, Pace(1.0))).rows > len(
            states
        )
        world.attested(erasure(world, exchange), "nato/root", "china/root")
        await office.give()
        await office.whole()
        assert passed(office.path) == "" and world.ledger.exchange(other) is not None
        await settled(office)
    finally:
        await office.close()
    assert b"more is known" not in office.path.read_bytes(), (
        "what was erased is in no change either"
    )


def _blamed(states: dict[int, bytes], last: int) -> dict[str, int]:
    """For each member of the newest state, and each field of its content, the first of the newest
    positions from which it is as it is.
    """
    blame: dict[str, int] = {}
    before: dict[str, Any] = {}
    for position, state in sorted(states.items()):
        if position <= last:
            members = msgspec.json.decode(state)
            now = {name: value for name, value in members.items() if name != "content"}
            now |= {f"content.{name}": value for name, value in members["content"].items()}
            blame |= {
                name: position
                for name, value in now.items()
                if name not in before or before[name] != value
            }
            before = now
    return {name: position for name, position in blame.items() if name in before}
