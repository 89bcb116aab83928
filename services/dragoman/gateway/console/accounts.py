"""Accounts of one event beside each other: where times, places, numbers and choices differ. Words are shown, and never compared."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from markupsafe import Markup
from msgspec import Raw, Struct

from dragoman.domain import notation
from dragoman.gateway.console import kinds
from dragoman.gateway.console.said import Display
from dragoman.language.words import as_moment
from dragoman_schemas.state import Exchange

_LEFT = frozenset({"subject", "to", "info", "precedence", "original", "dtg", "attachments", "references", "passed_by", "area"})


class Told(Struct, frozen=True, kw_only=True):
    """One account: whose, at which record, and what it states; empty for what it leaves open."""

    side: str
    position: int
    time: str
    content: dict[str, Raw]


class Compared(Struct, frozen=True, kw_only=True):
    """One point over all accounts: how each states it, and whether that is the same: `differs`, `same`, `one`, `none`, or `words`."""

    name: str
    label: str
    shown: tuple[Markup, ...]
    result: str
    said: str


def accounts_of(state: Exchange) -> list[Told]:
    """The opening's account and each other side's newest, in the order in which they were given."""
    told = [Told(side=state.side, position=state.opened.position, time=state.opened.time, content=dict(state.content))]
    for side, given in state.accounts.items():
        newest = given[-1]
        content = dict(newest.content)
        for opening in ("description", "gist"):
            if opening in state.content and "facts" in content:
                content[opening] = content.pop("facts")
        told.append(Told(side=side, position=newest.given.position, time=newest.given.time, content=content))
    return told


def compared(state: Exchange, told: Sequence[Told], display: Display) -> list[Compared]:
    """The points on which at least one account says something."""
    stated = {name for each in told for name in each.content}
    members = [each for each in kinds.members(state.act) if each.name in stated and each.name not in _LEFT]
    return [_compared(member, told, display) for member in members]


def _compared(member: kinds.Member, told: Sequence[Told], display: Display) -> Compared:
    values = [_value(each.content, member.name) for each in told]
    shown = tuple(
        Markup("<small>{}</small>").format(display.words.value("unknown")) if value is None else display.shown(member.kind, value)
        for value in values
    )
    result, said = _judged(member, values, [each.side for each in told], display)
    return Compared(name=member.name, label=display.words.field(member.name), shown=shown, result=result, said=said)


def _value(content: Mapping[str, Raw], name: str) -> Any:
    raw = content.get(name)
    value = None if raw is None else msgspec.json.decode(bytes(raw))
    return None if value == "unknown" else value


def _judged(member: kinds.Member, values: Sequence[Any], sides: Sequence[str], display: Display) -> tuple[str, str]:
    words = display.words
    there = [(side, value) for side, value in zip(sides, values, strict=True) if value is not None]
    if not there:
        return "none", words.say("stated by neither") if len(values) == 2 else words.say("stated by nobody")
    if len(there) < len(values):
        return "one", words.say("stated by %(sides)s only", sides=words.listed(side.upper() for side, _ in there))
    if isinstance(member.kind, kinds.Text | kinds.Texts | kinds.Line | kinds.Lines | kinds.Rows | kinds.Files):
        return "words", words.say("as written")
    first, second = there[0][1], there[1][1]
    if isinstance(member.kind, kinds.Time):
        apart = abs((_moment(first) - _moment(second)).total_seconds())
        return ("same", words.say("same")) if not apart else ("differs", words.say("differs by %(d)s", d=words.span(apart)))
    points = [_point(value) for value in (first, second)]
    if isinstance(member.kind, kinds.Place) and points[0] is not None and points[1] is not None:
        metres = notation.distance_m(points[0], points[1])
        return ("same", words.say("same")) if metres < 1 else ("differs", words.say("differs by %(d)s", d=display.metres(metres)))
    same = all(value == first for _, value in there)
    return ("same", words.say("same")) if same else ("differs", words.say("differs"))


def _moment(value: Any) -> Any:
    return as_moment(value["about"] if isinstance(value, dict) else value)


def _point(value: Any) -> notation.Point | None:
    if isinstance(value, dict) and "lat" in value and "lon" in value:
        return notation.Point(value["lat"], value["lon"])
    if isinstance(value, dict) and "circle" in value:
        return notation.Point(value["circle"]["pos"]["lat"], value["circle"]["pos"]["lon"])
    return None


def points_of(told: Sequence[Told]) -> list[tuple[str, float, float]]:
    """Where each account places the event, as far as it names a point."""
    found = []
    for each in told:
        point = _point(_value(each.content, "place")) or _point(_value(each.content, "pos"))
        if point is not None:
            found.append((each.side.upper(), point.lat, point.lon))
    return found
