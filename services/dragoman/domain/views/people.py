"""The people of an incident, by each side's newest word.

    held       they may not leave
    rescued    they were saved, and may leave
    missing, injured, dead, safe

The newest `people-status` of a side replaces its older ones. People are waited for
while they are held or rescued and not handed over, or missing. Once they were handed
over they are safe: the ten who were held by one side's word, and handed over, are the
ten who are safe by the other's.
"""

from collections import Counter
from collections.abc import Iterable
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


def present_kind(group: dict[str, Any]) -> str:
    """Return the kind of a group now: people who were handed over are safe."""
    return "safe" if _is_back(group) else str(group["kind"])


def _is_back(group: dict[str, Any]) -> bool:
    return group["kind"] in _WAITED_FOR and "handed_over" in group


def stated_alike(statuses: Iterable[SidesPeople]) -> dict[str, tuple[str, ...]]:
    """Return the kinds of which several sides state the same people, with these sides.

    The number must be known and the same, and no side may name other sides as whose
    they are. A side that says nothing of a kind does not count.
    """
    by_kind: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for status in statuses:
        for group in status.groups:
            kind = by_kind.setdefault(present_kind(group), {})
            kind.setdefault(status.side, []).append(group)
    return {
        kind: tuple(sorted(groups))
        for kind, groups in by_kind.items()
        if len(groups) > 1 and _are_same(groups.values())
    }


def _are_same(sides: Iterable[list[dict[str, Any]]]) -> bool:
    totals: set[int] = set()
    whose: set[tuple[tuple[str, int], ...]] = set()
    for groups in sides:
        numbers = [group["number"] for group in groups]
        if not all(isinstance(number, int) for number in numbers):
            return False
        totals.add(sum(numbers))
        names = Counter[str]()
        for group in groups:
            names[group.get("of", "unknown")] += group["number"]
        if "unknown" not in names:
            whose.add(tuple(sorted(names.items())))
    return len(totals) == 1 and len(whose) < 2


def is_waited_for(group: dict[str, Any]) -> bool:
    """Return whether the people of a group are not back yet."""
    return group["kind"] in _WAITED_FOR and "handed_over" not in group
