r"""States in the form of the rows of `records`: whole, or as changes.

    {"id":"0198…","act":…}          the encoding: a state under 4 KiB, or one from
                                    which changes are counted
    \x00 ‖ msgpack of a `Delta`     any other state: the changes since the exchange's
                                    state before it

    row 7   whole, 40,000 bytes
    row 9   {updated: {…}, messages: [+1], acts: {update: [+1]}, etag: …}
    row 12  the same again

To read the state of row 12, read row 7 and apply the deltas of rows 9 and 12, in order.
A whole state follows as soon as the deltas since the last one are three times as long
as the state itself. An exchange that grows never comes to that, so it is not stored
again and again. The file grows in proportion to the records. A state is read in a time
proportional to its length, however many acts it has. The registry, which every delivery
changes, is stored like any exchange.

A delta changes a JSON value in place. Unchanged values are not read beyond their
parent. The bytes are restored exactly.
"""

import sqlite3
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from dragoman.projection.row_keys import position_of, row_key

WHOLE_BYTES: Final = 4 * 1024
"""The length below which a state is stored whole.

Nearly all states are shorter, and are read at once.
"""

_ROW_BYTES: Final = 512
"""The cost of reading one more row, in bytes of a state read in the same time."""

_WHOLE_AFTER: Final = 3
"""The largest ratio of the deltas since the last whole state to the state."""

_LEAF_BYTES: Final = 64
"""The length below which a value is replaced instead of changed."""

_MARK: Final = b"\x00"

_members = msgspec.json.Decoder(dict[str, Raw]).decode
_elements = msgspec.json.Decoder(list[Raw]).decode
_encoded_name = msgspec.json.Encoder().encode


class _Members(Struct, frozen=True, array_like=True, tag=1):
    """Changes of an object: members that are set or changed, and removed names.

    `order` lists all names. It is empty where they are sorted, and None where new names
    simply follow the old ones.
    """

    changed: "dict[str, bytes | _Members | _Elements]"
    gone: list[str] = []
    order: list[str] | None = None


class _Elements(Struct, frozen=True, array_like=True, tag=2):
    """Changes of an array.

    `length` is the length to which it is cut. `changed` are its changed elements,
    `added` the elements that are added at its end.
    """

    length: int
    changed: "dict[int, bytes | _Members | _Elements]"
    added: list[bytes]


_Change = bytes | _Members | _Elements
_Node = Raw | bytes | dict[str, Any] | list[Any]


class Delta(Struct, frozen=True, array_like=True):
    """A stored change.

    `position` is its own, `whole` that of the whole state before it. `weight` is that
    of all deltas since, this one included.
    """

    position: int
    whole: int
    weight: int
    change: _Change


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Delta).decode


class Last(Struct, frozen=True):
    """The newest state of an exchange: its encoding, and where its deltas begin.

    `whole` is the position of the whole state before it, `weight` that of the deltas
    since.
    """

    encoded: bytes
    whole: int
    weight: int


def put(position: int, encoded: bytes, last: Last | None) -> tuple[bytes, Last]:
    """Return the column for a state that follows another one, or none.

    Also returns the state itself, as `last` for the state that follows.
    """
    begun = Last(encoded, position, 0)
    if last is None or len(encoded) < WHOLE_BYTES:
        return encoded, begun
    change = _change(last.encoded, encoded)
    weight = last.weight + len(_pack(change)) + _ROW_BYTES
    if weight >= _WHOLE_AFTER * len(encoded):
        return encoded, begun
    return _MARK + _pack(Delta(position, last.whole, weight, change)), Last(
        encoded, last.whole, weight
    )


def last_before(
    connection: sqlite3.Connection, base: int, exchange: str, position: int
) -> Last | None:
    """Return the newest state of an exchange before a position; None without one.

    Raises `msgspec.DecodeError`.
    """
    row = connection.execute(
        "SELECT key, state FROM records WHERE exchange = ? AND key >= ? AND key < ? "
        "AND state IS NOT NULL ORDER BY key DESC LIMIT 1",
        (exchange, base, row_key(base, position)),
    ).fetchone()
    if row is None:
        return None
    key, stored = row
    if not stored.startswith(_MARK):
        return Last(stored, position_of(key), 0)
    delta = _unpack(stored[1:])
    return Last(whole(connection, base, exchange, stored), delta.whole, delta.weight)


def whole(connection: sqlite3.Connection, base: int, exchange: str, stored: bytes) -> bytes:
    """Return the encoding of a state of an exchange from its column `stored`.

    Raises `msgspec.DecodeError`.
    """
    if not stored.startswith(_MARK):
        return stored
    delta = _unpack(stored[1:])
    states = States()
    for (column,) in connection.execute(
        "SELECT state FROM records WHERE exchange = ? AND key BETWEEN ? AND ? "
        "AND state IS NOT NULL ORDER BY key",
        (exchange, row_key(base, delta.whole), row_key(base, delta.position)),
    ):
        states.take(column)
    if not states.begun:
        raise msgspec.DecodeError("a change of a state that is not there")
    return states.encoded


def newest_state(
    connection: sqlite3.Connection, base: int, exchange: str, position: int
) -> bytes | None:
    """Return the newest state of an exchange up to a position; None without one.

    Raises `msgspec.DecodeError`.
    """
    row = connection.execute(
        "SELECT state FROM records WHERE exchange = ? AND key BETWEEN ? AND ? "
        "AND state IS NOT NULL ORDER BY key DESC LIMIT 1",
        (exchange, base, row_key(base, position)),
    ).fetchone()
    return None if row is None else whole(connection, base, exchange, row[0])


class States:
    """The states of one exchange, read from its rows one after another."""

    def __init__(self) -> None:
        """Begin before the first state."""
        self._node: _Node = b"{}"
        self.begun = False

    @property
    def encoded(self) -> bytes:
        """The encoding of the newest state."""
        return _rendered(self._node)

    def take(self, stored: bytes) -> frozenset[str]:
        """Apply the next column, and return the members that it set or changed.

        Members of the content are named `content.<field>`. Raises `msgspec.DecodeError`
        if the column cannot follow.
        """
        if not stored.startswith(_MARK):
            before, self._node, self.begun = (_flat(self._node) if self.begun else {}), stored, True
            return frozenset(
                name for name, value in _flat(stored).items() if before.get(name) != value
            )
        change = _unpack(stored[1:]).change
        if not self.begun or not isinstance(change, _Members):
            raise msgspec.DecodeError("a change of a state that is not there")
        content = _content(self._node) if "content" in change.changed else {}
        try:
            self._node = _changed(self._node, change)
        except (KeyError, IndexError, TypeError) as error:
            raise msgspec.DecodeError(
                f"a change of what the state before does not have: {error!r}"
            ) from error
        now = _content(self._node) if "content" in change.changed else {}
        fields = {name for name, value in now.items() if content.get(name) != value}
        return frozenset(change.changed.keys() - {"content"} | fields)

    def names(self) -> tuple[str, ...]:
        """Return the names of all members of the newest state, in the form of `take`.

        They are in the state's order, with the fields of the content last.
        """
        return tuple(_flat(self._node))


def _flat(state: _Node) -> dict[str, bytes]:
    """Return the members of a state; those of its content as `content.<field>`."""
    members = _object(state)
    flat = {name: _rendered(value) for name, value in members.items() if name != "content"}
    return flat | _content(members)


def _content(state: _Node) -> dict[str, bytes]:
    content = _object(_object(state).get("content", b"{}"))
    return {f"content.{name}": _rendered(value) for name, value in content.items()}


def _object(node: _Node) -> dict[str, Any]:
    opened = _opened(node)
    if not isinstance(opened, dict):
        raise msgspec.DecodeError("a state, or its content, that is not an object")
    return opened


# Making a delta


def _change(before: bytes, after: bytes) -> _Change:
    """Return the change that makes one JSON value of another."""
    kind = after[:1]
    if len(after) < _LEAF_BYTES or kind != before[:1] or kind not in (b"{", b"["):
        return after
    return (_change_members if kind == b"{" else _change_elements)(before, after)


def _change_members(before: bytes, after: bytes) -> _Change:
    had, has = _members(before), _members(after)
    if _rendered(has) != after:  # an author's own spelling of JSON would be lost
        return after
    changed: dict[str, _Change] = {}
    for name, value in has.items():
        old = had.get(name)
        if old is None:
            changed[name] = bytes(value)
        elif bytes(old) != bytes(value):
            changed[name] = _change(bytes(old), bytes(value))
    gone = [name for name in had if name not in has]
    names = list(has)
    if names == [name for name in had if name in has] + [name for name in has if name not in had]:
        return _Members(changed, gone)
    return _Members(changed, gone, [] if names == sorted(names) else names)


def _change_elements(before: bytes, after: bytes) -> _Change:
    had, has = _elements(before), _elements(after)
    if _rendered(has) != after:
        return after
    length = min(len(had), len(has))
    changed: dict[int, _Change] = {}
    for place in range(length):
        old, new = bytes(had[place]), bytes(has[place])
        if old != new:
            changed[place] = _change(old, new)
    return _Elements(length, changed, [bytes(value) for value in has[length:]])


# Applying a delta


def _opened(node: _Node) -> _Node:
    """Return a value with its members or elements apart, if it has any."""
    if isinstance(node, Raw):
        node = bytes(node)
    if isinstance(node, bytes):
        return _members(node) if node[:1] == b"{" else _elements(node) if node[:1] == b"[" else node
    return node


def _changed(node: _Node, change: _Change) -> _Node:
    """Apply a change to a value, which must not be used afterwards."""
    if isinstance(change, bytes):
        return change
    value = _opened(node)
    if isinstance(change, _Elements):
        if not isinstance(value, list) or len(value) < change.length:
            raise IndexError(change.length)
        del value[change.length :]
        for place, inner in change.changed.items():
            value[place] = _changed(value[place], inner)
        value += change.added
        return value
    if not isinstance(value, dict):
        raise KeyError(*change.changed)
    for name in change.gone:
        del value[name]
    for name, inner in change.changed.items():
        value[name] = inner if isinstance(inner, bytes) else _changed(value[name], inner)
    if change.order is None:
        return value
    return {name: value[name] for name in change.order or sorted(value)}


def _rendered(node: _Node) -> bytes:
    """Return a value as JSON."""
    match node:
        case dict():
            return b"{%s}" % b",".join(
                [_encoded_name(name) + b":" + _rendered(value) for name, value in node.items()]
            )
        case list():
            return b"[%s]" % b",".join([_rendered(value) for value in node])
        case _:
            return bytes(node)
