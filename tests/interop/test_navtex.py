"""NAVTEX: what a receiver can print, the positions and times of a warning, and its face."""

import re
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from announced import DAY, MOMENT, SHOAL, area, circle, listed, of_area, polygon
from dragoman.interop import navtex
from dragoman.interop.warning_text import latin
from dragoman_schemas.window_responses import InForce
from samples import act
from world import World

PRINTED = re.compile(r"[A-Z0-9\-?:().,'=/+ \n]*")


def paragraphs(in_force: InForce) -> tuple[str, list[str]]:
    """The face, and the warnings with their lines joined, once a receiver could print them."""
    text = navtex.text(in_force)
    assert_printed(text)
    face, *rest = text.rstrip("\n").split("\n\n")
    return " ".join(face.split()), [" ".join(paragraph.split()) for paragraph in rest]


def assert_printed(text: str) -> None:
    assert PRINTED.fullmatch(text), [letter for letter in text if not PRINTED.fullmatch(letter)]
    assert all(len(line) <= 40 for line in text.split("\n"))
    assert "ZCZC" not in text and "NNNN" not in text


def test_an_area_says_when_it_is_in_force_where_it_is_and_when_it_is_cancelled() -> None:
    place = polygon((15.12, 116.44), (15.5, -0.25), (-0.001, 179.99999))
    _, (warning,) = paragraphs(of_area(place, ceiling={"value": 10000, "unit": "ft"}))
    assert warning.startswith(
        "1. DANGER AREA. FIRING. IN FORCE FROM 010800 UTC DEC 26 TO 011000 UTC DEC 26. "
        "AREA BOUNDED BY 15-07.2N 116-26.4E 15-30.0N 000-15.0W 00-00.1S 180-00.0E "
        "UP TO 10000 FEET. ANNOUNCED BY CHINA. REF NATO-CHINA/CHINA/26/0001/N10/O."
    )
    assert warning.endswith("CANCEL PARA 1 011100 UTC DEC 26.")


def test_no_position_is_broken_over_two_lines() -> None:
    lines = navtex.text(of_area(polygon(*[(1.0, n) for n in range(30)]))).split("\n")
    assert sum(bool(re.fullmatch(r"\d\d-\d\d\.\dN \d{3}-\d\d\.\dE", line)) for line in lines) == 30


def test_a_circle_is_given_in_miles_that_reach_all_of_it() -> None:
    _, (warning,) = paragraphs(of_area(circle(15.12, 116.44, 10.05)))
    assert "AREA WITHIN 5.5 MILES OF 15-07.2N 116-26.4E" in warning
    _, (warning,) = paragraphs(of_area(circle(15.12, 116.44, 5, "nm")))
    assert "WITHIN 5.0 MILES OF" in warning


def test_times_are_whole_minutes_that_never_end_too_early() -> None:
    window = {"from": "2026-12-01T16:00:59+08:00", "to": "2026-12-31T23:59:01Z"}
    _, (warning,) = paragraphs(of_area(SHOAL, window=window))
    assert "IN FORCE FROM 010800 UTC DEC 26 TO 010000 UTC JAN 27." in warning


def test_progress_is_said_and_what_is_not_over_is_not_cancelled() -> None:
    world = World()
    id = world.open("china/d-1", area(SHOAL))
    _, (warning,) = paragraphs(listed(world, MOMENT - timedelta(hours=3)))
    assert "NOT OPEN YET." in warning
    world.clock = MOMENT
    world.keep("china/d-1", {"act": "commenced", "at": "2026-12-01T08:05Z"}, id)
    _, (warning,) = paragraphs(listed(world))
    assert "COMMENCED 010805 UTC DEC 26." in warning and "CANCEL PARA" in warning
    _, (warning,) = paragraphs(listed(world, MOMENT + timedelta(hours=2)))
    assert (
        "ANNOUNCED END 011000 UTC DEC 26 HAS PASSED. END IS NOT REPORTED. TREAT AS IN FORCE."
        in warning
    )
    assert "CANCEL" not in warning
    hold = {"act": "holding", "at": "2026-12-01T08:30Z", "until": "2026-12-01T09:30Z"}
    world.keep("china/d-1", hold, id)
    _, (warning,) = paragraphs(listed(world))
    assert (
        "ON HOLD SINCE 010830 UTC DEC 26 UNTIL 010930 UTC DEC 26. AREA STAYS IN FORCE." in warning
    )
    assert "CANCEL" not in warning


def test_a_launch_whose_end_is_not_known_says_so() -> None:
    world = World()
    launch = act("launch-notice", time={"about": "2026-12-01T12:00Z"}, class_="x")
    launch.pop("window")
    launch.pop("class_")
    world.open("china/h-1", launch)
    _, (warning,) = paragraphs(listed(world))
    assert "IN FORCE FROM 011200 UTC DEC 26, END NOT KNOWN." in warning and "CANCEL" not in warning


def test_the_same_windows_are_numbered_in_the_order_in_which_they_open() -> None:
    world = World()
    world.open("china/d-1", area(SHOAL))
    world.open("china/h-1", act("launch-notice", window=DAY))
    world.open("china/h-1", act("military-activity", window=DAY, type="naval"))
    world.open("china/d-1", act("humanitarian-notification"))
    _, found = paragraphs(listed(world))
    assert [re.match(r"\d\. [A-Z ]+", warning)[0] for warning in found] == [  # type: ignore[index]
        "1. HUMANITARIAN NOTIFICATION",
        "2. LAUNCH OF A MISSILE OR SPACE VEHICLE",
        "3. MILITARY ACTIVITY",
        "4. DANGER AREA",
    ]
    assert (
        "IMPACT AREA 1 BOUNDED BY" in found[1] and "LAUNCH AREA, POSITION NOT MEASURED" in found[1]
    )


def test_a_text_of_a_side_is_in_our_letters_or_is_a_reference() -> None:
    for name, shown in (
        ("Îles Spratly – côté nord", "ILES SPRATLY - COTE NORD"),
        ("Øresund", "ORESUND"),
        ("Straße & Łódź № 5 (C) 2612", "STRASSE + LODZ NO 5 C 2612"),
        ("黄岩岛以北海域", "SEE MSG NATO-CHINA/CHINA/26/0001/N10/O"),
        ("Северный район", "SEE MSG NATO-CHINA/CHINA/26/0001/N10/O"),
    ):
        _, (warning,) = paragraphs(of_area({**SHOAL, "name": name}))
        assert f"15-07.2N 116-26.4E {shown} ANNOUNCED" in warning, name


def test_a_name_in_our_letters_is_enough_where_there_are_several() -> None:
    names = {"nato": "Area north of the shoal", "china": "黄岩岛以北海域"}
    _, (warning,) = paragraphs(of_area({**SHOAL, "names": names}))
    assert "AREA NORTH OF THE SHOAL" in warning and "SEE MSG" not in warning


def test_no_text_ends_a_message_on_the_air() -> None:
    _, (warning,) = paragraphs(of_area({**SHOAL, "name": "NNNN ZCZC Cannnnnnnn zczczc"}))
    assert "NNN N ZCZ C CANNN NNN NN" in warning


def test_the_face_says_what_it_does_not_replace() -> None:
    face, _ = paragraphs(of_area(SHOAL))
    assert face.startswith("THIS NOTIFICATION REPLACES NEITHER A NOTAM NOR A NAVAREA WARNING.")
    assert "MARKING: SIDES ONLY. AS AT 010900 UTC DEC 26, RECORD" in face
    face, found = paragraphs(listed(World(), marking="黄"))
    assert (face.endswith("NO WINDOW IS OPEN OR NEAR."), found) == (True, [])
    face, _ = paragraphs(listed(World(), not_read=7))
    assert "7 OLDER ANNOUNCEMENTS WERE NOT READ." in face


def test_an_exercise_says_so_on_the_face_and_in_each_warning() -> None:
    world = World(name="nato-china-exercise", kind="exercise")
    world.open("china/d-1", area(SHOAL))
    face, (warning,) = paragraphs(listed(world))
    assert face.startswith("EXERCISE EXERCISE EXERCISE")
    assert warning.startswith("1. EXERCISE. DANGER AREA.")


@pytest.mark.parametrize("kind", ["debris", "other", "electronic"])
def test_every_hazard_has_a_heading(kind: str) -> None:
    words = {"hazard_text": {"zh": "冰坝", "en": "Ice jam"}} if kind == "other" else {}
    _, (warning,) = paragraphs(of_area(SHOAL, hazard=kind, **words))
    assert warning.startswith(
        "1. DANGER AREA. ICE JAM." if kind == "other" else f"1. DANGER AREA. {kind.upper()}."
    )


ONE = of_area(SHOAL)


@given(st.text(min_size=1, max_size=200))
def test_whatever_a_side_writes_a_receiver_can_print(name: str) -> None:
    in_force = ONE
    (window,) = in_force.windows
    place = {**SHOAL, "name": name}
    changed = replace(window, places={"place": Raw(msgspec.json.encode(place))}, notam=(name,))
    assert_printed(navtex.text(replace(in_force, windows=(changed,))))


@given(st.text())
def test_what_is_written_in_our_letters_stays_so(text: str) -> None:
    once = latin(text)
    assert once is None or latin(once) == once
