"""The comparison of the accounts of one event, point by point.

    report           kind near_miss, time 07:55, place 15.12 116.44, facts "Two …"
    china's account  kind near_miss, time 07:58,                     facts "The …"
    compare()        kind same, time differs, place one, facts words

Times are the same when they name one instant. Places are the same when they are less
than a metre apart, and quantities when they are the same in SI. Forces are the same
when the same sides are named, in any order. Words are shown and never compared: two
descriptions of one event are never equal, and that is no difference. A place in words
beside a position is no difference either. Unknown members state nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import Raw, Struct

from dragoman.domain.acts import consent, developments, geodesy, si_units
from dragoman.domain.acts.families.incidents import NARRATIVE
from dragoman.domain.acts.field_checks import UNKNOWN
from dragoman_schemas.state import Exchange

Result = Literal["differs", "same", "one", "none", "words"]

WORDS: Final = frozenset(
    {
        *(
            "facts",
            "description",
            "gist",
            "damage",
            "cause_assumed",
            "cause_established",
            "measures_taken",
            "request",
            "kind_text",
            "whose_text",
        ),
        *(
            "on_scene_frequency",
            "radio_channel",
            "cues_signals",
            "weather",
            "evidence",
            "assessment",
            "units",
            "courses",
        ),
        *(
            "text",
            "remarks",
            "nature_text",
            "facility",
            "release",
            "monitoring",
            "protective_measures",
        ),
    }
)
"""Members of accounts that are texts or lines, or rows that contain some."""

TIMES: Final = frozenset({"time", "known_at", "next_update", "began", "ended"})
"""Members that are instants."""

OF_THE_MESSAGE: Final = frozenset(
    {"of", "dtg", "acting_for", "passed_by", "for_the_record", "attachments", "phrases", "marking"}
)
"""Members in which an account describes itself and not the event."""

WHOSE: Final = "whose"
"""The member that names the sides whose forces took part."""

_PLACES: Final = frozenset({"place", "pos"})
_SAME_METRES: Final = 1.0


class AccountStatement(Struct, frozen=True, kw_only=True):
    """One account: its side, its record, and its content.

    The content has the members of the exchange's format.
    """

    side: str
    position: int
    time: str
    content: dict[str, Raw]


class ComparedPoint(Struct, frozen=True, kw_only=True):
    """One point over all accounts.

    `stated_by` are the sides that state it, `otherwise` those that differ from the
    first of them. `apart` is the size of the difference: seconds for times, metres for
    places, None where there is no measure.
    """

    name: str
    result: Result
    stated_by: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    apart: float | None = None


def accounts_of(exchange: Exchange) -> list[AccountStatement]:
    """Return the opening's account and each other side's newest one.

    They are in the order in which the sides gave their first ones.
    """
    opening = exchange.opened
    account_statements = [
        AccountStatement(
            side=exchange.side,
            position=opening.position,
            time=opening.time,
            content=developments.of_event(exchange),
        )
    ]
    narrative = NARRATIVE.get(exchange.act, "facts")
    for side, account in exchange.accounts.items():
        newest = account[-1]
        content = {
            narrative if name == "facts" else name: value
            for name, value in consent.present_account(exchange, side).items()
        }
        account_statements.append(
            AccountStatement(
                side=side, position=newest.given.position, time=newest.given.time, content=content
            )
        )
    return account_statements


def compare(exchange: Exchange) -> list[ComparedPoint]:
    """Return every point that another side's account gives as well.

    The points are in the order of the report's members.
    """
    accounts = accounts_of(exchange)
    names = {name for account in accounts[1:] for name in account.content} - OF_THE_MESSAGE
    ordered = [name for name in exchange.content if name in names] + sorted(
        names - exchange.content.keys()
    )
    return [point(name, accounts) for name in ordered]


def point(name: str, account_statements: Sequence[AccountStatement]) -> ComparedPoint:
    """Return the comparison of several accounts on one point."""
    values = {account.side: _compared(account.content, name) for account in account_statements}
    stated = {side: value for side, value in values.items() if value is not None}
    sides = tuple(stated)
    if len(stated) < 2:
        return ComparedPoint(name=name, result="one" if stated else "none", stated_by=sides)
    if name in WORDS:
        return ComparedPoint(name=name, result="words", stated_by=sides)
    compared = (
        stated
        if _are_one(stated)
        else {side: value for side, value in stated.items() if not _is_in_words(name, value)}
    )
    if len(compared) < 2:
        return ComparedPoint(name=name, result="words", stated_by=sides)
    first = next(iter(compared.values()))
    apart = {side: _apart(name, first, value) for side, value in compared.items()}
    otherwise = tuple(side for side in compared if apart[side] is None or apart[side] != 0.0)
    if not otherwise and len(compared) < len(stated):
        return ComparedPoint(name=name, result="words", stated_by=sides)
    if not otherwise:
        return ComparedPoint(
            name=name,
            result="same" if len(stated) == len(account_statements) else "one",
            stated_by=sides,
        )
    measured = [number for side in otherwise if (number := apart[side]) is not None]
    return ComparedPoint(
        name=name,
        result="differs",
        stated_by=sides,
        otherwise=otherwise,
        apart=max(measured) if len(measured) == len(otherwise) else None,
    )


def value_of(content: Mapping[str, Raw], name: str) -> Any:
    """Return the value of an account on a point.

    None where the account leaves it out or says that it is unknown.
    """
    raw = content.get(name)
    value = None if raw is None else msgspec.json.decode(raw)
    return None if value == UNKNOWN else value


def _compared(content: Mapping[str, Raw], name: str) -> Any:
    value = value_of(content, name)
    # The order of the sides means nothing.
    return sorted(value) if name == WHOSE and isinstance(value, list) else value


def _are_one(stated: Mapping[str, Any]) -> bool:
    first, *others = stated.values()
    return all(other == first for other in others)


def _is_in_words(name: str, value: Any) -> bool:
    """Return whether a place is a name, words or an outline.

    Nobody can compute whether such a place is the same as a position.
    """
    return name in _PLACES and point_of(value) is None


def _apart(name: str, first: Any, other: Any) -> float | None:
    """Return the distance of two values.

    It is 0 for the same value, and None where they differ without a measure.
    """
    if first == other:
        return 0.0
    if name in TIMES:
        return abs((_instant(first) - _instant(other)).total_seconds())
    points = [point_of(value) for value in (first, other)]
    if points[0] is not None and points[1] is not None:
        metres = geodesy.distance_m(points[0], points[1])
        return 0.0 if metres < _SAME_METRES else metres
    quantities = si_units.in_si(first), si_units.in_si(other)
    return 0.0 if quantities[0] is not None and quantities[0] == quantities[1] else None


def _instant(value: Any) -> datetime:
    return datetime.fromisoformat(value["about"] if isinstance(value, dict) else value)


def point_of(value: Any) -> geodesy.GeoPoint | None:
    """Return the point of a place, or the middle of its circle.

    None where it has neither.
    """
    if isinstance(value, dict) and "lat" in value and "lon" in value:
        return geodesy.GeoPoint(value["lat"], value["lon"])
    if isinstance(value, dict) and "circle" in value:
        return geodesy.GeoPoint(value["circle"]["pos"]["lat"], value["circle"]["pos"]["lon"])
    return None


def differing(exchange: Exchange) -> dict[str, list[str]]:
    """Return, for each other side, the fields on which its newest account differs.

    Empty lists once the sides have agreed on the facts.
    """
    fields: dict[str, list[str]] = {side: [] for side in exchange.accounts}
    if not exchange.accounts or consent.is_facts_agreed(exchange):
        return fields
    for compared_point in compare(exchange):
        for side in compared_point.otherwise:
            fields.setdefault(side, []).append(compared_point.name)
    return fields
