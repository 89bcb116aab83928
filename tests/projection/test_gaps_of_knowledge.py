"""The gaps of a side in *Who knew what when*, read from a file, and where they end."""

from datetime import timedelta
from pathlib import Path

from dragoman.domain.acts.deadlines import timestamp
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection.projection import Projection
from dragoman.projection.queries.exchange_view import exchange_view
from dragoman.projection.queries.knowledge import knowledge
from dragoman.projection.store import Store
from dragoman_schemas.state import decode_exchange
from world import NOTE, World


async def test_a_gap_that_goes_on_beyond_the_axis_has_no_end(world: World, tmp_path: Path) -> None:
    id = world.open("nato/o-1", NOTE)
    world.keep("china/o-1", {"act": "acknowledgement"}, id)
    world.keep("china/d-1", {"act": "watch-assumption"})
    world.clock += timedelta(hours=5)
    world.open("nato/o-1", NOTE)
    later = world.clock
    store = Store(tmp_path / "projection.sqlite")
    projection = Projection(MemoryLog(world.name), store)
    projection.take(
        [
            StoredMessage(position=n, subject=f"s.{n}", raw=raw)
            for n, raw in enumerate(world.raws, 1)
        ]
    )
    await projection.in_file()
    at = world.position
    view = exchange_view(store, world.name, id, at, "", "nato", later)
    found = knowledge(
        store,
        world.name,
        decode_exchange(bytes(view.state)),
        view.facts,
        [],
        {},
        at,
        timestamp(later),
    )
    store.close()
    gaps = {gap.sides: gap for gap in found.gaps if gap.kind == "watch"}
    assert found.ends < timestamp(later), "the axis ends with the marks"
    assert gaps[("nato",)].ends == "", "nobody has taken NATO's watch since"
    assert gaps[("china",)].ends, "China's was taken"
