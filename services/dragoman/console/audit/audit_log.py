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
from dragoman.projection import timeline
from dragoman.projection.timeline import TimelineFilter, TimelinePage
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
    """A record as a row."""
    line = asdict(line_of(entry))
    if not isinstance(entry.record, Raw):
        return LogRecord(**line, erased=entry.valid)
    return LogRecord(**line, dated=_saying(bytes(entry.record)).data.dtg)


async def page_of(
    here: PageContext, wanted: TimelineFilter, top: int, most: int
) -> tuple[tuple[LogRecord, ...], TimelinePage]:
    """The newest records up to a position that are wanted."""
    found: TimelinePage = await here.in_thread(
        timeline.found, here.service.store, here.name, wanted, top, here.position, most
    )
    return tuple(logged(each) for each in found.entries), found


async def log(here: PageContext) -> Page:
    """The log."""
    wanted = _wanted(here)
    top = min(submission.whole(here.request.query.get("from", "")) or here.position, here.position)
    records, found = await page_of(here, wanted, top, ROWS)
    view = LogPage(
        channel=here.name,
        position=here.position,
        top=top,
        wanted=wanted,
        records=records,
        older=found.older,
        newer=found.newer,
        looked=found.looked,
    )
    values = {
        "choices": _choices(here),
        "acts": _acts(here),
        "travel": await travel(here),
        "narrowed": _narrowed(here, wanted),
    }
    return Page(template="log.html", view=view, rows=records, values=values)


def _choices(here: PageContext) -> dict[str, Sequence[str]]:
    return {"side": (*here.sides, SERVICE), "family": tuple(PATHS.values()), "void": _VOID}


def _acts(here: PageContext) -> list[tuple[str, str]]:
    """Every act with its name, in the order of the names."""
    return sorted(
        ((act, here.words.act(act)) for act in RULES), key=lambda each: each[1].casefold()
    )


def _wanted(here: PageContext) -> TimelineFilter:
    """What the query asks for. Raises `Refused` for what there is none of."""
    known: dict[str, Sequence[str]] = {**_choices(here), "act": tuple(RULES)}
    given = {name: here.request.query.get(name, "") for name in known}
    for name, value in given.items():
        if value and value not in known[name]:
            raise refused(
                "bad-request",
                sentence(
                    "There is no %(name)s %(value)s; choose one of %(choices)s.",
                    name=name,
                    value=value[:63],
                    choices=", ".join(known[name]),
                ),
            )
    return msgspec.convert(given, TimelineFilter)


def _narrowed(here: PageContext, wanted: TimelineFilter) -> list[tuple[str, str, str]]:
    """The filters in use: each by its name, what it is narrowed to in words, and the address without it."""
    words = here.words
    found = []
    if wanted.side:
        found.append(
            ("side", words.say("services") if wanted.side == SERVICE else wanted.side.upper())
        )
    if wanted.act:
        found.append(("act", words.act(wanted.act)))
    if wanted.family:
        found.append(("family", words.value(wanted.family)))
    if wanted.void:
        found.append(("void", words.say("void") if wanted.void == "void" else words.say("valid")))
    return [(name, word, here.again(**{name: "", "from": ""})) for name, word in found]


SHEETS: Final = (PageRoute(path="/log", handler=log),)
