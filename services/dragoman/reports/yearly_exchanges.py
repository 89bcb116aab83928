"""The yearly exchanges of the sides in a period: what was owed, and what was given."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from dragoman.document.blocks import Table, table
from dragoman.domain.acts.deadlines import profile_of, timestamp
from dragoman.domain.views.outages import OutageSpan
from dragoman.domain.views.statistics import days
from dragoman.i18n.words import Words
from dragoman.members.runs import Cell
from dragoman.projection.queries.snapshot import Snapshot
from dragoman.reports import layout, report_facts
from dragoman_schemas.report_shapes import Annual
from dragoman_schemas.state import Exchange

_DAY: Final = timedelta(days=1)
_KINDS: Final = (
    "annual_calendar",
    "force_information",
    "missile_declaration",
    "defence_planning",
    "policy_paper",
)


def of_period(snapshot: Snapshot, span: OutageSpan) -> Iterator[Annual]:
    """Yield the yearly exchanges of a span: those owed, also if none came, or given.

    An exchange is owed until its set day. Without a set day it is owed until the end of
    the year.
    """
    exchanges: dict[tuple[str, int, str], Exchange] = {}
    for exchange in snapshot.every("annual-exchange"):
        if exchange.cancellation is None:
            kind, of_year = (
                msgspec.json.decode(exchange.content[name]) for name in ("kind", "year")
            )
            exchanges.setdefault((kind, of_year, exchange.side), exchange)
    for year in range(span.begins.year, span.ends.year + 1):
        for annual in _annual(snapshot, exchanges, year):
            last = annual.due or f"{year}-12-31"
            owed = datetime.fromisoformat(last).replace(tzinfo=UTC) + _DAY
            if span.begins < owed <= span.ends or (annual.given and span.holds(annual.given)):
                yield annual


def _annual(
    snapshot: Snapshot, exchanges: dict[tuple[str, int, str], Exchange], year: int
) -> Iterator[Annual]:
    """Yield a row for each yearly exchange of a year and of each side."""
    limits, _ = profile_of(snapshot.registry)
    for kind in _KINDS:
        later, month, day = limits.annual.get(kind, (0, 0, 0))
        last = datetime(year, month, day, tzinfo=UTC) if month else None
        for side in snapshot.sides:
            result = exchanges.get((kind, year - later, side))
            moment = None if result is None else datetime.fromisoformat(result.opened.time)
            late = (
                None
                if last is None or moment is None or moment < last + _DAY
                else days(timestamp(last + _DAY), moment)
            )
            yield Annual(
                side=side,
                kind=kind,
                of_year=year - later,
                due="" if last is None else f"{last:%Y-%m-%d}",
                given="" if result is None else result.opened.time,
                nil_return=result is not None
                and bytes(result.content.get("nil_return", b"false")) == b"true",
                late_days=late,
                matter=None if result is None else report_facts.matter(result),
            )


def table_of(annuals: Sequence[Annual], w: Words) -> Table | None:
    """Return the table of the yearly exchanges; None if there are none."""
    head = (
        w.say("What"),
        w.say("Of the year"),
        w.say("Side"),
        w.say("Owed until"),
        w.say("Given"),
        w.say("Late by"),
        w.say("Number"),
    )
    return table(head, [_annual_row(annual, w) for annual in annuals])


def _annual_row(annual: Annual, w: Words) -> tuple[Cell, ...]:
    text = w.say("no statement")
    if annual.given:
        text = (
            w.say("%(t)s, nothing to report", t=w.written(annual.given))
            if annual.nil_return
            else w.written(annual.given)
        )
    return (
        w.value(annual.kind),
        str(annual.of_year),
        layout.side(annual.side),
        w.written(annual.due, "day") if annual.due else w.say("no set day"),
        text,
        "" if annual.late_days is None else w.span(annual.late_days * 86_400),
        "" if annual.matter is None else annual.matter.number,
    )
