"""Differences between two records, exchange by exchange, then in the channel itself.

Each difference has its place, its old and new value, and the record that set it. The
data is the API's difference. A row names the place in the state in words; a place
without words is shown as its pointer.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from dragoman.application.http.conditional_requests import turn
from dragoman.application.http.queries import Whole
from dragoman.console.page.context import PageContext
from dragoman.console.page.point_in_time import travel
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import (
    Block,
    Empty,
    Form,
    Group,
    ListingRow,
    PageDocument,
    Remark,
    line,
    listing,
    section,
)
from dragoman.domain.record.errors import Refused
from dragoman.members import shapes, texts
from dragoman.members.kind import Say
from dragoman.members.runs import Aside, Cell, Mark, PageLink, Run, StandingSource, sourced
from dragoman.office.auditing import changes
from dragoman.office.auditing.changes import Carried, ChangesBetween, Set
from dragoman.text import sentence

SHOWN: Final = 50
"""The number of exchanges that a page shows; all of them are in its JSON."""

_ACTS: Final = 12
"""The number of records that are named for an exchange that was opened."""

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_STAMP: Final = {"position", "time", "by"}


async def between(context: PageContext, first: int, last: int) -> ChangesBetween:
    """Return the changes after a position, up to another.

    Raises `Refused` if there are more than one answer can have.
    """
    async with turn(context.request, context.projection):
        return await context.ask(lambda view: changes.between(view.at(last), first))


def blocks(context: PageContext, changes_between: ChangesBetween) -> tuple[Block, Remark]:
    """Return the changes as a page shows them, and a remark on what it leaves out.

    Each exchange is a group, and the channel itself the last one.
    """
    w, say, shown = context.words, context.words.say, changes_between.exchanges[:SHOWN]
    words, unchanged = _DiffWords(context), changes_between.unchanged
    groups = [words.group(exchange) for exchange in shown]
    channel = tuple(words.rows(changes_between.channel))
    if channel:
        groups.append(Group(channel, (say("The channel itself"),)))
    head = (say("Where"), say("Before"), say("After"), say("Set by record"))
    nothing = Empty(say("Nothing changed."), say("The state at both records is the same."))
    remark = say("Every exchange is shown.")
    if unchanged:
        remark = w.count(
            "%(n)s exchange is as it was and is not shown.",
            "%(n)s exchanges are as they were and are not shown.",
            unchanged,
        )
    more = len(changes_between.exchanges) - len(shown)
    if more:
        rest = w.count(
            "%(n)s more exchange changed: it is in the JSON of this page.",
            "%(n)s more exchanges changed: they are in the JSON of this page.",
            more,
        )
        remark = w.sentences((remark, rest))
    return listing(say("Changes"), head, groups, nothing) or nothing, Remark(remark)


class DifferencesQuery(Struct, frozen=True, kw_only=True):
    """The two records to compare; without `to`, the page's own is the second."""

    from_: Whole | None = field(name="from", default=None)
    to: Whole = 0


async def differences(context: PageContext) -> Page:
    """Return the page of the changes between two records."""
    query = context.asked(DifferencesQuery)
    first, last = query.from_, query.to or context.position
    if first is None or not 0 <= first < last <= context.position:
        raise refused(
            "bad-request",
            sentence(
                "from and to are records from 0 to %(newest)s. The first must be below the second.",
                newest=context.position,
            ),
        )
    changes_between = await between(context, first, last)
    table, remark = await context.in_thread(blocks, context, changes_between)
    w, say, ends = context.words, context.words.say, changes_between
    fields = (
        line("from", say("From record"), str(ends.from_)),
        line("to", say("to record"), str(ends.to)),
    )
    label, button = say("Other records"), say("Compare")
    other = Form(to="/differences", parts=fields, button=button, gets=True, label=label)
    count = w.count("%(n)s exchange", "%(n)s exchanges", len(ends.exchanges))
    a, b = w.number(ends.from_), w.number(ends.to)
    view = PageDocument(
        title=say("What changed from %(a)s to %(b)s", a=a, b=b),
        area="audit",
        crumbs=(PageLink(say("Audit"), "/audit", query={"compare": str(ends.from_)}),),
        lead=say("Each change names the record that set it. What did not change is left out."),
        sections=(section(say("Changes"), table, remark, other, aside=(count,)),),
    )
    return Page(view=view, values={"travel": await travel(context)})


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


class _DiffWords(PageWords):
    """The words for changes, for one page."""

    def group(self, carried: Carried) -> Group:
        """Return the changes of an exchange, or the records of a new one."""
        w, say = self.w, self.w.say
        number = self.exchange(carried.exchange, carried.number)
        heading: tuple[Run, ...] = (number, " ", w.act(carried.act))
        if carried.unchanged:
            same = w.count(
                "%(n)s member is as it was", "%(n)s members are as they were", carried.unchanged
            )
            heading += (" ", Aside(same))
        if not carried.was:
            set_by = carried.positions[:_ACTS]
            source = StandingSource("status", records=carried.positions)
            status = sourced(w.status(carried.status), source)
            cells = (say("The exchange"), say("not there"), status, self.positions(set_by))
            return Group((ListingRow(cells),), heading)
        rows = tuple(self.rows(carried.changes, carried.act))
        unchanged = (say("Something was said; no member changed."), "", "", "")
        return Group(rows or (ListingRow(unchanged),), heading)

    def rows(self, sets: Sequence[Set], act: str = "") -> Iterator[ListingRow]:
        """Yield a row for each change: its place, both values, and its record."""
        for change in sets:
            parts = [
                part.replace("~1", "/").replace("~0", "~") for part in change.pointer.split("/")[1:]
            ]
            if _is_bookkeeping(parts):
                continue
            text, names = _label(self.context, parts, channel=not act)
            rest = (" ", Aside(Mark("code", "/".join(names)))) if names else ()
            was, now = (_value(self, parts, act, raw) for raw in (change.was, change.now))
            by: Cell = self.w.say("not looked up")
            if change.set_by:
                member = "/".join(parts[1:]) if parts[0] == "content" else ""
                now = self.of_record(now, change.set_by, member)
                by = self.positions([change.set_by])
            yield ListingRow(((text, *rest), was, now, by))


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


def _value(words: PageWords, parts: list[str], act: str, raw: Raw | UnsetType) -> Cell:
    w = words.w
    if raw is UNSET:
        return w.say("not there")
    value, say = msgspec.json.decode(bytes(raw)), Say(words=w)
    member = (
        shapes.member(act, parts[1])
        if act and len(parts) == 2 and parts[0] in ("content", "defaults")
        else None
    )
    if member is not None:
        return member.kind.runs(value, say)
    match value:
        case bool():
            return w.value("true" if value else "false")
        case int():
            return w.number(value)
        case str() if parts == ["status"] and act:
            return w.status(value)
        case str() if _TIME.fullmatch(value):
            return words.time(value, "milli")
        case str() if parts[0] == "content":
            return texts.own_text(value, say)
        case str():
            return w.value(value) if parts[-1] in ("precedence", "area") else value
        case dict():
            return _object(words, value)
        case list() if all(isinstance(item, str) for item in value):
            return w.listed(value)
        case _:
            return _code(value)


def _object(words: PageWords, value: dict[str, Any]) -> Cell:
    """Return a stamp, an object with a stamp, or any other object as JSON."""
    w = words.w
    if value.keys() >= _STAMP:
        return (words.time(value["time"], "milli"), " ", Aside(value["by"]))
    if "upto" in value:
        return w.number(value["upto"])
    if "roles" in value:
        roles = w.listed(w.value(role) for role in value["roles"])
        return (roles, " ", Aside(value["office"]))
    stamp = next(
        (item for item in value.values() if isinstance(item, dict) and item.keys() >= _STAMP), None
    )
    if stamp is None:
        return _code(value)
    act = w.act(value["act"]) if isinstance(value.get("act"), str) else ""
    return (act, " ", words.time(stamp["time"], "milli"), " ", Aside(stamp["by"]))


def _code(value: object) -> Mark:
    return Mark("code", msgspec.json.encode(value).decode())


ROUTES: Final = (PageRoute(path="/differences", handler=differences),)
