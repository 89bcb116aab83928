"""The staff of a liaison office: named, agreed to, arrived and left; and the charter of the office."""

from dragoman.domain.acts import consent
from owing import CH, NH, C, N, post
from samples import act
from world import World, refused

AGREED = {"act": "agreement"}


def test_nobody_arrives_before_the_other_side_agrees(world: World) -> None:
    id = world.open(CH, act("liaison-staff"))
    assert refused(world.decide(C, act("arrival"), id)).kind == "not-allowed-in-state"
    post(world, N, {"act": "decline"}, id)
    assert world.exchange(id).status == "refused"
    post(world, NH, AGREED, id, seen=True)
    assert world.exchange(id).status == "agreed"
    post(world, N, act("arrival"), id)
    assert world.exchange(id).status == "arrived", "either side may record it"
    early = act("departure", at="2020-01-01T00:00Z")
    assert refused(world.decide(C, early, id)).faults[0].pointer == "/at"
    post(world, C, act("departure"), id)
    assert world.exchange(id).status == "left"


def test_only_a_head_of_office_names_somebody(world: World) -> None:
    assert refused(world.decide(C, act("liaison-staff"))).kind == "not-permitted"


def test_the_sides_agree_to_the_charter_together_with_the_office(world: World) -> None:
    terms = {
        consent.text_terms(world.exchange(world.open(CH, act("liaison-office", charter=charter))))
        for charter in ("Messages at every hour.", "Messages on working days.")
    }
    assert len(terms) == 2
