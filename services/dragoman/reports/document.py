"""A report as it is laid out, once for Markdown and for pages: sections of sentences, tables and what a side said.

Paper ─▶ Section ─▶ Paragraph  the service's own words and a side's, side by side
                    Table      head and rows; a cell is the service's word, a side's, or several of these
                    Quote      a side's text in full, under who said it
                    Points     a list of paragraphs
"""

from msgspec import Struct

from dragoman.reports.member_texts import Cell, QuotedText, Run
from dragoman_schemas.report_shapes import ReportedChannel


class DocumentParagraph(Struct, frozen=True):
    """A paragraph."""

    runs: tuple[Run, ...]


class DocumentList(Struct, frozen=True):
    """A list."""

    points: tuple[tuple[Run, ...], ...]


class DocumentTable(Struct, frozen=True):
    """A table; every row has as many cells as the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class DocumentQuote(Struct, frozen=True):
    """What a side said, in its own words, and the words under which it stands."""

    label: str
    said: QuotedText


Block = DocumentParagraph | DocumentList | DocumentTable | DocumentQuote


class DocumentSection(Struct, frozen=True):
    """A headed part; `level` 2 is right under the title."""

    title: tuple[Run, ...]
    blocks: tuple[Block, ...]
    level: int = 2


class ReportDocument(Struct, frozen=True, kw_only=True):
    """A report laid out: what it is, the sentence that matters, its sections, what it rests on, and in which language its own words are."""

    of: ReportedChannel
    language: str
    title: str
    lead: tuple[str, ...]
    sections: tuple[DocumentSection, ...]
    foot: tuple[str, ...]
    again: str
    alarm: str = ""


def section(
    title: str | tuple[Run, ...], *blocks: Block | None, level: int = 2, empty: str = ""
) -> DocumentSection:
    """Return a section of those blocks that there are; where there are none, the sentence for that."""
    there = tuple(block for block in blocks if block is not None)
    if not there and empty:
        there = (DocumentParagraph((empty,)),)
    return DocumentSection((title,) if isinstance(title, str) else title, there, level)


def table(head: tuple[str, ...], rows: list[tuple[Cell, ...]]) -> DocumentTable | None:
    """Return a table, or nothing where it has no rows."""
    return DocumentTable(head, tuple(rows)) if rows else None
