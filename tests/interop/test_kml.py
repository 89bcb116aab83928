"""KML: the structure that OGC KML 2.2 asks for, the times of each placemark, and what its face says."""

from itertools import pairwise
from typing import Any

from lxml import etree

from announced import DAY, MOMENT, SHOAL, area, circle, listed, of_area, polygon
from dragoman.interop import kml
from dragoman_schemas.window_responses import InForce
from samples import act
from world import World

N = {"k": "http://www.opengis.net/kml/2.2"}
ORDER = {
    "Document": ["name", "description", "Style", "Placemark"],
    "Style": ["IconStyle", "LineStyle", "PolyStyle"],
    "Placemark": [
        *("name", "description", "TimeSpan", "styleUrl", "ExtendedData"),
        *("Point", "LineString", "Polygon", "MultiGeometry"),
    ],
    "TimeSpan": ["begin", "end"],
    "ExtendedData": ["Data"],
    "Data": ["value"],
    "MultiGeometry": ["Point", "LineString", "Polygon"],
    "Polygon": ["tessellate", "outerBoundaryIs"],
    "outerBoundaryIs": ["LinearRing"],
    "LinearRing": ["coordinates"],
    "LineString": ["tessellate", "coordinates"],
    "Point": ["coordinates"],
}
"""The elements that we write, in the sequence of the schema of KML 2.2."""


def document(in_force: InForce) -> Any:
    """Return the document as a globe reads it, after its structure was checked."""
    root = etree.fromstring(kml.document(in_force), etree.XMLParser(resolve_entities=False))
    assert root.tag == etree.QName(N["k"], "kml").text and len(root) == 1
    ids = [element.get("id") for element in root.iter() if element.get("id") is not None]
    assert len(ids) == len(set(ids)) and not any(id[0].isdigit() for id in ids)
    for element in root.iter():
        assert etree.QName(element).namespace == N["k"]
        names = [etree.QName(child).localname for child in element]
        order = ORDER.get(etree.QName(element).localname)
        if order is not None:
            assert names == sorted(names, key=order.index), names
    for style in root.findall(".//k:styleUrl", N):
        assert style.text.removeprefix("#") in ids
    return root[0]


def placemarks(in_force: InForce) -> list[Any]:
    return list(document(in_force).findall("k:Placemark", N))


def data(placemark: Any) -> dict[str, str]:
    return {
        item.get("name"): item.findtext("k:value", namespaces=N)
        for item in placemark.findall(".//k:Data", N)
    }


def text(placemark: Any, path: str) -> str | None:
    found: str | None = placemark.findtext(path, namespaces=N)
    return found


def rings(placemark: Any) -> list[list[tuple[float, ...]]]:
    return [
        [tuple(map(float, position.split(","))) for position in element.text.split()]
        for element in placemark.findall(".//k:LinearRing/k:coordinates", N)
    ]


def test_a_window_has_its_times_and_its_point() -> None:
    (found,) = placemarks(of_area(SHOAL))
    assert text(found, "k:TimeSpan/k:begin") == "2026-12-01T08:00:00.000Z"
    assert text(found, "k:TimeSpan/k:end") == "2026-12-01T10:00:00.000Z"
    assert text(found, "k:Point/k:coordinates") == "116.44,15.12"
    assert text(found, "k:styleUrl") == "#open"


def test_a_window_that_nobody_ended_has_no_end_in_its_span() -> None:
    world = World()
    world.open("china/d-1", area(SHOAL))
    (found,) = placemarks(listed(world, MOMENT.replace(hour=11)))
    assert text(found, "k:TimeSpan/k:begin") and text(found, "k:TimeSpan/k:end") is None
    assert "nobody has said that it is over" in str(text(found, "k:description"))
    assert data(found)["closes"] == "2026-12-01T10:00:00.000Z"


def test_an_area_is_closed_and_counter_clockwise() -> None:
    (found,) = placemarks(of_area(polygon((15.5, 116.5), (15.0, 116.5), (15.0, 116.0))))
    (ring,) = rings(found)
    assert ring[0] == ring[-1] and len(ring) == 4
    assert sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) > 0


def test_an_area_across_the_180th_meridian_has_two_parts() -> None:
    (found,) = placemarks(of_area(circle(-17.0, 179.9, 50)))
    assert len(found.findall("k:MultiGeometry/k:Polygon", N)) == 2


def test_a_route_is_a_line_and_a_name_has_no_figure() -> None:
    world = World()
    points = [{"lat": 1.0, "lon": 2.0}, {"lat": 0.5, "lon": 2.5}]
    world.open("china/d-1", act("humanitarian-notification", route=points))
    world.open("china/h-1", act("launch-notice", window=DAY, dropping_zones=[]))
    line, *launch = placemarks(listed(world))
    assert text(line, "k:LineString/k:coordinates") == "2,1 2.5,0.5"
    assert [len(mark.findall(".//k:coordinates", N)) for mark in launch] == [0, 1]
    assert data(launch[0])["place"] == "Launch site east"


def test_the_face_says_what_it_does_not_replace_and_the_marking() -> None:
    top = document(of_area(SHOAL))
    assert "neither a NOTAM nor a NAVAREA" in text(top, "k:description")  # type: ignore[operator]
    assert "SIDES ONLY" in text(top, "k:description")  # type: ignore[operator]
    (found,) = top.findall("k:Placemark", N)
    assert "neither a NOTAM nor a NAVAREA" in found.findtext("k:description", namespaces=N)


def test_an_exercise_says_so_in_every_name() -> None:
    world = World(name="nato-china-exercise", kind="exercise")
    world.open("china/d-1", area(SHOAL))
    top = document(listed(world))
    names = [text(top, "k:name"), *(text(mark, "k:name") for mark in top.findall("k:Placemark", N))]
    assert all(str(name).startswith("EXERCISE: ") for name in names) and len(names) == 2


def test_no_text_of_a_side_is_read_as_markup() -> None:
    world = World()
    script = "<script>alert(1)</script> & \ufffe"
    world.open("china/d-1", {**area({**SHOAL, "name": script}), "subject": script})
    (found,) = placemarks(listed(world))
    shown = script.replace("\ufffe", "\ufffd")
    assert data(found)["place"] == shown and shown in str(text(found, "k:name"))
    assert "script" not in str(text(found, "k:description"))
