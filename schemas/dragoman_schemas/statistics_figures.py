"""The statistics of a channel over a period: the same rows for every side, each number with its unit in its name.

What could not be measured is absent: there is no statement, which is not zero. A count
of zero is a statement. A share is a fraction of one.
"""

from typing import Literal

from msgspec import field

from dragoman_schemas.responses import ResponseBody


class Spread(ResponseBody, frozen=True, kw_only=True):
    """Several spans of time, in seconds: how many, the middle one, that which 95 of 100 do not exceed, and the longest."""

    measured: int
    median_s: float
    p95_s: float
    worst_s: float


class Opened(ResponseBody, frozen=True, kw_only=True):
    """What a side opened in the period in one format, by precedence."""

    side: str
    format: str
    opened: int
    flash: int
    immediate: int
    priority: int
    routine: int


class Kept(ResponseBody, frozen=True, kw_only=True):
    """One kind of clock that a side owes in one format.

    `took` is how long what was done in the period had taken. `in_time` was done within
    its limit in the period; of `late` the limit passed in the period, whatever came
    after. `ended` are those whose matter ended in the period before their limit, with
    nothing done. `open` and `overdue` are as at the end of the period. `courtesy` are
    those of all of these that do not bind, since not every side had adopted the
    profile.
    """

    side: str
    format: str
    clock: str
    took: Spread | None = None
    in_time: int
    late: int
    share_in_time: float | None = None
    ended: int
    open: int
    overdue: int
    courtesy: int


class Notice(ResponseBody, frozen=True, kw_only=True):
    """How long before it begins a side told of something in one format, and how long before it is owed."""

    side: str
    format: str
    owed_s: float
    notices: int
    median_given_s: float | None = None
    shortest_given_s: float | None = None
    in_time: int
    short: int
    share_in_time: float | None = None


class StatisticsChange(ResponseBody, frozen=True, kw_only=True):
    """What a side corrected and cancelled in the period in one format, and how long after it had been sent."""

    side: str
    format: str
    corrections: int
    corrected_after: Spread | None = None
    cancellations: int
    cancelled_after: Spread | None = None


class Meetings(ResponseBody, frozen=True, kw_only=True):
    """The meetings, calls or visits of a side in the period: which it asked for, accepted, declined, held with others, did not attend."""

    side: str
    format: str
    asked: int
    accepted: int
    declined: int
    held: int
    not_attended: int


class Translations(ResponseBody, frozen=True, kw_only=True):
    """The translations that a side gave in the period, and how long after the message."""

    side: str
    translations: int
    delay: Spread | None = None


class Flashes(ResponseBody, frozen=True, kw_only=True):
    """The flash messages that came to a side in the period, and how often more than ten came within ten minutes: a flood."""

    side: str
    came: int
    floods: int
    most: int


class Line(ResponseBody, frozen=True, kw_only=True):
    """The line checks that were sent to a side in the period.

    `run` is how many came back in a row up to the end of the period, `missed_run` how
    many did not. `share_echoed` is of those that are over, exactly echoed.
    """

    side: str
    checks: int
    echoed: int
    echoed_with_errors: int
    missed: int
    awaited: int
    share_echoed: float | None = None
    run: int
    missed_run: int
    last_checked: str = ""
    last_echoed: str = ""
    last_result: str = ""


class Area(ResponseBody, frozen=True, kw_only=True):
    """When anybody said something in an area last, and how many days that is before the end of the period."""

    area: str
    last_word: str = ""
    days_since_last_word: float | None = None


class Blind(ResponseBody, frozen=True, kw_only=True):
    """A stretch of time in which nobody had the watch of a side, a check had shown no line between two, or a gateway had no broker."""

    what: Literal["watch", "line", "broker"]
    sides: tuple[str, ...]
    from_: str = field(name="from")
    to: str


class Blindness(ResponseBody, frozen=True, kw_only=True):
    """For how long of the period a side was blind, as far as the log says.

    `watch_nobody_s` and `line_down_s` are absent where no watch, or no line check, can
    be. `broker_down_s` is what gateways said of themselves: an outage that ended with
    the gateway as well is on no record.
    """

    side: str
    watch_nobody_s: float | None = None
    line_down_s: float | None = None
    broker_down_s: float


class Statistics(ResponseBody, frozen=True, kw_only=True):
    """The statistics of a channel: `from` a time, to but not including another, as the log stood there."""

    channel: str
    cid: str
    kind: str
    position: int
    from_: str = field(name="from")
    to: str
    profile: str
    binding: bool
    exchanges: int
    opened: tuple[Opened, ...]
    clocks: tuple[Kept, ...]
    notices: tuple[Notice, ...]
    changes: tuple[StatisticsChange, ...]
    meetings: tuple[Meetings, ...]
    translations: tuple[Translations, ...]
    flashes: tuple[Flashes, ...]
    line: tuple[Line, ...]
    areas: tuple[Area, ...]
    blindness: tuple[Blindness, ...]
    blind: tuple[Blind, ...]
