"""The page of one exchange, with everything that is known about it.

It shows who has the message, the message itself, its deadlines and its timeline. It
also shows two accounts beside each other, the proof, and the copies.
"""

from typing import Final

from msgspec import Struct

from dragoman.application.http.queries import Whole
from dragoman.application.operations import exchange_view, report_requests
from dragoman.console.charts import charts
from dragoman.console.compose import release_preview
from dragoman.console.compose.short_form import form_below, short_act
from dragoman.console.display.deadline_rows import Level, urgency
from dragoman.console.display.log_rows import line_of
from dragoman.console.display.office_clocks import office_of
from dragoman.console.matter import handing, panel, reading, receipt_rows, shelving, shown_message
from dragoman.console.matter.conversation import conversation
from dragoman.console.matter.exchange_parts import sketch, step_of
from dragoman.console.matter.turn import move_text, standing_text, turn_of, turn_word
from dragoman.console.page import duty_numbers
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.domain.acts.accounts import accounts_of
from dragoman.domain.acts.families import release
from dragoman.domain.acts.families.contact import promised, reply_wanted
from dragoman.domain.acts.families.exchange import precedence_of
from dragoman.domain.views.offers import OFFERS, binds
from dragoman.i18n.words import as_moment
from dragoman.office.exchanges import outbox
from dragoman.office.exchanges.accounts_compared import compared, points_of
from dragoman.office.exchanges.facts_now import facts_now
from dragoman.stores.watch_floor import ShelvedAlarm
from dragoman_schemas.responses import ClockView, ExchangeView
from dragoman_schemas.state import Exchange, decode_exchange


class ExchangeQuery(Struct, frozen=True, kw_only=True):
    """The record before which the timeline ends, and the act that is written below it.

    The record is 0 for the newest page, and the act is empty for none.
    """

    before: Whole = 0
    write: str = ""


async def exchange(context: PageContext) -> Page:
    """Return the page of one exchange."""
    id = context.request.match_info["exchange"]
    query = context.asked(ExchangeQuery)
    cursor = query.before
    view = await exchange_view.viewed(
        context.call, context.projection, id, context.past_moment, context.newest, cursor
    )
    state = decode_exchange(bytes(view.state))
    offices = tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    display = release_preview.display_of(context, offices, view.people, view.files)
    reading.note_read(context, context.projection)
    read = reading.read_to(context, state)
    await reading.note_own_reading(context, state)
    account_statements = accounts_of(state)
    points = points_of(account_statements)
    ladder_steps = await receipt_rows.ladder_of(context, state)
    values = await shown_message.message_values(context, display, offices, state)
    rows = compared(state, account_statements, display) if len(account_statements) > 1 else []
    turn = await turn_of(context, state)
    few, more = (
        shown_message.acts_of(context, view.allowed, state) if context.may_post else ([], [])
    )
    short = short_act(context, state, few)
    handed = handing.handed_of(context).get(id)
    if handed is not None and not handing.is_standing(handed, context.side, turn.duties):
        handed = None
    colleagues = handing.colleagues(context, state, turn)
    return Page(
        template="exchange.html",
        view=view,
        rows=[line_of(entry) for entry in view.timeline],
        values={
            **values,
            "turn": turn,
            "turn_word": turn_word(context.words, turn.whose),
            "standing_now": standing_text(context.words, state, turn, context.moment),
            "next_move": move_text(context.words, turn.moves[0], context.moment)
            if turn.moves
            else "",
            "facts": facts_now(display, state, rows),
            "talk": conversation(
                display,
                state,
                [step_of(display, offices, state, entry) for entry in view.timeline],
                view.timeline,
                values["sent"],
                read,
                context.zone,
            ),
            "binding": [act for act in OFFERS if binds(act)],
            "panels": await panel.shown_for(
                context.request.app[panel.MATTER_PANELS],
                panel.ShownMatter(context, state, display, view),
            ),
            "release_public": release.is_public(state, context.moment),
            "for_members": state.act == "release" and release.is_for_members(state),
            "may_release": release_preview.may_release(context, state),
            "calls": await _calls(context, view),
            "sides": receipt_rows.by_side(
                receipt_rows.of(context, state, view.facts, ladder_steps, answerers=turn.answerers)
            ),
            "paged": bool(cursor),
            "clock_level": lambda clock: level_of(context, state, clock),
            "spent": lambda clock: _spent(context, clock),
            "clock_bar": charts.clock,
            "may_shelve": not context.past and shelving.may_shelve(context),
            "levels_aside": shelving.LEVELS_ASIDE,
            "shelved": {} if context.past else _shelved(context, state),
            "accounts": account_statements,
            "compared": [row for row in rows if row.result in ("same", "differs")],
            "sketch": sketch(context, state, points),
            "acts": (few, more),
            "short": short.act if short is not None else "",
            "handed": handed,
            "handed_text": handing.handed_text(context, handed) if handed is not None else "",
            "may_hand": bool(colleagues),
            "hands": colleagues if query.write == "hand" else [],
            "answer": await form_below(short)
            if short is not None and short.act == query.write
            else "",
            "keys": {act: offer.shortcut for act, offer in OFFERS.items() if offer.shortcut},
            "wanted": reply_wanted(state),
            "promised": promised(state),
            "waits": [
                fact
                for fact in view.facts
                if fact.side == context.side and fact.owes and not fact.acknowledged
            ],
            "unrecorded": outbox.unrecorded(context, id),
            "said": context.said,
            "display": display,
        },
    )


async def _calls(
    context: PageContext, view: ExchangeView
) -> list[tuple[duty_numbers.NumberToRing, int]]:
    """Return the points of contact to ring next, each with its number of attempts.

    The reader's own side is not among them.
    """
    next_calls = [call for call in view.next_calls if call.point.side != context.side]
    ringing = await duty_numbers.ringing(
        context, context.projection, [call.point for call in next_calls]
    )
    return [(value, call.tried) for value, call in zip(ringing, next_calls, strict=True)]


def level_of(context: PageContext, state: Exchange, clock: ClockView) -> Level:
    """Return the urgency of an exchange's deadline; off if it runs no more."""
    if clock.met or clock.ended:
        return "off"
    started = next(
        (message for message in state.messages if message.id == clock.started_by), state.messages[0]
    )
    return urgency(
        clock.clock,
        precedence_of(state, started),
        gone=_spent(context, clock),
        late=clock.late,
        binding=clock.binding,
    )


def _shelved(context: PageContext, state: Exchange) -> dict[tuple[str, str], ShelvedAlarm]:
    """Return the duties of an exchange that the reader's watch has set aside.

    Their keys are the deadline and the id of its start.
    """
    floor = report_requests.floor_of(context.request.app, context.projection, context.side)
    standing = {} if floor is None else shelving.in_force(floor, context.service.now())
    return {
        (clock, started_by): shelved_alarm
        for (exchange, clock, started_by), shelved_alarm in standing.items()
        if exchange == state.id
    }


def _spent(context: PageContext, clock: ClockView) -> float:
    begins, due = as_moment(clock.begins), as_moment(clock.due)
    whole = (due - begins).total_seconds()
    return (context.moment - begins).total_seconds() / whole if whole > 0 else 1.0


ROUTES: Final = (PageRoute(path="/exchanges/{exchange:[0-9a-f-]{36}}", handler=exchange),)
