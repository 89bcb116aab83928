"""The changes between two positions, with the record that made each change.

This is the difference that the API gives, with a position beside each member. If a
whole map or list of objects came or went, its members are listed one by one. Not every
record that added to it set all of it.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from dragoman.domain.views import diff
from dragoman.projection.queries import liaison_state
from dragoman.projection.row_keys import position_of
from dragoman.projection.stored_state import whole
from dragoman.projection.view import View
from dragoman_schemas.state_responses import Change, Changed

_STEPS: Final = 500
"""The number of states of one exchange, or of the channel, that are compared.

More states change between two positions only if years lie between them.
"""

_members = msgspec.json.Decoder(dict[str, Raw]).decode


class Set(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A member whose value changed, by a JSON pointer into the state.

    `set_by` is the position of the record that set it, or 0 where that was not found.
    """

    pointer: str
    was: Raw | UnsetType = UNSET
    now: Raw | UnsetType = UNSET
    set_by: int = 0


class Carried(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An exchange that was opened or continued, with its changed members.

    `unchanged` counts its other members.
    """

    exchange: str
    number: str
    act: str
    status: str
    was: str = ""
    positions: tuple[int, ...]
    changes: tuple[Set, ...] = ()
    unchanged: int = 0


class ChangesBetween(Struct, frozen=True, kw_only=True):
    """The changes after a position, up to another.

    `unchanged` counts the other exchanges.
    """

    from_: int = field(name="from")
    to: int
    exchanges: tuple[Carried, ...]
    channel: tuple[Set, ...]
    unchanged: int


def between(view: View, first: int) -> ChangesBetween:
    """Return the changes after a position, up to that of the view.

    Raises `Refused` if they are too many for one answer.
    """
    difference = liaison_state.difference(view, first)
    (opened,) = view.connection.execute(
        "SELECT count(*) FROM exchanges WHERE key BETWEEN ? AND ?", (view.base, view.key)
    ).fetchone()
    genesis = "" if view.opened is None else view.opened.id
    return ChangesBetween(
        from_=first,
        to=view.position,
        exchanges=tuple(_carried(view, first, exchange) for exchange in difference.exchanges),
        channel=tuple(_set_by(difference.channel, _states(view, first, genesis))),
        unchanged=opened - len(difference.exchanges),
    )


def _carried(view: View, first: int, changed: Changed) -> Carried:
    states = list(_states(view, first, changed.exchange)) if changed.changes else []
    members = _count(states[0][1]) if states else 0
    return Carried(
        exchange=changed.exchange,
        number=changed.number,
        act=changed.act,
        status=changed.status,
        was=changed.was,
        positions=changed.positions,
        changes=tuple(_set_by(changed.changes, states)),
        unchanged=max(0, members - len({_member(change.pointer) for change in changed.changes})),
    )


def _states(view: View, first: int, exchange: str) -> Iterator[tuple[int, bytes]]:
    """Yield the states of an exchange back to a position.

    The newest comes first. The last one is that at the earlier position.
    """
    cursor = view.connection.execute(
        "SELECT key, state FROM records WHERE exchange = ? AND key BETWEEN ? AND ? AND valid "
        "AND state IS NOT NULL ORDER BY key DESC LIMIT ?",
        (exchange, view.base, view.key, _STEPS),
    )
    for key, state in cursor:
        yield position_of(key), whole(view.connection, view.base, exchange, state)
        if position_of(key) <= first:
            return


def _set_by(changes: Iterable[Change], states: Iterable[tuple[int, bytes]]) -> Iterator[Set]:
    """Yield each change with the newest position at which it was made.

    That is where its member changed, something in the member, or a value that contains
    it.
    """
    pending = {change.pointer: change for whole in changes for change in _single(whole)}
    numbers: dict[str, int] = {}
    after: tuple[int, bytes] | None = None
    for position, state in states:
        if after is not None:
            steps = [step.pointer for step in diff.changes(state, after[1])]
            numbers |= {
                pointer: after[0]
                for pointer in pending
                if pointer not in numbers and any(_same(pointer, step) for step in steps)
            }
        after = position, state
        if len(numbers) == len(pending):
            break
    for pointer, change in pending.items():
        yield Set(pointer=pointer, was=change.was, now=change.now, set_by=numbers.get(pointer, 0))


def _single(change: Change) -> Iterator[Change]:
    """Yield a change; one by one if a whole value with members came or went."""
    gone, came = change.now is UNSET, change.was is UNSET
    inner = _inner(change.was if gone else change.now) if gone != came else []
    if not inner or not all(isinstance(value, dict | list) for _, value in inner):
        yield change
        return
    for name, value in inner:
        step, raw = name.replace("~", "~0").replace("/", "~1"), Raw(msgspec.json.encode(value))
        yield from _single(
            Change(
                pointer=f"{change.pointer}/{step}",
                was=raw if gone else UNSET,
                now=raw if came else UNSET,
            )
        )


def _inner(raw: Raw | UnsetType) -> list[tuple[str, Any]]:
    match None if raw is UNSET else msgspec.json.decode(bytes(raw)):
        case dict() as value:
            return list(value.items())
        case list() as value:
            return [(str(place), element) for place, element in enumerate(value)]
        case _:
            return []


def _same(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _count(state: bytes) -> int:
    """Return the number of members of a state, with those of its content."""
    members = _members(state)
    return len(members) - 1 + (len(_members(members["content"])) if "content" in members else 1)


def _member(pointer: str) -> str:
    """Return the member that a change is in; in the content, the field."""
    parts = pointer.split("/")
    return "/".join(parts[1:3] if parts[1] == "content" else parts[1:2])
