"""The differences between two positions: each exchange and the channel, by member.

A member is named by a JSON pointer into the state. Lists are compared index by index:
most additions are at the end.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from dragoman_schemas.state import Exchange, Registry, encode
from dragoman_schemas.state_responses import Change, Changed

_NOISE = ("/etag", "/updated")
"""Members that change with every act and say nothing by themselves."""


def changed(before: Exchange | None, after: Exchange, positions: tuple[int, ...]) -> Changed:
    """Return the changes of an exchange by the acts at some positions.

    `before` is None where it had not been opened.
    """
    return Changed(
        exchange=after.id,
        number=after.number,
        act=after.act,
        status=after.status,
        was="" if before is None else before.status,
        positions=positions,
        changes=() if before is None else tuple(changes(encode(before), encode(after))),
    )


def channel(before: Registry | None, after: Registry) -> tuple[Change, ...]:
    """Return the changes of the channel itself."""
    return tuple(changes(b"{}" if before is None else encode(before), encode(after)))


def changes(before: bytes, after: bytes) -> Iterator[Change]:
    """Yield the differences of two encoded states, in the order of their pointers."""
    for pointer, was, now in sorted(
        _walk("", msgspec.json.decode(before), msgspec.json.decode(after)), key=lambda item: item[0]
    ):
        if not pointer.startswith(_NOISE):
            yield Change(pointer=pointer, was=_raw(was), now=_raw(now))


def _raw(value: Any) -> Any:
    return UNSET if value is UNSET else Raw(msgspec.json.encode(value))


def _walk(pointer: str, was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(was, dict) and isinstance(now, dict):
        for name in {*was, *now}:
            step = name.replace("~", "~0").replace("/", "~1")
            yield from _walk(f"{pointer}/{step}", was.get(name, UNSET), now.get(name, UNSET))
    elif isinstance(was, list) and isinstance(now, list):
        for at in range(max(len(was), len(now))):
            yield from _walk(
                f"{pointer}/{at}",
                was[at] if at < len(was) else UNSET,
                now[at] if at < len(now) else UNSET,
            )
    elif was != now or type(was) is not type(now):
        yield pointer, was, now
