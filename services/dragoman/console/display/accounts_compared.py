"""Accounts of one event beside each other: where times, places, numbers and choices differ. Words are shown, and never compared."""

from collections.abc import Sequence

from markupsafe import Markup
from msgspec import Struct

from dragoman.console.display import field_history
from dragoman.console.display.act_display import Display
from dragoman.console.forms import field_types
from dragoman.domain.acts import developments
from dragoman.domain.views import accounts
from dragoman.domain.views.accounts import AccountStatement, ComparedPoint
from dragoman_schemas.state import Exchange

_LEFT = accounts.OF_THE_MESSAGE | {
    "subject",
    "to",
    "info",
    "precedence",
    "original",
    "references",
    "area",
}


class AccountRow(Struct, frozen=True, kw_only=True):
    """One point over all accounts: how each states it, and whether that is the same: `differs`, `same`, `one`, `none`, or `words`."""

    name: str
    label: str
    shown: tuple[Markup, ...]
    result: str
    said: str


def compared(
    state: Exchange, told: Sequence[AccountStatement], display: Display
) -> list[AccountRow]:
    """The points on which at least one account says something."""
    stated = {name for each in told for name in each.content}
    members = [
        each
        for each in field_types.members(state.act)
        if each.name in stated and each.name not in _LEFT
    ]
    return [_compared(member, state, told, display) for member in members]


def _compared(
    member: field_types.Member, state: Exchange, told: Sequence[AccountStatement], display: Display
) -> AccountRow:
    stands = member.name not in developments.OF_EVENT
    values = [accounts.value_of(each.content, member.name) for each in told]
    shown = tuple(
        display.shown(member.kind, value)
        + (
            field_history.since(display.words, state, member.name)
            if each.side == state.side and stands
            else ""
        )
        if value is not None
        else Markup("<small>{}</small>").format(
            display.words.value("unknown")
            if member.name in each.content
            else display.words.say("not said")
        )
        for each, value in zip(told, values, strict=True)
    )
    point = accounts.point(member.name, told)
    said = _said(member, point, len(told), display)
    return AccountRow(
        name=member.name,
        label=display.words.field(member.name),
        shown=shown,
        result=point.result,
        said=said,
    )


def _said(member: field_types.Member, point: ComparedPoint, told: int, display: Display) -> str:
    words = display.words
    match point.result:
        case "none":
            return words.say("stated by neither") if told == 2 else words.say("stated by nobody")
        case "one":
            return words.say(
                "stated by %(sides)s only",
                sides=words.listed(side.upper() for side in point.stated_by),
            )
        case "words":
            return words.say("as written")
        case "same":
            return words.say("same")
        case "differs" if point.apart is not None:
            apart = (
                words.span(point.apart)
                if member.name in accounts.TIMES
                else display.metres(point.apart)
            )
            return words.say("differs by %(d)s", d=apart)
        case _:
            return words.say("differs")


def points_of(told: Sequence[AccountStatement]) -> list[tuple[str, float, float]]:
    """Where each account places the event, as far as it names a point."""
    found = []
    for each in told:
        values = (accounts.value_of(each.content, name) for name in ("place", "pos"))
        point = next(
            (point for value in values if (point := accounts.point_of(value)) is not None), None
        )
        if point is not None:
            found.append((each.side.upper(), point.lat, point.lon))
    return found
