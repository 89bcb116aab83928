"""The statements of each side of one event: what it stated, when, and what changed it.

    opening          8 Jan 04:10   iran      cause_established  "A technical failure"
    account          9 Jan 16:10   canada    whose              iran
    retraction      11 Jan 03:45   iran      cause_established  "Hit by a missile"

There are three kinds of change. The world changed, or a side knows better than
*unknown* or *about*: an update says so. It was not so: only a retraction says that,
with a reason and the time since when the side has known it. A correction is for a slip.
None of them removes what was stated before.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec
from msgspec import Raw, Struct

from dragoman.domain.acts import consent, developments
from dragoman_schemas.state import Development, Exchange, Stamp, StateCorrection, StateRetraction

Change = Literal[
    "opening", "update", "correction", "amendment", "account", "final_report", "retraction"
]

GUARDED: Final = ("kind", "time", "whose", "cause_established")
"""Members that only a retraction leads from one definite value to another."""


class Statement(Struct, frozen=True, kw_only=True):
    """One statement of a side on a member of an event.

    `as_of` is the time of which it speaks, empty for that of the event. `reason` and
    `known_since` are those of a retraction or a correction.
    """

    side: str
    change: Change
    value: Raw
    told: Stamp
    as_of: str = ""
    reason: Raw | None = None
    known_since: str = ""


def statements(exchange: Exchange, name: str) -> list[Statement]:
    """Return the statements of all sides on a member, in the order of their records."""
    return sorted(
        (*_of_opener(exchange, name), *_of_others(exchange, name), *_retracted(exchange, name)),
        key=lambda statement: statement.told.position,
    )


def stated(exchange: Exchange, name: str) -> dict[str, Statement]:
    """Return the statement of each side on a member that stands now."""
    return standing(statements(exchange, name))


def standing(in_order: list[Statement]) -> dict[str, Statement]:
    """Return the last of some statements of each side.

    An update as of an earlier time changes nothing that stands.
    """
    last: dict[str, Statement] = {}
    for statement in in_order:
        before = last.get(statement.side)
        is_older = (
            before is not None
            and statement.change == "update"
            and before.as_of > statement.as_of > ""
        )
        if not is_older:
            last[statement.side] = statement
    return last


def is_definite(value: Raw) -> bool:
    """Return whether a value is neither unknown nor about a time."""
    decoded = msgspec.json.decode(value)
    is_rough = isinstance(decoded, dict) and "about" in decoded
    return not is_rough and not developments.is_unknown(value)


def is_same(one: Raw, other: Raw) -> bool:
    """Return whether two values say the same. Another language adds to a text."""
    first, second = msgspec.json.decode(one), msgspec.json.decode(other)
    if isinstance(first, list) and isinstance(second, list):
        return sorted(map(str, first)) == sorted(map(str, second))
    return bool(first == second) or consent.says(one, other) or consent.says(other, one)


def turned(exchange: Exchange, side: str, fields: Mapping[str, Raw]) -> str:
    """Return a guarded member that gets another definite value; empty if none does."""
    for name in GUARDED:
        value, before = fields.get(name), stated(exchange, name).get(side)
        if (
            value is not None
            and before is not None
            and is_definite(before.value)
            and is_definite(value)
            and not is_same(before.value, value)
        ):
            return name
    return ""


def _of_opener(exchange: Exchange, name: str) -> Iterator[Statement]:
    side, sent = exchange.side, developments.as_sent(exchange, name)
    if sent is not None:
        yield Statement(side=side, change="opening", value=sent, told=exchange.opened)
    for change in developments.changes(exchange):
        value, stamp = change.fields.get(name), developments.stamp_of(change)
        match change:
            case _ if value is None:
                continue
            case StateCorrection():
                reason = Raw(msgspec.json.encode(change.reason))
                yield Statement(
                    side=side, change="correction", value=value, told=stamp, reason=reason
                )
            case Development():
                yield Statement(
                    side=side, change="update", value=value, told=stamp, as_of=change.as_of
                )
            case StateRetraction():
                continue
            case _:
                yield Statement(side=side, change="amendment", value=value, told=stamp)
    for report in exchange.acts.get("final-report", ()):
        if name in report.content:
            yield Statement(
                side=side, change="final_report", value=report.content[name], told=report.said
            )


def _of_others(exchange: Exchange, name: str) -> Iterator[Statement]:
    for side, accounts in exchange.accounts.items():
        for account in accounts:
            if name in account.content:
                yield Statement(
                    side=side, change="account", value=account.content[name], told=account.given
                )


def _retracted(exchange: Exchange, name: str) -> Iterator[Statement]:
    for retraction in exchange.retractions:
        if name in retraction.fields:
            yield Statement(
                side=retraction.retracted.side,
                change="retraction",
                value=retraction.fields[name],
                told=retraction.retracted,
                reason=retraction.reason,
                known_since=retraction.known_since,
            )
