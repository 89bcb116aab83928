"""A file that `dragoman prepare` folds beside the one in use: the next start takes it over, and a
file that is not what the log makes is refused.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from dragoman.projection import rebuild, writer
from followed import Office, settled
from world import NOTE

NAMES = ["nato-china"]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(tmp_path / "gateway.sqlite")
    await office.give()
    await office.speak(10)
    yield office
    await office.close()


def rows(path: Path) -> dict[str, list[Any]]:
    """Everything that is in a file, by its tables."""
    with closing(sqlite3.connect(path)) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            )
        ]
        return {
            table: sorted(map(repr, connection.execute(f"SELECT * FROM {table}")))
            for table in tables
            if not table.startswith("search_")  # segments of the index, which depend on batches
        }


def let_another_program_have_made(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE made_by SET digest = 'another'")


async def prepared(office: Office) -> Path:
    await rebuild.prepare(office.path, NAMES, lambda _: office.log)
    return rebuild.prepared_file(office.path)


async def started(office: Office) -> list[str]:
    """Start on the file of another program; return the events of the log."""
    await settled(office)
    await office.close()
    let_another_program_have_made(office.path)
    with capture_logs() as lines:
        store = await rebuild.opened(office.path, NAMES, lambda _: office.log)
    assert store.standing("nato-china") == office.world.ledger.standing
    await asyncio.to_thread(store.close)
    assert sorted(path.name for path in office.path.parent.iterdir()) == [
        "gateway.sqlite",
        "gateway.sqlite.lock",
    ]
    return [line["event"] for line in lines]


async def test_it_is_what_the_log_makes_and_the_start_folds_only_the_rest(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaking = asyncio.create_task(office.speak(20))
    await prepared(office)
    await speaking
    await office.speak(3)
    path = await prepared(office)  # once more: an earlier one is brought up to date
    await settled(office)
    assert rows(path) == rows(office.path)
    before = office.world.position
    await office.speak(2)
    read: list[int] = []
    follow = office.log.follow

    def followed(first: Any) -> Any:
        read.append(first())
        return follow(first)

    monkeypatch.setattr(office.log, "follow", followed)
    events = await started(office)
    assert "projection.prepared_taken" in events
    assert read == [before + 1]


@pytest.mark.parametrize("harm", ["other rules", "overwritten", "cut off", "empty"])
async def test_one_that_is_damaged_or_of_other_rules_is_refused_and_folded_anew(
    office: Office, harm: str
) -> None:
    path = await prepared(office)
    size = path.stat().st_size
    match harm:
        case "other rules":
            let_another_program_have_made(path)
        case "overwritten":
            with path.open("r+b") as file:
                file.seek(4096)
                file.write(os.urandom(size - 4096))
        case _:
            os.truncate(path, size // 2 if harm == "cut off" else 0)
    assert "projection.beside_refused" in await started(office)


async def test_one_of_another_log_is_refused(office: Office, tmp_path: Path) -> None:
    other = Office(tmp_path / "other" / "gateway.sqlite")
    await other.give()
    other.world.open("china/d-1", NOTE)
    await other.give()
    path = await prepared(other)
    path.rename(rebuild.prepared_file(office.path))
    await other.close()
    for left in sorted((tmp_path / "other").iterdir()):
        left.unlink()
    (tmp_path / "other").rmdir()
    assert "projection.beside_refused" in await started(office)


async def test_an_erasure_removes_one_that_has_the_bytes_still(office: Office) -> None:
    id = office.world.open("nato/o-1", NOTE)
    await office.speak()
    path = await prepared(office)
    named = [msgspec.to_builtins(record) for record in office.world.ledger.records_of(id)]
    office.world.attested({"act": "erasure", "records": named}, "nato/root", "china/root")
    await office.speak()
    await settled(office)
    assert not path.exists()


async def test_a_file_that_is_used_leaves_no_prepared_one_behind(office: Office) -> None:
    path = await prepared(office)
    await office.close()
    store = await rebuild.opened(office.path, NAMES, lambda _: office.log)
    await asyncio.to_thread(store.close)
    assert not path.exists()


def test_whether_a_file_is_of_this_program_is_seen_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sqlite"
    assert not rebuild.is_of_this_program(path)
    used = writer.Writer(path)
    assert rebuild.is_of_this_program(path)
    used.close()
    let_another_program_have_made(path)
    assert not rebuild.is_of_this_program(path)
