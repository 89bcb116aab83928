"""The undertakings of a channel, by side and due date, at a position."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from dragoman.domain.views import undertakings as views
from dragoman.projection.queries.as_of import registry_at
from dragoman.projection.queries.dialogue import of_format
from dragoman.projection.store import Store
from dragoman_schemas.agreement_responses import Undertakings, UndertakingView
from dragoman_schemas.state import Exchange

FORMAT: Final = "undertaking"


def undertakings(store: Store, channel: str, at: int, now: datetime) -> Undertakings:
    """Return the undertakings of each side, at a position and a time."""
    base = store.base(channel)
    with store.snapshot() as connection:
        registry = registry_at(connection, base, at)
        exchanges = of_format(connection, base, FORMAT, at, "meeting")
    sides = () if registry is None else tuple(side.name for side in registry.sides)
    return Undertakings(sides=views.by_side(exchanges, sides, now))


def exchanges(store: Store, channel: str, at: int) -> list[Exchange]:
    """Return the undertakings of a channel at a position, in order of their records."""
    with store.snapshot() as connection:
        return of_format(connection, store.base(channel), FORMAT, at, "meeting")


def unfinished(
    store: Store, channel: str, sides: Sequence[str], at: int, now: datetime
) -> list[UndertakingView]:
    """Return the undertakings of every side that are not confirmed yet, by due date."""
    shown = (
        views.undertaking_view(exchange, sides, now) for exchange in exchanges(store, channel, at)
    )
    return views.in_order(view for view in shown if view.standing in views.OPEN)
