"""A sketch map of the windows of a channel, each with the number of its row."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from markupsafe import Markup

from dragoman.console.charts import map_sketch
from dragoman.console.charts.map_projection import Disc, MapPoint, Outline
from dragoman.domain.acts import si_units
from dragoman.i18n.words import Words
from dragoman_schemas.window_responses import InForceWindow

_DRAWN: Final = 12
"""The most windows on the map: more of them hide each other."""

_LISTED: Final = 8
"""The most places of one window that are drawn."""


def drawn(words: Words, windows: Sequence[InForceWindow]) -> Markup:
    """Return the map of the first windows; empty where none has a position."""
    points: list[tuple[str, float, float]] = []
    areas: list[Disc | Outline] = []
    routes: list[list[MapPoint]] = []
    for number, window in enumerate(windows[:_DRAWN], 1):
        label = f"{number} {window.side.upper()}".strip()
        marks = []
        for name, raw in window.places.items():
            value = msgspec.json.decode(bytes(raw))
            values = value if isinstance(value, list) else [value]
            figures = [drawn_figure for item in values[:_LISTED] if (drawn_figure := figure(item))]
            if name == "route":
                routes.append(way([middle(figure) for figure in figures]))
                figures = figures[:1]
            areas += [figure for figure in figures if not isinstance(figure, MapPoint)]
            marks += [middle(figure) for figure in figures]
        points += [(label, mark.lat, mark.lon) for mark in marks[:1]]
        points += [("", mark.lat, mark.lon) for mark in marks[1:]]
    if not points:
        return Markup()
    return map_sketch.sketch(
        "windows",
        words.say("Sketch of the windows that are open or near"),
        points,
        None,
        words,
        areas=areas,
        routes=[route for route in routes if len(route) > 1],
        is_measured=False,
    )


def figure(value: Any) -> MapPoint | Disc | Outline | None:
    """Return the figure of a place; None for a place in words."""
    if not isinstance(value, dict):
        return None
    if "circle" in value:
        centre = value["circle"]["pos"]
        return Disc(centre["lat"], centre["lon"], si_units.metres(value["circle"]["radius"]))
    if "polygon" in value:
        return Outline(tuple(MapPoint(item["lat"], item["lon"]) for item in value["polygon"]))
    return MapPoint(value["lat"], value["lon"]) if "lat" in value else None


def middle(figure: MapPoint | Disc | Outline) -> MapPoint:
    """Return the middle of a figure, which its mark shows."""
    match figure:
        case Outline(corners):
            return _mean(corners)
        case Disc(lat, lon, _):
            return MapPoint(lat, lon)
        case _:
            return figure


def _mean(corners: Sequence[tuple[float, float]]) -> MapPoint:
    """Return the mean of corners, across the date line where that is shorter."""
    lons = list(_near(corners[0][1], [lon for _, lon in corners]))
    lon = sum(lons) / len(lons)
    return MapPoint(sum(lat for lat, _ in corners) / len(corners), (lon + 180) % 360 - 180)


def way(points: Sequence[MapPoint]) -> list[MapPoint]:
    """Return the points of a way, each reached from the one before the shorter way."""
    way: list[MapPoint] = []
    for point in points:
        lon = next(_near(way[-1].lon, [point.lon])) if way else point.lon
        way.append(MapPoint(point.lat, lon))
    return way


def _near(first: float, lons: Sequence[float]) -> Iterator[float]:
    """Yield longitudes that are less than half a turn away from the first one."""
    for lon in lons:
        yield first + (lon - first + 180) % 360 - 180
