"""The statements of each side of an event, and the differences between them.

    whose     iran     8 Jan 04:10Z   nobody of this channel
              canada   9 Jan 16:10Z   iran                     differs from 9 Jan 16:10Z
              iran    11 Jan 03:45Z   iran (taken back)        until 11 Jan 03:45Z

Every side has its rows, whoever admits and whoever denies. A difference is kept with
its begin and its end, whoever yields.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET

from dragoman.domain.acts import consent
from dragoman.domain.acts.accounts import WORDS, AccountStatement, point
from dragoman.domain.acts.families.incidents import ACCOUNTED
from dragoman.domain.acts.statements import Statement, standing, statements
from dragoman_schemas.responses import AccountsDifference, StatedValue
from dragoman_schemas.state import Exchange, Stamp

MEMBERS: Final = ("kind", "nature", "whose", "cause_established", "time", "place", "casualties")
"""The listed members: what it was, whose, why, when, where, and the toll."""


def stated_values(exchange: Exchange) -> tuple[StatedValue, ...]:
    """Return every statement on the members of an event, by member and record."""
    if exchange.act not in ACCOUNTED:
        return ()
    return tuple(
        StatedValue(
            member=name,
            side=statement.side,
            change=statement.change,
            value=statement.value,
            time=statement.told.when,
            position=statement.told.position,
            reason=statement.reason or UNSET,
            known_since=statement.known_since,
        )
        for name in MEMBERS
        for statement in statements(exchange, name)
    )


def differences(exchange: Exchange) -> tuple[AccountsDifference, ...]:
    """Return each difference between the accounts of an event, with its begin and end.

    Words are never compared. An agreement of all on the facts ends every difference.
    """
    if exchange.act not in ACCOUNTED or not exchange.accounts:
        return ()
    names = {
        name for accounts in exchange.accounts.values() for one in accounts for name in one.content
    }
    return tuple(
        sorted(
            (item for name in names - WORDS for item in _differences(exchange, name)),
            key=lambda item: (item.begins_at, item.member),
        )
    )


def _differences(exchange: Exchange, name: str) -> Iterator[AccountsDifference]:
    so_far: list[Statement] = []
    begun: tuple[Stamp, tuple[str, ...]] | None = None
    for statement in statements(exchange, name):
        so_far.append(statement)
        values = [
            AccountStatement(
                side=side, position=one.told.position, time=one.told.when, content={name: one.value}
            )
            for side, one in standing(so_far).items()
        ]
        compared = point(name, values)
        if compared.result == "differs" and begun is None:
            begun = statement.told, tuple(sorted(compared.stated_by))
        elif compared.result != "differs" and begun is not None:
            yield _difference(name, *begun, statement.told)
            begun = None
    if begun is not None:
        yield _difference(name, *begun, _agreed_at(exchange))


def _agreed_at(exchange: Exchange) -> Stamp | None:
    """Return the record by which all agreed on the facts; None if they have not."""
    agreements = exchange.acts.get("accounts-agreement", ())
    if not agreements or not consent.is_facts_agreed(exchange):
        return None
    return max((item.said for item in agreements), key=lambda stamp: stamp.position)


def _difference(
    name: str, begins: Stamp, sides: tuple[str, ...], ends: Stamp | None
) -> AccountsDifference:
    return AccountsDifference(
        member=name,
        sides=sides,
        begins=begins.when,
        begins_at=begins.position,
        ends="" if ends is None else ends.when,
        ends_at=0 if ends is None else ends.position,
        ended_by="" if ends is None else ends.side,
    )
