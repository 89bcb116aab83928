"""The windows in force as features of a map, one for each place.

A movement whose stops are all points is one line. A place that is only named is a
feature without a figure, and so is a window without any place.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.domain.acts.geodesy import GeoPoint
from dragoman.interop.map_figures import Figure, figure_of, line
from dragoman_schemas.window_responses import InForce, InForceWindow


class MapFeature(Struct, frozen=True, kw_only=True):
    """A place of a window: its id, its role, its names and its figure.

    `role` is the member of the opening. `place` is its value, as it was recorded.
    """

    id: str
    window: InForceWindow
    role: str
    names: tuple[str, ...]
    place: Any
    figure: Figure | None


def features(in_force: InForce) -> Iterator[MapFeature]:
    """Yield the features of every window, in their order."""
    for window in in_force.windows:
        places = [*_places(window)]
        for role, place, figure in places or [("", None, None)]:
            yield MapFeature(
                id="/".join(filter(None, (window.exchange, role))),
                window=window,
                role=role.partition("/")[0],
                names=tuple(names_of(place)),
                place=place,
                figure=figure,
            )


def has_passed(in_force: InForce, window: InForceWindow) -> bool:
    """Return whether the announced end of a window had passed at the moment."""
    return bool(window.closes) and window.closes < in_force.moment


def places_of(window: InForceWindow) -> Iterator[tuple[str, int, Any]]:
    """Yield each place of a window: its member, its number from 0, and its value.

    The number is -1 where the member has a single place.
    """
    for name, raw in window.places.items():
        value = msgspec.json.decode(raw)
        if isinstance(value, list):
            yield from ((name, number, place) for number, place in enumerate(value))
        else:
            yield name, -1, value


def names_of(place: Any) -> Iterator[str]:
    """Yield the names and words of a place, as the sides wrote them."""
    if isinstance(place, str):
        yield place
    elif isinstance(place, dict):
        names = place.get("names", {})
        for text in (place.get("name"), place.get("text"), *names.values()):
            if isinstance(text, str):
                yield text
    elif isinstance(place, list):
        for stop in place:
            yield from names_of(stop)


def _places(window: InForceWindow) -> Iterator[tuple[str, Any, Figure | None]]:
    route = msgspec.json.decode(window.places["route"]) if "route" in window.places else []
    points = [point for point in map(_point, route) if point is not None]
    joined = bool(route) and len(points) == len(route)
    if joined:
        yield "route", route, line(points)
    for name, number, place in places_of(window):
        if name != "route" or not joined:
            role = name if number < 0 else f"{name}/{number + 1}"
            yield role, place, figure_of(place)


def _point(place: Any) -> GeoPoint | None:
    is_point = isinstance(place, dict) and "lat" in place
    return GeoPoint(place["lat"], place["lon"]) if is_point else None
