"""The list of a channel: mine now, theirs, watching. Pages that list moves show it.

    Mine now   50 min  08:30Z   Answer: Which area closes on Friday?   NATO/26/0021
    Theirs     4 h     11:40Z   NATO is to acknowledge: Near miss      CHINA/26/0042
    Watching   opens in 2 h     CHINA: Launch to orbit                 CHINA/26/0039

A row is what one exchange asks of the reader's side, or of the other sides. Each
message that waits for a receipt has a row of its own. A row that is due beyond the
watch is `beyond`: pages fold it away until it is near.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.console.display.deadline_rows import (
    LEVELS,
    Level,
    level_of,
)
from dragoman.console.matter import handing
from dragoman.console.matter.turn import Whose, move_text, turn_word
from dragoman.console.matter.window_rows import DisplayedWindow
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.acts.families.exchange import own_markings
from dragoman.domain.acts.families.joining import INCIDENTS
from dragoman.domain.views.open_matters import RECEIPTS, is_beyond_watch
from dragoman.domain.views.titles import danger
from dragoman.i18n.words import Words, as_moment
from dragoman.projection.open_deadlines import OpenDeadline
from dragoman.reports.layout import how_accounts_stand
from dragoman.stores.read_positions import ReadPosition
from dragoman.stores.watch_floor import HandedMatter
from dragoman_schemas.act_frame import Precedence
from dragoman_schemas.state_responses import OpenMatter, Owing

SHOWN: Final = 40
"""The most rows of a group that a page shows."""

WHOSE: Final[tuple[Whose, ...]] = ("mine", "theirs", "watching")
"""The groups of the list, in order."""

_WAITS: Final = {"mine": "us", "theirs": "them", "watching": "all"}
_SIDES: Final = 2
_WORDS: Final = 8
_LETTERS: Final = 24
"""The words of a subject in a row, and the characters of one without spaces."""


class MatterRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the list: an exchange, and what it asks of whom.

    `clock` is the next duty, and empty if nobody owes anything. `begins` is the time
    since which it is owed, or since which the exchange is open. `owed_by` are the sides
    with the same duty, and `further` is the number of their other duties.
    `message_act` is the message that started the duty, and `by` its author.
    """

    whose: Whose
    level: Level
    exchange: str
    number: str
    act: str
    kind: str = ""
    subject: Raw
    opener: str
    precedence: Precedence
    clock: str = ""
    owed_by: tuple[str, ...] = ()
    begins: str
    due: str = ""
    late: bool = False
    binding: bool = False
    started_by: str = ""
    message_act: str = ""
    by: str = ""
    further: int = 0
    beyond: bool = False

    @property
    def waits(self) -> bool:
        """Return whether the row waits for a receipt."""
        return self.clock in RECEIPTS

    @property
    def key(self) -> tuple[str, str, str]:
        """Return the exchange, the duty, and the id of the message that started it."""
        return self.exchange, self.clock, self.started_by

    @property
    def is_flash(self) -> bool:
        """Return whether the row waits for the receipt of a flash."""
        return self.waits and self.precedence == "flash"

    @property
    def urgency(self) -> tuple[int, str, str, str]:
        """A key that sorts the worst first, and among equals what is due next."""
        return LEVELS.index(self.level), self.due or "~", self.begins, self.exchange


def rows_of(
    context: PageContext, deadlines: Iterable[OpenDeadline], matters: Iterable[OpenMatter]
) -> list[MatterRow]:
    """Return the rows of a channel in order, from its deadlines and open matters."""
    by_key: dict[tuple[str, bool, str], list[MatterRow]] = {}
    listed: set[str] = set()
    matters = list(matters)
    for row in (*_limited(context, deadlines), *_unlimited(context, matters)):
        listed.add(row.exchange)
        key = row.exchange, row.whose == "mine", row.started_by if row.waits else ""
        by_key.setdefault(key, []).append(row)
    rows = [_merged(group) for group in by_key.values()]
    rows += [_watched(matter) for matter in matters if matter.exchange not in listed]
    return sorted(rows, key=lambda row: row.urgency)


def _limited(context: PageContext, deadlines: Iterable[OpenDeadline]) -> Iterator[MatterRow]:
    """Yield a row for each deadline."""
    now = context.moment
    for deadline in deadlines:
        clock = deadline.clock
        yield MatterRow(
            whose=_whose(context, clock.side),
            level=level_of(deadline, now),
            exchange=deadline.exchange,
            number=deadline.number,
            act=deadline.act,
            subject=deadline.subject,
            opener=deadline.opener,
            precedence=deadline.precedence,
            clock=clock.clock,
            owed_by=(clock.side,),
            begins=timestamp(clock.begins),
            due=timestamp(clock.due),
            late=now > clock.due,
            binding=clock.binding,
            started_by=clock.started_by,
            message_act=deadline.message_act,
            by=deadline.by,
            beyond=is_beyond_watch(clock.clock, clock.due, now),
        )


def _unlimited(context: PageContext, matters: Iterable[OpenMatter]) -> Iterator[MatterRow]:
    """Yield a row for each duty that has no time limit.

    Either the channel has no deadlines, or the message was recorded after it was said.
    """
    for matter in matters:
        for owing in matter.owed:
            if owing.due:
                continue
            state = context.state_of(matter.exchange)
            assert state is not None
            message = next(
                (item for item in state.messages if item.id == owing.started_by), state.messages[0]
            )
            yield replace(
                _watched(matter),
                whose=_whose(context, owing.side),
                clock=owing.clock,
                owed_by=(owing.side,),
                begins=message.said.time,
                started_by=owing.started_by,
                message_act=message.act,
                by=message.said.by,
            )


def _watched(matter: OpenMatter) -> MatterRow:
    """Return the row of a matter in which nobody owes anything."""
    return MatterRow(
        whose="watching",
        level="standby",
        exchange=matter.exchange,
        number=matter.number,
        act=matter.act,
        kind=danger(matter.act, matter.kind),
        subject=matter.subject,
        opener=matter.side,
        precedence=matter.precedence,
        begins=matter.opened,
        message_act=matter.act,
        by=matter.side,
    )


def _whose(context: PageContext, side: str) -> Whose:
    return "mine" if side == context.side else "theirs"


def _merged(rows: Sequence[MatterRow]) -> MatterRow:
    """Return the most urgent of the duties in an exchange, with all who share it."""
    near = [row for row in rows if not row.beyond] or list(rows)
    first = min(near, key=lambda row: row.urgency)
    same = [row for row in rows if (row.clock, row.started_by) == (first.clock, first.started_by)]
    owed_by = tuple(dict.fromkeys(side for row in same for side in row.owed_by))
    row = replace(first, owed_by=owed_by, further=len(rows) - len(same))
    # An incident is watched until it is closed, however late its next duty is due.
    return replace(row, whose="watching", beyond=False) if _is_watched(row) else row


def _is_watched(row: MatterRow) -> bool:
    return row.beyond and row.act in INCIDENTS


class ShownRow(Struct, frozen=True, kw_only=True):
    """A row with its words, in the language of the reader.

    `lead` is the duty, and empty if the title names it. `subject` is the first words of
    the matter. `is_cut` says that it has more words, and `is_quoted` that it is the
    title of the matter. `has` says who has the matter, and `handed` which colleague
    does. `marking` has the markings of its messages beside the channel's. `address` is
    the page of the exchange.
    """

    row: MatterRow
    address: str
    lead: str
    language: str = ""
    subject: str
    is_cut: bool = False
    is_quoted: bool = True
    time: str
    limit: str = ""
    has: tuple[str, ...] = ()
    joined: tuple[tuple[str, str], ...] = ()
    handed: str = ""
    marking: str = ""
    channel: str = ""
    is_unread: bool = False
    is_window: bool = False

    @property
    def place(self) -> str:
        """Return a name of the exchange in its group, with windows apart."""
        return f"{self.row.exchange}-{'window' if self.is_window else self.row.whose}"


def first_of(rows: Iterable[MatterRow]) -> tuple[list[MatterRow], Counter[Whose]]:
    """Return the rows of each group that a page shows, and the numbers of others."""
    counts: Counter[Whose] = Counter()
    first = []
    for row in rows:
        counts[row.whose] += 1
        if counts[row.whose] <= SHOWN:
            first.append(row)
    return first, counts - Counter(row.whose for row in first)


def displayed(
    context: PageContext,
    rows: Iterable[MatterRow],
    matters: Iterable[OpenMatter],
    reading: ReadPosition | None = None,
) -> list[ShownRow]:
    """Return rows with their words, and which of them the reader has not read."""
    by_id = {matter.exchange: matter for matter in matters}
    handed = handing.handed_of(context)
    return [
        _displayed(context, row, by_id.get(row.exchange), reading, handed.get(row.exchange))
        for row in rows
    ]


def is_unread(context: PageContext, reading: ReadPosition | None, exchange: str) -> bool:
    """Return whether an exchange has news for the reader, by somebody else."""
    state = None if reading is None else context.state_of(exchange)
    return (
        reading is not None
        and state is not None
        and state.updated.by != context.grant.actor
        and not reading.is_read(exchange, state.updated.position)
    )


def _displayed(
    context: PageContext,
    row: MatterRow,
    matter: OpenMatter | None,
    reading: ReadPosition | None,
    handed: HandedMatter | None,
) -> ShownRow:
    words = context.words
    kind = danger(row.act, row.kind or ("" if matter is None else matter.kind))
    language, subject = ("", _capital(words.value(kind))) if kind else context.subject(row)
    short = eight_words(subject)
    joined = () if matter is None else matter.joined
    is_handed = (
        handed is not None
        and matter is not None
        and handing.is_standing(handed, context.side, matter.owed)
    )
    state = context.state_of(row.exchange)
    return ShownRow(
        row=row,
        address=context.link(f"/exchanges/{row.exchange}"),
        lead="" if is_named_by(words, row, subject) else lead_of(words, row),
        language=language,
        subject=short,
        is_cut=short != subject,
        is_quoted=not kind,
        time=_time(words, row, context.moment),
        limit=_limit(words, row, context.moment),
        has=() if matter is None else tuple(_has(words, row, matter, context.moment)),
        is_unread=is_unread(context, reading, row.exchange),
        handed=handing.handed_text(context, handed) if handed is not None and is_handed else "",
        marking="" if state is None else own_markings(state),
        joined=tuple(
            (context.link(f"/exchanges/{report.exchange}"), report.side.upper())
            for report in joined
        ),
    )


def is_named_by(words: Words, row: MatterRow, subject: str) -> bool:
    """Return whether the title of a matter begins with the reader's duty in it.

    Only the title of an act that is itself the duty does, such as an undertaking. Words
    of a side never stand for a duty.
    """
    act = words.act(row.act)
    return row.whose == "mine" and lead_of(words, row) == act and subject.startswith(act)


def lead_of(words: Words, row: MatterRow) -> str:
    """Return the duty of a row in words; empty if nobody owes anything."""
    if not row.clock:
        return ""
    if row.whose == "mine" and row.waits:
        return message_of(words, row)
    if row.whose == "mine":
        duty = words.clock(row.clock)
    elif len(row.owed_by) == 1:
        owing = Owing(clock=row.clock, side=row.owed_by[0], started_by=row.started_by)
        duty = move_text(words, owing, as_moment(row.begins))
    else:
        several = [side.upper() for side in row.owed_by[:_SIDES]]
        if len(row.owed_by) > _SIDES:
            several.append(words.count("%(n)s more", "%(n)s more", len(row.owed_by) - _SIDES))
        duty = words.say(
            "%(what)s, owed by %(side)s", what=words.clock(row.clock), side=words.listed(several)
        )
    if row.message_act == row.act:
        return duty
    message = message_of(words, row)
    return words.say("%(what)s: %(value)s", what=duty, value=message)


def message_of(words: Words, row: MatterRow) -> str:
    """Return the name of the message that started a duty, and its side."""
    return words.say(
        "%(act)s from %(side)s",
        act=words.act(row.message_act),
        side=row.by.partition("/")[0].upper(),
    )


def eight_words(text: str) -> str:
    """Return the first words of a subject."""
    parts = text.split()
    if len(parts) < _WORDS and any(ord(letter) > 0x2E7F for letter in text):
        return text[:_LETTERS]
    return text if len(parts) <= _WORDS else " ".join(parts[:_WORDS])


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _time(words: Words, row: MatterRow, now: datetime) -> str:
    """Return the time left, the delay, or the time since which it waits or is open."""
    span = words.until(row.due or row.begins, now)
    if row.is_flash:
        return words.until(row.begins, now)
    if not row.due:
        return span
    return words.say("late by %(d)s", d=span) if row.late else words.say("in %(d)s", d=span)


def _limit(words: Words, row: MatterRow, now: datetime) -> str:
    """Return the limit of a row in words; empty if it has passed."""
    if not row.clock:
        return words.say("open")
    if not row.due:
        return words.say("no limit")
    limit = [] if row.late and not row.is_flash else [words.near(row.due, now)]
    if row.is_flash:
        limit = [words.say("waiting"), *limit]
    return words.listed([*limit, *([] if row.binding else [words.say("as a courtesy")])])


def _has(words: Words, row: MatterRow, matter: OpenMatter, now: datetime) -> Iterator[str]:
    """Yield the receipts of a matter, its other duties, and its accounts."""
    if not row.waits:
        for side in matter.unacknowledged_by[:_SIDES]:
            yield words.say("%(side)s must acknowledge", side=side.upper())
    acknowledged = [*matter.acknowledged.items()]
    for side, time in acknowledged[:_SIDES]:
        yield words.say("%(side)s acknowledged %(t)s", side=side.upper(), t=words.near(time, now))
    beyond = max(0, len(acknowledged) - _SIDES) + (
        0 if row.waits else max(0, len(matter.unacknowledged_by) - _SIDES)
    )
    if beyond:
        yield words.count("and %(n)s more", "and %(n)s more", beyond)
    if row.further:
        yield words.count("and %(n)s more duty", "and %(n)s more duties", row.further)
    if not row.clock and matter.act == "silence-procedure":
        yield words.say("Silence agrees, unless an officer objects.")
    yield from how_accounts_stand(matter, words)


def watched_windows(context: PageContext, windows: Iterable[DisplayedWindow]) -> list[ShownRow]:
    """Return the windows that are open or near, as rows that are watched."""
    words = context.words
    rows = []
    for shown in windows:
        window = shown.window
        language, subject = ("", _capital(shown.what)) if shown.what else context.subject(window)
        short = eight_words(subject)
        has = [
            words.say("%(side)s must acknowledge", side=side.upper())
            for side in window.unacknowledged_by[:_SIDES]
        ]
        has += [
            words.say(
                "%(side)s has not said that it passed this on to %(posts)s",
                side=untold.side.upper(),
                posts=words.listed(untold.posts),
            )
            for untold in shown.untold
        ]
        row = MatterRow(
            whose="watching",
            level=shown.level,
            exchange=window.exchange,
            number=window.number,
            act=window.act,
            subject=window.subject,
            opener=window.side,
            precedence="routine",
            begins=window.opens,
            message_act=window.act,
            by=window.side,
        )
        rows.append(
            ShownRow(
                row=row,
                address=context.link(f"/exchanges/{window.exchange}"),
                lead=window.side.upper(),
                language=language,
                subject=short,
                is_cut=short != subject,
                is_quoted=not shown.what,
                time=shown.countdown,
                has=tuple(has),
                is_window=True,
            )
        )
    return rows


class MatterGroup(Struct, frozen=True, kw_only=True):
    """A group of the list: its first rows, the number of rows, and the address of all.

    `name` tells the groups of a page apart.
    """

    whose: Whose
    name: str
    word: str
    count: int
    rows: tuple[ShownRow, ...]
    address: str = ""


def groups_of(
    context: PageContext,
    rows: Sequence[ShownRow],
    left_out: Mapping[Whose, int] = MappingProxyType({}),
    *,
    is_linked: bool = True,
) -> list[MatterGroup]:
    """Return the groups that have rows, the reader's moves first.

    `left_out` is the number of rows of each group that `first_of` has left out. The
    address of a group is the inbox with all its rows.
    """
    groups = []
    for whose in WHOSE:
        of_group = [shown for shown in rows if shown.row.whose == whose]
        if of_group:
            groups.append(
                MatterGroup(
                    whose=whose,
                    name=whose,
                    word=turn_word(context.words, whose),
                    count=len(of_group) + left_out.get(whose, 0),
                    rows=tuple(of_group[:SHOWN]),
                    address=context.link("/inbox", waits=_WAITS[whose]) if is_linked else "",
                )
            )
    return groups
