"""Formats of emergencies, terrorism warnings and humanitarian notifications."""

from typing import Final

from msgspec import UNSET, UnsetType

from dragoman.domain.acts import field_checks
from dragoman.domain.acts.act_rules import (
    DUTY,
    Format,
    always,
    opening,
)
from dragoman.domain.acts.families.event_progress import RUNNING, progress
from dragoman.domain.acts.families.exchange import moves_of_format
from dragoman.domain.acts.families.helping import helping
from dragoman.domain.acts.families.joining import joining
from dragoman.domain.acts.families.notification_words import (
    UNKNOWN,
    chosen_text,
    place_text,
    places_text,
    time_text,
)
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import NameValue, Text, sentence
from dragoman_schemas.act_frame import Act, Precedence
from dragoman_schemas.acts.notification import emergency_notification as emergency
from dragoman_schemas.acts.notification.humanitarian_notification import HumanitarianNotification
from dragoman_schemas.acts.notification.terrorism_warning import TerrorismWarning, WarningOutcome
from dragoman_schemas.codebook import NOTICES
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import Exchange, Registry


def _check_emergency(
    registry: Registry, exchange: Exchange | None, record: Record[emergency.EmergencyNotification]
) -> Refusal | None:
    data = record.data
    return (
        field_checks.times(time=data.time, next_update=data.next_update)
        or field_checks.place("/place", data.place)
        or field_checks.places("/places", data.places)
    )


def _emergency_title(data: emergency.EmergencyNotification) -> Text:
    return sentence(
        "Emergency, %(nature)s, %(place)s, %(time)s",
        nature=chosen_text(data, "nature"),
        place=places_text(data.place, data.places),
        time=time_text(data.time),
    )


EMERGENCY_NOTIFICATION: Final = Format(
    rule=opening(
        "emergency-notification",
        emergency.EmergencyNotification,
        "notification",
        roles=DUTY,
        check=_check_emergency,
    ),
    code="N13",
    start="open",
    moves=moves_of_format(
        ("open", "ended"),
        {
            "ended": {"open": "ended"},
            **helping("open", "ended"),
            **joining("open", "ended"),
            "counter-account": {"open": "open", "ended": "ended", "closed": "closed"},
            "accounts-agreement": {"open": "open", "ended": "ended"},
        },
    ),
    area="regional-security",
    defaults=dict.fromkeys(("cross_border", "help"), UNKNOWN),
    precedence=always("immediate"),
    title=_emergency_title,
)


def _check_warning(
    registry: Registry, exchange: Exchange | None, record: Record[TerrorismWarning]
) -> Refusal | None:
    data = record.data
    refusal = field_checks.place("/place", data.place)
    if refusal is None and not isinstance(data.window, str):
        return field_checks.window("/window", data.window)
    return refusal


def _warning_title(data: TerrorismWarning) -> Text:
    return sentence(
        "Warning: %(threat)s, %(target)s, %(place)s",
        threat=chosen_text(data, "threat"),
        target=chosen_text(data, "target"),
        place=place_text(data.place),
    )


def _warning_precedence(data: Act, time: str) -> Precedence:
    return "flash" if is_imminent(data, time) else "routine"


def is_imminent(data: Act, time: str) -> bool:
    """Return whether a warning is imminent.

    It says so itself, or its window begins within a day of the time of the record.
    """
    if not isinstance(data, TerrorismWarning):
        return False
    imminent = or_default(data.imminent, None)
    return field_checks.imminent(
        "" if isinstance(data.window, str) else data.window.from_, time, flag=imminent
    )


TERRORISM_WARNING: Final = Format(
    rule=opening(
        "terrorism-warning",
        TerrorismWarning,
        "notification",
        two_key=True,
        one_key=is_imminent,
        check=_check_warning,
    ),
    code="N14",
    start="open",
    moves=moves_of_format(
        ("open", "answered"),
        {
            "reply": {"open": "answered"},
            "warning-outcome": {
                status: status for status in ("open", "answered", "cancelled", "closed")
            },
        },
    ),
    area="counter-terrorism",
    precedence=_warning_precedence,
    title=_warning_title,
)


def check_outcome(
    registry: Registry, exchange: Exchange | None, record: Record[WarningOutcome]
) -> Refusal | None:
    """Refuse an outcome that no words explain, or one of a time still to come."""
    data = record.data
    return field_checks.in_words(data) or field_checks.happened(
        record.envelope.time, as_of=data.as_of
    )


def _check_humanitarian(
    registry: Registry, exchange: Exchange | None, record: Record[HumanitarianNotification]
) -> Refusal | None:
    data = record.data
    needed = {"site": ("place",), "movement": ("route", "departure")}[data.kind]
    for name in needed:
        if getattr(data, name) is UNSET:
            members = (
                sentence("%(a)s and %(b)s", a=needed[0], b=needed[1])
                if len(needed) > 1
                else needed[0]
            )
            return invalid(
                f"/{name}",
                sentence(
                    "a %(kind)s has %(members)s; give %(name)s",
                    kind=data.kind,
                    members=members,
                    name=name,
                ),
            )
    if not isinstance(data.window, UnsetType):
        refusal = field_checks.window("/window", data.window)
        if refusal is not None:
            return refusal
    return (
        field_checks.place("/place", data.place)
        or field_checks.places("/route", data.route)
        or field_checks.times(departure=data.departure, arrival=data.arrival)
    )


def _humanitarian_title(data: HumanitarianNotification) -> Text:
    kind = NameValue("value", data.kind)
    return sentence(
        "Humanitarian %(kind)s, %(organisation)s", kind=kind, organisation=data.organisation
    )


def _humanitarian_precedence(data: HumanitarianNotification, time: str) -> Precedence:
    return "priority" if data.urgent is True else "routine"


HUMANITARIAN_NOTIFICATION: Final = Format(
    rule=opening(
        "humanitarian-notification",
        HumanitarianNotification,
        "notification",
        check=_check_humanitarian,
    ),
    code="N15",
    start="transmitted",
    moves=moves_of_format(
        ("transmitted", "received", *RUNNING),
        {
            **progress("transmitted", "received"),
            "acknowledgement": {"transmitted": "received"},
            "reconfirmation": {"transmitted": "transmitted", "received": "received"},
            "withdrawal": {"transmitted": "withdrawn", "received": "withdrawn"},
        },
        cancellable=("transmitted", "received", "holding"),
    ),
    area="regional-security",
    defaults=dict.fromkeys(("vehicles", "persons"), UNKNOWN),
    precedence=_humanitarian_precedence,
    notice=NOTICES["humanitarian-notification"],
    title=_humanitarian_title,
)
