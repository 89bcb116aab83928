"""The period of an item of the roadmap is a deadline of its owners."""

from typing import Any

import pytest

from owing import C, N, at, bound, clocks, post
from samples import act
from world import World

PERIOD = {"from": "2026-12-01T00:00Z", "to": "2026-12-20T00:00Z"}
OWNERS = {"china": "Head of section"}


def agreed(world: World, **changes: Any) -> str:
    id = world.open(N, act("roadmap-item", period=PERIOD, owners=OWNERS) | changes)
    post(world, C, {"act": "agreement"}, id, seen=True)
    return id


def step(world: World, id: str, status: str, actor: str = C, **members: Any) -> None:
    post(world, actor, {"act": "status-change", "status": status} | members, id)


def test_each_owner_owes_the_deliverable_by_the_end_of_the_period_once_it_is_agreed() -> None:
    world = bound()
    proposed = world.open(N, act("roadmap-item", period=PERIOD))
    assert not [key for key in clocks(world, proposed) if key[0] == "deliverable"]
    id = agreed(world)
    found = {key: each for key, each in clocks(world, id).items() if key[0] == "deliverable"}
    assert found.keys() == {("deliverable", "china")}
    clock = found["deliverable", "china"]
    assert (clock.begins, clock.due) == (at("2026-12-01T00:00Z"), at("2026-12-20T00:00Z"))
    assert clock.open and clock.binding
    for actor, status in ((N, "scheduled"), (N, "held"), (C, "held")):
        step(world, id, status, actor)
    assert clocks(world, id)["deliverable", "china"].open
    step(world, id, "deliverable_tabled", text="Keep 500 m.")
    assert clocks(world, id)["deliverable", "china"].met is not None


def test_without_owners_every_signatory_owes_it_and_without_a_period_nobody() -> None:
    world = bound()
    id = world.open(
        N, {k: v for k, v in act("roadmap-item", period=PERIOD).items() if k != "owners"}
    )
    post(world, C, {"act": "agreement"}, id, seen=True)
    owed = {side for name, side in clocks(world, id) if name == "deliverable"}
    assert owed == {"nato", "china"}
    item = {k: v for k, v in act("roadmap-item").items() if k != "period"}
    other = world.open(N, item)
    post(world, C, {"act": "agreement"}, other, seen=True)
    assert not [key for key in clocks(world, other) if key[0] == "deliverable"]


@pytest.mark.parametrize("status", ["deferred", "dropped"])
def test_no_deadline_runs_for_an_item_that_is_put_off(status: str) -> None:
    world = bound()
    id = agreed(world)
    step(world, id, status)
    assert not clocks(world, id)["deliverable", "china"].open
    if status == "deferred":
        step(world, id, "scheduled")
        assert clocks(world, id)["deliverable", "china"].open
