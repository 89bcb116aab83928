"""Row keys: the channel's number and the position of a record, in one integer.

    row_key(base_of(3), 17) == 3 << 40 | 17
    position_of(3 << 40 | 17) == 17

The *base* of a channel is the key of its position 0: no row has it, and the keys of the
channel's records follow it. `Store.base` returns the base of a channel by its name.
Rows that are sorted by key are sorted by channel, then by position.
"""

from typing import Final

POSITION_BITS: Final = 40
"""The lower bits of a key, which hold the position. The channel's number lies above."""

LAST_POSITION: Final = (1 << POSITION_BITS) - 1
"""The greatest position that a key can hold."""

SAME_EXCHANGE: Final = f"e.id = r.exchange AND e.key >> {POSITION_BITS} = r.key >> {POSITION_BITS}"
"""SQL condition: the exchange `e` is that of the record `r`, in the same channel."""

NEWEST_RECORD: Final = f"r.key = (e.key >> {POSITION_BITS} << {POSITION_BITS}) | e.position"
"""SQL condition: the record `r` is the one that last changed the exchange `e`."""


def base_of(channel: int) -> int:
    """Return the base of the channel that has this number in the file."""
    return channel << POSITION_BITS


def row_key(base: int, position: int) -> int:
    """Return the key of a position in the channel with that base."""
    return base | position


def last_key(key: int) -> int:
    """Return the greatest key that the channel of a base, or of a key, can have."""
    return key | LAST_POSITION


def channel_range(base: int) -> tuple[int, int]:
    """Return the bounds of all keys of a channel, for `key BETWEEN ? AND ?` in SQL."""
    return base, base | LAST_POSITION


def position_of(key: int) -> int:
    """Return the position in a key."""
    return key & LAST_POSITION


def channel_number(key: int) -> int:
    """Return the number of the channel in a key, or in a base."""
    return key >> POSITION_BITS
