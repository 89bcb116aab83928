"""Notices that a window opens in an hour, and in ten minutes: which are due, and which are void."""

from datetime import timedelta
from typing import Any

import pytest

from dragoman.domain.acts import window_notices
from dragoman.domain.acts.window_notices import DueNotice
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from owing import CD, ND, C, N, at, bound, fault, notify, of_service, post, set_clock
from samples import act
from world import SALT, World

OPENS = "2026-12-01T08:00Z"


def area(world: World, **changes: Any) -> str:
    """Announce a danger area of two hours."""
    return world.open(N, act("danger-area", **changes))


def due(world: World, id: str) -> list[int]:
    """Return the steps of the notices that are not on record."""
    return [
        notice.step for notice in window_notices.due_notices(world.registry, world.exchange(id))
    ]


def reached(world: World, id: str, moment: str) -> int:
    """Return the step of the notice that is due at a time; 0 for none."""
    notice = window_notices.reached_notice(world.registry, world.exchange(id), at(moment))
    return 0 if notice is None else notice.step


def notice_at(world: World, id: str, moment: str) -> bool:
    """Record the notice that is due at a time, and return whether it is valid."""
    set_clock(world, moment)
    notice = window_notices.reached_notice(world.registry, world.exchange(id), at(moment))
    assert notice is not None
    outcome = notify(world, id, notice)
    return isinstance(outcome, Folded) and outcome.valid


@pytest.mark.parametrize(
    ("moment", "step"),
    [
        ("2026-12-01T06:59:59.999Z", 0),
        ("2026-12-01T07:00Z", 60),
        ("2026-12-01T07:49:59.999Z", 60),
        ("2026-12-01T07:50Z", 10),
        ("2026-12-01T07:59:59.999Z", 10),
        ("2026-12-01T08:00Z", 0),
        ("2026-12-01T09:00Z", 0),
    ],
)
def test_a_notice_is_due_an_hour_and_ten_minutes_before_the_window_opens(
    moment: str, step: int, world: World
) -> None:
    assert reached(world, area(world), moment) == step


@pytest.mark.parametrize(
    ("sent", "steps"),
    [
        ("2026-12-01T06:59:59Z", [60, 10]),
        ("2026-12-01T07:00Z", [10]),
        ("2026-12-01T07:49:59Z", [10]),
        ("2026-12-01T07:50Z", []),
        ("2026-12-01T09:00Z", []),
    ],
)
def test_a_message_that_comes_later_is_the_notice_itself(
    sent: str, steps: list[int], world: World
) -> None:
    set_clock(world, sent)
    assert due(world, area(world)) == steps


def test_each_is_recorded_once_and_the_later_one_makes_up_for_the_earlier(world: World) -> None:
    id = area(world)
    assert due(world, id) == [60, 10]
    assert notice_at(world, id, "2026-12-01T07:10Z")
    assert due(world, id) == [10]
    assert reached(world, id, "2026-12-01T07:20Z") == 0
    assert notice_at(world, id, "2026-12-01T07:55Z")
    assert due(world, id) == []
    late = area(world)
    assert due(world, late) == []
    skipped = World()
    id = area(skipped)
    assert notice_at(skipped, id, "2026-12-01T07:55Z")
    assert due(skipped, id) == [], "an hour is not announced in the last ten minutes"


def test_another_window_has_notices_of_its_own(world: World) -> None:
    id = area(world)
    assert notice_at(world, id, "2026-12-01T07:10Z")
    window = {"from": "2026-12-02T08:00Z", "to": "2026-12-02T10:00Z"}
    post(world, ND, {"act": "update", "fields": {"window": window}}, id)
    assert due(world, id) == [60, 10]
    assert notice_at(world, id, "2026-12-02T07:00Z")
    assert notice_at(world, id, "2026-12-02T07:50Z")
    assert due(world, id) == []
    back = act("danger-area")["window"] | {"from": "2026-12-02T09:00Z", "to": "2026-12-02T10:00Z"}
    post(world, ND, {"act": "update", "fields": {"window": back}}, id)
    assert due(world, id) == [60, 10]


def test_words_after_the_notice_ask_for_no_other(world: World) -> None:
    id = area(world)
    assert notice_at(world, id, "2026-12-01T07:10Z")
    post(world, ND, {"act": "update", "text": "On time."}, id)
    post(world, CD, act("acknowledgement"), id)
    assert due(world, id) == [10]


# Which events have them


@pytest.mark.parametrize(
    ("body", "steps"),
    [
        (act("danger-area"), [60, 10]),
        (act("launch-notice"), [60, 10]),
        (act("military-activity"), [60, 10]),
        (act("humanitarian-notification"), [60, 10]),
        (act("humanitarian-notification", kind="site", place="Camp"), [60, 10]),
        (act("visit-request"), []),
        (act("visit-invitation"), []),
        (act("terrorism-warning"), []),
        (act("meeting-request"), []),
        (act("danger-area", for_the_record=True), []),
    ],
)
def test_announced_windows_have_notices_once_they_are_agreed(
    body: dict[str, Any], steps: list[int], world: World
) -> None:
    assert due(world, world.open(N, body)) == steps


def test_a_visit_has_notices_once_it_was_granted_and_none_once_it_was_refused(world: World) -> None:
    id = world.open(N, act("visit-request"))
    post(world, C, {"act": "grant", "arrival": "2027-01-12T08:00Z"}, id)
    notices = list(window_notices.due_notices(world.registry, world.exchange(id)))
    assert [notice.opens for notice in notices] == [at("2027-01-12T08:00Z")] * 2
    post(world, C, {"act": "decline"}, id)
    assert due(world, id) == []


@pytest.mark.parametrize("kind", ["track2", "exercise", "official"])
def test_no_talks_have_notices(kind: str) -> None:
    world = World(kind=kind, name="talks-exercise" if kind == "exercise" else "talks")
    assert due(world, area(world)) == ([] if kind == "track2" else [60, 10])


@pytest.mark.parametrize(
    "steps",
    [
        [act("completed")],
        [act("all-clear")],
        [{"act": "cancellation", "reason": "Scrapped."}],
        [],
    ],
)
def test_an_event_that_is_over_has_none(steps: list[dict[str, Any]], world: World) -> None:
    id = area(world)
    for body in steps:
        post(world, ND, body, id, seen=True)
    if not steps:
        world.close(id)
    assert due(world, id) == []


@pytest.mark.parametrize("name", ["commenced", "holding"])
def test_an_event_that_is_held_or_began_early_still_has_its_window(name: str, world: World) -> None:
    id = area(world)
    post(world, ND, act(name), id)
    assert due(world, id) == [60, 10]


def test_a_postponed_launch_has_none_until_any_message_names_another_window(world: World) -> None:
    for body in (
        {"act": "postponement", "windows": [act("danger-area")["window"]]},
        {"act": "update", "fields": {"window": act("danger-area")["window"]}},
    ):
        id = world.open(N, act("launch-notice"))
        post(world, ND, {"act": "postponement"}, id)
        assert due(world, id) == []
        post(world, ND, body, id)
        assert due(world, id) == [60, 10]


# Their record


def test_a_notice_binds_nobody_so_it_needs_no_profile_and_moves_no_matter() -> None:
    world = World()
    assert not world.registry.profiles
    id = area(world)
    before = world.exchange(id)
    assert notice_at(world, id, "2026-12-01T07:10Z")
    now = world.exchange(id)
    assert (now.status, now.revision, now.messages) == (
        before.status,
        before.revision,
        before.messages,
    )
    assert [bytes(item.content["step"]) for item in now.acts["window-notice"]] == [b"60"]


@pytest.mark.parametrize(
    "change",
    ["too early", "too late", "another step", "another time", "another cause", "again", "officer"],
)
def test_a_notice_that_no_scheduler_would_record_is_void(change: str) -> None:
    world = bound()
    id = area(world)
    notice = DueNotice(started_by=id, step=60, opens=at(OPENS))
    set_clock(world, "2026-12-01T07:10Z")
    body, cause = window_notices.act_of(notice), id
    match change:
        case "too early":
            set_clock(world, "2026-12-01T06:59:59Z")
        case "too late":
            set_clock(world, "2026-12-01T08:00Z")
        case "another step":
            body = body.replace(b'"step":60', b'"step":10')
        case "another time":
            body = body.replace(b"08:00:00.000Z", b"08:00:00.001Z")
        case "another cause":
            cause = world.open(N, act("contact-note"))
        case "again":
            assert isinstance(notify(world, id, notice), Folded)
        case _:
            sample = act("window-notice", started_by=id, opens="2026-12-01T08:00:00.000Z")
            assert fault(world, ND, sample, id) == "void"
            return
    assert not isinstance(of_service(world, id, body, cause), Folded)


def test_a_notice_with_an_id_of_its_own_choice_is_void(world: World) -> None:
    id = area(world)
    set_clock(world, "2026-12-01T07:10Z")
    envelope = records.envelope(
        id=ids.from_key(world.name, "service/watch", "another-key-16-long"),
        source="/services/watch",
        name="window-notice",
        version=1,
        subject=id,
        time=world.tick(),
        channel=world.name,
        family="notification",
        actor="service/watch",
        decided=world.position,
        salt=SALT,
        caused_by=id,
    )
    notice = DueNotice(started_by=id, step=60, opens=at(OPENS))
    folded = world.take(records.build(envelope, window_notices.act_of(notice)))
    assert (folded.valid, due(world, id)) == (False, [60, 10])


def test_notices_of_every_step_have_keys_of_their_own(world: World) -> None:
    id = area(world)
    keys = {
        window_notices.key_of(id, records.decode_act(window_notices.act_of(notice)))  # type: ignore[arg-type]
        for notice in window_notices.due_notices(world.registry, world.exchange(id))
    }
    assert len(keys) == len(window_notices.STEPS)


@pytest.mark.parametrize("minutes", [-61, -60, -59, -10, -9, 0, 1])
def test_the_record_decides_as_the_list_does(minutes: int, world: World) -> None:
    id = area(world)
    moment = at(OPENS) + timedelta(minutes=minutes)
    world.clock = moment - timedelta(seconds=1)
    for step in window_notices.STEPS:
        notice = DueNotice(started_by=id, step=step, opens=at(OPENS))
        is_due = reached(world, id, moment.isoformat()) == step
        body = window_notices.act_of(notice)
        assert isinstance(of_service(world, id, body, id), Folded) is is_due
        world.clock = moment - timedelta(seconds=1)
