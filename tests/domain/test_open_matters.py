"""Open matters: nothing that is owed is missing from the list, nothing that is settled is on it,
and the most urgent comes first.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.domain.acts import deadline_outcomes, deadlines
from dragoman.domain.acts.families.exchange import ENDED, owes_acknowledgement
from dragoman.domain.acts.families.joining import INCIDENTS
from dragoman.domain.views.open_matters import in_order, may_be_open, open_matter, owing
from dragoman_schemas.profiles import PROFILES
from dragoman_schemas.state import Adopted, Exchange, Registry, Stamp
from dragoman_schemas.state_responses import OpenMatter
from histories import FURTHER, WIDE, a_history
from lives import LIVES
from samples import act
from world import INCIDENT, NOTE, World

N, C, ND, CD, CH = "nato/o-1", "china/o-1", "nato/d-1", "china/d-1", "china/h-1"


def matter(world: World, id: str) -> OpenMatter | None:
    return open_matter(world.registry, world.exchange(id), {})


def owed(found: OpenMatter | None) -> list[tuple[str, str]]:
    return [] if found is None else sorted((each.clock, each.side) for each in found.owed)


def expect(registry: Registry, exchange: Exchange) -> None:
    """An exchange is on the list exactly where it is an unsettled incident, or something is owed in
    it.
    """
    found = open_matter(registry, exchange, {})
    limits = [
        clock
        for clock in deadlines.deadlines_of(registry, exchange, {})
        if deadline_outcomes.is_owed(exchange, clock)
    ]
    must = [clock for clock in limits if clock.clock != "reconfirmation"]
    if must or (exchange.act in INCIDENTS and exchange.status not in ENDED):
        assert found is not None
    if exchange.status != "missed" and owes_acknowledgement(exchange):
        assert found is not None
        assert found.unacknowledged_by == tuple(sorted(owes_acknowledgement(exchange)))
    if found is not None:
        assert may_be_open(exchange)
        named = {(each.clock, each.side, each.started_by) for each in found.owed}
        assert {(clock.clock, clock.side, clock.started_by) for clock in must} <= named
        assert [each.due for each in found.owed if each.due] == sorted(
            each.due for each in found.owed if each.due
        )
        assert not set(found.acknowledged) & set(found.unacknowledged_by)
    else:
        assert not list(owing(registry, exchange, {}))
    if limits:
        assert may_be_open(exchange), (
            "what the file keeps as possibly open is all in which a clock runs"
        )


@pytest.mark.parametrize("profile", sorted(PROFILES))
@pytest.mark.parametrize("life", LIVES)
def test_whatever_is_owed_in_a_life_is_on_the_list(life: str, profile: str, world: World) -> None:
    stamp = Stamp(position=1, time="2026-11-24T12:00:00.000Z", by="nato/root")
    adopted = {side: Adopted(adopted=stamp, profile=profile) for side in world.sides}
    (opener, opening, _), *steps = LIVES[life]
    id = world.open(opener, act(opening) if isinstance(opening, str) else opening)
    expect(replace(world.registry, profiles=adopted), world.exchange(id))
    for actor, step, _ in steps:
        world.keep(actor, act(step) if isinstance(step, str) else step, id, seen=True)
        expect(replace(world.registry, profiles=adopted), world.exchange(id))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), kind=st.sampled_from(["official", "track2"]))
def test_over_random_histories_nothing_owed_is_left_out(data: st.DataObject, kind: str) -> None:
    openings = [each for each in WIDE if kind == "official"] or [
        (N, NOTE),
        (C, NOTE),
        (N, act("meeting-request")),
        (N, act("recommendation")),
    ]
    world = a_history(data, openings=openings, steps=FURTHER, most=16, kind=kind)
    for exchange in world.ledger.exchanges():
        expect(world.registry, exchange)


def test_acknowledging_a_flash_does_not_make_it_vanish(world: World) -> None:
    id = world.open(ND, {**INCIDENT, "precedence": "flash"})
    before = matter(world, id)
    assert before is not None and (before.unacknowledged_by, before.acknowledged) == (
        ("china",),
        {},
    )
    assert (before.kind, before.side, before.opened) == (
        "near_miss",
        "nato",
        world.exchange(id).opened.time,
    )
    world.keep(CD, {"act": "acknowledgement"}, id)
    after = matter(world, id)
    assert after is not None and after.unacknowledged_by == ()
    assert after.acknowledged == {
        "china": world.exchange(id).messages[0].acknowledged["china"].time
    }
    assert [each.clock for each in after.owed] == ["update", "final_report"], "the next first"
    world.keep(ND, act("final-report"), id)
    world.keep(CD, {"act": "acknowledgement"}, id)
    assert matter(world, id) is not None, "an incident is open until it is closed"
    world.keep(ND, {"act": "closure"}, id, seen=True)
    assert owed(matter(world, id)) == []


def test_a_cancelled_message_is_open_until_the_cancellation_is_acknowledged(world: World) -> None:
    id = world.open(N, NOTE)
    world.keep(C, {"act": "acknowledgement"}, id)
    assert matter(world, id) is None
    world.keep(N, {"act": "cancellation", "reason": "sent in error"}, id, seen=True)
    assert owed(matter(world, id)) == [("acknowledgement", "china")]
    world.keep(C, {"act": "acknowledgement"}, id)
    assert matter(world, id) is None


def test_who_has_it_is_told_of_the_newest_message_to_each_side(world: World) -> None:
    id = world.open(ND, INCIDENT)
    world.keep(CD, {"act": "counter-account", "facts": "At a safe distance."}, id)
    found = matter(world, id)
    assert found is not None and (found.newest_act, found.newest_side) == (
        "counter-account",
        "china",
    )
    assert (found.unacknowledged_by, set(found.acknowledged)) == (("nato",), {"china"})
    assert (found.accounts, found.accounts_by, found.differing) == ("beside", ("china",), ())
    world.keep(
        CD, {"act": "counter-account", "facts": "At a safe distance.", "kind": "collision"}, id
    )
    found = matter(world, id)
    assert found is not None and (found.accounts, found.differing) == ("differ", ("kind",))


def test_a_question_stays_open_after_its_receipt_where_no_limit_runs(world: World) -> None:
    id = world.open(N, NOTE)
    world.keep(C, act("clarification-request"), id)
    world.keep(N, {"act": "acknowledgement"}, id)
    assert owed(matter(world, id)) == [("clarification", "nato")]
    world.keep(
        N,
        act(
            "reply",
            answers=[{"q": 1, "text": "Friday."}, {"q": 2, "text": "No."}, {"q": 3, "text": "No."}],
        ),
        id,
    )
    world.keep(C, {"act": "acknowledgement"}, id)
    assert matter(world, id) is None


def test_a_point_of_contact_is_a_matter_only_once_a_test_of_it_fails(world: World) -> None:
    id = world.open(CH, act("point-of-contact"))
    assert owed(matter(world, id)) == [("acknowledgement", "nato")]
    world.keep(ND, {"act": "acknowledgement"}, id)
    assert matter(world, id) is None
    world.keep(ND, act("call-attempt", outcome="no_answer"), id)
    assert ("reconfirmation", "china") in owed(matter(world, id))


def test_a_line_check_is_open_until_its_echo_and_not_after_it_was_missed(world: World) -> None:
    id = world.open(ND, act("line-check"))
    assert owed(matter(world, id)) == [("echo", "china")]
    state = replace(world.exchange(id), status="missed")
    assert open_matter(world.registry, state, {}) is None


@given(st.permutations(range(5)))
def test_the_higher_precedence_comes_first_then_what_nobody_has_acknowledged(
    order: list[int],
) -> None:
    world = World()
    bodies: list[tuple[dict[str, Any], bool]] = [
        ({**INCIDENT, "precedence": "flash"}, False),
        ({**INCIDENT, "precedence": "flash"}, True),
        ({**INCIDENT, "precedence": "immediate"}, False),
        ({**INCIDENT, "precedence": "priority"}, True),
        ({**NOTE, "precedence": "routine"}, False),
    ]
    ids: dict[int, str] = {}
    for place in order:
        body, acknowledged = bodies[place]
        ids[place] = world.open(ND, body)
        if acknowledged:
            world.keep(CD, {"act": "acknowledgement"}, ids[place])
    found = [each for id in ids.values() if (each := matter(world, id)) is not None]
    assert [each.exchange for each in in_order(found)] == [ids[place] for place in range(5)]
