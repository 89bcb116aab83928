"""The ladder of a flash: for whom of a side it was to ring, from the watch and the officers as they were
at each step.
"""

from datetime import datetime, timedelta
from pathlib import Path

import views
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection.projection import Projection
from dragoman.projection.queries.ladder import LadderStep, steps
from dragoman.projection.store import Store
from samples import act
from world import World

FLASH = act("contact-note", precedence="flash")


async def laddered(
    world: World, id: str, path: Path, now: datetime, named: str
) -> list[LadderStep]:
    store = Store(path)
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [
            StoredMessage(position=n, subject=f"s.{n}", raw=raw)
            for n, raw in enumerate(world.raws, 1)
        ]
    )
    await projection.in_file()
    found = views.found(store, world.name, steps, world.exchange(id), named, now=now)
    store.close()
    return found


async def test_each_step_names_who_was_on_it_then_and_not_who_is_now(
    world: World, tmp_path: Path
) -> None:
    world.keep(
        "china/root",
        {"act": "officer", "officer": "d-2", "office": "hq", "roles": ["duty_officer"]},
    )
    world.keep("china/d-1", {"act": "watch-assumption"})
    id = world.open("nato/d-1", FLASH)
    since = datetime.fromisoformat(world.exchange(id).opened.time)
    world.clock = since + timedelta(seconds=400)
    world.keep("china/root", {"act": "officer-revocation", "officer": "d-1"})
    world.keep(
        "china/root",
        {"act": "officer", "officer": "h-2", "office": "hq", "roles": ["head_of_office"]},
    )
    now = since + timedelta(hours=1)
    found = await laddered(world, id, tmp_path / "a.sqlite", now, "china")
    assert [(each.rung, each.officers) for each in found] == [
        ("duty_officer", ("china/d-1",)),
        ("deputy", ("china/d-1", "china/d-2")),
        ("head_of_office", ("china/h-1", "china/h-2")),
    ]
    assert [(datetime.fromisoformat(each.time) - since).total_seconds() for each in found] == [
        0,
        300,
        540,
    ]


async def test_the_officers_of_another_side_are_not_named(world: World, tmp_path: Path) -> None:
    id = world.open("nato/d-1", FLASH)
    now = datetime.fromisoformat(world.exchange(id).opened.time) + timedelta(hours=1)
    found = await laddered(world, id, tmp_path / "a.sqlite", now, "nato")
    assert [(each.side, each.rung, each.officers) for each in found] == [
        ("china", rung, ()) for rung in ("duty_officer", "deputy", "head_of_office")
    ]


async def test_an_acknowledgement_ends_the_ladder_and_what_is_no_flash_has_none(
    world: World, tmp_path: Path
) -> None:
    id, note = world.open("nato/d-1", FLASH), world.open("nato/d-1", act("contact-note"))
    since = datetime.fromisoformat(world.exchange(id).opened.time)
    world.clock = since + timedelta(seconds=350)
    world.keep("china/d-1", act("acknowledgement"), id)
    found = await laddered(world, id, tmp_path / "a.sqlite", since + timedelta(days=1), "china")
    assert [each.rung for each in found] == ["duty_officer", "deputy"]
    assert (
        await laddered(world, note, tmp_path / "b.sqlite", since + timedelta(days=1), "china") == []
    )
