"""Windows in force of a channel in memory, for tests of the exports."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.views.in_force import windows_in_force
from dragoman.projection.queries.in_force import window_view
from dragoman_schemas.codebook import NOTICES
from dragoman_schemas.window_responses import InForce
from samples import act
from world import World

MOMENT: Final = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
"""An hour after the sample's danger area opens, and an hour before it closes."""

SHOAL: Final = {"lat": 15.12, "lon": 116.44}
DAY: Final = {"from": "2026-12-01T06:00Z", "to": "2026-12-02T06:00Z"}


def circle(lat: float, lon: float, value: float, unit: str = "km") -> dict[str, Any]:
    """A circle as acts write it."""
    return {"circle": {"pos": {"lat": lat, "lon": lon}, "radius": {"value": value, "unit": unit}}}


def polygon(*corners: tuple[float, float]) -> dict[str, Any]:
    """A polygon of latitudes and longitudes, as acts write it."""
    return {"polygon": [{"lat": lat, "lon": lon} for lat, lon in corners]}


def area(place: Any, **members: Any) -> dict[str, Any]:
    """A danger area at a place, without the names and heights of the sample."""
    body = act("danger-area", place=place, **members)
    return {name: body[name] for name in ("act", "place", "window", "hazard", *members)}


def listed(world: World, moment: datetime = MOMENT, **changes: Any) -> InForce:
    """The windows of a world's exchanges that are in force at a moment."""
    windows = windows_in_force(world.registry, world.ledger.exchanges(), moment)
    members: Mapping[str, Any] = {
        "channel": world.name,
        "exercise": world.kind == "exercise",
        "marking": world.registry.marking,
        "position": world.position,
        "moment": timestamp(moment),
        "notice": NOTICES["danger-area"],
        "windows": tuple(window_view(window) for window in windows),
    }
    return InForce(**{**members, **changes})


def of_area(place: Any, **members: Any) -> InForce:
    """One danger area in force, at a place."""
    world = World()
    world.open("china/d-1", area(place, **members))
    return listed(world)
