"""A judgement need not be made again while its decision basis stands. It is made again once the
basis does not stand.

The world of these tests asserts one more property at every record. An act that is legal on a basis
that stands would be judged legal again.
"""

import pytest

from dragoman.domain import fold as folds
from dragoman.domain.fold import folded
from dragoman.domain.history_port import DecisionBasis
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal
from samples import act
from world import INCIDENT, NOTE, World


def decided(
    world: World, actor: str, body: dict[str, object], exchange: str = ""
) -> tuple[Record, DecisionBasis]:
    """A record that was decided and is not yet folded, and what that rested on."""
    record = world.decide(actor, body, exchange)
    assert not isinstance(record, Refusal), record
    assert world.legal[-1][0] is record, "it rested on more"
    return world.legal[-1]


def stands(world: World, record: Record, grounds: DecisionBasis) -> bool:
    return grounds.stand(world.ledger.standing.state, world.ledger, record)


def test_an_opening_stands_whatever_else_is_opened(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, grounds = decided(world, "nato/d-1", INCIDENT)
    world.open("china/o-1", NOTE)
    state = world.ledger.standing.state
    judged = folded(state, world.ledger, record)
    monkeypatch.setattr(folds, "judge", None)  # nobody is asked
    assert folded(state, world.ledger, record, grounds) == judged
    assert judged.valid


def test_it_does_not_once_the_registry_has_changed(world: World) -> None:
    record, grounds = decided(world, "nato/d-1", INCIDENT)
    world.keep("nato/root", {"act": "officer-revocation", "officer": "d-1"})
    assert not stands(world, record, grounds)
    assert folded(world.ledger.standing.state, world.ledger, record, grounds).refusal is not None


def test_it_does_not_once_its_id_is_used(world: World) -> None:
    record, grounds = decided(world, "nato/d-1", INCIDENT)
    world.take(record)
    assert not stands(world, record, grounds)


def test_an_act_in_an_exchange_stands_until_the_exchange_has_moved(world: World) -> None:
    id, other = world.open("nato/d-1", INCIDENT), world.open("nato/d-1", INCIDENT)
    record, grounds = decided(world, "china/d-1", {"act": "acknowledgement"}, id)
    world.keep("china/d-1", {"act": "acknowledgement"}, other)
    assert stands(world, record, grounds)
    world.keep("nato/d-1", {"act": "cancellation", "reason": "sent in error"}, id, seen=True)
    assert not stands(world, record, grounds)


def test_what_is_signed_or_rests_on_another_exchange_has_no_grounds(world: World) -> None:
    before = len(world.legal)
    world.decide("nato/root", {"act": "officer-revocation", "officer": "d-1"})
    world.decide("nato/o-1", act("meeting-request", references=["NATO-CHINA/NATO/26/0001/N07/O"]))
    assert len(world.legal) == before
