"""The inbox: a list of the channel's exchanges, which is the search as well.

The query in the address narrows the list. Each exchange shows the most urgent thing
that it waits for. Whoever has the address has the list.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Final, get_args
from urllib.parse import parse_qsl, urlencode

from aiohttp import web
from msgspec import Struct, convert
from msgspec.structs import asdict, replace

from dragoman.application.deadline_cache import open_deadlines_of
from dragoman.application.http import submission
from dragoman.application.http.queries import has_empty
from dragoman.application.operations import report_requests
from dragoman.console.charts import charts
from dragoman.console.display.deadline_rows import DeadlineRow, Level, by_urgency, deadline_row
from dragoman.console.matter import inbox_lines, matter_list, shelving
from dragoman.console.matter.matter_list import MatterGroup, MatterRow
from dragoman.console.matter.reading import READ_POSITIONS
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page.sessions import form_of, redirect, said
from dragoman.console.search import help_page
from dragoman.domain.acts.act_registry import in_force
from dragoman.domain.acts.families.exchange import ENDED
from dragoman.i18n.words import Words
from dragoman.limits import PAST_LOOKED, SCREEN_ROWS, SEARCH_CHARACTERS
from dragoman.projection.open_deadlines import (
    OpenDeadline,
    deadlines_in,
    owing_in,
    past_deadlines,
)
from dragoman.projection.queries import lists
from dragoman.text import sentence
from dragoman_schemas.act_frame import Area
from dragoman_schemas.responses import Row, Rows
from dragoman_schemas.state_responses import OpenMatter, Owing

_VALUES: Final = 10
"""Values of a facet that are visible at once."""

_MISSED: Final = frozenset({"missed", "echoed_with_errors", "no_response"})


class InboxFilter(lists.Filter, frozen=True, kw_only=True):
    """The filter of a list, as the API has it, and `waits`.

    `waits` is `us` or `them`: the side whose act the exchange waits for. `all` is no
    condition; it says that the reader wants everything.
    """

    waits: str = ""

    def awaited(self, context: PageContext) -> tuple[str, ...]:
        """Return the sides of which one must owe something.

        Return none if the filter does not ask for that.
        """
        match self.waits:
            case "us":
                return (context.side,)
            case "them":
                return tuple(side for side in context.sides if side != context.side)
            case _:
                return ()

    def query(self) -> dict[str, str]:
        """Return the filter as the query of an address, without the page's start."""
        return {
            name: value
            for name, value in asdict(self).items()
            if value and name != "cursor" and (name, value) != ("waits", "all")
        }


class InboxRow(Row, frozen=True, kw_only=True):
    """One exchange of the list, with its most urgent deadline.

    `clock` is empty if no deadline is open. `waited_s` and `limit_s` are in seconds.
    `message_act` is the message that started the deadline, and `by` its author.
    """

    level: Level
    clock: str = ""
    owed_by: str = ""
    message_act: str = ""
    by: str = ""
    due: str = ""
    waited_s: int = 0
    limit_s: int = 0
    spent: float = 0.0
    late: bool = False


class Inbox(Struct, frozen=True, kw_only=True):
    """A page of the list, with its counts.

    `count` is the number of exchanges that match, and `in_all` the number in the
    channel. `facets` counts the matches by kind.

    `without` says how many would match without each part of a filter that matches
    nothing. A count that would take too long is null.
    """

    channel: str
    position: int
    wanted: InboxFilter
    exchanges: tuple[InboxRow, ...]
    next: str
    count: int | None
    in_all: int
    facets: dict[str, dict[str, int] | None]
    without: dict[str, int | None]


class FilterPart(Struct, frozen=True, kw_only=True):
    """One part of a filter in words, and the address without it."""

    name: str
    text: str
    address: str


class FacetValue(Struct, frozen=True, kw_only=True):
    """One value that would narrow the list further.

    It has its number of matches and its address.
    """

    text: str
    count: int
    address: str


class Facet(Struct, frozen=True, kw_only=True):
    """The values of one kind: those visible at once, and the rest."""

    name: str
    label: str
    values: tuple[FacetValue, ...]
    rest: tuple[FacetValue, ...] = ()


async def inbox(context: PageContext) -> Page | web.StreamResponse:
    """Return the list."""
    inbox_filter = context.asked(InboxFilter)
    if any(len(value) > SEARCH_CHARACTERS for value in asdict(inbox_filter).values()):
        raise refused(
            "bad-request",
            sentence(
                "A search has at most %(limit)s characters; give fewer words.",
                limit=SEARCH_CHARACTERS,
            ),
        )
    address = partial(context.link, "/inbox")
    if not context.request.match_info.get("form") and has_empty(context.request, InboxFilter):
        return redirect(address(**inbox_filter.query()))
    if await _begins_with_ours(context, inbox_filter):
        return redirect(address(waits="us"))
    rows, owed = await _found(context, inbox_filter)
    view = await _counted(context, inbox_filter, rows, owed)
    parts = list(_parts(context, inbox_filter))
    groups = (
        await _groups(context, inbox_filter)
        if inbox_filter.query().keys() == {"waits"} and not (rows.next or context.past)
        else []
    )
    return Page(
        template="inbox.html",
        view=view,
        rows=view.exchanges,
        values={
            "parts_of": parts,
            "groups": groups,
            "contexts": {},
            "drops": _to_drop(view, parts),
            "segments": _segments(context, inbox_filter),
            "facets": list(_facets(context, view)),
            "left_out": [
                _labels(context.words)[name]
                for name, values in view.facets.items()
                if values is None
            ],
            "shown": list(_shown(context, view)),
            "next": address(**inbox_filter.query(), cursor=view.next) if view.next else "",
            "first": _narrowed(context, inbox_filter.query()) if inbox_filter.cursor else "",
            "everything": address(waits="all"),
            "lines": inbox_lines.lines(
                context, rows.exchanges, await inbox_lines.reading_of(context), inbox_filter.q
            ),
            "query": urlencode(inbox_filter.query()),
            "choices": _choices(context),
            "labels": _labels(context.words),
            "levels": help_page.level_words(context.words),
            "receipts": _receipts(context, owed) if context.may_post else {},
            "clock_bar": charts.clock,
            "said": context.said,
        },
    )


def _narrowed(context: PageContext, query: Mapping[str, str]) -> str:
    """Return the address of a list; without any condition, that of everything."""
    parts = {name: value for name, value in query.items() if value}
    return context.link("/inbox", **(parts or {"waits": "all"}))


async def _begins_with_ours(context: PageContext, inbox_filter: InboxFilter) -> bool:
    """Return whether the address asks for nothing, and something waits for the reader.

    The inbox then opens on what waits. A reader without a side to act for, and a page
    of the past, see everything.
    """
    if (
        context.past
        or not context.is_officer
        or context.request.match_info.get("form")
        or inbox_filter != InboxFilter()
        or context.said
    ):
        return False
    return bool(await _owing(context, InboxFilter(waits="us")))


# The rows


async def _groups(context: PageContext, inbox_filter: InboxFilter) -> list[MatterGroup]:
    """Return the duties of the awaited sides, as the board lists them, then later ones.

    All of it is there, so that nothing is owed on one page only.
    """
    owed = await open_deadlines_of(context.request.app, context.projection)
    matters = owed.matters()
    awaited = {*inbox_filter.awaited(context)}
    rows = matter_list.rows_of(context, owed.listed(), matters)
    read = await inbox_lines.reading_of(context)
    floor = report_requests.floor_of(context.request.app, context.projection, context.side)
    shelved = {} if floor is None else shelving.in_force(floor, context.service.now())
    on_list = {row.key for row in shelving.unshelved(rows, shelved)}
    rows = [row for row in rows if not awaited.isdisjoint(row.owed_by)]
    near = [row for row in rows if row.key in on_list and not row.beyond]
    aside = [row for row in rows if row.key not in on_list]
    later = [row for row in rows if row.key in on_list and row.beyond]

    def groups_of(rows: list[MatterRow]) -> list[MatterGroup]:
        first, left_out = matter_list.first_of(rows)
        shown = matter_list.displayed(context, first, matters, read)
        return matter_list.groups_of(context, shown, left_out, is_linked=False)

    def named(name: str, word: str, rows: list[MatterRow]) -> Iterator[MatterGroup]:
        for group in groups_of(rows):
            yield replace(group, name=f"{name}-{group.whose}", word=word)

    return [
        *groups_of(near),
        *named("later", context.words.say("Beyond the watch"), later),
        *named("aside", context.words.say("Set aside"), aside),
    ]


async def _owing(context: PageContext, inbox_filter: InboxFilter) -> frozenset[str] | None:
    """Return the exchanges that a filter by who owes selects; None without one.

    They are those of which the board says that a side owes something.
    """
    sides = inbox_filter.awaited(context)
    if not sides:
        return None
    if context.past:
        past = await context.ask(past_deadlines)
        return owing_in(past.duties, past.matters, sides)
    return (await open_deadlines_of(context.request.app, context.projection)).owing(sides)


class _Owed(Struct, frozen=True, kw_only=True):
    """The deadlines of one exchange, and its duties that have no limit.

    The most urgent comes first, and before it what the awaited sides owe.
    """

    deadlines: list[DeadlineRow]
    unlimited: list[Owing]


async def _found(context: PageContext, inbox_filter: InboxFilter) -> tuple[Rows, dict[str, _Owed]]:
    """Return a page of the list, and what is owed in its exchanges."""
    only = await _owing(context, inbox_filter)
    owed: Mapping[str, tuple[OpenDeadline, ...]]
    matters: dict[str, OpenMatter | None] = {}
    rows = await context.ask(lists.listed, inbox_filter, SCREEN_ROWS, only)
    if context.past:
        owed = await context.ask(deadlines_in, [row.id for row in rows.exchanges])
    else:
        open_deadlines = await open_deadlines_of(context.request.app, context.projection)
        owed = {row.id: open_deadlines.of(row.id) for row in rows.exchanges}
        matters = {row.id: open_deadlines.matter(row.id) for row in rows.exchanges}
    awaited = inbox_filter.awaited(context)

    def owed_in(id: str) -> _Owed:
        matter = matters.get(id)
        deadlines = by_urgency(deadline_row(duty, context.moment) for duty in owed[id])
        unlimited = [] if matter is None else [duty for duty in matter.owed if not duty.due]
        return _Owed(
            deadlines=sorted(deadlines, key=lambda row: row.owed_by not in awaited),
            unlimited=sorted(unlimited, key=lambda duty: duty.side not in awaited),
        )

    return rows, {row.id: owed_in(row.id) for row in rows.exchanges}


def _row(row: Row, owed: _Owed) -> InboxRow:
    members = {name: getattr(row, name) for name in Row.__struct_fields__}
    if not owed.deadlines and not owed.unlimited:
        return InboxRow(**members, level=_level(row))
    if not owed.deadlines:
        duty = owed.unlimited[0]
        return InboxRow(**members, level="standby", clock=duty.clock, owed_by=duty.side)
    first = owed.deadlines[0]
    return InboxRow(
        **members,
        level=first.level,
        clock=first.clock,
        owed_by=first.owed_by,
        message_act=first.message_act,
        by=first.by,
        due=first.due,
        waited_s=first.waited_s,
        limit_s=first.limit_s,
        spent=first.spent,
        late=first.late,
    )


def _level(row: Row) -> Level:
    """Return the level of an exchange in which no deadline runs."""
    if row.unacknowledged_by or (row.unanswered_by and row.status not in ENDED):
        return "standby"
    if row.status in _MISSED:
        return "caution"
    return "off" if row.status in ENDED else "normal"


def _receipts(context: PageContext, owed: Mapping[str, _Owed]) -> dict[str, DeadlineRow]:
    """Return the receipts that the reader's side owes, by exchange."""
    receipts = {
        id: [
            item
            for item in owed_in.deadlines
            if item.clock == "acknowledgement" and item.owed_by == context.side
        ]
        for id, owed_in in owed.items()
    }
    return {id: strips[0] for id, strips in receipts.items() if strips}


# The counts beside the rows


async def _counted(
    context: PageContext,
    inbox_filter: InboxFilter,
    rows: Rows,
    owed: Mapping[str, _Owed],
) -> Inbox:
    only = await _owing(context, inbox_filter)
    in_all = await context.ask(lists.in_all)
    counted = lists.FilterCounts(count=None, facets={})
    without: dict[str, int | None] = {}
    if not context.past and not inbox_filter.overdue:
        counted = await context.ask(lists.counted, inbox_filter, only)
    if not context.past and not rows.exchanges and inbox_filter.query():
        fewer = {name: replace(inbox_filter, **{name: ""}) for name in inbox_filter.query()}
        countable = {
            name: (narrower, await _owing(context, narrower))
            for name, narrower in fewer.items()
            if not narrower.overdue
        }
        without = dict.fromkeys(fewer) | await context.ask(lists.counts, countable)
    count = counted.count
    if not inbox_filter.query():
        count = in_all
    elif count is None and not rows.next and not inbox_filter.cursor:
        count = len(rows.exchanges)
    return Inbox(
        channel=context.name,
        position=rows.position,
        wanted=inbox_filter,
        exchanges=tuple(_row(row, owed[row.id]) for row in rows.exchanges),
        next=rows.next,
        count=count,
        in_all=in_all,
        facets=counted.facets,
        without=without,
    )


def _shown(context: PageContext, view: Inbox) -> Iterator[str]:
    """Yield sentences that say which exchanges the page shows, and which not."""
    words, number = context.words, len(view.exchanges)
    if not number:
        return
    rows, in_all = words.number(number), words.number(view.in_all)
    if not view.wanted.query():
        yield words.say(
            "Shown are %(a)s of %(b)s exchanges of the channel, the newest opened first.",
            a=rows,
            b=in_all,
        )
    elif view.count is None:
        yield words.say(
            "Shown are %(a)s that match, of %(b)s exchanges of the channel, the newest opened "
            "first.",
            a=rows,
            b=in_all,
        )
        if context.past:
            yield words.say("The matches are not counted for the past.")
        elif view.wanted.overdue:
            yield words.say(
                "The late exchanges are not counted, because every deadline would have to be read."
            )
        else:
            yield words.say("The matches are not counted, because that would take too long.")
    else:
        matching, others = words.number(view.count), view.in_all - view.count
        yield words.say(
            "Shown are %(a)s of %(b)s that match, the newest opened first.", a=rows, b=matching
        )
        yield words.count(
            "%(n)s exchange does not match and is not shown.",
            "%(n)s exchanges do not match and are not shown.",
            others,
        )
    if view.wanted.cursor:
        yield words.say("Newer exchanges are on the earlier pages.")
    if context.past and view.next and number < SCREEN_ROWS:
        yield words.count(
            "%(n)s exchange was read.",
            "%(n)s exchanges were read. Go on for older ones.",
            PAST_LOOKED,
        )


# The filter in words


def _labels(words: Words) -> dict[str, str]:
    """Return the labels of the parts of a filter."""
    return {
        "q": words.say("Words"),
        "waits": words.say("Waits"),
        "family": words.say("Kind"),
        "act": words.say("Format"),
        "status": words.say("Status"),
        "side": words.say("Side concerned"),
        "area": words.say("Area"),
        "number": words.say("Number"),
        "unacknowledged_by": words.say("Receipt owed by"),
        "unanswered_by": words.say("Answer owed by"),
        "overdue": words.say("Late"),
    }


def _spoken(words: Words, name: str, value: str) -> str:
    """Return a value of a filter in words."""
    match name:
        case "act":
            return words.act(value)
        case "status":
            return words.status(value)
        case "family" | "area":
            return words.value(value)
        case "waits":
            return {"us": words.say("waits for us"), "them": words.say("we wait for them")}.get(
                value, value
            )
        case "overdue" if value == "any":
            return words.say("any side")
        case "side" | "unacknowledged_by" | "unanswered_by" | "overdue":
            return value.upper()
        case _:
            return value


def _parts(context: PageContext, inbox_filter: InboxFilter) -> Iterator[FilterPart]:
    labels = _labels(context.words)
    query = inbox_filter.query()
    for name in (name for name in labels if name in query):
        spoken = _spoken(context.words, name, query[name])
        text = (
            spoken
            if name == "waits"
            else context.words.say("%(what)s: %(value)s", what=labels[name], value=spoken)
        )
        yield FilterPart(name=name, text=text, address=_narrowed(context, {**query, name: ""}))


def _to_drop(view: Inbox, parts: list[FilterPart]) -> list[tuple[FilterPart, int | None]]:
    """Return the parts to drop from a filter that matches nothing.

    Dropping one of them would give a match. Return all parts if that is not counted, or
    if no single part is enough.
    """
    counted = [(part, view.without.get(part.name)) for part in parts]
    return [item for item in counted if item[1]] or counted


def _segments(context: PageContext, inbox_filter: InboxFilter) -> list[tuple[str, str, bool]]:
    """Return the segments "waits for us", "we wait for them" and "everything".

    Each has its word, its address, and whether the page shows it.
    """
    words = context.words
    segments = [
        ("us", words.say("Waits for us")),
        ("them", words.say("We wait for them")),
        ("all", words.say("Everything")),
    ]
    if len(context.sides) == 1:
        segments = [row for row in segments if row[0] != "them"]
    return [
        (
            word,
            context.link("/inbox", **{**inbox_filter.query(), "waits": value}),
            (inbox_filter.waits or "all") == value,
        )
        for value, word in segments
    ]


def _facets(context: PageContext, view: Inbox) -> Iterator[Facet]:
    """Yield the values that would narrow the list further.

    A value that all matches have is left out.
    """
    labels, query = _labels(context.words), view.wanted.query()
    for name, counts in view.facets.items():
        values = tuple(
            FacetValue(
                text=_spoken(context.words, name, value),
                count=count,
                address=context.link("/inbox", **{**query, name: value}),
            )
            for value, count in sorted((counts or {}).items(), key=lambda item: -item[1])
            if count != view.count
        )
        if values:
            yield Facet(
                name=name, label=labels[name], values=values[:_VALUES], rest=values[_VALUES:]
            )


def _choices(context: PageContext) -> dict[str, list[tuple[str, str]]]:
    """Return the possible values of each part of the filter, with their words.

    The form uses them, without counts.
    """
    words, kind = context.words, context.registry.kind
    forms = [form for form in in_force(context.registry).formats.values() if kind in form.kinds]
    families = sorted({str(form.rule.family) for form in forms})
    statuses = {form.start for form in forms} | {
        status for form in forms for moves in form.moves.values() for status in moves.values()
    }

    def worded(name: str, values: Iterable[str]) -> list[tuple[str, str]]:
        return sorted(
            ((value, _spoken(words, name, value)) for value in values),
            key=lambda item: item[1].casefold(),
        )

    def of_sides(name: str, more: Collection[str] = ()) -> list[tuple[str, str]]:
        return [(value, _spoken(words, name, value)) for value in (*more, *context.sides)]

    return {
        "family": worded("family", families),
        "act": worded("act", (form.rule.act for form in forms)),
        "status": worded("status", statuses),
        "area": worded("area", get_args(Area)),
        "side": of_sides("side"),
        "unacknowledged_by": of_sides("unacknowledged_by"),
        "unanswered_by": of_sides("unanswered_by"),
        "overdue": of_sides("overdue", ("any",)),
    }


async def read_all(context: PageContext) -> web.StreamResponse:
    """Count everything up to the page's record as read by the officer."""
    if not context.is_officer:
        raise refused("not-permitted", sentence("Only officers of a side count exchanges as read."))
    form = await form_of(context.request)
    position = submission.whole(said(form, "position")) or 0
    newest = context.projection.state.position
    await context.request.app[READ_POSITIONS].read_all(
        context.grant.actor, context.registry.cid, min(max(0, position), newest)
    )
    query = convert(dict(parse_qsl(said(form, "query"))), InboxFilter).query()
    return redirect(context.link("/inbox", **(query or {"waits": "all"})))


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/inbox", handler=inbox),
    PageRoute(path="/inbox/read", handler=read_all, method="POST"),
    *help_page.ROUTES,
)
