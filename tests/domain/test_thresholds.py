"""Tests of the flags at their limits: lead times to the second, numbers one by one, areas that just
touch.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dragoman.domain.fold import Folded
from dragoman.domain.views.flags import flags
from dragoman.domain.views.geometry import meet, outline
from dragoman.domain.views.lead_times import first_report
from dragoman.i18n.words import words
from samples import SAMPLES, act
from world import World

N, C, NH, ND = "nato/o-1", "china/o-1", "nato/h-1", "nato/d-1"
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)


def at_noon(actor: str, body: dict[str, Any]) -> tuple[World, str]:
    """An opening that is recorded at noon to the second."""
    world = World()
    world.clock = NOON - SECOND
    id = world.open(actor, body)
    assert world.exchange(id).opened.time == "2026-11-25T12:00:00.000Z"
    return world, id


def shown(world: World, id: str, *areas: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for flag in flags(world.registry, world.exchange(id), [world.exchange(area) for area in areas]):
        label = words("en").name("flag", flag.flag)
        first = str(flag.detail).lower().split()[0]
        assert len(first) < 5 or first not in label.lower().split(), f"{label}: {flag.detail}"
        found.setdefault(flag.flag, []).append(str(flag.detail))
    return found


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def window(start: datetime) -> dict[str, str]:
    return {"from": iso(start), "to": iso(start + 4 * DAY)}


# Lead times (message catalogue §5)


LEADS: list[tuple[str, dict[str, Any], timedelta, str]] = [
    (
        "military-activity",
        {"notice_kind": "normal"},
        42 * DAY,
        "41 days 23 hours 59 minutes 59 seconds before it begins; 42 days are owed",
    ),
    (
        "military-activity",
        {"type": "strategic_bomber", "notice_kind": "normal"},
        14 * DAY,
        "13 days 23 hours 59 minutes 59 seconds before it begins; 14 days are owed",
    ),
    (
        "launch-notice",
        {},
        DAY,
        "23 hours 59 minutes 59 seconds before it begins; 24 hours are owed",
    ),
    (
        "danger-area",
        {},
        3 * DAY,
        "2 days 23 hours 59 minutes 59 seconds before it begins; 3 days are owed",
    ),
    (
        "humanitarian-notification",
        {"urgent": False},
        2 * DAY,
        "47 hours 59 minutes 59 seconds before it begins; 2 days are owed",
    ),
    (
        "humanitarian-notification",
        {"urgent": True},
        DAY,
        "23 hours 59 minutes 59 seconds before it begins; 24 hours are owed",
    ),
]


def starting(name: str, start: datetime) -> dict[str, Any]:
    return (
        {"departure": iso(start), "arrival": iso(start + DAY)}
        if name == "humanitarian-notification"
        else {"window": window(start)}
    )


@pytest.mark.parametrize(("name", "change", "owed", "detail"), LEADS)
def test_at_exactly_its_lead_time_a_notice_is_in_time_and_a_second_later_it_is_short(
    name: str, change: dict[str, Any], owed: timedelta, detail: str
) -> None:
    world, id = at_noon(N, act(name, **change, **starting(name, NOON + owed)))
    assert "short_notice" not in shown(world, id)
    world, id = at_noon(N, act(name, **change, **starting(name, NOON + owed - SECOND)))
    assert shown(world, id)["short_notice"] == [detail]


def test_a_launch_without_a_window_is_measured_by_its_time_and_with_one_by_the_window() -> None:
    bare = {key: value for key, value in SAMPLES["launch-notice"].items() if key != "window"}
    world, id = at_noon(N, bare | {"time": {"about": iso(NOON + HOUR)}})
    assert shown(world, id)["short_notice"] == ["2 hours before it begins; 24 hours are owed"]
    world, id = at_noon(N, bare | {"time": iso(NOON + HOUR), "window": window(NOON + 2 * DAY)})
    assert "short_notice" not in shown(world, id)


@pytest.mark.parametrize("phase", ["post_launch", "deviation"])
def test_only_what_is_said_before_a_launch_has_a_lead_time(phase: str) -> None:
    world, id = at_noon(N, act("launch-notice", phase=phase, window=window(NOON)))
    assert "short_notice" not in shown(world, id)


def test_an_alert_has_no_lead_time_nor_has_what_is_entered_for_the_record() -> None:
    for change in ({"notice_kind": "alert"}, {"for_the_record": True}):
        world, id = at_noon(N, act("military-activity", window=window(NOON), **change))
        assert "short_notice" not in shown(world, id)


def test_what_had_begun_before_was_told_no_time_before() -> None:
    world, id = at_noon(N, act("danger-area", window=window(NOON - DAY)))
    assert shown(world, id)["short_notice"] == ["0 seconds before it begins; 3 days are owed"]


def test_a_correction_restarts_the_test_if_it_changes_the_date_and_so_does_a_postponement() -> None:
    world, id = at_noon(N, act("danger-area", window=window(NOON + 3 * DAY)))
    world.clock = NOON + HOUR
    world.keep(
        N, {"act": "correction", "fields": {"hazard": "missile"}, "reason": "x"}, id, seen=True
    )
    assert "short_notice" not in shown(world, id)
    world.keep(
        N,
        {"act": "correction", "fields": {"window": window(NOON + 3 * DAY)}, "reason": "x"},
        id,
        seen=True,
    )
    assert "short_notice" in shown(world, id)
    world, id = at_noon(N, act("launch-notice", window=window(NOON)))
    assert "short_notice" in shown(world, id)
    world.keep(N, act("postponement", windows=[window(NOON + 2 * DAY)]), id)
    assert "short_notice" not in shown(world, id)


def test_the_newest_change_of_a_date_counts() -> None:
    world, id = at_noon(
        N,
        act(
            "humanitarian-notification", departure=iso(NOON + 9 * DAY), arrival=iso(NOON + 10 * DAY)
        ),
    )
    for days, late in ((1, 8), (5, 9)):
        world.clock = NOON + days * DAY
        change = {"departure": iso(NOON + late * DAY)}
        world.keep(N, {"act": "correction", "fields": change, "reason": "x"}, id, seen=True)
    assert "short_notice" not in shown(world, id)
    world.clock = NOON + 8 * DAY
    world.keep(
        N,
        {"act": "correction", "fields": {"departure": iso(NOON + 9 * DAY)}, "reason": "x"},
        id,
        seen=True,
    )
    assert shown(world, id)["short_notice"] == [
        "23 hours 59 minutes 59 seconds before it begins; 2 days are owed"
    ]


LATER = window(NOON + timedelta(hours=30))


@pytest.mark.parametrize(
    ("body", "change", "short"),
    [
        ({"window": window(NOON + DAY)}, act("postponement", windows=[LATER]), True),
        ({"window": window(NOON + DAY)}, {"act": "postponement", "reason": "Weather."}, False),
        (
            {"window": window(NOON + DAY)},
            {"act": "correction", "reason": "x", "fields": {"window": LATER}},
            True,
        ),
        (
            {"time": iso(NOON + DAY)},
            {"act": "correction", "reason": "x", "fields": {"time": LATER["from"]}},
            True,
        ),
        (
            {"window": window(NOON + DAY)},
            {"act": "correction", "reason": "x", "fields": {"class": "Rocket"}},
            False,
        ),
    ],
)
def test_a_launch_that_is_moved_half_a_day_later_is_measured_from_then(
    body: dict[str, Any], change: dict[str, Any], *, short: bool
) -> None:
    bare = {key: value for key, value in SAMPLES["launch-notice"].items() if key != "window"}
    world, id = at_noon(N, bare | body)
    assert "short_notice" not in shown(world, id)
    world.clock = NOON + DAY / 2
    assert isinstance(world.keep(N, change, id, seen=True), Folded)
    assert ("short_notice" in shown(world, id)) == short


@pytest.mark.parametrize(
    ("actor", "name", "field", "owed", "detail"),
    [
        (
            ND,
            "hazardous-incident",
            "known_at",
            HOUR,
            "1 hour 1 second after it was known; 1 hour are owed",
        ),
        (
            N,
            "encounter-report",
            "time",
            2 * DAY,
            "2 days 1 second after the event; 2 days are owed",
        ),
    ],
)
def test_a_first_report_is_in_time_at_exactly_the_limit_and_late_a_second_after(
    actor: str, name: str, field: str, owed: timedelta, detail: str
) -> None:
    world, id = at_noon(actor, act(name, **{field: iso(NOON - owed)}))
    assert "late_report" not in shown(world, id)
    world, id = at_noon(actor, act(name, **{field: iso(NOON - owed - SECOND)}))
    assert shown(world, id)["late_report"] == [detail]


# Numbers (message catalogue N05)


@pytest.mark.parametrize(
    ("arm", "threshold", "type"),
    [
        ("troops", 9_000, "field_exercise"),
        ("troops", 13_000, "field_exercise"),
        ("troops", 9_000, "amphibious"),
        ("troops", 3_000, "amphibious"),
        ("troops", 3_500, "amphibious"),
        ("troops", 3_000, "heliborne"),
        ("troops", 3_500, "parachute"),
        ("battle_tanks", 250, "field_exercise"),
        ("battle_tanks", 300, "field_exercise"),
        ("armoured_combat_vehicles", 500, "field_exercise"),
        ("artillery_100mm_plus", 250, "amphibious"),
        ("sorties", 200, "field_exercise"),
    ],
)
def test_a_number_within_a_twentieth_below_a_threshold_is_near_it(
    arm: str, threshold: int, type: str
) -> None:
    world = World()

    def near(number: int) -> list[str]:
        figures = (
            {"troops": number, "arms": {}}
            if arm == "troops"
            else {"troops": 1, "arms": {arm: number}}
        )
        return shown(world, world.open(N, act("military-activity", type=type, **figures))).get(
            "near_threshold", []
        )

    lowest = -(-threshold * 95 // 100)
    assert [
        f"{arm.replace('_', ' ')}: {number} of {threshold}" in near(number)
        for number in (lowest - 1, lowest, threshold - 1, threshold)
    ] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(("arm", "number"), [("helicopters", 249), ("battle_tanks", 2_990)])
def test_other_numbers_are_near_nothing(arm: str, number: int) -> None:
    world = World()
    body = act("military-activity", type="amphibious", troops="unknown", arms={arm: number})
    assert "near_threshold" not in shown(world, world.open(N, body))


def test_each_figure_that_was_reported_otherwise_is_shown_and_the_newest_report_counts() -> None:
    world = World()
    id = world.open(
        N,
        act(
            "military-activity",
            troops=8_800,
            arms={"battle_tanks": 120, "sorties": 4, "artillery_100mm_plus": "unknown"},
        ),
    )
    world.keep(
        N,
        act(
            "after-activity-report",
            troops=9_100,
            arms={"battle_tanks": 131, "helicopters": 2, "artillery_100mm_plus": 9},
        ),
        id,
    )
    assert sorted(shown(world, id)["figures_differ"]) == [
        "battle tanks: 120 declared, 131 reported",
        "troops: 8800 declared, 9100 reported",
    ]
    world.keep(N, act("after-activity-report", troops=8_800, arms={"sorties": "unknown"}), id)
    assert "figures_differ" not in shown(world, id)


# The frame


def test_what_was_said_before_what_was_sent_while_suspended_and_what_was_corrected_shows_it() -> (
    None
):
    world = World()
    passed = {"means": "voice", "at": "2026-11-24T03:00Z", "to_post": "Duty officer"}
    id = world.open(N, act("contact-note", passed_by=passed))
    assert shown(world, id) == {"passed_by": ["at 2026-11-24T03:00:00.000Z, by its sender’s word"]}
    world.keep(NH, act("channel-status", status="suspended", reason="x"), released_by=ND)
    id = world.open(N, act("contact-note"))
    assert shown(world, id) == {"suspended": ["it was sent"]}
    world.keep(NH, {"act": "channel-status", "status": "resumed"}, released_by=ND)
    id = world.open(N, act("contact-note"))
    assert shown(world, id) == {}
    world.keep(NH, act("channel-status", status="suspended", reason="x"), released_by=ND)
    world.keep(C, act("reply"), id)
    world.keep(NH, {"act": "channel-status", "status": "resumed"}, released_by=ND)
    assert [message.suspended for message in world.exchange(id).messages] == [False, True]
    assert shown(world, id) == {"suspended": ["it was carried on"]}
    id = world.open(N, act("contact-note"))
    for text in ("a", "b"):
        world.keep(
            N, {"act": "correction", "fields": {"venue": text}, "reason": "x"}, id, seen=True
        )
    assert shown(world, id) == {"corrected": ["2 times; the earlier values are kept"]}


def test_one_key_names_who_sent_it_alone() -> None:
    world = World()
    kept = world.keep(ND, act("launch-notice", phase="deviation"))
    assert isinstance(kept, Folded) and kept.record is not None
    assert shown(world, kept.record.envelope.id)["one_key"] == [
        "sent by nato/d-1; a second officer must still confirm it"
    ]


# Areas


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    return {
        "polygon": [
            {"lat": lat, "lon": lon}
            for lon, lat in ((west, south), (east, south), (east, north), (west, north))
        ]
    }


LATER = {"from": "2026-12-02T08:00Z", "to": "2026-12-02T10:00Z"}


@pytest.mark.parametrize(
    ("times", "overlap"),
    [
        (("2026-12-01T10:00Z", "2026-12-01T12:00Z"), True),
        (("2026-12-01T10:01Z", "2026-12-01T12:00Z"), False),
        (("2026-12-01T06:00Z", "2026-12-01T08:00Z"), True),
        (("2026-12-01T06:00Z", "2026-12-01T07:59Z"), False),
        (("2026-12-01T08:30Z", "2026-12-01T09:00Z"), True),
        (("2026-12-01T00:00Z", "2026-12-02T00:00Z"), True),
    ],
)
def test_areas_overlap_that_are_closed_at_the_same_moment(
    times: tuple[str, str], *, overlap: bool
) -> None:
    world = World()
    one = world.open(
        N,
        act(
            "danger-area",
            place=box(0, 0, 2, 2),
            window={"from": "2026-12-01T08:00Z", "to": "2026-12-01T10:00Z"},
        ),
    )
    other = world.open(
        C,
        act(
            "danger-area",
            place=box(1, 1, 3, 3),
            window=dict(zip(("from", "to"), times, strict=True)),
        ),
    )
    assert (
        ("overlap" in shown(world, one, one, other))
        == ("overlap" in shown(world, other, one, other))
        == overlap
    )


SAME = {"from": "2026-12-01T08:00Z", "to": "2026-12-01T10:00Z"}
HERE, ELSEWHERE = box(0, 0, 2, 2), box(50, 0, 52, 2)
ANNOUNCED: list[tuple[str, Any]] = [
    ("danger-area", lambda place: {"place": place}),
    ("military-activity", lambda place: {"place": place}),
    (
        "launch-notice",
        lambda place: {
            "launch_area": "A range",
            "impact_areas": [ELSEWHERE, place],
            "dropping_zones": [],
        },
    ),
    (
        "launch-notice",
        lambda place: {
            "launch_area": "A range",
            "impact_areas": [ELSEWHERE],
            "dropping_zones": [place],
        },
    ),
]


def test_an_area_overlaps_with_each_of_several() -> None:
    world = World()
    ids = [world.open(N, act("danger-area", place=HERE, window=SAME)) for _ in range(3)]
    assert len(shown(world, ids[0], *ids)["overlap"]) == 2


@pytest.mark.parametrize("one", ANNOUNCED)
@pytest.mark.parametrize("other", ANNOUNCED)
@pytest.mark.parametrize(
    ("where", "hours", "overlap"),
    [(HERE, SAME, True), (box(7, 7, 8, 8), SAME, False), (HERE, LATER, False)],
)
def test_what_is_announced_for_the_same_water_and_hours_is_flagged_on_both(
    one: tuple[str, Any],
    other: tuple[str, Any],
    where: dict[str, Any],
    hours: dict[str, str],
    *,
    overlap: bool,
) -> None:
    world = World()
    first = world.open(N, {**act(one[0]), **one[1](HERE), "window": SAME})
    place = where if other[0] != "launch-notice" or where != HERE else HERE
    body = {**act(other[0]), **other[1](place), "window": hours}
    if other[0] == "launch-notice" and one[0] == "launch-notice":
        body["impact_areas"] = [place]  # else the areas of both that lie elsewhere meet
    second = world.open(C, body)
    assert [("overlap" in shown(world, each, first, second)) for each in (first, second)] == [
        overlap,
        overlap,
    ]


@pytest.mark.parametrize(
    ("hours", "covered"),
    [(SAME, True), ({"from": "2026-12-01T07:00Z", "to": "2026-12-01T11:00Z"}, False)],
)
def test_an_area_that_is_not_closed_for_all_of_its_launch_is_flagged_on_both(
    hours: dict[str, str], *, covered: bool
) -> None:
    world = World()
    launch = world.open(N, act("launch-notice", window=SAME))
    area = world.open(
        N, act("danger-area", place=HERE, window=SAME, references=[world.exchange(launch).number])
    )
    assert not any("not_covered" in shown(world, each, area, launch) for each in (area, launch))
    moved = {"act": "update", "fields": {"window": hours}}
    assert isinstance(world.keep(N, moved, launch), Folded)
    assert ["not_covered" in shown(world, each, area, launch) for each in (area, launch)] == [
        not covered,
        not covered,
    ]


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        (box(0, 0, 4, 1), box(1, -1, 2, 3), True),  # a cross, no corner inside
        (box(0, 0, 2, 2), box(2, 0, 4, 2), True),  # along an edge
        (box(0, 0, 2, 2), box(2, 2, 4, 4), True),  # at a corner
        (box(0, 0, 2, 2), box(2.1, 0, 4, 2), False),
        (box(0, 0, 2, 2), box(0, 2.1, 2, 4), False),
        (box(0, 0, 9, 9), box(4, 4, 5, 5), True),  # one inside the other
        (box(0, 0, 1, 1), box(5, 0, 6, 1), False),  # in one line
        (box(0, 0, 1, 1), box(0, 5, 1, 6), False),
        (box(-2, -2, -1, -1), box(1, 1, 2, 2), False),
        ({"lat": 0, "lon": 0}, {"lat": 0, "lon": 0}, True),
        ({"lat": 0, "lon": 0}, {"lat": 0, "lon": 1}, False),
        ({"lat": 1, "lon": 0}, box(-1, 0, 1, 2), True),
        ({"lat": 3, "lon": 0}, box(-1, 0, 1, 2), False),
        ({"lat": 1, "lon": -3}, box(-1, 0, 1, 2), False),
        (
            {
                "polygon": [
                    {"lat": 0, "lon": 0},
                    {"lat": 0, "lon": 4},
                    {"lat": 4, "lon": 4},
                    {"lat": 4, "lon": 3},
                    {"lat": 1, "lon": 3},
                    {"lat": 1, "lon": 0},
                ]
            },
            {"lat": 3, "lon": 1},
            False,  # in the corner of an L
        ),
        (
            {"circle": {"pos": {"lat": 60, "lon": 10}, "radius": {"value": 111_320, "unit": "m"}}},
            {"lat": 60, "lon": 11.9},
            True,
        ),  # a degree is half as wide there
        (
            {"circle": {"pos": {"lat": 60, "lon": 10}, "radius": {"value": 111_320, "unit": "m"}}},
            {"lat": 60, "lon": 12.1},
            False,
        ),
        (
            {"circle": {"pos": {"lat": 60, "lon": 10}, "radius": {"value": 111_320, "unit": "m"}}},
            {"lat": 60.98, "lon": 10},
            True,
        ),
        (
            {"circle": {"pos": {"lat": 60, "lon": 10}, "radius": {"value": 111_320, "unit": "m"}}},
            {"lat": 61.02, "lon": 10},
            False,
        ),
        (
            {"circle": {"pos": {"lat": 60, "lon": 10}, "radius": {"value": 111_320, "unit": "m"}}},
            {"lat": 59.02, "lon": 10},
            True,
        ),
        (
            {"circle": {"pos": {"lat": 90, "lon": 0}, "radius": {"value": 111_320, "unit": "m"}}},
            {"lat": 89.99, "lon": 90},
            True,
        ),  # round the pole
        ({"name": "Cape"}, box(0, 0, 9, 9), False),
        ("off the cape", "off the cape", False),
    ],
)
def test_places_meet_where_they_share_a_point(one: Any, other: Any, *, meets: bool) -> None:
    assert (meet(outline(one), outline(other)), meet(outline(other), outline(one))) == (
        meets,
        meets,
    )


Corner = tuple[int, int]


def apart(one: list[Corner], other: list[Corner]) -> bool:
    """Return whether two triangles are apart. They are apart exactly if a line along an edge of one
    of them has them on different sides.
    """
    for corners in (one, other):
        for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
            first, second = (
                [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for x, y in each]
                for each in (one, other)
            )
            if max(first) < min(second) or max(second) < min(first):
                return True
    return False


CORNERS = st.lists(st.tuples(st.integers(-6, 6), st.integers(-6, 6)), min_size=3, max_size=3)


@settings(derandomize=True, database=None, max_examples=300, deadline=None)
@given(CORNERS, CORNERS)
def test_triangles_meet_unless_a_line_parts_them(one: list[Corner], other: list[Corner]) -> None:
    for (ax, ay), (bx, by), (cx, cy) in (one, other):
        assume((bx - ax) * (cy - ay) != (by - ay) * (cx - ax))
    for scale in (1.0, 1 / 64):
        assert meet(
            [(x * scale, y * scale) for x, y in one], [(x * scale, y * scale) for x, y in other]
        ) != apart(one, other)


def test_a_circle_has_its_corners_on_every_side() -> None:
    corners = outline(
        {"circle": {"pos": {"lat": 0, "lon": 0}, "radius": {"value": 111_320, "unit": "m"}}}
    )
    assert len(corners) == 32
    assert all(abs(x * x + y * y - 1) < 1e-9 for x, y in corners)
    assert [(round(x, 3), round(y, 3)) for x, y in corners[::8]] == [
        (1, 0),
        (0, 1),
        (-1, 0),
        (0, -1),
    ]


@pytest.mark.parametrize(
    ("about", "minutes", "late"),
    [
        ("2026-11-25T10:00:00Z", 119, False),  # some time before eleven
        ("2026-11-25T10:00:00Z", 121, True),
        ("2026-11-25T10:10:00Z", 69, False),
        ("2026-11-25T10:10:00Z", 71, True),
        ("2026-11-25T10:05:00Z", 64, False),
        ("2026-11-25T10:05:00Z", 66, True),
        ("2026-11-25T10:07:00Z", 60, False),
        ("2026-11-25T10:07:00Z", 62, True),
    ],
)
def test_nobody_is_late_by_less_than_an_about_time_is_coarse(
    about: str, minutes: int, *, late: bool
) -> None:
    """Told so many minutes after the time as it is written, where an hour is owed; a time that is
    no about time is exact.
    """
    world = World()
    world.clock = datetime.fromisoformat(about) + timedelta(minutes=minutes) - SECOND
    coarse, exact = (
        world.exchange(world.open(ND, act("emergency-notification", time=time)))
        for time in ({"about": about}, about)
    )
    reports = [first_report(world.registry, each) for each in (coarse, exact)]
    assert [None if each is None else each.given > timedelta(hours=1) for each in reports] == [
        late,
        minutes >= 60,
    ]
