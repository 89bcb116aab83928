"""The places of a period for a chart: which are marks, and why others are not.

    1 NATO     report     15-07.2N 116-26.4E    to 1 CHINA: 5 nm · 9.3 km, 031° true
    1 CHINA    account    15-11.5N 116-29.1E    to 1 NATO
    -          report     "off the shoal"       in words only

A mark is named by its record and the number of the place in it. Its label has the
number of its exchange on the chart, and its side.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Raw, Struct

from dragoman.console.charts.sea_chart import Kind
from dragoman.domain.acts import developments, event_windows, geodesy
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.acts.field_checks import UNKNOWN
from dragoman.domain.acts.geodesy import GeoPoint
from dragoman.domain.recorded_places import RecordedPlace
from dragoman.domain.views.in_force import EVENT_FORMATS
from dragoman.office.incidents import windows_map
from dragoman.office.incidents.recorded_places import PlacedExchange, PlacesOfPeriod

KINDS: Final[dict[str, Kind]] = {
    **{act: format.mark for act, format in EVENT_FORMATS.items()},
    "meeting-request": "meeting",
    "contact-note": "meeting",
}
"""The kind of each format; all others are of incidents."""

Reason = Literal["", "words", "unknown", "none", "corrected", "replaced", "proposed"]


class ChartPlace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One place of the period, and where it is on the chart.

    A place with a `reason` is not drawn. `lat` and `lon` are its point, or the middle
    of its area. `other` is the mark of the other account of the same event, with the
    range and the true bearing to it. `stage` is there while its window is open or near.
    """

    id: str
    label: str = ""
    exchange: str
    number: str
    act: str
    status: str
    side: str
    source: str = ""
    member: str = ""
    standing: str = ""
    reason: Reason = ""
    when: str = ""
    ends: str = ""
    recorded: str = ""
    position: int
    lat: float | None = None
    lon: float | None = None
    place: Raw = Raw(b"null")
    other: str = ""
    range_m: float | None = None
    bearing: float | None = None
    stage: str = ""
    until: str = ""


class MeasuredRange(Struct, frozen=True, kw_only=True):
    """The range in metres and the true bearing from one mark to another."""

    start: str
    end: str
    range_m: float
    bearing: float
    back: float


def chart_places(period: PlacesOfPeriod) -> list[tuple[ChartPlace, PlacedExchange]]:
    """Return all places, marks first, each with its exchange."""
    marks: list[tuple[ChartPlace, PlacedExchange]] = []
    others: list[tuple[ChartPlace, PlacedExchange]] = []
    number = 0
    for placed in period.exchanges:
        number += any(not _reason(place) for place in placed.places)
        shown = _with_accounts(placed, [*_of_exchange(placed, number)])
        marks += [(place, placed) for place in shown if not place.reason]
        others += [(place, placed) for place in shown if place.reason]
    return [*marks, *others]


def _of_exchange(placed: PlacedExchange, nth: int) -> Iterator[ChartPlace]:
    exchange, window = placed.exchange, placed.window
    common: dict[str, Any] = {
        "exchange": exchange.id,
        "number": exchange.number,
        "act": exchange.act,
        "status": exchange.status,
    }
    if not placed.places:
        opened = exchange.opened
        yield ChartPlace(
            id=f"{opened.position}.0",
            side=exchange.side,
            reason="none",
            when=opened.time,
            recorded=opened.time,
            position=opened.position,
            **common,
        )
    drawn = [place for place in placed.places if not _reason(place)]
    announced = event_windows.window_of(exchange)
    for place in placed.places:
        reason = _reason(place)
        figure = None if reason else windows_map.figure(place.value)
        middle = None if figure is None else windows_map.middle(figure)
        same = [other for other in drawn if other.side == place.side]
        letter = _letter(same.index(place)) if len(same) > 1 and place in same else ""
        is_own = window is not None and place.side == exchange.side and place.source == "report"
        ends = None if announced is None or place.source != "report" else announced.ends
        yield ChartPlace(
            id=f"{place.position}.{place.number}",
            label="" if reason else f"{nth}{letter} {place.side.upper()}",
            side=place.side,
            source=place.source,
            member=place.member,
            standing=place.standing,
            reason=reason,
            when=place.when
            if announced is None or place.source != "report"
            else timestamp(announced.begins),
            ends="" if ends is None else timestamp(ends),
            recorded=place.time,
            position=place.position,
            lat=None if middle is None else middle.lat,
            lon=None if middle is None else middle.lon,
            place=Raw(msgspec.json.encode(place.value)),
            stage=window.stage if is_own and window is not None else "",
            until=timestamp(ends) if is_own and ends is not None else "",
            **common,
        )


def _letter(number: int) -> str:
    """Return the letter of a number from 0; after z comes aa."""
    text = ""
    while number >= 0:
        text, number = chr(ord("a") + number % 26) + text, number // 26 - 1
    return text


def _reason(place: RecordedPlace) -> Reason:
    """Return the reason for which a place is not drawn; empty for a mark."""
    if place.value == UNKNOWN:
        return "unknown"
    if place.standing in ("corrected", "replaced", "proposed"):
        return place.standing
    return "words" if windows_map.figure(place.value) is None else ""


def _with_accounts(placed: PlacedExchange, places: Sequence[ChartPlace]) -> list[ChartPlace]:
    """Return the places of an exchange, each account with the way to the other one."""
    event = developments.of_event(placed.exchange)
    stated = [msgspec.json.decode(event[name]) for name in ("place", "pos") if name in event]
    marks = [place for place in places if not place.reason and place.member in ("place", "pos")]
    reports = [place for place in marks if place.source == "report"]
    opener = next(
        (place for place in reports if msgspec.json.decode(place.place) in stated),
        reports[0] if reports else None,
    )
    accounts = [place for place in marks if place.source == "account"]
    if opener is None or not accounts:
        return list(places)
    pairs = {account.id: opener for account in accounts} | {opener.id: accounts[0]}
    return [_to_other(place, pairs[place.id]) if place.id in pairs else place for place in places]


def _to_other(place: ChartPlace, other: ChartPlace) -> ChartPlace:
    metres, angle = _way(place, other)
    return msgspec.structs.replace(place, other=other.id, range_m=metres, bearing=angle)


def _way(start: ChartPlace, end: ChartPlace) -> tuple[float, float]:
    """Return the range in metres and the true bearing between two marks."""
    one, other = point_of(start), point_of(end)
    return round(geodesy.distance_m(one, other), 1), round(geodesy.bearing(one, other), 2)


def point_of(place: ChartPlace) -> GeoPoint:
    """Return the point of a mark."""
    assert place.lat is not None and place.lon is not None
    return GeoPoint(place.lat, place.lon)


def measured(
    places: Sequence[tuple[ChartPlace, PlacedExchange]], a: str, b: str
) -> MeasuredRange | None:
    """Return the way between two marks that the reader chose; None without two."""
    marks = {place.id: place for place, _ in places if not place.reason}
    if a not in marks or b not in marks or a == b:
        return None
    metres, angle = _way(marks[a], marks[b])
    _, back = _way(marks[b], marks[a])
    return MeasuredRange(start=a, end=b, range_m=metres, bearing=angle, back=back)
