"""The places of a period, as the records of its exchanges name them.

The exchanges are those that were opened or carried on in the period. Those with a
window that is open or near at its end are there too.
"""

from datetime import datetime
from typing import Final

from msgspec import Struct

from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.families.exchange_content import content_of, side_of
from dragoman.domain.record.errors import refuse
from dragoman.domain.recorded_places import (
    ACTS,
    PlacingRecord,
    RecordedPlace,
    places_of,
)
from dragoman.domain.views.in_force import WindowInForce, windows_in_force
from dragoman.limits import CHART_EXCHANGES
from dragoman.projection.moments import instant
from dragoman.projection.queries.snapshot import PeriodQuery, Snapshot, snapshot_of
from dragoman.projection.view import View
from dragoman_schemas.state import Exchange, Registry

_NOTES: Final = frozenset({"contact-note"})
"""Formats that are about no place as a rule. One without a place is not listed."""


class PlacedExchange(Struct, frozen=True, kw_only=True):
    """An exchange with the places that its records name; none if it has no place.

    `window` is there while its window is open or near.
    """

    exchange: Exchange
    places: tuple[RecordedPlace, ...]
    window: WindowInForce | None


class PlacesOfPeriod(Struct, frozen=True, kw_only=True):
    """The exchanges of a period that have a place, or should have one.

    They are in the order of their opening. `ends` is the moment of the windows.
    """

    registry: Registry
    position: int
    begins: datetime
    ends: datetime
    exchanges: tuple[PlacedExchange, ...]


def places_of_period(view: View, period_query: PeriodQuery, end_seen: str) -> PlacesOfPeriod:
    """Return the places of a period. Raises `Refused`, also for too many exchanges."""
    snapshot = snapshot_of(view, period_query, end_seen)
    span = snapshot.span(
        None if period_query.from_ is None else instant("from", period_query.from_)
    )
    return PlacesOfPeriod(
        registry=snapshot.registry,
        position=snapshot.position,
        begins=span.begins,
        ends=snapshot.ends,
        exchanges=tuple(_placed(snapshot, snapshot.first(span))),
    )


def _placed(snapshot: Snapshot, first: int) -> list[PlacedExchange]:
    announced = snapshot.announced()
    windows = {
        window.exchange.id: window
        for window in windows_in_force(snapshot.registry, announced, snapshot.ends)
    }
    formats = FORMATS.keys() & ACTS
    states = {
        state.id: state
        for state in (
            *snapshot.touched(first, sorted(formats)),
            *snapshot.continued_by(first, sorted(ACTS)),
            *(window.exchange for window in windows.values()),
        )
    }
    placed = []
    for state in sorted(states.values(), key=lambda state: state.opened.position):
        places = tuple(places_of(state, _records(snapshot, state)))
        if places or state.act in formats - _NOTES:
            placed.append(
                PlacedExchange(exchange=state, places=places, window=windows.get(state.id))
            )
        if len(placed) > CHART_EXCHANGES:
            raise refuse(
                "bad-request",
                "More than %(n)s exchanges have places in this time; choose a shorter one.",
                n=CHART_EXCHANGES,
            )
    return placed


def _records(snapshot: Snapshot, state: Exchange) -> list[PlacingRecord]:
    return [
        PlacingRecord(
            position=position,
            time=record.envelope.time,
            act=record.name,
            side=side_of(record),
            content=content_of(record.newest),
        )
        for position, record in snapshot.acts_of(state.id, sorted(ACTS))
    ]
