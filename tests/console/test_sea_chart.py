"""The chart of a channel shows what was recorded: each place is a mark, or is listed with a reason."""

import asyncio
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.console.charts import land, sea_chart
from dragoman.console.charts.map_projection import Disc, MapPoint, Outline
from dragoman.console.charts.sea_chart import ChartLine, ChartMark, ChartPart
from dragoman.domain.fold import Folded
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.i18n.words import words
from dragoman.office.incidents import chart_places, windows_map
from dragoman.office.incidents.chart_places import ChartPlace
from dragoman.office.incidents.recorded_places import places_of_period
from dragoman.projection.projection import Projection
from dragoman.projection.queries.snapshot import PeriodQuery
from dragoman.projection.store import Store
from owing import CD, ND, NH
from samples import act
from views import found
from world import INCIDENT, World

EN = words("en")
NAMED = ("place", "launch_area", "impact_areas", "dropping_zones", "route")

lats, lons = st.sampled_from((-90, 90, 0)) | st.floats(-90, 90), st.floats(-180, 180)
points = st.builds(
    lambda lat, lon: {"lat": round(lat, 4), "lon": round(lon, 4)},
    lats,
    st.sampled_from((-180, 180, 179.9)) | lons,
)
circles = st.builds(
    lambda pos, value: {"circle": {"pos": pos, "radius": {"value": value, "unit": "nm"}}},
    points,
    st.floats(0.1, 2_000),
)
polygons = st.builds(
    lambda corners: {"polygon": corners}, st.lists(points, min_size=3, max_size=5, unique_by=str)
)
figures = points | circles | polygons
wheres = figures | st.sampled_from(("East of the shoal", "unknown", {"name": "South range"}))


def _posts(draw: Callable[..., Any], world: World) -> Iterator[Folded]:
    """Post acts with places, some of them refused."""
    opened: list[str] = []
    for _ in range(draw(st.integers(1, 6))):
        step = draw(st.integers(0, 6))
        place = draw(wheres)
        exchange = opened[draw(st.integers(0, len(opened) - 1))] if opened else ""
        body, actor = {**INCIDENT, "place": place}, ND
        if step == 1:
            body = act("danger-area", place=place)
        elif step == 2:
            body = act(
                "launch-notice",
                launch_area=place,
                impact_areas=draw(st.lists(wheres, min_size=1, max_size=3)),
            )
            actor = NH
        elif step >= 3 and exchange:
            actor, body = {
                3: (CD, {"act": "counter-account", "facts": "Otherwise.", "place": place}),
                4: (ND, {"act": "correction", "fields": {"place": place}, "reason": "Typed."}),
                5: (ND, {"act": "update", "fields": {"place": place}, "text": "It moved."}),
                6: (
                    CD,
                    {
                        "act": "people-status",
                        "as_of": "2026-11-24T12:00Z",
                        "groups": [{"kind": "rescued", "number": 2, "place": place}],
                    },
                ),
            }[step]
        if body["act"] in ("hazardous-incident", "danger-area", "launch-notice"):
            folded = world.keep(actor, body, released_by=world.second(actor, body))
            if isinstance(folded, Folded) and folded.record is not None:
                opened.append(folded.record.envelope.id)
        else:
            folded = world.keep(actor, body, exchange, seen=True)
        if isinstance(folded, Folded):
            yield folded


def recorded(world: World, first: int = 1) -> Counter[tuple[int, str]]:
    """Return the places in the log as a plain reader of its JSON meets them."""
    places: Counter[tuple[int, str]] = Counter()

    def walk(position: int, name: str, value: Any) -> None:
        if isinstance(value, list):
            for item in value:
                walk(position, name, item)
        elif name in NAMED:
            places[position, json.dumps(value, sort_keys=True)] += 1
        elif isinstance(value, dict):
            for inner, item in value.items():
                walk(position, inner, item)

    for position, raw in enumerate(world.raws, 1):
        if position >= first:
            walk(position, "", json.loads(raw)["data"])
    return places


async def _shown(
    world: World, queries: Sequence[PeriodQuery], store: Store
) -> list[list[ChartPlace]]:
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [
            StoredMessage(position=n, subject=f"s.{n}", raw=raw)
            for n, raw in enumerate(world.raws, 1)
        ]
    )
    await projection.in_file()
    periods = (found(store, world.name, places_of_period, query, "") for query in queries)
    return [[place for place, _ in chart_places.chart_places(period)] for period in periods]


def shown(world: World, *queries: PeriodQuery) -> list[list[ChartPlace]]:
    """Return the places that the page of each period has."""
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "projection.sqlite")
        try:
            return asyncio.run(_shown(world, queries, store))
        finally:
            store.close()


def mark(place: ChartPlace) -> ChartMark:
    figure = windows_map.figure(json.loads(bytes(place.place)))
    assert figure is not None
    return ChartMark(
        id=place.id,
        label=place.label,
        title=place.label,
        link="/",
        kind="incident",
        is_opener=True,
        figure=figure,
        point=windows_map.middle(figure),
        in_force="open" if place.stage else "",
    )


def counted(places: list[ChartPlace]) -> Counter[tuple[int, str]]:
    return Counter(
        (place.position, json.dumps(json.loads(bytes(place.place)), sort_keys=True))
        for place in places
        if place.reason != "none"
    )


@settings(max_examples=8)
@given(st.data())
def test_each_place_of_the_log_is_a_mark_or_is_listed_with_a_reason(data: st.DataObject) -> None:
    world = World()
    posted = list(_posts(data.draw, world))
    whole = PeriodQuery()
    later = posted[len(posted) // 2].record if posted else None
    period = whole if later is None else PeriodQuery(from_=later.envelope.time)
    places, of_period = shown(world, whole, period)
    assert counted(places) == recorded(world)
    marks = [place for place in places if not place.reason]
    drawing = sea_chart.drawn(
        "t", "d", [*map(mark, marks)], [], [], sea_chart.view_of([*map(mark, marks)], None), EN
    )
    assert drawing.outside == (), "a chart of all marks has all of them"
    tree = ET.fromstring(str(drawing.markup))
    assert {link.get("data-mark") for link in tree.iter("a")} == {place.id for place in marks}
    assert len({place.id for place in places}) == len(places)
    assert len({place.label for place in marks}) == len(marks)
    numbers = [
        float(number)
        for path in tree.iter("path")
        for number in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", path.get("d", ""))
    ]
    assert all(math.isfinite(number) for number in numbers)
    first = 1 if later is None else world.raws.index(later.raw) + 1
    assert recorded(world, first) <= counted(of_period), (
        "a later beginning leaves no later place out"
    )


def test_places_of_groups_lists_and_phases_are_all_there() -> None:
    world, here = World(), {"lat": 1, "lon": 2}
    id = world.open(ND, {**INCIDENT, "place": here})
    groups = [{"kind": "rescued", "number": 2, "place": here}, {"kind": "missing", "number": 1}]
    people = {"act": "people-status", "as_of": "2026-11-24T12:00Z", "groups": groups}
    assert isinstance(world.keep(CD, people, id), Folded)
    for body in (
        act("launch-notice", impact_areas=[here, "off the coast"]),
        act("military-activity"),
        act("humanitarian-notification"),
    ):
        world.open(NH, body)
    places = shown(world, PeriodQuery())[0]
    assert counted(places) == recorded(world)
    assert [place.act for place in places if place.source == "people"] == ["hazardous-incident"]


def test_what_is_not_drawn_says_why() -> None:
    world = World()
    for place in ("East of the shoal", "unknown", {"lat": 1, "lon": 2}):
        world.open(ND, {**INCIDENT, "place": place})
    world.open(
        "nato/o-1",
        {
            "act": "meeting-request",
            "purpose": "Talks",
            "windows": act("meeting-request")["windows"],
        },
    )
    reasons = [(place.act, place.reason) for place in shown(world, PeriodQuery())[0]]
    assert reasons == [
        ("hazardous-incident", ""),
        ("hazardous-incident", "words"),
        ("hazardous-incident", "unknown"),
        ("meeting-request", "none"),
    ]


def test_the_two_accounts_have_the_range_and_the_bearing_to_each_other() -> None:
    world = World()
    id = world.open(ND, {**INCIDENT, "place": {"lat": 0, "lon": 179.5}})
    body = {"act": "counter-account", "facts": "Otherwise.", "place": {"lat": 0, "lon": -179.5}}
    assert isinstance(world.keep(CD, body, id), Folded)
    nato, china = shown(world, PeriodQuery())[0]
    assert (nato.label, nato.other, china.label, china.other) == (
        "1 NATO",
        china.id,
        "1 CHINA",
        nato.id,
    )
    assert nato.range_m == china.range_m == pytest.approx(111_195, abs=1)
    assert (nato.bearing, china.bearing) == (90.0, 270.0)
    assert (
        sea_chart.range_text(nato.range_m or 0, nato.bearing or 0, EN).replace("\u00a0", " ")
        == "60 nm · 111 km, 090° true"
    )
    view = sea_chart.view_of([mark(nato), mark(china)], None)
    assert abs((view.middle.lon - 180) % 360) < 1, "the chart is across the date line"
    drawing = sea_chart.drawn("t", "d", [mark(nato), mark(china)], [], [], view, EN)
    assert drawing.outside == ()


@pytest.mark.parametrize(
    "part",
    [ChartPart(0, 0, 10_800), ChartPart(89.9, 10, 60), ChartPart(-90, 0, 900), ChartPart(62, 179, 2_400), ChartPart(15, 116, 0.5)],
)  # fmt: skip
def test_every_part_of_the_earth_can_be_shown_and_moved(part: ChartPart) -> None:
    view = sea_chart.view_of([], part)
    there = sea_chart.part_of(view)
    for north, east, zoom in (
        (0, 0, 0.5),
        (0, 0, 2),
        (0.3, 0, 1),
        (-0.3, 0, 1),
        (0, 0.5, 1),
        (0, -0.5, 1),
    ):
        moved = sea_chart.moved(there, north, east, zoom)
        assert -90 <= moved.lat <= 90 and -180 <= moved.lon <= 180 and moved.height_nm > 0
    marks = [
        ChartMark(id="1.0", label="1 NATO", title="t", link="/", kind="area", is_opener=True, figure=Disc(part.lat, part.lon, 5_000), point=MapPoint(part.lat, part.lon)),
        ChartMark(id="2.0", label="2 CHINA", title="t", link="/", kind="launch", is_opener=False, figure=Outline(((80, 0), (80, 120), (80, -120))), point=MapPoint(80, 0), in_force="open"),
    ]  # fmt: skip
    drawing = sea_chart.drawn("t", "d", marks, [ChartLine("1.0", "2.0", "x")], [], view, EN)
    assert "1.0" not in drawing.outside
    ET.fromstring(str(drawing.markup))


def test_land_has_coasts_and_neither_names_nor_borders() -> None:
    if not land.is_there():
        pytest.skip("make assets has brought nothing: npm is not here")
    content = json.loads(land._FILE.read_bytes())
    assert content.keys() == {"source", "scale", "rings"}
    assert all(isinstance(number, int) for ring in content["rings"] for number in ring)
    # Points on both sides of a border are land, and it is not drawn: no ring runs between them.
    ring = _ring_around(48.6, 7.0)  # west of the Rhine
    assert ring is not None and ring is _ring_around(50.1, 14.4) is _ring_around(39.9, 116.4)
    assert _ring_around(15.12, 116.44) is None and _ring_around(0, -150) is None


def _ring_around(lat: float, lon: float) -> object:
    """Return the ring of land around a point; None at sea."""
    for ring in land.rings():
        inside = False
        for (ax, ay), (bx, by) in zip(ring.points, (*ring.points[1:], ring.points[0]), strict=True):
            if (ay > lat) != (by > lat) and lon < (bx - ax) * (lat - ay) / (by - ay) + ax:
                inside = not inside
        if inside:
            return ring
    return None


def test_a_chart_without_land_is_a_chart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(land, "_FILE", tmp_path / "none.json")
    land.rings.cache_clear()
    land.path.cache_clear()
    try:
        view = sea_chart.view_of([], None)
        assert not land.is_there() and land.path(view) == ""
        assert "land" not in sea_chart.drawn("t", "d", [], [], [], view, EN).markup
    finally:
        land.rings.cache_clear()
        land.path.cache_clear()
