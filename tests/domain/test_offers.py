"""Every act that an officer does in the life of a format was offered before it was done. Nothing is
offered that the rules refuse, and the buttons of a page are the acts of the API.
"""

from collections.abc import Iterator

import pytest

from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import OFFICERS
from dragoman.domain.fold import Folded
from dragoman.domain.views.offers import MENU, OFFERS, OfferReader, allowed, buttons, offered
from dragoman_schemas.state import Exchange
from lives import LIVES, C, N
from samples import act
from world import NOTE, World


def _played(world: World, life: str) -> Iterator[tuple[str, str, Exchange]]:
    """Play a life, and yield each act of an officer with its actor, before it is done."""
    (opener, opening, _), *steps = LIVES[life]
    id = world.open(opener, act(opening) if isinstance(opening, str) else opening)
    for actor, step, _ in steps:
        body = act(step) if isinstance(step, str) else step
        if RULES[body["act"]].roles & OFFICERS and "/" in actor:
            yield actor, body["act"], world.exchange(id)
        world.keep(actor, body, id, seen=True)


@pytest.mark.parametrize("life", LIVES)
def test_an_act_that_is_done_was_offered_before(life: str, world: World) -> None:
    for actor, name, state in _played(world, life):
        side = actor.partition("/")[0]
        reader = OfferReader(side=side, actor=actor)
        legal = [*allowed(world.registry, state, side)]
        acts = offered(state, world.registry, reader)
        assert {*acts} <= {*legal}
        owes = name != "acknowledgement" or side in _unacknowledged(state)
        if name in legal and owes and name not in _ALSO_WITHOUT_A_REASON:
            assert name in acts, (name, state.status)


def _unacknowledged(state: Exchange) -> set[str]:
    return {
        side
        for message in state.messages
        for side in (*message.to, *message.info)
        if side not in message.acknowledged
    }


_ALSO_WITHOUT_A_REASON = frozenset({"joinder", "joinder-agreement", "assessment"})
"""Acts whose reason lies in another exchange, or in an answer that never came."""


@pytest.mark.parametrize("life", LIVES)
def test_the_buttons_of_a_page_are_the_acts_of_the_api(life: str, world: World) -> None:
    for actor, _, state in _played(world, life):
        acts = offered(
            state, world.registry, OfferReader(side=actor.partition("/")[0], actor=actor)
        )
        few, others = buttons(acts, state, ("duty_officer",))
        assert not {*few} & {*others}
        assert {*few, *others} == {
            name for name in acts if OFFERS[name].form and RULES[name].roles & OFFICERS
        }


def test_every_act_has_an_offer_and_every_opening_of_officers_is_in_the_menu() -> None:
    assert OFFERS.keys() == RULES.keys()
    openings = {name for name, form in FORMATS.items() if form.rule.roles & OFFICERS}
    assert {offer.act for offer in MENU} == openings


def test_what_was_done_once_and_for_all_is_not_offered_again(world: World) -> None:
    id = world.open(N, NOTE)
    reader = OfferReader(side="nato", actor=N)
    assert "closure" in offered(world.exchange(id), world.registry, reader)
    kept = world.keep("nato/h-1", act("closure"), id, seen=True)
    assert isinstance(kept, Folded) and kept.valid
    assert "closure" not in offered(world.exchange(id), world.registry, reader)
    assert "acknowledgement" not in offered(world.exchange(id), world.registry, reader)
    china = OfferReader(side="china", actor=C)
    assert "acknowledgement" in offered(world.exchange(id), world.registry, china)
    world.keep(C, act("acknowledgement"), id)
    assert "acknowledgement" not in offered(world.exchange(id), world.registry, china)
