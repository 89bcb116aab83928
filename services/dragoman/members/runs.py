"""Runs: pieces of text, each with the one whose words it is.

    "proposed by "                       the service's own words
    QuotedText("The launch …", "en")     a side's words, with their language
    Mark("time", "24 Nov 2026")          the service's words for a value, with it
    Aside(("entered 03:05 +08:00",))     a remark beside a value
    Break("; ")                          the end of a line; papers have its separator
    TextChange(("5 May",), "out")        runs that a later version left out
    MarkedText(("on ", TextChange(…)))   a side's words in two versions at once
    PageLink(("record 17",), "/records/17")  runs that lead to a page of the channel
    PressButton("Revoke", "/tokens", {})  a button that sends values to a page
    Sourced(("20 Jan",), source)         runs with the record from which they come

Pages, papers, mails and commands render the same runs. A side's words and the service's
are never mixed in one run.
"""

import re
from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Struct

_PLACE: Final = re.compile(r"%\((\w+)\)s")


class QuotedText(Struct, frozen=True, tag_field="run", tag="own"):
    """Words that are not the service's own.

    `language` is empty if none is named. `note` follows the text, and says which text
    prevails.
    """

    text: str
    language: str = ""
    note: str = ""


Role = Literal[
    "code",
    "command",
    "digest",
    "email",
    "exercise",
    "figure",
    "file",
    "icon",
    "id",
    "key",
    "label",
    "language",
    "number",
    "person",
    "phrase",
    "precedence",
    "record",
    "reference",
    "secret",
    "side",
    "state",
    "strong",
    "tag",
    "telephone",
    "time",
]


class Mark(Struct, frozen=True, tag_field="run", tag="mark"):
    """The service's words for a value that a page may draw or link.

    `value` is the value itself: the moment of a time, the id of a record, the digest of
    a file, the tag of a language, the level of a state. A secret has its anchor there.
    A screen shows an icon, which it names, in place of the text.
    """

    role: Role
    text: str
    value: str = ""


class Aside(Struct, frozen=True, tag_field="run", tag="aside"):
    """A remark beside a value: small on a page, in brackets elsewhere."""

    runs: "Cell"


class Break(Struct, frozen=True, tag_field="run", tag="break"):
    """The end of a line. Where there are no lines, the separator is written instead."""

    between: str


class TextChange(Struct, frozen=True, tag_field="run", tag="changed"):
    """Runs that a later version of a text left out, or put in."""

    runs: tuple["Run", ...]
    how: Literal["out", "in"]


class MarkedText(Struct, frozen=True, tag_field="run", tag="marked"):
    """Words of a side in two versions at once, with what changed."""

    parts: tuple[str | TextChange, ...]
    language: str = ""


class PageLink(Struct, frozen=True, tag_field="run", tag="link"):
    """Runs that lead to a page.

    `path` is below the channel, or an address that begins with `//`: `//host` leads to
    `/host`. `style` is empty, `button`, `download`, or `current` for the page itself.
    `spoken` is read aloud after the runs.
    """

    runs: "Cell"
    path: str
    style: str = ""
    query: dict[str, str] = {}
    spoken: str = ""


class PressButton(Struct, frozen=True, tag_field="run", tag="button"):
    """A button that sends values to a page. `spoken` is read aloud after its label.

    It records nothing in a log, so pressing it twice needs no key.
    """

    label: str
    path: str
    values: dict[str, str] = {}
    spoken: str = ""


class MessageSource(Struct, frozen=True, tag="message"):
    """The record whose words a run has, and the member; empty for its envelope."""

    record: int
    member: str = ""


class StandingSource(Struct, frozen=True, tag="standing"):
    """The records from which a run follows: those of an exchange, or single ones.

    `function` names the query or the view that worked it out. `duty` says that it has
    to happen, and need not have happened.
    """

    function: str
    exchange: str = ""
    records: tuple[int, ...] = ()
    duty: bool = False


Source = MessageSource | StandingSource


class Sourced(Struct, frozen=True, tag_field="run", tag="sourced"):
    """Runs with their source: they answer "How do you know?"."""

    runs: tuple["Run", ...]
    source: Source


Run = (
    str
    | QuotedText
    | Mark
    | Aside
    | Break
    | TextChange
    | MarkedText
    | PageLink
    | PressButton
    | Sourced
)
Runs = tuple[Run, ...]
Cell = Run | Runs


def filled(sentence: str, **values: Cell) -> Runs:
    """Return a sentence of the catalogues with its places filled.

    Words of a side stay runs of their own.
    """
    parts: list[Cell] = [
        values[part] if index % 2 else part for index, part in enumerate(_PLACE.split(sentence))
    ]
    return joined(parts)


def sourced(cell: Cell, source: Source) -> Sourced:
    """Return runs with their source."""
    return Sourced(runs_of(cell), source)


def listed(parts: Iterable[Cell], between: Cell) -> Runs:
    """Return several cells as a list, with a separator between them."""
    cells: list[Cell] = []
    for part in parts:
        cells += [between, part] if cells else [part]
    return joined(cells)


def joined(parts: Iterable[Cell]) -> Runs:
    """Return runs, one after the other, with the service's own words joined."""
    runs: list[Run] = []
    for run in (run for part in parts for run in runs_of(part)):
        if isinstance(run, str) and runs and isinstance(runs[-1], str):
            runs[-1] += run
        elif run:
            runs.append(run)
    return tuple(runs)


def plain(cell: Cell) -> str:
    """Return runs as a line of plain text, for mails and commands."""
    return "".join(map(_plain, runs_of(cell)))


def runs_of(cell: Cell) -> Runs:
    """Return the runs of a cell."""
    return cell if isinstance(cell, tuple) else (cell,)


def _plain(run: Run) -> str:
    match run:
        case str():
            return run
        case QuotedText():
            return f"{run.text}{run.note}"
        case Mark():
            return run.text
        case Aside():
            return f"({plain(run.runs)})"
        case Break():
            return run.between
        case PageLink(style="button") | PressButton():
            return ""
        case TextChange():
            return ("[-{}-]" if run.how == "out" else "{{+{}+}}").format(plain(run.runs))
        case MarkedText():
            return plain(run.parts)
        case PageLink() | Sourced():
            return plain(run.runs)
