"""Lead times: the time between a side's notice of an event and the event."""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from dragoman.domain.acts import developments
from dragoman.domain.acts.deadlines import profile_of
from dragoman.domain.acts.families.visit_request import INSPECTIONS
from dragoman.domain.acts.field_checks import UNKNOWN
from dragoman_schemas.state import Exchange, Registry

_NOTICE: Final = (
    "window",
    "time",
    "departure",
    "notice_kind",
    "type",
    "phase",
    "urgent",
    "valid_from",
    "duty_number_dead",
    "kind",
    "arrival",
    "hazard",
    "self_caused",
)


CAUSED_BY_SIDES: Final = frozenset(
    {"firing", "bombing", "missile", "mines", "diving", "drones", "electronic", "salvage", "other"}
)
"""Hazards that the announcing side itself causes, unless it says otherwise.

Nobody can announce a gas leak or a flood wave days before.
"""

_RETESTED: Final = frozenset(
    {
        *("window", "time", "departure", "arrival", "valid_from", "phases"),
        *("place", "route", "launch_area", "impact_areas", "dropping_zones", "floor", "ceiling"),
        *("troops", "arms", "number", "vehicles", "persons", "totals"),
    }
)
"""Members with date, area and totals: a correction of one of them is a new notice."""


def instant(value: Any) -> datetime | None:
    """Return the moment of a time, exact or `about`; None where it is unknown."""
    text = value.get("about") if isinstance(value, dict) else value
    return datetime.fromisoformat(text) if isinstance(text, str) and text != UNKNOWN else None


_ROUND: Final = ((60, 3_600), (10, 600), (5, 300), (1, 60))
"""Minutes and seconds of the precision of an `about` time.

An `about` time whose minutes are a multiple of the first number is as coarse as so many
seconds: about 19:00 is some time in that hour.
"""


def latest(value: Any) -> datetime | None:
    """Return the last moment that a time may mean.

    An `about` time is as coarse as it is written. Nobody is late by less than that.
    """
    moment = instant(value)
    if moment is None or not isinstance(value, dict):
        return moment
    coarse = next(seconds for minutes, seconds in _ROUND if moment.minute % minutes == 0)
    return moment + timedelta(seconds=coarse)


class LeadTime(Struct, frozen=True, kw_only=True):
    """The time of a notice before an event, or of a report after it.

    `owed` is the time that the profile asks for.
    """

    given: timedelta
    owed: timedelta


def lead(registry: Registry, exchange: Exchange) -> LeadTime | None:
    """Return the notice before an event: the time that was given, and the time owed.

    None where no lead time is owed, or the beginning is not known.
    """
    content = {
        name: msgspec.json.decode(exchange.present[name])
        for name in _NOTICE
        if name in exchange.present
    }
    window = content.get("window")
    start = instant(window.get("from")) if isinstance(window, dict) else None
    limits, _ = profile_of(registry)
    owed: float
    match exchange.act:
        case "point-of-contact" if content.get("duty_number_dead") is not True:
            start, owed = instant(content["valid_from"]), 0
        case "military-activity" if content["notice_kind"] != "alert":
            owed = (
                limits.bomber_lead
                if content["type"] == "strategic_bomber"
                else limits.activity_lead
            )
        case "launch-notice" if content["phase"] == "pre_launch":
            ends = instant(window.get("to")) if isinstance(window, dict) else None
            long = (
                start is not None
                and ends is not None
                and ends - start >= timedelta(seconds=limits.launch_campaign)
            )
            start, owed = (
                start or latest(content.get("time")),
                limits.launch_campaign_lead if long else limits.launch_lead,
            )
        case "danger-area" if content.get("self_caused", content["hazard"] in CAUSED_BY_SIDES):
            owed = limits.area_lead
        case "humanitarian-notification":
            start = instant(content.get("departure"))
            owed = (
                limits.urgent_movement_lead
                if content.get("urgent") is True
                else limits.movement_lead
            )
        case "visit-request" if content["kind"] in INSPECTIONS:
            start, owed = instant(content["arrival"]), limits.inspection_lead
        case _:
            return None
    if start is None or exchange.for_the_record:
        return None
    return LeadTime(given=start - _told(exchange), owed=timedelta(seconds=owed))


def first_report(registry: Registry, exchange: Exchange) -> LeadTime | None:
    """Return the time from an event to its first report, and the time owed.

    For an incident it counts from the time at which it was known.
    """
    limits, _ = profile_of(registry)
    match exchange.act:
        case "hazardous-incident":
            name, owed = "known_at", limits.first_report
        case "encounter-report":
            name, owed = "time", limits.encounter_report
        case "emergency-notification":
            name, owed = "time", limits.emergency_report
        case _:
            return None
    raw = _first_told(exchange, name)
    since = None if raw is None else latest(msgspec.json.decode(raw))
    if since is None or exchange.for_the_record:
        return None
    return LeadTime(
        given=datetime.fromisoformat(exchange.opened.when) - since, owed=timedelta(seconds=owed)
    )


def _first_told(exchange: Exchange, name: str) -> Raw | None:
    """Return a field as the opening says it, with its errors corrected.

    A side that reports more later is not late for that.
    """
    return next(
        (
            series.value
            for series in developments.series(exchange, name)
            if series.told.position == exchange.opened.position
        ),
        None,
    )


def _told(exchange: Exchange) -> datetime:
    """Return the time at which the present date, area and totals were reported."""
    stamps = [
        developments.stamp_of(change)
        for change in developments.changes(exchange)
        if not _RETESTED.isdisjoint(change.fields)
    ]
    stamps += [
        item.said for item in exchange.acts.get("postponement", ()) if "windows" in item.content
    ]
    return datetime.fromisoformat(
        max((stamp.when for stamp in stamps), default=exchange.opened.when)
    )
