"""The windows in force as KML (OGC KML 2.2), for globes and chart programs.

    <Placemark id="…">
      <name>NATO-CHINA/CHINA/26/0007/N10/O: Danger area, firing</name>
      <description>Open. This notification replaces neither …</description>
      <TimeSpan><begin>2026-12-01T08:00:00.000Z</begin><end>…</end></TimeSpan>
      <styleUrl>#open</styleUrl>
      <ExtendedData>…</ExtendedData>
      <Polygon>…</Polygon>
    </Placemark>

Each place is a placemark. A window whose announced end has passed, and that is still in
force, has no end in its time span. Programs read descriptions as HTML,
so no text of a side is in one.
"""

from collections.abc import Iterable
from typing import Any, Final
from xml.etree import ElementTree as ET

import msgspec
from msgspec import UNSET

from dragoman.domain.acts import si_units
from dragoman.domain.views.geodesy import GeoPoint
from dragoman.interop.map_features import MapFeature, features, has_passed
from dragoman.interop.map_figures import Figure
from dragoman.interop.side_texts import in_language
from dragoman_schemas.window_responses import InForce, InForceWindow, Stage

MEDIA: Final = "application/vnd.google-earth.kml+xml"
_NAMESPACE: Final = "http://www.opengis.net/kml/2.2"

_COLOURS: Final[dict[Stage, str]] = {
    "near": "ff00d7ff",
    "open": "ff0000ff",
    "holding": "ff00a5ff",
    "not_ended": "ff800080",
}
"""The colour of each stage, as KML writes colours: opacity, blue, green, red."""

_STAGES: Final[dict[Stage, str]] = {
    "near": "It is not open yet.",
    "open": "It is open.",
    "holding": "It is held. The area stays in force.",
    "not_ended": "Its announced end has passed, and nobody has said that it is over.",
}
_TRANSPARENT: Final = "40"


def document(in_force: InForce) -> bytes:
    """Return the windows as a document, as UTF-8."""
    root = ET.Element("kml", xmlns=_NAMESPACE)
    top = ET.SubElement(root, "Document")
    exercise = "EXERCISE: " if in_force.exercise else ""
    _add(top, "name", f"{exercise}{in_force.channel}, in force at {in_force.moment}")
    not_read = (
        [f"{in_force.not_read} older announcements were not read."] if in_force.not_read else []
    )
    _add(top, "description", " ".join([in_force.notice["en"], in_force.marking, *not_read]))
    for stage, colour in _COLOURS.items():
        style = ET.SubElement(top, "Style", id=stage)
        _add(ET.SubElement(style, "IconStyle"), "color", colour)
        _add(ET.SubElement(style, "LineStyle"), "color", colour)
        _add(ET.SubElement(style, "PolyStyle"), "color", _TRANSPARENT + colour[2:])
    for feature in features(in_force):
        _placemark(top, in_force, feature, exercise)
    ET.indent(root, " ")
    return b"%b\n" % ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _placemark(top: ET.Element, in_force: InForce, feature: MapFeature, exercise: str) -> None:
    window = feature.window
    placemark = ET.SubElement(top, "Placemark", id="_" + feature.id.replace("/", "."))
    subject = in_language(msgspec.json.decode(window.subject))
    _add(placemark, "name", exercise + ": ".join(filter(None, (window.number, subject))))
    _add(placemark, "description", f"{_STAGES[window.stage]} {in_force.notice['en']}")
    span = ET.SubElement(placemark, "TimeSpan")
    _add(span, "begin", window.opens)
    _add(span, "end", "" if has_passed(in_force, window) else window.closes)
    _add(placemark, "styleUrl", f"#{window.stage}")
    data = ET.SubElement(placemark, "ExtendedData")
    for name, value in _values(in_force, feature, window).items():
        if value:
            _add(ET.SubElement(data, "Data", name=name), "value", value)
    if feature.figure is not None:
        _figure(placemark, feature.figure)


def _values(in_force: InForce, feature: MapFeature, window: InForceWindow) -> dict[str, str]:
    lengths = {
        name: "" if value is UNSET else f"{si_units.metres(msgspec.json.decode(value)):g} m"
        for name, value in (("floor", window.floor), ("ceiling", window.ceiling))
    }
    return {
        "channel": in_force.channel,
        "exercise": "true" if in_force.exercise else "",
        "marking": in_force.marking,
        "exchange": window.exchange,
        "number": window.number,
        "act": window.act,
        "kind": window.kind,
        "side": window.side,
        "status": window.status,
        "stage": window.stage,
        "opens": window.opens,
        "closes": window.closes,
        "commenced": window.commenced,
        "holding": window.holding,
        "holding_until": window.holding_until,
        "arrived": window.arrived,
        "role": feature.role,
        "place": "; ".join(feature.names),
        **lengths,
        "notam": ", ".join(window.notam),
        "navarea": ", ".join(window.navarea),
    }


def _figure(parent: ET.Element, figure: Figure) -> None:
    if len(figure.parts) > 1:
        parent = ET.SubElement(parent, "MultiGeometry")
    for part in figure.parts:
        match figure.kind:
            case "point":
                inner = ET.SubElement(parent, "Point")
            case "line":
                inner = ET.SubElement(parent, "LineString")
                _add(inner, "tessellate", "1")
            case "area":
                polygon = ET.SubElement(parent, "Polygon")
                _add(polygon, "tessellate", "1")
                inner = ET.SubElement(ET.SubElement(polygon, "outerBoundaryIs"), "LinearRing")
        _add(inner, "coordinates", _coordinates(part))


def _coordinates(points: Iterable[GeoPoint]) -> str:
    return " ".join(f"{_degrees(point.lon)},{_degrees(point.lat)}" for point in points)


def _degrees(value: float) -> str:
    """Return degrees without an exponent, which some readers do not know."""
    return f"{round(value, 6) + 0.0:.6f}".rstrip("0").rstrip(".")


def _add(parent: ET.Element, name: str, text: Any) -> None:
    """Add an element unless its text is empty, without characters that XML forbids."""
    if text:
        ET.SubElement(parent, name).text = text.translate({0xFFFE: "\ufffd", 0xFFFF: "\ufffd"})
