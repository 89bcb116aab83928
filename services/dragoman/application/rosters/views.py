"""The views of a roster, for the API and the pages."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from dragoman.application.clock import stamp
from dragoman.domain.views import duty_roster
from dragoman.domain.views.duty_roster import RosterFault
from dragoman.projection.projection import Projection
from dragoman.stores.rosters import StoredRoster
from dragoman.text import Text, unpacked
from dragoman_schemas.roster import (
    ROSTER_RUNGS,
    RosterChange,
    RosterChangeView,
    RosterShift,
    RosterShiftView,
    RosterView,
    RosterWarning,
)

SHOWN: Final = timedelta(days=14)
"""The time ahead whose shifts are shown."""

_WARNINGS: Final = 50


def view(projection: Projection, roster: StoredRoster, moment: datetime) -> RosterView:
    """Return the view of a roster at a moment."""
    duty = roster.duty
    counted = roster.in_force(moment)
    return RosterView(
        channel=projection.name,
        side=roster.side,
        status=roster.status(moment),
        source=roster.source,
        url=shown_url(roster.url),
        put=_stamp(roster.put),
        put_by=roster.put_by,
        read=_stamp(roster.read),
        tried=_stamp(roster.tried),
        fault="" if not roster.fault else str(unpacked(roster.fault)),
        until=_stamp(roster.until),
        warn_days=roster.warn_days,
        reminders=roster.reminders,
        now=_shifts(
            shift for rung in ROSTER_RUNGS for shift in duty_roster.on_duty(counted, rung, moment)
        ),
        next=_shifts(
            shift for rung in ROSTER_RUNGS for shift in duty_roster.coming(counted, rung, moment)
        ),
        shifts=_shifts(
            shift for shift in duty if shift.ends > moment and shift.begins < moment + SHOWN
        ),
        changes=tuple(_change(change) for change in roster.changes if change.ends > moment),
        warnings=tuple(
            RosterWarning(
                kind=fault.kind,
                rung=fault.rung,
                begins=stamp(fault.begins),
                ends=stamp(fault.ends),
                officer=fault.officer,
                text=str(fault.text),
            )
            for fault in faults_of(projection, roster, moment)
        ),
    )


def faults_of(
    projection: Projection, roster: StoredRoster, moment: datetime
) -> tuple[RosterFault, ...]:
    """Return the faults of which the roster warns at a moment."""
    return (
        duty_roster.faults(
            projection.registry,
            roster.side,
            roster.duty,
            {event.rung for event in roster.events},
            moment,
            timedelta(days=roster.warn_days),
            roster.until or moment,
        )[:_WARNINGS]
        if roster.status(moment) in ("in_force", "empty")
        else ()
    )


def fault_text(roster: StoredRoster) -> Text | None:
    """Return the fault of the last attempt to read a subscription; None for none."""
    return unpacked(roster.fault) if roster.fault else None


def shown_url(url: str) -> str:
    """Return the part of a URL that is no secret: its scheme and its host."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}/…" if parts.hostname else ""


def _shifts(shifts: Iterable[RosterShift]) -> tuple[RosterShiftView, ...]:
    return tuple(
        RosterShiftView(
            rung=shift.rung,
            officer=shift.officer,
            begins=stamp(shift.begins),
            ends=stamp(shift.ends),
            change=shift.change,
        )
        for shift in shifts
    )


def _change(change: RosterChange) -> RosterChangeView:
    return RosterChangeView(
        id=change.id,
        kind=change.kind,
        rung=change.rung,
        begins=stamp(change.begins),
        ends=stamp(change.ends),
        by=change.by,
        at=stamp(change.at),
        of=change.of,
        to=change.to,
        taken=_stamp(change.taken),
    )


def _stamp(moment: datetime | None) -> str:
    return "" if moment is None else stamp(moment)
