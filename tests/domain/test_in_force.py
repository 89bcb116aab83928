"""The windows that are in force now: open or near, and what each lacks."""

import random
from datetime import timedelta
from typing import Any

import pytest

from dragoman.domain.views.in_force import windows_in_force
from owing import CD, ND, NH, THREE, C, N, T, at, bound, post, set_clock
from samples import act
from world import World

OPENS, CLOSES = "2026-12-01T08:00Z", "2026-12-01T10:00Z"


def stage(world: World, id: str, moment: str) -> str:
    """Return the stage of an exchange's window at a moment; empty where it is not listed."""
    windows = windows_in_force(world.registry, [world.exchange(id)], at(moment))
    return windows[0].stage if windows else ""


@pytest.mark.parametrize(
    ("moment", "wanted"),
    [
        ("2026-11-29T07:59Z", ""),
        ("2026-11-29T08:00Z", "near"),
        ("2026-12-01T07:59Z", "near"),
        (OPENS, "open"),
        (CLOSES, "open"),
        ("2026-12-01T10:01Z", "not_ended"),
        ("2026-12-05T10:00Z", "not_ended"),
        ("2026-12-05T10:01Z", ""),
    ],
)
def test_a_window_is_near_then_open_and_then_not_ended_for_four_days(
    moment: str, wanted: str, world: World
) -> None:
    assert stage(world, world.open(N, act("danger-area")), moment) == wanted


@pytest.mark.parametrize(
    ("words", "early", "during", "after", "long_after"),
    [
        (("commenced",), "open", "open", "not_ended", "not_ended"),
        (("holding",), "holding", "holding", "holding", "holding"),
        (("commenced", "holding"), "holding", "holding", "holding", "holding"),
        (("completed",), "", "", "", ""),
        (("commenced", "completed"), "", "", "", ""),
        (("all-clear",), "", "", "", ""),
    ],
)
def test_the_word_of_its_side_decides_before_the_clock_does(
    words: tuple[str, ...], early: str, during: str, after: str, long_after: str, world: World
) -> None:
    id = world.open(N, act("danger-area"))
    for word in words:
        post(world, ND, act(word), id)
    moments = ("2026-11-28T08:00Z", "2026-12-01T09:00Z", "2026-12-02T09:00Z", "2027-06-01T00:00Z")
    assert [stage(world, id, moment) for moment in moments] == [early, during, after, long_after]


def test_what_was_taken_back_or_closed_is_not_in_force(world: World) -> None:
    for is_closed in (False, True):
        id = world.open(N, act("danger-area"))
        if is_closed:
            world.close(id)
        else:
            post(world, N, {"act": "cancellation", "reason": "Scrapped."}, id, seen=True)
        assert stage(world, id, "2026-12-01T09:00Z") == ""


def test_a_postponed_launch_is_not_in_force_until_any_message_names_another_window(
    world: World,
) -> None:
    window = act("danger-area")["window"]
    for body in (
        {"act": "postponement", "windows": [window]},
        {"act": "update", "fields": {"window": window}},
    ):
        id = world.open(N, act("launch-notice"))
        assert stage(world, id, "2026-12-06T00:00Z") == "open"
        post(world, ND, {"act": "postponement"}, id)
        assert stage(world, id, "2026-12-06T00:00Z") == ""
        post(world, ND, body, id)
        assert stage(world, id, "2026-12-01T09:00Z") == "open"


@pytest.mark.parametrize(
    ("body", "moment", "wanted"),
    [
        (act("launch-notice", phase="post_launch"), "2026-12-10T00:00Z", ""),
        (act("launch-notice", phase="post_launch"), "2026-12-06T00:00Z", "open"),
        (act("launch-notice", phase="deviation"), "2026-12-10T00:00Z", "not_ended"),
        (act("launch-notice"), "2026-12-10T00:00Z", "not_ended"),
        (act("military-activity"), "2027-01-24T01:00Z", "not_ended"),
        (act("humanitarian-notification"), "2026-12-01T13:00Z", "not_ended"),
        (
            act("humanitarian-notification", kind="site", place="Camp"),
            "2026-12-01T13:00Z",
            "",
        ),
        (act("humanitarian-notification", kind="site", place="Camp"), "2026-12-01T06:00Z", "open"),
        (act("terrorism-warning"), "2026-12-01T09:00Z", ""),
        (act("meeting-request"), "2026-11-26T09:00Z", ""),
        (act("danger-area", for_the_record=True), "2026-12-01T09:00Z", ""),
    ],
)
def test_announced_events_are_listed_and_only_those_that_end_by_word_as_not_ended(
    body: dict[str, Any], moment: str, wanted: str, world: World
) -> None:
    assert stage(world, world.open(N, body), moment) == wanted


def test_a_visit_is_listed_once_it_was_accepted(world: World) -> None:
    id = world.open(N, act("visit-invitation"))
    assert stage(world, id, "2027-01-11T00:00Z") == ""
    post(world, C, act("acceptance", window=0), id, seen=True)
    assert stage(world, id, "2027-01-11T00:00Z") == "open"
    assert stage(world, id, "2027-01-13T00:00Z") == ""


def test_windows_are_in_the_order_in_which_they_open(world: World) -> None:
    later = world.open(N, act("danger-area", window={"from": CLOSES, "to": CLOSES}))
    first = world.open(C, act("danger-area"))
    second = world.open(N, act("danger-area"))
    exchanges = [world.exchange(id) for id in (later, second, first)]
    windows = windows_in_force(world.registry, exchanges, at("2026-12-01T07:00Z"))
    assert [window.exchange.id for window in windows] == [first, second, later]


# What a window lacks


def test_it_says_who_owes_a_receipt_and_which_posts_were_not_told() -> None:
    world = bound(sides=THREE)
    entries = [{"format": "danger-area", "posts": ["Fleet", "Coast guard"]}]
    post(world, "china/h-1", {"act": "onward-adoption", "entries": entries})
    id = world.open(N, act("danger-area"))

    def lacks() -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
        (window,) = windows_in_force(world.registry, [world.exchange(id)], at(OPENS))
        return window.unacknowledged, window.not_passed_on

    assert lacks() == (("china", "osce"), {"china": ("Fleet", "Coast guard")})
    post(world, T, act("acknowledgement"), id)
    post(world, CD, {"act": "passed-on", "to_post": "Fleet", "at": "2026-11-24T12:00Z"}, id)
    assert lacks() == ((), {"china": ("Coast guard",)})
    world.clock += timedelta(hours=1)
    window = {"from": OPENS, "to": "2026-12-01T12:00Z"}
    post(world, ND, {"act": "update", "fields": {"window": window}}, id)
    assert lacks() == (("china", "osce"), {"china": ("Fleet", "Coast guard")})


def test_a_window_that_was_told_by_voice_asks_nobody_for_a_receipt(world: World) -> None:
    passed = {"means": "voice", "at": "2026-11-24T11:00Z", "to_post": "Watch"}
    id = world.open(N, act("danger-area", passed_by=passed))
    (window,) = windows_in_force(world.registry, [world.exchange(id)], at(OPENS))
    assert window.unacknowledged == ()


def test_the_places_are_those_of_the_opening_as_it_is_now(world: World) -> None:
    id = world.open(N, act("launch-notice"))
    post(world, ND, {"act": "update", "fields": {"launch_area": {"name": "Site west"}}}, id)
    (window,) = windows_in_force(world.registry, [world.exchange(id)], at("2026-12-06T00:00Z"))
    assert {*window.places} == {"launch_area", "impact_areas", "dropping_zones"}
    assert b"Site west" in bytes(window.places["launch_area"])


def test_at_whatever_moment_each_window_has_one_stage_and_an_ended_one_has_none() -> None:
    chance = random.Random(23)
    world = World()
    set_clock(world, "2026-12-01T00:00Z")
    bodies = [
        act("danger-area"),
        act("launch-notice"),
        act("military-activity"),
        act("humanitarian-notification"),
        act("visit-request"),
    ]
    ids = [world.open(N, chance.choice(bodies)) for _ in range(30)]
    words = ("commenced", "holding", "completed", "postponement", "cancellation", "grant")
    for _ in range(200):
        name, id = chance.choice(words), chance.choice(ids)
        body = {"cancellation": {"act": name, "reason": "No."}, "grant": {"act": name}}.get(
            name, act(name)
        )
        two = NH if world.exchange(id).released_by and name == "cancellation" else ""
        world.keep(C if name == "grant" else ND, body, id, seen=True, released_by=two)
    exchanges = [world.exchange(id) for id in ids]
    for hours in range(-24 * 10, 24 * 90, 7):
        now = at(OPENS) + timedelta(hours=hours)
        windows = windows_in_force(world.registry, exchanges, now)
        assert len({window.exchange.id for window in windows}) == len(windows)
        assert [window.window.begins for window in windows] == sorted(
            window.window.begins for window in windows
        )
        for window in windows:
            assert window.exchange.status not in ("completed", "cancelled", "requested", "closed")
            is_near = window.stage == "near"
            assert (not is_near) or timedelta() < window.window.begins - now <= timedelta(days=2)
