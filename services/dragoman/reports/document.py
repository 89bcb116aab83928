"""A report as it is laid out, once for Markdown and for pages: sections of sentences, tables and what a side said.

Paper ─▶ Section ─▶ Paragraph  the service's own words and a side's, side by side
                    Table      head and rows; a cell is the service's word, a side's, or several of these
                    Quote      a side's text in full, under who said it
                    Points     a list of paragraphs
"""

from msgspec import Struct

from dragoman.reports.member_texts import Cell, Run, Said
from dragoman_schemas.report_shapes import ReportedChannel


class Paragraph(Struct, frozen=True):
    """A paragraph."""

    runs: tuple[Run, ...]


class Points(Struct, frozen=True):
    """A list."""

    points: tuple[tuple[Run, ...], ...]


class Table(Struct, frozen=True):
    """A table; every row has as many cells as the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Quote(Struct, frozen=True):
    """What a side said, in its own words, and the words under which it stands."""

    label: str
    said: Said


Block = Paragraph | Points | Table | Quote


class Section(Struct, frozen=True):
    """A headed part; `level` 2 is right under the title."""

    title: tuple[Run, ...]
    blocks: tuple[Block, ...]
    level: int = 2


class Paper(Struct, frozen=True, kw_only=True):
    """A report laid out: what it is, the sentence that matters, its sections, what it rests on, and in which language its own words are."""

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
    """A section of those blocks that there are; where there are none, the sentence for that."""
    there = tuple(block for block in blocks if block is not None)
    if not there and empty:
        there = (Paragraph((empty,)),)
    return Section((title,) if isinstance(title, str) else title, there, level)


def table(head: tuple[str, ...], rows: list[tuple[Cell, ...]]) -> Table | None:
    """A table, or nothing where it has no rows."""
    return Table(head, tuple(rows)) if rows else None
