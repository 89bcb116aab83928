"""The turn in a matter: the side that is to move, in the words of the page's title.

    MatterTurn("mine", (Owing("passed_on", …), …))  "2 moves for CHINA, the first late"

`mine` is what the reader's side owes, `theirs` what another side owes. A matter in
which nobody owes anything is watched until it is closed.
"""

from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from dragoman.console.display.meeting_summary import instant, windows
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.families.exchange import ENDED
from dragoman.domain.views.open_matters import ANSWER_DUTIES, owing
from dragoman.i18n.words import Words, as_moment
from dragoman_schemas.state import Exchange
from dragoman_schemas.state_responses import Owing

Whose = Literal["mine", "theirs", "watching", "closed"]

_PROPOSED: Final = frozenset({"requested", "postponed"})
_AGREED: Final = frozenset({"accepted"})


class MatterTurn(Struct, frozen=True, kw_only=True):
    """The side that is to move, and its duties, the first due one first.

    `duties` are those of all sides.
    """

    whose: Whose
    moves: tuple[Owing, ...] = ()
    duties: tuple[Owing, ...] = ()

    @property
    def answerers(self) -> frozenset[str]:
        """The sides that owe an answer."""
        return frozenset(duty.side for duty in self.duties if duty.clock in ANSWER_DUTIES)


async def turn_of(context: PageContext, state: Exchange) -> MatterTurn:
    """Return the turn in a matter, as the reader of a page sees it."""
    duties = await context.ask(lambda view: tuple(owing(view.registry, state, view.calendars)))
    every = tuple(sorted(duties, key=lambda duty: (duty.due or "~", duty.side, duty.clock)))
    mine = tuple(duty for duty in every if duty.side == context.side)
    if mine:
        return MatterTurn(whose="mine", moves=mine, duties=every)
    if every:
        return MatterTurn(whose="theirs", moves=every, duties=every)
    return MatterTurn(whose="closed" if state.status in ENDED else "watching")


def is_late(move: Owing, now: datetime) -> bool:
    """Return whether a duty is past its limit at a moment."""
    return bool(move.due) and as_moment(move.due) < now


def turn_word(words: Words, whose: Whose) -> str:
    """Return the name of a turn, as lists and pages head it."""
    match whose:
        case "mine":
            return words.say("Mine now")
        case "theirs":
            return words.say("Theirs")
        case "watching":
            return words.say("Watching")
        case "closed":
            return words.say("Closed")


def move_text(words: Words, move: Owing, now: datetime) -> str:
    """Return a duty of a side in words, with its limit or its lateness."""
    side, what = move.side.upper(), words.duty(move.clock)
    if not move.due:
        return words.say("%(side)s %(what)s", side=side, what=what)
    if is_late(move, now):
        late = words.until(move.due, now)
        return words.say("%(side)s %(what)s, late by %(d)s", side=side, what=what, d=late)
    return words.say(
        "%(side)s %(what)s by %(t)s", side=side, what=what, t=words.near(move.due, now)
    )


def standing_text(words: Words, state: Exchange, turn: MatterTurn, now: datetime) -> str:
    """Return the state of a matter in a few words: its times and its duties."""
    return words.semicolon.join(
        filter(None, (_times(words, state), _moves(words, turn, now)))
    ) or words.status(state.status)


def _moves(words: Words, turn: MatterTurn, now: datetime) -> str:
    if not turn.moves:
        return ""
    first = turn.moves[0]
    same = [move for move in turn.moves if move.side == first.side]
    if len(same) == 1:
        return move_text(words, first, now)
    several = words.count(
        "%(n)s move for %(side)s",
        "%(n)s moves for %(side)s",
        len(same),
        side=first.side.upper(),
    )
    if not first.due:
        return several
    when = (
        words.say("the first late")
        if is_late(first, now)
        else words.say("the first by %(t)s", t=words.near(first.due, now))
    )
    return words.listed([several, when])


def _times(words: Words, state: Exchange) -> str:
    """Return the times that are proposed or agreed in a meeting; empty without any."""
    if state.meeting is None or state.status not in _PROPOSED | _AGREED:
        return ""
    begins = [moment for window in windows(state) if (moment := instant(window.begins))]
    if not begins:
        return ""
    if state.status in _AGREED:
        return words.say("%(day)s agreed", day=words.day(begins[0]))
    side = state.meeting.proposed_by.upper()
    if len(begins) == 1:
        return words.say("%(day)s proposed by %(side)s", day=words.day(begins[0]), side=side)
    return words.count(
        "%(n)s time proposed by %(side)s",
        "%(n)s times proposed by %(side)s",
        len(begins),
        side=side,
    )
