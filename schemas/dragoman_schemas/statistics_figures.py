"""The statistics of a channel over a period.

Every side gets the same rows. Each number has its unit in its name. A number that could
not be measured is absent, which does not mean zero. A count of zero is a statement. A
share is a fraction of one.
"""

from typing import Literal

from msgspec import field

from dragoman_schemas.responses import ResponseBody


class Spread(ResponseBody, frozen=True, kw_only=True):
    """Several durations, in seconds.

    It has their number, the median, the longest, and the one that 95 of 100 do not
    exceed.
    """

    measured: int
    median_s: float
    p95_s: float
    worst_s: float


class Opened(ResponseBody, frozen=True, kw_only=True):
    """The exchanges that a side opened in the period in one format, by precedence."""

    side: str
    format: str
    opened: int
    flash: int
    immediate: int
    priority: int
    routine: int


class Kept(ResponseBody, frozen=True, kw_only=True):
    """One kind of deadline of a side in one format.

    `took` is the time that acts in the period took since their deadlines began.
    `in_time` are those done in the period within their limit. `late` are those whose
    limit passed in the period, whatever came after. `ended` are those whose matter
    ended in the period before their limit, with nothing done. `open` and `overdue` are
    as at the end of the period. `courtesy` are those of all of these that do not bind,
    because not every side had adopted the profile.
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
    """The notice that a side gave before events in one format.

    `owed_s` is the notice that it owes.
    """

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
    """The corrections and cancellations of a side in the period in one format.

    The spreads say how long after the message they came.
    """

    side: str
    format: str
    corrections: int
    corrected_after: Spread | None = None
    cancellations: int
    cancelled_after: Spread | None = None


class Meetings(ResponseBody, frozen=True, kw_only=True):
    """The meetings, calls or visits of a side in the period.

    The counts are of those that it asked for, accepted, declined, held with others, and
    did not attend.
    """

    side: str
    format: str
    asked: int
    accepted: int
    declined: int
    held: int
    not_attended: int


class Translations(ResponseBody, frozen=True, kw_only=True):
    """The translations of a side in the period.

    `delay` is the time from the message to its translation.
    """

    side: str
    translations: int
    delay: Spread | None = None


class Flashes(ResponseBody, frozen=True, kw_only=True):
    """The flash messages to a side in the period, and the floods among them.

    A flood is more than ten within ten minutes.
    """

    side: str
    came: int
    floods: int
    most: int


class Line(ResponseBody, frozen=True, kw_only=True):
    """The line checks that were sent to a side in the period.

    `run` is how many came back in a row up to the end of the period, `missed_run` how
    many did not. `share_echoed` is the share of exact echoes among the checks that are
    over.
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
    """The last word in an area, and the days from it to the end of the period."""

    area: str
    last_word: str = ""
    days_since_last_word: float | None = None


class Blind(ResponseBody, frozen=True, kw_only=True):
    """A time in which nobody could notice a message.

    Nobody had the watch of a side, or a check had shown no line between two sides, or a
    gateway had no broker. A `line` of one side is that of its station to the host.
    """

    what: Literal["watch", "line", "broker"]
    sides: tuple[str, ...]
    from_: str = field(name="from")
    to: str


class Blindness(ResponseBody, frozen=True, kw_only=True):
    """The part of the period in which a side was blind, as far as the log says.

    `watch_nobody_s` and `line_down_s` are absent where there can be no watch, or no
    line check. `line_down_s` counts the outages of a station's line too.
    `broker_down_s` is what gateways recorded about themselves. An outage in which the
    gateway stopped as well is not on record.
    """

    side: str
    watch_nobody_s: float | None = None
    line_down_s: float | None = None
    broker_down_s: float


class Statistics(ResponseBody, frozen=True, kw_only=True):
    """The statistics of a channel from a time up to, and not including, another.

    They follow from the log at the end of that time.
    """

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


class LimitCounts(ResponseBody, frozen=True, kw_only=True):
    """A side's limits by their state: all of them, also where a list is cut off.

    `open` ones run, `overdue` ones are still owed. What was owed came `late`, or never
    because the matter ended first (`unmet`). `passed` is the sum of the last three in
    the period. A `courtesy` counts limits that do not bind yet; they are apart.
    """

    side: str
    courtesy: bool = False
    open: int = 0
    overdue: int = 0
    late: int = 0
    unmet: int = 0
    passed: int = 0
