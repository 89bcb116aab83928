"""The reminders before a hand-over, and the warnings days before, of all rosters.

    for item in reminders_due(service):
        …                                  tell item.officer, once for each item.id

The notifier asks every minute or more often, and tells each item once: an id is the
same at every call and in every process until the hand-over.
"""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from dragoman.application.clock import stamp
from dragoman.application.rosters import views
from dragoman.application.service import Service
from dragoman.domain.views import duty_roster
from dragoman.domain.views.duty_roster import ShiftReminder
from dragoman.projection.projection import Projection
from dragoman.stores.rosters import StoredRoster
from dragoman.text import NameValue, Text, sentence


class RosterReminder(Struct, frozen=True, kw_only=True):
    """A reminder of a hand-over for one officer of a side.

    `officer` has the side before the name. `minutes` is the lead that was reached.
    """

    id: str
    cid: str
    side: str
    officer: str
    reminder: ShiftReminder

    @property
    def text(self) -> Text:
        """Return the reminder as a sentence."""
        return reminder_text(self.reminder)


class RosterAlert(Struct, frozen=True, kw_only=True):
    """A fault of a roster in the days ahead, for the heads and officers of its side."""

    id: str
    cid: str
    side: str
    fault: duty_roster.RosterFault


def reminders_due(service: Service, moment: datetime | None = None) -> Iterator[RosterReminder]:
    """Yield the reminders of all rosters that are due at a moment, by default now."""
    moment = moment or service.now()
    for roster, projection in _rosters(service):
        for reminder in duty_roster.reminders(roster.in_force(moment), roster.reminders, moment):
            name = f"{roster.side}/{reminder.officer}"
            officer = projection.registry.officers.get(name)
            if officer is None or officer.until is not None:
                continue
            yield RosterReminder(
                id=_id(
                    "reminder",
                    roster,
                    reminder.officer,
                    reminder.rung,
                    reminder.kind,
                    stamp(reminder.at),
                    str(reminder.minutes),
                ),
                cid=roster.cid,
                side=roster.side,
                officer=name,
                reminder=reminder,
            )


def alerts_due(service: Service, moment: datetime | None = None) -> Iterator[RosterAlert]:
    """Yield the faults of which all rosters warn at a moment, by default now."""
    moment = moment or service.now()
    for roster, projection in _rosters(service):
        for fault in views.faults_of(projection, roster, moment):
            yield RosterAlert(
                id=_id("alert", roster, fault.kind, fault.rung, fault.officer, stamp(fault.begins)),
                cid=roster.cid,
                side=roster.side,
                fault=fault,
            )


def own_reminders(
    roster: StoredRoster, officer: str, moment: datetime
) -> tuple[ShiftReminder, ...]:
    """Return the reminders of one officer that are due at a moment."""
    return tuple(
        reminder
        for reminder in duty_roster.reminders(roster.in_force(moment), roster.reminders, moment)
        if reminder.officer == officer
    )


def reminder_text(reminder: ShiftReminder) -> Text:
    """Return a reminder as a sentence."""
    values = {
        "rung": NameValue("value", reminder.rung),
        "span": timedelta(minutes=reminder.minutes),
        "other": reminder.other,
    }
    if reminder.kind == "begins":
        return (
            sentence(
                "Your shift as %(rung)s begins within %(span)s; you take over from %(other)s.",
                **values,
            )
            if reminder.other
            else sentence("Your shift as %(rung)s begins within %(span)s.", **values)
        )
    return (
        sentence("Your shift as %(rung)s ends within %(span)s; %(other)s takes over.", **values)
        if reminder.other
        else sentence(
            "Your shift as %(rung)s ends within %(span)s, and the roster has nobody after you.",
            **values,
        )
    )


def _rosters(service: Service) -> Iterator[tuple[StoredRoster, Projection]]:
    for roster in service.rosters.all_known():
        projection = service.channel_with(roster.cid)
        if projection is not None and projection.registry.ended is None:
            yield roster, projection


def _id(kind: str, roster: StoredRoster, *parts: str) -> str:
    text = " ".join(("dragoman-roster", kind, roster.cid, roster.side, *parts))
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))
