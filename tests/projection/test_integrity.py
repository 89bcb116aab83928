"""The check of a projection's rows: whatever somebody changes in the file is found, named, and
built anew; an honest file is never accused.
"""

import asyncio
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection import checking, integrity, refold
from dragoman.projection.checking import IntegrityCheck
from dragoman.projection.integrity import Checker, IntegrityPassed
from dragoman.projection.projection import Projection
from dragoman.projection.refold import COMPARED, Pace, RowDiffers
from dragoman.projection.store import Store
from dragoman.projection.table_rows import subject_in
from dragoman.projection.tables import SCHEMA
from dragoman.projection.writer import Writer
from dragoman.projection.writer_messages import StoreDamaged
from followed import Office, settled, until
from read_files import PROJECTED
from world import INCIDENT, NOTE

pytestmark = pytest.mark.reads(*PROJECTED)

GOLDEN = Path(__file__).parents[1] / "golden"

CHANGES = {
    "a list row's status": "UPDATE exchanges SET status = 'closed' WHERE key = (SELECT max(key) FROM exchanges)",
    "a list row's number": "UPDATE exchanges SET number = 'X' WHERE key = (SELECT min(key) FROM exchanges)",
    "a list row's owing": "UPDATE exchanges SET unacknowledged = ',china,' WHERE key = (SELECT max(key) FROM exchanges)",
    "a list row that is gone": "DELETE FROM exchanges WHERE key = (SELECT max(key) FROM exchanges)",
    "a list row too much": "INSERT INTO exchanges SELECT key + 1000, 'x', number, act, family, status, side, sides, precedence, area, subject, "
    "opened, updated, position, unacknowledged, unanswered FROM exchanges LIMIT 1",
    "a state": "UPDATE records SET state = CAST(replace(CAST(state AS TEXT), 'near_miss', 'collision') AS BLOB) WHERE act = 'acknowledgement'",
    "a state that is none": "UPDATE records SET state = X'7B7D' WHERE key = (SELECT max(key) FROM records WHERE state IS NOT NULL)",
    "the registry": "UPDATE records SET state = CAST(replace(CAST(state AS TEXT), 'officer', 'auditor') AS BLOB) "
    "WHERE act = 'officer' AND key = (SELECT max(key) FROM records WHERE act = 'officer')",
    "a record's bytes": "UPDATE records SET raw = CAST(replace(CAST(raw AS TEXT), 'near_miss', 'collision') AS BLOB) WHERE act = 'hazardous-incident'",
    "a record's actor": "UPDATE records SET actor = 'china/o-1' WHERE act = 'hazardous-incident'",
    "a record's commitment": "UPDATE records SET record_commit = replace(record_commit, substr(record_commit, 1, 1), 'g') WHERE act = 'officer'",
    "the running sum": "UPDATE channels SET total = zeroblob(512)",
    "an officer's roles": "UPDATE channels SET state = CAST(replace(CAST(state AS TEXT), "
    """'"china/a-1":{"office":"hq","roles":["auditor"]', '"china/a-1":{"office":"hq","roles":["duty_officer"]') AS BLOB)""",
}
"""Found by a pass over the rows."""

REFOLDED = {
    "what is void": "UPDATE records SET valid = 0, reason = 'void', detail = 'x' WHERE act = 'acknowledgement'",
    "a record's number": "UPDATE records SET number = 'X' WHERE number != ''",
    "an earlier digest": "UPDATE records SET digest = replace(digest, substr(digest, 1, 1), 'g') WHERE key & 1099511627775 = 5",
    "an earlier state": "UPDATE records SET state = (SELECT state FROM records WHERE act = 'acknowledgement' "
    "AND state IS NOT NULL LIMIT 1) WHERE key = (SELECT min(key) FROM records "
    "WHERE act = 'hazardous-incident' AND state IS NOT NULL)",
    "what is found by a word": "INSERT INTO search (rowid, words) SELECT max(key) - 1, 'planted' FROM records",
    "what was delivered": "INSERT INTO deliveries SELECT number, 'china', 3, 4, '2024-01-01T00:00:00.000Z' FROM channels",
    "the references that are gone": "DELETE FROM links",
    "a reference too much": "INSERT INTO links SELECT number, 'planted', number << 40 | 1 FROM channels",
    "the waits that are gone": "DELETE FROM waits",
    "the urgency of a wait": "UPDATE waits SET precedence = 3 - precedence WHERE precedence < 4",
    "the end of a wait": "UPDATE waits SET until = until - 1",
    "the last position of every subject": "UPDATE subjects SET last = 1",
    "the last position of one subject": "UPDATE subjects SET last = last + 1 WHERE last = (SELECT min(last) FROM subjects)",
    "a position that no record has": "UPDATE subjects SET last = last + 1000000 WHERE last = (SELECT min(last) FROM subjects)",
    "a subject that is gone": "DELETE FROM subjects WHERE last = (SELECT max(last) FROM subjects)",
    "the counts": "UPDATE channels SET tally = CAST('[]' AS BLOB)",
    "the edge of the tree": "UPDATE channels SET frontier = zeroblob(8)",
    "the counters of numbers": 'UPDATE channels SET state = CAST(replace(CAST(state AS TEXT), \'"tally":{\', \'"tally":{"x":7,\') AS BLOB)',
    "the sides that name a file": "INSERT INTO attached SELECT number, 'x', 'nato', 1 FROM channels",
}
"""Found when the whole log is folded again."""

REFOLDED_LARGE = {
    "the whole index of words": "INSERT INTO search (search) VALUES ('delete-all')",
    "the files that are gone": "DELETE FROM attached",
    "the counts of a snapshot": "UPDATE snapshots SET tally = CAST('[]' AS BLOB)",
    "the edge of a snapshot": "UPDATE snapshots SET frontier = (SELECT frontier FROM snapshots ORDER BY key LIMIT 1)",
    "the edge of another position": "UPDATE channels SET frontier = (SELECT frontier FROM snapshots ORDER BY key LIMIT 1)",
    "what a side has received": "UPDATE deliveries SET time = '2024-01-01T00:00:00.000Z'",
}
"""Found in a file that has every kind of row."""


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in which something was said, closed."""
    path = tmp_path_factory.mktemp("honest") / "projection.sqlite"

    async def fill() -> None:
        office = Office(path)
        id = office.world.open("nato/o-1", NOTE)
        office.world.open("nato/o-1", {**NOTE, "references": [id]})
        await office.speak(5)
        await settled(office)
        await office.close()

    asyncio.run(fill())
    return path


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the golden store as this program makes it: every act, an erasure, three sides,
    2,334 records.
    """
    folder = tmp_path_factory.mktemp("golden")
    with tarfile.open(GOLDEN / "v0.1.0" / "data.tar.xz") as archive:
        archive.extractall(
            folder,
            filter="data",
            members=[each for each in archive if each.name.startswith("projection")],
        )
    path = folder / "now.sqlite"

    async def fill() -> None:
        source = sqlite3.connect(folder / "projection" / "gateway.sqlite")
        store = Store(path)
        for number, name in source.execute("SELECT number, name FROM channels ORDER BY number"):
            log = MemoryLog(name)
            for (raw,) in source.execute(
                "SELECT raw FROM records WHERE key >> 40 = ? ORDER BY key", (number,)
            ):
                await log.inject(subject_in(raw) or f"dragoman.v1.{name}.contact.x", raw)
            fold = Projection(log, store)
            await fold.bring()
            assert not fold.broken
            await fold.in_file(fold.state.position, seconds=120)
        source.close()
        await asyncio.to_thread(store.close)

    asyncio.run(fill())
    return path


@pytest.fixture(scope="module")
def made(golden: Path) -> Path:
    """The file that is folded from the records of the golden file."""
    path = golden.with_name("made.sqlite")
    asyncio.run(refold.folded_again(golden, path, Pace(1.0), refold._channel_rows(golden)))
    return path


@pytest.fixture
def path(honest: Path, tmp_path: Path) -> Path:
    """A copy of it, which a test may change."""
    return Path(shutil.copy(honest, tmp_path))


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


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


def columns(path: Path) -> list[tuple[str, str]]:
    """Return every column of every table in which a file has a value."""
    with closing(sqlite3.connect(path)) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
                "AND name != 'search'"
            )
            if connection.execute(f"SELECT 1 FROM {name}").fetchone()
        ]
        return [
            (table, column)
            for table in tables
            for _, column, *_ in connection.execute(f"PRAGMA table_info({table})")
            if connection.execute(f"SELECT 1 FROM {table} WHERE {column} IS NOT NULL").fetchone()
        ]


def test_a_change_of_any_column_of_any_table_is_found_before_the_next_row(
    golden: Path, tmp_path: Path
) -> None:
    found = columns(golden)
    assert {"records", "exchanges", "deliveries", "waits", "links", "attached", "snapshots"} <= {
        table for table, _ in found
    }
    for table, column in found:
        path = Path(shutil.copy(golden, tmp_path / f"{table}-{column}.sqlite"))
        writer = Writer(path)
        writer.commit([])
        change(
            path,
            f"UPDATE OR REPLACE {table} SET {column} = CASE typeof({column}) WHEN 'integer' "
            f"THEN {column} + 1 WHEN 'blob' THEN CAST({column} || 'x' AS BLOB) "
            f"ELSE {column} || 'x' END WHERE {column} IS NOT NULL",
        )
        with pytest.raises(StoreDamaged, match="another program has changed"):
            writer.commit([])
        writer.close()
        path.unlink()


async def test_an_idle_gateway_finds_that_its_file_was_changed(tmp_path: Path) -> None:
    office = Office(tmp_path / "projection.sqlite")
    try:
        await office.speak(5)
        await settled(office)
        change(office.store.path, "UPDATE records SET valid = 0 WHERE act = 'acknowledgement'")
        await until(lambda: office.store.generation == 1)
        await office.whole()
    finally:
        await office.close()


@pytest.mark.parametrize("changed", CHANGES)
def test_a_row_that_somebody_changed_is_found(changed: str, path: Path) -> None:
    assert passed(path) == ""
    change(path, CHANGES[changed])
    assert passed(path) != ""


@pytest.mark.parametrize("changed", REFOLDED)
async def test_a_row_that_only_the_whole_log_gives_away_is_found_by_folding_it_again(
    changed: str, path: Path
) -> None:
    assert passed(path) == "", "a pass does not see it"
    change(path, REFOLDED[changed])
    with pytest.raises(RowDiffers):
        await asyncio.to_thread(integrity._refold, path, Pace(1.0))
    assert not path.with_suffix(".checking").exists()


async def test_an_honest_file_folds_to_the_same(path: Path) -> None:
    assert (await asyncio.to_thread(integrity._refold, path, Pace(1.0))).channels == 1


@pytest.mark.parametrize("changed", [*REFOLDED, *REFOLDED_LARGE])
def test_a_changed_row_is_found_in_a_file_with_everything(
    changed: str, golden: Path, made: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(golden, tmp_path))
    change(path, {**REFOLDED, **REFOLDED_LARGE}[changed])
    comparison = refold.FileComparison(path, made, Pace(1.0))
    try:
        with pytest.raises(RowDiffers):
            comparison.compare(refold._channel_rows(path))
    finally:
        comparison.close()


async def test_an_honest_file_with_every_act_and_an_erasure_is_found_honest(golden: Path) -> None:
    assert passed(golden) == ""
    assert (await asyncio.to_thread(integrity._refold, golden, Pace(1.0))).rows > 1_000


def test_every_table_is_compared() -> None:
    tables = set(re.findall(r"CREATE (?:VIRTUAL )?TABLE (\w+)", SCHEMA))
    at_each_start = {"made_by"}
    assert tables == COMPARED | at_each_start


def test_a_start_refuses_a_file_whose_registry_somebody_changed(path: Path) -> None:
    change(path, CHANGES["an officer's roles"])
    store = Store(path)
    try:
        with pytest.raises(StoreDamaged, match="registry"):
            store.standing("nato-china")
        assert store.damage
    finally:
        store.close()


async def test_a_file_in_which_older_rows_change_during_the_comparison_is_not_accused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path / "projection.sqlite")
    loop, changed = asyncio.get_running_loop(), iter([office_answers, office_erases])
    try:
        id = office.world.open("nato/d-1", INCIDENT)
        await given(office)

        async def folded_again(*arguments: Any) -> float:
            seconds = await refold_now(*arguments)
            then = next(changed, None)
            if then is not None:
                asyncio.run_coroutine_threadsafe(then(office, id), loop).result(60)
            return seconds

        refold_now = refold.folded_again
        monkeypatch.setattr(refold, "folded_again", folded_again)
        for _ in range(2):
            passed = await asyncio.to_thread(integrity._refold, office.path, Pace(1.0))
            assert passed.rows > 0
        assert next(changed, None) is None
    finally:
        await office.close()


async def office_answers(office: Office, id: str) -> None:
    """Acknowledge an exchange that is in the file already, and open another one."""
    office.world.keep("china/d-1", {"act": "acknowledgement"}, id)
    office.world.open("nato/o-1", NOTE)
    await given(office)


async def office_erases(office: Office, id: str) -> None:
    """Erase an exchange that is in the file already."""
    named = [*office.world.ledger.records_of(id)]
    office.world.attested(
        {"act": "erasure", "records": [msgspec.to_builtins(each) for each in named]},
        "nato/root",
        "china/root",
    )
    await given(office)


async def given(office: Office) -> None:
    """Put what the world has into the log, and wait until it is in the file."""
    await office.speak(0)
    await settled(office)


async def test_messages_on_other_subjects_than_their_own_are_not_taken_for_changed_rows(
    tmp_path: Path,
) -> None:
    office = Office(tmp_path / "projection.sqlite")
    try:
        office.world.open("nato/o-1", NOTE)
        await office.give()
        own = subject_in(office.world.raws[-1])
        assert own is not None
        office.world.open("nato/o-1", NOTE)
        for subject, raw in (
            (own, office.world.raws[-1]),  # a record on the subject of another exchange
            (own, b"junk"),
            ("dragoman.v1.nato-china.contact.nobody", b"junk"),
        ):
            await office.log.inject(subject, raw)
            office.world.take(raw)
        await until(lambda: office.projection.state.position == len(office.log._messages))
        await settled(office)
        await asyncio.to_thread(integrity._refold, office.path, Pace(1.0))
    finally:
        await office.close()


async def test_a_record_that_takes_an_id_of_a_service_is_not_taken_for_a_changed_row(
    tmp_path: Path,
) -> None:
    """It is void, and its id stays free: the file has none for it."""
    office = Office(tmp_path / "projection.sqlite")
    try:
        office.world.open("nato/o-1", NOTE)
        raw = office.world.raws[-1]
        own = records.parse(raw).envelope.id
        taken = ids.from_key("nato-china", "service/watch", "a key of a service")
        await office.give()
        await office.log.inject(subject_in(raw) or "", raw.replace(own.encode(), taken.encode()))
        await until(lambda: office.projection.state.position == len(office.log._messages))
        await settled(office)
    finally:
        await office.close()
    assert await asyncio.to_thread(passed, office.path) == ""


async def test_a_checker_that_ends_twice_in_a_row_is_critical(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path / "projection.sqlite")
    await office.give()

    class Ended:
        """A checker that ends at once, as one with an error does."""

        def __init__(self, *_: str) -> None:
            self.wire = self

        waiting = True

        def receive(self) -> bytes:
            raise EOFError

        def kill(self) -> None:
            pass

    monkeypatch.setattr(checking, "WorkerProcess", Ended)
    check = IntegrityCheck(office.store, begin_s=0, again_s=0.01)
    with structlog.testing.capture_logs() as logged:
        office.tasks.append(asyncio.create_task(check.run()))
        try:
            await until(lambda: len(logged) >= 3)
        finally:
            await office.close()
    assert [line["log_level"] for line in logged[:3]] == ["warning", "critical", "critical"]


@pytest.mark.parametrize(
    "statement",
    [CHANGES["a state"], CHANGES["a list row's status"], REFOLDED["what is found by a word"]],
)
async def test_a_gateway_finds_a_changed_row_by_itself_and_builds_another_file(
    statement: str, tmp_path: Path
) -> None:
    office = Office(tmp_path / "projection.sqlite")
    await office.give()
    check = IntegrityCheck(
        office.store, share=1.0, refold_after_s=0, refold_every_s=0, pause_s=0.1, begin_s=0
    )
    office.tasks.append(asyncio.create_task(check.run()))
    try:
        await office.speak(5)
        await settled(office)
        await until(lambda: "refold" in check.checked)
        assert office.store.generation == 0, "nothing is found where nothing is wrong"
        change(office.path, statement)
        await until(lambda: office.store.generation == 1)
        await office.speak(2)
        await office.whole()
        assert passed(office.path) == ""
    finally:
        await office.close()


async def test_a_file_that_is_written_on_is_never_accused(tmp_path: Path) -> None:
    office = Office(tmp_path / "projection.sqlite")
    await office.give()
    check = IntegrityCheck(
        office.store, share=1.0, refold_after_s=0, refold_every_s=0, pause_s=0, begin_s=0
    )
    passes: list[str] = []
    check.told = lambda told: passes.append(told.what)
    office.tasks.append(asyncio.create_task(check.run()))
    said = 0
    try:
        async with asyncio.timeout(180):
            while passes.count("refold") < 2:
                if said < 400:  # a slow machine folds more slowly than it is spoken
                    await office.speak()
                said += 1
                await asyncio.sleep(0.05)
        await office.whole()
        assert office.store.generation == 0
    finally:
        await office.close()


def test_a_share_of_a_processor_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    used = iter([0.1, 0.1, 0.2, 0.2, 0.5, 0.5])
    monkeypatch.setattr("time.process_time", lambda: next(used))
    pace = Pace(0.02)
    rest: Callable[[float], None] = slept.append
    monkeypatch.setattr(pace, "sleep", rest)
    for _ in range(3):
        pace.rest()
    assert [round(each, 3) for each in slept] == [4.9, 4.9, 14.7]


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_checker_uses_no_more_of_a_processor_than_it_may(
    golden: Path, tmp_path: Path
) -> None:
    store = Store(Path(shutil.copy(golden, tmp_path / "projection.sqlite")))
    check = IntegrityCheck(store, begin_s=0, refold_after_s=0)
    passes: list[IntegrityPassed] = []
    check.told = passes.append
    running = asyncio.create_task(check.run())
    try:
        async with asyncio.timeout(500):
            while {"rows", "refold"} - {each.what for each in passes}:
                await asyncio.sleep(0.5)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.to_thread(store.close)
    assert sum(each.rows for each in passes) > 5_000
    for each in passes:
        assert each.processor_s / each.seconds <= 0.025, each
