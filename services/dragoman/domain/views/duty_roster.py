"""The duty roster of a side: who is on duty, what is wrong ahead, who is reminded.

    shifts = effective(shifts, changes)          with the covers and exchanges applied
    on_duty(shifts, "duty_officer", now)         the officers who have the watch now
    ladder(registry, "china", "deputy", shifts, now)

A roster adds people to a rung of the ladder, and puts them first. It never takes away
whom the rung has by the log (see `alarms.reached`). Of the officers whom the roster
names, only those count who are in office by the log.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.acts.act_rules import DUTY, HEADS
from dragoman.domain.views import alarms
from dragoman.text import Text, sentence
from dragoman_schemas.roster import (
    ROSTER_RUNGS,
    RosterChange,
    RosterRung,
    RosterShift,
    RosterStatus,
    RosterWarningKind,
)
from dragoman_schemas.state import Registry

STALE_AFTER: Final = timedelta(days=3)
"""The time after the last good reading at which a subscription counts no more.

A weekend without its server is borne; a roster that nobody can correct is not.
"""


class RosterGap(Struct, frozen=True, kw_only=True):
    """A time in which the roster has nobody on a rung."""

    begins: datetime
    ends: datetime


class RosterFault(Struct, frozen=True, kw_only=True):
    """A fault of a roster in the days ahead, of one rung or one officer."""

    kind: RosterWarningKind
    rung: RosterRung
    begins: datetime
    ends: datetime
    officer: str = ""

    @property
    def text(self) -> Text:
        """Return the fault as a sentence, and what to do."""
        match self.kind:
            case "gap":
                return sentence(
                    "The roster has nobody there. Add a shift, or let the head of office set a "
                    "cover."
                )
            case "same_person":
                return sentence(
                    "The roster has %(officer)s here and on the rung below, so it adds nobody "
                    "here. Add somebody.",
                    officer=self.officer,
                )
            case "not_in_office":
                return sentence(
                    "%(officer)s is not in office in the log, and is not rung. Enter the officer, "
                    "or correct the roster.",
                    officer=self.officer,
                )
            case "role":
                return sentence(
                    "%(officer)s has no role in the log for this rung. Give the officer the role, "
                    "or correct the roster.",
                    officer=self.officer,
                )


class ShiftReminder(Struct, frozen=True, kw_only=True):
    """A reminder that is due: the officer's shift begins, or ends, at `at`.

    It is due `minutes` before. `other` takes over, or hands over; empty for nobody.
    """

    kind: Literal["begins", "ends"]
    officer: str
    rung: RosterRung
    at: datetime
    minutes: int
    other: str = ""


class RungPeople(Struct, frozen=True, kw_only=True):
    """The officers of a rung: those by the roster, then the others by the log."""

    by_roster: tuple[str, ...]
    by_log: tuple[str, ...]

    @property
    def officers(self) -> tuple[str, ...]:
        """Return all of them, in the order in which they are rung."""
        return (*self.by_roster, *self.by_log)


def status(
    source: str, shifts: Iterable[RosterShift], read: datetime | None, fault: str, moment: datetime
) -> RosterStatus:
    """Return the status of a roster.

    `read` is the time of the last good reading of a subscription. A file does not grow
    stale: its shifts end.
    """
    if not source:
        return "none"
    if read is None:
        return "unreadable" if fault else "waiting"
    if source == "subscription" and moment - read > STALE_AFTER:
        return "stale"
    return "in_force" if any(shift.ends > moment for shift in shifts) else "empty"


def effective(
    shifts: Iterable[RosterShift], changes: Iterable[RosterChange]
) -> tuple[RosterShift, ...]:
    """Return the shifts with the changes applied, in the order in which they were made.

    An offer that nobody has taken changes nothing. A taken offer replaces its officer
    only where that officer is on duty, so it follows a calendar that is read again.
    """
    current = list(shifts)
    applied = [change for change in changes if change.to]
    for change in sorted(applied, key=lambda change: (change.taken or change.at, change.id)):
        remaining: list[RosterShift] = []
        replaced: list[RosterShift] = []
        for shift in current:
            hit = (
                shift.rung == change.rung
                and change.of in ("", shift.officer)
                and shift.begins < change.ends
                and change.begins < shift.ends
            )
            if not hit:
                remaining.append(shift)
                continue
            if shift.begins < change.begins:
                remaining.append(replace(shift, ends=change.begins))
            if change.ends < shift.ends:
                remaining.append(replace(shift, begins=change.ends))
            replaced.append(
                replace(
                    shift,
                    officer=change.to,
                    begins=max(shift.begins, change.begins),
                    ends=min(shift.ends, change.ends),
                    change=change.id,
                )
            )
        if not change.of:
            replaced = [
                RosterShift(
                    rung=change.rung,
                    officer=change.to,
                    begins=change.begins,
                    ends=change.ends,
                    change=change.id,
                )
            ]
        current = [*remaining, *replaced]
    return tuple(sorted(current, key=_place))


def _place(shift: RosterShift) -> tuple[datetime, int, int, str, datetime]:
    return (
        shift.begins,
        ROSTER_RUNGS.index(shift.rung),
        shift.order,
        shift.officer,
        shift.ends,
    )


def merged(shifts: Iterable[RosterShift], rung: RosterRung) -> tuple[RosterShift, ...]:
    """Return the shifts of a rung, those of one officer without a break as one."""
    last: dict[str, int] = {}
    joined: list[RosterShift] = []
    for shift in sorted((shift for shift in shifts if shift.rung == rung), key=_place):
        at = last.get(shift.officer)
        if at is not None and joined[at].ends >= shift.begins:
            joined[at] = replace(joined[at], ends=max(joined[at].ends, shift.ends))
        else:
            last[shift.officer] = len(joined)
            joined.append(shift)
    return tuple(joined)


def on_duty(
    shifts: Iterable[RosterShift], rung: RosterRung, moment: datetime
) -> tuple[RosterShift, ...]:
    """Return the shifts of a rung at a moment, one for each officer, in their order."""
    current = sorted(
        (shift for shift in shifts if shift.rung == rung and shift.begins <= moment < shift.ends),
        key=lambda shift: (shift.order, shift.begins, shift.officer),
    )
    return tuple(
        {shift.officer: shift for shift in reversed(current)}[name] for name in _names(current)
    )


def _names(shifts: Iterable[RosterShift]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(shift.officer for shift in shifts))


def coming(
    shifts: Iterable[RosterShift], rung: RosterRung, moment: datetime
) -> tuple[RosterShift, ...]:
    """Return the next shifts of a rung: all that begin at the first beginning ahead.

    A shift that only continues its officer's earlier shift does not count.
    """
    ahead = [shift for shift in merged(shifts, rung) if shift.begins > moment]
    first = min((shift.begins for shift in ahead), default=None)
    return tuple(
        sorted(
            (shift for shift in ahead if shift.begins == first),
            key=lambda shift: (shift.order, shift.officer),
        )
    )


def gaps(
    shifts: Iterable[RosterShift], rung: RosterRung, begins: datetime, ends: datetime
) -> tuple[RosterGap, ...]:
    """Return the times between two moments in which nobody is on a rung."""
    covered = begins
    result: list[RosterGap] = []
    for shift in sorted((shift for shift in shifts if shift.rung == rung), key=_place):
        if shift.ends <= covered:
            continue
        if shift.begins >= ends:
            break
        if shift.begins > covered:
            result.append(RosterGap(begins=covered, ends=shift.begins))
        covered = shift.ends
    if covered < ends:
        result.append(RosterGap(begins=covered, ends=ends))
    return tuple(result)


def faults(
    registry: Registry,
    side: str,
    shifts: Sequence[RosterShift],
    rungs: Iterable[RosterRung],
    moment: datetime,
    warned: timedelta,
    until: datetime,
) -> tuple[RosterFault, ...]:
    """Return the faults of a roster that last now or begin soon, the earliest first.

    Soon is within `warned`. Shifts are known up to `until`. `rungs` are those for which
    the calendar has shifts at all. A rung that it leaves to the log has no gaps.

    The times of a fault are its own, and no part of the question. So the same fault has
    the same times at every call, and nobody is warned of it anew.
    """
    first = (moment - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    last = max(until, moment + warned)
    rostered = set(rungs)
    near = [shift for shift in shifts if shift.begins < last and first < shift.ends]
    result = [
        *(
            RosterFault(kind="gap", rung=rung, begins=gap.begins, ends=gap.ends)
            for rung in ROSTER_RUNGS
            if rung in rostered
            for gap in gaps(near, rung, first, last)
        ),
        *_same_people(near, first, last),
        *_strangers(registry, side, [shift for shift in near if shift.ends > moment]),
    ]
    return tuple(
        sorted(
            (fault for fault in result if fault.ends > moment and fault.begins < moment + warned),
            key=lambda fault: (fault.begins, ROSTER_RUNGS.index(fault.rung), fault.kind),
        )
    )


def _same_people(
    shifts: Sequence[RosterShift], begins: datetime, ends: datetime
) -> Iterator[RosterFault]:
    """Yield the times in which a rung has nobody but the people of the rung below."""
    times = sorted(
        {
            begins,
            ends,
            *(
                time
                for shift in shifts
                for time in (shift.begins, shift.ends)
                if begins < time < ends
            ),
        }
    )
    ahead = sorted(shifts, key=_place, reverse=True)
    current: list[RosterShift] = []
    open_spans: dict[RosterRung, RosterFault] = {}
    for start, end in pairwise(times):
        current = [shift for shift in current if shift.ends > start]
        while ahead and ahead[-1].begins <= start:
            current.append(ahead.pop())
        for below, rung in pairwise(ROSTER_RUNGS):
            people = _names(on_duty(current, rung, start))
            same = bool(people) and {*people} <= {*_names(on_duty(current, below, start))}
            name, span = ", ".join(people), open_spans.get(rung)
            if span is not None and (not same or span.officer != name):
                yield open_spans.pop(rung)
                span = None
            if same:
                open_spans[rung] = (
                    RosterFault(kind="same_person", rung=rung, begins=start, ends=end, officer=name)
                    if span is None
                    else replace(span, ends=end)
                )
    yield from open_spans.values()


def _strangers(
    registry: Registry, side: str, shifts: Iterable[RosterShift]
) -> Iterator[RosterFault]:
    """Yield the first shift of each officer who is not in office, or lacks the role."""
    yielded: set[tuple[str, RosterRung]] = set()
    for shift in sorted(shifts, key=_place):
        if (shift.officer, shift.rung) in yielded:
            continue
        officer = registry.officers.get(f"{side}/{shift.officer}")
        needed = HEADS if shift.rung == "head_of_office" else DUTY
        kind: RosterWarningKind
        if officer is None or officer.until is not None:
            kind = "not_in_office"
        elif needed.isdisjoint(officer.roles):
            kind = "role"
        else:
            continue
        yielded.add((shift.officer, shift.rung))
        yield RosterFault(
            kind=kind,
            rung=shift.rung,
            begins=shift.begins,
            ends=shift.ends,
            officer=shift.officer,
        )


def reminders(
    shifts: Iterable[RosterShift], leads: Iterable[int], moment: datetime
) -> tuple[ShiftReminder, ...]:
    """Return the reminders that are due at a moment.

    `leads` are the minutes before a hand-over at which officers are reminded. Each
    officer has the shortest lead that has been reached, from then until the hand-over.
    """
    listed = list(shifts)
    shortest_first = sorted(set(leads))
    result: list[ShiftReminder] = []
    for rung in ROSTER_RUNGS:
        joined = merged(listed, rung)
        for shift in joined:
            for kind, at in (("begins", shift.begins), ("ends", shift.ends)):
                lead = next(
                    (
                        minutes
                        for minutes in shortest_first
                        if timedelta() < at - moment <= timedelta(minutes=minutes)
                    ),
                    None,
                )
                if lead is None:
                    continue
                others = [
                    other.officer
                    for other in joined
                    if (other.ends if kind == "begins" else other.begins) == at
                ]
                result.append(
                    ShiftReminder(
                        kind="begins" if kind == "begins" else "ends",
                        officer=shift.officer,
                        rung=rung,
                        at=at,
                        minutes=lead,
                        other=", ".join(others),
                    )
                )
    return tuple(sorted(result, key=lambda item: (item.at, item.rung, item.officer, item.kind)))


def ladder(
    registry: Registry,
    side: str,
    rung: RosterRung,
    shifts: Iterable[RosterShift],
    moment: datetime,
) -> RungPeople:
    """Return the officers of a rung: those by the roster first, then those by the log.

    `shifts` is empty unless the roster is in force. Officers have the side before their
    names.
    """
    by_log = alarms.reached(registry, side, rung)
    names = (f"{side}/{name}" for name in _names(on_duty(shifts, rung, moment)))
    by_roster = tuple(
        name
        for name in names
        if (officer := registry.officers.get(name)) is not None and officer.until is None
    )
    return RungPeople(
        by_roster=by_roster, by_log=tuple(name for name in by_log if name not in by_roster)
    )
