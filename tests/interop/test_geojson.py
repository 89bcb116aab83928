"""GeoJSON: the geometry of every place as RFC 7946 asks for it, and what each feature says."""

import json
from itertools import pairwise
from math import isclose
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from announced import DAY, MOMENT, SHOAL, area, circle, listed, of_area, polygon
from dragoman.domain.acts.geodesy import GeoPoint, distance_m
from dragoman.interop import geojson
from dragoman.interop.map_figures import area as area_of
from dragoman.interop.map_figures import figure_of
from dragoman_schemas.window_responses import InForce
from samples import act
from world import World

FIJI = 179.9


def collection(in_force: InForce) -> dict[str, Any]:
    """Return the features as a map program reads them, after the rules of RFC 7946 were checked."""
    read: dict[str, Any] = json.loads(geojson.collection(in_force))
    assert read["type"] == "FeatureCollection" and not {"geometry", "properties"} & read.keys()
    for feature in read["features"]:
        assert feature["type"] == "Feature" and feature.keys() >= {"geometry", "properties"}
        assert not {"coordinates", "geometries", "features"} & feature.keys()  # §7.1
        if feature["geometry"] is not None:
            assert_geometry(feature["geometry"])
    ids = [feature["id"] for feature in read["features"]]
    assert len(ids) == len(set(ids))
    return read


def assert_geometry(geometry: dict[str, Any]) -> None:
    assert geometry.keys() == {"type", "coordinates"}
    match geometry:
        case {"type": "Point", "coordinates": position}:
            assert_position(position)
        case {"type": "LineString", "coordinates": line}:
            assert_line(line)
        case {"type": "MultiLineString", "coordinates": lines}:
            assert len(lines) > 1
            for line in lines:
                assert_line(line)
        case {"type": "Polygon", "coordinates": rings}:
            assert_rings(rings)
        case {"type": "MultiPolygon", "coordinates": polygons}:
            assert len(polygons) > 1
            for rings in polygons:
                assert_rings(rings)
        case _:
            raise AssertionError(geometry)


def assert_position(position: list[float]) -> None:
    assert len(position) == 2 and -180 <= position[0] <= 180 and -90 <= position[1] <= 90


def assert_line(line: list[list[float]]) -> None:
    assert len(line) >= 2
    for position in line:
        assert_position(position)
    assert all(abs(start[0] - end[0]) <= 180 for start, end in pairwise(line)), "not cut"


def assert_rings(rings: list[list[list[float]]]) -> None:
    (ring,) = rings
    assert len(ring) >= 4 and ring[0] == ring[-1], "a ring is closed"
    for position in ring:
        assert_position(position)
    assert signed_area(ring) >= 0, "an outer ring is counter-clockwise"


def spans_less_than_half(ring: list[list[float]]) -> bool:
    lons = [position[0] for position in ring]
    return max(lons) - min(lons) <= 180


def signed_area(ring: list[list[float]]) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) / 2


def test_a_point_is_a_point_with_the_longitude_first() -> None:
    (feature,) = collection(of_area(SHOAL))["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [116.44, 15.12]}


@pytest.mark.parametrize("clockwise", [False, True])
def test_a_polygon_is_closed_and_counter_clockwise_however_it_was_entered(clockwise: bool) -> None:
    corners = [(15.0, 116.0), (15.0, 116.5), (15.5, 116.5)]
    (feature,) = collection(of_area(polygon(*(corners[::-1] if clockwise else corners))))[
        "features"
    ]
    (ring,) = feature["geometry"]["coordinates"]
    assert len(ring) == 4 and {tuple(position) for position in ring} == {
        (lon, lat) for lat, lon in corners
    }


@pytest.mark.parametrize("lat", [0.0, 60.0, -75.0])
def test_the_whole_circle_is_inside_its_polygon_and_little_else(lat: float) -> None:
    centre = GeoPoint(lat, 20.0)
    (feature,) = collection(of_area(circle(lat, 20.0, 50, "nm")))["features"]
    (ring,) = feature["geometry"]["coordinates"]
    radius = 50 * 1852
    middles = [GeoPoint((a[1] + b[1]) / 2, (a[0] + b[0]) / 2) for a, b in pairwise(ring)]
    assert min(distance_m(centre, middle) for middle in middles) >= radius * 0.9999
    assert max(distance_m(centre, GeoPoint(p[1], p[0])) for p in ring) <= radius * 1.002
    assert feature["properties"]["place"] == circle(lat, 20.0, 50, "nm")


def test_an_area_across_the_180th_meridian_is_cut_there() -> None:
    (feature,) = collection(of_area(circle(-17.0, FIJI, 50)))["features"]
    assert feature["geometry"]["type"] == "MultiPolygon"
    rings = [rings[0] for rings in feature["geometry"]["coordinates"]]
    assert all(spans_less_than_half(ring) for ring in rings)
    whole = signed_area(
        collection(of_area(circle(-17.0, 20.0, 50)))["features"][0]["geometry"]["coordinates"][0]
    )
    assert isclose(sum(map(signed_area, rings)), whole, rel_tol=1e-5)
    (crossing,) = collection(of_area(polygon((10, 170), (20, 170), (20, -170), (10, -170))))[
        "features"
    ]
    assert sorted(signed_area(r[0]) for r in crossing["geometry"]["coordinates"]) == [100, 100]


@pytest.mark.parametrize("lat", [85.0, -88.0, 90.0])
def test_an_area_around_a_pole_reaches_the_pole(lat: float) -> None:
    (feature,) = collection(of_area(circle(lat, 30.0, 1000)))["features"]
    geometry = feature["geometry"]
    parts = (
        geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    )
    positions = [position for rings in parts for ring in rings for position in ring]
    assert (max if lat > 0 else min)(position[1] for position in positions) == (
        90 if lat > 0 else -90
    )
    lons = [position[0] for position in positions]
    assert (min(lons), max(lons)) == (-180, 180)


def test_a_place_that_is_only_named_is_a_feature_without_geometry() -> None:
    (feature,) = collection(of_area({"name": "North of the shoal"}))["features"]
    assert feature["geometry"] is None
    assert feature["properties"]["name"] == "North of the shoal"


def test_a_launch_has_a_feature_for_each_of_its_areas() -> None:
    world = World()
    id = world.open("china/h-1", act("launch-notice", window=DAY))
    features = collection(listed(world))["features"]
    assert [(feature["id"], feature["geometry"] and feature["geometry"]["type"]) for feature in features] == [
        (f"{id}/launch_area", None),
        (f"{id}/impact_areas/1", "Polygon"),
        (f"{id}/dropping_zones/1", "Point"),
    ]  # fmt: skip
    assert {feature["properties"]["opens"] for feature in features} == {"2026-12-01T06:00:00.000Z"}


def test_a_movement_between_points_is_a_line_and_one_between_names_is_not() -> None:
    world = World()
    points = [{"lat": 1.0, "lon": 179.0}, {"lat": 2.0, "lon": -179.0}]
    world.open("china/d-1", act("humanitarian-notification", route=points))
    world.open("china/d-1", act("humanitarian-notification", route=["Port", points[0]]))
    line, named, point = collection(listed(world))["features"]
    assert line["geometry"] == {
        "type": "MultiLineString",
        "coordinates": [[[179.0, 1.0], [180.0, 1.5]], [[-180.0, 1.5], [-179.0, 2.0]]],
    }
    assert (named["geometry"], named["properties"]["name"]) == (None, "Port")
    assert point["geometry"]["type"] == "Point"


def test_every_feature_says_what_it_is_and_what_it_does_not_replace() -> None:
    world = World()
    world.open("china/d-1", act("danger-area"))
    read = collection(listed(world))
    assert "neither a NOTAM nor a NAVAREA" in read["notice"]["en"]
    (feature,) = read["features"]
    told = feature["properties"]
    assert "neither a NOTAM nor a NAVAREA" in told["notice"]
    assert (told["act"], told["kind"], told["side"], told["stage"], told["status"]) == (
        "danger-area",
        "firing",
        "china",
        "open",
        "announced",
    )
    assert (told["floor_m"], told["ceiling_m"], told["notam"]) == (0, 3048, ["A1235/26"])
    assert told["marking"] == "SIDES ONLY" and told["exercise"] is False


def test_receipts_are_not_on_the_map() -> None:
    world = World()
    world.open("china/d-1", area(SHOAL))
    told = collection(listed(world))["features"][0]["properties"]
    assert not {"not_passed_on", "unacknowledged_by", "to"} & told.keys()


def test_nothing_in_force_is_an_empty_collection() -> None:
    assert collection(listed(World(), MOMENT))["features"] == []


corner = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(st.lists(corner, min_size=3, max_size=8))
def test_any_polygon_is_a_valid_geometry(corners: list[tuple[float, float]]) -> None:
    figure = figure_of(polygon(*corners))
    assert figure is not None
    assert_geometry(geojson._geometry(figure))


@given(corner, st.floats(1, 5_000))
def test_any_circle_is_a_valid_geometry_around_its_centre(
    centre: tuple[float, float], radius: float
) -> None:
    figure = figure_of(circle(*centre, radius))
    assert figure is not None
    assert_geometry(geojson._geometry(figure))
    points = [point for part in figure.parts for point in part]
    farthest = max(distance_m(GeoPoint(*centre), point) for point in points)
    assert farthest >= radius * 1000 * 0.99


def test_corners_in_one_place_are_a_point() -> None:
    assert area_of([GeoPoint(1.0, 2.0)] * 3).kind == "point"
