"""A log as tables for analysis, as SQLite or Parquet.

There is one row for each message of the log, for each exchange, and for each addressee
of a message. Each group of people has a row, by each side's newest word, and so has
each request to come and see. Each dissent that stands in a joint report has one. The
content follows from the records alone. The tables prove nothing: the verified export
does. Times are as recorded, in UTC. Members that a side wrote are JSON, as in the log.
A row under the Chatham House Rule has no side, officer, number or receipts.
"""

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from dragoman.audit.replay import Replay
from dragoman.audit.replay_view import ReplayedChannel
from dragoman.domain.acts import passing_on
from dragoman.domain.record.codec import NotARecord, Record, parse_stored
from dragoman.domain.views import attribution
from dragoman.domain.views.receipts import AddresseeReceipts, receipts_of
from dragoman.domain.views.titles import subject_of
from dragoman.reports import dissents, people_and_visits
from dragoman_schemas.report_shapes import ReportedDissent, ReportedPeople, ReportedVisit
from dragoman_schemas.state import Exchange, Message

Row = tuple[Any, ...]

COLUMNS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "records": (
        ("position", "INTEGER"), ("recorded_at", "TEXT"), ("valid", "INTEGER"),
        ("void_reason", "TEXT"), ("id", "TEXT"), ("exchange", "TEXT"), ("number", "TEXT"),
        ("family", "TEXT"), ("act", "TEXT"), ("type", "TEXT"), ("side", "TEXT"), ("actor", "TEXT"),
        ("released_by", "TEXT"), ("attestation", "TEXT"), ("commitment", "TEXT"), ("data", "TEXT"),
    ),
    "exchanges": (
        ("id", "TEXT"), ("number", "TEXT"), ("act", "TEXT"), ("family", "TEXT"), ("status", "TEXT"),
        ("side", "TEXT"), ("precedence", "TEXT"), ("area", "TEXT"), ("subject", "TEXT"),
        ("opened_at", "TEXT"), ("opened_by", "TEXT"), ("opened_position", "INTEGER"),
        ("updated_at", "TEXT"), ("updated_position", "INTEGER"), ("for_the_record", "INTEGER"),
        ("one_key", "INTEGER"), ("corrections", "INTEGER"), ("content", "TEXT"),
    ),
    "receipts": (
        ("exchange", "TEXT"), ("number", "TEXT"), ("message", "TEXT"), ("act", "TEXT"),
        ("said_at", "TEXT"), ("said_by", "TEXT"), ("addressee", "TEXT"), ("owes", "INTEGER"),
        ("delivered_at", "TEXT"), ("acknowledged_at", "TEXT"), ("acknowledged_by", "TEXT"),
        ("answered_at", "TEXT"), ("passed_on", "TEXT"), ("passed_on_at", "TEXT"),
        ("not_passed_on", "TEXT"),
    ),
    "people": (
        ("exchange", "TEXT"), ("number", "TEXT"), ("side", "TEXT"), ("as_of", "TEXT"),
        ("kind", "TEXT"), ("people", "INTEGER"), ("of", "TEXT"), ("place", "TEXT"),
        ("condition", "TEXT"), ("access_asked", "TEXT"), ("access_given", "TEXT"),
        ("handed_over", "TEXT"), ("waited_for", "INTEGER"),
    ),
    "visits": (
        ("exchange", "TEXT"), ("number", "TEXT"), ("side", "TEXT"), ("kind", "TEXT"),
        ("place", "TEXT"), ("asked_at", "TEXT"), ("planned_for", "TEXT"), ("answered_by", "TEXT"),
        ("granted_at", "TEXT"), ("conditions", "TEXT"), ("refused_at", "TEXT"),
        ("arrived_at", "TEXT"), ("left_at", "TEXT"), ("reported_at", "TEXT"), ("status", "TEXT"),
    ),
    "dissents": (
        ("exchange", "TEXT"), ("number", "TEXT"), ("status", "TEXT"), ("paragraph", "INTEGER"),
        ("side", "TEXT"), ("dissented_at", "TEXT"), ("position", "INTEGER"), ("text", "TEXT"),
    ),
}  # fmt: skip


def rows(replay: Replay, messages: Sequence[bytes]) -> dict[str, Iterable[Row]]:
    """Return the rows of each table of a log with a valid opening."""
    past = ReplayedChannel(replay, messages)
    hidden = {
        name
        for exchange in replay.exchanges()
        if attribution.unattributed(exchange)
        for name in attribution.names_of(exchange)
    }
    return {
        "records": _records(replay, messages, hidden.__contains__),
        "exchanges": (
            _exchange(attribution.referring_exchange(exchange, hidden.__contains__), past.sides)
            for exchange in replay.exchanges()
        ),
        "receipts": (row for exchange in replay.exchanges() for row in _receipts(past, exchange)),
        "people": map(_people, people_and_visits.people_of(replay.exchanges())),
        "visits": map(_visit, people_and_visits.visits_of(replay.exchanges())),
        "dissents": map(_dissent, dissents.of_exchanges(replay.exchanges())),
    }


def _records(replay: Replay, messages: Sequence[bytes], hides: attribution.Hides) -> Iterator[Row]:
    void = {position: str(reason) for position, reason in replay.void.items()}
    registry = replay.standing.state.registry
    kind, sides = (
        ("", ())
        if registry is None
        else (registry.kind, tuple(side.name for side in registry.sides))
    )
    for position, raw in enumerate(messages, 1):
        valid, commitment = int(position not in void), replay.commit_at(position - 1)
        try:
            record = parse_stored(raw)
        except NotARecord:
            yield (position, None, 0, void.get(position), *(None,) * 10, commitment, None)
            continue
        e = record.envelope
        exchange = replay.exchange(e.subject)
        number = None if exchange is None else exchange.number
        released = e.releasedby if isinstance(e.releasedby, str) else None
        speaker: tuple[str | None, ...]
        speaker, data, reason = (
            (record.side, e.actor, released),
            record.act.decode(),
            void.get(position),
        )
        if attribution.unattributed_record(record, exchange, kind):
            number, speaker, reason = (
                None,
                (None, None, None),
                None if reason is None else str(attribution.UNATTRIBUTED),
            )
            raw_records = attribution.content(_members(record), sides)
            data = msgspec.json.encode(raw_records).decode()
        elif attribution.refers(members := _members(record), hides):
            data = msgspec.json.encode(attribution.referring(members, hides)).decode()
        yield (
            *(
                position,
                e.time,
                valid,
                reason,
                e.id,
                e.subject,
                number,
                e.family,
                record.name,
                e.type,
            ),
            *(*speaker, e.attestation, commitment, data),
        )


def _members(record: Record) -> dict[str, Raw]:
    """Return the members of a record's act."""
    return msgspec.json.decode(record.act, type=dict[str, Raw])


def _exchange(exchange: Exchange, sides: Sequence[str]) -> Row:
    hidden = attribution.unattributed(exchange)
    content = attribution.content(exchange.content, sides) if hidden else exchange.content
    number, side, opened_by = (
        (None, None, None) if hidden else (exchange.number, exchange.side, exchange.opened.by)
    )
    subject = (
        json.dumps(exchange.act)
        if attribution.is_titled_by_side(exchange)
        else bytes(subject_of(exchange)).decode()
    )
    return (
        *(
            exchange.id,
            number,
            exchange.act,
            exchange.family,
            exchange.status,
            side,
            exchange.precedence,
            exchange.area,
            subject,
        ),
        *(
            exchange.opened.time,
            opened_by,
            exchange.opened.position,
            exchange.updated.time,
            exchange.updated.position,
        ),
        *(int(exchange.for_the_record), int(bool(exchange.one_key)), len(exchange.corrections)),
        json.dumps(
            {name: json.loads(bytes(value)) for name, value in content.items()}, ensure_ascii=False
        ),
    )


def _receipts(past: ReplayedChannel, exchange: Exchange) -> Iterator[Row]:
    if attribution.unattributed(exchange):
        return
    for message in exchange.messages:
        for side in (*message.to, *message.info):
            receipts = receipts_of(
                past.registry, exchange, message, side, past.delivered(side, message)
            )
            acknowledged, answered = receipts.acknowledged, receipts.answered
            yield (
                *(
                    exchange.id,
                    exchange.number,
                    message.id,
                    message.act,
                    message.said.time,
                    message.said.by,
                    side,
                ),
                int(receipts.owes),
                receipts.delivered or None,
                *((None, None) if acknowledged is None else (acknowledged.time, acknowledged.by)),
                None if answered is None else answered.time,
                *_passed_on(past, exchange, message, side, receipts),
            )


def _passed_on(
    past: ReplayedChannel,
    exchange: Exchange,
    message: Message,
    side: str,
    receipts: AddresseeReceipts,
) -> Row:
    """Return the posts that a side says it told, when it had told all, and the others.

    The time is None while a post of its onward list is missing, or without a list.
    """
    told_all = passing_on.all_told(past.registry, exchange, side, message)
    posts = [
        {"post": post.post, "at": post.at, "confirmed_at": post.confirmed_at}
        for post in receipts.told
    ]
    return (
        json.dumps(posts, ensure_ascii=False) if posts else None,
        None if told_all is None else told_all.time,
        json.dumps(receipts.not_told, ensure_ascii=False) if receipts.not_told else None,
    )


def _array(values: tuple[Raw, ...]) -> str | None:
    """Return values as a JSON array; None without any."""
    return f"[{','.join(bytes(raw).decode() for raw in values)}]" if values else None


def _people(people: ReportedPeople) -> Row:
    return (
        people.matter.exchange,
        people.matter.number or None,
        " ".join(people.sides) or None,
        people.as_of,
        people.kind,
        people.number if isinstance(people.number, int) else None,
        people.of or None,
        _array(people.places),
        _array(people.conditions),
        people.access_asked or None,
        people.access_given or None,
        people.handed_over or None,
        int(people.waited_for),
    )


def _visit(visit: ReportedVisit) -> Row:
    conditions = None if visit.conditions is UNSET else bytes(visit.conditions).decode()
    return (
        visit.matter.exchange,
        visit.matter.number or None,
        visit.matter.side or None,
        visit.kind,
        _array(visit.places),
        visit.asked,
        visit.planned,
        visit.by or None,
        visit.granted or None,
        conditions,
        visit.refused or None,
        visit.arrived or None,
        visit.left or None,
        visit.reported or None,
        visit.matter.status,
    )


def _dissent(dissent: ReportedDissent) -> Row:
    return (
        dissent.matter.exchange,
        dissent.matter.number or None,
        dissent.matter.status,
        dissent.paragraph,
        dissent.side or None,
        dissent.time,
        dissent.position,
        bytes(dissent.text).decode(),
    )


def write_sqlite(path: Path, tables: Mapping[str, Iterable[Row]]) -> None:
    """Write the tables into a new SQLite file, either whole or not at all.

    Raises `OSError`, `sqlite3.Error`.
    """
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        connection = sqlite3.connect(fresh)
        try:
            for name, table in tables.items():
                columns = ", ".join(f"{column} {kind}" for column, kind in COLUMNS[name])
                connection.execute(f"CREATE TABLE {name} ({columns}) STRICT")
                connection.executemany(
                    f"INSERT INTO {name} VALUES ({', '.join('?' * len(COLUMNS[name]))})",  # noqa: S608  # The names are constants.
                    table,
                )
            connection.commit()
        finally:
            connection.close()
        fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)


def write_parquet(folder: Path, tables: Mapping[str, Iterable[Row]]) -> None:
    """Write each table as a Parquet file in a folder.

    Raises `ImportError` without duckdb, and `OSError`.
    """
    import duckdb  # An optional extra of some sixty megabytes.

    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection, tempfile.TemporaryDirectory(dir=folder) as apart:
        for name, table in tables.items():
            lines, columns = Path(apart) / f"{name}.ndjson", COLUMNS[name]
            with lines.open("w") as file:
                for row in table:
                    file.write(
                        json.dumps(
                            dict(zip((column for column, _ in columns), row, strict=True)),
                            ensure_ascii=False,
                        )
                        + "\n"
                    )
            kinds = ", ".join(
                f"{column}: '{'BIGINT' if kind == 'INTEGER' else 'VARCHAR'}'"
                for column, kind in columns
            )
            fresh = Path(apart) / f"{name}.parquet"
            connection.execute(
                "COPY (SELECT * FROM read_json($lines, format = 'newline_delimited', columns = "  # noqa: S608
                f"{{{kinds}}}, maximum_object_size = 16777216)) "  # The names are constants.
                f"TO '{str(fresh).replace(chr(39), chr(39) * 2)}' (FORMAT parquet, "
                "COMPRESSION zstd)",
                {"lines": str(lines)},
            )
            fresh.rename(folder / f"{name}.parquet")
