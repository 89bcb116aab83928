"""The acknowledgement of a message, from any page."""

from datetime import datetime
from typing import Final

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.application.http.submission import outbox_view
from dragoman.application.station_port import KeptForHost
from dragoman.console.forms import browser_signatures
from dragoman.console.page.alarm_views import DRILL
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import HEADERS, refused
from dragoman.console.page.sessions import following, form_of, redirect, said
from dragoman.domain.record.errors import Refused
from dragoman.office.alarm import drills
from dragoman.text import sentence

_AGAIN: Final = 5


class AcknowledgementReceipt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of an acknowledgement: by whom, when, and how fast.

    `seconds` are those since the message. `before` says that a colleague was first.
    """

    by: str
    time: str
    seconds: int
    position: int
    before: bool = False


async def acknowledge(context: PageContext) -> web.StreamResponse:
    """Acknowledge one message.

    If a colleague has acknowledged it before, say so and record nothing. At a station
    whose line is cut, the script of a page gets the entry of the outbox, with 202.
    """
    form = await form_of(context.request)
    exchange, of, key = said(form, "exchange"), said(form, "of"), said(form, "key")
    is_program = "application/json" in context.request.headers.get("Accept", "")
    try:
        receipt = (
            await _acknowledged_in_drill(context, exchange)
            if exchange.startswith(DRILL)
            else await _acknowledged(context, exchange, of, key)
        )
    except KeptForHost as kept:
        if not is_program:
            raise
        return _json(outbox_view(kept.entry), status=202)
    if is_program:
        return _json(receipt)
    next = following(said(form, "next") or context.link())
    return redirect(
        f"{next}{'&' if '?' in next else '?'}"
        f"said={'before' if receipt.before else 'acknowledged'}&after={receipt.position}"
    )


def _json(body: Struct, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        headers=HEADERS,
        content_type="application/json",
    )


async def _acknowledged_in_drill(context: PageContext, id: str) -> AcknowledgementReceipt:
    """Acknowledge the message of the reader's drill; nothing is recorded."""
    time, seconds = await drills.acknowledge(context, id)
    return AcknowledgementReceipt(by=context.grant.actor, time=time, seconds=seconds, position=0)


async def _acknowledged(
    context: PageContext, exchange: str, of: str, key: str
) -> AcknowledgementReceipt:
    projection = context.projection
    for _ in range(_AGAIN):
        state = projection.exchange(exchange)
        message = (
            None
            if state is None
            else next((item for item in state.messages if item.id == of), None)
        )
        if state is None or message is None:
            raise refused(
                "not-found",
                sentence(
                    "There is no such message in this channel. Open the board again; it shows "
                    "what waits."
                ),
            )
        done = message.acknowledged.get(context.side)
        if done is not None:
            seconds = int(
                (
                    datetime.fromisoformat(done.time) - datetime.fromisoformat(message.said.time)
                ).total_seconds()
            )
            return AcknowledgementReceipt(
                by=done.by,
                time=done.time,
                seconds=seconds,
                position=done.position,
                before=done.by != context.grant.actor,
            )
        act = {"act": "acknowledgement", "of": of}
        try:
            await browser_signatures.record(
                context, msgspec.json.encode(act), exchange=exchange, key=key, etag=state.etag
            )
        except Refused as error:
            if error.refusal.kind not in ("moved", "key-reused"):
                raise
            # A colleague was faster, or another act was recorded meanwhile.
            await projection.bring()
    raise refused("busy", sentence("Others write in this exchange just now. Press again."))
