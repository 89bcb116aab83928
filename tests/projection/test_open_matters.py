"""The open matters that a gateway keeps ready are those that its file gives, now and at every past
position, over random histories.
"""

import asyncio
import itertools
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import later_rules
from dragoman.domain.acts.duty_calendar import calendar_of
from dragoman.domain.views.open_matters import in_order, open_matter
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.projection.open_deadlines import OpenDeadlines, past_deadlines
from dragoman.projection.projection import Projection
from dragoman.projection.queries import liaison_state
from dragoman.projection.store import Store
from histories import FURTHER, TERMS, WIDE, a_history, change_terms
from views import found
from world import World

_NUMBERS = itertools.count()


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_is_kept_ready_is_what_the_file_gives(data: st.DataObject, tmp_path: Path) -> None:
    with later_rules.in_use():
        world = a_history(data, openings=WIDE, steps=(*FURTHER, *TERMS * 5))
        half = data.draw(st.integers(1, len(world.raws)), label="begun at")
        asyncio.run(_compared(world, half, tmp_path / f"{next(_NUMBERS)}.sqlite"))


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_is_kept_ready_follows_the_rules_the_profiles_and_the_offices(
    data: st.DataObject, tmp_path: Path
) -> None:
    with later_rules.in_use():
        world = World()
        for by, body in WIDE:
            world.keep(by, body, released_by=world.second(by, body))
        half = len(world.raws)
        steps = data.draw(st.lists(st.sampled_from(TERMS), min_size=1, max_size=6))
        for step in steps:
            change_terms(data, world, step)
        asyncio.run(_compared(world, half, tmp_path / f"{next(_NUMBERS)}.sqlite"))


async def _compared(world: World, half: int, path: Path) -> None:
    messages = [
        StoredMessage(position=n, subject=f"s.{n}", raw=raw) for n, raw in enumerate(world.raws, 1)
    ]
    store = Store(path)
    projection = Projection(MemoryLog(world.name), store)
    projection.take(messages[:half])
    duties = OpenDeadlines(projection)
    await duties.begin()
    projection.take(messages[half:])
    await duties.begin()
    await projection.in_file()
    state = found(store, world.name, liaison_state.liaison_state, "", live=True)
    past = found(store, world.name, past_deadlines)
    calendars = {side: calendar_of(world.ledger.office(side)) for side in world.sides}
    expected = [
        each
        for exchange in world.ledger.exchanges()
        if (each := open_matter(world.registry, exchange, calendars)) is not None
    ]
    assert list(state.open_matters) == duties.matters() == past.matters == in_order(expected)
    assert duties.listed() == past.duties, "whatever a clock runs in is looked at"
    store.close()
