"""A station of a side: a program on its own premises, entered like an officer. It has a key, signs
all that it says, and says little. It keeps keys for officers who have none.
"""

from typing import Any

import pytest

from dragoman.domain.acts import access
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import Who
from dragoman.domain.fold import Folded
from dragoman.domain.record.errors import Refusal
from samples import SAMPLES, act
from world import NOTE, World, public_of, refused

N, C, ROOT = "nato/o-1", "china/o-1", "nato/root"
ENTRY: dict[str, Any] = {
    "act": "officer",
    "officer": "st-1",
    "office": "hq",
    "roles": ["station"],
    "keys": [public_of("nato/st-1")],
}


def valid(outcome: Folded | Refusal) -> bool:
    """Return whether an act was recorded, and is valid."""
    return isinstance(outcome, Folded) and outcome.valid


def entered(world: World, body: dict[str, Any], *owners: str) -> Folded:
    """Return an act of nato's root that these keys sign with it."""
    return world.attested(body, ROOT, *owners)


# The entry


def test_a_station_has_a_key_and_no_other_role_and_reads(world: World) -> None:
    key = "nato/st-1"
    bare = {name: value for name, value in ENTRY.items() if name != "keys"}
    assert not entered(world, {**ENTRY, "roles": ["station", "officer"]}, key).valid
    assert not entered(world, bare).valid
    assert entered(world, ENTRY, key).valid
    assert access.may_read(world.registry, key) is None
    assert access.stations_of(world.registry, "nato") == (key,)
    assert entered(world, {"act": "officer-revocation", "officer": "st-1"}).valid
    assert access.stations_of(world.registry, "nato") == ()


def test_a_name_is_a_stations_or_an_officers_and_never_both(world: World) -> None:
    world.enter_station("nato")
    person = {"act": "officer", "office": "hq", "roles": ["officer"]}
    for body, key in (
        ({**person, "officer": "st-1"}, ""),
        ({**ENTRY, "officer": "o-1", "keys": [public_of("nato/o-1")]}, N),
    ):
        refusal = refused(entered(world, body, *[key] * bool(key)))
        assert refusal.faults[0].pointer == "/officer"


# Its acts


@pytest.fixture(scope="module")
def manned() -> tuple[World, str, str]:
    """A channel with a station of nato, and an exchange that china opened."""
    world = World()
    return world, world.enter_station("nato"), world.open(C, NOTE)


@pytest.mark.parametrize("name", [name for name in RULES if name != "channel-opening"])
def test_a_station_signs_all_that_it_says_and_says_nothing_but_its_own_acts(
    name: str, manned: tuple[World, str, str]
) -> None:
    world, station, exchange = manned
    rule, body = RULES[name], act(name) if name in SAMPLES else {"act": name}
    inside = "" if name in FORMATS or rule.family == "channel" else exchange
    kind = "void" if rule.who is Who.WATCH else "not-permitted"
    assert refused(world.hand_in(station, body, inside, signed=False)).kind == kind
    outcome = world.hand_in(station, body, inside)
    if not rule.station:
        assert refused(outcome).kind == kind


def test_a_station_releases_nothing(world: World) -> None:
    station = world.enter_station("nato")
    decided = world.decide("nato/h-1", act("channel-status"), released_by=station)
    assert refused(decided).kind == "not-permitted"


# Deliveries


def test_a_delivery_is_of_the_own_side_and_rises_and_any_station_says_it(world: World) -> None:
    first, second = world.enter_station("nato"), world.enter_station("nato", "st-2")
    world.open(C, NOTE)
    early = world.position
    world.open(C, NOTE)
    late = world.position
    world.open(N, NOTE)
    of_others = {"act": "delivery", "side": "china", "upto": world.position}
    assert not valid(world.hand_in(first, of_others))
    said = [
        valid(world.hand_in(station, {"act": "delivery", "side": "nato", "upto": upto}))
        for station, upto in ((first, early), (second, early), (second, late), (first, early))
    ]
    assert said == [True, False, True, False]


def test_the_gateway_delivers_to_a_side_without_a_station_alone(world: World) -> None:
    world.open(C, NOTE)
    upto, station = world.position, world.enter_station("nato")
    body = {"act": "delivery", "side": "nato", "upto": upto}
    key = f"delivery\nnato\n{upto}"
    refusal = refused(world.decide("service/gateway", body, key=key))
    assert refusal.kind == "void"
    name = station.partition("/")[2]
    assert entered(world, {"act": "officer-revocation", "officer": name}).valid
    assert valid(world.keep("service/gateway", body, key=key))


# Kept keys


def test_a_key_is_kept_for_an_officer_by_a_side_that_has_a_station(world: World) -> None:
    addition = {"act": "key-addition", "officer": "o-1", "kept_by": "station"}
    kept, own = "nato/o-1-kept", "nato/o-1"
    assert not entered(world, {**addition, "keys": [public_of(kept)]}, kept).valid
    world.enter_station("nato")
    assert not entered(world, {**addition, "keys": [public_of(kept)]}).valid, "the key signs"
    assert entered(world, {**addition, "keys": [public_of(kept)]}, kept).valid
    without = {"act": "key-addition", "officer": "o-1", "keys": [public_of(own)]}
    assert entered(world, without, own).valid
    assert {key.public: key.kept_by for key in world.registry.keys.values() if key.owner == N} == {
        public_of(kept): "station",
        public_of(own): "",
    }
