"""The places at which two decoded JSON values differ, as JSON pointers (RFC 6901)."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec


def escaped(name: str) -> str:
    """Return a member's name as a JSON pointer writes it."""
    return name.replace("~", "~0").replace("/", "~1")


ValueDifference = tuple[str, bytes | str, bytes | str, str]
"""The pointer, both values as JSON or `nothing`, and the exchange."""


def differences(pointer: str, theirs: Any, mine: Any, exchange: str) -> Iterator[ValueDifference]:
    """Yield the places at which two decoded values differ.

    `exchange` is the exchange in which they are, unless an object names another one.
    """
    if isinstance(theirs, dict) and isinstance(mine, dict):
        exchange = _exchange_of(mine) or exchange
        for name in dict.fromkeys((*mine, *theirs)):
            inner = f"{pointer}/{escaped(name)}"
            if name in theirs and name in mine:
                yield from differences(inner, theirs[name], mine[name], exchange)
            else:
                yield (
                    *_both(inner, theirs.get(name, _NOTHING), mine.get(name, _NOTHING)),
                    exchange,
                )
    elif isinstance(theirs, list) and isinstance(mine, list):
        yield from _list_differences(pointer, theirs, mine, exchange)
    elif type(theirs) is not type(mine) or theirs != mine:
        yield (*_both(pointer, theirs, mine), exchange)


def _list_differences(
    pointer: str, theirs: list[Any], mine: list[Any], exchange: str
) -> Iterator[ValueDifference]:
    """Yield the differences of two lists.

    Rows are paired by their ids, so that a missing row does not shift the others. Other
    elements are paired by their places.
    """
    by_id, right = _by_id(theirs), _by_id(mine)
    if by_id is None or right is None or not (by_id or right):
        for place in range(max(len(theirs), len(mine))):
            one, other = (rows[place] if place < len(rows) else _NOTHING for rows in (theirs, mine))
            if one is _NOTHING or other is _NOTHING:
                yield (
                    *_both(f"{pointer}/{place}", one, other),
                    _exchange_of(mine[place] if one is _NOTHING else one) or exchange,
                )
            else:
                yield from differences(f"{pointer}/{place}", one, other, exchange)
        return
    places = {id: place for place, id in [*enumerate(right), *enumerate(by_id)]}
    for id, place in places.items():
        if id in by_id and id in right:
            yield from differences(f"{pointer}/{place}", by_id[id], right[id], exchange)
        else:
            one, other = by_id.get(id, _NOTHING), right.get(id, _NOTHING)
            yield (
                *_both(f"{pointer}/{place}", one, other),
                _exchange_of(right.get(id, by_id.get(id))) or exchange,
            )
    if set(by_id) == set(right) and list(by_id) != list(right):
        yield (*_both(pointer, list(by_id), list(right)), exchange)


_NOTHING: Final = object()


def _both(pointer: str, theirs: object, mine: object) -> tuple[str, bytes | str, bytes | str]:
    one, other = (
        "nothing" if item is _NOTHING else msgspec.json.encode(item) for item in (theirs, mine)
    )
    return pointer, one, other


def _by_id(rows: Sequence[Any]) -> dict[str, Any] | None:
    """Return rows by their ids, or None if an id is missing or not unique."""
    result: dict[str, Any] = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("id"), str) or row["id"] in result:
            return None
        result[row["id"]] = row
    return result


def _exchange_of(value: Any) -> str:
    """Return the exchange that an object names; empty if it names none."""
    if isinstance(value, dict) and isinstance(value.get("number"), str):
        for name in ("exchange", "id"):
            if isinstance(value.get(name), str):
                return str(value[name])
    return ""
