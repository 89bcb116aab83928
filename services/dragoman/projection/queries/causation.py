"""The tree of causes of a record, from the matter with which it all began.

a service's record     is caused by the record that its `causationid` names: a
                       reminder by the message whose deadline it is about
an act with `of`       is caused by the message that it is about
any other act          is caused by the opening of its exchange
an opening             is caused by the opening of the first exchange that it
                       refers to
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from dragoman.limits import TREE_RECORDS
from dragoman.projection.row_keys import channel_number, last_key, position_of, row_key
from dragoman.projection.table_rows import referred
from dragoman.projection.view import View
from dragoman_schemas.responses import Cause, Causes

_TOP: Final = 50
"""The number of exchanges that are followed back, each by its reference."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(slots=True)
class _CausalRecord:
    position: int
    id: str
    exchange: str
    act: str
    actor: str
    time: str
    number: str
    cause: str = ""
    references: tuple[str, ...] = ()
    caused: list["_CausalRecord"] = field(default_factory=list)


def causes(view: View, position: int) -> Causes | None:
    """Return the tree of causes that contains a record.

    None for a void record, or for junk.
    """
    causal_record = next(_read(view, "key = ?", row_key(view.base, position)), None)
    if causal_record is None:
        return None
    top, above = causal_record.exchange, [causal_record.exchange]
    while len(above) < _TOP and (before := _referred(view, top)) and before not in above:
        top = before
        above.append(top)
    records: dict[str, _CausalRecord] = {}
    waiting, names = [top], {top}
    while waiting and len(records) < TREE_RECORDS:
        exchange = waiting.pop(0)
        for record in _read(view, "exchange = ? AND key BETWEEN ? AND ?", exchange, *_range(view)):
            records[record.id] = record
        fresh = [id for id in _referring(view, exchange) if id not in names]
        names.update(fresh)
        waiting += fresh
    roots = _joined(view, records)
    root = next((record for record in roots if record.id == top), roots[0])
    return Causes(
        position=position, tree=_tree(root), more=bool(waiting) or len(records) >= TREE_RECORDS
    )


def _range(view: View) -> tuple[int, int]:
    """Return the first and the last key that rows of the channel may have."""
    return view.base, last_key(view.base)


def _read(view: View, condition: str, *parameters: object) -> Iterator[_CausalRecord]:
    """Yield valid records of exchanges, in order.

    An erased record is missing: it has no exchange any more, and only its commitment is
    left.
    """
    query = (
        "SELECT key, id, exchange, act, actor, time, number, raw FROM records "  # fixed words  # noqa: S608
        f"WHERE {condition} AND valid AND act IS NOT NULL AND exchange IS NOT NULL ORDER BY key "
        f"LIMIT {TREE_RECORDS}"
    )
    for key, id, exchange, act, actor, time, number, raw in view.connection.execute(
        query, parameters
    ):
        envelope = _decode(raw)
        data = envelope.get("data") or {}
        opens = id == exchange
        yield _CausalRecord(
            position=position_of(key),
            id=id,
            exchange=exchange,
            act=act,
            actor=actor,
            time=time,
            number=number or "",
            cause=str(envelope.get("causationid") or data.get("of") or ("" if opens else exchange)),
            references=tuple(referred(data)) if opens else (),
        )


def _referred(view: View, exchange: str) -> str:
    """Return the first exchange that the opening of an exchange refers to.

    Empty where it refers to none.
    """
    opening = next(_read(view, "id = ? AND key BETWEEN ? AND ?", exchange, *_range(view)), None)
    for reference in () if opening is None else opening.references:
        row = view.connection.execute(
            "SELECT id FROM exchanges WHERE (number = ? OR id = ?) AND key BETWEEN ? AND ? LIMIT 1",
            (reference, reference, *_range(view)),
        ).fetchone()
        if row is not None:
            return str(row[0])
    return ""


def _referring(view: View, exchange: str) -> list[str]:
    """Return the exchanges that refer to an exchange, by its number or its id."""
    row = view.connection.execute(
        "SELECT number FROM exchanges WHERE id = ? AND key BETWEEN ? AND ?",
        (exchange, *_range(view)),
    ).fetchone()
    targets = (exchange, exchange if row is None else row[0])
    cursor = view.connection.execute(
        "SELECT e.id FROM links l JOIN exchanges e ON e.key = l.key "
        "WHERE l.channel = ? AND l.target IN (?, ?) ORDER BY e.key LIMIT ?",
        (channel_number(view.base), *targets, TREE_RECORDS),
    )
    return [id for (id,) in cursor]


def _joined(view: View, records: dict[str, _CausalRecord]) -> list[_CausalRecord]:
    """Put each record under its cause, and return the records without a cause."""
    roots: list[_CausalRecord] = []
    for causal_record in sorted(records.values(), key=lambda record: record.position):
        cause = records.get(causal_record.cause) or (
            records.get(_referred(view, causal_record.id)) if causal_record.references else None
        )
        (
            roots if cause is None or cause.position >= causal_record.position else cause.caused
        ).append(causal_record)
    return roots


def _tree(record: _CausalRecord) -> Cause:
    return Cause(
        position=record.position,
        id=record.id,
        exchange=record.exchange,
        act=record.act,
        by=record.actor,
        time=record.time,
        number=record.number,
        caused=tuple(_tree(causal_record) for causal_record in record.caused),
    )
