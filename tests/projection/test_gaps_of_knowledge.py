"""The gaps of a side in *Who knew what when*, read from a file: where they end, and their words."""

from datetime import timedelta
from pathlib import Path

import views
from dragoman.domain.acts.deadlines import timestamp
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.i18n.words import words
from dragoman.office.incidents.knowledge import knowledge
from dragoman.office.incidents.knowledge_page import gap_words
from dragoman.projection.projection import Projection
from dragoman.projection.queries.exchange_view import exchange_view
from dragoman.projection.queries.snapshot import PeriodQuery
from dragoman.projection.store import Store
from dragoman_schemas.knowledge_responses import Knowledge
from dragoman_schemas.state import decode_exchange
from world import NOTE, World


async def read(world: World, tmp_path: Path, id: str) -> Knowledge:
    """The knowledge of an exchange in a file of the world's records, at the world's clock."""
    store = Store(tmp_path / "projection.sqlite")
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [
            StoredMessage(position=n, subject=f"s.{n}", raw=raw)
            for n, raw in enumerate(world.raws, 1)
        ]
    )
    await projection.in_file()
    view = views.found(store, world.name, exchange_view, id, "", "nato", now=world.clock)
    state = decode_exchange(bytes(view.state))
    found = views.found(
        store,
        world.name,
        knowledge,
        state,
        view.facts,
        [],
        {},
        PeriodQuery(at=world.position),
        timestamp(world.clock),
    )
    store.close()
    return found


async def test_a_gap_that_goes_on_beyond_the_axis_has_no_end(world: World, tmp_path: Path) -> None:
    id = world.open("nato/o-1", NOTE)
    world.keep("china/o-1", {"act": "acknowledgement"}, id)
    world.keep("china/d-1", {"act": "watch-assumption"})
    world.clock += timedelta(hours=5)
    world.open("nato/o-1", NOTE)
    found = await read(world, tmp_path, id)
    gaps = {gap.sides: gap for gap in found.gaps if gap.kind == "watch"}
    assert found.ends < timestamp(world.clock), "the axis ends with the marks"
    assert gaps[("nato",)].ends == "", "nobody has taken NATO's watch since"
    assert gaps[("china",)].ends, "China's was taken"


async def test_a_gap_from_before_the_axis_does_not_claim_to_begin_with_it(
    world: World, tmp_path: Path
) -> None:
    world.clock += timedelta(hours=5)
    id = world.open("nato/o-1", NOTE)
    world.clock += timedelta(seconds=20)
    world.keep("china/d-1", {"act": "watch-assumption"})
    world.keep("china/o-1", {"act": "acknowledgement"}, id)
    found = await read(world, tmp_path, id)
    said = {gap.sides: gap_words(words("en"), gap, found.begins) for gap in found.gaps}
    assert "since before" in said["nato",], said
    assert "from before" in said["china",], said


async def test_a_gap_since_the_opening_of_the_channel_begins_there(
    world: World, tmp_path: Path
) -> None:
    found = await read(world, tmp_path, world.open("nato/o-1", NOTE))
    said = {gap.sides: gap_words(words("en"), gap, found.begins) for gap in found.gaps}
    assert said
    assert not any("before" in text for text in said.values()), said
