"""The log as a table, newest first, as of the page's position.

Each row has its time, its side and the word on which it rests. The reader can filter
it.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import asdict

from dragoman.application.http import submission
from dragoman.console.context import PageContext
from dragoman.console.display.log_rows import LogLine, line_of
from dragoman.console.pages.point_in_time import travel
from dragoman.console.rendering import Page, PageRoute, refused
from dragoman.domain.acts.access import SERVICE
from dragoman.domain.acts.act_registry import PATHS, RULES
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


class LogPage(Struct, frozen=True, kw_only=True):
    """A page of the log.

    `older` and `newer` are the records at which the next pages begin, 0 for none;
    `looked` is the lowest record that was examined.
    """

    channel: str
    position: int
    top: int
    wanted: TimelineFilter
    records: tuple[LogRecord, ...]
    older: int
    newer: int
    looked: int


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


async def log(context: PageContext) -> Page:
    """Return the page of the log."""
    timeline_filter = _wanted(context)
    top = min(
        submission.whole(context.request.query.get("from", "")) or context.position,
        context.position,
    )
    records, timeline_page = await page_of(context, timeline_filter, top, ROWS)
    view = LogPage(
        channel=context.name,
        position=context.position,
        top=top,
        wanted=timeline_filter,
        records=records,
        older=timeline_page.older,
        newer=timeline_page.newer,
        looked=timeline_page.looked,
    )
    values = {
        "choices": _choices(context),
        "acts": _acts(context),
        "travel": await travel(context),
        "narrowed": _narrowed(context, timeline_filter),
    }
    return Page(template="log.html", view=view, rows=records, values=values)


def _choices(context: PageContext) -> dict[str, Sequence[str]]:
    return {"side": (*context.sides, SERVICE), "family": tuple(PATHS.values()), "void": _VOID}


def _acts(context: PageContext) -> list[tuple[str, str]]:
    """Return every act with its name, sorted by name."""
    return sorted(
        ((act, context.words.act(act)) for act in RULES), key=lambda item: item[1].casefold()
    )


def _wanted(context: PageContext) -> TimelineFilter:
    """Return the filter of the query. Raises `Refused` for an unknown value."""
    choices: dict[str, Sequence[str]] = {**_choices(context), "act": tuple(RULES)}
    filters = {name: context.request.query.get(name, "") for name in choices}
    for name, value in filters.items():
        if value and value not in choices[name]:
            raise refused(
                "bad-request",
                sentence(
                    "There is no %(name)s %(value)s; choose one of %(choices)s.",
                    name=name,
                    value=value[:63],
                    choices=", ".join(choices[name]),
                ),
            )
    return msgspec.convert(filters, TimelineFilter)


def _narrowed(context: PageContext, timeline_filter: TimelineFilter) -> list[tuple[str, str, str]]:
    """Return the filters in use: name, value in words, and the address without it."""
    words = context.words
    filters = []
    if timeline_filter.side:
        filters.append(
            (
                "side",
                words.say("services")
                if timeline_filter.side == SERVICE
                else timeline_filter.side.upper(),
            )
        )
    if timeline_filter.act:
        filters.append(("act", words.act(timeline_filter.act)))
    if timeline_filter.family:
        filters.append(("family", words.value(timeline_filter.family)))
    if timeline_filter.void:
        filters.append(
            ("void", words.say("void") if timeline_filter.void == "void" else words.say("valid"))
        )
    return [(name, word, context.again(**{name: "", "from": ""})) for name, word in filters]


ROUTES: Final = (PageRoute(path="/log", handler=log),)
