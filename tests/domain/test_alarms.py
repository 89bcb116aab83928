"""An unacknowledged flash: how often it is repeated, whom it reaches with time, and whom the sender
rings next.
"""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.views.alarms import RUNGS, escalations, reached, was_to_ring
from dragoman.domain.views.points_of_contact import attended, next_calls, points
from dragoman_schemas.fields import Hours
from samples import act
from world import World

ND, CD, CH = "nato/d-1", "china/d-1", "china/h-1"
FLASH = act("contact-note", precedence="flash")


def waiting(world: World, id: str, seconds: float) -> list[tuple[str, int, tuple[str, ...]]]:
    exchange = world.exchange(id)
    now = datetime.fromisoformat(exchange.opened.time) + timedelta(seconds=seconds)
    return [
        (each.side, each.repeats, each.officers)
        for each in escalations(world.registry, exchange, now)
    ]


@pytest.fixture
def manned(world: World) -> World:
    """China has two duty officers, the first of whom has the watch."""
    world.keep(
        "china/root",
        {"act": "officer", "officer": "d-2", "office": "hq", "roles": ["duty_officer"]},
    )
    world.keep(CD, {"act": "watch-assumption"})
    return world


@pytest.mark.parametrize(
    ("seconds", "repeats", "officers"),
    [
        (0, 0, (CD,)),
        (59.9, 0, (CD,)),
        (60, 1, (CD,)),
        (299, 4, (CD,)),
        (300, 5, (CD, "china/d-2")),
        (539, 8, (CD, "china/d-2")),
        (540, 9, (CD, "china/d-2", CH)),
        (3600, 60, (CD, "china/d-2", CH)),
    ],
)
def test_a_flash_is_repeated_each_minute_and_reaches_further(
    seconds: float, repeats: int, officers: tuple[str, ...], manned: World
) -> None:
    assert waiting(manned, manned.open(ND, FLASH), seconds) == [("china", repeats, officers)]


def test_an_acknowledgement_ends_it(manned: World) -> None:
    id = manned.open(ND, FLASH)
    manned.keep(CD, act("acknowledgement"), id)
    assert waiting(manned, id, 600) == []


@given(asked=st.integers(0, 900), acknowledged=st.none() | st.integers(1, 900))
def test_a_flash_rang_for_the_steps_that_came_before_it_was_acknowledged(
    asked: int, acknowledged: int | None
) -> None:
    world = World()
    id = world.open(ND, FLASH)
    since = datetime.fromisoformat(world.exchange(id).opened.time)
    if acknowledged is not None:
        world.clock = since + timedelta(seconds=acknowledged - 1)
        world.keep(CD, act("acknowledgement"), id)
    state = world.exchange(id)
    until = asked if acknowledged is None else min(asked, acknowledged)
    found = was_to_ring(
        world.registry, state, state.messages[0], "china", since + timedelta(seconds=asked)
    )
    assert found == tuple(
        (since + timedelta(seconds=seconds), rung) for seconds, rung in RUNGS if seconds <= until
    )


def test_while_nobody_has_the_watch_every_duty_officer_is_reached_at_once(world: World) -> None:
    world.keep(
        "china/root",
        {"act": "officer", "officer": "d-2", "office": "hq", "roles": ["duty_officer"]},
    )
    assert reached(world.registry, "china", "duty_officer") == (CD, "china/d-2")


def test_an_officer_who_was_revoked_is_not_reached(manned: World) -> None:
    manned.keep("china/root", {"act": "officer-revocation", "officer": "d-1"})
    assert reached(manned.registry, "china", "duty_officer") == ("china/d-2",)


@pytest.mark.parametrize(
    "change",
    [
        {"precedence": "immediate"},
        {"for_the_record": True},
        {"passed_by": {"means": "voice", "at": "2026-11-24T12:00Z", "to_post": "Duty officer"}},
    ],
)
def test_what_is_less_urgent_or_was_said_otherwise_rings_nobody(
    change: dict[str, object], manned: World
) -> None:
    assert waiting(manned, manned.open(ND, {**FLASH, **change}), 600) == []


def test_a_track_2_channel_rings_nobody() -> None:
    world = World(kind="track2")
    assert waiting(world, world.open(ND, act("immediate-notification")), 600) == []


# Whom to ring


HOURS = Hours(days=("mon", "tue"), from_="08:00", to="18:00", zone="Asia/Shanghai")
NIGHT = Hours(days=("mon",), from_="20:00", to="04:00", zone="UTC")


@pytest.mark.parametrize(
    ("hours", "now", "there", "opens"),
    [
        (HOURS, "2026-11-23T00:00Z", True, None),
        (HOURS, "2026-11-23T09:59Z", True, None),
        (HOURS, "2026-11-23T10:00Z", False, "2026-11-24T08:00+08:00"),
        (HOURS, "2026-11-24T10:00Z", False, "2026-11-30T08:00+08:00"),
        (NIGHT, "2026-11-24T03:59Z", True, None),
        (NIGHT, "2026-11-24T04:00Z", False, "2026-11-30T20:00Z"),
    ],
)
def test_somebody_is_there_in_the_hours_of_the_zone(
    hours: Hours, now: str, opens: str | None, *, there: bool
) -> None:
    expected = None if opens is None else datetime.fromisoformat(opens)
    assert attended(hours, frozenset(), datetime.fromisoformat(now)) == (there, expected)


def test_on_a_holiday_nobody_is_there() -> None:
    holiday = frozenset({"2026-11-23"})
    assert attended(HOURS, holiday, datetime.fromisoformat("2026-11-23T00:00Z")) == (
        False,
        datetime.fromisoformat("2026-11-24T08:00+08:00"),
    )


def point(world: World, role: str, **changes: object) -> str:
    body = act(
        "point-of-contact",
        role=role,
        hours="24x7",
        **{"valid_from": "2026-11-24T00:00Z", **changes},
    )
    return world.open(CH, body)


def stages(world: World) -> dict[str, str]:
    entries = [
        world.exchange(id)
        for id in sorted(world.ledger._encoded)
        if world.ledger.exchange(id) is not None
    ]
    entries = sorted(
        (each for each in entries if each.act == "point-of-contact"),
        key=lambda each: each.opened.position,
    )
    return {
        each.exchange.id: each.stage for each in points(world.registry, entries, {}, world.clock)
    }


def test_a_newer_point_of_the_same_role_supersedes_once_it_takes_effect(world: World) -> None:
    old, other = point(world, "Hotline"), point(world, "Head of section")
    later = point(world, "Hotline", valid_from="2026-12-24T00:00Z")
    assert stages(world) == {old: "in_force", other: "in_force", later: "announced"}
    new = point(world, "Hotline")
    assert stages(world) == {
        old: "superseded",
        other: "in_force",
        later: "announced",
        new: "in_force",
    }
    world.keep(CH, act("withdrawal"), new)
    assert stages(world) == {old: "in_force", other: "in_force", later: "announced"}


def test_who_is_there_and_was_not_tried_yet_is_rung_first(world: World) -> None:
    night = {"days": ["sun"], "from": "01:00", "to": "02:00", "zone": "UTC"}
    away = world.open(
        CH, act("point-of-contact", role="Section", hours=night, valid_from="2026-11-24T00:00Z")
    )
    hotline, deputy = point(world, "Hotline"), point(world, "Deputy")
    id = world.open(ND, FLASH)

    def ringing() -> list[tuple[str, int]]:
        found = points(
            world.registry,
            [world.exchange(each) for each in (away, hotline, deputy)],
            {"china": DutyCalendar()},
            world.clock,
        )
        return [
            (each.role, tried) for each, tried in next_calls(found, ["china"], world.exchange(id))
        ]

    assert ringing() == [("Hotline", 0), ("Deputy", 0), ("Section", 0)]
    world.keep(ND, act("call-attempt", post="Hotline", side="china"), id)
    assert ringing() == [("Deputy", 0), ("Section", 0), ("Hotline", 1)]
    world.keep(ND, act("call-attempt", post="Deputy", side="unknown"), id)
    assert ringing() == [("Section", 0), ("Hotline", 1), ("Deputy", 1)]
