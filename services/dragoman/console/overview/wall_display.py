"""The wall display of a board: what a watch reads from two metres, without a control.

    ?wall      the first page: the headline, what waits, and whom to ring
    ?wall=2    the second page, if the first has no room for the rest

Nothing on the display scrolls. A page holds as many rows as fit by their number of
lines, and the pages alternate. While a flash waits the display stays on the first page,
because the most urgent row stands there.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from dragoman.application.http import submission
from dragoman.console.context import PageContext
from dragoman.console.display.deadline_rows import DeadlineRow, Level
from dragoman.console.incident.window_rows import DisplayedWindow
from dragoman.console.pages.duty_numbers import NumberToRing
from dragoman.console.pages.open_matter_rows import MatterRow

TURN_SECONDS: Final = 20
"""The seconds for which each page of the display is shown."""

_LINES: Final = 9
"""The lines of text below the headline and the clocks."""

_WIDTH: Final = 42
"""The characters of a line beside the column of the times; a Han character is two."""

Kind = Literal["waiting", "ring", "late", "matter", "window"]


class WallRow(Struct, frozen=True, kw_only=True):
    """One row of the display: its subject and its facts in words, and its content."""

    level: Level
    language: str = ""
    subject: str = ""
    facts: str = ""
    of: Any


class WallGroup(Struct, frozen=True, kw_only=True):
    """Rows of one kind on one page; `further` counts those on later pages."""

    kind: Kind
    rows: tuple[WallRow, ...]
    further: int = 0


class WallPage(Struct, frozen=True, kw_only=True):
    """The page that is shown, its place among all pages, and the next one's place."""

    groups: tuple[WallGroup, ...]
    number: int
    count: int
    next: int
    is_held: bool


def wall_page(
    context: PageContext,
    waiting: Sequence[DeadlineRow],
    late: Sequence[DeadlineRow],
    matters: Sequence[MatterRow],
    windows: Sequence[DisplayedWindow],
    ringing: Sequence[NumberToRing],
) -> WallPage:
    """Return the page of the display that the address names."""
    shown = {row.exchange for row in (*waiting, *late)} | {row.window.exchange for row in windows}
    rows: list[tuple[Kind, WallRow]] = [
        *(("waiting", _waiting(context, row)) for row in waiting),
        *(("ring", WallRow(level="off", of=row)) for row in ringing),
        *(("late", _late(context, row)) for row in late),
        *(("window", _window(context, row)) for row in windows),
        *(("matter", _matter(context, row)) for row in matters if row.matter.exchange not in shown),
    ]
    pages = list(_packed(rows)) or [()]
    requested = submission.whole(context.request.query.get("wall", "")) or 1
    number = min(max(1, requested), len(pages))
    is_held = any(row.precedence == "flash" for row in waiting)
    if is_held:
        number = 1
    return WallPage(
        groups=pages[number - 1],
        number=number,
        count=len(pages),
        next=1 if is_held else number % len(pages) + 1,
        is_held=is_held,
    )


def _waiting(context: PageContext, row: DeadlineRow) -> WallRow:
    words = context.words
    language, subject = context.subject(row)
    facts = words.listed(
        [
            words.say(
                "%(act)s from %(side)s",
                act=words.act(row.message_act),
                side=row.by.partition("/")[0].upper(),
            ),
            words.say("%(side)s must acknowledge", side=row.owed_by.upper()),
        ]
    )
    return WallRow(level=row.level, language=language, subject=subject, facts=facts, of=row)


def _late(context: PageContext, row: DeadlineRow) -> WallRow:
    language, subject = context.subject(row)
    facts = _owed(context, row.clock, row.owed_by)
    return WallRow(level=row.level, language=language, subject=subject, facts=facts, of=row)


def _matter(context: PageContext, row: MatterRow) -> WallRow:
    language, subject = ("", row.kind) if row.kind else context.subject(row.matter)
    facts = (
        context.words.say("Nothing is owed.")
        if row.next is None
        else _owed(context, row.next.clock, row.next.side)
    )
    return WallRow(level=row.level, language=language, subject=subject, facts=facts, of=row)


def _owed(context: PageContext, clock: str, side: str) -> str:
    return context.words.say(
        "%(what)s, owed by %(side)s", what=context.words.clock(clock), side=side.upper()
    )


def _window(context: PageContext, row: DisplayedWindow) -> WallRow:
    language, subject = ("", row.what) if row.what else context.subject(row.window)
    return WallRow(
        level=row.level,
        language=language,
        subject=subject,
        facts=row.window.side.upper(),
        of=row,
    )


def _packed(rows: Sequence[tuple[Kind, WallRow]]) -> Iterator[tuple[WallGroup, ...]]:
    """Yield the groups of each page. A longer row has its own page."""
    remaining: dict[Kind, int] = {}
    for kind, _ in rows:
        remaining[kind] = remaining.get(kind, 0) + 1
    page: dict[Kind, list[WallRow]] = {}
    room = _LINES
    for kind, row in rows:
        needed = lines_of(kind, row) + (kind not in page)
        if page and needed > room:
            yield tuple(_groups(page, remaining))
            page, room = {}, _LINES
            needed = lines_of(kind, row) + 1
        page.setdefault(kind, []).append(row)
        remaining[kind] -= 1
        room -= needed
    if page:
        yield tuple(_groups(page, remaining))


def _groups(page: dict[Kind, list[WallRow]], remaining: dict[Kind, int]) -> Iterator[WallGroup]:
    for kind, rows in page.items():
        yield WallGroup(kind=kind, rows=tuple(rows), further=remaining[kind])


def lines_of(kind: Kind, row: WallRow) -> int:
    """Return the lines that a row takes: those of its subject and of its facts."""
    if kind == "ring":
        return 1
    level = 12 if kind == "waiting" else 0  # the box with the level stands before the facts
    return max(1, _lines(row.subject)) + _lines(row.facts, level)


def _lines(text: str, before: int = 0) -> int:
    wide = before + sum(2 if ord(character) > 0x2E7F else 1 for character in text)
    return -(-wide // _WIDTH)
