"""Two administrators may post the same erasure at the same time: the void one names nothing, and
the log stays whole.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman.audit.checks import check_export
from dragoman.audit.export import Export
from dragoman.audit.replay import replayed
from dragoman.audit.verification import Verification
from dragoman.audit.verification_result import LogInconsistent
from dragoman.tlog import leaf
from tampering import LOG, members_of, written
from world import NOTE, World


def erased(world: World, items: list[dict[str, Any]]) -> bool:
    """Post an erasure that both roots signed; return whether it has an effect."""
    return world.attested({"act": "erasure", "records": items}, "nato/root", "china/root").valid


def items_of(world: World, exchange: str) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(item) for item in world.ledger.records_of(exchange)]


def verified(world: World, items: list[dict[str, Any]], folder: Path) -> LogInconsistent | None:
    """Verify an export of a log from which the bytes of these records are gone."""
    gone = {item["position"] for item in items}
    messages = [
        leaf.entry(position - 1, leaf.commit(raw)) if position in gone else raw
        for position, raw in enumerate(world.raws, 1)
    ]
    assert replayed(messages).standing.digest == replayed(world.raws).standing.digest
    path = written(folder / "log.zip", members_of(world, messages))
    verification = Verification(cid=world.registry.cid, log=LOG)
    with Export(path) as export:
        check_export(verification, export)
    return verification.result().lie


@pytest.mark.parametrize("voids", [1, 3])
def test_a_void_erasure_before_a_valid_one_hides_nothing(tmp_path: Path, voids: int) -> None:
    world = World()
    exchange = world.open("china/o-1", {**NOTE, "text": "to be erased"})
    incomplete = items_of(world, exchange)
    world.keep("nato/o-1", {"act": "reply", "text": "We take note."}, exchange)
    assert [erased(world, incomplete) for _ in range(voids)] == [False] * voids
    complete = items_of(world, exchange)
    assert erased(world, complete)
    assert verified(world, complete, tmp_path) is None


def test_a_record_that_only_void_erasures_name_is_withheld(tmp_path: Path) -> None:
    world = World()
    exchange = world.open("china/o-1", {**NOTE, "text": "not to be erased"})
    incomplete = items_of(world, exchange)
    world.keep("nato/o-1", {"act": "reply", "text": "We take note."}, exchange)
    assert not erased(world, incomplete)
    assert not erased(world, incomplete)
    gone = {item["position"] for item in incomplete}
    messages = [
        leaf.entry(position - 1, leaf.commit(raw)) if position in gone else raw
        for position, raw in enumerate(world.raws, 1)
    ]
    path = written(tmp_path / "log.zip", members_of(world, messages))
    verification = Verification(cid=world.registry.cid, log=LOG)
    with Export(path) as export:
        check_export(verification, export)
    lie = verification.result().lie
    assert lie is not None
    assert (lie.check, lie.position) == ("erasure", min(gone))


@pytest.mark.parametrize("type", ["x", "", ".", "dragoman", "dragoman.", "dragoman.no-act.v1"])
def test_an_erasure_that_names_no_type_stops_nobody(tmp_path: Path, type: str) -> None:
    world = World()
    exchange = world.open("china/o-1", {**NOTE, "text": "to be erased"})
    (item,) = items_of(world, exchange)
    assert not erased(world, [{**item, "type": type}])
    messages = [
        leaf.entry(position - 1, leaf.commit(raw)) if position == item["position"] else raw
        for position, raw in enumerate(world.raws, 1)
    ]
    path = written(tmp_path / "log.zip", members_of(world, messages))
    verification = Verification(cid=world.registry.cid, log=LOG)
    with Export(path) as export:
        check_export(verification, export)
    assert verification.result().lie is not None


@pytest.mark.parametrize("time", ["zzz", "2026-02-30T10:00:00.000Z", "9999", ""])
def test_an_erasure_that_names_no_time_raises_no_time(tmp_path: Path, time: str) -> None:
    """An entry with such a time is junk: it raised the channel's time past every other."""
    world = World()
    exchange = world.open("china/o-1", {**NOTE, "text": "to be erased"})
    (item,) = items_of(world, exchange)
    assert not erased(world, [{**item, "time": time}])
    before = world.ledger.standing.state.time
    messages = [
        leaf.entry(position - 1, leaf.commit(raw)) if position == item["position"] else raw
        for position, raw in enumerate(world.raws, 1)
    ]
    assert replayed(messages).standing.state.time <= before
    path = written(tmp_path / "log.zip", members_of(world, messages))
    verification = Verification(cid=world.registry.cid, log=LOG)
    with Export(path) as export:
        check_export(verification, export)
    assert verification.result().lie is not None
