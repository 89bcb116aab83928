"""Bodies of the API for the officer on watch: the watch, the line and the alarms."""

from typing import Literal

from msgspec import UNSET, Raw, UnsetType, field

from dragoman_schemas.responses import ClockView, ResponseBody


class SideWatch(ResponseBody, frozen=True, kw_only=True):
    """A side's watch, and the time since which it is manned.

    Only the side itself sees who has the watch, and where the turn-over note is read. A
    `note` that was recorded with the relief is in the log, which both sides read.
    """

    side: str
    manned_since: str = ""
    officer: str = ""
    turn_over: str = ""
    note: Raw | UnsetType = UNSET


class LineView(ResponseBody, frozen=True, kw_only=True):
    """The state of a circuit by its newest checks.

    `checked` is the time of the last echo, `latency_s` how many seconds it took. The
    `_running` members count the checks in a row. `with_errors` says that the last echo
    was not the text that had been sent.
    """

    circuit: str
    state: str
    checked: str = ""
    latency_s: float | None = None
    echoed_running: int = 0
    missed_running: int = 0
    with_errors: bool = False


class Noticed(ResponseBody, frozen=True, kw_only=True):
    """A fault of a side's own watch, when it began, and the notice's addressee.

    The deputies get the notice first, then the head of office.
    """

    side: str
    kind: Literal["unarmed", "no_answer"]
    step: Literal["deputy", "head_of_office"]
    since: str


class WatchNotice(ResponseBody, frozen=True, kw_only=True):
    """A CloudEvent that tells a side about a fault of its own watch.

    Either no alarm is armed for two minutes, or nobody answers a watch check. No log
    has it.
    """

    specversion: Literal["1.0"]
    id: str
    source: Literal["/services/watch"]
    type: Literal["dragoman.watch-notice.v1"]
    time: str
    datacontenttype: Literal["application/json"]
    channel: str
    data: Noticed


class EndpointTested(ResponseBody, frozen=True, kw_only=True):
    """The endpoint that is tested, and its side."""

    endpoint: str
    side: str


class EndpointTest(ResponseBody, frozen=True, kw_only=True):
    """A CloudEvent that tests an endpoint. Nothing has happened, and no log has it."""

    specversion: Literal["1.0"]
    id: str
    source: Literal["/services/courier"]
    type: Literal["dragoman.endpoint-test.v1"]
    time: str
    datacontenttype: Literal["application/json"]
    channel: str
    data: EndpointTested


class Alarm(ResponseBody, frozen=True, kw_only=True):
    """A condition that a person must see at once.

    `alarm` is `flash_unacknowledged`, `undelivered`, `line_degraded`, `watch_unmanned`,
    or `not_passed_on`. `side` is the side that must act. A flash is repeated every
    minute, and after a while it `reaches` further officers. `message`, `record`, `act`
    and `by` describe the message that waits; it need not be the one that opened the
    exchange. `said` has the members of that record.
    """

    alarm: str
    side: str = ""
    exchange: str = ""
    number: str = ""
    message: str = ""
    record: int = 0
    act: str = ""
    by: str = ""
    said: dict[str, Raw] = field(default_factory=dict)
    since: str = ""
    repeats: int = 0
    reaches: tuple[str, ...] = ()
    detail: str


class DueClock(ResponseBody, frozen=True, kw_only=True):
    """A deadline of an exchange that has not been met."""

    exchange: str
    number: str
    clock: ClockView


class WatchView(ResponseBody, frozen=True, kw_only=True):
    """The state of a channel for the officer on watch.

    It shows who has the watch, the line, the alarms, and the next deadlines of any
    side.
    """

    position: int
    sides: tuple[SideWatch, ...]
    lines: tuple[LineView, ...]
    alarms: tuple[Alarm, ...]
    due: tuple[DueClock, ...]
