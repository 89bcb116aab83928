"""The progress of an announced event: commenced, holding, completed; and the end that is owed."""

from typing import Any

import pytest

from dragoman.domain.fold import Folded
from dragoman.domain.views.offers import allowed
from dragoman.domain.views.phase import phase_of
from dragoman_schemas.profiles import HOUR
from owing import (
    CD,
    ND,
    NH,
    THREE,
    C,
    N,
    T,
    at,
    bound,
    clocks,
    fault,
    lapse,
    limit,
    post,
    set_clock,
)
from samples import act
from world import World

FORMATS: dict[str, tuple[str, ...]] = {
    "danger-area": ("announced",),
    "launch-notice": ("notified", "postponed"),
    "military-activity": ("notified", "acknowledged"),
    "humanitarian-notification": ("transmitted", "received"),
}
"""The formats of announced events, and their statuses before the event begins."""

PROGRESS = ("commenced", "holding", "completed")


def before(world: World, name: str, status: str) -> str:
    """Announce an event and bring it to a status before it begins."""
    id = world.open(N, act(name))
    match status:
        case "postponed":
            post(world, ND, {"act": "postponement"}, id)
        case "acknowledged" | "received":
            post(world, CD, act("acknowledgement"), id)
    assert world.exchange(id).status == status
    return id


@pytest.mark.parametrize(
    ("name", "status"),
    [(name, status) for name, statuses in FORMATS.items() for status in statuses],
)
def test_an_event_commences_is_held_goes_on_and_is_completed(
    name: str, status: str, world: World
) -> None:
    id = before(world, name, status)
    for step, after in (
        ("commenced", "under_way"),
        ("holding", "holding"),
        ("holding", "holding"),
        ("commenced", "under_way"),
        ("completed", "completed"),
    ):
        post(world, N, act(step), id)
        assert world.exchange(id).status == after
    for step in PROGRESS:
        assert fault(world, N, act(step), id) == "not-allowed-in-state"


@pytest.mark.parametrize("step", ["holding", "completed"])
@pytest.mark.parametrize(
    ("name", "status"),
    [(name, status) for name, statuses in FORMATS.items() for status in statuses],
)
def test_an_event_may_be_held_or_given_up_before_it_begins(
    name: str, status: str, step: str, world: World
) -> None:
    id = before(world, name, status)
    post(world, N, act(step), id)
    assert world.exchange(id).status == step


@pytest.mark.parametrize("step", PROGRESS)
def test_only_the_side_that_announced_it_says_so(step: str) -> None:
    world = World(sides=THREE)
    id = world.open(N, act("danger-area"))
    for actor in (C, T):
        assert fault(world, actor, act(step), id) == "not-permitted"
    assert step in {*allowed(world.registry, world.exchange(id), "nato")}
    assert step not in {*allowed(world.registry, world.exchange(id), "china")}


@pytest.mark.parametrize("name", ["hazardous-incident", "terrorism-warning", "visit-request"])
@pytest.mark.parametrize("step", PROGRESS)
def test_what_is_not_announced_makes_no_progress(name: str, step: str, world: World) -> None:
    id = world.open(N if name != "hazardous-incident" else ND, act(name))
    assert fault(world, N, act(step), id) == "not-allowed-in-state"


@pytest.mark.parametrize("step", PROGRESS)
def test_each_word_is_a_message_that_the_others_acknowledge(step: str) -> None:
    world = bound()
    id = world.open(N, act("danger-area"))
    of = post(world, N, act(step), id)
    clock = clocks(world, id)["acknowledgement", "china"]
    assert (clock.started_by, clock.open) == (of, True)


@pytest.mark.parametrize("step", PROGRESS)
@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"at": "2026-11-24T13:00Z"}, "/at"),
        ({"at": "2026-11-31T03:00Z"}, "/at"),
        ({"at": "0999-01-01T03:00Z"}, "/at"),
    ],
)
def test_a_plan_is_no_fact(step: str, changes: dict[str, Any], pointer: str, world: World) -> None:
    id = world.open(N, act("danger-area"))
    assert fault(world, N, act(step) | changes, id) == pointer


def test_a_hold_may_have_an_end_that_is_to_come_or_not_known(world: World) -> None:
    id = world.open(N, act("danger-area"))
    for until in ("2026-12-01T09:00Z", "unknown"):
        post(world, N, act("holding", until=until), id)
    assert fault(world, N, act("holding", until="2026-13-01T09:00Z"), id) == "/until"


def test_a_site_does_not_begin_or_end_and_can_always_be_reconfirmed() -> None:
    world = bound()
    id = world.open(N, act("humanitarian-notification", kind="site", place="Camp"))
    for step in PROGRESS:
        assert fault(world, N, act(step), id) == "/act"
    assert ("completed", "nato") not in clocks(world, id)
    post(world, N, act("reconfirmation"), id)
    post(world, N, act("withdrawal"), id)
    assert not clocks(world, id)["reconfirmation", "nato"].open


# What ends it


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("danger-area", act("all-clear"), "cleared"),
        ("military-activity", act("after-activity-report"), "reported"),
    ],
)
@pytest.mark.parametrize("step", [(), ("commenced",), ("holding",), ("completed",)])
def test_an_all_clear_and_a_report_follow_at_any_time(
    name: str, body: dict[str, Any], status: str, step: tuple[str, ...], world: World
) -> None:
    id = world.open(N, act(name))
    for word in step:
        post(world, N, act(word), id)
    post(world, ND, body, id)
    assert world.exchange(id).status == status


@pytest.mark.parametrize("name", FORMATS)
def test_an_event_that_is_under_way_is_not_taken_back_and_one_that_is_held_is(
    name: str, world: World
) -> None:
    id = world.open(N, act(name))
    post(world, N, act("commenced"), id)
    body = {"act": "cancellation", "reason": "Scrapped."}
    two = NH if world.exchange(id).released_by else ""
    assert fault(world, ND, body, id, seen=True, released_by=two) == "not-allowed-in-state"
    post(world, N, act("holding"), id)
    post(world, ND, body, id, seen=True, released_by=two)
    assert world.exchange(id).status == "cancelled"


@pytest.mark.parametrize("name", FORMATS)
def test_the_end_is_owed_an_hour_after_the_window_whether_it_was_seen_to_begin_or_not(
    name: str,
) -> None:
    for words in ((), ("commenced",), ("commenced", "holding"), ("holding",)):
        world = bound()
        id = world.open(N, act(name))
        for word in words:
            post(world, N, act(word), id)
        clock = clocks(world, id)["completed", "nato"]
        assert (clock.open, clock.binding, limit(clock)) == (True, True, HOUR)
        world.clock = clock.due
        assert isinstance(lapse(world, id, clock), Folded)
        post(world, N, act("completed"), id)
        assert clocks(world, id)["completed", "nato"].late(world.clock)


def test_an_end_within_the_hour_is_in_time() -> None:
    world = bound()
    id = world.open(N, act("danger-area"))
    set_clock(world, "2026-12-01T11:00Z")
    post(world, N, act("completed", at="2026-12-01T10:00Z"), id)
    clock = clocks(world, id)["completed", "nato"]
    assert clock.met is not None
    assert not clock.late(world.clock)


def test_the_end_of_the_matter_ends_the_limit() -> None:
    world = bound()
    for is_cancelled in (False, True):
        id = world.open(N, act("danger-area"))
        if is_cancelled:
            post(world, N, {"act": "cancellation", "reason": "Scrapped."}, id, seen=True)
        else:
            world.close(id)
        clock = clocks(world, id)["completed", "nato"]
        assert (clock.open, clock.met, clock.ended is None) == (False, None, False)


def test_a_completed_event_is_over_in_every_view_and_can_be_closed(world: World) -> None:
    id = world.open(N, act("danger-area"))
    post(world, N, act("commenced"), id)
    assert phase_of(world.registry, world.exchange(id), at("2026-12-01T09:00Z"))
    post(world, N, act("completed"), id)
    assert phase_of(world.registry, world.exchange(id), at("2026-12-01T09:00Z")) == ""
    world.close(id)
