"""A danger area may be until further notice: its side confirms it again, and nobody calls a leak or
a flood wave short notice.
"""

from datetime import datetime, timedelta
from typing import Any

import icalendar
import pytest

from dragoman.domain.acts import deadlines, event_windows
from dragoman.domain.views.flags import flags
from dragoman.domain.views.in_force import windows_in_force
from dragoman.domain.views.lead_times import lead
from dragoman.domain.views.phase import phase_of
from dragoman.interop import navtex
from dragoman.interop.cap import alert
from dragoman.interop.cap_reader import read
from dragoman.interop.icalendar import feed
from dragoman.projection.queries.in_force import window_view
from dragoman_schemas.window_responses import InForce
from samples import act
from world import World, refused

UFN = {"from": "2026-11-24T13:00Z", "to": "until_further_notice"}
LEAK = {"hazard": "gas_leak", "window": UFN}


def adopted() -> World:
    world = World()
    for side in ("nato", "china"):
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "default"})
    return world


def now_of(world: World, id: str) -> datetime:
    return deadlines.instant(world.exchange(id).opened.time)


def opened(**changes: Any) -> tuple[World, str]:
    world = adopted()
    return world, world.open("nato/o-1", act("danger-area") | LEAK | changes)


def test_an_area_until_further_notice_is_in_force_as_long_as_nobody_clears_it() -> None:
    world, id = opened()
    late = now_of(world, id) + timedelta(days=200)
    (window,) = windows_in_force(world.registry, [world.exchange(id)], late)
    assert window.stage == "open" and window.window.until_further_notice
    assert phase_of(world.registry, world.exchange(id), late) == "active"
    world.keep("nato/d-1", {"act": "all-clear", "cleared_at": "2026-11-24T13:30Z"}, id)
    assert not windows_in_force(world.registry, [world.exchange(id)], late)


def test_it_is_confirmed_again_within_a_limit_and_owes_no_word_that_it_is_over() -> None:
    world, id = opened()
    owed = {
        clock.clock: clock
        for clock in deadlines.deadlines_of(world.registry, world.exchange(id), {})
    }
    assert "completed" not in owed and owed["reconfirmation"].side == "nato"
    limits, _ = deadlines.profile_of(world.registry)
    begun = deadlines.instant(world.exchange(id).opened.time)
    assert owed["reconfirmation"].due == begun + timedelta(seconds=limits.area_reconfirmed)
    world.keep("nato/o-1", {"act": "reconfirmation"}, id)
    again = next(
        clock
        for clock in deadlines.open_deadlines(world.registry, world.exchange(id), {})
        if clock.clock == "reconfirmation"
    )
    assert again.due > owed["reconfirmation"].due
    world.keep("nato/d-1", {"act": "all-clear", "cleared_at": "2026-11-24T13:30Z"}, id)
    assert not [
        clock
        for clock in deadlines.open_deadlines(world.registry, world.exchange(id), {})
        if clock.clock in ("reconfirmation", "completed")
    ]


def test_an_area_with_an_end_is_not_confirmed_and_one_that_gets_an_end_owes_its_end() -> None:
    world, id = opened()
    ends = {"from": UFN["from"], "to": "2026-12-24T13:00Z"}
    world.keep("nato/o-1", {"act": "update", "fields": {"window": ends}}, id)
    assert not event_windows.is_until_further_notice(world.exchange(id))
    clocks = {
        clock.clock for clock in deadlines.open_deadlines(world.registry, world.exchange(id), {})
    }
    assert "completed" in clocks and "reconfirmation" not in clocks
    refusal = refused(world.decide("nato/o-1", {"act": "reconfirmation"}, id))
    assert refusal.faults[0].pointer == "/act"


def test_an_end_that_is_forgotten_is_refused() -> None:
    body = act("danger-area") | {"window": {"from": "2026-11-24T13:00Z"}}
    assert refused(World().decide("nato/o-1", body)).faults[0].pointer == "/window/to"


@pytest.mark.parametrize(
    ("changes", "is_measured"),
    [
        ({"hazard": "firing"}, True),
        ({"hazard": "other", "hazard_text": "Parade"}, True),
        ({"hazard": "other", "hazard_text": "Ice jam", "self_caused": False}, False),
        *(({"hazard": name}, False) for name in ("gas_leak", "flood_wave", "unexploded_ordnance")),
        ({"hazard": "wreck"}, False),
        ({"hazard": "flood_wave", "self_caused": True}, True),
    ],
)
def test_notice_is_measured_only_of_what_the_side_causes(
    changes: dict[str, Any], is_measured: bool
) -> None:
    world, id = opened(**changes)
    exchange = world.exchange(id)
    assert (lead(world.registry, exchange) is not None) == is_measured
    raised = {flag.flag for flag in flags(world.registry, exchange, ())}
    assert ("short_notice" in raised) == is_measured


def test_exports_say_until_further_notice_and_give_no_end() -> None:
    world, id = opened()
    exchange, now = world.exchange(id), now_of(world, id) + timedelta(hours=3)
    views = tuple(window_view(each) for each in windows_in_force(world.registry, [exchange], now))
    text = navtex.text(
        InForce(channel="c", marking="m", position=1, moment="2026-11-24T15:00:00.000Z",
                notice={"en": "n"}, windows=views)
    )  # fmt: skip
    assert "UNTIL FURTHER NOTICE" in " ".join(text.split()) and "CANCEL PARA" not in text
    xml = alert(world.registry, exchange)
    assert b"<expires>" not in xml and b"<onset>2026-11-24T13:00:00+00:00</onset>" in xml
    assert read(xml).act["window"] == UFN
    calendar = icalendar.Calendar.from_ical(
        feed(world.registry, [exchange], now_of(world, id) + timedelta(days=90)).decode()
    )
    (event,) = calendar.walk("VEVENT")
    assert "dtstart" in event and "dtend" not in event
