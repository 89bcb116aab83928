"""The tables of a document as CSV.

    section,Due,What,records
    NATO,7 Dec 2026 12:00Z,Send the list,17 21

A line has what a row of the page shows, and the records that prove it.
"""

from collections.abc import Iterator

from dragoman.document.blocks import Block, Definitions, Fold, Listing, PageDocument, Points, Table
from dragoman.document.html import ways_to
from dragoman.interop import spreadsheet
from dragoman.members.runs import Aside, Cell, Mark, PageLink, Sourced, plain, runs_of


def csv(page: PageDocument) -> str | None:
    """Return the tables of a page, one below the other; None for a page without any.

    A table begins with its head, unless it has the head of the table above it.
    """
    parts: list[str] = []
    before: tuple[str, ...] = ()
    for section in (*page.sections, *page.beside):
        for head, lines in _tables(plain(section.title), section.blocks):
            names = ("section", *head, "records")
            text = spreadsheet.table(names, lines)
            parts.append(text.partition("\n")[2] if names == before else text)
            before = names
    return "".join(parts) if parts else None


def has_tables(page: PageDocument) -> bool:
    """Return whether a page has tables."""
    sections = (*page.sections, *page.beside)
    return any(
        isinstance(block, Table | Listing | Definitions)
        for section in sections
        for block in section.blocks
    )


def _tables(
    title: str, blocks: tuple[Block, ...]
) -> Iterator[tuple[tuple[str, ...], list[list[str]]]]:
    for block in blocks:
        match block:
            case Fold():
                yield from _tables(title, block.blocks)
            case Points():
                yield ("text",), [_line(title, (point,)) for point in block.points]
            case Definitions():
                lines = [_line(title, (name, meaning)) for _, name, meaning in block.terms]
                yield ("name", "meaning"), lines
            case Table():
                yield block.head, [_line(title, row) for row in block.rows]
            case Listing():
                yield (
                    block.head,
                    [
                        _line(" / ".join(filter(None, (title, plain(group.heading)))), row.cells)
                        for group in block.groups
                        for row in group.rows
                    ],
                )


def _line(title: str, cells: tuple[Cell, ...]) -> list[str]:
    records = dict.fromkeys(record for cell in cells for record in _records(cell))
    return [title, *(_text(cell) for cell in cells), " ".join(records)]


def _text(cell: Cell) -> str:
    """Return a cell as text. Of a digest, it has every digit."""
    if isinstance(cell, Mark) and cell.role == "digest":
        return cell.value
    return plain(cell).strip()


def _records(cell: Cell) -> Iterator[str]:
    for run in runs_of(cell):
        match run:
            case Sourced():
                yield from (name for _, name in ways_to(run.source))
                yield from _records(run.runs)
            case Aside() | PageLink():
                yield from _records(run.runs)
