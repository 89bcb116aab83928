"""The facts of a matter as the sides state them now, each with its record.

For an event these are when and where it was, and the toll, by each side that said so.
For anything else they are the values that a later record gave: a corrected place, a
proposed time.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from markupsafe import Markup
from msgspec import Struct

from dragoman.console.display import field_history
from dragoman.console.display.act_display import Display
from dragoman.domain.views.stated import stated_values
from dragoman.members import shapes
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


def facts_now(display: Display, state: Exchange, compared: Iterable[AccountRow]) -> list[FactNow]:
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
            values=(((), (item.fact.shown,)),),
            source=item.source,
            position=item.position,
        )
        for item in field_history.standing(display, state)
        if item.is_present
    ]
    if any(fact.name == "windows" for fact in later):
        return later
    return [*_first_windows(display, state), *later]


def _first_windows(display: Display, state: Exchange) -> Iterator[FactNow]:
    """Yield the times that a request for a meeting proposes itself."""
    member = shapes.member(state.act, "windows")
    if state.meeting is None or member is None or "windows" not in state.content:
        return
    fact = display.at(state.opened.position).fact(member, state.content["windows"])
    yield FactNow(name=fact.name, label=fact.label, values=(((), (fact.shown,)),))


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
