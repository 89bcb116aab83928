"""The tally that is kept is the one that is counted anew, after each stretch of a random history."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import later_rules
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.fold import Folded
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection.projection import Projection
from dragoman.projection.queries import tallies
from dragoman.projection.queries.snapshot import PeriodQuery
from dragoman.projection.queries.statistics import statistics
from dragoman.projection.store import Store
from dragoman.projection.view import View, open_view
from histories import FURTHER, TERMS, WIDE, a_history, change_terms
from samples import act
from views import found, view_of
from world import INCIDENT, World

_NUMBERS = itertools.count()
ND, CD = "nato/d-1", "china/d-1"


class Kept:
    """A channel that is folded into a file, stretch by stretch."""

    def __init__(self, world: World, path: Path) -> None:
        self.world = world
        self.store = Store(path)
        self.projection = Projection(MemoryLog(world.name), self.store)

    async def goes_on(self, until: int | None = None) -> None:
        """Fold what the world has up to a position."""
        first = self.projection.state.position + 1
        self.projection.take(
            [
                StoredMessage(position=n, subject=f"s.{n}", raw=raw)
                for n, raw in enumerate(self.world.raws[first - 1 : until], first)
            ]
        )
        await self.projection.in_file()

    def compare(self, **asked: Any) -> None:
        """Compare the tally that is kept with all that the file has, and what both are read as."""
        name, position = self.world.name, self.projection.state.position
        with open_view(self.store, name) as view, tallies.kept_tally(view) as kept:
            assert kept is not None
            assert kept.encoded() == tallies.tally_of(view, view.where("TRUE")).encoded()
        end = timestamp(self.world.clock + timedelta(days=1))
        for period in ({}, *([asked] if asked else [])):
            query = msgspec.convert(period, PeriodQuery)
            for side, format in (("", ""), (self.world.sides[0], ""), ("", "hazardous-incident")):
                read = found(self.store, name, statistics, query, end, side, format)
                counted = found(self.store, name, statistics, query, end, side, format, at=position)
                assert read == counted


@contextmanager
def keeping(world: World, tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(world, tmp_path / f"{next(_NUMBERS)}.sqlite")
    yield kept
    kept.store.close()


async def _compared_after(world: World, cuts: list[int], tmp_path: Path, **asked: Any) -> None:
    with keeping(world, tmp_path) as kept:
        for cut in (*cuts, len(world.raws)):
            await kept.goes_on(cut)
            if kept.projection.state.registry is not None:
                kept.compare(**asked)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_is_kept_is_what_is_counted_anew(data: st.DataObject, tmp_path: Path) -> None:
    with later_rules.in_use():
        world = a_history(data, openings=WIDE, steps=(*FURTHER, *TERMS), most=30)
        cuts = data.draw(st.lists(st.integers(1, len(world.raws)), max_size=6).map(sorted))
        begins = data.draw(st.sampled_from(world.raws[10:]).map(_time_of), label="from")
        asyncio.run(_compared_after(world, cuts, tmp_path, **{"from": begins}))


def _time_of(raw: bytes) -> str:
    return str(msgspec.json.decode(raw)["time"])


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_is_kept_follows_the_rules_the_profiles_and_the_offices(
    data: st.DataObject, tmp_path: Path
) -> None:
    with later_rules.in_use():
        world = World()
        for by, body in WIDE:
            world.keep(by, body, released_by=world.second(by, body))
        cuts = [len(world.raws)]
        for step in data.draw(st.lists(st.sampled_from(TERMS), min_size=1, max_size=6)):
            change_terms(data, world, step)
            cuts.append(len(world.raws))
        asyncio.run(_compared_after(world, cuts, tmp_path))


async def test_each_record_counts_a_void_one_a_correction_and_an_erasure_too(
    tmp_path: Path,
) -> None:
    world = World()
    with keeping(world, tmp_path) as kept:
        for side in world.sides:
            world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "default"})
        checked = world.open(ND, act("line-check"))
        world.keep(CD, {"act": "acknowledgement"}, checked)  # and no echo: that is still owed
        erased = world.open(ND, {**INCIDENT, "area": "general"})
        steps: list[tuple[str, dict[str, Any]]] = [
            (CD, {"act": "acknowledgement"}),
            (ND, {"act": "update", "text": "Nothing more is known."}),
            (
                ND,
                {
                    "act": "correction",
                    "fields": {"area": "climate-change", "precedence": "flash"},
                    "reason": "Filed wrongly.",
                },
            ),
            (CD, {"act": "acknowledgement"}),
            (ND, act("final-report")),
        ]
        await kept.goes_on()
        kept.compare()
        other = world.open(ND, {**INCIDENT, "precedence": "flash"})
        for id in (erased, other):
            for by, body in steps:
                world.clock += timedelta(minutes=7)
                assert isinstance(world.keep(by, body, id, seen=True), Folded)
                await kept.goes_on()
                kept.compare(**{"from": timestamp(world.clock - timedelta(minutes=20))})
        world.take(b"no record")
        await kept.goes_on()
        kept.compare()
        named = [msgspec.to_builtins(each) for each in world.ledger.records_of(erased)]
        world.attested({"act": "erasure", "records": named}, "nato/root", "china/root")
        assert world.ledger.exchange(erased) is None
        await kept.goes_on()
        kept.compare()
        world.keep(CD, {"act": "closure"}, other, seen=True)
        await kept.goes_on()
        kept.compare()
        with keeping(world, tmp_path) as again, open_view(kept.store, world.name) as view:
            await again.goes_on()
            with (
                open_view(again.store, world.name) as rebuilt,
                tallies.kept_tally(view) as one,
                tallies.kept_tally(rebuilt) as other_one,
            ):
                assert one is not None and other_one is not None
                assert one.encoded() == other_one.encoded()


async def test_an_answer_reads_only_what_has_changed_since_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, read = World(), list[str]()
    state, known = View.state, View.known

    def noted(of: Callable[[View, str], Any]) -> Callable[[View, str], Any]:
        def noting(view: View, id: str) -> Any:
            read.append(id)
            return of(view, id)

        return noting

    with keeping(world, tmp_path) as kept:
        ids = [world.open(ND, INCIDENT) for _ in range(10)]
        await kept.goes_on()
        found(kept.store, world.name, statistics, PeriodQuery(), "")
        world.keep(CD, {"act": "acknowledgement"}, ids[3])
        await kept.goes_on()
        monkeypatch.setattr(View, "state", noted(state))
        monkeypatch.setattr(View, "known", noted(known))
        monkeypatch.setattr(View, "where", None)
        found(kept.store, world.name, statistics, PeriodQuery(), "")
        assert read == [ids[3], ids[3]], "the state before, and the state after"
        found(kept.store, world.name, statistics, PeriodQuery(), "")
        assert len(read) == 2, "an answer again reads nothing"


async def test_a_reader_of_an_earlier_position_counts_by_itself(tmp_path: Path) -> None:
    world = World()
    with keeping(world, tmp_path) as kept:
        world.open(ND, INCIDENT)
        await kept.goes_on()
        with view_of(kept.store, world.name) as earlier:
            position = earlier.position
            kept.store.tallies[world.name].position = position + 1
            with tallies.kept_tally(earlier) as tally:
                assert tally is None
