"""Facts develop as a series of values as of times, newest first. No value makes an earlier value
wrong. An error still needs a correction.
"""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.domain.acts import accounts, developments
from dragoman.domain.fold import Folded
from dragoman.domain.views import audit_findings
from dragoman.domain.views.titles import subject_of, title_of
from dragoman_schemas.state import Exchange
from samples import act
from world import World, refused

ND = "nato/d-1"
INCIDENT = {
    "act": "hazardous-incident",
    "kind": "near_miss",
    "time": "2026-11-24T03:05Z",
    "place": {"lat": 15.12, "lon": 116.44},
    "facts": "Two aircraft passed close.",
}


def told(world: World, id: str, as_of: str, **fields: Any) -> None:
    assert isinstance(
        world.keep(ND, {"act": "update", "fields": fields, "as_of": as_of}, id), Folded
    )


def corrected(world: World, id: str, **fields: Any) -> None:
    assert isinstance(
        world.keep(ND, {"act": "correction", "fields": fields, "reason": "A slip."}, id, seen=True),
        Folded,
    )


def values(exchange: Exchange, name: str) -> list[tuple[Any, str]]:
    return [
        (msgspec.json.decode(each.value), each.as_of)
        for each in developments.series(exchange, name)
    ]


def found(world: World, id: str) -> list[str]:
    return [
        each.kind for each in audit_findings.of_exchange(world.registry, world.exchange(id), [])
    ]


def test_the_values_of_a_field_are_a_series_by_their_times_and_the_newest_stands() -> None:
    world = World()
    id = world.open(ND, {**INCIDENT, "casualties": 1})
    told(world, id, "2026-11-24T04:00Z", casualties=4)
    told(world, id, "2026-11-24T03:30+00:00", casualties=2, place={"lat": 15.2, "lon": 116.5})
    exchange = world.exchange(id)
    assert values(exchange, "casualties") == [
        (4, "2026-11-24T04:00Z"),
        (2, "2026-11-24T03:30+00:00"),
        (1, "2026-11-24T03:05Z"),
    ]
    assert bytes(exchange.content["casualties"]) == b"4", (
        "what came later and is older does not stand"
    )
    assert [place["lat"] for place, _ in values(exchange, "place")] == [15.2, 15.12]
    assert bytes(exchange.content["place"]) == b'{"lat":15.2,"lon":116.5}'
    assert list(developments.developed(exchange)) == ["casualties", "place"]


def test_what_was_unknown_has_no_value_in_the_series() -> None:
    world = World()
    id = world.open(ND, {**INCIDENT, "casualties": "unknown"})
    told(world, id, "2026-11-24T03:00Z", casualties=3)
    assert values(world.exchange(id), "casualties") == [(3, "2026-11-24T03:00Z")]
    assert bytes(world.exchange(id).content["casualties"]) == b"3"


def test_a_correction_mends_the_newest_value_and_keeps_what_stood_there() -> None:
    world = World()
    id = world.open(ND, {**INCIDENT, "casualties": 1})
    told(world, id, "2026-11-24T04:00Z", casualties=4)
    corrected(world, id, casualties=3)
    told(world, id, "2026-11-24T05:00Z", casualties=5)
    exchange = world.exchange(id)
    assert values(exchange, "casualties") == [
        (5, "2026-11-24T05:00Z"),
        (3, "2026-11-24T04:00Z"),
        (1, "2026-11-24T03:05Z"),
    ]
    assert [each.corrected is not None for each in developments.series(exchange, "casualties")] == [
        False,
        True,
        False,
    ]
    assert bytes(exchange.corrections[0].was["casualties"]) == b"4"


def test_a_second_value_as_of_the_same_time_is_an_error_or_has_another_time() -> None:
    world = World()
    id = world.open(ND, {**INCIDENT, "casualties": 1})
    again = {"act": "update", "fields": {"casualties": 2}, "as_of": "2026-11-24T04:05+01:00"}
    refusal = refused(world.keep(ND, again, id))
    assert [each.pointer for each in refusal.faults] == ["/fields/casualties"]
    assert "correct the wrong value" in str(refusal.faults[0].detail)
    assert isinstance(world.keep(ND, {**again, "as_of": "2026-11-24T04:06+01:00"}, id), Folded)


def test_two_developments_and_one_error_are_one_finding() -> None:
    world = World()
    id = world.open(ND, {**INCIDENT, "casualties": 1})
    told(world, id, "2026-11-24T04:00Z", casualties=4)
    told(world, id, "2026-11-24T05:00Z", casualties=6)
    corrected(world, id, casualties=5)
    assert found(world, id) == ["corrected"]


DEVELOPING: dict[str, st.SearchStrategy[Any]] = {
    "casualties": st.integers(0, 9),
    "continuing": st.booleans(),
    "known_at": st.sampled_from(["2026-11-23T00:00Z", "2026-11-24T03:10Z", "unknown"]),
    "time": st.sampled_from(
        ["2026-11-20T00:00Z", "2026-11-24T03:04Z", {"about": "2026-11-24T03:00Z"}]
    ),
    "place": st.builds(lambda lat: {"lat": lat, "lon": 116.4}, st.integers(10, 20)),
    "facts": st.sampled_from(["One aircraft turned away.", "Both returned."]),
}


@pytest.mark.parametrize(
    "opening",
    [INCIDENT, act("emergency-notification"), act("encounter-report")],
    ids=lambda each: each["act"],
)
@given(data=st.data())
def test_whoever_reports_more_never_looks_worse(
    opening: dict[str, Any], data: st.DataObject
) -> None:
    world = World()
    id = world.open(ND, opening)
    before = found(world, id)
    exchange = world.exchange(id)
    fitting = [name for name in DEVELOPING if name in {*exchange.content, *exchange.defaults}]
    for _ in range(data.draw(st.integers(1, 4))):
        fields = {
            name: data.draw(DEVELOPING[name])
            for name in data.draw(st.sets(st.sampled_from(fitting), min_size=1))
        }
        hours = data.draw(st.integers(-200, 0))
        world.keep(
            ND,
            {
                "act": "update",
                "fields": fields,
                "as_of": (world.clock + timedelta(hours=hours, seconds=7)).isoformat(),
            },
            id,
        )
    assert found(world, id) == before
    exchange = world.exchange(id)
    for name in developments.developed(exchange):
        assert developments.series(exchange, name)[0].value == exchange.content[name], (
            "the newest stands"
        )


def test_a_matter_keeps_its_name_and_its_place_beside_another_account_while_it_moves() -> None:
    world = World()
    id = world.open(ND, INCIDENT)
    named = bytes(subject_of(world.exchange(id)))
    told(world, id, "2026-11-24T04:00Z", place={"lat": 16.0, "lon": 117.0}, casualties=2)
    account = {
        "act": "counter-account",
        "facts": "Elsewhere.",
        "place": INCIDENT["place"],
        "casualties": 2,
    }
    assert isinstance(world.keep("china/d-1", account, id), Folded)
    exchange = world.exchange(id)
    assert bytes(subject_of(exchange)) == named
    assert str(title_of(exchange)) == msgspec.json.decode(named)
    results = {each.name: each.result for each in accounts.compare(exchange)}
    assert (results["place"], results["casualties"]) == ("same", "same"), (
        "where it happened, and what it has come to"
    )
    corrected(world, id, place={"lat": 16.5, "lon": 117.0})
    assert bytes(subject_of(world.exchange(id))) == named, (
        "the place that was mended is where it moved to"
    )


def test_where_it_happened_is_where_it_was_first_said_to_be_whatever_is_told_later_of_an_earlier_time() -> (
    None
):
    world = World()
    id = world.open(ND, INCIDENT)
    named = bytes(subject_of(world.exchange(id)))
    told(world, id, "2026-11-24T02:00Z", place={"lat": 12.0, "lon": 113.0})
    exchange = world.exchange(id)
    assert [place["lat"] for place, _ in values(exchange, "place")] == [15.12, 12.0], (
        "it stands in the series by its time"
    )
    assert bytes(subject_of(exchange)) == named
    account = {"act": "counter-account", "facts": "Elsewhere.", "place": INCIDENT["place"]}
    assert isinstance(world.keep("china/d-1", account, id), Folded)
    assert [
        each.result for each in accounts.compare(world.exchange(id)) if each.name == "place"
    ] == ["same"]
