"""However many flashes one side sends, the flash of another side is in sight, with a button of its
own.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.i18n.words import words
from dragoman.limits import GROUP_ALARMS
from dragoman.office.alarm.alarm import grouped
from dragoman.projection.open_deadlines import OpenDeadlines
from dragoman.projection.projection import Projection
from dragoman.projection.queries import duty_watch
from dragoman.projection.store import Store
from views import found
from world import INCIDENT, World

SIDES = ("alfa", "bravo", "reader")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "projection.sqlite")
    yield store
    store.close()


async def _kept(world: World, store: Store) -> Projection:
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [
            StoredMessage(position=n, subject=f"s.{n}", raw=raw)
            for n, raw in enumerate(world.raws, 1)
        ]
    )
    await projection.in_file()
    return projection


def flash(world: World, side: str) -> str:
    return world.open(f"{side}/d-1", {**INCIDENT, "precedence": "flash", "to": ["reader"]})


async def test_a_hundred_flashes_of_one_side_hide_no_flash_of_another(store: Store) -> None:
    world = World(sides=SIDES, name="three")
    many = [flash(world, "alfa") for _ in range(3 * GROUP_ALARMS + 145)]
    one = flash(world, "bravo")
    projection = await _kept(world, store)
    known = OpenDeadlines(projection)
    await known.begin()
    waiting = [(projection, each, True) for each in known.listed() if each.clock.side == "reader"]
    waiting.sort(key=lambda each: each[1].clock.begins)
    rings, groups = grouped(waiting, lambda projection, side: 0, words("en"), world.clock)
    assert [(group.sender, group.count, group.newest.exchange) for group in groups] == [
        ("alfa", len(many), many[-1]),
        ("bravo", 1, one),
    ]
    assert {one, many[-1], *many[:GROUP_ALARMS]} == {ring.exchange for ring in rings}
    assert [ring.exchange for ring in rings if ring.joined] == [many[-1]], (
        "what joined its group has no sound of its own"
    )
    view = found(store, "three", duty_watch.watch_view, "reader", now=world.clock)
    assert {each.exchange for each in view.alarms if each.alarm == "flash_unacknowledged"} == {
        one,
        *many,
    }
    assert [each.id for each in found(store, "three", duty_watch.flashes)] == [*many, one]


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(senders=st.lists(st.sampled_from(["alfa", "bravo"]), max_size=30))
def test_every_sender_has_a_group_with_its_count_and_its_newest_message(
    senders: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = World(sides=SIDES, name="three")
    sent = [(side, flash(world, side)) for side in senders]
    store = Store(tmp_path_factory.mktemp("groups") / "projection.sqlite")

    async def looked() -> tuple[list[str], dict[str, tuple[int, str, int]]]:
        projection = await _kept(world, store)
        known = OpenDeadlines(projection)
        await known.begin()
        waiting = [
            (projection, each, True) for each in known.listed() if each.clock.side == "reader"
        ]
        waiting.sort(key=lambda each: each[1].clock.begins)
        rings, groups = grouped(waiting, lambda projection, side: 0, words("en"), world.clock)
        return [ring.exchange for ring in rings], {
            group.sender: (group.count, group.newest.exchange, len(group.earlier) + group.more)
            for group in groups
        }

    rings, groups = asyncio.run(looked())
    store.close()
    own = {side: [id for sender, id in sent if sender == side] for side in dict.fromkeys(senders)}
    assert groups == {side: (len(ids), ids[-1], len(ids) - 1) for side, ids in own.items()}
    assert rings == [
        id for side, id in sent if id in own[side][:GROUP_ALARMS] or id == own[side][-1]
    ]
