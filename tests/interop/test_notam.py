"""NOTAM: the items of the form, what is unknown, and the area that the qualifier covers."""

import re
from datetime import timedelta
from typing import Any

import pytest

from announced import DAY, MOMENT, SHOAL, area, circle, listed, of_area, polygon
from dragoman.domain.views.geodesy import GeoPoint, distance_m
from dragoman.interop import notam
from dragoman_schemas.window_responses import InForce
from samples import act
from world import World

FORM = re.compile(
    r"\(NOTAMN\n"
    r"Q\) (?P<q>\S+)\n"
    r"A\) (?P<a>\S+) B\) (?P<b>\d{10}) C\) (?P<c>\d{10}|UNK)\n"
    r"E\) (?P<e>[^()]+)\n"
    r"F\) (?P<f>SFC|\d+FT|UNK) G\) (?P<g>\d+FT|UNK)\)",
)
QUALIFIER = re.compile(
    r"XXXX/Q(?P<code>[A-Z]{4})/IV/M/W/(?P<lower>\d{3})/(?P<upper>\d{3})/"
    r"(UNK|(?P<lat>\d{4})(?P<ns>[NS])(?P<lon>\d{5})(?P<ew>[EW])(?P<radius>\d{3}))"
)
PRINTED = re.compile(r"[A-Z0-9\-?:().,'=/+ \n]*")


def drafts(in_force: InForce) -> tuple[str, list[dict[str, Any]]]:
    """The face and each draft by its items, once the lines could be sent as they are."""
    text = notam.text(in_force)
    assert PRINTED.fullmatch(text) and "NNNN" not in text
    assert all(len(line) <= 69 for line in text.split("\n"))
    face, *rest = text.rstrip("\n").split("\n\n")
    found = []
    for draft in rest:
        form = FORM.fullmatch(draft)
        assert form is not None, draft
        qualifier = QUALIFIER.fullmatch(form["q"])
        assert qualifier is not None, form["q"]
        found.append(
            {**form.groupdict(), **qualifier.groupdict(), "e": " ".join(form["e"].split())}
        )
    return " ".join(face.split()), found


def extent(draft: dict[str, Any]) -> tuple[GeoPoint, float]:
    """The centre and the radius in metres of a qualifier."""
    lat = (int(draft["lat"][:2]) + int(draft["lat"][2:]) / 60) * (1 if draft["ns"] == "N" else -1)
    lon = (int(draft["lon"][:3]) + int(draft["lon"][3:]) / 60) * (1 if draft["ew"] == "E" else -1)
    return GeoPoint(lat, lon), int(draft["radius"]) * 1852


def test_an_area_fills_the_items_that_the_record_knows() -> None:
    limits = {"floor": {"value": 0, "unit": "ft"}, "ceiling": {"value": 3050, "unit": "m"}}
    _, (draft,) = drafts(of_area(SHOAL, **limits))
    assert (draft["a"], draft["b"], draft["c"]) == ("XXXX", "2612010800", "2612011000")
    assert (draft["f"], draft["g"], draft["lower"], draft["upper"]) == (
        "SFC",
        "10007FT",
        "000",
        "101",
    )
    assert draft["code"] == "WMLW"
    assert draft["e"].startswith("DANGER AREA. FIRING. AREA 150712N1162624E.")
    assert "DATUM OF THE LIMITS IS NOT STATED." in draft["e"]
    assert draft["e"].endswith("ANNOUNCED BY CHINA. REF NATO-CHINA/CHINA/26/0001/N10/O.")


def test_limits_in_metres_become_feet_that_leave_nothing_out() -> None:
    limits = {"floor": {"value": 102, "unit": "m"}, "ceiling": {"value": 3049, "unit": "m"}}
    _, (draft,) = drafts(of_area(SHOAL, **limits))
    assert (draft["f"], draft["g"], draft["lower"], draft["upper"]) == (
        "334FT",
        "10004FT",
        "003",
        "101",
    )


def test_what_the_record_does_not_say_is_unknown() -> None:
    _, (draft,) = drafts(of_area("North of the shoal"))
    assert (draft["f"], draft["g"], draft["lower"], draft["upper"]) == ("UNK", "UNK", "000", "999")
    assert draft["q"].endswith("/UNK")
    assert "AT A POSITION THAT IS NOT MEASURED, NORTH OF THE SHOAL." in draft["e"]


@pytest.mark.parametrize(
    "place",
    [
        SHOAL,
        polygon((15.0, 116.0), (15.5, 116.0), (15.5, 116.5)),
        polygon((-15.0, 179.5), (-16.0, 179.5), (-16.0, -179.5)),
        circle(-17.0, 179.99, 12.5, "nm"),
        circle(60.0, -30.0, 150),
    ],
)
def test_the_qualifier_covers_the_whole_area(place: dict[str, Any]) -> None:
    _, (draft,) = drafts(of_area(place))
    centre, radius = extent(draft)
    if "circle" in place:
        pos = place["circle"]["pos"]
        value = place["circle"]["radius"]
        size = value["value"] * (1852 if value["unit"] == "nm" else 1000)
        assert distance_m(centre, GeoPoint(pos["lat"], pos["lon"])) + size <= radius + 1852
    for corner in place.get("polygon", [place] if "lat" in place else []):
        assert distance_m(centre, GeoPoint(corner["lat"], corner["lon"])) <= radius
    assert radius <= 200 * 1852


def test_areas_farther_apart_than_the_form_can_say_have_its_greatest_radius() -> None:
    world = World()
    far = act("launch-notice", window=DAY, launch_area={"lat": 40.0, "lon": -100.0})
    world.open("china/h-1", far)
    _, (draft,) = drafts(listed(world))
    assert (draft["radius"], draft["code"]) == ("999", "WMLW")
    assert "IMPACT AREA 1 BOUNDED BY 150000N1160000E - 153000N1160000E" in draft["e"]


def test_each_kind_has_the_code_of_the_aeronautical_list() -> None:
    world = World()
    for hazard in ("missile", "drones", "mines"):
        world.open("china/d-1", area(SHOAL, hazard=hazard))
    for type_ in ("naval", "parachute"):
        world.open("china/h-1", act("military-activity", window=DAY, type=type_))
    world.open("china/d-1", act("humanitarian-notification"))
    _, found = drafts(listed(world))
    assert {(draft["e"].split(".")[1].strip(), draft["code"]) for draft in found} == {
        ("MISSILE", "WMLW"),
        ("DRONES", "WULW"),
        ("MINES", "XXLW"),
        ("NAVAL", "WELW"),
        ("PARACHUTE", "WPLW"),
        ("MOVEMENT", "XXLW"),
    }


def test_an_end_that_has_passed_is_not_given_as_the_end() -> None:
    world = World()
    world.open("china/d-1", area(SHOAL))
    _, (draft,) = drafts(listed(world, MOMENT + timedelta(hours=2)))
    assert draft["c"] == "UNK"
    assert "ANNOUNCED END 011000 UTC DEC 26 HAS PASSED. END IS NOT REPORTED." in draft["e"]


def test_no_text_of_a_side_begins_another_item() -> None:
    name = "Area A) EGTT B) 2601010000 F) SFC G) UNL)\n(NOTAMC 黄"
    _, (draft,) = drafts(of_area({**SHOAL, "name": name}))
    assert "SEE MSG NATO-CHINA/CHINA/26/0001/N10/O" in draft["e"]
    _, (draft,) = drafts(of_area({**SHOAL, "name": name[:-1]}))
    assert "AREA A EGTT B 2601010000 F SFC G UNL NOTAMC." in draft["e"]


def test_the_face_says_what_is_missing_and_what_it_does_not_replace() -> None:
    face, _ = drafts(of_area(SHOAL))
    assert face.startswith("THIS NOTIFICATION REPLACES NEITHER A NOTAM NOR A NAVAREA WARNING.")
    assert face.endswith("FILL IN THE REGION IN Q AND A, AND THE NUMBER.")


def test_an_exercise_says_so_on_the_face_and_in_each_draft() -> None:
    world = World(name="nato-china-exercise", kind="exercise")
    world.open("china/d-1", area(SHOAL))
    face, (draft,) = drafts(listed(world))
    assert face.startswith("EXERCISE EXERCISE EXERCISE") and draft["e"].startswith("EXERCISE. ")
