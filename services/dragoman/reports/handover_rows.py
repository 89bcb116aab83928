"""The open matters of a turn-over note as rows of the one list, each matter once.

    Mine now   a matter in which the side owes something within the watch
    Theirs     a matter in which only others do
    Watching   a matter in which nobody owes anything; an incident until it is closed

The rows follow from the note alone. What is due or begins beyond the watch is counted.
"""

from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

from dragoman.document.blocks import Section, section, table
from dragoman.domain.acts.families.joining import INCIDENTS
from dragoman.domain.views.open_matters import RECEIPTS, WATCH, is_beyond_watch
from dragoman.i18n.words import Words, as_moment
from dragoman.members.runs import Cell, listed
from dragoman.reports import layout
from dragoman_schemas.report_shapes import Ahead, Matter, ReportedMatter, TurnOver

_RECEIPT: Final = "acknowledgement"
_LAST: Final = "~"


class HandoverDuty(Struct, frozen=True, order=True):
    """A duty of a side in a matter. `due` is empty where there is no limit."""

    due: str
    side: str
    clock: str
    courtesy: bool = False


class HandoverRow(Struct, frozen=True, kw_only=True):
    """A matter with what is owed in it within the watch, the first due one first."""

    whose: Literal["mine", "theirs", "watching"]
    matter: Matter
    duties: tuple[HandoverDuty, ...] = ()

    @property
    def first(self) -> str:
        """Return the time at which something is due first."""
        return next((duty.due for duty in self.duties if duty.due), _LAST)


class HandoverList(Struct, frozen=True, kw_only=True):
    """The rows of a note, its windows within the watch, and the times beyond it."""

    rows: tuple[HandoverRow, ...]
    ahead: tuple[Ahead, ...]
    later: tuple[str, ...]

    @property
    def exchanges(self) -> frozenset[str]:
        """Return the matters that have a row."""
        rows = (row.matter.exchange for row in self.rows)
        return frozenset((*rows, *(window.matter.exchange for window in self.ahead)))


def list_of(over: TurnOver) -> HandoverList:
    """Return the list of a note."""
    now = as_moment(over.to)
    stands = {item.exchange: item for item in over.stands}
    matters: dict[str, Matter] = {**stands}
    duties: dict[str, list[HandoverDuty]] = {}
    later: list[str] = []
    for exchange, matter, duty in _duties(over):
        if duty.due and is_beyond_watch(duty.clock, as_moment(duty.due), now):
            later.append(duty.due)
        else:
            matters.setdefault(exchange, matter)
            duties.setdefault(exchange, []).append(duty)
    near = [window for window in over.in_force if as_moment(window.from_) <= now + WATCH]
    later += [window.from_ for window in over.in_force if window not in near]
    in_force = {window.matter.exchange for window in near}
    watched = (
        HandoverRow(whose="watching", matter=item)
        for item in over.stands
        if item.exchange not in duties
        and item.exchange not in in_force
        and (item.format in INCIDENTS or not item.owed)
    )
    owing = sorted(
        (_row(matters[exchange], owed, over.side) for exchange, owed in duties.items()),
        key=lambda row: row.first,
    )
    return HandoverList(rows=(*owing, *watched), ahead=tuple(near), later=tuple(sorted(later)))


def _duties(over: TurnOver) -> Iterator[tuple[str, Matter, HandoverDuty]]:
    """Yield all duties of a note, with their matters."""
    for due in (*over.owed, *over.awaited):
        duty = HandoverDuty(due.due, due.side, due.clock, due.courtesy)
        yield due.matter.exchange, due.matter, duty
    receipts = {due.matter.exchange for due in over.owed if due.clock in RECEIPTS}
    for item in over.stands:
        for owed in item.owed:
            if not owed.due:
                if owed.side == over.side and owed.clock in RECEIPTS:
                    receipts.add(item.exchange)
                yield item.exchange, item, HandoverDuty("", owed.side, owed.clock)
    for urgent in over.unacknowledged:
        if urgent.matter.exchange not in receipts:
            receipts.add(urgent.matter.exchange)
            yield urgent.matter.exchange, urgent.matter, HandoverDuty("", over.side, _RECEIPT)


def _row(matter: Matter, owed: list[HandoverDuty], side: str) -> HandoverRow:
    return HandoverRow(
        whose="mine" if any(duty.side == side for duty in owed) else "theirs",
        matter=matter,
        duties=tuple(sorted(owed, key=lambda duty: (duty.side != side, duty.due or _LAST))),
    )


def sections(
    over: TurnOver, handover_list: HandoverList, w: Words, language: str
) -> Iterator[Section]:
    """Yield the groups of a list that have rows, in the order of the board."""
    titles = {"mine": w.say("Mine now"), "theirs": w.say("Theirs"), "watching": w.say("Watching")}
    head = w.say("Limit"), w.say("What"), w.say("Matter")
    for whose in ("mine", "theirs"):
        rows: list[tuple[Cell, ...]] = [
            (
                "–" if row.first == _LAST else w.near(row.first, as_moment(over.to)),
                listed(_owed(row, over, w), w.semicolon),
                listed(_name(row.matter, w, language), w.semicolon),
            )
            for row in handover_list.rows
            if row.whose == whose
        ]
        if rows:
            yield section(titles[whose], table(head, rows))
    watched: list[tuple[Cell, ...]] = [
        (w.status(row.matter.status), listed(_name(row.matter, w, language), w.semicolon))
        for row in handover_list.rows
        if row.whose == "watching"
    ]
    if watched:
        yield section(titles["watching"], table((w.say("Status"), w.say("Matter")), watched))
    if handover_list.ahead:
        windows = layout.ahead_table(handover_list.ahead, w, language)
        yield section(w.say("In force and ahead"), windows)
    if not handover_list.exchanges:
        yield section(w.say("Open matters"), w.say("No matter is open."))
    later = handover_list.later
    if later:
        sentence = w.count(
            "%(n)s more is due or begins, on %(t)s.",
            "%(n)s more are due or begin, the first on %(t)s.",
            len(later),
            t=w.written(later[0], "minute"),
        )
        yield section(w.say("Beyond the watch"), sentence)


def _owed(row: HandoverRow, over: TurnOver, w: Words) -> Iterator[str]:
    """Yield the duties of a row, equal ones once; the reader's side is not named."""
    texts = []
    for duty in row.duties:
        clock = w.clock(duty.clock)
        what = w.say("%(what)s (courtesy)", what=clock) if duty.courtesy else clock
        if duty.side != over.side:
            side = layout.party(duty.side, w)
            what = w.say("%(what)s, owed by %(side)s", what=what, side=side)
        texts.append(w.listed([what, layout.limit(duty.due, over.to, w)]))
    yield from dict.fromkeys(texts)


def _name(matter: Matter, w: Words, language: str) -> Iterator[Cell]:
    """Yield the name of a matter, and what its accounts differ in."""
    yield layout.matter_name(matter, w, language)
    if isinstance(matter, ReportedMatter):
        yield from layout.how_accounts_stand(matter, w)
        yield from layout.joined_with(matter, w)
