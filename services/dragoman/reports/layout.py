"""How the parts that several reports have in common are laid out: sides, matters, what is owed, what became of a message."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dragoman.domain.clocks import UNTIMED
from dragoman.domain.line import MISSES
from dragoman.reports.paper import Block, Cell, Points, Quote, Run, Section, Table, Words, section, table
from dragoman.reports.words import Said, between, counted, plain, said, span, utc
from dragoman_schemas.answers import Issue
from dragoman_schemas.reports import Ahead, ChannelStanding, Due, Lapsed, Lesson, Matter, Receipt, Report, Standing, Urgent
from dragoman_schemas.statistics import Line, Spread, Statistics

_NONE: Final = "no statement"
NOT_LIVE: Final = "NOT LIVE: the end of the log had not been seen just then. What came since is not in this report."


def period(report: Report) -> str:
    """From when to when."""
    return f"{utc(report.from_)} to {utc(report.to)}"


def foot(report: Report) -> tuple[str, ...]:
    """What a report rests on, and how it is made again."""
    return (
        f"Generated from the log of {report.of.name}, records up to {report.position}; digest of the state {report.digest}.",
        "Texts are as each side gave them, without prejudice to the other's view.",
    )


def alarm(report: Report) -> str:
    """What must not be overlooked: that a report is behind."""
    return "" if report.live else NOT_LIVE


def side(name: str) -> str:
    """A side as it is read."""
    return name.upper()


def sides(names: Iterable[str]) -> str:
    """Several of them."""
    return ", ".join(map(side, names)) or "none"


def subject(matter: Matter, language: str) -> Said:
    """What a matter is about, in its side's words."""
    return said(matter.subject, language, matter.original)


def named(matter: Matter, language: str) -> tuple[Run, ...]:
    """A matter by its subject and number."""
    return subject(matter, language), f" ({matter.number})"


def left_off(number: int) -> Words | None:
    """What a one-page report does not show."""
    return Words((f"{counted(number, 'more row')} left off here; the lists of the channel have them.",)) if number else None


# What became of messages, what is owed


def receipt(each: Receipt, to: str, since: str) -> str:
    """What one addressee did with a message, in words that accuse nobody."""
    if each.acknowledged:
        took = "" if each.acknowledged_after_s is None else f", {span(each.acknowledged_after_s)}"
        return f"{side(each.side)}: acknowledged by {each.acknowledged_by}{took}"
    reached = f"delivered {utc(each.delivered)}" if each.delivered else "not delivered yet"
    if not each.owes:
        return f"{side(each.side)}: for information, {reached}"
    return f"{side(each.side)}: no acknowledgement yet, {span(between(since, to))} passed, {reached}"


def urgent_table(found: Sequence[Urgent], to: str, language: str) -> Table | None:
    """Messages, and what each addressee did with them."""
    return table(
        ("Sent", "Precedence", "From", "What", "Acknowledgement"),
        [
            (
                utc(each.time),
                each.matter.precedence.upper(),
                side(each.side),
                (f"{plain(each.act)}: ", *named(each.matter, language)),
                "; ".join(receipt(one, to, each.time) for one in each.receipts),
            )
            for each in found
        ],
    )


def due_table(found: Sequence[Due], to: str, language: str) -> Table | None:
    """What is owed by whom until when; the same words for every side."""
    return table(
        ("Owed by", "What", "Until", "Now", "Under"),
        [(side(due.side), plain(due.clock), utc(due.due), _state(due, to), named(due.matter, language)) for due in found],
    )


def _state(due: Due, to: str) -> str:
    left = between(to, due.due)
    state = f"not yet, {span(-left)} past the limit" if due.overdue else f"{span(left)} left"
    return f"{state} (courtesy)" if due.courtesy else state


def lapse_table(found: Sequence[Lapsed], language: str) -> Table | None:
    """Limits that passed, and when what was owed came."""
    return table(
        ("Owed by", "What", "Until", "Came", "Under"),
        [
            (
                side(each.side),
                plain(each.clock) + (" (courtesy)" if each.courtesy else ""),
                utc(each.due),
                f"{utc(each.came)}, {span(between(each.due, each.came))} after the limit" if each.came else "not yet",
                named(each.matter, language),
            )
            for each in found
        ],
    )


def matter_table(found: Sequence[Matter], language: str) -> Table | None:
    """Matters, and how far each is."""
    return table(
        ("Opened", "By", "Subject", "Status"),
        [(utc(each.opened), side(each.side), named(each, language), plain(each.status)) for each in found],
    )


def ahead_table(found: Sequence[Ahead], language: str) -> Table | None:
    """What is ahead or in force."""
    return table(
        ("From", "To", "By", "What", "Where", "Status"),
        [
            (
                *(utc(each.from_), utc(each.to), side(each.matter.side)),
                (f"{plain(each.matter.format)}: ", *named(each.matter, language)),
                Said(each.place) if each.place else "not said",
                plain(each.matter.status),
            )
            for each in found
        ],
    )


# Watches, the line, the channel


def watch_points(standing: Sequence[Standing]) -> Points:
    """Each side's watch and stations; no names."""
    return Points(
        tuple(
            (
                f"{side(each.side)}: {f'watch manned since {utc(each.manned_since)}' if each.manned_since else 'nobody has the watch on record'}; "
                + (f"reached up to record {each.delivered_upto}, {utc(each.delivered_at)}" if each.delivered_upto else "not reached yet"),
            )
            for each in standing
        )
    )


def line_points(line: Sequence[Line]) -> Points:
    """How the line to each side stood."""
    return Points(tuple((f"{side(each.side)}: {_line(each)}",) for each in line))


def _line(line: Line) -> str:
    if not line.last_checked:
        return "no line check on record"
    result = {
        "echoed": "it came back",
        "echoed_with_errors": "it came back with errors",
        "missed": "missed",
        "awaited": "its echo is awaited",
    }[line.last_result]
    run = f"{line.missed_run} missed in a row" if line.missed_run else f"{line.run} in a row came back"
    degraded = "; the line is degraded" if line.missed_run >= MISSES else ""
    return f"last checked {utc(line.last_checked)}, {result}; in the period {line.echoed} of {line.checks} exactly echoed; {run}{degraded}"


def _limits(kind: str, profile: str, *, binding: bool) -> str:
    if kind in UNTIMED:
        return "No clock runs here, and no time is owed."
    binds = "they bind" if binding else "they are a courtesy until every side has adopted them"
    return f"Limits of the profile {profile}: {binds}."


def channel_blocks(kind: str, found: ChannelStanding, language: str) -> list[Block]:
    """How the channel stands, in writing, and whose limits are shown."""
    since = f" since {utc(found.since)}" if found.since else ""
    stands = Words((f"{plain(found.status).capitalize()}{since}. {_limits(kind, found.profile, binding=found.binding)}",))
    return [stands, *([Quote("Reason", said(found.reason, language))] if found.reason else [])]


# Dialogue


def beside(names: Sequence[str], rows: Sequence[tuple[str, Mapping[str, Cell]]]) -> Table:
    """What each side said, side by side; an empty place says so."""
    return Table(
        ("", *map(side, names)),
        tuple((label, *(cells.get(name, _NONE) for name in names)) for label, cells in rows if cells),
    )


def issue_sections(issues: Sequence[Issue], language: str, level: int) -> list[Section]:
    """Each issue, and every side's column; an empty one says so."""
    return [
        section(
            ("Issue: ", Said(issue.issue)),
            _views(issue, language),
            Quote("Common ground of every side", said(issue.common_ground, language)) if issue.common_ground else None,
            level=level,
        )
        for issue in issues
    ]


def _views(issue: Issue, language: str) -> Table:
    names = (*(view.side for view in issue.views), *issue.no_statement)
    fair = {"fair": "called fair", "not_our_view": "not its view", "": "not spoken of yet"}
    return beside(
        names,
        [
            ("Own view", {view.side: said(view.own_view, language) for view in issue.views}),
            ("How it reads the other side", {view.side: said(view.your_view, language) for view in issue.views if view.your_view}),
            ("Wanted outcome", {view.side: said(view.wanted_outcome, language) for view in issue.views if view.wanted_outcome}),
            (
                "Restated",
                {view.side: f"by {sides(view.restated_by)}, {fair[view.fairness]}" for view in issue.views if view.restated_by},
            ),
            ("Number", {view.side: view.number for view in issue.views}),
        ],
    )


def lesson_blocks(found: Sequence[Lesson], language: str) -> list[Block]:
    """What each side would do better."""
    return [Quote(f"{side(each.side)}, {utc(each.time)}, on {each.matter.number}", said(each.text, language)) for each in found]


# Statistics


def statistics_sections(found: Statistics, level: int) -> list[Section]:
    """The statistics, a table each; what was not measured is no statement."""
    limits = Words((_limits(found.kind, found.profile, binding=found.binding),))
    line = section("Line checks", line_points(found.line), level=level)
    return [
        section("Opened in the period", _opened(found), level=level, empty="Nothing was opened."),
        section("What was owed", limits, _clocks(found), level=level),
        section("Notice given before something begins", _notices(found), level=level, empty="No notice was owed."),
        section("Corrections and cancellations", _changes(found), level=level, empty="There were none."),
        section("Meetings, calls and visits", _meetings(found), level=level, empty="There were none."),
        section("Translations", _translations(found), level=level),
        *(() if found.kind in UNTIMED else (line,)),
        section("Last words", _areas(found), level=level),
        section("When a side could not have noticed", *_blind(found), level=level),
    ]


def _spread(found: Spread | None) -> tuple[str, ...]:
    return (_NONE,) * 3 if found is None else (span(found.median_s), span(found.p95_s), span(found.worst_s))


def _share(found: float | None) -> str:
    return _NONE if found is None else f"{found:.1%}"


def _opened(found: Statistics) -> Table | None:
    head = ("Format", "Side", "Opened", "Flash", "Immediate", "Priority", "Routine")
    rows: list[tuple[Cell, ...]] = [
        (plain(row.format), side(row.side), *map(str, (row.opened, row.flash, row.immediate, row.priority, row.routine)))
        for row in found.opened
    ]
    return table(head, rows)


def _clocks(found: Statistics) -> Table | None:
    head = ("Format", "What", "Side", "Median", "95th", "Longest", "In time", "Late", "Share in time", "Ended", "Open", "Overdue")
    rows: list[tuple[Cell, ...]] = [
        (
            *(plain(row.format), plain(row.clock), side(row.side), *_spread(row.took)),
            *(str(row.in_time), str(row.late), _share(row.share_in_time), str(row.ended), str(row.open), str(row.overdue)),
        )
        for row in found.clocks
    ]
    return table(head, rows)


def _notices(found: Statistics) -> Table | None:
    head = ("Format", "Side", "Owed", "Notices", "Median given", "Shortest", "In time", "Short", "Share in time")
    rows: list[tuple[Cell, ...]] = [
        (
            *(plain(row.format), side(row.side), span(row.owed_s), str(row.notices)),
            *(_NONE if given is None else span(given) for given in (row.median_given_s, row.shortest_given_s)),
            *(str(row.in_time), str(row.short), _share(row.share_in_time)),
        )
        for row in found.notices
    ]
    return table(head, rows)


def _changes(found: Statistics) -> Table | None:
    head = ("Format", "Side", "Corrections", "Median after", "Cancellations", "Median after")
    rows: list[tuple[Cell, ...]] = [
        (
            *(plain(row.format), side(row.side), str(row.corrections), _spread(row.corrected_after)[0]),
            *(str(row.cancellations), _spread(row.cancelled_after)[0]),
        )
        for row in found.changes
    ]
    return table(head, rows)


def _meetings(found: Statistics) -> Table | None:
    head = ("Format", "Side", "Asked", "Accepted", "Declined", "Held", "Did not attend")
    rows: list[tuple[Cell, ...]] = [
        (plain(row.format), side(row.side), *map(str, (row.asked, row.accepted, row.declined, row.held, row.not_attended)))
        for row in found.meetings
    ]
    return table(head, rows)


def _translations(found: Statistics) -> Table | None:
    rows: list[tuple[Cell, ...]] = [(side(row.side), str(row.translations), *_spread(row.delay)) for row in found.translations]
    return table(("Side", "Translations", "Median delay", "95th", "Longest"), rows)


def _areas(found: Statistics) -> Table | None:
    rows: list[tuple[Cell, ...]] = [
        (
            plain(row.area),
            utc(row.last_word) if row.last_word else _NONE,
            _NONE if row.days_since_last_word is None else f"{row.days_since_last_word:g}",
        )
        for row in found.areas
    ]
    return table(("Area", "Last word", "Days since"), rows)


_BLIND: Final = {"watch": "nobody had the watch", "line": "line checks missed", "broker": "no broker"}


def _blind(found: Statistics) -> list[Block | None]:
    rows: list[tuple[Cell, ...]] = [
        (
            side(row.side),
            *(_NONE if each is None else span(each) for each in (row.watch_nobody_s, row.line_down_s, row.broker_down_s)),
        )
        for row in found.blindness
    ]
    spans: list[tuple[Cell, ...]] = [(_BLIND[each.what], sides(each.sides), utc(each.from_), utc(each.to)) for each in found.blind]
    return [
        table(("Side", "Nobody had the watch", "No line, as checks showed", "Broker"), rows),
        table(("What", "Sides", "From", "To"), spans),
    ]
