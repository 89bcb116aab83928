"""A window that was not passed on by its limit rings for the side that must pass it on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dragoman.domain.fold import Folded
from dragoman.domain.record.errors import Refusal
from dragoman.domain.views.alarms import RUNGS, UnpassedMessage, unpassed
from dragoman_schemas.state import Exchange
from world import World

OPENS = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
AREA: dict[str, Any] = {
    "act": "danger-area",
    "place": "North of the shoal",
    "hazard": "firing",
    "window": {"from": "2026-11-26T08:00Z", "to": "2026-11-26T10:00Z"},
}
LIST: dict[str, Any] = {
    "act": "onward-adoption",
    "entries": [{"format": "danger-area", "posts": ["Coastal radio", "Harbour"]}],
}


def kept(result: Folded | Refusal) -> Folded:
    """Return the folded record, which must have an effect."""
    assert isinstance(result, Folded) and result.valid, result
    return result


@pytest.fixture
def world() -> World:
    """Return a channel in which one side passes danger areas on."""
    channel = World()
    kept(channel.keep("china/h-1", LIST))
    return channel


def announced(world: World, **members: Any) -> Exchange:
    """Return a danger area of the other side."""
    state = kept(world.keep("nato/o-1", {**AREA, **members})).state
    assert isinstance(state, Exchange)
    return state


def ringing(world: World, exchange: str, moment: datetime) -> list[UnpassedMessage]:
    """Return the messages that ring at a moment."""
    return list(unpassed(world.registry, world.exchange(exchange), moment))


def test_it_rings_from_two_hours_before_until_the_window_is_over(world: World) -> None:
    area = announced(world)
    limit = OPENS - timedelta(hours=2)
    assert not ringing(world, area.id, limit - timedelta(seconds=1))
    for moment in (limit, OPENS, OPENS + timedelta(hours=2)):
        (alarm,) = ringing(world, area.id, moment)
        assert (alarm.side, alarm.posts, alarm.since) == (
            "china",
            ("Coastal radio", "Harbour"),
            limit,
        )
    assert not ringing(world, area.id, OPENS + timedelta(hours=2, seconds=1))


def test_it_reaches_further_officers_as_a_flash_does(world: World) -> None:
    area = announced(world)
    for seconds, rung in RUNGS:
        (alarm,) = ringing(world, area.id, OPENS - timedelta(hours=2) + timedelta(seconds=seconds))
        assert alarm.rungs[-1] == rung


def test_it_rings_until_every_post_has_been_told(world: World) -> None:
    area = announced(world)
    for post, remaining in (("Coastal radio", ("Harbour",)), ("Harbour", ())):
        act = {"act": "passed-on", "to_post": post, "at": "2026-11-24T12:30Z"}
        world.clock = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
        kept(world.keep("china/d-1", act, exchange=area.id))
        posts = [alarm.posts for alarm in ringing(world, area.id, OPENS)]
        assert posts == ([remaining] if remaining else [])


def test_a_message_that_is_only_acknowledged_still_rings(world: World) -> None:
    area = announced(world)
    kept(world.keep("china/d-1", {"act": "acknowledgement"}, exchange=area.id))
    assert ringing(world, area.id, OPENS)


def test_nothing_rings_after_the_end_or_for_the_record_or_without_a_list(world: World) -> None:
    cleared = announced(world)
    clear = {"act": "all-clear", "cleared_at": "2026-11-24T13:00Z"}
    kept(world.keep("nato/d-1", clear, exchange=cleared.id))
    recorded_later = announced(world, for_the_record=True)
    assert not ringing(world, cleared.id, OPENS)
    assert not ringing(world, recorded_later.id, OPENS)
    other = World()
    assert not ringing(other, announced(other).id, OPENS)


def test_a_list_counts_for_messages_from_then_on() -> None:
    world = World()
    before = announced(world)
    kept(world.keep("china/h-1", LIST))
    assert not ringing(world, before.id, OPENS)
    assert ringing(world, announced(world).id, OPENS)
    kept(world.keep("china/h-1", {**LIST, "entries": []}))
    assert not ringing(world, announced(world).id, OPENS), "an empty list ends it"
