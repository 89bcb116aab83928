"""Documents: what pages and papers are made of.

    ReportDocument, PageDocument
      Section
        Paragraph    runs of the service and of sides
        Table        a head and rows of cells
        Listing      a table whose rows have names, and may stand in groups
        Facts        names, each with its value
        Quote        a side's text in full
        Points       a list of paragraphs
        Remark         a remark in small type
        Buttons      links to what may be done
        Query        a form that asks for other content of the page
        Empty        what is not there, and what would be there

A run is a piece of text: the service's own words, or those of a side. A cell is a run,
or several runs. A document is drawn once for each form: HTML, Markdown, JSON and CSV.
"""

from collections.abc import Iterable

from msgspec import Struct

from dragoman.members.runs import Cell, PageLink, QuotedText, Run, Source
from dragoman_schemas.report_shapes import ReportedChannel


class Paragraph(Struct, frozen=True, tag_field="block"):
    """A paragraph of runs."""

    runs: tuple[Run, ...]


class Points(Struct, frozen=True, tag_field="block"):
    """A list of paragraphs.

    `names` has for each what programs and tests find it by, or is empty.
    """

    points: tuple[tuple[Run, ...], ...]
    names: tuple[dict[str, str], ...] = ()


class Table(Struct, frozen=True, tag_field="block"):
    """A table. Every row has as many cells as the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Quote(Struct, frozen=True, tag_field="block"):
    """A text of a side in its own words, and the label above it."""

    label: str
    quotation: QuotedText
    source: Source | None = None


class ListingRow(Struct, frozen=True):
    """A row of a listing. `names` are what programs and tests find it by."""

    cells: tuple[Cell, ...]
    names: dict[str, str] = {}


class Group(Struct, frozen=True):
    """Rows of a listing, under a heading of their own if there is one."""

    rows: tuple[ListingRow, ...]
    heading: tuple[Run, ...] = ()
    names: dict[str, str] = {}


class Listing(Struct, frozen=True, tag_field="block"):
    """A table whose rows have names. Every row has as many cells as the head.

    With a `layout`, rows are strips: the first cell has the colour of the row's state.
    """

    label: str
    head: tuple[str, ...]
    groups: tuple[Group, ...]
    layout: str = ""

    @property
    def rows(self) -> tuple[ListingRow, ...]:
        """All rows, in their order."""
        return tuple(row for group in self.groups for row in group.rows)


class Facts(Struct, frozen=True, tag_field="block"):
    """Names, each with its value."""

    facts: tuple[tuple[str, Cell], ...]


class Remark(Struct, frozen=True, tag_field="block"):
    """A remark in small type."""

    runs: tuple[Run, ...]


class Buttons(Struct, frozen=True, tag_field="block"):
    """Links to what may be done."""

    links: tuple[PageLink, ...]


class Field(Struct, frozen=True):
    """A field of a query: its name in addresses, its label and its content.

    With `choices`, which are values with their words, it is a list. `fault` says what
    is wrong with the content.
    """

    name: str
    label: str
    value: str = ""
    hint: str = ""
    fault: str = ""
    choices: tuple[tuple[str, str], ...] = ()


class Query(Struct, frozen=True, tag_field="block"):
    """A form that asks for other content of a page, at the page's moment.

    `path` is that of the page. `hidden` values are sent as they are. `beside` stands
    behind the button.
    """

    label: str
    path: str
    fields: tuple[Field, ...]
    button: str
    hidden: dict[str, str] = {}
    beside: tuple[Run, ...] = ()


class Empty(Struct, frozen=True, tag_field="block"):
    """A sentence in place of content, and one on the content that would be there."""

    what: str
    why: str = ""


Block = Paragraph | Points | Table | Listing | Facts | Quote | Remark | Buttons | Query | Empty


class Section(Struct, frozen=True):
    """A section with a heading. `level` 2 is right under the title.

    `aside` stands beside the heading. `names` are what programs and tests find it by.
    """

    title: tuple[Run, ...]
    blocks: tuple[Block, ...]
    level: int = 2
    aside: tuple[Run, ...] = ()
    names: dict[str, str] = {}


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


class PageDocument(Struct, frozen=True, kw_only=True):
    """A page laid out.

    `area` is the part of the navigation to which it belongs. `crumbs` lead to the pages
    above it, and `actions` to what may be done. `heading` is the title on the page
    where it differs. `foot` has links below the page. `announced` is the result of what
    the reader has just done.
    """

    title: str
    heading: tuple[Run, ...] = ()
    announced: str = ""
    script: str = ""
    area: str = ""
    crumbs: tuple[PageLink, ...] = ()
    lead: tuple[Run, ...] = ()
    note: tuple[Run, ...] = ()
    actions: tuple[PageLink, ...] = ()
    sections: tuple[Section, ...] = ()
    foot: tuple[PageLink, ...] = ()

    @property
    def has_fault(self) -> bool:
        """Return whether something that was typed on the page cannot be read."""
        blocks = (block for section in self.sections for block in section.blocks)
        queries = (block for block in blocks if isinstance(block, Query))
        return any(field.fault for query in queries for field in query.fields)


def section(
    title: str | tuple[Run, ...],
    *blocks: Block | None,
    level: int = 2,
    empty: str = "",
    aside: tuple[Run, ...] = (),
    **names: str,
) -> Section:
    """Return a section of the blocks that are not None.

    If there are none, it contains the sentence `empty`.
    """
    there = tuple(block for block in blocks if block is not None)
    if not there and empty:
        there = (Paragraph((empty,)),)
    heading = title if isinstance(title, tuple) else (title,) if title else ()
    return Section(heading, there, level, aside, names)


def listing(
    label: str, head: tuple[str, ...], groups: Iterable[Group], empty: Empty | None = None
) -> Listing | Empty | None:
    """Return a listing of the groups that have rows; without any, `empty`."""
    there = tuple(group for group in groups if group.rows)
    return Listing(label, head, there) if there else empty


def rows_listed(
    label: str, head: tuple[str, ...], rows: Iterable[ListingRow], empty: Empty | None = None
) -> Listing | Empty | None:
    """Return a listing of rows without groups; without any, `empty`."""
    return listing(label, head, (Group(tuple(rows)),), empty)


def buttons(links: Iterable[PageLink | None]) -> Buttons | None:
    """Return the links that are not None as buttons; None without any."""
    there = tuple(link for link in links if link is not None)
    return Buttons(there) if there else None


def table(head: tuple[str, ...], rows: list[tuple[Cell, ...]]) -> Table | None:
    """Return a table; None if it has no rows."""
    return Table(head, tuple(rows)) if rows else None
