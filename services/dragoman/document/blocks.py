"""Documents: what pages and papers are made of.

    ReportDocument, PageDocument
      Section
        Paragraph    runs of the service and of sides
        Table        a head and rows of cells
        Listing      a table whose rows have names, and may stand in groups
        Facts        names, each with its value
        Quote        a side's text in full
        Verbatim     text as it is typed on a command line, or kept
        Points       a list of paragraphs
        Remark       a remark in small type
        Buttons      links to what may be done, and buttons that do it
        Form         fields to fill in, and a button that sends them
        Checklist    steps that are done or still to do
        Definitions  names in a column, each with its meaning
        Fold         blocks that unfold under their label
        Drawing      a picture of what the text says
        Empty        what is not there, and what would be there

A run is a piece of text: the service's own words, or those of a side. A cell is a run,
or several runs. A document is drawn once for each form: HTML, Markdown, JSON and CSV.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal

from msgspec import Struct

from dragoman.members.runs import (
    Cell,
    PageLink,
    PressButton,
    QuotedText,
    Run,
    Source,
    runs_of,
)
from dragoman_schemas.report_shapes import ReportedChannel


class Paragraph(Struct, frozen=True, tag_field="block"):
    """A paragraph of runs."""

    runs: Cell


class Points(Struct, frozen=True, tag_field="block"):
    """A list of paragraphs; of `steps`, each is done after the one before.

    `names` has for each what programs and tests find it by, or is empty. The `forms`
    layout has points that are easy to hit, beside each other.
    """

    points: tuple[tuple[Run, ...], ...]
    names: tuple[dict[str, str], ...] = ()
    steps: bool = False
    layout: Literal["", "forms"] = ""


class Table(Struct, frozen=True, tag_field="block"):
    """A table. Every row has as many cells as the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Quote(Struct, frozen=True, tag_field="block"):
    """A text of a side in its own words, and the label above it."""

    label: str
    quotation: QuotedText
    source: Source | None = None


class Verbatim(Struct, frozen=True, tag_field="block"):
    """Text as it is typed on a command line, or kept, with its line ends."""

    text: str


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
    Where it is `headed`, the first cell of a row names the row.
    """

    label: str
    head: tuple[str, ...]
    groups: tuple[Group, ...]
    layout: str = ""
    headed: bool = False

    @property
    def rows(self) -> tuple[ListingRow, ...]:
        """All rows, in their order."""
        return tuple(row for group in self.groups for row in group.rows)


class Facts(Struct, frozen=True, tag_field="block"):
    """Names, each with its value."""

    facts: tuple[tuple[str, Cell], ...]


class Remark(Struct, frozen=True, tag_field="block"):
    """A remark in small type."""

    runs: Cell


class Buttons(Struct, frozen=True, tag_field="block"):
    """Links to what may be done, and buttons that do it."""

    links: tuple[PageLink | PressButton, ...]


Control = Literal["line", "email", "url", "password", "text", "radios", "checks", "select"]


class FormField(Struct, frozen=True, kw_only=True, tag_field="part"):
    """A field of a form, with what is typed or chosen in it.

    `options` are values, each with its word, and with what follows from choosing it. A
    reader who opens the page is led into the field that `leads`.
    """

    control: Control
    name: str
    label: str
    hint: str = ""
    fault: str = ""
    values: tuple[str, ...] = ()
    options: tuple[tuple[Cell, ...], ...] = ()
    leads: bool = False


class FormButton(Struct, frozen=True, tag_field="part"):
    """A button that sends its form with a value, and records nothing."""

    label: str
    name: str
    value: str


class FieldGroup(Struct, frozen=True, tag_field="part"):
    """Fields under a common label; `folds` hides them until something is chosen."""

    label: str
    parts: tuple["FormField | FormButton | FieldGroup", ...]
    note: str = ""
    folds: bool = False


FormPart = FormField | FormButton | FieldGroup


class Form(Struct, frozen=True, kw_only=True, tag_field="block"):
    """Fields to fill in, and the button that sends them to a page.

    `to` is a path as in links. `values` are sent and not shown. A form that only
    `gets` asks for another page. `key` is that of a form which was sent before, and
    `again` are its names and values.
    `beside` stands behind the button. With `fold`, the form unfolds under it. `label`
    names a form without a heading. The browser of the reader `signs` this act.
    A script shows a form that `is_hidden`.
    """

    to: str
    parts: tuple[FormPart, ...]
    button: str
    gets: bool = False
    label: str = ""
    values: dict[str, str] = {}
    key: str = ""
    again: tuple[tuple[str, str], ...] = ()
    beside: tuple[Run, ...] = ()
    fold: str = ""
    signs: str = ""
    is_hidden: bool = False


class Checklist(Struct, frozen=True, tag_field="block"):
    """Steps of a role, each with its page, and whether it is done."""

    role: str
    steps: tuple[tuple[bool, PageLink], ...]


class Definitions(Struct, frozen=True, tag_field="block"):
    """Names in a column, each with its meaning. Each has an anchor, or an empty one."""

    terms: tuple[tuple[str, Cell, Cell], ...]


class Fold(Struct, frozen=True, tag_field="block"):
    """Blocks that unfold under their label."""

    label: str
    blocks: tuple["Block", ...]


class Drawing(Struct, frozen=True, tag_field="block"):
    """A drawing (SVG) that says the same as the text beside it, and its caption."""

    svg: str
    caption: tuple[Run, ...]


class Empty(Struct, frozen=True, tag_field="block"):
    """A sentence in place of content, and one on the content that would be there."""

    what: str
    why: str = ""


Block = (
    Paragraph
    | Points
    | Table
    | Listing
    | Facts
    | Quote
    | Verbatim
    | Remark
    | Buttons
    | Form
    | Checklist
    | Definitions
    | Fold
    | Drawing
    | Empty
)


class Section(Struct, frozen=True):
    """A section with a heading, which may be empty.

    `level` 2 is right under the title. `aside` stands beside the heading.
    `names` are what programs and tests find it by, and `anchor` is what links lead to.
    """

    title: tuple[Run, ...]
    blocks: tuple[Block, ...]
    level: int = 2
    aside: tuple[Run, ...] = ()
    names: dict[str, str] = {}
    anchor: str = ""


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
    above it, and `actions` to what may be done. `places` are pages of its kind, this
    one among them. `beside` are sections in a column of their own. `foot` has links
    below the page. `heading` is the title on the page, if it has more than words.
    `announced` is the result of what the reader has just done. `faults` are the fields
    that are wrong, each with a sentence. Where it is `printed`, each sheet of paper has
    the marking of the channel. A `live` page renews itself when something is recorded,
    and is drawn as `is_stale` while the end of the log is not seen.
    """

    title: str
    printed: bool = False
    live: bool = False
    is_stale: bool = False
    has_failed: bool = False
    heading: tuple[Run, ...] = ()
    announced: str = ""
    script: str = ""
    faults: tuple[tuple[str, str], ...] = ()
    area: str = ""
    crumbs: tuple[PageLink, ...] = ()
    lead: Cell = ()
    note: Cell = ()
    actions: tuple[PageLink, ...] = ()
    places: tuple[PageLink, ...] = ()
    sections: tuple[Section, ...] = ()
    beside: tuple[Section, ...] = ()
    foot: tuple[PageLink, ...] = ()

    @property
    def has_fault(self) -> bool:
        """Return whether something failed, or something that was typed is wrong."""
        blocks = (block for item in (*self.sections, *self.beside) for block in item.blocks)
        fields = (part for block in blocks if isinstance(block, Form) for part in block.parts)
        return (
            self.has_failed
            or bool(self.faults)
            or any(isinstance(part, FormField) and part.fault for part in fields)
        )


def section(
    title: str | tuple[Run, ...],
    *blocks: Block | str | None,
    level: int = 2,
    empty: str = "",
    aside: Cell = (),
    anchor: str = "",
    **names: str,
) -> Section:
    """Return a section of the blocks that are not None; a sentence is a paragraph.

    If there are none, it contains the sentence `empty`.
    """
    there = tuple(
        Paragraph(block) if isinstance(block, str) else block
        for block in blocks
        if block is not None
    )
    if not there and empty:
        there = (Paragraph(empty),)
    return Section(runs_of(title), there, level, runs_of(aside), names, anchor)


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


def columns(
    label: str,
    rows: Iterable[Any],
    *pairs: tuple[str, Callable[[Any], Cell]],
    names: Callable[[Any], dict[str, str]] = lambda row: {},
    empty: Empty | None = None,
) -> Listing | Empty | None:
    """Return a listing by its columns, each with the function that fills it."""
    drawn = tuple(ListingRow(tuple(fill(row) for _, fill in pairs), names(row)) for row in rows)
    head = tuple(name for name, _ in pairs)
    return Listing(label, head, (Group(drawn),), headed=True) if drawn else empty


def line(name: str, label: str, value: str = "", hint: str = "", fault: str = "") -> FormField:
    """Return a field for a line of text."""
    return FormField(
        control="line", name=name, label=label, hint=hint, fault=fault, values=(value,)
    )


def choice(name: str, label: str, value: str, options: tuple[tuple[Cell, ...], ...]) -> FormField:
    """Return a field in which one of some options is chosen."""
    return FormField(control="select", name=name, label=label, values=(value,), options=options)


def table(head: tuple[str, ...], rows: list[tuple[Cell, ...]]) -> Table | None:
    """Return a table; None if it has no rows."""
    return Table(head, tuple(rows)) if rows else None
