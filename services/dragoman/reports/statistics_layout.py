"""Sections of reports about figures."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from msgspec import Struct

from dragoman.document.blocks import (
    Block,
    Paragraph,
    Section,
    Table,
    section,
    table,
)
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.domain.views.statistics import spread as spread_of
from dragoman.i18n.words import Words
from dragoman.members.runs import Cell
from dragoman.reports.layout import limits_sentence, line_points, party, sides
from dragoman.text import capitalized
from dragoman_schemas.statistics_figures import Blind, Spread, Statistics

_BUCKETS: Final = (2, 10, 60, 600, 1_800, 10_800, 86_400)
"""The limits between the classes of acknowledgement times, in seconds. In less than the
first, no person has read anything.
"""


class ReceiptTimes(Struct, frozen=True, kw_only=True):
    """The times that a side took to acknowledge.

    `counts` has the number of times in each class.
    """

    side: str
    n: int
    took: Spread | None
    counts: tuple[int, ...]


def statistics_sections(statistics: Statistics, w: Words, level: int) -> list[Section]:
    """Return the statistics, one table for each subject.

    Where nothing was measured, the table says "no statement".
    """
    limits = Paragraph(
        limits_sentence(statistics.kind, statistics.profile, w, binding=statistics.binding)
    )
    none = w.say("There were none.")
    line = section(w.say("Line checks"), line_points(statistics.line, w), level=level)
    return [
        section(
            w.say("How urgently each side sent what it opened"),
            _precedences(statistics, w),
            Paragraph(
                w.say(
                    "Flash 5, immediate 15, the rest 80 of 100 where precedence has kept its "
                    "meaning."
                )
            ),
            level=level,
        ),
        section(
            w.say("Opened in the period"),
            _opened(statistics, w),
            level=level,
            empty=w.say("Nothing was opened."),
        ),
        section(w.say("What was owed"), limits, _clocks(statistics, w), level=level),
        section(
            w.say("Notice given before something begins"),
            _notices(statistics, w),
            level=level,
            empty=w.say("No notice was owed."),
        ),
        section(
            w.say("Corrections and cancellations"), _changes(statistics, w), level=level, empty=none
        ),
        section(
            w.say("Meetings, calls and visits"), _meetings(statistics, w), level=level, empty=none
        ),
        section(w.say("Translations"), _translations(statistics, w), level=level),
        section(w.say("Flash messages"), _flashes(statistics, w), level=level, empty=none),
        *(() if statistics.kind in UNTIMED else (line,)),
        section(w.say("Last words"), _areas(statistics, w), level=level),
        section(w.say("When a side could not have noticed"), *_blind(statistics, w), level=level),
    ]


def _spread(spread: Spread | None, w: Words) -> tuple[str, ...]:
    if spread is None:
        return (w.say("no statement"),) * 3
    return w.span(spread.median_s), w.span(spread.p95_s), w.span(spread.worst_s)


def _share(number: float | None, w: Words) -> str:
    return w.say("no statement") if number is None else w.share(number, 1)


def _precedences(statistics: Statistics, w: Words) -> Table | None:
    head = (
        w.say("Side"),
        w.say("Opened"),
        w.value("flash").upper(),
        w.value("immediate").upper(),
        w.say("Priority and routine"),
    )
    rows: list[tuple[Cell, ...]] = []
    names = [row.side for row in statistics.blindness] + [row.side for row in statistics.opened]
    for name in dict.fromkeys(names):
        counts = [row for row in statistics.opened if row.side == name]
        opened = sum(row.opened for row in counts)
        urgent = [sum(row.flash for row in counts), sum(row.immediate for row in counts)]
        cells = [_counted(number, opened, w) for number in (*urgent, opened - sum(urgent))]
        rows.append((party(name, w), w.number(opened), *cells))
    return table(head, rows)


def _counted(number: int, whole: int, w: Words) -> str:
    """Return a number with its share of the whole, if there is a whole."""
    share = _share(number / whole, w) if whole else w.say("no statement")
    return w.say("%(n)s (%(share)s)", n=w.number(number), share=share)


def _opened(statistics: Statistics, w: Words) -> Table | None:
    precedences = (w.value(name).upper() for name in ("flash", "immediate", "priority", "routine"))
    head = (w.say("Format"), w.say("Side"), w.say("Opened"), *precedences)
    rows: list[tuple[Cell, ...]] = [
        (
            w.act(row.format),
            party(row.side, w),
            *map(w.number, (row.opened, row.flash, row.immediate, row.priority, row.routine)),
        )
        for row in statistics.opened
    ]
    return table(head, rows)


def _clocks(statistics: Statistics, w: Words) -> Table | None:
    head = (
        *(
            w.say("Format"),
            w.say("What"),
            w.say("Side"),
            w.say("How many"),
            w.say("Median"),
            w.say("95th of 100"),
            w.say("Worst"),
            w.say("In time"),
        ),
        *(
            w.say("Late"),
            w.say("In time, share"),
            w.say("Ended"),
            w.say("Still open"),
            capitalized(w.say("overdue")),
            w.say("Courtesy"),
        ),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            *(w.act(row.format), w.clock(row.clock), party(row.side, w)),
            *(w.number(row.took.measured if row.took else 0), *_spread(row.took, w)),
            *(w.number(row.in_time), w.number(row.late), _share(row.share_in_time, w)),
            *map(w.number, (row.ended, row.open, row.overdue, row.courtesy)),
        )
        for row in statistics.clocks
    ]
    return table(head, rows)


def _notices(statistics: Statistics, w: Words) -> Table | None:
    head = (
        *(
            w.say("Format"),
            w.say("Side"),
            w.say("Owed"),
            w.say("How many"),
            w.say("Median given"),
            w.say("Shortest given"),
        ),
        *(w.say("In time"), w.say("Shorter"), w.say("In time, share")),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            *(w.act(row.format), party(row.side, w), w.span(row.owed_s), w.number(row.notices)),
            *(_given(row.median_given_s, w), _given(row.shortest_given_s, w)),
            *(w.number(row.in_time), w.number(row.short), _share(row.share_in_time, w)),
        )
        for row in statistics.notices
    ]
    return table(head, rows)


def _given(seconds: float | None, w: Words) -> str:
    if seconds is None:
        return w.say("no statement")
    return w.span(seconds) if seconds >= 0 else w.say("%(d)s after it began", d=w.span(-seconds))


def _changes(statistics: Statistics, w: Words) -> Table | None:
    after = w.say("Median after")
    head = (
        w.say("Format"),
        w.say("Side"),
        w.say("Corrections"),
        after,
        w.say("Cancellations"),
        after,
    )
    rows: list[tuple[Cell, ...]] = [
        (
            *(
                w.act(row.format),
                party(row.side, w),
                w.number(row.corrections),
                _spread(row.corrected_after, w)[0],
            ),
            *(w.number(row.cancellations), _spread(row.cancelled_after, w)[0]),
        )
        for row in statistics.changes
    ]
    return table(head, rows)


def _meetings(statistics: Statistics, w: Words) -> Table | None:
    head = (
        *(
            w.say("Format"),
            w.say("Side"),
            capitalized(w.say("asked for")),
            w.say("Accepted"),
            w.say("Declined"),
        ),
        *(w.say("Held"), w.say("Did not attend")),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            w.act(row.format),
            party(row.side, w),
            *map(w.number, (row.asked, row.accepted, row.declined, row.held, row.not_attended)),
        )
        for row in statistics.meetings
    ]
    return table(head, rows)


def _translations(statistics: Statistics, w: Words) -> Table | None:
    rows: list[tuple[Cell, ...]] = [
        (party(row.side, w), w.number(row.translations), *_spread(row.delay, w))
        for row in statistics.translations
    ]
    return table(
        (
            w.say("Side"),
            w.say("Translations"),
            w.say("Median delay"),
            w.say("95th of 100"),
            w.say("Worst"),
        ),
        rows,
    )


def _areas(statistics: Statistics, w: Words) -> Table | None:
    rows: list[tuple[Cell, ...]] = [
        (
            w.value(row.area),
            w.written(row.last_word) if row.last_word else w.say("no statement"),
            w.say("no statement")
            if row.days_since_last_word is None
            else w.number(row.days_since_last_word),
        )
        for row in statistics.areas
    ]
    return table((w.say("Area"), w.say("Last word"), w.say("Days before the end")), rows)


def _flashes(statistics: Statistics, w: Words) -> Table | None:
    head = (w.say("Side"), w.say("Flash messages"), w.say("Floods"), w.say("Most within 10 min"))
    return table(
        head,
        [
            (party(row.side, w), *map(w.number, (row.came, row.floods, row.most)))
            for row in statistics.flashes
            if row.came
        ],
    )


def _blind(statistics: Statistics, w: Words) -> list[Block | None]:
    rows: list[tuple[Cell, ...]] = [
        (
            party(row.side, w),
            *(
                w.say("no statement") if number is None else w.span(number)
                for number in (row.watch_nobody_s, row.line_down_s, row.broker_down_s)
            ),
        )
        for row in statistics.blindness
    ]
    spans: list[tuple[Cell, ...]] = [
        (
            blindness(blind, w),
            sides(blind.sides, w),
            w.written(blind.from_),
            w.written(blind.to),
        )
        for blind in statistics.blind
    ]
    head = (
        w.say("Side"),
        capitalized(w.say("nobody had the watch")),
        w.say("No line, as checks showed"),
        capitalized(w.say("nothing could be recorded")),
    )
    return [
        table(head, rows),
        table((w.say("What"), w.say("Sides"), w.say("From"), w.say("To")), spans),
    ]


def blindness(blind: Blind, w: Words) -> str:
    """Return the reason for which nobody could have noticed a message."""
    match blind.what, len(blind.sides):
        case "watch", _:
            return w.say("nobody had the watch")
        case "line", 1:
            return w.say("the station had no line to the host")
        case "line", _:
            return w.say("line checks missed")
        case _:
            return w.say("nothing could be recorded")


# Acknowledgements


def receipt_times(seconds: Mapping[str, Sequence[float]]) -> tuple[ReceiptTimes, ...]:
    """Return the times of each side in classes."""
    edges = (0, *_BUCKETS, float("inf"))
    return tuple(
        ReceiptTimes(
            side=side,
            n=len(times),
            took=spread_of(times),
            counts=tuple(
                sum(low <= number < high for number in times) for low, high in pairwise(edges)
            ),
        )
        for side, times in seconds.items()
    )


def receipt_section(receipts: Sequence[ReceiptTimes], w: Words, level: int) -> Section:
    """Return the section of the acknowledgements: how many came within which time."""
    between = [
        w.say("%(a)s to %(b)s", a=w.span(low), b=w.span(high)) for low, high in pairwise(_BUCKETS)
    ]
    head = (
        *(w.say("Side"), w.say("How many"), w.say("Median"), w.say("95th of 100"), w.say("Worst")),
        w.say("under %(d)s", d=w.span(_BUCKETS[0])),
        *between,
        w.say("%(d)s and more", d=w.span(_BUCKETS[-1])),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            *(party(row.side, w), w.number(row.n), *_spread(row.took, w)),
            *map(w.number, row.counts),
        )
        for row in receipts
    ]
    return section(
        w.say("How long each side took to acknowledge"),
        table(head, rows),
        Paragraph(
            w.say(
                "Times under 2 s are counted by themselves. What they come from is for the "
                "sides to ask each other."
            )
        ),
        level=level,
    )
