"""A report as a document, laid out once for Markdown and for pages.

    ReportDocument
      Section
        Paragraph    runs of the service and of sides
        Table        a head and rows of cells
        Quote        a side's text in full
        Points         a list of paragraphs

A run is a piece of text: the service's own words, or those of a side. A cell is a run,
or several runs.
"""

from msgspec import Struct

from dragoman.members.runs import Cell, QuotedText, Run
from dragoman_schemas.report_shapes import ReportedChannel


class Paragraph(Struct, frozen=True):
    """A paragraph of runs."""

    runs: tuple[Run, ...]


class Points(Struct, frozen=True):
    """A list of paragraphs."""

    points: tuple[tuple[Run, ...], ...]


class Table(Struct, frozen=True):
    """A table. Every row has as many cells as the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Quote(Struct, frozen=True):
    """A text of a side in its own words, and the label above it."""

    label: str
    quotation: QuotedText


Block = Paragraph | Points | Table | Quote


class Section(Struct, frozen=True):
    """A section with a heading. `level` 2 is right under the title."""

    title: tuple[Run, ...]
    blocks: tuple[Block, ...]
    level: int = 2


class ReportDocument(Struct, frozen=True, kw_only=True):
    """A report laid out.

    `lead` are the sentences that matter most, `foot` says what the report rests on, and
    `again` is the path of the same report. `language` is that of its own words.
    """

    of: ReportedChannel
    language: str
    title: str
    lead: tuple[str, ...]
    sections: tuple[Section, ...]
    foot: tuple[str, ...]
    again: str
    alarm: str = ""


def section(
    title: str | tuple[Run, ...], *blocks: Block | None, level: int = 2, empty: str = ""
) -> Section:
    """Return a section of the blocks that are not None.

    If there are none, it contains the sentence `empty`.
    """
    there = tuple(block for block in blocks if block is not None)
    if not there and empty:
        there = (Paragraph((empty,)),)
    return Section((title,) if isinstance(title, str) else title, there, level)


def table(head: tuple[str, ...], rows: list[tuple[Cell, ...]]) -> Table | None:
    """Return a table; None if it has no rows."""
    return Table(head, tuple(rows)) if rows else None
