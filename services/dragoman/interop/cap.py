"""An exchange as an alert in the Common Alerting Protocol, CAP 1.2 (OASIS 2010).

Other organisations' warning systems read this format.

    opening         Alert, of the exchange's number
    correction      Update, of the correction's number, which refers to every earlier
                    message
    cancellation    Cancel, likewise

A member for which CAP has an element goes there. Any other member goes unchanged into a
parameter of its name, so that nothing is lost. Nothing is invented: severity, urgency
and certainty are `Unknown` if the record does not state them. Alerts are between sides:
`Private`, to the addressees by name. In an exercise they are `Exercise`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree import ElementTree as ET

import msgspec

from dragoman.domain.acts import developments, si_units
from dragoman.domain.acts.families.exchange import markings
from dragoman.domain.views.titles import subject_of
from dragoman.interop.side_texts import in_language
from dragoman.members import shapes
from dragoman.members.places import PlaceKind
from dragoman_schemas.fields import UNTIL_FURTHER_NOTICE
from dragoman_schemas.state import Exchange, Registry, Stamp, StateCorrection

MEDIA: Final = "application/cap+xml"
_NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFormat:
    """The alert of a format: its event name, its categories and its certainty.

    `description`, `instruction` and `contact` are the members that these elements of
    another's alert become. They are empty where an element becomes no member.
    """

    event: str
    categories: tuple[str, ...]
    certainty: str = "Unknown"
    description: str = "text"
    instruction: str = ""
    contact: str = ""


ALERTS: Final[Mapping[str, AlertFormat]] = {
    "hazardous-incident": AlertFormat(
        event="Hazardous incident",
        categories=("Safety", "Security"),
        certainty="Observed",
        description="facts",
        instruction="request",
        contact="on_scene_frequency",
    ),
    "launch-notice": AlertFormat(event="Launch notice", categories=("Safety", "Transport")),
    "danger-area": AlertFormat(
        event="Danger area", categories=("Safety", "Transport"), contact="on_scene_contact"
    ),
    "emergency-notification": AlertFormat(
        event="Emergency",
        categories=("Safety",),
        certainty="Observed",
        instruction="protective_measures",
    ),
    "terrorism-warning": AlertFormat(
        event="Terrorism warning", categories=("Security",), instruction="action_wanted"
    ),
    "ict-inquiry": AlertFormat(
        event="Incident in information systems",
        categories=("Infra", "Security"),
        instruction="request",
    ),
}
"""The formats that become alerts."""

_NATURES: Final = {
    **dict.fromkeys(("nuclear", "radiological"), "CBRNE"),
    **dict.fromkeys(("flood", "flood_wave", "storm", "drought"), "Met"),
    **dict.fromkeys(("fire", "wildfire"), "Fire"),
    **dict.fromkeys(("earthquake", "landslide"), "Geo"),
    **dict.fromkeys(("attack", "sabotage"), "Security"),
    "epidemic": "Health",
    **dict.fromkeys(("oil_spill", "pollution", "gas_leak"), "Env"),
}
_TEXTS: Final = ("facts", "text", "threat")
"""The members of which the first one present becomes the description.

The others become parameters, so that each is read back as itself.
"""

_INSTRUCTIONS: Final = ("request", "action_wanted", "protective_measures")
_CONTACTS: Final = ("on_scene_contact", "on_scene_frequency", "contact")
_EXPRESSED: Final = frozenset({"subject", "time", "window", "precedence"})
_SEPARATORS: Final = {ord(item): "-" for item in " ,<&"}


def alert(registry: Registry, exchange: Exchange) -> bytes:
    """Return the alert, as UTF-8. The exchange must be of a format in `ALERTS`."""
    root = ET.Element("alert", xmlns=_NAMESPACE)
    messages = [*_messages(exchange)]
    number, stamp, why = messages[-1]
    sender = _token(f"{exchange.side}@{registry.name}")
    kind = (
        "Cancel"
        if exchange.cancellation is not None
        else "Update"
        if len(messages) > 1
        else "Alert"
    )
    _add(root, "identifier", _token(number))
    _add(root, "sender", sender)
    _add(root, "sent", _time(stamp.time))
    _add(root, "status", "Exercise" if registry.kind == "exercise" else "Actual")
    _add(root, "msgType", kind)
    _add(root, "source", stamp.by)
    _add(root, "scope", "Private")
    _add(root, "addresses", " ".join((*exchange.to, *exchange.info)))
    _add(root, "code", f"dragoman.{exchange.act}")
    notes = [
        *([f"Exercise {registry.name}."] if registry.kind == "exercise" else []),
        *([why] if why else []),
        *([f"Marking: {marked}."] if (marked := markings(registry, exchange)) else []),
    ]
    _add(root, "note", " ".join(notes))
    _add(
        root,
        "references",
        " ".join(
            f"{sender},{_token(earlier)},{_time(stamp.time)}" for earlier, stamp, _ in messages[:-1]
        ),
    )
    _add(root, "incidents", _token(exchange.number))
    content = {name: json.loads(bytes(raw)) for name, raw in exchange.present.items()}
    for language in _languages(content, registry):
        _info(root, registry, exchange, content, language)
    ET.indent(root, " ")
    return b"%b\n" % ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _messages(exchange: Exchange) -> Iterator[tuple[str, Stamp, str]]:
    """Yield every message of the originator that contributes to the alert.

    Each has its number, its stamp and its reason.
    """
    yield exchange.number, exchange.opened, ""
    later = [
        (item.number, item.corrected, in_language(item.reason))
        if isinstance(item, StateCorrection)
        else (f"{exchange.number}-{stamp.position}", stamp, "")
        for item in developments.changes(exchange)
        for stamp in [developments.stamp_of(item)]
    ]
    later += [
        (f"{exchange.number}-{item.said.position}", item.said, "")
        for item in exchange.acts.get("postponement", ())
        if "windows" in item.content
    ]
    yield from sorted(later, key=lambda message: message[1].position)
    if exchange.cancellation is not None:
        yield (
            exchange.cancellation.number,
            exchange.cancellation.cancelled,
            in_language(exchange.cancellation.reason),
        )


def _info(
    root: ET.Element,
    registry: Registry,
    exchange: Exchange,
    content: Mapping[str, Any],
    language: str,
) -> None:
    info = ET.SubElement(root, "info")
    alert_format = ALERTS[exchange.act]
    _add(info, "language", language)
    for category in dict.fromkeys(
        (
            *alert_format.categories,
            *([_NATURES[content["nature"]]] if content.get("nature") in _NATURES else []),
        )
    ):
        _add(info, "category", category)
    _add(info, "event", alert_format.event)
    _add(info, "urgency", "Past" if content.get("continuing") is False else "Unknown")
    _add(info, "severity", "Unknown")
    _add(info, "certainty", alert_format.certainty)
    window = content["window"] if isinstance(content.get("window"), dict) else {}
    _add(info, "onset", _moment(window.get("from", content.get("time"))))
    _add(info, "expires", _moment(window.get("to")))
    _add(info, "senderName", f"{exchange.side}, {registry.name}")
    used: set[str] = set()

    def text(element: str, names: Iterable[str], between: str = "\n") -> None:
        rows = [(name, content[name]) for name in names if name in content]
        used.update(name for name, _ in rows)
        _add(info, element, between.join(in_language(value, language) for _, value in rows))

    _add(info, "headline", in_language(msgspec.json.decode(subject_of(exchange)), language))
    text("description", [name for name in _TEXTS if name in content][:1])
    text("instruction", _INSTRUCTIONS)
    text("contact", _CONTACTS, "; ")
    _parameter(info, "precedence", exchange.precedence)
    for name, value in content.items():
        if (
            name not in used | _EXPRESSED
            or (name == "time" and (window or not isinstance(value, str)))
            or (name == "window" and window.get("to") == UNTIL_FURTHER_NOTICE)
        ):
            _parameter(
                info,
                name,
                value
                if isinstance(value, str)
                else json.dumps(value, ensure_ascii=False, separators=(",", ":")),
            )
    for member in shapes.members(exchange.act):
        if isinstance(member.kind, PlaceKind) and member.name in content:
            value = content[member.name]
            for place in value if isinstance(value, list) else [value]:
                _area(info, member.name, place)


def _area(info: ET.Element, name: str, place: dict[str, Any] | str) -> None:
    """Add a place by its name, and by its measured figure if it has one."""
    area = ET.SubElement(info, "area")
    place_members = {"text": place} if isinstance(place, str) else place
    names = place_members.get("names")
    rows = [
        place_members.get("name"),
        place_members.get("text"),
        *(names.values() if isinstance(names, dict) else ()),
    ]
    _add(area, "areaDesc", "; ".join(str(row) for row in rows if row) or name.replace("_", " "))
    if isinstance(polygon := place_members.get("polygon"), list):
        ring = [*polygon, polygon[0]]
        _add(area, "polygon", " ".join(f"{point['lat']},{point['lon']}" for point in ring))
    if isinstance(circle := place_members.get("circle"), dict):
        _add(
            area,
            "circle",
            f"{circle['pos']['lat']},{circle['pos']['lon']} "
            f"{si_units.metres(circle['radius']) / 1000:g}",
        )
    elif "lat" in place_members:
        _add(area, "circle", f"{place_members['lat']},{place_members['lon']} 0")


def _languages(content: Mapping[str, Any], registry: Registry) -> tuple[str, ...]:
    """Return the languages of the record's texts.

    If the texts have no languages, return the channel's first language.
    """
    languages = {
        language
        for name in (*_TEXTS, *_INSTRUCTIONS)
        if isinstance(content.get(name), dict)
        for language in content[name]
    }
    return tuple(sorted(languages)) or registry.languages[:1]


def _moment(value: Any) -> str:
    """Return a time, exact or approximate; empty if it is not known."""
    text = value.get("about", value.get("from", "")) if isinstance(value, dict) else value
    try:
        return _time(text) if isinstance(text, str) else ""
    except ValueError:
        return ""


def _time(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _token(text: str) -> str:
    return text.translate(_SEPARATORS)


def _parameter(info: ET.Element, name: str, value: str) -> None:
    parameter = ET.SubElement(info, "parameter")
    _add(parameter, "valueName", name)
    _add(parameter, "value", value)


def _add(parent: ET.Element, name: str, text: str) -> None:
    """Add an element unless its text is empty, without characters that XML forbids."""
    if text:
        ET.SubElement(parent, name).text = text.translate({0xFFFE: "\ufffd", 0xFFFF: "\ufffd"})
