"""Accounts of one event beside each other, with the points on which they differ.

Times, places, numbers and choices are compared. Words are shown, and never compared.
"""

from collections.abc import Sequence

import msgspec
from markupsafe import Markup
from msgspec import Struct

from dragoman.console.display import field_history
from dragoman.console.display.act_display import Display
from dragoman.domain.acts import accounts, developments
from dragoman.domain.acts.accounts import AccountStatement, ComparedPoint
from dragoman.members import shapes
from dragoman.members.kind import Member
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
"""Members that are not points of the comparison."""


class AccountRow(Struct, frozen=True, kw_only=True):
    """One point over all accounts: each account's statement, and the result.

    The result is `differs`, `same`, `one`, `none` or `words`; `result_text` is the same
    in words.
    """

    name: str
    label: str
    shown: tuple[Markup, ...]
    result: str
    result_text: str = msgspec.field(name="said")


def compared(
    state: Exchange, account_statements: Sequence[AccountStatement], display: Display
) -> list[AccountRow]:
    """Return the points on which at least one account says something."""
    stated = {
        name for account_statement in account_statements for name in account_statement.content
    }
    members = [
        member
        for member in shapes.members(state.act)
        if member.name in stated and member.name not in _LEFT
    ]
    return [_compared(member, state, account_statements, display) for member in members]


def _compared(
    member: Member,
    state: Exchange,
    account_statements: Sequence[AccountStatement],
    display: Display,
) -> AccountRow:
    stands = member.name not in developments.OF_EVENT
    values = [
        accounts.value_of(account_statement.content, member.name)
        for account_statement in account_statements
    ]
    shown = tuple(
        display.at(_record_of(member.name, state, account_statement)).value(member, value)
        + (
            field_history.since(display.words, state, member.name)
            if account_statement.side == state.side and stands
            else ""
        )
        if value is not None
        else Markup("<small>{}</small>").format(
            display.words.value("unknown")
            if member.name in account_statement.content
            else display.words.say("not said")
        )
        for account_statement, value in zip(account_statements, values, strict=True)
    )
    point = accounts.point(member.name, account_statements)
    text = _said(member, point, len(account_statements), display)
    return AccountRow(
        name=member.name,
        label=display.words.field(member.name, member.act),
        shown=shown,
        result=point.result,
        result_text=text,
    )


def _record_of(name: str, state: Exchange, account: AccountStatement) -> int:
    """Return the record that gave an account the present value of a member."""
    if account.side != state.side:
        return account.position
    later = developments.later_values(state)
    return next(
        (item.said.position for item in later if item.is_present and item.name == name),
        account.position,
    )


def _said(member: Member, point: ComparedPoint, number: int, display: Display) -> str:
    words = display.words
    match point.result:
        case "none":
            return words.say("stated by neither") if number == 2 else words.say("stated by nobody")
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


def points_of(account_statements: Sequence[AccountStatement]) -> list[tuple[str, float, float]]:
    """Return each account's place of the event, where it names a point.

    Each is the side, the latitude and the longitude.
    """
    points = []
    for account_statement in account_statements:
        values = (accounts.value_of(account_statement.content, name) for name in ("place", "pos"))
        point = next(
            (point for value in values if (point := accounts.point_of(value)) is not None), None
        )
        if point is not None:
            points.append((account_statement.side.upper(), point.lat, point.lon))
    return points
