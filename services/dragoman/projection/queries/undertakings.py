"""The undertakings of a channel, by side and due date, at a position."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from dragoman.domain.views import undertakings as views
from dragoman.projection.queries.as_of import newest_position, registry_at, time_at
from dragoman.projection.queries.dialogue import of_format
from dragoman.projection.store import Store
from dragoman_schemas.agreement_responses import Undertakings, UndertakingView
from dragoman_schemas.state import Exchange

FORMAT: Final = "undertaking"


def undertakings(store: Store, channel: str, at: int | None, now: datetime) -> Undertakings:
    """Return the undertakings of each side, at a past position or now.

    For a past position the moment is the time of its record, and not `now`.
    """
    base = store.base(channel)
    with store.snapshot() as connection:
        newest = newest_position(connection, channel)
        position = newest if at is None else at
        registry = registry_at(connection, base, position)
        exchanges = of_format(connection, base, FORMAT, position, "meeting")
        time = "" if at is None else time_at(connection, base, position)
    sides = () if registry is None else tuple(side.name for side in registry.sides)
    moment = datetime.fromisoformat(time) if time else now
    return Undertakings(sides=views.by_side(exchanges, sides, moment))


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
