"""The inbox, which is the search as well: a channel's exchanges, narrowed by what stands in the address, each with the most urgent thing that it waits for.

The address is the query: whoever has it has the list. A search that is saved is a name for one.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final, get_args
from urllib.parse import parse_qsl, urlencode

from aiohttp import web
from msgspec import Struct
from msgspec.structs import asdict, replace

from dragoman.console import shortcuts
from dragoman.console.charts import charts
from dragoman.console.deadline_cache import duties
from dragoman.console.display.deadline_rows import Level, Strip, by_urgency, strip
from dragoman.console.rendering import Page, PageContext, PageRoute, refused
from dragoman.console.sessions import form_of, said, see
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.families.exchange import ENDED
from dragoman.i18n.words import Words
from dragoman.limits import PAST_LOOKED, SCREEN_ROWS, SEARCH_CHARACTERS, SEARCH_NAME, SEARCHES
from dragoman.projection import reads
from dragoman.projection.open_deadlines import OpenDeadline, duties_in
from dragoman.stores.saved_searches import Search, TooMany
from dragoman.text import sentence
from dragoman_schemas.act_frame import Area
from dragoman_schemas.responses import Row, Rows

_VALUES: Final = 10
"""Values of a facet that are seen at once."""

_MISSED: Final = frozenset({"missed", "echoed_with_errors", "no_response"})


class InboxFilter(reads.Filter, frozen=True, kw_only=True):
    """What a list is narrowed to: as the API has it, and `waits` for what waits for `us`, or for `them`."""

    waits: str = ""

    def awaited(self, here: PageContext) -> tuple[str, ...]:
        """The sides of which one owes a receipt or an answer; none where that does not matter."""
        match self.waits:
            case "us":
                return (here.side,)
            case "them":
                return tuple(side for side in here.sides if side != here.side)
            case _:
                return ()

    def query(self) -> dict[str, str]:
        """As it stands in an address, without where a page begins."""
        return {name: value for name, value in asdict(self).items() if value and name != "cursor"}


class InboxRow(Row, frozen=True, kw_only=True):
    """One exchange of the list, and the most urgent thing that is owed in it; nothing where `clock` is empty. `waited_s` and `limit_s` are seconds.

    `message_act` is the message that asks for it, and `by` who said that.
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


class Saved(Struct, frozen=True, kw_only=True):
    """A search that the reader has saved."""

    name: str
    address: str


class Inbox(Struct, frozen=True, kw_only=True):
    """A page of the list: how many exchanges the filter leaves, how many the channel has in all, and how many of each kind.

    `without` is how many there would be without each part of a filter that leaves none. What would take too long to count is null.
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
    saved: tuple[Saved, ...]


class FilterPart(Struct, frozen=True, kw_only=True):
    """One part of a filter, in words, and the address without it."""

    name: str
    text: str
    address: str


class FacetValue(Struct, frozen=True, kw_only=True):
    """One value to which a list could be narrowed further, how many it would have, and its address."""

    text: str
    count: int
    address: str


class Facet(Struct, frozen=True, kw_only=True):
    """The values of one kind: those that are seen at once, and the rest."""

    name: str
    label: str
    values: tuple[FacetValue, ...]
    rest: tuple[FacetValue, ...] = ()


async def inbox(here: PageContext) -> Page | web.StreamResponse:
    """The list."""
    wanted = _wanted(here.request.query)
    address = partial(here.link, "/inbox")
    if not here.request.match_info.get("form") and any(
        not here.request.query.get(name, "-") for name in InboxFilter.__struct_fields__
    ):
        return see(address(**wanted.query()))
    found, owed = await _found(here, wanted)
    view = await _counted(here, wanted, found, owed)
    parts = list(_parts(here, wanted))
    fault = here.request.query.get("fault", "")
    return Page(
        template="inbox.html",
        view=view,
        rows=view.exchanges,
        values={
            "parts_of": parts,
            "drops": _to_drop(view, parts),
            "segments": _segments(here, wanted),
            "facets": list(_facets(here, view)),
            "left_out": [
                _labels(here.words)[name] for name, values in view.facets.items() if values is None
            ],
            "shown": list(_shown(here, view)),
            "next": address(**wanted.query(), cursor=view.next) if view.next else "",
            "first": address(**wanted.query()) if wanted.cursor else "",
            "everything": address(),
            "query": urlencode(wanted.query()),
            "choices": _choices(here),
            "labels": _labels(here.words),
            "levels": shortcuts.level_words(here.words),
            "receipts": _receipts(here, owed) if here.may_post else {},
            "clock_bar": charts.clock,
            "said": here.request.query.get("said", ""),
            "fault": _faults(here.words).get(fault, ""),
            "most": SEARCH_CHARACTERS,
            "name_most": SEARCH_NAME,
        },
    )


def _wanted(query: Mapping[str, str]) -> InboxFilter:
    """What an address asks for. Raises `Refused` for what is too long to have been typed."""
    given = {name: " ".join(query.get(name, "").split()) for name in InboxFilter.__struct_fields__}
    if any(len(value) > SEARCH_CHARACTERS for value in given.values()):
        raise refused(
            "bad-request",
            sentence(
                "A search has at most %(limit)s characters; give fewer words.",
                limit=SEARCH_CHARACTERS,
            ),
        )
    return InboxFilter(**given)


# The rows


async def _found(here: PageContext, wanted: InboxFilter) -> tuple[Rows, dict[str, list[Strip]]]:
    """A page of the list, and what is owed in each of its exchanges, the most urgent first."""
    store, awaited = here.service.store, wanted.awaited(here)
    owed: Mapping[str, tuple[OpenDeadline, ...]]
    if here.past:
        rows: Rows = await here.in_thread(
            reads.listed_at, store, here.name, wanted, SCREEN_ROWS, here.at, awaited
        )
        owed = await here.in_thread(
            duties_in, store, here.name, here.at, [row.id for row in rows.exchanges]
        )
    else:
        rows = await here.in_thread(
            reads.listed, store, here.name, wanted, SCREEN_ROWS, here.moment, awaited
        )
        known = await duties(here.request.app, here.projection)
        owed = {row.id: known.of(row.id) for row in rows.exchanges}
    return rows, {
        id: by_urgency(strip(duty, here.moment) for duty in each) for id, each in owed.items()
    }


def _row(row: Row, owed: list[Strip]) -> InboxRow:
    members = {name: getattr(row, name) for name in Row.__struct_fields__}
    if not owed:
        return InboxRow(**members, level=_level(row))
    first = owed[0]
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
    """How an exchange stands in which no clock runs."""
    if row.unacknowledged_by or (row.unanswered_by and row.status not in ENDED):
        return "standby"
    if row.status in _MISSED:
        return "caution"
    return "off" if row.status in ENDED else "normal"


def _receipts(here: PageContext, owed: Mapping[str, list[Strip]]) -> dict[str, Strip]:
    """The receipts that the reader's side owes, by exchange."""
    own = {
        id: [
            each for each in strips if each.clock == "acknowledgement" and each.owed_by == here.side
        ]
        for id, strips in owed.items()
    }
    return {id: strips[0] for id, strips in own.items() if strips}


# What there is beside them


async def _counted(
    here: PageContext, wanted: InboxFilter, found: Rows, owed: Mapping[str, list[Strip]]
) -> Inbox:
    store, awaited = here.service.store, wanted.awaited(here)
    in_all: int = await here.in_thread(reads.in_all, store, here.name, found.position)
    counted = reads.FilterCounts(count=None, facets={})
    without: dict[str, int | None] = {}
    if not here.past and not wanted.overdue:
        counted = await here.in_thread(reads.counted, store, here.name, wanted, here.sides, awaited)
    if not here.past and not found.exchanges and wanted.query():
        fewer = {name: replace(wanted, **{name: ""}) for name in wanted.query()}
        asked = {
            name: (each, each.awaited(here)) for name, each in fewer.items() if not each.overdue
        }
        without = dict.fromkeys(fewer) | await here.in_thread(reads.counts, store, here.name, asked)
    count = counted.count
    if not wanted.query():
        count = in_all
    elif count is None and not found.next and not wanted.cursor:
        count = len(found.exchanges)
    return Inbox(
        channel=here.name,
        position=found.position,
        wanted=wanted,
        exchanges=tuple(_row(row, owed[row.id]) for row in found.exchanges),
        next=found.next,
        count=count,
        in_all=in_all,
        facets=counted.facets,
        without=without,
        saved=tuple(_saved(here)),
    )


def _saved(here: PageContext) -> Iterator[Saved]:
    if here.is_officer:
        for each in here.service.access.searches.listed(here.grant.actor, here.registry.cid):
            yield Saved(name=each.name, address=here.link("/inbox", **dict(parse_qsl(each.query))))


def _shown(here: PageContext, view: Inbox) -> Iterator[str]:
    """What is on the page, and what is not."""
    words, shown = here.words, len(view.exchanges)
    if not shown:
        return
    rows, in_all = words.number(shown), words.number(view.in_all)
    if not view.wanted.query():
        yield words.say(
            "Shown are %(a)s of %(b)s exchanges of the channel, the newest opened first.",
            a=rows,
            b=in_all,
        )
    elif view.count is None:
        yield words.say(
            "Shown are %(a)s that match, of %(b)s exchanges of the channel, the newest opened first.",
            a=rows,
            b=in_all,
        )
        if here.past:
            yield words.say("How many match is not counted for the past.")
        elif view.wanted.overdue:
            yield words.say(
                "How many are late is not counted: every clock would have to be looked at."
            )
        else:
            yield words.say("How many match is not counted: it would take too long.")
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
        yield words.say("Newer ones are on the pages before.")
    if here.past and view.next and shown < SCREEN_ROWS:
        yield words.count(
            "%(n)s exchange was looked at.",
            "%(n)s exchanges were looked at; go on for older ones.",
            PAST_LOOKED,
        )


# The filter in words


def _labels(words: Words) -> dict[str, str]:
    """What the parts of a filter are called."""
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
    """A value of a filter in words."""
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


def _parts(here: PageContext, wanted: InboxFilter) -> Iterator[FilterPart]:
    labels = _labels(here.words)
    given = wanted.query()
    for name in (name for name in labels if name in given):
        spoken = _spoken(here.words, name, given[name])
        text = (
            spoken
            if name == "waits"
            else here.words.say("%(what)s: %(value)s", what=labels[name], value=spoken)
        )
        yield FilterPart(name=name, text=text, address=here.link("/inbox", **{**given, name: ""}))


def _to_drop(view: Inbox, parts: list[FilterPart]) -> list[tuple[FilterPart, int | None]]:
    """The parts without which a filter that leaves nothing would leave something; all of them where that is not counted, or no one is enough."""
    counted = [(part, view.without.get(part.name)) for part in parts]
    return [each for each in counted if each[1]] or counted


def _segments(here: PageContext, wanted: InboxFilter) -> list[tuple[str, str, bool]]:
    """What waits for us, what we wait for, and everything: the word, the address, whether that is shown."""
    words = here.words
    named = [
        ("us", words.say("Waits for us")),
        ("them", words.say("We wait for them")),
        ("", words.say("Everything")),
    ]
    if len(here.sides) == 1:
        named = [each for each in named if each[0] != "them"]
    return [
        (word, here.link("/inbox", **{**wanted.query(), "waits": value}), wanted.waits == value)
        for value, word in named
    ]


def _facets(here: PageContext, view: Inbox) -> Iterator[Facet]:
    """What narrows the list further: a value that all of it has does not."""
    labels, given = _labels(here.words), view.wanted.query()
    for name, counts in view.facets.items():
        values = tuple(
            FacetValue(
                text=_spoken(here.words, name, value),
                count=count,
                address=here.link("/inbox", **{**given, name: value}),
            )
            for value, count in sorted((counts or {}).items(), key=lambda each: -each[1])
            if count != view.count
        )
        if values:
            yield Facet(
                name=name, label=labels[name], values=values[:_VALUES], rest=values[_VALUES:]
            )


def _choices(here: PageContext) -> dict[str, list[tuple[str, str]]]:
    """What each part of the filter may be, with its word: for the form, which does without counts."""
    words, kind = here.words, here.registry.kind
    forms = [form for form in FORMATS.values() if kind in form.kinds]
    families = sorted({str(form.rule.family) for form in forms})
    statuses = {form.start for form in forms} | {
        status for form in forms for moves in form.moves.values() for status in moves.values()
    }

    def worded(name: str, values: Iterable[str]) -> list[tuple[str, str]]:
        return sorted(
            ((value, _spoken(words, name, value)) for value in values),
            key=lambda each: each[1].casefold(),
        )

    def of_sides(name: str, more: Collection[str] = ()) -> list[tuple[str, str]]:
        return [(value, _spoken(words, name, value)) for value in (*more, *here.sides)]

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


# Saved searches


def _faults(words: Words) -> dict[str, str]:
    """What may be wrong with a search that is to be saved, by its word in the address."""
    return {
        "name": words.say(
            "Give the search a name of 1 to %(n)s characters.", n=words.number(SEARCH_NAME)
        ),
        "many": words.say(
            "You have %(n)s saved searches already. Drop one first.", n=words.number(SEARCHES)
        ),
    }


async def keep(here: PageContext) -> web.StreamResponse:
    """Save a search under a name, in place of the reader's own of that name."""
    form = await _officers(here)
    name, wanted = (
        " ".join(said(form, "name").split()),
        _wanted(dict(parse_qsl(said(form, "query")))).query(),
    )
    back: Any = partial(here.link, "/inbox", **wanted)
    if not 1 <= len(name) <= SEARCH_NAME or not name.isprintable():
        return see(back(fault="name"))
    try:
        await here.service.access.searches.keep(
            Search(
                actor=here.grant.actor, cid=here.registry.cid, name=name, query=urlencode(wanted)
            )
        )
    except TooMany:
        return see(back(fault="many"))
    return see(back(said="kept"))


async def drop(here: PageContext) -> web.StreamResponse:
    """Drop a saved search."""
    form = await _officers(here)
    await here.service.access.searches.drop(
        here.grant.actor, here.registry.cid, " ".join(said(form, "name").split())
    )
    return see(
        here.link("/inbox", **_wanted(dict(parse_qsl(said(form, "query")))).query(), said="dropped")
    )


async def _officers(here: PageContext) -> Any:
    """The form of an officer. Raises `Refused` for who is none."""
    if not here.is_officer:
        raise refused(
            "not-permitted",
            sentence(
                "Searches are saved by officers of a side. Keep the address of the list instead: it is the search."
            ),
        )
    return await form_of(here.request)


SHEETS: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/inbox", handler=inbox),
    PageRoute(path="/inbox/saved", handler=keep, method="POST"),
    PageRoute(path="/inbox/saved/drop", handler=drop, method="POST"),
    *shortcuts.SHEETS,
)
