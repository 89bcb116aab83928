"""A log as tables for analysis: the same rows as SQLite and as Parquet, one for each message of the
log, junk and void records too.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dragoman.audit import tables
from samples import act
from world import INCIDENT, World

ND, CD, NO = "nato/d-1", "china/d-1", "nato/o-1"


@pytest.fixture
def world() -> World:
    world = World()
    id = world.open(ND, {**INCIDENT, "facts": "引号 ' \" and \\ and a line\nend."})
    world.keep(CD, act("acknowledgement"), id)
    world.take(b"junk \xff")
    world.take(b'{"specversion":"1.0"}')
    world.open(NO, act("contact-note"))
    return world


def sqlite_rows(path: Path, name: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(f"SELECT * FROM {name}").fetchall()


def test_every_message_is_a_row_and_every_addressee_of_a_message(
    world: World, tmp_path: Path
) -> None:
    tables.write_sqlite(path := tmp_path / "log.sqlite", tables.rows(world.ledger, world.raws))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.row_factory = sqlite3.Row
        records = connection.execute("SELECT * FROM records ORDER BY position").fetchall()
        assert [record["position"] for record in records] == list(range(1, world.position + 1))
        assert [(record["valid"], record["act"]) for record in records[-5:]] == [
            (1, "hazardous-incident"), (1, "acknowledgement"), (0, None), (0, None), (1, "contact-note"),
        ]  # fmt: skip
        assert all(record["void_reason"] for record in records if not record["valid"])
        (facts,) = connection.execute(
            "SELECT data ->> 'facts' FROM records WHERE act = 'hazardous-incident'"
        ).fetchone()
        assert facts == "引号 ' \" and \\ and a line\nend."
        receipt = connection.execute(
            "SELECT * FROM receipts WHERE act = 'hazardous-incident'"
        ).fetchone()
        assert (receipt["addressee"], receipt["owes"], receipt["acknowledged_by"]) == (
            "china",
            1,
            CD,
        )
        (exchanges,) = tuple(connection.execute("SELECT count(*) FROM exchanges").fetchone())
        assert exchanges == 2


def table_of(world: World, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table, each by its columns."""
    columns = [column for column, _ in tables.COLUMNS[name]]
    rows = tables.rows(world.ledger, world.raws)[name]
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_a_receipt_says_which_posts_were_told_and_which_were_not() -> None:
    world = World()
    adopted = {
        "act": "onward-adoption",
        "entries": [{"format": "launch-notice", "posts": ["Early warning", "Air defence"]}],
    }
    world.keep("china/h-1", adopted)
    notice = world.open("nato/h-1", act("launch-notice"))
    (row,) = table_of(world, "receipts")
    assert row["passed_on"] is row["passed_on_at"] is None
    assert json.loads(row["not_passed_on"]) == ["Early warning", "Air defence"]

    told = {"act": "passed-on", "to_post": "Air defence", "at": "2026-11-24T10:00Z"}
    world.keep(CD, told, notice)
    (row,) = table_of(world, "receipts")
    assert [post["post"] for post in json.loads(row["passed_on"])] == ["Air defence"]
    assert (row["passed_on_at"], json.loads(row["not_passed_on"])) == (None, ["Early warning"])

    world.keep(CD, {**told, "to_post": "Early warning"}, notice)
    (row,) = table_of(world, "receipts")
    assert row["passed_on_at"] == world.exchange(notice).acts["passed-on"][-1].said.time
    assert row["not_passed_on"] is None


def test_a_dissent_that_stands_has_a_row_with_the_status_of_the_report() -> None:
    world = World()
    report = world.open(NO, act("joint-report"))
    assert table_of(world, "dissents") == []
    dissent = {"act": "dissent", "paragraph": 1, "text": "21 days are enough."}
    world.keep("china/o-1", dissent, report, seen=True)
    (row,) = table_of(world, "dissents")
    assert (row["exchange"], row["status"]) == (report, world.exchange(report).status)
    assert (row["side"], row["paragraph"], row["text"]) == ("china", 1, '"21 days are enough."')
    world.keep("china/o-1", {"act": "endorsement", "paragraph": 1}, report, seen=True)
    assert table_of(world, "dissents") == []


def test_people_and_visits_have_rows_of_their_own() -> None:
    world = World()
    incident = world.open(ND, INCIDENT)
    world.keep(ND, act("people-status"), incident)
    visit = world.open(NO, act("visit-request"))
    assert [
        (row["side"], row["kind"], row["people"], row["of"], row["waited_for"])
        for row in table_of(world, "people")
    ] == [
        ("nato", "rescued", 2, "nato", 0),
        ("nato", "held", 24, "nato", 1),
        ("nato", "missing", None, "china", 1),
    ]
    (row,) = table_of(world, "visits")
    assert (row["side"], row["kind"], row["granted_at"], row["status"]) == (
        "nato",
        "inspection",
        None,
        "requested",
    )
    world.keep("china/o-1", act("grant"), visit)
    (row,) = table_of(world, "visits")
    assert (row["answered_by"], row["conditions"], row["status"]) == (
        "china",
        '"Two vehicles, one interpreter."',
        "granted_with_conditions",
    )
    assert row["granted_at"] and row["refused_at"] is None


def test_parquet_has_the_rows_that_sqlite_has(world: World, tmp_path: Path) -> None:
    tables.write_sqlite(path := tmp_path / "log.sqlite", tables.rows(world.ledger, world.raws))
    tables.write_parquet(
        folder := tmp_path / "it's a folder", tables.rows(world.ledger, world.raws)
    )
    assert sorted(each.name for each in folder.iterdir()) == [
        "dissents.parquet",
        "exchanges.parquet",
        "people.parquet",
        "receipts.parquet",
        "records.parquet",
        "visits.parquet",
    ]
    for name in tables.COLUMNS:
        with duckdb.connect() as connection:
            found = connection.execute(
                "SELECT * FROM read_parquet(?)", [str(folder / f"{name}.parquet")]
            ).fetchall()
        assert found == sqlite_rows(path, name)


def test_what_cannot_be_written_leaves_what_was_there(world: World, tmp_path: Path) -> None:
    (path := tmp_path / "log.sqlite").write_text("mine")
    rows = {**tables.rows(world.ledger, world.raws), "exchanges": iter([("too", "few")])}
    with pytest.raises(sqlite3.Error):
        tables.write_sqlite(path, rows)
    assert path.read_text() == "mine" and list(tmp_path.iterdir()) == [path]
