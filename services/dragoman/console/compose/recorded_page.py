"""The page after an act was recorded."""

from datetime import datetime

from aiohttp import web
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.application.http.request import ApiReply
from dragoman.application.operations.exchange_view import viewed
from dragoman.console.display import receipt_rows
from dragoman.console.pages.alarm_stream import BELLS
from dragoman.console.pages.exchange_page import headline
from dragoman.console.rendering import Page, PageContext, refused
from dragoman.console.sessions import see
from dragoman.domain.acts import deadlines
from dragoman.domain.acts.families.contact import PromisedReply, WantedReply, promised, reply_wanted
from dragoman.projection.queries import records
from dragoman.text import sentence
from dragoman_schemas.state import Exchange, decode_exchange


def _wanted(act: str, state: Exchange | None) -> WantedReply | None:
    """Return the reply that an act asks for, as a wish."""
    return None if state is None or act != state.act else reply_wanted(state)


def _promised(act: str, state: Exchange | None, side: str) -> list[PromisedReply]:
    """Return the further word that a holding reply promises."""
    return (
        []
        if state is None or act != "interim-reply"
        else [promised_reply for promised_reply in promised(state) if promised_reply.side == side]
    )


def recorded_at(context: PageContext, reply: ApiReply) -> web.Response:
    """Go on at the page of what was recorded."""
    position = reply.headers["Dragoman-Position"]
    return see(f"/c/{context.name}/recorded/{position}?after={position}")


class Sent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a post: its place in the log, and what is owed because of it."""

    position: int
    number: str
    exchange: str
    act: str
    time: str
    owed: tuple[tuple[str, str, str], ...] = ()


async def recorded(context: PageContext) -> Page:
    """Return what was recorded, what happens next and when, and whom to ring if nothing does."""
    position = submission.whole(context.request.match_info["position"]) or 0
    record = context.projection.record_at(position) if 1 <= position <= context.position else None
    if record is None:
        raise refused("not-found", sentence("No record stands at that position."))
    state = context.projection.exchange(record.envelope.subject)
    calendars = {
        side: deadlines.calendar_of(context.projection.office(side)) for side in context.sides
    }
    begun = (
        []
        if state is None
        else [
            deadline
            for deadline in deadlines.running(context.registry, state, calendars)
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
    wanted_reply = _wanted(record.name, state)
    waits = any(
        receipt.fact.owes and not receipt.fact.acknowledged
        for group in received
        for receipt in group.receipts
    )
    entry = (
        await context.in_thread(records.records, context.service.store, context.name, position, 1)
    )[0][0]
    view = Sent(
        position=position,
        number=entry.number,
        exchange="" if state is None else state.id,
        act=record.name,
        time=record.envelope.time,
        owed=tuple(
            (deadline.clock, deadline.side, deadlines.written(deadline.due)) for deadline in running
        ),
    )
    return Page(
        template="recorded.html",
        view=view,
        values={
            "state": state,
            "running": running,
            "headline": headline(context, state) if state is not None else "",
            "received": received,
            "wanted": wanted_reply,
            "promised": _promised(record.name, state, record.side),
            "awaited": bool(running) or wanted_reply is not None or waits,
        },
    )


async def _received(
    context: PageContext, state: Exchange | None, message: str
) -> list[receipt_rows.Received]:
    """Return who has the message that was recorded; nobody where the record is no message to anybody."""
    if state is None or not any(item.id == message for item in state.messages):
        return []
    view = await viewed(
        context.call, context.projection, state.id, context.at or None, context.newest
    )
    stood = decode_exchange(bytes(view.state))
    return receipt_rows.of(
        context, stood, view.facts, await receipt_rows.ladder_of(context, stood), message
    )


def tell(context: PageContext) -> None:
    """Have the open pages of the reader's side show at once what was handed over."""
    context.request.app[BELLS].nudge(context.projection, context.side)
