"""The page after an act was recorded: what happens next, and by when."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from aiohttp import web
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.application.http.request import ApiReply
from dragoman.application.operations.exchange_view import viewed
from dragoman.console.compose.channel_acts import CHANNEL_ACTS
from dragoman.console.matter import receipt_rows
from dragoman.console.matter.shown_message import headline
from dragoman.console.matter.turn import turn_of
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, refused
from dragoman.console.page.sessions import redirect
from dragoman.domain.acts import deadlines, duty_calendar
from dragoman.domain.acts.families.contact import PromisedReply, WantedReply, promised, reply_wanted
from dragoman.projection.projection import Projection
from dragoman.projection.queries import records
from dragoman.text import sentence
from dragoman_schemas.state import Exchange, decode_exchange

NUDGE: Final[web.AppKey[Callable[[Projection, str], None]]] = web.AppKey("nudge")
"""The function that has the open pages of a side load their alarms anew."""


def wanted_reply_of(act: str, state: Exchange | None) -> WantedReply | None:
    """Return the reply that an act asks for, as a wish; None where it asks for none."""
    return None if state is None or act != state.act else reply_wanted(state)


def promised_replies(act: str, state: Exchange | None, side: str) -> list[PromisedReply]:
    """Return the further replies that a holding reply promises."""
    return (
        []
        if state is None or act != "interim-reply"
        else [promised_reply for promised_reply in promised(state) if promised_reply.side == side]
    )


def recorded_at(context: PageContext, reply: ApiReply) -> web.Response:
    """Redirect to the page of the record."""
    position = reply.headers["Dragoman-Position"]
    return redirect(f"/c/{context.name}/recorded/{position}?after={position}")


class Sent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of a post: its place in the log, and the deadlines that it started."""

    position: int
    number: str
    exchange: str
    act: str
    time: str
    owed: tuple[tuple[str, str, str], ...] = ()


async def recorded(context: PageContext) -> Page:
    """Return the page of a record.

    It says what happens next and when, and whom to ring if nothing does.
    """
    position = submission.whole(context.request.match_info["position"]) or 0
    record = context.projection.record_at(position) if 1 <= position <= context.position else None
    if record is None:
        raise refused("not-found", sentence("There is no record at that position."))
    state = context.projection.exchange(record.envelope.subject)
    calendars = {
        side: duty_calendar.calendar_of(context.projection.office(side)) for side in context.sides
    }
    begun = (
        []
        if state is None
        else [
            deadline
            for deadline in deadlines.deadlines_of(context.registry, state, calendars)
            if deadline.open
        ]
    )
    recorded = datetime.fromisoformat(record.envelope.time)
    running = [
        deadline
        for deadline in begun
        if deadline.started_by == record.envelope.id
        or (state is not None and deadline.started_by == state.id and deadline.begins >= recorded)
    ]
    received = await _received(context, state, record.envelope.id)
    wanted_reply = wanted_reply_of(record.name, state)
    waits = any(
        receipt.fact.owes and not receipt.fact.acknowledged
        for group in received
        for receipt in group.receipts
    )
    entry = (await context.ask(records.records, position, 1))[0][0]
    view = Sent(
        position=position,
        number=entry.number,
        exchange="" if state is None else state.id,
        act=record.name,
        time=record.envelope.time,
        owed=tuple(
            (deadline.clock, deadline.side, deadlines.timestamp(deadline.due))
            for deadline in running
        ),
    )
    return Page(
        template="recorded.html",
        view=view,
        values={
            "state": state,
            "of_channel": CHANNEL_ACTS.get(record.name),
            "running": running,
            "headline": headline(context, state) if state is not None else "",
            "received": received,
            "wanted": wanted_reply,
            "promised": promised_replies(record.name, state, record.side),
            "awaited": bool(running) or wanted_reply is not None or waits,
        },
    )


async def _received(
    context: PageContext, state: Exchange | None, message: str
) -> list[receipt_rows.Received]:
    """Return the receipts of the recorded message; empty where it is not a message."""
    if state is None or not any(item.id == message for item in state.messages):
        return []
    view = await viewed(
        context.call, context.projection, state.id, context.past_moment, context.newest
    )
    stood = decode_exchange(bytes(view.state))
    ladder_steps = await receipt_rows.ladder_of(context, stood)
    answerers = (await turn_of(context, stood)).answerers
    return receipt_rows.of(context, stood, view.facts, ladder_steps, message, answerers=answerers)


def notify_open_pages(context: PageContext) -> None:
    """Have the open pages of the reader's side show the handed-over act at once."""
    context.request.app[NUDGE](context.projection, context.side)
