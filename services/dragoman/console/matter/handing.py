"""Matters that an officer has handed to a colleague of the same side.

    NATO to answer     with h-1                      the list of all others
                       handed to you by d-1, 14:05Z  the list of h-1

It stands beside the log, and no other side sees it. It silences no alarm, and everybody
may still make the move. It ends with the duties for which the matter was handed over.
"""

from collections.abc import Iterable

from dragoman.application.operations.report_requests import WATCH_FLOOR
from dragoman.console.display import authorised_senders
from dragoman.console.matter.shown_message import acts_of
from dragoman.console.matter.turn import MatterTurn
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.act_registry import in_force
from dragoman.domain.views.offers import allowed
from dragoman.domain.views.open_matters import RECEIPTS
from dragoman.stores.watch_floor import HandedMatter
from dragoman_schemas.state import Exchange
from dragoman_schemas.state_responses import Owing


def handed_of(context: PageContext) -> dict[str, HandedMatter]:
    """Return the matters that the reader's side has handed to officers, by exchange."""
    if context.past or not context.is_officer:
        return {}
    floor = context.request.app[WATCH_FLOOR]
    return {item.exchange: item for item in floor.handed(context.registry.cid, context.side)}


def is_standing(matter: HandedMatter, side: str, owed: Iterable[Owing]) -> bool:
    """Return whether a side still owes one of the duties that were handed over."""
    return any(owing.side == side and owing.key in matter.duties for owing in owed)


def handed_text(context: PageContext, matter: HandedMatter) -> str:
    """Return the holder of a matter, in the words of the reader's list."""
    words, now = context.words, context.moment
    if matter.back_by:
        return words.say(
            "given back by %(who)s, %(t)s",
            who=matter.back_by.partition("/")[2],
            t=words.near(matter.back_at, now),
        )
    if matter.to == context.grant.actor:
        return words.say(
            "handed to you by %(who)s, %(t)s",
            who=matter.by.partition("/")[2],
            t=words.near(matter.at, now),
        )
    return words.say("with %(who)s", who=matter.to.partition("/")[2])


def colleagues(context: PageContext, state: Exchange, turn: MatterTurn) -> list[str]:
    """Return the colleagues who may make the next move in a matter, by their names.

    There are none unless the reader may make it.
    """
    if not context.may_post or turn.whose != "mine":
        return []
    rules = in_force(context.registry).rules
    acts, _ = acts_of(context, allowed(context.registry, state, context.side), state)
    if any(move.clock in RECEIPTS for move in turn.moves):
        acts = ["acknowledgement", *acts]
    return list(
        dict.fromkeys(
            colleague.name
            for act in acts
            for colleague in authorised_senders.senders_of(
                context.registry, context.grant.actor, rules[act]
            ).colleagues
        )
    )
