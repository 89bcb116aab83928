"""The mechanisms of a channel at a position: what talks and what does not."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from dragoman.domain.views.mechanisms import MechanismMatters, mechanism_view
from dragoman.projection.queries.as_of import registry_at
from dragoman.projection.queries.dialogue import of_format, referring_states
from dragoman.projection.store import Store
from dragoman_schemas.agreement_responses import Mechanisms, MechanismView
from dragoman_schemas.state import Exchange

FORMAT: Final = "mechanism"


def mechanisms(store: Store, channel: str, at: int, now: datetime) -> Mechanisms:
    """Return every mechanism that was not taken back, at a position and a time."""
    base = store.base(channel)
    with store.snapshot() as connection:
        registry = registry_at(connection, base, at)
        states = [
            _matters(connection, base, at, state)
            for state in of_format(connection, base, FORMAT, at, "contact")
            if state.cancellation is None
        ]
    sides = () if registry is None else tuple(side.name for side in registry.sides)
    return Mechanisms(mechanisms=tuple(mechanism_view(matters, sides, now) for matters in states))


def mechanism(
    store: Store, channel: str, state: Exchange, sides: Sequence[str], at: int, now: datetime
) -> MechanismView:
    """Return one mechanism, which `state` is, at a position and a moment."""
    with store.snapshot() as connection:
        matters = _matters(connection, store.base(channel), at, state)
    return mechanism_view(matters, sides, now)


def exchanges(store: Store, channel: str, at: int) -> list[Exchange]:
    """Return the mechanisms of a channel at a position, in order of their records."""
    with store.snapshot() as connection:
        return of_format(connection, store.base(channel), FORMAT, at, "contact")


def _matters(
    connection: sqlite3.Connection, base: int, at: int, state: Exchange
) -> MechanismMatters:
    referring = tuple(referring_states(connection, base, at, state))
    promised = {
        exchange.id: exchange for exchange in _undertaken(connection, base, at, (state, *referring))
    }
    return MechanismMatters(
        mechanism=state, referring=referring, undertakings=tuple(promised.values())
    )


def _undertaken(
    connection: sqlite3.Connection, base: int, at: int, sources: tuple[Exchange, ...]
) -> Iterator[Exchange]:
    """Yield the undertakings that came out of some exchanges."""
    for source in sources:
        for exchange in referring_states(connection, base, at, source):
            if exchange.act == "undertaking":
                yield exchange
