"""The statements of each side of an event, as tables of reports.

Every side has rows of the same form, whoever admits and whoever denies.
"""

from collections.abc import Iterable, Iterator

from msgspec import UnsetType

from dragoman.document.blocks import Block, Table, table
from dragoman.domain.views import attribution
from dragoman.domain.views.outages import OutageSpan
from dragoman.domain.views.stated import differences, stated_values
from dragoman.i18n.words import Words
from dragoman.members import shapes
from dragoman.members.kind import Say
from dragoman.members.runs import Cell
from dragoman.members.texts import quoted_in
from dragoman.reports import layout, report_facts
from dragoman_schemas.report_shapes import ReportedStatements
from dragoman_schemas.responses import StatedValue
from dragoman_schemas.state import Exchange


def of_exchanges(exchanges: Iterable[Exchange], span: OutageSpan) -> list[ReportedStatements]:
    """Return the statements of matters with a statement in a span."""
    return [
        statements
        for exchange in exchanges
        if (statements := of_exchange(exchange)) is not None
        and any(span.holds(value.time) for value in statements.statements)
    ]


def of_exchange(exchange: Exchange) -> ReportedStatements | None:
    """Return the statements on members that have several; None if no member has."""
    if attribution.unattributed(exchange):
        return None
    values = stated_values(exchange)
    several = [
        value for value in values if sum(other.member == value.member for other in values) > 1
    ]
    if not several:
        return None
    return ReportedStatements(
        matter=report_facts.matter(exchange),
        statements=tuple(several),
        differences=differences(exchange),
    )


def blocks(rows: Iterable[ReportedStatements], w: Words, language: str) -> Iterator[Block]:
    """Yield the tables of statements and of differences that have rows."""
    matters = list(rows)
    for block in (_statements(matters, w, language), _differences(matters, w, language)):
        if block is not None:
            yield block


def _statements(rows: Iterable[ReportedStatements], w: Words, language: str) -> Table | None:
    return table(
        (
            w.say("What"),
            w.say("Side"),
            w.say("Stated"),
            w.say("How"),
            w.say("When"),
            w.say("Matter"),
        ),
        [
            (
                w.field(value.member, row.matter.format),
                layout.party(value.side, w),
                layout.of_matter(
                    shapes.said(
                        row.matter.format,
                        value.member,
                        value.value,
                        Say(words=w, language=language, original=row.matter.original),
                    ),
                    row.matter,
                ),
                layout.of_matter(_how(value, w, language), row.matter),
                w.written(value.time),
                layout.matter_name(row.matter, w, language),
            )
            for row in rows
            for value in row.statements
        ],
    )


def change_words(change: str, w: Words) -> str:
    """Return the words for how a value was stated. Every page and report uses them."""
    match change:
        case "opening":
            return w.say("in its report")
        case "update":
            return w.say("by an update")
        case "correction":
            return w.say("by a correction")
        case "amendment":
            return w.say("by an amendment")
        case "account":
            return w.say("in its account")
        case "final_report":
            return w.say("in its final report")
        case _:
            return w.say("by a retraction")


def _how(value: StatedValue, w: Words, language: str) -> Cell:
    how = change_words(value.change, w)
    if isinstance(value.reason, UnsetType):
        return how
    return (how, w.colon, quoted_in(value.reason, w, language))


def _differences(rows: Iterable[ReportedStatements], w: Words, language: str) -> Table | None:
    return table(
        (
            w.say("Accounts differed on"),
            w.say("Sides"),
            w.say("From"),
            w.say("To"),
            w.say("Matter"),
        ),
        [
            (
                w.field(item.member, row.matter.format),
                layout.sides(item.sides, w),
                w.written(item.begins),
                w.say("%(t)s, by %(side)s", t=w.written(item.ends), side=layout.side(item.ended_by))
                if item.ends
                else w.say("still"),
                layout.matter_name(row.matter, w, language),
            )
            for row in rows
            for item in row.differences
        ],
    )
