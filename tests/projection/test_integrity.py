"""The check of a projection's rows: whatever somebody changes in the file is found, named, and
built anew; an honest file is never accused.
"""

import asyncio
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.projection import integrity
from dragoman.projection.checking import IntegrityCheck
from dragoman.projection.integrity import Checker, Pace
from followed import Office, settled, until

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
}
"""Found by a pass over the rows."""

REFOLDED = {
    "what is void": "UPDATE records SET valid = 0, reason = 'void', detail = 'x' WHERE act = 'acknowledgement'",
    "a record's number": "UPDATE records SET number = 'X' WHERE number != ''",
    "an earlier digest": "UPDATE records SET digest = replace(digest, substr(digest, 1, 1), 'g') WHERE key & 1099511627775 = 5",
    "an earlier state": "UPDATE records SET state = (SELECT state FROM records WHERE act = 'acknowledgement' LIMIT 1) "
    "WHERE key = (SELECT min(key) FROM records WHERE act = 'hazardous-incident')",
    "what is found by a word": "INSERT INTO search (rowid, words) SELECT max(key) - 1, 'planted' FROM records",
    "what was delivered": "INSERT INTO deliveries SELECT number, 'china', 3, 4, '2024-01-01T00:00:00.000Z' FROM channels",
}
"""Found when the whole log is folded again."""


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in which something was said, closed."""
    path = tmp_path_factory.mktemp("honest") / "projection.sqlite"

    async def fill() -> None:
        office = Office(path)
        await office.give()
        await office.speak(5)
        await settled(office)
        await office.close()

    asyncio.run(fill())
    return path


@pytest.fixture
def path(honest: Path, tmp_path: Path) -> Path:
    """A copy of it, which a test may change."""
    return Path(shutil.copy(honest, tmp_path))


def change(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


def passed(path: Path) -> str:
    """Return the finding of a pass over a file, or an empty text if it finds nothing."""
    checker = Checker(path, Pace(1.0))
    try:
        checker.check()
    except integrity._Different as error:
        return error.detail
    finally:
        checker.close()
    return ""


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
    with pytest.raises(integrity._Different):
        await asyncio.to_thread(integrity._refold, path, Pace(1.0))
    assert not path.with_suffix(".checking").exists()


async def test_an_honest_file_folds_to_the_same(path: Path) -> None:
    assert (await asyncio.to_thread(integrity._refold, path, Pace(1.0))).channels == 1


async def test_an_honest_file_with_every_act_and_an_erasure_is_found_honest(tmp_path: Path) -> None:
    with tarfile.open(GOLDEN / "v0.1.0" / "data.tar.xz") as archive:
        archive.extractall(
            tmp_path,
            filter="data",
            members=[each for each in archive if each.name.startswith("projection")],
        )
    path = tmp_path / "now.sqlite"  # as this version stores states
    await integrity._refolded(tmp_path / "projection" / "gateway.sqlite", path, Pace(1.0))
    assert passed(path) == ""
    assert (await asyncio.to_thread(integrity._refold, path, Pace(1.0))).rows > 1_000


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
    try:
        async with asyncio.timeout(180):
            while passes.count("refold") < 2:
                await office.speak()
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
