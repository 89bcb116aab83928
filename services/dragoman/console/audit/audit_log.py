"""The log as a table: what was taken in when, of whom, on whose word; the newest first, narrowed as the reader likes, and no later than the page."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import asdict

from dragoman.application.http import submission
from dragoman.console.display.log_rows import LogLine, line_of
from dragoman.console.pages.point_in_time import travel
from dragoman.console.rendering import Page, PageContext, PageRoute, refused
from dragoman.domain.acts.access import SERVICE
from dragoman.domain.acts.act_registry import PATHS, RULES
from dragoman.projection.queries import timeline
from dragoman.projection.queries.timeline import TimelineFilter, TimelinePage
from dragoman.text import sentence
from dragoman_schemas.responses import Entry

ROWS: Final = 50
_VOID: Final[tuple[Literal["void", "valid"], ...]] = ("void", "valid")


class LogRecord(LogLine, frozen=True, kw_only=True, omit_defaults=True):
    """One record of the log. `dated` is when its author dated it, where that is another time; `erased` is what every side took out of the record."""

    dated: str = ""
    erased: bool = False


class LogPage(Struct, frozen=True, kw_only=True):
    """A page of the log. `older` and `newer` are the records at which the next pages begin, 0 for none; `looked` is the lowest that was looked at."""

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


class _LogQuery(Struct):
    data: _Dated


_saying = msgspec.json.Decoder(_LogQuery).decode


def logged(entry: Entry) -> LogRecord:
    """Return a record as a row."""
    line = asdict(line_of(entry))
    if not isinstance(entry.record, Raw):
        return LogRecord(**line, erased=entry.valid)
    return LogRecord(**line, dated=_saying(bytes(entry.record)).data.dtg)


async def page_of(
    context: PageContext, timeline_filter: TimelineFilter, top: int, most: int
) -> tuple[tuple[LogRecord, ...], TimelinePage]:
    """Return the newest records up to a position that are wanted."""
    timeline_page: TimelinePage = await context.in_thread(
        timeline.found,
        context.service.store,
        context.name,
        timeline_filter,
        top,
        context.position,
        most,
    )
    return tuple(logged(entry) for entry in timeline_page.entries), timeline_page


async def log(context: PageContext) -> Page:
    """Return the log."""
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
    """Return every act with its name, in the order of the names."""
    return sorted(
        ((act, context.words.act(act)) for act in RULES), key=lambda item: item[1].casefold()
    )


def _wanted(context: PageContext) -> TimelineFilter:
    """Return what the query asks for. Raises `Refused` for what there is none of."""
    texts: dict[str, Sequence[str]] = {**_choices(context), "act": tuple(RULES)}
    given = {name: context.request.query.get(name, "") for name in texts}
    for name, value in given.items():
        if value and value not in texts[name]:
            raise refused(
                "bad-request",
                sentence(
                    "There is no %(name)s %(value)s; choose one of %(choices)s.",
                    name=name,
                    value=value[:63],
                    choices=", ".join(texts[name]),
                ),
            )
    return msgspec.convert(given, TimelineFilter)


def _narrowed(context: PageContext, timeline_filter: TimelineFilter) -> list[tuple[str, str, str]]:
    """Return the filters in use: each by its name, what it is narrowed to in words, and the address without it."""
    words = context.words
    rows = []
    if timeline_filter.side:
        rows.append(
            (
                "side",
                words.say("services")
                if timeline_filter.side == SERVICE
                else timeline_filter.side.upper(),
            )
        )
    if timeline_filter.act:
        rows.append(("act", words.act(timeline_filter.act)))
    if timeline_filter.family:
        rows.append(("family", words.value(timeline_filter.family)))
    if timeline_filter.void:
        rows.append(
            ("void", words.say("void") if timeline_filter.void == "void" else words.say("valid"))
        )
    return [(name, word, context.again(**{name: "", "from": ""})) for name, word in rows]


SHEETS: Final = (PageRoute(path="/log", handler=log),)
