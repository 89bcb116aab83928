"""Flags are shown besides the status. They are derived, and they are the same at every look."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dragoman.domain.fold import Folded
from dragoman.domain.views.flags import flags
from dragoman.domain.views.geometry import meet, outline
from dragoman.domain.views.phase import phase_of
from samples import act
from world import World

N, NH, ND, C = "nato/o-1", "nato/h-1", "nato/d-1", "china/o-1"


def shown(world: World, id: str, *areas: str) -> dict[str, str]:
    found = flags(world.registry, world.exchange(id), [world.exchange(area) for area in areas])
    return {flag.flag: str(flag.detail) for flag in found}


@pytest.mark.parametrize(
    ("body", "short"),
    [
        (
            act(
                "military-activity",
                window={"from": "2027-01-05T12:00:30Z", "to": "2027-01-24T00:00Z"},
            ),
            False,
        ),
        (
            act(
                "military-activity", window={"from": "2027-01-05T11:59Z", "to": "2027-01-24T00:00Z"}
            ),
            True,
        ),
        (
            act(
                "military-activity",
                notice_kind="alert",
                window={"from": "2026-11-24T11:59Z", "to": "2027-01-24T00:00Z"},
            ),
            False,
        ),
        (
            act(
                "military-activity",
                type="strategic_bomber",
                window={"from": "2026-12-09T00:00Z", "to": "2026-12-10T00:00Z"},
            ),
            False,
        ),
        (
            act(
                "military-activity",
                type="strategic_bomber",
                window={"from": "2026-12-08T00:00Z", "to": "2026-12-10T00:00Z"},
            ),
            True,
        ),
        (
            act("launch-notice", window={"from": "2026-11-25T13:00Z", "to": "2026-11-26T00:00Z"}),
            False,
        ),
        (
            act("launch-notice", window={"from": "2026-11-25T11:00Z", "to": "2026-11-26T00:00Z"}),
            True,
        ),
        (
            act("danger-area", window={"from": "2026-11-27T13:00Z", "to": "2026-11-28T00:00Z"}),
            False,
        ),
        (act("danger-area", window={"from": "2026-11-27T11:00Z", "to": "2026-11-28T00:00Z"}), True),
        (act("humanitarian-notification", departure="2026-11-26T11:00Z"), True),
        (act("humanitarian-notification", departure="2026-11-26T11:00Z", urgent=True), False),
    ],
)
def test_a_notice_is_short_by_its_lead_time(body: dict[str, Any], *, short: bool) -> None:
    world = World()
    assert ("short_notice" in shown(world, world.open(N, body))) == short


def test_a_correction_of_the_date_restarts_the_lead_time() -> None:
    world = World()
    id = world.open(
        N, act("danger-area", window={"from": "2026-11-28T00:00Z", "to": "2026-11-29T00:00Z"})
    )
    assert "short_notice" not in shown(world, id)
    earlier = {"window": {"from": "2026-11-26T00:00Z", "to": "2026-11-29T00:00Z"}}
    world.keep(N, {"act": "correction", "fields": earlier, "reason": "Earlier."}, id, seen=True)
    assert (
        shown(world, id)["short_notice"]
        == "35 hours 59 minutes 47 seconds before it begins; 3 days are owed"
    )
    assert "corrected" in shown(world, id)


def test_a_first_report_is_late_after_an_hour_and_an_encounter_after_two_days() -> None:
    world = World()
    assert "late_report" in shown(
        world, world.open(ND, act("hazardous-incident", known_at="2026-11-24T10:00Z"))
    )
    assert "late_report" not in shown(
        world, world.open(ND, act("hazardous-incident", known_at="2026-11-24T11:30Z"))
    )
    assert "late_report" in shown(
        world, world.open(N, act("encounter-report", time={"about": "2026-11-20T04:10Z"}))
    )
    assert "late_report" not in shown(
        world, world.open(N, act("encounter-report", time="2026-11-23T04:10Z"))
    )


@pytest.mark.parametrize(
    ("change", "near"),
    [
        ({"troops": 8_549}, False),
        ({"troops": 8_550}, True),
        ({"troops": 9_000}, False),
        ({"troops": "unknown"}, False),
        ({"troops": 2_900}, False),
        ({"troops": 2_900, "type": "amphibious"}, True),
        ({"troops": 100, "arms": {"battle_tanks": 249}}, True),
        ({"troops": 100, "arms": {"battle_tanks": "unknown"}}, False),
    ],
)
def test_a_number_just_below_a_threshold_is_shown(change: dict[str, Any], *, near: bool) -> None:
    world = World()
    assert (
        "near_threshold" in shown(world, world.open(N, act("military-activity", arms={}) | change))
    ) == near


def test_what_was_reported_otherwise_than_declared_is_shown_and_unknown_differs_from_nothing() -> (
    None
):
    world = World()
    id = world.open(N, act("military-activity"))
    world.keep(
        N,
        act(
            "after-activity-report",
            troops=8_800,
            arms={"battle_tanks": 120, "artillery_100mm_plus": 4},
        ),
        id,
    )
    assert "figures_differ" not in shown(world, id)
    world.keep(N, act("after-activity-report"), id)
    assert "figures_differ" in shown(world, id)


SQUARE = {
    "polygon": [
        {"lat": 0, "lon": 0},
        {"lat": 0, "lon": 2},
        {"lat": 2, "lon": 2},
        {"lat": 2, "lon": 0},
    ]
}


@pytest.mark.parametrize(
    ("place", "meets"),
    [
        ({"lat": 1, "lon": 1}, True),
        ({"lat": 3, "lon": 1}, False),
        (
            {"circle": {"pos": {"lat": 1, "lon": 3}, "radius": {"value": 120_000, "unit": "m"}}},
            True,
        ),
        (
            {"circle": {"pos": {"lat": 1, "lon": 3}, "radius": {"value": 100_000, "unit": "m"}}},
            False,
        ),
        (
            {"circle": {"pos": {"lat": 1, "lon": 1}, "radius": {"value": 1_000_000, "unit": "m"}}},
            True,
        ),
        ({"polygon": [{"lat": 1, "lon": -1}, {"lat": 1.1, "lon": -1}, {"lat": 1, "lon": 5}]}, True),
        ({"polygon": [{"lat": 3, "lon": 0}, {"lat": 3, "lon": 2}, {"lat": 4, "lon": 1}]}, False),
        ("north of the island", False),
    ],
)
def test_areas_meet_or_do_not(place: Any, *, meets: bool) -> None:
    assert meet(outline(SQUARE), outline(place)) == meet(outline(place), outline(SQUARE)) == meets


def test_open_areas_that_meet_in_place_and_time_are_shown_to_both() -> None:
    world = World()
    window = {"from": "2026-12-01T08:00Z", "to": "2026-12-01T10:00Z"}
    one = world.open(N, act("danger-area", place=SQUARE, window=window))
    other = world.open(C, act("danger-area", place={"lat": 1, "lon": 1}, window=window))
    later = world.open(
        C,
        act(
            "danger-area",
            place=SQUARE,
            window={"from": "2026-12-02T08:00Z", "to": "2026-12-02T10:00Z"},
        ),
    )
    assert (
        shown(world, one, one, other, later)["overlap"]
        == f"with {world.exchange(other).number} of china"
    )
    assert "overlap" in shown(world, other, one, other, later)
    assert "overlap" not in shown(world, later, one, other, later)


def test_one_key_shows_until_the_second_is_turned() -> None:
    world = World()
    kept = world.keep(ND, act("launch-notice", phase="deviation"))
    id = world.exchange(kept.record.envelope.id).id  # type: ignore[union-attr]
    assert "one_key" in shown(world, id)
    world.keep(NH, act("second-key", of=id), id)
    assert "one_key" not in shown(world, id)


@pytest.mark.parametrize(
    ("window", "short"),
    [
        ({"from": "2026-11-27T13:00Z", "to": "2026-12-02T13:00Z"}, False),
        ({"from": "2026-11-27T11:00Z", "to": "2026-12-02T11:00Z"}, True),
        ({"from": "2026-11-27T11:00Z", "to": "2026-12-02T10:59Z"}, False),
    ],
)
def test_a_launch_in_a_window_of_five_days_is_told_three_days_before(
    window: dict[str, str], *, short: bool
) -> None:
    world = World()
    assert (
        "short_notice" in shown(world, world.open(N, act("launch-notice", window=window)))
    ) == short


@pytest.mark.parametrize(
    ("name", "actor", "body", "late"),
    [
        (
            "launch-notice",
            N,
            {
                "phase": "post_launch",
                "window": {"from": "2026-11-22T00:00Z", "to": "2026-11-22T11:00Z"},
            },
            True,
        ),
        (
            "launch-notice",
            N,
            {
                "phase": "post_launch",
                "window": {"from": "2026-11-22T00:00Z", "to": "2026-11-22T13:00Z"},
            },
            False,
        ),
        ("annual-exchange", NH, {"kind": "annual_calendar", "year": 2027}, True),
        ("annual-exchange", NH, {"kind": "annual_calendar", "year": 2028}, False),
        ("annual-exchange", NH, {"kind": "force_information", "year": 2027}, False),
        ("annual-exchange", NH, {"kind": "missile_declaration", "year": 2026}, True),
        ("annual-exchange", NH, {"kind": "missile_declaration", "year": 2027}, False),
        ("annual-exchange", NH, {"kind": "policy_paper", "year": 2020}, False),
        ("annual-exchange", NH, {"kind": "policy_paper", "changed_at": "2026-11-19T11:59Z"}, True),
        ("annual-exchange", NH, {"kind": "policy_paper", "changed_at": "2026-11-19T13:00Z"}, False),
    ],
)
def test_reports_are_late_after_what_is_owed(
    name: str, actor: str, body: dict[str, Any], *, late: bool
) -> None:
    world = World()
    assert ("late_report" in shown(world, world.open(actor, act(name, **body)))) == late


@pytest.mark.parametrize(
    ("name", "step", "field", "hours", "late"),
    [
        ("danger-area", {"act": "all-clear"}, "cleared_at", 1, False),
        ("danger-area", {"act": "all-clear"}, "cleared_at", 2, True),
        ("military-activity", {"act": "update", "text": "Moved."}, "as_of", 23, False),
        ("military-activity", {"act": "update", "text": "Moved."}, "as_of", 25, True),
        ("annual-exchange", {"act": "update", "text": "Corrected totals."}, "as_of", 119, False),
        ("annual-exchange", {"act": "update", "text": "Corrected totals."}, "as_of", 121, True),
    ],
)
def test_a_change_or_an_all_clear_is_late_after_its_time(
    name: str, step: dict[str, Any], field: str, hours: int, *, late: bool
) -> None:
    world = World()
    actor = NH if name == "annual-exchange" else N
    id = world.open(
        actor,
        act(name, **({"year": 2030, "kind": "policy_paper"} if name == "annual-exchange" else {})),
    )
    since = world.clock - timedelta(hours=hours, seconds=-30)
    world.keep(
        ND if step["act"] == "all-clear" else N, {**step, field: f"{since:%Y-%m-%dT%H:%M:%SZ}"}, id
    )
    expected = "late_report" if step["act"] == "all-clear" else "late_change"
    assert (expected in shown(world, id)) == late


def test_a_meeting_on_the_ladder_without_a_venue_goes_to_the_default_one() -> None:
    world = World()
    asked = world.open(NH, act("explanation-request"))
    request = {
        name: value
        for name, value in act("meeting-request", references=[asked]).items()
        if name not in ("venue", "trigger")
    }
    kept = world.keep(NH, request, released_by=N)
    assert isinstance(kept, Folded) and kept.record is not None
    meeting = world.exchange(kept.record.envelope.id)
    opened = datetime.fromisoformat(meeting.opened.time)
    for hours, default in ((12, False), (12.1, True)):
        found = flags(world.registry, meeting, [], opened + timedelta(hours=hours))
        assert ("default_venue" in [flag.flag for flag in found]) == default
    given = world.keep(NH, request | {"venue": "Geneva"}, released_by=N)
    assert isinstance(given, Folded) and given.record is not None
    there = world.exchange(given.record.envelope.id)
    assert "default_venue" not in [
        flag.flag for flag in flags(world.registry, there, [], opened + timedelta(hours=13))
    ]


@pytest.mark.parametrize(
    ("actor", "body", "stages"),
    [
        (
            NH,
            act("point-of-contact", valid_from="2026-11-25T00:00Z", valid_to="2026-11-26T00:00Z"),
            {
                "2026-11-24T23:59Z": "announced",
                "2026-11-25T00:00Z": "in_force",
                "2026-11-26T00:01Z": "ended",
            },
        ),
        (
            N,
            act("danger-area", window={"from": "2026-11-28T00:00Z", "to": "2026-11-29T00:00Z"}),
            {
                "2026-11-27T00:00Z": "announced",
                "2026-11-28T12:00Z": "active",
                "2026-11-30T00:00Z": "ended",
            },
        ),
        (
            N,
            act("launch-notice", window={"from": "2026-11-28T00:00Z", "to": "2026-11-29T00:00Z"}),
            {"2026-12-03T00:00Z": "", "2026-12-03T00:01Z": "validity_ended"},
        ),
        (N, act("contact-note"), {"2030-01-01T00:00Z": ""}),
    ],
)
def test_a_stage_follows_from_the_dates(
    actor: str, body: dict[str, Any], stages: dict[str, str]
) -> None:
    world = World()
    exchange = world.exchange(world.open(actor, body))
    assert {
        at: phase_of(world.registry, exchange, datetime.fromisoformat(at)) for at in stages
    } == stages
