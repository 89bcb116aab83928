"""Formats of incidents at sea and in the air, of launches and of danger areas."""

from collections.abc import Callable
from typing import Final

from msgspec import UNSET, UnsetType

from dragoman.domain.acts import consent, field_checks
from dragoman.domain.acts.act_rules import (
    DUTY,
    Format,
    Moves,
    always,
    opening,
)
from dragoman.domain.acts.families.event_progress import RUNNING, progress
from dragoman.domain.acts.families.exchange import moves_of_format
from dragoman.domain.acts.families.helping import helping
from dragoman.domain.acts.families.joining import joining
from dragoman.domain.acts.families.notification_words import (
    TRANSPARENCY,
    UNKNOWN,
    chosen_text,
    place_text,
    places_text,
    time_text,
)
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import NameValue, Text, sentence
from dragoman_schemas.act_frame import Act, OpeningAct, Precedence
from dragoman_schemas.acts.contact.call_record import CallRecord
from dragoman_schemas.acts.notification.danger_area import DangerArea
from dragoman_schemas.acts.notification.emergency_notification import EmergencyNotification
from dragoman_schemas.acts.notification.encounter_report import EncounterReport
from dragoman_schemas.acts.notification.hazardous_incident import HazardousIncident
from dragoman_schemas.acts.notification.launch_notice import LaunchNotice
from dragoman_schemas.codebook import NOTICES
from dragoman_schemas.state import Exchange, Registry

_FLASH: Final = frozenset(
    {"collision", "lost_drone_or_missile", "fire_or_explosion", "unauthorised_launch", "attack"}
)


def _check_incident(
    registry: Registry, exchange: Exchange | None, record: Record[HazardousIncident]
) -> Refusal | None:
    data = record.data
    return (
        field_checks.times(time=data.time, known_at=data.known_at, next_update=data.next_update)
        or field_checks.place("/place", data.place)
        or field_checks.places("/places", data.places)
        or field_checks.sides(registry, "/whose", data.whose)
    )


ACCOUNTED: Final[dict[str, type[OpeningAct]]] = {
    "hazardous-incident": HazardousIncident,
    "encounter-report": EncounterReport,
    "call-record": CallRecord,
    "emergency-notification": EmergencyNotification,
}
"""Formats of which another side gives its own account, in the same fields."""


NARRATIVE: Final = {
    "hazardous-incident": "facts",
    "encounter-report": "description",
    "call-record": "gist",
    "emergency-notification": "text",
}
"""The field of each format that corresponds to an account's `facts`."""


def _incident_precedence(data: HazardousIncident, time: str) -> Precedence:
    return "flash" if data.kind in _FLASH else "immediate"


def _incident_title(data: HazardousIncident) -> Text:
    kind = (
        sentence("Incident, kind not known yet")
        if data.kind == field_checks.UNKNOWN
        else chosen_text(data, "kind", first=True)
    )
    return sentence(
        "%(kind)s, %(place)s, %(time)s",
        kind=kind,
        place=places_text(data.place, data.places),
        time=time_text(data.time),
    )


HAZARDOUS_INCIDENT: Final = Format(
    rule=opening(
        "hazardous-incident", HazardousIncident, "notification", roles=DUTY, check=_check_incident
    ),
    code="N07",
    start="open",
    moves=moves_of_format(
        ("open", "contained", "reported"),
        {
            **helping("open", "contained", "reported"),
            **joining("open", "contained", "reported"),
            "counter-account": {
                status: status for status in ("open", "contained", "reported", "closed")
            },
            "accounts-agreement": {status: status for status in ("open", "contained", "reported")},
            "contained": {"open": "contained"},
            "final-report": {"open": "reported", "contained": "reported", "reported": "reported"},
        },
    ),
    area=TRANSPARENCY,
    defaults=dict.fromkeys(
        (
            "whose",
            "casualties",
            "damage",
            "cause_assumed",
            "cause_established",
            "continuing",
            "assistance",
        ),
        UNKNOWN,
    ),
    precedence=_incident_precedence,
    title=_incident_title,
)


def _check_launch(
    registry: Registry, exchange: Exchange | None, record: Record[LaunchNotice]
) -> Refusal | None:
    data = record.data
    if data.window is data.time is UNSET:
        return invalid("/window", sentence("say when: give a window, or a time"))
    if not isinstance(data.window, UnsetType):
        refusal = field_checks.window("/window", data.window)
        if refusal is not None:
            return refusal
    return (
        field_checks.times(time=data.time)
        or field_checks.place("/launch_area", data.launch_area)
        or field_checks.places("/impact_areas", data.impact_areas)
        or field_checks.places("/dropping_zones", data.dropping_zones)
    )


def _launch_title(data: LaunchNotice) -> Text:
    return sentence(
        "Launch, %(phase)s, %(place)s",
        phase=NameValue("value", data.phase),
        place=place_text(data.launch_area),
    )


def _launch_precedence(data: LaunchNotice, time: str) -> Precedence:
    return "flash" if data.phase == "deviation" else "priority"


def _is_deviation(data: Act, time: str) -> bool:
    return isinstance(data, LaunchNotice) and data.phase == "deviation"


LAUNCH_NOTICE: Final = Format(
    rule=opening(
        "launch-notice",
        LaunchNotice,
        "notification",
        two_key=True,
        one_key=_is_deviation,
        check=_check_launch,
    ),
    code="N08",
    start="notified",
    moves=moves_of_format(
        ("notified", "postponed", *RUNNING),
        {
            **progress("notified", "postponed"),
            "postponement": dict.fromkeys(("notified", "postponed", "holding"), "postponed"),
        },
        cancellable=("notified", "postponed", "holding"),
    ),
    area=TRANSPARENCY,
    precedence=_launch_precedence,
    title=_launch_title,
)


def _check_encounter(
    registry: Registry, exchange: Exchange | None, record: Record[EncounterReport]
) -> Refusal | None:
    data = record.data
    return field_checks.times(time=data.time) or field_checks.place("/place", data.place)


def _encounter_title(data: EncounterReport) -> Text:
    place, time = place_text(data.place), time_text(data.time)
    if data.domain == "sea":
        return sentence("Encounter at sea, %(place)s, %(time)s", place=place, time=time)
    return sentence("Encounter in the air, %(place)s, %(time)s", place=place, time=time)


def agreed_by_all(exchange: Exchange, status: str) -> str:
    """Return the status once every party agrees on the facts of the accounts.

    The accounts are the present ones. An incident keeps the status of its course.
    """
    return status if consent.is_facts_agreed(exchange) else exchange.status


def still_agreed(before: str) -> Callable[[Exchange, str], str]:
    """Return a `holds` that ends `agreed_facts` once an account says otherwise."""

    def held(exchange: Exchange, status: str) -> str:
        if status != "agreed_facts" or consent.is_facts_agreed(exchange):
            return status
        return "accounts_differ" if exchange.accounts else before

    return held


def accounted(start: str) -> Moves:
    """Return the moves of accounts, for a format that has no other course."""
    return {
        "counter-account": {
            **dict.fromkeys((start, "accounts_differ", "agreed_facts"), "accounts_differ"),
            "closed": "closed",
        },
        "accounts-agreement": dict.fromkeys((start, "accounts_differ"), "agreed_facts"),
    }


_ENCOUNTER: Final = ("reported", "accounts_differ", "agreed_facts")

ENCOUNTER_REPORT: Final = Format(
    rule=opening("encounter-report", EncounterReport, "notification", check=_check_encounter),
    code="N09",
    start="reported",
    moves=moves_of_format(
        _ENCOUNTER,
        {**helping(*_ENCOUNTER), **joining(*_ENCOUNTER), **accounted("reported")},
    ),
    holds=still_agreed("reported"),
    area="maritime-security",
    defaults=dict.fromkeys(("cpa", "radio_contact"), UNKNOWN),
    precedence=always("priority"),
    title=_encounter_title,
)


def _check_area(
    registry: Registry, exchange: Exchange | None, record: Record[DangerArea]
) -> Refusal | None:
    data = record.data
    return field_checks.place("/place", data.place) or field_checks.window("/window", data.window)


def _area_title(data: DangerArea) -> Text:
    return sentence(
        "Danger area, %(hazard)s, %(place)s",
        hazard=chosen_text(data, "hazard"),
        place=place_text(data.place),
    )


DANGER_AREA: Final = Format(
    rule=opening("danger-area", DangerArea, "notification", check=_check_area),
    code="N10",
    start="announced",
    moves=moves_of_format(
        ("announced", "cleared", *RUNNING),
        {
            **progress("announced"),
            "all-clear": dict.fromkeys(("announced", *RUNNING), "cleared"),
            "reconfirmation": {status: status for status in ("announced", "under_way", "holding")},
        },
        cancellable=("announced", "holding"),
    ),
    area="maritime-security",
    precedence=always("priority"),
    title=_area_title,
    notice=NOTICES["danger-area"],
)
