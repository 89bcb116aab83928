"""The places that records name, and their standing; ranges and bearings against published values."""

import itertools
import types
import typing
from math import cos, radians, sin
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.domain.acts import geodesy
from dragoman.domain.acts.families.exchange_content import content_of, side_of
from dragoman.domain.acts.geodesy import GeoPoint
from dragoman.domain.record import codec
from dragoman.domain.recorded_places import (
    ACTS,
    MEMBERS,
    PlacingRecord,
    RecordedPlace,
    places_of,
)
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.fields import Place, Position
from owing import CD, ND, post
from world import INCIDENT, World

HERE, THERE, LATER = ({"lat": 15.0 + n, "lon": 116.0} for n in range(3))


def shown(world: World, id: str) -> list[RecordedPlace]:
    """Return the places of all records of an exchange."""
    records = []
    for position, raw in enumerate(world.raws, 1):
        record = codec.parse_stored(raw)
        if record.envelope.subject == id and record.name in ACTS:
            records.append(
                PlacingRecord(
                    position=position,
                    time=record.envelope.time,
                    act=record.name,
                    side=side_of(record),
                    content=content_of(record.newest),
                )
            )
    return places_of(world.exchange(id), records)


def standings(world: World, id: str) -> list[tuple[str, str, Any, str]]:
    return [(place.side, place.source, place.value, place.standing) for place in shown(world, id)]


def test_a_correction_an_update_and_an_account_each_have_their_standing(world: World) -> None:
    id = world.open(ND, {**INCIDENT, "place": HERE})
    post(
        world,
        ND,
        {"act": "correction", "fields": {"place": THERE}, "reason": "typed"},
        id,
        seen=True,
    )
    post(world, ND, {"act": "update", "fields": {"place": LATER}, "text": "It drifts."}, id)
    post(world, CD, {"act": "counter-account", "facts": "Elsewhere.", "place": HERE}, id)
    post(world, CD, {"act": "counter-account", "facts": "Again.", "place": "near the reef"}, id)
    assert standings(world, id) == [
        ("nato", "report", HERE, "corrected"),
        ("nato", "report", THERE, "earlier"),
        ("nato", "report", LATER, "current"),
        ("china", "account", HERE, "replaced"),
        ("china", "account", "near the reef", "current"),
    ]


def test_a_place_that_is_not_known_is_there_until_it_becomes_known(world: World) -> None:
    id = world.open(ND, {**INCIDENT, "place": "unknown"})
    assert standings(world, id) == [("nato", "report", "unknown", "current")]
    post(world, ND, {"act": "update", "fields": {"place": HERE}, "text": "Found."}, id)
    assert [place.value for place in shown(world, id) if place.standing == "current"] == [HERE]


def _types(annotation: Any) -> set[Any]:
    """Return all types inside an annotation."""
    inner = {part for argument in typing.get_args(annotation) for part in _types(argument)}
    return inner | {annotation}


def _places_in(shape: Any) -> set[str]:
    """Return the innermost members of a shape that are typed as places, also inside others."""
    names: set[str] = set()
    for name, annotation in typing.get_type_hints(shape, include_extras=False).items():
        parts = _types(annotation)
        if {Place, Position} & parts:
            names.add(name)
        names |= {
            inner
            for part in parts - {Place, Position}
            if isinstance(part, type)
            and not isinstance(part, types.GenericAlias)
            and issubclass(part, msgspec.Struct)
            for inner in _places_in(part)
        }
    return names


def test_every_act_that_may_name_a_place_is_looked_at() -> None:
    placing = {name: _places_in(shape) for name, shape in SHAPES.items()}
    assert {name for names in placing.values() for name in names} <= {*MEMBERS}
    assert {name for name, names in placing.items() if names} <= ACTS


@pytest.mark.parametrize(
    ("start", "end", "metres", "angle"),
    [
        # GeographicLib, GeodSolve's example from JFK to LHR
        (GeoPoint(40.6, -73.8), GeoPoint(51.6, -0.5), 5_551_759.400, 51.198883),
        # Vincenty's line of the Australian geodetic datum, Flinders Peak to Buninyong
        (GeoPoint(-37.951033417, 144.424867889), GeoPoint(-37.652821139, 143.926495528), 54_972.271, 306.868159),
        # a degree of longitude on the equator across the 180th meridian
        (GeoPoint(0.0, 179.5), GeoPoint(0.0, -179.5), 111_319.491, 90.0),
        # a degree of the meridian at the north pole
        (GeoPoint(89.5, 40.0), GeoPoint(89.5, -140.0), 111_693.87, 0.0),
    ],
)  # fmt: skip
def test_ranges_and_bearings_are_those_that_are_published(
    start: GeoPoint, end: GeoPoint, metres: float, angle: float
) -> None:
    assert geodesy.distance_m(start, end) == pytest.approx(metres, rel=0.006)
    assert abs((geodesy.bearing(start, end) - angle + 180) % 360 - 180) < 0.2


def test_the_sphere_is_the_one_of_d3() -> None:
    # d3.geoDistance([-73.8, 40.6], [-0.5, 51.6]) of d3-geo 3.1.1, in radians
    arc = geodesy.distance_m(GeoPoint(40.6, -73.8), GeoPoint(51.6, -0.5)) / geodesy.MEAN_RADIUS_M
    assert arc == pytest.approx(0.8690761794627615, rel=1e-12)


coordinates = st.builds(GeoPoint, st.floats(-89.9, 89.9), st.floats(-180, 180))


@given(coordinates, coordinates)
def test_a_great_circle_is_the_shortest_way_without_a_jump(one: GeoPoint, other: GeoPoint) -> None:
    way = geodesy.great_circle(one, other, 48)
    whole = geodesy.distance_m(one, other)
    parts = [geodesy.distance_m(start, end) for start, end in itertools.pairwise(way)]
    assert sum(parts) == pytest.approx(whole, rel=1e-3, abs=1.0)
    assert way[0] == one
    assert _vector(way[-1]) == pytest.approx(_vector(other), abs=1e-6)
    assert all(abs(end.lon - start.lon) <= 180 for start, end in itertools.pairwise(way))


def _vector(point: GeoPoint) -> tuple[float, ...]:
    lat, lon = radians(point.lat), radians(point.lon)
    return (cos(lat) * cos(lon), cos(lat) * sin(lon), sin(lat))
