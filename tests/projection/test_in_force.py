"""The windows in force as the service reads them: by position and moment, with their receipts, and
without a speaker outside the members' pages.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from announced import MOMENT, SHOAL, area
from dragoman.domain.fold import Folded
from dragoman.domain.record.errors import Refused
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.interop import geojson, icalendar, navtex
from dragoman.projection.projection import Projection
from dragoman.projection.queries.in_force import in_force
from dragoman.projection.store import Store
from dragoman_schemas.window_responses import InForce
from samples import act
from views import found
from world import World

STAY = {"from": "2026-12-01T07:00Z", "to": "2026-12-02T07:00Z"}
LONG = {"from": "2026-12-01T06:00Z", "to": "2026-12-02T06:00Z"}
Look = Callable[..., Any]


async def looked(world: World, store: Store) -> Look:
    """Fold a world into a file; what is in force there is then asked with further arguments."""
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [
            StoredMessage(position=n, subject=f"s.{n}", raw=raw)
            for n, raw in enumerate(world.raws, 1)
        ]
    )
    await projection.in_file()

    def look(now: datetime = MOMENT, at: int | None = None, **how: Any) -> InForce:
        return found(store, world.name, in_force, at=at, now=how.pop("moment", now), **how)

    return look


def stages(view: InForce) -> list[tuple[str, str]]:
    return [(window.act, window.stage) for window in view.windows]


def kept(world: World, actor: str, body: dict[str, Any], id: str) -> None:
    folded = world.keep(actor, body, id)
    assert isinstance(folded, Folded) and folded.valid, folded


def announce(world: World) -> dict[str, str]:
    """An area, a launch, an activity, a convoy and a visit that is granted, by their acts."""
    bodies = [
        ("china/d-1", act("danger-area")),
        ("china/h-1", act("launch-notice", window=LONG)),
        ("china/h-1", act("military-activity", window=LONG)),
        ("china/d-1", act("humanitarian-notification")),
        ("china/o-1", act("visit-request", arrival=STAY["from"], stay=STAY)),
    ]
    ids = {body["act"]: world.open(actor, body) for actor, body in bodies}
    kept(world, "nato/o-1", {"act": "grant"}, ids["visit-request"])
    return ids


async def test_the_windows_are_those_of_the_moment(world: World, store: Store) -> None:
    ids = announce(world)
    look = await looked(world, store)
    assert stages(look()) == [
        ("humanitarian-notification", "open"),
        ("launch-notice", "open"),
        ("military-activity", "open"),
        ("visit-request", "open"),
        ("danger-area", "open"),
    ]
    assert {window.exchange for window in look().windows} == {*ids.values()}
    before = look(moment=datetime(2026, 11, 30, 6, 0, tzinfo=UTC))
    assert {stage for _, stage in stages(before)} == {"near"} and len(before.windows) == 5
    assert stages(look(moment=MOMENT - timedelta(days=3))) == []
    assert stages(look(moment=MOMENT + timedelta(hours=2)))[-1] == ("danger-area", "not_ended")
    assert look().moment == "2026-12-01T09:00:00.000Z"


async def test_a_past_position_knows_what_was_recorded_by_then_and_has_its_own_moment(
    world: World, store: Store
) -> None:
    world.clock = MOMENT
    id = world.open("china/d-1", act("danger-area"))
    opened = world.position
    kept(world, "china/d-1", {"act": "commenced", "at": "2026-12-01T09:00:01Z"}, id)
    world.clock = MOMENT + timedelta(minutes=30)
    kept(world, "china/d-1", {"act": "completed", "at": "2026-12-01T09:20Z"}, id)
    look = await looked(world, store)
    much_later = datetime(2027, 1, 1, tzinfo=UTC)
    assert stages(look(much_later)) == [] == stages(look(MOMENT))
    then = MOMENT + timedelta(seconds=1)
    first = look(then, opened)
    assert (first.position, first.moment) == (opened, "2026-12-01T09:00:01.000Z")
    assert [(window.status, window.commenced) for window in first.windows] == [("announced", "")]
    (window,) = look(then, opened + 1).windows
    assert (window.status, window.commenced) == ("under_way", "2026-12-01T09:00:01.000Z")
    (window,) = look(MOMENT + timedelta(hours=9), opened).windows
    assert window.stage == "not_ended"


async def test_progress_is_told_as_the_side_said_it(world: World, store: Store) -> None:
    ids = announce(world)
    world.clock = MOMENT
    area_id, visit = ids["danger-area"], ids["visit-request"]
    kept(world, "china/d-1", {"act": "commenced", "at": "2026-12-01T16:05+08:00"}, area_id)
    hold = {"act": "holding", "at": "2026-12-01T08:30Z", "until": "2026-12-01T09:30Z"}
    kept(world, "china/d-1", hold, area_id)
    kept(world, "nato/o-1", {"act": "arrival", "at": "2026-12-01T07:10Z"}, visit)
    look = await looked(world, store)
    told = {window.exchange: window for window in look().windows}
    held, arrived = told[area_id], told[visit]
    assert (held.stage, held.commenced, held.holding, held.holding_until) == (
        "holding",
        "2026-12-01T08:05:00.000Z",
        "2026-12-01T08:30:00.000Z",
        "2026-12-01T09:30:00.000Z",
    )
    assert (arrived.arrived, arrived.opens, arrived.closes) == (
        "2026-12-01T07:10:00.000Z",
        "2026-12-01T07:00:00.000Z",
        "2026-12-02T07:00:00.000Z",
    )


async def test_a_window_has_its_places_limits_and_numbers(world: World, store: Store) -> None:
    announce(world)
    look = await looked(world, store)
    told = {window.act: window for window in look().windows}
    assert {name: [*window.places] for name, window in told.items()} == {
        "danger-area": ["place"],
        "launch-notice": ["launch_area", "impact_areas", "dropping_zones"],
        "military-activity": ["place"],
        "humanitarian-notification": ["route"],
        "visit-request": ["place"],
    }
    kinds = {name: window.kind for name, window in told.items()}
    assert [*kinds.values()] == ["movement", "pre_launch", "field_exercise", "inspection", "firing"]
    danger = told["danger-area"]
    assert bytes(danger.ceiling) == b'{"value":10000,"unit":"ft"}'
    assert (danger.notam, told["launch-notice"].navarea) == (("A1235/26",), ("XI 0456/26",))


async def test_who_has_not_acknowledged_and_whom_nobody_told_is_beside_each_window(
    world: World, store: Store
) -> None:
    posts = {"act": "onward-adoption", "entries": [{"format": "danger-area", "posts": ["Ships"]}]}
    folded = world.keep("nato/h-1", posts)
    assert isinstance(folded, Folded) and folded.valid, folded
    first = world.open("china/d-1", act("danger-area"))
    second = world.open("china/d-1", act("danger-area"))
    kept(world, "nato/d-1", {"act": "acknowledgement"}, second)
    told = {"act": "passed-on", "to_post": "Ships", "at": "2026-11-24T12:00Z"}
    kept(world, "nato/d-1", told, second)
    look = await looked(world, store)
    found = {window.exchange: window for window in look().windows}
    assert (found[first].unacknowledged_by, found[first].not_passed_on) == (
        ("nato",),
        {"nato": ("Ships",)},
    )
    assert (found[second].unacknowledged_by, found[second].not_passed_on) == ((), {})


async def test_older_announcements_that_were_not_read_are_counted(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.projection.view.LIST_PAGE", 2)
    ids = [world.open("china/d-1", area(SHOAL)) for _ in range(5)]
    world.clock = MOMENT
    kept(world, "china/d-1", {"act": "completed", "at": "2026-12-01T08:30Z"}, ids[0])
    look = await looked(world, store)
    view = look()
    assert ([window.exchange for window in view.windows], view.not_read) == (ids[3:], 2)
    assert look(at=world.position - 1, moment=MOMENT).not_read == 3


async def test_before_the_channel_was_opened_there_is_no_answer(world: World, store: Store) -> None:
    await looked(world, store)
    with pytest.raises(Refused, match="not open"):
        found(store, world.name, in_force, at=0, now=MOMENT)


# The Chatham House Rule

SIDES = ("quixotia", "zanzibari", "wolframland")


@pytest.fixture
async def under_rule(store: Store) -> tuple[World, Look]:
    """A channel in which one side asked to visit, under the rule, a place that each side names."""
    world = World(sides=SIDES, name="round-table")
    place = {**SHOAL, "names": {"zanzibari": "Southern gate", "quixotia": "Gate 4"}}
    body = act("visit-request", place=place, arrival=STAY["from"], stay=STAY)
    body["attribution"] = "chatham_house"
    id = world.open("zanzibari/o-1", body)
    for side in ("quixotia", "wolframland"):
        kept(world, f"{side}/o-1", {"act": "grant"}, id)
    return world, await looked(world, store)


async def test_members_see_who_asked(under_rule: tuple[World, Look]) -> None:
    _, look = under_rule
    (window,) = look().windows
    assert (window.side, sorted(window.to)) == ("zanzibari", ["quixotia", "wolframland"])
    assert "ZANZIBARI" in window.number


async def test_no_export_says_who_asked_under_the_rule(under_rule: tuple[World, Look]) -> None:
    world, look = under_rule
    view = look(members=False)
    (window,) = view.windows
    assert (window.side, window.number, window.to, window.unacknowledged_by) == ("", "", (), ())
    exports = {
        "geojson": geojson.collection(view),
        "navtex": navtex.text(view).encode(),
        "json": msgspec.json.encode(view),
        "calendar": icalendar.feed(
            world.registry, world.ledger.exchanges(), datetime(2020, 1, 1, tzinfo=UTC)
        ),
    }
    for name, raw in exports.items():
        text = raw.decode().casefold()
        assert "inspection" in text or name == "calendar", name
        assert not [side for side in SIDES if side in text], name
        assert "/0001/" not in text, name


async def test_a_window_has_the_marking_of_the_message_that_named_it(store: Store) -> None:
    world = World()
    world.open("china/d-1", act("danger-area"))
    world.open("china/d-1", {**act("danger-area"), "marking": "HEADS ONLY"})
    look = await looked(world, store)
    view = look(datetime(2026, 12, 1, 7, tzinfo=UTC))
    assert sorted(window.marking for window in view.windows) == ["", "HEADS ONLY"]
    features = msgspec.json.decode(geojson.collection(view))["features"]
    shown = {feature["properties"]["marking"] for feature in features}
    assert shown == {"SIDES ONLY", "HEADS ONLY"}
    assert navtex.text(view).count("MARKING: HEADS ONLY.") == 1
