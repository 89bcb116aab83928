"""A projection's memory does not grow with its queries and its records."""

import gc
import weakref

from dragoman.limits import MEMORY_BYTES
from dragoman.projection.bounded_memory import WEIGHT, NewestStates
from dragoman.projection.store import Store
from world import INCIDENT, World

QUERIES = 5_000


def references() -> int:
    """The weak references that exist now."""
    return sum(type(each) is weakref.ReferenceType for each in gc.get_objects())


def test_a_connection_does_not_grow_by_its_queries(store: Store) -> None:
    store.reader()
    before = references()
    for _ in range(QUERIES):
        store.reader().execute("SELECT 1").fetchone()
    assert references() - before < QUERIES / 10


def test_the_states_of_all_channels_share_one_bound(world: World) -> None:
    exchange, encoded = world.exchange(world.open("nato/d-1", INCIDENT)), b"x" * 10_000
    states = NewestStates()
    for channel in range(20):
        for number in range(200):
            states.put(f"c-{channel}", f"{number}", (exchange, encoded))
            states.forget(f"c-{channel}", exchange.updated.position)
    assert states.bytes <= MEMORY_BYTES
    assert len(states) == MEMORY_BYTES // (WEIGHT * len(encoded))
    assert states.get("c-19", "199") and not states.get("c-0", "0")


def test_a_state_stays_until_the_file_has_it(world: World) -> None:
    exchange = world.exchange(world.open("nato/d-1", INCIDENT))
    states = NewestStates(100)
    states.forget("nato-china", exchange.updated.position - 1)
    states.put("nato-china", exchange.id, (exchange, b"x" * 100))
    states.forget("nato-china", exchange.updated.position - 1)
    assert states.get("nato-china", exchange.id)
    states.forget("nato-china", exchange.updated.position)
    assert not states.get("nato-china", exchange.id)
