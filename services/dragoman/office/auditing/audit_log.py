"""The log as a table, newest first, as of the page's position.

Each row has its time, its side and the word on which it rests. The reader can filter
it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

import msgspec
from msgspec import Raw, Struct, field
from msgspec.structs import asdict

from dragoman.application.http.queries import Whole
from dragoman.console.display.log_rows import LogLine, line_of
from dragoman.console.page.context import PageContext
from dragoman.console.page.point_in_time import travel
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.console.page_words import PageWords
from dragoman.document.blocks import (
    Block,
    Empty,
    Form,
    ListingRow,
    PageDocument,
    Remark,
    buttons,
    choice,
    line,
    rows_listed,
    section,
)
from dragoman.domain.acts.access import SERVICE
from dragoman.domain.acts.act_registry import PATHS, RULES
from dragoman.members.runs import (
    Aside,
    Cell,
    Mark,
    PageLink,
    Runs,
    StandingSource,
    joined,
    sourced,
)
from dragoman.projection.queries import timeline
from dragoman.projection.queries.timeline import TimelineFilter, TimelinePage
from dragoman.text import sentence
from dragoman_schemas.responses import Entry

ROWS: Final = 50
"""The number of rows of a page."""
_VOID: Final[tuple[Literal["void", "valid"], ...]] = ("void", "valid")


class LogRecord(LogLine, frozen=True, kw_only=True, omit_defaults=True):
    """One record of the log.

    `dated` is the author's own date, where that is another time. `erased` is true where
    every side agreed to erase it.
    """

    dated: str = ""
    erased: bool = False


class _Dated(Struct):
    dtg: str = ""


class _DatedRecord(Struct):
    data: _Dated


_decode_date = msgspec.json.Decoder(_DatedRecord).decode


def logged(entry: Entry) -> LogRecord:
    """Return a record as a row."""
    line = asdict(line_of(entry))
    if not isinstance(entry.record, Raw):
        return LogRecord(**line, erased=entry.valid)
    return LogRecord(**line, dated=_decode_date(bytes(entry.record)).data.dtg)


async def page_of(
    context: PageContext, timeline_filter: TimelineFilter, top: int, most: int
) -> tuple[tuple[LogRecord, ...], TimelinePage]:
    """Return the newest records up to a position that pass a filter."""
    timeline_page = await context.ask(timeline.page, timeline_filter, top, most)
    return tuple(logged(entry) for entry in timeline_page.entries), timeline_page


class LogQuery(TimelineFilter, frozen=True, kw_only=True):
    """The conditions on the log, and the record from which the page goes down."""

    from_: Whole = field(name="from", default=0)


async def log(context: PageContext) -> Page:
    """Return the page of the log."""
    wanted, newest = _wanted(context), context.position
    top = min(wanted.from_ or newest, newest)
    records, timeline_page = await page_of(context, wanted, top, ROWS)
    words, say, number = LogWords(context), context.words.say, context.words.number
    conditions = _conditions(context, wanted)
    nothing = say("There is no such record.")
    if conditions:
        what = context.words.listed(word for _, word in conditions)
        nothing = say(
            "No record matches all of this: %(what)s. Remove one condition above.", what=what
        )
    ends = [number(record.position) for record in (*records[:1], *records[-1:])]
    removals = (
        words.again(f"{say('remove')}{context.words.colon}{word}", {name: "", "from": ""})
        for name, word in conditions
    )
    pages = ((say("newer"), timeline_page.newer), (say("older"), timeline_page.older))
    links = (words.again(name, {"from": position}) for name, position in pages if position)
    view = PageDocument(
        title=say("The log"),
        area="audit",
        crumbs=(PageLink(say("Audit"), "/audit"),),
        lead=say(
            "Every record as it was taken in, the newest first. Times are UTC, to the millisecond."
        ),
        sections=(
            section(say("Which records"), _query(context, wanted, top), buttons(removals)),
            section(
                say("Records"),
                words.table(records) if records else Empty(nothing),
                words.key if records else None,
                Remark(context.words.sentences(_limits(context, timeline_page, conditions))),
                buttons(links),
                aside=(say("from %(a)s down to %(b)s", a=ends[0], b=ends[1]),) if ends else (),
            ),
        ),
    )
    return Page(view=view, values={"travel": await travel(context)})


class LogWords(PageWords):
    """The words for records as rows of a table."""

    @property
    def key(self) -> Remark:
        """The meaning of the signs in the column of words."""
        text = self.w.say(
            "Signed by its author. Host: only the host vouches for it, by the signed head."
        )
        return Remark((Mark("icon", "", "key"), " ", text))

    def table(self, records: Iterable[LogRecord]) -> Block | None:
        """Return the log with all its columns."""
        say = self.w.say
        head = (say("Record"), say("Taken in"), say("Dated"), say("Actor"), say("Act"))
        rest = (say("Number"), say("Bytes"), say("Commitment"), say("Word"), say("Standing"))
        return rows_listed(say("The log as a table"), (*head, *rest), map(self._row, records))

    def brief(self, records: Iterable[LogRecord]) -> Block | None:
        """Return the newest lines of the log, with a few columns."""
        say, rows = self.w.say, list[ListingRow]()
        head = (say("Record"), say("Taken in"), say("Actor"), say("Act"), say("Word"))
        for record in records:
            position, time, _, actor, act, *_, word, _ = self._row(record).cells
            void = "" if record.valid else f" ({say('void')})"
            rows.append(ListingRow((position, time, actor, joined((act, void)), word)))
        return rows_listed(say("The newest lines of the log"), head, rows)

    def _row(self, record: LogRecord) -> ListingRow:
        say, position = self.w.say, record.position
        actor: Runs = (record.actor or say("not known"),)
        if record.released_by:
            actor += (" ", Aside(say("released by %(who)s", who=record.released_by)))
        act = self.w.act(record.act) if record.act else say("not a record")
        by = self.context.by_station(record) or say("signed by its author")
        sign = Mark("icon", by, "key")
        cells: tuple[Cell, ...] = (
            PageLink(self.w.number(position), f"/records/{position}"),
            self.of_record(self.time(record.time, "milli"), position) if record.time else "–",
            self.of_record(self.time(record.dated, "milli"), position, "dtg")
            if record.dated
            else "–",
            self.of_record(actor, position),
            self.of_record(act, position),
            self.exchange(record.exchange, record.number) if record.number else "–",
            self.w.number(record.bytes),
            Mark("digest", record.commit[:8], record.commit),
            sign if record.word == "author" else record.word and say("host"),
            sourced(self._standing(record), StandingSource("refusal", records=(position,))),
        )
        return ListingRow(cells, {"row": ""})

    def _standing(self, record: LogRecord) -> Runs:
        say = self.w.say
        if record.erased:
            return (Mark("state", say("erased"), "off"), Aside(say("erased by every side")))
        if not record.valid:
            reason = self.context.reason(record.position)
            return (Mark("state", say("void"), "caution"), Aside(reason))
        return (say("valid"),)


def _query(context: PageContext, wanted: TimelineFilter, top: int) -> Form:
    """Return the form that narrows the log."""
    words, say = context.words, context.words.say
    sides = [(side, side.upper()) for side in context.sides]
    families = [(name, words.value(name)) for name in PATHS.values()]
    acts = sorted(((act, words.act(act)) for act in RULES), key=lambda pair: pair[1].casefold())
    anybody, every = ("", say("everybody’s")), ("", say("all"))
    standings = (("", say("valid and void")), ("valid", say("valid")), ("void", say("void")))
    services = (SERVICE, say("services"))
    first = "" if top == context.position else str(top)
    fields = (
        choice("side", say("Whose"), wanted.side, (anybody, *sides, services)),
        choice("family", say("Family"), wanted.family, (every, *families)),
        choice("act", say("Act"), wanted.act, (every, *acts)),
        choice("void", say("Standing"), wanted.void, standings),
        line("from", say("From record down (optional)"), first),
    )
    label, button = say("Which records"), say("Show")
    return Form(to="/log", parts=fields, button=button, gets=True, label=label)


def _limits(
    context: PageContext, page: TimelinePage, conditions: list[tuple[str, str]]
) -> Iterator[str]:
    """Yield the sentences on what the page leaves out."""
    words, say = context.words, context.words.say
    if context.past:
        newest = words.number(context.position)
        yield say("This page ends at record %(n)s and shows no later ones.", n=newest)
    if not page.older:
        yield say("There is no older record.")
    elif conditions:
        looked = words.number(page.looked)
        yield say("Looked at down to record %(n)s; others may be older.", n=looked)
    else:
        yield words.count(
            "%(n)s older record is not shown here.",
            "%(n)s older records are not shown here.",
            page.older,
        )


def _wanted(context: PageContext) -> LogQuery:
    """Return the filter of the query. Raises `Refused` for an unknown value."""
    choices: dict[str, Sequence[str]] = {
        "side": (*context.sides, SERVICE),
        "family": tuple(PATHS.values()),
        "act": tuple(RULES),
    }
    wanted = context.asked(LogQuery)
    for name, values in choices.items():
        value = getattr(wanted, name)
        if value and value not in values:
            raise refused(
                "bad-request",
                sentence(
                    "There is no %(name)s %(value)s; choose one of %(choices)s.",
                    name=name,
                    value=value[:63],
                    choices=", ".join(values),
                ),
            )
    return wanted


def _conditions(context: PageContext, wanted: TimelineFilter) -> list[tuple[str, str]]:
    """Return the conditions in use: the name of each, and its value in words."""
    words, side = context.words, wanted.side
    standings = {"void": words.say("void"), "valid": words.say("valid"), "": ""}
    conditions = (
        ("side", words.say("services") if side == SERVICE else side.upper()),
        ("act", wanted.act and words.act(wanted.act)),
        ("family", wanted.family and words.value(wanted.family)),
        ("void", standings[wanted.void]),
    )
    return [(name, word) for name, word in conditions if word]


ROUTES: Final = (PageRoute(path="/log", handler=log),)
