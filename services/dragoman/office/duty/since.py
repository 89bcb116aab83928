"""The records since a position, and the end of an officer's last watch."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct, UnsetType

from dragoman.domain.record.codec import parse_stored
from dragoman.projection.row_keys import position_of, row_key
from dragoman.projection.view import View
from dragoman_schemas.acts.office.channel import WatchRelief

_WATCH: Final = (
    "SELECT key, act, actor, time, raw FROM records WHERE exchange = ? AND key BETWEEN ? AND ? "
    "AND valid AND act IN ('watch-assumption', 'watch-relief') ORDER BY key DESC"
)


class WatchEnd(Struct, frozen=True, kw_only=True):
    """The record that ended an officer's watch."""

    position: int
    time: str
    by: str


class RecordSince(Struct, frozen=True, kw_only=True):
    """A valid record: its place in the log, and who did which act when."""

    position: int
    exchange: str
    number: str
    act: str
    actor: str
    time: str


def last_watch(view: View, officer: str) -> WatchEnd | None:
    """Return the end of an officer's last watch.

    None if no watch of the officer has ended. A watch that goes on has not ended.
    """
    side = officer.partition("/")[0]
    later: WatchEnd | None = None
    for key, act, actor, time, raw in view.connection.execute(
        _WATCH, (view.registry.id, row_key(view.base, 1), view.key)
    ):
        if actor.partition("/")[0] != side:
            continue
        holder = actor if act == "watch-assumption" else _relief(raw, side)
        if holder == officer and later is not None:
            return later
        # An officer who takes the watch once more goes on with it.
        later = (
            None if holder == officer else WatchEnd(position=position_of(key), time=time, by=actor)
        )
    return None


def _relief(raw: bytes, side: str) -> str:
    """Return the officer to whom a watch was handed over; empty if it ended."""
    data = parse_stored(raw).data
    if not isinstance(data, WatchRelief) or isinstance(data.to, UnsetType):
        return ""
    return f"{side}/{data.to}"


def records_since(view: View, after: int, most: int) -> tuple[list[RecordSince], bool]:
    """Return the valid records after a position, the oldest first.

    Of more than `most` it returns the newest. The second value says whether there are
    more. Deliveries are left out, because they only repeat that a station is connected.
    """
    rows = view.connection.execute(
        "SELECT key, exchange, coalesce(number, ''), act, actor, time FROM records "
        "WHERE key BETWEEN ? AND ? AND valid AND act IS NOT NULL AND act != 'delivery' "
        "ORDER BY key DESC LIMIT ?",
        (row_key(view.base, after + 1), view.key, most + 1),
    ).fetchall()
    found_records = [
        RecordSince(
            position=position_of(key),
            exchange=exchange,
            number=number,
            act=act,
            actor=actor,
            time=time,
        )
        for key, exchange, number, act, actor, time in rows[:most]
    ]
    return found_records[::-1], len(rows) > most


def acts_of(view: View, positions: Iterable[int]) -> dict[int, bytes]:
    """Return the acts at some positions, as their records have them.

    Erased records are left out.
    """
    records = ((position, view.record(position)) for position in positions)
    return {position: record.newest for position, record in records if record is not None}
