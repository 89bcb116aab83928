"""The windows in force as GeoJSON (RFC 7946), for maps and geographic programs.

    {"type": "FeatureCollection", "notice": "…", "moment": "…", "features": [
      {"type": "Feature", "id": "0192…/place", "geometry": {"type": "Polygon", …},
       "properties": {"act": "danger-area", "opens": "…", "closes": "…", …}}]}

Each place is a feature. Its properties have the times of the window. They have the
notice too, because many programs drop the members around the features. A circle keeps
its centre and radius in `place`. Receipts are left out.
"""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dragoman.domain.acts import si_units
from dragoman.interop.map_features import MapFeature, features
from dragoman.interop.map_figures import Figure
from dragoman_schemas.window_responses import InForce

MEDIA: Final = "application/geo+json"

_TYPES: Final = {"point": "Point", "line": "LineString", "area": "Polygon"}


def collection(in_force: InForce) -> bytes:
    """Return the windows as a collection of features, as UTF-8."""
    return msgspec.json.encode(
        {
            "type": "FeatureCollection",
            "channel": in_force.channel,
            "exercise": in_force.exercise,
            "marking": in_force.marking,
            "position": in_force.position,
            "moment": in_force.moment,
            "notice": in_force.notice,
            "not_read": in_force.not_read,
            "features": [_feature(in_force, feature) for feature in features(in_force)],
        }
    )


def _feature(in_force: InForce, feature: MapFeature) -> dict[str, Any]:
    window = feature.window
    properties = {
        "channel": in_force.channel,
        "exercise": in_force.exercise,
        "marking": window.marking or in_force.marking,
        "notice": in_force.notice["en"],
        "exchange": window.exchange,
        "number": window.number,
        "act": window.act,
        "kind": window.kind,
        "kind_text": None if window.kind_text is UNSET else window.kind_text,
        "side": window.side,
        "status": window.status,
        "stage": window.stage,
        "subject": window.subject,
        "opens": window.opens,
        "closes": window.closes,
        "until_further_notice": window.until_further_notice,
        "commenced": window.commenced,
        "holding": window.holding,
        "holding_until": window.holding_until,
        "arrived": window.arrived,
        "role": feature.role,
        "name": "; ".join(feature.names),
        "place": feature.place,
        "floor_m": _metres(window.floor),
        "ceiling_m": _metres(window.ceiling),
        "notam": window.notam,
        "navarea": window.navarea,
    }
    return {
        "type": "Feature",
        "id": feature.id,
        "geometry": None if feature.figure is None else _geometry(feature.figure),
        "properties": {
            name: value for name, value in properties.items() if value not in ("", (), None)
        },
    }


def _geometry(figure: Figure) -> dict[str, Any]:
    """Return a geometry; a figure of several parts is a `Multi` geometry."""
    parts: list[Any] = [[[point.lon, point.lat] for point in part] for part in figure.parts]
    if figure.kind == "point":
        return {"type": "Point", "coordinates": parts[0][0]}
    if figure.kind == "area":
        parts = [[ring] for ring in parts]
    kind = _TYPES[figure.kind]
    return (
        {"type": kind, "coordinates": parts[0]}
        if len(parts) == 1
        else {"type": f"Multi{kind}", "coordinates": parts}
    )


def _metres(length: Raw | UnsetType) -> float | None:
    return None if length is UNSET else si_units.metres(msgspec.json.decode(length))
