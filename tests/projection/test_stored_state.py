"""Stored states: whatever a value becomes, its bytes come back exactly, at every position, from no
more rows than its length allows.
"""

import json
import sqlite3
from contextlib import closing
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.projection import stored_state
from dragoman.projection.row_keys import base_of
from dragoman.projection.stored_state import WHOLE_BYTES, Last, States

BASE = base_of(3)

_leaves = st.none() | st.booleans() | st.integers(-9, 2**50) | st.text(max_size=90)
_values = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=9), inner, max_size=6)
    ),
    max_leaves=20,
)


@st.composite
def lives(draw: st.DrawFn) -> list[bytes]:
    """The encodings of a state as it changes: members that come and go, a list that grows, values
    spelt as their authors like.
    """
    state: dict[str, Any] = {
        "id": "x",
        "ballast": "b" * draw(st.sampled_from([0, WHOLE_BYTES - 200, 2 * WHOLE_BYTES])),
        "messages": [],
    }
    encodings = []
    for _ in range(draw(st.integers(1, 12))):
        state |= draw(
            st.dictionaries(st.sampled_from(["acts", "meeting", "éτ☃", 'a"b']), _values, max_size=3)
        )
        if draw(st.booleans()):
            state["content"] = draw(st.dictionaries(st.text(max_size=9), _values, max_size=6))
        for name in draw(st.sets(st.sampled_from(["content", "acts", "meeting"]), max_size=1)):
            state.pop(name, None)
        if draw(st.booleans()):
            state["messages"].append(draw(_values))
        if draw(st.booleans()):
            state = dict(sorted(state.items(), reverse=draw(st.booleans())))
        spelt: Any = {
            "ensure_ascii": draw(st.booleans()),
            "separators": draw(st.sampled_from([(",", ":"), (", ", " : ")])),
        }
        raw = {
            name: msgspec.Raw(json.dumps(value, **spelt).encode()) for name, value in state.items()
        }
        encodings.append(msgspec.json.encode(raw))
    return encodings


def kept(encodings: list[bytes]) -> tuple[sqlite3.Connection, list[bytes]]:
    """A file of these states, and the columns that it has."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE records (key INTEGER PRIMARY KEY, exchange TEXT, state BLOB)")
    columns: list[bytes] = []
    last: Last | None = None
    for place, encoded in enumerate(encodings):
        assert stored_state.last_before(connection, BASE, "x", 2 * place + 1) == last
        column, last = stored_state.put(2 * place + 1, encoded, last)
        connection.execute(
            "INSERT INTO records VALUES (?, 'x', ?), (?, 'x', NULL)",
            (BASE | 2 * place + 1, column, BASE | 2 * place + 2),
        )
        columns.append(column)
    return connection, columns


@settings(max_examples=60)
@given(lives())
def test_the_bytes_of_every_state_come_back(encodings: list[bytes]) -> None:
    connection, columns = kept(encodings)
    with closing(connection):
        whole = [stored_state.whole(connection, BASE, "x", column) for column in columns]
    assert whole == encodings
    assert all(
        encoded == column
        for encoded, column in zip(encodings, columns, strict=True)
        if len(encoded) < WHOLE_BYTES
    )


@settings(max_examples=60)
@given(lives())
def test_the_members_that_a_state_sets_are_those_that_differ(encodings: list[bytes]) -> None:
    connection, columns = kept(encodings)
    connection.close()
    states = States()
    before: dict[str, bytes] = {}
    for encoded, column in zip(encodings, columns, strict=True):
        named = states.take(column)
        now = _flat(encoded)
        assert states.encoded == encoded and {*states.names()} == now.keys()
        assert named == {name for name, value in now.items() if before.get(name) != value}
        before = now


def _flat(encoded: bytes) -> dict[str, bytes]:
    members = msgspec.json.decode(encoded, type=dict[str, msgspec.Raw])
    flat = {name: bytes(value) for name, value in members.items() if name != "content"}
    content = bytes(members.get("content", b"{}"))
    if content.startswith(b"{"):
        flat |= {
            f"content.{name}": bytes(value)
            for name, value in msgspec.json.decode(content, type=dict[str, msgspec.Raw]).items()
        }
    return flat


def test_a_state_that_only_changes_is_stored_whole_now_and_then() -> None:
    encodings = [
        json.dumps({"officers": "o" * 20_000, "delivered": number}, separators=(",", ":")).encode()
        for number in range(1_000)
    ]
    connection, columns = kept(encodings)
    whole = [place for place, column in enumerate(columns) if column.startswith(b"{")]
    assert 3 <= len(whole) < 20 and max(after - before for before, after in pairwise(whole)) < 150
    with closing(connection):
        assert stored_state.whole(connection, BASE, "x", columns[-1]) == encodings[-1]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM records WHERE key & 1023 = 1",
        "UPDATE records SET state = X'007B7D' WHERE key & 1023 = 3",
    ],
)
def test_a_chain_that_is_damaged_says_so(damage: str) -> None:
    texts = ["t" * 5_000]
    encodings = []
    for number in range(5):
        texts.append(f"{number}")
        encodings.append(json.dumps({"acts": texts}, separators=(",", ":")).encode())
    connection, columns = kept(encodings)
    assert all(column.startswith(b"\x00") for column in columns[1:])
    connection.execute(damage)
    with closing(connection), pytest.raises(msgspec.DecodeError):
        stored_state.whole(connection, BASE, "x", columns[-1])
