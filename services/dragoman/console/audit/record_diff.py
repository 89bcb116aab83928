"""Differences between two records, exchange by exchange, then in the channel itself.

Each difference has its place, its old and new value, and the record that set it. The
data is the API's difference. A row names the place in the state in words; a place
without words is shown as its pointer.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from markupsafe import Markup, escape
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.application.http import submission
from dragoman.application.http.conditional_requests import turn
from dragoman.console.context import PageContext
from dragoman.console.display.act_display import Display
from dragoman.console.pages.point_in_time import travel
from dragoman.console.rendering import Page, PageRoute, refused
from dragoman.domain.record.errors import Refused
from dragoman.members import shapes
from dragoman.projection.queries import changes
from dragoman.projection.queries.changes import Carried, ChangesBetween, Set
from dragoman.text import sentence

SHOWN: Final = 50
"""The number of exchanges that a page shows; all of them are in its JSON."""

_ACTS: Final = 12
"""The number of records that are named for an exchange that was opened."""

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_STAMP: Final = {"position", "time", "by"}


class FlatChange(Struct, frozen=True, kw_only=True):
    """One change as a row of a table."""

    exchange: str
    number: str
    pointer: str
    was: Raw
    now: Raw
    set_by: int


@dataclass(frozen=True, kw_only=True)
class DiffRow:
    """One change as a page shows it, and the records that set it.

    A change has one record; an exchange that was opened has all of its records.
    """

    where: Markup
    was: Markup
    now: Markup
    set_by: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class DiffGroup:
    """The changes of one exchange, or of the channel itself without an exchange."""

    rows: tuple[DiffRow, ...]
    exchange: Carried | None = None


async def between(context: PageContext, first: int, last: int) -> ChangesBetween:
    """Return the changes after a position, up to another.

    Raises `Refused` if there are more than one answer can have.
    """
    async with turn(context.request, context.projection):
        return await context.ask(lambda view: changes.between(view.at(last), first))


def groups(context: PageContext, changes_between: ChangesBetween) -> tuple[DiffGroup, ...]:
    """Return the changes as a page shows them: each exchange, then the channel."""
    display = Display(context.words, link=context.link)
    listed = [
        DiffGroup(
            exchange=exchange,
            rows=tuple(
                _rows(context, display, exchange.changes, exchange.act)
                if exchange.was
                else [_opened(context, exchange)]
            ),
        )
        for exchange in changes_between.exchanges[:SHOWN]
    ]
    channel = tuple(_rows(context, display, changes_between.channel, ""))
    return (*listed, DiffGroup(rows=channel)) if channel else tuple(listed)


def flat(changes_between: ChangesBetween) -> tuple[FlatChange, ...]:
    """Return the changes as rows of one table."""
    every = [
        *(
            (exchange.exchange, exchange.number, change)
            for exchange in changes_between.exchanges
            for change in exchange.changes
        )
    ]
    every += [("", "", change) for change in changes_between.channel]
    return tuple(
        FlatChange(
            exchange=exchange,
            number=number,
            pointer=change.pointer,
            was=_cell(change.was),
            now=_cell(change.now),
            set_by=change.set_by,
        )
        for exchange, number, change in every
    )


def _cell(raw: Raw | UnsetType) -> Raw:
    return raw if isinstance(raw, Raw) else Raw(b'""')


async def differences(context: PageContext) -> Page:
    """Return the page of the changes between two records."""
    query = context.request.query
    first, last = (
        submission.whole(query.get("from", "")),
        submission.whole(query.get("to", "")) or context.position,
    )
    if first is None or not 0 <= first < last <= context.position:
        raise refused(
            "bad-request",
            sentence(
                "from and to are records from 0 to %(newest)s. The first must be below the second.",
                newest=context.position,
            ),
        )
    changes_between = await between(context, first, last)
    values = {
        "groups": groups(context, changes_between),
        "shown": SHOWN,
        "travel": await travel(context),
    }
    return Page(
        template="difference.html", view=changes_between, rows=flat(changes_between), values=values
    )


async def compared(context: PageContext, other: int | None) -> tuple[ChangesBetween | None, str]:
    """Return the changes between the page's record and another one.

    If they are not shown, the first value is None and the second says why.
    """
    if other is None or not 1 <= other <= context.newest:
        return None, context.words.say(
            "Records are counted from 1 to %(n)s.", n=context.words.number(context.newest)
        )
    first, last = sorted((other, context.position))
    if first == last:
        return None, context.words.say("Both are the same record: nothing changed.")
    try:
        return await between(context, first, last), ""
    except Refused:
        return None, context.words.say(
            "Too much changed between these records. Choose two that are nearer to each other."
        )


# Rows


def _opened(context: PageContext, carried: Carried) -> DiffRow:
    words = context.words
    return DiffRow(
        where=escape(words.say("The exchange")),
        was=escape(words.say("not there")),
        now=escape(words.status(carried.status)),
        set_by=carried.positions[:_ACTS],
    )


def _rows(
    context: PageContext, display: Display, sets: Sequence[Set], act: str
) -> Iterator[DiffRow]:
    for change in sets:
        parts = [
            part.replace("~1", "/").replace("~0", "~") for part in change.pointer.split("/")[1:]
        ]
        if _is_bookkeeping(parts):
            continue
        text, names = _label(context, parts, channel=not act)
        where = (
            escape(text)
            if not names
            else Markup("{} <small><code>{}</code></small>").format(text, "/".join(names))
        )
        was, now = (_value(context, display, parts, act, raw) for raw in (change.was, change.now))
        yield DiffRow(
            where=where, was=was, now=now, set_by=(change.set_by,) if change.set_by else ()
        )


def _is_bookkeeping(parts: Sequence[str]) -> bool:
    """Return whether a change is only the position of something else that changed."""
    return (len(parts) > 1 and parts[-1] == "position") or (
        parts[0] == "delivered" and "recorded" in parts
    )


def _label(context: PageContext, parts: list[str], *, channel: bool) -> tuple[str, list[str]]:
    """Return the place of a change in words, and the rest of its pointer."""
    if channel:
        return _of_channel(context, parts)
    match parts:
        case ["messages", place, *rest]:
            return _of_message(context, int(place) + 1, rest)
        case ["meeting", *rest]:
            return _of_meeting(context, rest)
        case _:
            return label(context, parts)


_CHANGES: Final = {
    "corrections": "correction",
    "developments": "update",
    "amended": "amendment",
    "retractions": "retraction",
}
"""The lists in a state that keep the changes of an opening, and the acts of each."""


def label(context: PageContext, parts: list[str]) -> tuple[str, list[str]]:
    """Return a place in the state of an exchange in words, and its pointer's rest."""
    words, say = context.words, context.words.say
    match parts:
        case ["status"]:
            return say("Status"), []
        case ["content", name, *rest]:
            return words.field(name), rest
        case ["defaults", name, *rest]:
            return say("%(what)s, by default", what=words.field(name)), rest
        case [list_of_changes, place, *rest] if list_of_changes in _CHANGES:
            act = words.act(_CHANGES[list_of_changes])
            return say("%(what)s %(n)s", what=act, n=words.number(int(place) + 1)), rest
        case ["proposed", name, *rest]:
            return say("%(what)s, as proposed", what=words.field(name)), rest
        case ["closures", side, *rest]:
            return say("Closed by %(side)s", side=side.upper()), rest
        case ["accounts", side, *rest]:
            return say("Account of %(side)s", side=side.upper()), rest[1:]
        case ["acts", name, place, *rest]:
            return say(
                "%(what)s, number %(n)s", what=words.act(name), n=words.number(int(place) + 1)
            ), rest
        case ["cancellation" | "second_key" as name, *rest]:
            return words.act(name.replace("_", "-")), rest
        case [name] if name in shapes.FRAME:
            return words.field(name), []
        case _:
            return say("State"), parts


def _of_message(context: PageContext, place: int, parts: list[str]) -> tuple[str, list[str]]:
    say, n = context.words.say, context.words.number(place)
    match parts:
        case ["acknowledged", side, *rest]:
            return say(
                "Message %(n)s: receipt acknowledged by %(side)s", n=n, side=side.upper()
            ), rest
        case ["answered", side, *rest]:
            return say("Message %(n)s: answered by %(side)s", n=n, side=side.upper()), rest
        case _:
            return say("Message %(n)s", n=n), parts


def _of_meeting(context: PageContext, parts: list[str]) -> tuple[str, list[str]]:
    say = context.words.say
    match parts:
        case ["accepted", side, *rest]:
            return say("Accepted by %(side)s", side=side.upper()), rest
        case ["declined", side, *rest]:
            return say("Declined by %(side)s", side=side.upper()), rest
        case ["readouts", side, *rest]:
            return say("Readout of %(side)s", side=side.upper()), rest[1:]
        case ["held", *rest]:
            return say("Held"), rest[1:]
        case _:
            return say("State"), ["meeting", *parts]


def _of_channel(context: PageContext, parts: list[str]) -> tuple[str, list[str]]:
    say = context.words.say
    match parts:
        case ["delivered", side, *rest]:
            return say("Delivered to %(side)s, up to record", side=side.upper()), [
                part for part in rest if part != "upto"
            ]
        case ["watches", side, *rest]:
            return say("Watch of %(side)s", side=side.upper()), rest
        case ["officers", name, *rest]:
            return say("Officer %(who)s", who=name), rest
        case ["keys", id, *rest]:
            return say("Key %(id)s", id=id[:8]), rest
        case ["profiles", side, *rest]:
            return say("Limits adopted by %(side)s", side=side.upper()), rest
        case ["codebooks", side, *rest]:
            return say("Codebook adopted by %(side)s", side=side.upper()), rest
        case ["policies", side, *rest]:
            return say("Policy of witnesses adopted by %(side)s", side=side.upper()), rest
        case ["policy"]:
            return say("Policy of witnesses in force"), []
        case ["status", *rest]:
            return say("Status of the channel"), rest
        case ["erased", id, *rest]:
            return say("Erased"), [id, *rest]
        case _:
            return say("The channel"), parts


def _value(
    context: PageContext, display: Display, parts: list[str], act: str, raw: Raw | UnsetType
) -> Markup:
    words = context.words
    if raw is UNSET:
        return escape(words.say("not there"))
    value = msgspec.json.decode(bytes(raw))
    member = (
        shapes.member(act, parts[1])
        if act and len(parts) == 2 and parts[0] in ("content", "defaults")
        else None
    )
    if member is not None:
        return display.shown(member.kind, value)
    match value:
        case bool():
            return escape(words.value("true" if value else "false"))
        case int():
            return escape(words.number(value))
        case str() if parts == ["status"] and act:
            return escape(words.status(value))
        case str() if _TIME.fullmatch(value):
            return words.time(value, "milli")
        case str():
            return (
                display.text(value)
                if parts[0] == "content"
                else escape(_word(context, parts, value))
            )
        case dict():
            return _object(context, value)
        case list() if all(isinstance(item, str) for item in value):
            return escape(words.listed(value))
        case _:
            return _code(value)


def _word(context: PageContext, parts: list[str], value: str) -> str:
    return context.words.value(value) if parts[-1] in ("precedence", "area") else value


def _object(context: PageContext, value: dict[str, Any]) -> Markup:
    """Return a stamp, an object with a stamp, or any other object as JSON."""
    words = context.words
    if value.keys() >= _STAMP:
        return Markup("{} <small>{}</small>").format(
            words.time(value["time"], "milli"), value["by"]
        )
    if "upto" in value:
        return escape(words.number(value["upto"]))
    if "roles" in value:
        return Markup("{} <small>{}</small>").format(
            words.listed(words.value(role) for role in value["roles"]), value["office"]
        )
    stamp = next(
        (item for item in value.values() if isinstance(item, dict) and item.keys() >= _STAMP), None
    )
    if stamp is None:
        return _code(value)
    act = words.act(value["act"]) if isinstance(value.get("act"), str) else ""
    return Markup("{} {} <small>{}</small>").format(
        act, words.time(stamp["time"], "milli"), stamp["by"]
    )


def _code(value: object) -> Markup:
    return Markup('<code class="break">{}</code>').format(msgspec.json.encode(value).decode())


ROUTES: Final = (PageRoute(path="/differences", handler=differences),)
