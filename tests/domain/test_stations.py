"""A station of a side: a program on its own premises, entered like an officer. It has a key, signs
all that it says, and says little. It keeps keys for officers who have none.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dragoman.domain.acts import access, line_checks, membership
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import Who
from dragoman.domain.acts.line_checks import Slot
from dragoman.domain.fold import Folded
from dragoman.domain.record import ids
from dragoman.domain.record.errors import Refusal
from dragoman.domain.views import outages
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


# Outages of the line


def cut(begins: str, ends: str) -> dict[str, Any]:
    """Return the report of an outage of the line on 25 November."""
    return {
        "act": "line-outage",
        "from": f"2026-11-25T{begins}.000Z",
        "to": f"2026-11-25T{ends}.000Z",
    }


def test_a_station_reports_an_outage_of_its_own_line_once_it_is_over(world: World) -> None:
    stations = [world.enter_station(side) for side in ("nato", "china")]
    world.clock = datetime(2026, 11, 25, 12, tzinfo=UTC)
    known, etag = world.registry.outage, world.registry.etag
    said = [
        valid(world.hand_in(stations[0], cut(begins, ends)))
        for begins, ends in (
            ("11:00:00", "11:30:00"),
            ("11:05:00", "11:30:00"),
            ("11:40:00", "11:35:00"),
            ("11:40:00", "12:30:00"),
            ("11:40:00", "11:50:00"),
        )
    ]
    assert said == [True, False, False, False, True]
    assert valid(world.hand_in(stations[1], cut("11:41:00", "11:42:00"))), "its own line"
    spans = {side: (each.from_, each.cause) for side, each in world.registry.line_outages.items()}
    assert spans == {
        "nato": ("2026-11-25T11:40:00.000Z", "line"),
        "china": ("2026-11-25T11:41:00.000Z", "line"),
    }
    assert (world.registry.outage, world.registry.etag) == (known, etag)


@pytest.mark.parametrize("actor", ["nato/adm-1", "nato/o-1", ROOT, "service/gateway"])
def test_nobody_but_a_station_reports_an_outage_of_a_line(actor: str, world: World) -> None:
    world.clock = datetime(2026, 11, 25, 12, tzinfo=UTC)
    decided = world.keep(actor, cut("11:00:00", "11:30:00"))
    assert refused(decided).kind == "not-permitted"


# Line checks


SCHEDULE = {"at": ["18:00", "22:00"], "zone": "UTC", "sent_by": "alternating"}


def scheduled(moment: str) -> tuple[World, list[str], Slot]:
    """Return a channel in which two stations of nato may send the check of a slot."""
    world = World()
    for side in world.sides:
        adoption = {"act": "profile-adoption", "profile": "default", "line_check": SCHEDULE}
        assert valid(world.keep(f"{side}/root", adoption))
    stations = [world.enter_station("nato"), world.enter_station("nato", "st-2")]
    world.clock = datetime.fromisoformat(moment)
    slot = line_checks.due(world.registry, world.clock)
    assert slot is not None
    return world, stations, slot


def checked(world: World, actor: str, slot: Slot, **changes: Any) -> Folded | Refusal:
    """Return the check of a slot that a station sent."""
    body = json.loads(line_checks.act_of(world.registry, slot)) | changes
    key = line_checks.key_of(slot)
    id = ids.unused(world.name, slot.side, key, world.ledger.used)
    return world.hand_in(actor, body, id=id)


def by_the_watch(world: World, slot: Slot) -> Folded | Refusal:
    """Return the check of a slot that the scheduler sent."""
    body = json.loads(line_checks.act_of(world.registry, slot))
    return world.keep("service/watch", body, key=line_checks.key_of(slot))


def test_two_stations_of_a_side_send_one_check_a_slot_and_the_scheduler_none() -> None:
    world, (first, second), slot = scheduled("2026-11-24T18:01Z")
    assert refused(by_the_watch(world, slot)).kind == "void"
    assert refused(checked(world, first, slot, sequence=slot.sequence + 1)).kind == "void"
    drawn = world.hand_in(first, json.loads(line_checks.act_of(world.registry, slot)))
    assert refused(drawn).kind == "void", "its id follows from the slot"
    assert valid(checked(world, first, slot))
    assert refused(checked(world, second, slot)).kind == "void"
    (exchange,) = (
        exchange
        for id in line_checks.ids_of(world.registry, slot)
        if (exchange := world.ledger.exchange(id)) is not None
    )
    spans = list(outages.checks(exchange))
    assert [(check.sender, check.side) for check in spans] == [("nato", "china")]


def test_a_station_sends_no_check_of_another_side() -> None:
    world, (first, _), slot = scheduled("2026-11-24T22:01Z")
    assert slot.side == "china"
    assert refused(checked(world, first, slot)).kind == "void"
    assert valid(by_the_watch(world, slot)), "china has no station"


def test_a_slot_has_one_check_whoever_sent_it_first() -> None:
    world, stations, slot = scheduled("2026-11-24T18:01Z")
    assert valid(checked(world, stations[0], slot))
    for station in stations:
        name = station.partition("/")[2]
        assert entered(world, {"act": "officer-revocation", "officer": name}).valid
    assert refused(by_the_watch(world, slot)).kind == "void"


# Kept keys


@pytest.mark.parametrize("owners", [["kept"], ["own"], ["kept", "own"]])
def test_a_record_says_that_the_station_signed_it_unless_the_officer_signed_too(
    owners: list[str], world: World
) -> None:
    world.enter_station("nato")
    addition = {"act": "key-addition", "officer": "o-1"}
    for key, more in (("kept", {"kept_by": "station"}), ("own", {})):
        body = {**addition, "keys": [public_of(f"nato/{key}")], **more}
        assert entered(world, body, f"nato/{key}").valid
    outcome = world.hand_in(N, NOTE, "", *[f"nato/{key}" for key in owners])
    assert isinstance(outcome, Folded) and outcome.valid and outcome.record is not None
    text = outcome.record.envelope.signatures
    assert isinstance(text, str)
    station_for = membership.signed_for(world.registry, text, (N, ""))
    assert station_for == ((N,) if owners == ["kept"] else ())


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
