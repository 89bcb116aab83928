"""A side's duty roster: events, shifts, their changes, and the bodies of its API.

A roster belongs to one side of one channel. It is beside the log, and no other side
reads it. An officer is named by the name of the office, such as `d-1`, without the
side.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from dragoman_schemas.fields import Name, Shape, Timestamp
from dragoman_schemas.responses import ResponseBody

RosterRung = Literal["duty_officer", "deputy", "head_of_office"]
"""A rung of the ladder of a flash. The duty officer has the watch."""

ROSTER_RUNGS: Final[tuple[RosterRung, ...]] = ("duty_officer", "deputy", "head_of_office")

RosterStatus = Literal["none", "waiting", "in_force", "empty", "stale", "unreadable"]
"""The state of a roster. Only a roster `in_force` adds people to a ladder.

A new subscription is `waiting` until it was read for the first time.
"""

RosterWarningKind = Literal["gap", "same_person", "not_in_office", "role"]

WarnDays = Annotated[int, Meta(ge=1, le=14)]
ReminderMinutes = Annotated[
    tuple[Annotated[int, Meta(ge=1, le=1_440)], ...], Meta(min_length=1, max_length=4)
]


class RosterEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event of the calendar, for one officer, without any text of its author.

    `begins` is the clock time in `zone`, and `seconds` the length by the clock. `rule`
    is the RRULE. `more` and `without` are the RDATE and EXDATE times in the same zone.
    `order` is the officer's place among those of one event.
    """

    id: str
    officer: str
    rung: RosterRung
    begins: str
    seconds: int
    zone: str
    order: int = 0
    rule: str = ""
    more: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


class RosterShift(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One officer on one rung, from a time until before another, in UTC.

    `order` is the officer's place among those of the same rung. `change` is the id of
    the cover or exchange that made the shift.
    """

    rung: RosterRung
    officer: str
    begins: datetime
    ends: datetime
    order: int = 0
    change: str = ""


class RosterChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An offered shift, or a cover that a head of office has set.

    Officer `of` is replaced by `to` on a rung, between two times. `to` is empty while
    nobody has taken the offer. `of` is empty for a cover that replaces everybody on the
    rung. `by` made the change at the time `at`.
    """

    id: str
    kind: Literal["offer", "cover"]
    rung: RosterRung
    begins: datetime
    ends: datetime
    by: str
    at: datetime
    of: str = ""
    to: str = ""
    taken: datetime | None = None


class RosterReading(Struct, frozen=True, kw_only=True):
    """A calendar that was read: its events, and its shifts up to a time."""

    events: tuple[RosterEvent, ...]
    shifts: tuple[RosterShift, ...]


# Bodies of the API


class RosterSubscription(Shape, frozen=True, kw_only=True):
    """The https URL of a calendar that the host reads again and again."""

    url: Annotated[str, Meta(min_length=9, max_length=2_000)]


class RosterSettings(Shape, frozen=True, kw_only=True):
    """A side's settings of its roster.

    Faults are warned of `warn_days` days before. Officers are reminded `reminders`
    minutes before a hand-over.
    """

    warn_days: WarnDays = 3
    reminders: ReminderMinutes = (60, 15)


class ShiftChange(Shape, frozen=True, kw_only=True):
    """A change that an officer makes: `offer` a shift, `take` one, or `withdraw`.

    An offer has the times of a shift of the caller, or of a part of it. To take or
    withdraw, name the `change` by its id.
    """

    do: Literal["offer", "take", "withdraw"]
    change: Annotated[str, Meta(max_length=64)] = ""
    begins: Timestamp | UnsetType = UNSET
    ends: Timestamp | UnsetType = UNSET
    rung: RosterRung = "duty_officer"


class NewCover(Shape, frozen=True, kw_only=True):
    """A cover by an officer, set by a head of office.

    It replaces the officer `of`, or everybody on the rung if `of` is left out.
    """

    officer: Name
    begins: Timestamp
    ends: Timestamp
    rung: RosterRung = "duty_officer"
    of: Name | UnsetType = UNSET


class RosterShiftView(ResponseBody, frozen=True, kw_only=True):
    """A shift. `change` is the id of the change that made it."""

    rung: RosterRung
    officer: str
    begins: str
    ends: str
    change: str = ""


class RosterChangeView(ResponseBody, frozen=True, kw_only=True):
    """An offered shift or a cover; `to` is empty while nobody has taken the offer."""

    id: str
    kind: Literal["offer", "cover"]
    rung: RosterRung
    begins: str
    ends: str
    by: str
    at: str
    of: str = ""
    to: str = ""
    taken: str = ""


class RosterWarning(ResponseBody, frozen=True, kw_only=True):
    """A fault of the roster in the days ahead. `text` says it in English."""

    kind: RosterWarningKind
    rung: RosterRung
    begins: str
    ends: str
    officer: str = ""
    text: str


class RosterView(ResponseBody, frozen=True, kw_only=True):
    """The roster of the caller's side.

    `source` is empty if the side has no roster. `url` has only the scheme and the host
    of a subscription. `read` is the time of the last good reading, `tried` that of the
    last attempt, and `fault` its fault. `now` and `next` have the shifts of every rung.
    `until` is the time up to which shifts are known.
    """

    channel: str
    side: str
    status: RosterStatus
    source: Literal["", "file", "subscription"] = ""
    url: str = ""
    put: str = ""
    put_by: str = ""
    read: str = ""
    tried: str = ""
    fault: str = ""
    until: str = ""
    warn_days: int
    reminders: tuple[int, ...]
    now: tuple[RosterShiftView, ...] = ()
    next: tuple[RosterShiftView, ...] = ()
    shifts: tuple[RosterShiftView, ...] = ()
    changes: tuple[RosterChangeView, ...] = ()
    warnings: tuple[RosterWarning, ...] = ()
