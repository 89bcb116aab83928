"""A projection's file that is damaged is built anew beside, while it is used; a writer that dies,
stands still or has no room is not the end.
"""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import pytest

from dragoman.domain.record.codec import parse
from dragoman.eventlog.event_log import EntryToAppend
from dragoman.eventlog.memory import MemoryLog
from dragoman.limits import LIST_PAGE
from dragoman.projection import writer, writer_queue
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.projection.queries import exchange_view, lists, records
from dragoman.projection.rebuild import opened
from dragoman.projection.store import Store
from dragoman.projection.writer_messages import StoreDamaged, StoreFull
from followed import NOW, Office, settled, until
from views import found
from world import INCIDENT, NOTE

PAGE = 4096


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(tmp_path / "projection.sqlite")
    await office.give()
    yield office
    await office.close()


def damage(path: Path, first: int) -> None:
    """Overwrite all pages from one on, as a bad disk does, in the file and in what is to be written
    into it.
    """
    with path.open("r+b") as file:
        size = path.stat().st_size
        file.seek(first * PAGE)
        file.write(os.urandom(max(0, size - first * PAGE)))


async def asked(office: Office) -> None:
    """Ask all that there is to ask, as pages do, until somebody has hit on the damage."""
    for _ in range(200):
        with suppress(StoreDamaged, NotYetApplied, TypeError):
            found(office.store, "nato-china", lists.listed, lists.Filter(), LIST_PAGE)
            found(office.store, "nato-china", records.records, 1, 500)
        if office.projection.doubt is not None:
            return
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("first", [2, 5, 12])
async def test_a_file_that_is_damaged_while_it_is_used_is_built_anew(
    office: Office, first: int
) -> None:
    await office.speak(30)
    await settled(office)
    damage(office.path, first)
    office.store._close_readers()
    await asked(office)
    assert office.projection.doubt is not None
    await office.whole()
    await office.speak(3)
    await office.whole()


async def test_what_is_recorded_while_another_file_is_built_is_in_it_and_is_told_once(
    office: Office,
) -> None:
    await office.speak(20)
    await settled(office)
    damage(office.path, 3)
    office.store._close_readers()
    await asked(office)
    for _ in range(10):
        id = office.world.open("nato/d-1", INCIDENT)
        office.world.keep("china/d-1", {"act": "acknowledgement"}, id)
        await office.give()
        await asyncio.sleep(0.01)
    await office.whole()


async def test_rows_that_differ_put_their_channel_in_doubt_until_another_file_is_there(
    office: Office,
) -> None:
    await office.speak(5)
    await settled(office)
    other = Projection(MemoryLog("baltic"), office.store)
    office.store.report_difference("nato-china", "a row was changed")
    assert office.projection.doubt is not None and other.doubt is None
    await office.whole()


IN_FILE = {
    "a changed byte": "UPDATE records SET raw = CAST(replace(CAST(raw AS TEXT), 'near_miss', 'near_mist') AS BLOB)",
    "other bytes with their own commitment": "UPDATE records SET (raw, record_commit) = (SELECT raw, record_commit FROM records LIMIT 1)",
    "no row": "DELETE FROM records",
}
"""Changes of a row of the file, none of which is a change of the log."""


def changed_in(path: Path, statement: str, position: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        found = connection.execute(f"{statement} WHERE key & 1099511627775 = {position}")
        assert found.rowcount == 1
    connection.close()


@pytest.mark.parametrize("statement", IN_FILE.values(), ids=IN_FILE)
@pytest.mark.parametrize("by", ["walk", "the newest record", "a post"])
async def test_a_change_in_the_file_is_not_taken_for_a_broken_log(
    statement: str, by: str, office: Office
) -> None:
    await office.speak(3)
    id = office.world.open("nato/d-1", INCIDENT)
    await office.speak(0)
    await settled(office)
    newest = office.world.position
    changed_in(office.path, statement, newest)
    match by:
        case "walk":
            office.tasks.append(asyncio.create_task(office.projection.walk()))
        case "the newest record":
            await office.projection._compare()
        case _:
            if statement != IN_FILE["no row"]:
                changed_in(office.path, "UPDATE records SET id = 'x'", newest)
            office.projection._seen.complete = False
            entry = EntryToAppend(record=parse(office.world.raws[-1]), expected=0)
            office.projection.appended(entry, newest)
    await until(lambda: office.store.generation == 1)
    office.world.keep("china/d-1", {"act": "acknowledgement"}, id)
    await office.speak(2)
    await office.whole()
    assert office.projection.broken is None


async def test_a_log_that_the_file_wrongly_accuses_is_written_on_after_the_rebuild(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.speak(3)
    await settled(office)
    changed_in(office.path, IN_FILE["other bytes with their own commitment"], 9)
    with monkeypatch.context() as patched:
        patched.setattr(Projection, "is_in_tree", lambda *_: True)  # the tree was changed as well
        office.tasks.append(asyncio.create_task(office.projection.walk()))
        await until(lambda: office.projection.broken is not None)
    office.store.report_difference("nato-china", "found by the check")
    await until(lambda: office.store.generation == 1)
    assert office.projection.broken is None
    await office.speak(2)
    await office.whole()
    office.log._messages[8] = msgspec.structs.replace(office.log._messages[8], raw=b"{}")
    office.projection._walk_now.set()
    await until(lambda: office.projection.broken is not None)


async def test_a_log_that_is_another_stays_read_only_after_a_rebuild(office: Office) -> None:
    await office.speak(3)
    await settled(office)
    office.log._messages[8] = msgspec.structs.replace(office.log._messages[8], raw=b"{}")
    office.tasks.append(asyncio.create_task(office.projection.walk()))
    await until(lambda: office.projection.broken is not None)
    assert office.projection.doubt is None
    office.store.report_difference("nato-china", "found by the check")
    await until(lambda: office.store.generation == 1)
    await asyncio.sleep(0.2)
    assert office.projection.broken is not None


@pytest.mark.parametrize("checked_bytes", [writer.CHECKED_BYTES, 0], ids=["small", "too large"])
@pytest.mark.parametrize("place", [100, PAGE, 3 * PAGE])
async def test_a_start_on_a_damaged_file_builds_another_one(
    tmp_path: Path, place: int, checked_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKED_BYTES", checked_bytes)
    office = Office(tmp_path / "projection.sqlite")
    await office.give()
    await office.speak(30)
    await settled(office)
    await office.close()
    with office.path.open("r+b") as file:
        file.seek(place)
        file.write(os.urandom(PAGE))
    store = await opened(office.path, ["nato-china"], lambda _: office.log)
    assert store.path == office.path
    assert store.standing("nato-china") == office.world.ledger.standing
    await asyncio.to_thread(store.close)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "projection.sqlite",
        "projection.sqlite.lock",
    ]
    again = Store(office.path)
    assert again.standing("nato-china") == office.world.ledger.standing
    again.close()


async def test_a_writer_that_is_killed_again_and_again_is_started_again_and_again(
    office: Office,
) -> None:
    for _ in range(6):
        for _ in range(2):  # the second one may hit a writer that is dead, and not yet replaced
            with suppress(ProcessLookupError):
                os.kill(office.store.writer_pid, signal.SIGKILL)
            await office.speak()
    await office.whole()
    assert not office.projection.broken


async def test_while_a_writer_stands_still_lists_are_as_old_as_the_file_and_memory_is_bounded(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_queue, "STALL_SECONDS", 0.2)
    monkeypatch.setattr("dragoman.projection.projection.QUEUE_WRITES", 20)
    await office.speak(2)
    await settled(office)
    before = office.projection.flushed
    os.kill(office.store.writer_pid, signal.SIGSTOP)
    id = office.world.open("nato/d-1", INCIDENT)
    office.world.keep("china/d-1", {"act": "acknowledgement"}, id)
    await office.give()
    await until(lambda: office.store.stalled)
    begun = asyncio.get_running_loop().time()
    await office.projection.in_file()
    assert asyncio.get_running_loop().time() - begun < 1, (
        "nobody waits for a writer that stands still"
    )
    assert office.projection.flushed == before
    rows = found(office.store, "nato-china", lists.listed, lists.Filter(), LIST_PAGE)
    assert rows.position == before
    at = office.projection.state.position
    query, unwritten = exchange_view.exchange_view, office.projection.unwritten(id)
    view = found(office.store, "nato-china", query, id, "", "china", unwritten, at=at, now=NOW)
    assert [entry.position for entry in view.timeline] == [at - 1, at], (
        "what the file lacks is answered from memory"
    )
    with pytest.raises(records.NoSuchExchange):
        found(office.store, "nato-china", query, id, "", "china", at=at, now=NOW)
    for _ in range(12):
        for _ in range(5):
            office.world.open("nato/o-1", NOTE)
        await office.give()
        await asyncio.sleep(0.05)
    assert len(office.projection._pending) < 40, "the fold waits for the file"
    os.kill(office.store.writer_pid, signal.SIGCONT)
    await office.whole()
    assert not office.store.stalled


async def test_a_writer_that_does_not_go_on_is_killed_and_another_one_writes(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_queue, "STILL_SECONDS", 1.0)
    await office.speak(2)
    still = office.store.writer_pid
    os.kill(still, signal.SIGSTOP)
    await office.speak(2)
    await office.whole()
    assert office.store.writer_pid != still


async def test_a_disk_without_room_is_no_damage(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.speak(2)
    await settled(office)
    failures = [StoreFull("full")] * 3
    ask = office.store._jobs._ask

    def has_no_room(packed: bytes) -> None:
        if failures:
            raise failures.pop()
        ask(packed)

    monkeypatch.setattr(office.store._jobs, "_ask", has_no_room)
    await office.speak(2)
    await office.whole()
    assert not failures and office.store.generation == 0, "no other file was built"
