"""The people of an incident, by each side's newest word.

    held       they may not leave
    rescued    they were saved, and may leave
    missing, injured, dead, safe

The newest `people-status` of a side replaces its older ones. People are waited for
while they are held or rescued and not handed over, or missing.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman_schemas.state import Exchange, Said, Stamp

_WAITED_FOR: Final = frozenset({"held", "rescued", "missing"})


class SidesPeople(Struct, frozen=True, kw_only=True):
    """The people by one side's word, as of a time.

    `said` is its record. `groups` are as in the act. `waited_for` counts the people who
    are not back; None where a number is not known.
    """

    side: str
    said: Stamp
    id: str
    as_of: Any
    groups: tuple[dict[str, Any], ...]
    waited_for: int | None


def people_of(exchange: Exchange) -> tuple[SidesPeople, ...]:
    """Return each side's newest word on the people, in the order of the records."""
    newest: dict[str, Said] = {}
    for item in exchange.acts.get("people-status", ()):
        newest.pop(item.said.side, None)
        newest[item.said.side] = item
    return tuple(_said(item) for item in newest.values())


def _said(item: Said) -> SidesPeople:
    groups = tuple(msgspec.json.decode(item.content["groups"]))
    numbers = [group["number"] for group in groups if is_waited_for(group)]
    exact = [number for number in numbers if isinstance(number, int)]
    return SidesPeople(
        side=item.said.side,
        said=item.said,
        id=item.id,
        as_of=msgspec.json.decode(item.content["as_of"]),
        groups=groups,
        waited_for=sum(exact) if len(exact) == len(numbers) else None,
    )


def is_waited_for(group: dict[str, Any]) -> bool:
    """Return whether the people of a group are not back yet."""
    return group["kind"] in _WAITED_FOR and "handed_over" not in group


def are_waited_for(exchange: Exchange) -> bool:
    """Return whether any side says that people are not back yet."""
    return any(status.waited_for != 0 for status in people_of(exchange))
