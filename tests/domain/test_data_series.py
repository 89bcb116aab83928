"""Series of figures: one value in each interval, and a lapse for each that is missing."""

from typing import Any

from dragoman.domain.acts.families import data_series
from dragoman.domain.fold import Folded
from owing import C, N, at, bound, clocks, fault, lapse, post, set_clock
from samples import act
from world import World

PERIOD = {"from": "2027-01-10T00:00Z", "to": "2027-01-11T12:00Z"}


def agreed(world: World) -> str:
    """Open a series of China with three intervals of twelve hours, to which China agrees."""
    bound(world)
    id = world.open(N, act("data-series", period=PERIOD))
    post(world, C, {"act": "agreement"}, id, seen=True)
    assert world.exchange(id).status == "running"
    return id


def values(*pairs: tuple[str, float]) -> dict[str, Any]:
    return {"act": "data-values", "values": [{"at": time, "value": value} for time, value in pairs]}


def test_each_interval_is_owed_a_value_and_a_missing_one_lapses(world: World) -> None:
    id = agreed(world)
    clock = clocks(world, id)["data_value", "china"]
    assert clock.binding and clock.due == at("2027-01-10T12:00Z")
    set_clock(world, "2027-01-10T12:30:00Z")
    folded = lapse(world, id, clock)
    assert isinstance(folded, Folded) and folded.valid
    assert clocks(world, id)["data_value", "china"].due == at("2027-01-11T00:00Z")
    post(world, C, values(("2027-01-10T12:10Z", 4.25)), id)
    assert clocks(world, id)["data_value", "china"].due == at("2027-01-11T12:00Z")


def test_it_is_complete_once_every_interval_has_a_value_and_the_newest_counts(
    world: World,
) -> None:
    id = agreed(world)
    set_clock(world, "2027-01-11T12:30:00Z")
    post(world, C, values(("2027-01-10T01:00Z", 4.0), ("2027-01-10T13:00Z", 4.5)), id)
    assert world.exchange(id).status == "running"
    post(world, C, values(("2027-01-11T01:00Z", 5), ("2027-01-10T01:00Z", 4.1)), id)
    assert world.exchange(id).status == "complete"
    found = data_series.values_of(world.exchange(id))
    assert {interval: value.value for interval, (value, _) in found.items()} == {
        0: 4.1,
        1: 4.5,
        2: 5.0,
    }


def test_only_its_side_gives_values_and_none_of_another_time(world: World) -> None:
    id = agreed(world)
    assert fault(world, N, values(("2027-01-10T01:00Z", 1)), id) == "/act"
    set_clock(world, "2027-01-12T12:00:00Z")
    assert fault(world, C, values(("2027-01-11T13:00Z", 1)), id) == "/values/0/at"
    assert fault(world, C, values(("2030-01-01T00:00Z", 1)), id) == "/values/0/at"


def test_nothing_is_owed_before_the_side_agrees(world: World) -> None:
    bound(world)
    id = world.open(N, act("data-series", period=PERIOD))
    assert not clocks(world, id)["data_value", "china"].binding
    assert fault(world, C, values(("2027-01-10T01:00Z", 1)), id) == "not-allowed-in-state"
    assert fault(world, N, act("data-series", by="mars")) == "/by"
