"""Charts: well-formed, without colour, style or script, everything inside, and no text over
another, whatever they are to show.
"""

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any, get_args
from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from dragoman.console.charts import map_projection, svg
from dragoman.console.charts.charts import (
    RecordMark,
    clock,
    density,
)
from dragoman.console.charts.map_projection import Disc, Outline
from dragoman.console.charts.map_sketch import sketch
from dragoman.console.charts.roadmap_chart import (
    AreaLane,
    RoadmapItemMark,
    RoadmapStepMark,
    roadmap,
)
from dragoman.console.charts.svg import Box
from dragoman.domain.acts.families.dialogue import _ITEM
from dragoman.domain.acts.geodesy import GeoPoint, distance_m
from dragoman.i18n.words import words

EN, FR = words("en"), words("fr")
CLASSES = {
    "chart",
    "day",
    "density",
    "small",
    "dim",
    "bold",
    "end",
    "mid",
    "hair",
    "line",
    "heavy",
    "dash",
    "band",
    "ink",
    "open",
    "on",
    "clock",
    "track",
    "spent",
    "note",
}
ATTRIBUTES = {
    "svg": {"class", "viewBox", "role", "aria-labelledby", "aria-hidden", "preserveAspectRatio"},
    "title": {"id"},
    "desc": {"id"},
    "text": {"class", "x", "y"},
    "path": {"class", "d"},
    "rect": {"class", "x", "y", "width", "height"},
}
AREAS: dict[str, Disc | Outline] = {
    "disc": Disc(20.17, 110.75, 15_000),
    "disc on the date line": Disc(-17, 180, 400_000),
    "disc around a pole": Disc(85, 0, 2_000_000),
    "disc on a pole": Disc(-90, 0, 10_000),
    "half the earth": Disc(0, 0, 12_000_000),
    "triangle": Outline([(10, 170), (15, -170), (5, -175)]),
    "triangle around a pole": Outline([(-70, 0), (-71, 120), (-72, -120)]),
    "nothing": Outline([]),
}
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)


def hours(number: float) -> datetime:
    return MIDNIGHT + timedelta(hours=number)


def drawn(chart: Markup) -> ET.Element:
    """A chart that holds to what all of them hold to."""
    root = ET.fromstring(chart)
    high, wide = (float(size) for size in reversed(root.attrib["viewBox"].split()[2:]))
    ids = [each.attrib["id"] for each in root.iter() if "id" in each.attrib]
    assert (
        root.attrib.get("role") == "img"
        and root.attrib["aria-labelledby"].split() == ids
        and len(ids) == len(set(ids))
    )
    for each in root.iter():
        assert set(each.attrib) <= ATTRIBUTES[each.tag]
        assert set(each.attrib.get("class", "").split()) <= CLASSES
    everything = Box(-0.1, -0.1, wide + 0.1, high + 0.1)
    for place in (*boxes(root), *reaches(root)):
        assert everything.holds(place), (everything, place)
    for one, other in combinations(boxes(root), 2):
        assert not one.meets(other), (one, other)
    return root


def boxes(root: ET.Element) -> list[Box]:
    """The room of every text, as it is estimated."""
    found = []
    for each in root.iter("text"):
        kinds = each.attrib.get("class", "").split()
        x, y, said = float(each.attrib["x"]), float(each.attrib["y"]), each.text or ""
        wide = svg.width(said, bold="bold" in kinds)
        left = x - (wide if "end" in kinds else wide / 2 if "mid" in kinds else 0)
        found.append(Box(left + 0.1, y - 11, left + wide - 0.1, y + 3))
    return found


def reaches(root: ET.Element) -> list[Box]:
    """Return the bounding box of every rectangle and path."""
    found = []
    for each in root.iter("rect"):
        x, y, wide, high = (float(each.attrib[name]) for name in ("x", "y", "width", "height"))
        assert wide >= 0 and high >= 0
        found.append(Box(x, y, x + wide, y + high))
    for each in root.iter("path"):
        corners = list(walked(each.attrib["d"]))
        found.append(
            Box(
                min(x for x, _ in corners),
                min(y for _, y in corners),
                max(x for x, _ in corners),
                max(y for _, y in corners),
            )
        )
    return found


def walked(path: str) -> Sequence[tuple[float, float]]:
    """The points that a path comes by."""
    x = y = 0.0
    start = (x, y)
    gone: list[tuple[float, float]] = []
    for command, rest in re.findall("([A-Za-z])([^A-Za-z]*)", path):
        numbers = [float(number) for number in re.findall(r"-?[0-9.]+", rest)]
        base = (x, y) if command.islower() else (0.0, 0.0)
        match command.lower():
            case "h":
                x = base[0] + numbers[0]
            case "v":
                y = base[1] + numbers[0]
            case "z":
                x, y = start
            case _:
                for dx, dy in (
                    [numbers[-2:]]
                    if command == "a"
                    else zip(numbers[::2], numbers[1::2], strict=True)
                ):
                    x, y = (x + dx, y + dy) if command.islower() else (dx, dy)
                    gone.append((x, y))
                start = gone[-1] if command in "mM" else start
        gone.append((x, y))
    return gone


def said(root: ET.Element) -> list[str]:
    return [each.text or "" for each in root.iter("text")]


def heavy(root: ET.Element) -> list[str]:
    return [each.attrib["d"] for each in root.iter("path") if each.attrib["class"] == "heavy"]


def length_of_scale(root: ET.Element) -> float:
    bar = re.match(r"M([0-9.]+) [0-9.]+H([0-9.]+)", heavy(root)[0])
    assert bar is not None
    return float(bar[2]) - float(bar[1])


def dots(root: ET.Element, count: int) -> list[tuple[float, float]]:
    """Return the places of the first marks of a sketch."""
    middles = []
    for each in root.iter("path"):
        if each.attrib["class"] in ("open", "ink"):
            x, y = (float(number) for number in re.findall(r"-?[0-9.]+", each.attrib["d"])[:2])
            middles.append((x, y))
    return middles[:count]


TEXTS = st.text(
    "ab cdeWM 0123:-<&\"'>中文危险区\uff0c。\uff08\uff09é\u00a0\n\u0007\ud800", max_size=70
)
TIMES = st.floats(-10, 34, allow_nan=False).map(hours)
COUNTS = st.integers(0, 10_000)
POINTS = st.tuples(TEXTS, st.floats(-90, 90), st.floats(-180, 180))
STEPS = st.builds(
    RoadmapStepMark,
    st.dates(date(2018, 1, 1), date(2030, 12, 31)),
    st.sampled_from((*_ITEM, "else")),
    TEXTS,
)
ITEMS = st.builds(
    RoadmapItemMark, TEXTS, st.lists(STEPS, max_size=8), st.booleans(), TEXTS, st.booleans()
)
thorough = settings(max_examples=60, deadline=None)


# What every chart is


@thorough
@given(
    st.lists(st.builds(AreaLane, TEXTS, st.lists(ITEMS, max_size=3)), max_size=4),
    st.integers(2015, 2031),
    st.integers(-1, 120),
    st.dates(date(2014, 1, 1), date(2032, 12, 31)),
)
def test_no_roadmap_however_full_has_a_text_over_another_or_outside(
    areas: list[AreaLane], first: int, years: int, today: date
) -> None:
    drawn(
        roadmap(
            "road",
            "Roadmap",
            "The table says the same",
            first,
            first + years,
            today,
            areas,
            "today",
        )
    )


@thorough
@given(
    st.lists(COUNTS, max_size=500),
    st.lists(
        st.builds(RecordMark, TIMES, st.sampled_from(("late", "blind", "flash", "opened")), TEXTS),
        max_size=12,
    ),
    st.none() | TIMES,
    TIMES,
)
def test_no_density_however_full_has_a_text_over_another_or_outside(
    counts: list[int], marks: list[RecordMark], at: datetime | None, ends: datetime
) -> None:
    drawn(density("den", "Records by day", MIDNIGHT, ends, counts, marks, at))


@thorough
@given(
    st.lists(POINTS, max_size=12),
    st.none() | st.sampled_from(sorted(AREAS)),
    st.sampled_from((EN, FR)),
)
def test_no_sketch_of_places_anywhere_has_a_text_over_another_or_outside(
    points: list[tuple[str, float, float]], area: str | None, say: Any
) -> None:
    chart = sketch("sk", "Sketch", points, None if area is None else AREAS[area], say)
    if chart:
        drawn(chart)


@thorough
@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.lists(st.tuples(TEXTS, st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=12),
    st.integers(-6, 2),
)
def test_no_sketch_of_places_near_each_other_has_a_text_over_another_or_outside(
    lat: float, lon: float, offsets: list[tuple[str, float, float]], power: int
) -> None:
    near = [
        (label, max(-90.0, min(90.0, lat + up * 10.0**power)), lon + right * 10.0**power)
        for label, up, right in offsets
    ]
    drawn(sketch("sk", "Sketch", near, None, EN))


EVIL = "<script>alert(\"1\")</script> & 'x'"
CHARTS: dict[str, Callable[[str], Markup]] = {
    "road": lambda text: roadmap(
        "a b",
        text,
        text,
        2021,
        2027,
        date(2026, 11, 24),
        [
            AreaLane(
                text,
                [
                    RoadmapItemMark(
                        text, [RoadmapStepMark(date(2022, 3, 1), text, text)], True, text
                    )
                ],
            )
        ],
        text,
    ),
    "density": lambda text: density(
        "a b", text, MIDNIGHT, hours(48), [1, 2], [RecordMark(hours(3), "flash", text)], hours(4)
    ),
    "sketch": lambda text: sketch(
        "a b", text, [(text, 15.1, 116.4), (text, 15.2, 116.5)], AREAS["disc"], EN
    ),
}


@pytest.mark.parametrize("kind", CHARTS)
def test_words_stay_words_whatever_is_in_them(kind: str) -> None:
    chart = CHARTS[kind](EVIL)
    root = drawn(chart)
    assert (
        "<script" not in chart
        and "style" not in chart
        and " on" not in re.sub('class="[^"]*"', "", chart)
    )
    assert root.findtext("title") == EVIL
    assert [each.tag for each in root][:1] == ["title"] and {each.tag for each in root} <= set(
        ATTRIBUTES
    )


@pytest.mark.parametrize("kind", CHARTS)
def test_the_same_values_make_the_same_chart(kind: str) -> None:
    assert CHARTS[kind]("危险区") == CHARTS[kind]("危险区")


@pytest.mark.parametrize("kind", CHARTS)
def test_a_chart_is_named_by_ids_of_its_own(kind: str) -> None:
    root = drawn(CHARTS[kind]("what"))
    assert root.attrib["aria-labelledby"] == ("a-b-t a-b-d" if kind in ("day", "road") else "a-b-t")


@pytest.mark.parametrize("kind", CHARTS)
def test_numbers_in_attributes_have_one_decimal(kind: str) -> None:
    for each in ET.fromstring(CHARTS[kind]("what")).iter():
        for name in {"x", "y", "width", "height"} & set(each.attrib):
            assert re.fullmatch(r"-?[0-9]+\.[0-9]", each.attrib[name])
        assert not re.search(r"\.[0-9]{2}", each.attrib.get("d", ""))


def test_nothing_to_show_is_an_empty_chart_and_nowhere_no_sketch() -> None:
    assert sketch("sk", "Sketch", [], None, EN) == sketch("sk", "Sketch", [], Outline([]), EN) == ""
    drawn(roadmap("road", "Roadmap", "", 2027, 2021, date(2026, 1, 1), [], "today"))
    drawn(density("den", "Records", MIDNIGHT, MIDNIGHT, []))


# The clock


@pytest.mark.parametrize(
    ("spent", "width"),
    [
        (-1.0, "0.0"),
        (0.0, "0.0"),
        (0.386, "38.6"),
        (0.67, "67.0"),
        (1.0, "100.0"),
        (7.0, "100.0"),
        (math.nan, "0.0"),
        (math.inf, "100.0"),
    ],
)
def test_the_clock_is_spent_between_nothing_and_all(spent: float, width: str) -> None:
    root = ET.fromstring(clock(spent))
    assert root.attrib["aria-hidden"] == "true" and root[1].attrib == {
        "class": "spent",
        "width": width,
        "height": "8",
    }


# The roadmap


def test_every_status_of_the_roadmap_has_a_shape_of_its_own() -> None:
    shapes: set[tuple[str, str]] = set()
    for status in _ITEM:
        item = RoadmapItemMark("", [RoadmapStepMark(date(2024, 1, 1), status)], joined=False)
        root = drawn(
            roadmap(
                "road", "Roadmap", "", 2021, 2027, date(2020, 1, 1), [AreaLane("", [item])], "today"
            )
        )
        shapes.add(
            *[
                (each.attrib["class"], each.attrib["d"])
                for each in root.iter("path")
                if each.attrib["class"] != "hair"
            ]
        )
    assert len(shapes) == len(_ITEM)


@pytest.mark.parametrize("day", [date(2026, 11, 27), date(2026, 6, 1), date(2021, 1, 2)])
def test_the_line_of_today_crosses_no_text_that_has_room_beside_it(day: date) -> None:
    item = RoadmapItemMark(
        "A tested list",
        [RoadmapStepMark(day, "proposed", "Meeting request (accepted)")],
        going=True,
        aim="aim: a list of numbers, tested each month",
    )
    root = drawn(roadmap("road", "Roadmap", "", 2021, 2027, day, [AreaLane("", [item])], "today"))
    [line] = [
        float(each.attrib["d"].partition(" ")[0][1:])
        for each in root.iter("path")
        if each.attrib["class"] == "heavy"
    ]
    for text in root.iter("text"):
        if text.text and text.text.startswith(("Meeting", "aim")):
            left, wide = (
                float(text.attrib["x"]),
                svg.width(text.text, bold="bold" in text.attrib["class"]),
            )
            left -= {"end": wide, "mid": wide / 2}.get(text.attrib["class"].split()[-1], 0)
            assert not left - 1 < line < left + wide + 1, text.text


@pytest.mark.parametrize(
    ("newest", "going", "whole", "dashed"),
    [
        (date(2026, 1, 1), False, "M460.0 58.0H1052.0", None),
        (date(2026, 1, 1), True, "M460.0 58.0H1052.0", "M1052.0 58.0H1340.0"),
        (date(2027, 1, 1), False, "M460.0 58.0H1126.0", "M1126.0 58.0H1200.0"),
        (date(2027, 1, 1), True, "M460.0 58.0H1126.0", "M1126.0 58.0H1340.0"),
    ],
)
def test_the_line_is_whole_as_far_as_it_has_come_and_dashed_beyond(
    newest: date,
    going: bool,
    whole: str,
    dashed: str | None,
) -> None:
    item = RoadmapItemMark(
        "",
        [RoadmapStepMark(date(2022, 1, 1), "proposed"), RoadmapStepMark(newest, "scheduled")],
        going=going,
    )
    root = drawn(
        roadmap(
            "road",
            "Roadmap",
            "",
            2021,
            2027,
            date(2026, 7, 2) + timedelta(hours=12),
            [AreaLane("", [item])],
            "today",
        )
    )
    paths = {each.attrib["class"]: each.attrib["d"] for each in root.iter("path")}
    assert (paths["line"], paths.get("dash")) == (
        whole.replace("1126.0", paths["heavy"][1:7]),
        dashed and dashed.replace("1126.0", paths["heavy"][1:7]),
    )


def test_the_period_of_an_item_is_a_box_from_its_first_day_to_its_last() -> None:
    item = RoadmapItemMark(
        "",
        [RoadmapStepMark(date(2026, 11, 27), "proposed")],
        period=(date(2022, 1, 1), date(2024, 1, 1)),
    )
    root = drawn(
        roadmap(
            "road", "Roadmap", "", 2021, 2027, date(2026, 11, 27), [AreaLane("", [item])], "today"
        )
    )
    (box,) = (each for each in root.iter("rect") if each.attrib["class"] == "band")
    assert (box.attrib["x"], box.attrib["width"]) == ("460.0", "296.0")


def test_an_items_words_are_in_lines_of_34_letters_or_16_han_characters() -> None:
    assert svg.wrapped("Exchange on safe conduct at sea and on counter-piracy") == [
        "Exchange on safe conduct at sea",
        "and on counter-piracy",
    ]
    assert svg.wrapped("就海上安全行为和打击海盗交流情况并互通信息") == [
        "就海上安全行为和打击海盗交流情况",
        "并互通信息",
    ]


def test_labels_of_near_dates_stand_above_and_below_in_rows() -> None:
    steps = [
        RoadmapStepMark(date(2024, month, 1), "held", f"held, in month {month}")
        for month in range(1, 7)
    ]
    root = drawn(
        roadmap(
            "road",
            "Roadmap",
            "",
            2021,
            2027,
            date(2026, 11, 24),
            [AreaLane("Area", [RoadmapItemMark("Item", steps)])],
            "today",
        )
    )
    assert (
        len(
            {each.attrib["y"] for each in root.iter("text") if (each.text or "").startswith("held")}
        )
        >= 2
    )


def test_a_label_stands_clear_of_today_if_it_can() -> None:
    item = RoadmapItemMark("", [RoadmapStepMark(date(2026, 11, 24), "adopted", "adopted, Nov")])
    root = drawn(
        roadmap(
            "road", "Roadmap", "", 2021, 2027, date(2026, 11, 24), [AreaLane("", [item])], "today"
        )
    )
    today = float(heavy(root)[0][1:].split()[0])
    assert not any(box.x_min < today < box.x_max for box in boxes(root))


# The density


def test_a_day_with_more_records_has_a_higher_tick_and_one_without_has_none() -> None:
    root = drawn(density("den", "Records", MIDNIGHT, hours(96), [1, 0, 10, 5]))
    ticks = [
        float(top) - float(foot)
        for foot, top in re.findall(
            r" ([0-9.]+)V([0-9.]+)",
            next(e.attrib["d"] for e in root.iter("path") if e.attrib["class"] == "line"),
        )
    ]
    assert ticks == [-3.0, -12.0, -7.0]


def test_what_stands_out_has_its_own_shape_and_only_what_lies_in_the_time_is_shown() -> None:
    kinds = get_args(RecordMark.__annotations__["kind"])
    assert set(kinds) == {"late", "blind", "flash", "opened"}
    marks = [RecordMark(hours(number), kind, kind) for number, kind in enumerate(kinds)]
    root = drawn(
        density(
            "den",
            "Records",
            MIDNIGHT,
            hours(96),
            [],
            [*marks, RecordMark(hours(97), "late", "beyond")],
            hours(50),
        )
    )
    assert len([each for each in root.iter("path") if each.attrib["class"] == "ink"]) == 3
    assert len(heavy(root)) == 1 and set(said(root)) == set(kinds)


# The sketch


def test_two_accounts_are_as_far_apart_as_the_accounts_say() -> None:
    points = [
        ("CHINA", 15 + 7 / 60 + 13 / 3600, 116 + 26 / 60 + 28 / 3600),
        ("NATO", 15 + 7 / 60 + 52 / 3600, 116 + 27 / 60 + 7 / 3600),
    ]
    assert "0.9\u00a0nm · 1.7\u00a0km" in said(drawn(sketch("sk", "Sketch", points, None, EN)))
    assert "0,9\u00a0" in sketch("sk", "Sketch", points, None, FR)


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [
        ((0, 0), (1, 0), 111_195),
        ((0, 179.5), (0, -179.5), 111_195),
        ((90, 0), (-90, 77), 20_015_114),
        ((89.9, 0), (89.9, 180), 22_239),
        ((5, 5), (5, 5), 0),
    ],
)
def test_the_distance_is_that_on_a_sphere(
    one: tuple[float, float], other: tuple[float, float], metres: int
) -> None:
    assert round(distance_m(GeoPoint(*one), GeoPoint(*other))) == metres


@thorough
@given(st.floats(-80, 80), st.floats(-180, 180), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_the_scale_measures_the_distance_between_two_points(
    lat: float, lon: float, up: float, right: float
) -> None:
    points = [("A", lat, lon), ("B", lat + up, lon + right)]
    metres = distance_m(GeoPoint(lat, lon), GeoPoint(lat + up, lon + right))
    assume(metres > 400)
    root = drawn(sketch("sk", "Sketch", points, None, EN))
    (a, b), (c, d) = dots(root, 2)
    scale = next(text for text in said(root) if text.endswith("at this latitude"))
    number, unit = re.split("[\u00a0 ]", scale)[:2]
    length = float(number.replace(",", "")) * (1852 if unit == "nm" else 1)
    assert math.hypot(c - a, d - b) / length_of_scale(root) * length == pytest.approx(
        metres, rel=0.02
    )


def test_across_the_date_line_the_shorter_way_is_shown() -> None:
    root = drawn(
        sketch(
            "sk",
            "Sketch",
            [("WEST", 10.5, 179.9), ("EAST", 10.6, -179.9), ("MORE", 10.2, -179.8)],
            None,
            EN,
        )
    )
    west, east, more = dots(root, 3)
    assert west[0] < east[0] < more[0]
    assert (
        "180°00\u2032" in said(root)
        and any("E" in text for text in said(root) if "°" in text)
        and any("W" in text for text in said(root) if "°" in text)
    )


def test_a_single_point_has_a_grid_of_a_minute_around_it() -> None:
    root = drawn(sketch("sk", "Sketch", [("CHINA", 15.1203, 116.4411)], None, EN))
    assert {"15°07\u2032N", "116°26\u2032E", "27\u2032E", "CHINA"} <= set(said(root)) and len(
        dots(root, 9)
    ) == 1


def test_places_far_apart_have_whole_degrees_and_hundreds_of_miles() -> None:
    root = drawn(sketch("sk", "Sketch", [("A", 15.12, 116.44), ("B", 22, 110)], None, EN))
    assert {
        "20°N",
        "15°N",
        "110°E",
        "115°E",
        "552\u00a0nm · 1,022\u00a0km",
        "200\u00a0nm · 370\u00a0km at this latitude",
    } <= set(said(root))


def test_at_a_pole_there_is_no_scale_and_nothing_beyond_it() -> None:
    for lat in (90, -90):
        root = drawn(sketch("sk", "Sketch", [("POLE", lat, 0)], None, EN))
        assert not heavy(root) and not any("latitude" in text for text in said(root))
        frame = next(box for box in reaches(root))
        assert dots(root, 1)[0][1] == pytest.approx(
            frame.y_min if lat > 0 else frame.y_max, abs=0.2
        )


def test_points_in_the_same_place_are_all_named() -> None:
    points = [(f"position {number}", 15.0, 116.0) for number in range(14)]
    assert {label for label, _, _ in points} <= set(
        said(drawn(sketch("sk", "Sketch", points, None, EN)))
    )


@pytest.mark.parametrize("name", [name for name in AREAS if name != "nothing"])
def test_an_area_is_drawn_whole(name: str) -> None:
    root = drawn(sketch("sk", "Sketch", [], AREAS[name], EN))
    area = next(each.attrib["d"] for each in root.iter("path") if each.attrib["class"] == "line")
    corners = walked(area)
    assert (
        max(x for x, _ in corners) - min(x for x, _ in corners) > 60
        or max(y for _, y in corners) - min(y for _, y in corners) > 60
    )


def test_a_disc_is_as_large_as_it_is() -> None:
    root = drawn(sketch("sk", "Sketch", [], Disc(20, 110, 8 * 1852), EN))
    corners = walked(
        next(each.attrib["d"] for each in root.iter("path") if each.attrib["class"] == "line")
    )
    across = max(x for x, _ in corners) - min(x for x, _ in corners)
    assert any(text.startswith("10\u00a0nm") for text in said(root))
    assert across / length_of_scale(root) * 10 == pytest.approx(16, rel=0.02)


def test_an_area_around_a_pole_is_closed_along_the_pole() -> None:
    for name, pole in (("disc around a pole", 90), ("triangle around a pole", -90)):
        figure = map_projection.ring(AREAS[name])
        assert [point.lat for point in figure[-2:]] == [pole, pole] and abs(
            figure[-1].lon - figure[-2].lon
        ) == pytest.approx(360)


# Texts


@given(TEXTS, st.integers(4, 60))
def test_wrapping_loses_nothing_and_no_line_is_too_long(text: str, columns: int) -> None:
    lines = svg.wrapped(text, columns)
    assert "".join(lines).replace(" ", "") == svg.cleaned(text).replace(" ", "")
    assert all(
        svg.width(line) <= columns * svg.LATIN + 0.1 and line == line.strip(" ") and line
        for line in lines
    )


def test_no_line_begins_with_a_chinese_comma() -> None:
    assert not any(
        line[0] in "\uff0c。\uff1b"
        for line in svg.wrapped("第一\uff0c第二\uff0c第三\uff0c第四\uff0c第五。" * 9, 20)
    )
