"""A matter of the list is handed to a colleague of the same side, and given back.

It stands beside the log: no other side sees it, and it silences no alarm.
"""

from typing import Final

from aiohttp import web
from msgspec.structs import replace

from dragoman.application.operations.report_requests import WATCH_FLOOR
from dragoman.console.matter import handing
from dragoman.console.matter.turn import turn_of
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import PageRoute, refused
from dragoman.console.page.sessions import following, form_of, redirect, said
from dragoman.limits import SHELVED_REASON
from dragoman.stores.watch_floor import HandedMatter
from dragoman.text import sentence


async def hand(context: PageContext) -> web.StreamResponse:
    """Hand a matter to a colleague, or give it back."""
    form = await form_of(context.request)
    context.newest = context.projection.flushed
    exchange, reason = said(form, "exchange"), said(form, "reason")
    state = context.state_of(exchange)
    if not context.may_post or state is None:
        raise refused(
            "not-permitted", sentence("Only an officer hands over a matter of this channel.")
        )
    if not reason or len(reason) > SHELVED_REASON:
        raise refused(
            "bad-request",
            sentence("Give a reason in %(n)s characters at most.", n=SHELVED_REASON),
        )
    turn = await turn_of(context, state)
    moves = turn.moves if turn.whose == "mine" else ()
    matter = handing.handed_of(context).get(exchange)
    now = context.words.stamp(context.service.now())
    if said(form, "do") == "back":
        if matter is None or matter.back_by or not handing.is_standing(matter, context.side, moves):
            raise refused(
                "not-allowed-in-state", sentence("This matter is with no colleague any more.")
            )
        changed = replace(matter, back_by=context.grant.actor, back_at=now, back_reason=reason)
    else:
        to = said(form, "to")
        if to not in handing.colleagues(context, state, turn):
            raise refused(
                "not-allowed-in-state",
                sentence(
                    "A matter is handed over while your side owes something in it, to a colleague "
                    "who may make the move."
                ),
            )
        changed = HandedMatter(
            exchange=exchange,
            number=state.number,
            duties=tuple(owing.key for owing in moves),
            to=f"{context.side}/{to}",
            by=context.grant.actor,
            at=now,
            reason=reason,
        )
    await context.request.app[WATCH_FLOOR].hand(context.registry.cid, context.side, changed)
    onward = following(said(form, "next") or context.link())
    outcome = "unshelved" if changed.back_by else "handed"
    return redirect(f"{onward}{'&' if '?' in onward else '?'}said={outcome}")


ROUTES: Final = (PageRoute(path="/hand-matter", handler=hand, method="POST"),)
