"""Rows of a projection's tables, made from folded messages and states."""

import sqlite3
from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.domain.acts.families.exchange import owes_acknowledgement, owes_answer
from dragoman.domain.record import nesting, state_digest
from dragoman.domain.views.titles import subject_of
from dragoman.projection.row_keys import row_key
from dragoman.projection.tables import PRECEDENCES
from dragoman.projection.writer_messages import (
    FoldedLine,
    joined,
    spaced,
)
from dragoman_schemas.state import Exchange

_ROWS: Final = 16
"""Rows that are inserted with one statement."""

_REFERRING: Final = ("trigger", "roadmap_item", "calendar", "about", "mechanism", "of")


class _AddressOfRecord(Struct):
    channel: str
    family: str
    subject: str


_address = msgspec.json.Decoder(_AddressOfRecord).decode


def subject_in(raw: bytes) -> str | None:
    """Return the NATS subject that a record's bytes name; None for other bytes."""
    try:
        nesting.check(raw)
        envelope = _address(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # junk, an entry, or bytes that somebody changed in the file
    return f"dragoman.v1.{envelope.channel}.{envelope.family}.{envelope.subject}"


def record(base: int, cid: str, line: FoldedLine, state: bytes | None) -> tuple[object, ...]:
    """Return the row of a folded message in `records`. `state` is its last column."""
    return (
        row_key(base, line.position),
        line.id,
        line.exchange,
        line.actor,
        line.act,
        line.said,
        int(line.valid),
        line.reason,
        line.detail,
        line.number,
        line.subject if line.is_misplaced else None,
        line.commit,
        state_digest.digest(int.from_bytes(line.total), cid, line.position, line.time),
        line.raw,
        state,
    )


def exchange_row(base: int, state: Exchange) -> tuple[object, ...]:
    """Return the row of an exchange's state in `exchanges`, column by column."""
    return (
        row_key(base, state.opened.position),
        state.id,
        state.number,
        state.act,
        state.family,
        state.status,
        state.side,
        joined({state.side, *state.to, *state.info}),
        PRECEDENCES.index(state.precedence),
        state.area,
        bytes(subject_of(state)),
        state.opened.time,
        state.updated.time,
        state.updated.position,
        joined(owes_acknowledgement(state)),
        joined(owes_answer(state)),
    )


def referred(act: dict[str, Any]) -> list[str]:
    """Return the messages to which an opening or a joinder refers, by number or id."""
    single = [act[name] for name in _REFERRING if name in act]
    return [*act.get("references", ()), *single]


def words(number: str, act: object) -> str:
    """Return the words under which a record is found: its number and its texts."""
    texts: list[str] = [number, number.replace("/", " ")]
    _collect(act, texts)
    return spaced(" ".join(texts))


def _collect(value: object, texts: list[str]) -> None:
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name != "signed":
                _collect(inner, texts)
    elif isinstance(value, list):
        for inner in value:
            _collect(inner, texts)


def insert_rows(
    connection: sqlite3.Connection, into: str, rows: list[tuple[object, ...]], conflict: str = ""
) -> None:
    """Insert rows, many with one statement.

    `into` is the statement up to the table's name, `conflict` its `ON CONFLICT` clause.
    """
    if not rows:
        return
    marks = f"({', '.join('?' * len(rows[0]))})"
    whole = len(rows) - len(rows) % _ROWS
    for start in range(0, whole, _ROWS):
        values = [value for row in rows[start : start + _ROWS] for value in row]
        connection.execute(f"{into} VALUES {', '.join([marks] * _ROWS)} {conflict}", values)
    connection.executemany(f"{into} VALUES {marks} {conflict}", rows[whole:])
