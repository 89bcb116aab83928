"""The dissents that stand in joint reports, as tables of reports.

Each row names the side, the paragraph, the report and the status of the report.
"""

from collections.abc import Iterable, Iterator

from dragoman.document.blocks import Table, table
from dragoman.domain.acts import consent
from dragoman.domain.views import attribution
from dragoman.i18n.words import Words
from dragoman.members.texts import quoted_in
from dragoman.reports import layout, report_facts
from dragoman_schemas.report_shapes import ReportedDissent
from dragoman_schemas.state import Exchange


def of_exchanges(exchanges: Iterable[Exchange]) -> Iterator[ReportedDissent]:
    """Yield the dissents that stand in the joint reports among exchanges."""
    for exchange in exchanges:
        yield from of_exchange(exchange)


def of_exchange(exchange: Exchange) -> tuple[ReportedDissent, ...]:
    """Return the dissents that stand in a report, in the order of its paragraphs."""
    if exchange.act != "joint-report" or exchange.cancellation is not None:
        return ()
    rows = [
        ReportedDissent(
            matter=report_facts.matter(exchange),
            side=attribution.side(exchange, side),
            paragraph=number,
            time=dissent.said.when,
            position=dissent.said.position,
            text=dissent.content["text"],
        )
        for side, dissents in consent.standing_dissents(exchange).items()
        for number, dissent in dissents.items()
    ]
    return tuple(sorted(rows, key=lambda row: (row.paragraph, row.position)))


def table_of(rows: Iterable[ReportedDissent], w: Words, language: str) -> Table | None:
    """Return the table of dissents; None if there are none."""
    return table(
        (
            w.say("Dissents"),
            w.say("Paragraph"),
            w.say("In its words"),
            w.say("When"),
            w.say("Joint report"),
            w.say("Status"),
        ),
        [
            (
                layout.party(row.side, w),
                w.number(row.paragraph),
                layout.of_matter(quoted_in(row.text, w, language, row.matter.original), row.matter),
                w.written(row.time),
                layout.matter_name(row.matter, w, language),
                w.status(row.matter.status),
            )
            for row in rows
        ],
    )
