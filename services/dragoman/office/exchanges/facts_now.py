"""The facts of a matter as the sides state them now, each with its record.

For an event these are when and where it was, and the toll, by each side that said so.
For anything else they are the values that a later record gave: a corrected place, a
proposed time.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from markupsafe import Markup
from msgspec import Raw, Struct

from dragoman.console.display import field_history
from dragoman.console.display.act_display import Display
from dragoman.console.display.meeting_summary import known_windows, local_window
from dragoman.console.display.office_clocks import Office
from dragoman.domain.views.stated import stated_values
from dragoman.members import shapes
from dragoman.members.kind import Member
from dragoman.office.exchanges.accounts_compared import AccountRow
from dragoman_schemas.responses import StatedValue
from dragoman_schemas.state import Exchange

_FIRST: Final = ("time", "place", "casualties", "whose", "cause_established", "kind", "nature")
"""The members of an event in the order in which an officer needs them."""

_OF_THE_TITLE: Final = frozenset({"kind", "nature"})
"""Members that the title says, unless the sides differ on them."""


FactValues = tuple[tuple[tuple[str, ...], tuple[Markup, ...]], ...]
"""Values in their order on the page: the sides that state one, and its parts."""


class FactNow(Struct, frozen=True, kw_only=True):
    """One member: each value with the sides that state it, and how they differ.

    A value that a later record gave has the `source` in words, and that record.
    """

    name: str
    label: str
    values: FactValues
    differs: str = ""
    is_shared: bool = False
    source: str = ""
    position: int = 0


def facts_now(
    display: Display, offices: Sequence[Office], state: Exchange, compared: Iterable[AccountRow]
) -> list[FactNow]:
    """Return the facts of a matter as they are stated now."""
    differing = {row.name: row.result_text for row in compared if row.result == "differs"}
    newest: dict[str, dict[str, StatedValue]] = {}
    for value in stated_values(state):
        newest.setdefault(value.member, {})[value.side] = value
    if newest:
        return [
            fact
            for name in _FIRST
            if name in newest and (name not in _OF_THE_TITLE or name in differing)
            if (fact := _of_event(display, state, name, newest[name], differing.get(name, "")))
        ]
    later = [
        FactNow(
            name=item.fact.name,
            label=item.fact.label,
            values=_by_clocks(display.at(item.position), offices, item.member, item.value),
            source=item.source,
            position=item.position,
        )
        for item in field_history.standing(display, state)
        if item.is_present
    ]
    if state.meeting is None or any(fact.name == "windows" for fact in later):
        return later
    return [*_first_windows(display, offices, state), *later]


def _first_windows(
    display: Display, offices: Sequence[Office], state: Exchange
) -> Iterator[FactNow]:
    """Yield the times that a request for a meeting proposes itself."""
    member = shapes.member(state.act, "windows")
    if member is None or "windows" not in state.content:
        return
    windows = msgspec.json.decode(state.content["windows"])
    yield FactNow(
        name=member.name,
        label=display.words.field(member.name, member.act),
        values=_by_clocks(display.at(state.opened.position), offices, member, windows),
    )


def _of_event(
    display: Display, state: Exchange, name: str, by_side: dict[str, StatedValue], differs: str
) -> FactNow | None:
    member = shapes.member(state.act, name)
    if member is None:
        return None
    groups: dict[bytes, tuple[list[str], list[Markup]]] = {}
    for side, value in by_side.items():
        sides, shown = groups.setdefault(bytes(value.value), ([], []))
        sides.append(side)
        shown.append(display.at(value.position).fact(member, value.value).shown)
    return FactNow(
        name=name,
        label=display.words.field(name, member.act),
        values=tuple((tuple(sides), tuple(shown)) for sides, shown in groups.values()),
        differs=differs,
        is_shared=len(groups) == 1,
    )


def _by_clocks(
    display: Display, offices: Sequence[Office], member: Member, value: Any
) -> FactValues:
    """Return the lines of a value: each proposed time has the offices' clocks."""
    several = isinstance(value, list) and any(known_windows(value))
    return tuple(
        ((), (display.fact(member, _raw(part)).shown, *_local(display, offices, part)))
        for part in ([[time] for time in value] if several else [value])
    )


def _local(display: Display, offices: Sequence[Office], value: Any) -> Iterator[Markup]:
    """Yield the windows of a value by the offices' clocks."""
    for window in known_windows(value if isinstance(value, list) else [value]):
        if text := local_window(window, offices, display.words):
            yield Markup("<small>{}</small>").format(text)


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
