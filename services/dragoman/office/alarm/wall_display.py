"""The wall display of a board: what a watch reads from two metres, without a control.

Nothing on the display scrolls or alternates. It shows the worst matters first, as many
as fit by their number of lines, and says how many more there are. A flash that waits is
never among these: if there are many, the later ones share a row with their numbers.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from dragoman.console.display.deadline_rows import LEVELS, Level
from dragoman.console.matter.matter_list import WHOSE, ShownRow
from dragoman.console.page.context import PageContext
from dragoman.console.page.duty_numbers import NumberToRing

RELOAD_SECONDS: Final = 20
"""Seconds until the display is loaded anew, because levels follow the clock."""

_LINES: Final = 10
"""The lines of text below the headline and the clocks. An exercise has one less."""

_RING_LINES: Final = 2
"""The lines for whom to ring: the heading, and the first person."""

_WIDTH: Final = 42
"""The characters of a line beside the column of the times; a Han character is two."""

Kind = Literal["mine", "theirs", "watching", "ring"]


class WallRow(Struct, frozen=True, kw_only=True):
    """One row of the display: its subject and its facts in words, and its content."""

    kind: Kind
    level: Level
    is_flash: bool = False
    subject: str = ""
    facts: str = ""
    of: Any


class WallGroup(Struct, frozen=True, kw_only=True):
    """The displayed rows of one kind."""

    kind: Kind
    rows: tuple[WallRow, ...]


class Wall(Struct, frozen=True, kw_only=True):
    """The displayed groups, and the number of rows that have no room."""

    groups: tuple[WallGroup, ...]
    more: int


def wall_of(
    context: PageContext, matters: Sequence[ShownRow], ringing: Sequence[NumberToRing]
) -> Wall:
    """Return the display of the list, and of the people to ring."""
    in_order = sorted(matters, key=lambda shown: WHOSE.index(shown.row.whose))
    rows = [_row(context, shown) for shown in in_order]
    flashes = [row for row in rows if row.is_flash]
    others = sorted(
        (row for row in rows if not row.is_flash), key=lambda row: LEVELS.index(row.level)
    )
    to_ring = [WallRow(kind="ring", level="off", of=row) for row in ringing]
    room = _LINES - (context.registry.kind == "exercise") - (_RING_LINES if ringing else 0)
    first = _flash_rows(context, flashes, room)
    fitting = _fitting((*first, *others), room)
    more = len(first) + len(others) - len(fitting)
    if more:  # one line says how many there are
        room -= 1
        fitting = _fitting((*first, *others), room)
        more = len(first) + len(others) - len(fitting)
    rest = max(1, room - _height(fitting) + _RING_LINES - 1)
    groups = _groups((*fitting, *to_ring[:rest]))
    return Wall(groups=tuple(groups), more=more)


def _flash_rows(context: PageContext, flashes: Sequence[WallRow], room: int) -> list[WallRow]:
    """Return the rows of the flashes; those that have no room share one row."""
    if len(flashes) < 2 or _height(flashes) <= room:
        return [*flashes]
    longest, *others = flashes
    waiting = context.words.count(
        "%(n)s more FLASH message waits.", "%(n)s more FLASH messages wait.", len(others)
    )
    numbers = context.words.listed([_short(row.of.row.number) for row in others])
    return [
        longest,
        WallRow(
            kind=others[0].kind,
            level="critical",
            is_flash=True,
            subject=waiting,
            facts=numbers,
            of=others[0].of,
        ),
    ]


def _short(number: str) -> str:
    """Return the side, the year and the serial number: `NATO/26/0014`."""
    return "/".join(number.split("/")[1:4])


def _fitting(rows: Sequence[WallRow], room: int) -> list[WallRow]:
    """Return the first rows that fit; flashes and the first row are always there."""
    fitting: list[WallRow] = []
    for row in rows:
        if fitting and not row.is_flash and _height((*fitting, row)) > room:
            break
        fitting.append(row)
    return fitting


def _height(rows: Sequence[WallRow]) -> int:
    """Return the lines of rows with the headings of their groups."""
    return sum(map(lines_of, rows)) + len({row.kind for row in rows})


def _groups(rows: Sequence[WallRow]) -> Iterator[WallGroup]:
    """Yield the rows by their kinds; the kind of the worst row comes first."""
    for kind in dict.fromkeys(row.kind for row in rows):
        yield WallGroup(kind=kind, rows=tuple(row for row in rows if row.kind == kind))


def _row(context: PageContext, shown: ShownRow) -> WallRow:
    row = shown.row
    assert row.whose != "closed"
    return WallRow(
        kind=row.whose,
        level=row.level,
        is_flash=row.is_flash,
        subject=shown.subject,
        facts=context.words.listed(
            filter(
                None,
                (
                    f"[{shown.marking}]" if shown.marking else "",
                    shown.lead or context.words.listed(shown.has),
                    shown.handed,
                ),
            )
        ),
        of=shown,
    )


def lines_of(row: WallRow) -> int:
    """Return the lines that a row takes: those of its subject and of its facts."""
    if row.kind == "ring":
        return 1
    level = 12 if row.of.row.waits else 0  # the box with the level stands before the facts
    return max(1, _lines(row.subject)) + _lines(row.facts, level)


def _lines(text: str, before: int = 0) -> int:
    wide = before + sum(2 if ord(character) > 0x2E7F else 1 for character in text)
    return -(-wide // _WIDTH)
