"""Bodies of the API for the officer on watch: the watch, the line and the alarms.

The turn-over of a watch is there too, point by point. A sheet of its answers belongs to
one side and is kept beside the log. The act that takes the watch has an idempotency key
that is made from the sheet, so the id of the record commits to it.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from dragoman_schemas.fields import Id, Shape, Timestamp
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


PointKind = Literal[
    "receipt",
    "matter",
    "owed",
    "awaited",
    "window",
    "line",
    "note",
    "shelved",
    "silenced",
    "draft",
    "left_off",
]
"""The kind of a point. Those from `shelved` on, but `left_off`, are beside the log."""

PointAnswerWord = Literal["taken_over", "not_clear"]

PointKey = Annotated[str, Meta(min_length=1, max_length=200)]
PointReason = Annotated[str, Meta(max_length=300)]
Salt = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]


class TurnOverPoint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A point of a turn-over, without any word of a language.

    `state` is a digest of the facts behind the point, so that a change of them is seen.
    `side` owes the matter, or is at the other end of the line. `time` is its limit or
    end. A point that is not `in_log` cannot be derived again by an auditor.
    """

    key: str
    kind: PointKind
    state: str
    side: str = ""
    clock: str = ""
    act: str = ""
    exchange: str = ""
    number: str = ""
    time: str = ""
    count: int = 0
    text: str = ""
    in_log: bool = True


class PointAnswer(Shape, frozen=True, kw_only=True):
    """An officer's answer to one point. `not_clear` may have a reason."""

    key: PointKey
    answer: PointAnswerWord
    reason: PointReason = ""


class TurnOverSheet(Struct, frozen=True, kw_only=True):
    """The points of a turn-over and an officer's answers to them.

    The list was made at a position and a time; `relieved` had the watch then. The salt
    keeps the other side from guessing the answers from the id in the log.
    """

    channel: str
    cid: str
    side: str
    officer: str
    relieved: str
    position: int
    time: str
    salt: str
    points: tuple[TurnOverPoint, ...]
    answers: tuple[PointAnswer, ...]


class TurnOverFollowUp(Struct, frozen=True, kw_only=True):
    """A later word on one point.

    It is signed later, not clear later, explained by a colleague, or clear now.
    """

    key: str
    kind: Literal["taken_over", "not_clear", "explained", "clear"]
    by: str
    at: str
    text: str = ""


class KeptSheet(Struct, frozen=True, kw_only=True):
    """A sheet as it is kept, with what was said about its points since."""

    sheet: TurnOverSheet
    follow_ups: tuple[TurnOverFollowUp, ...] = ()


class TurnOverFile(Struct, frozen=True, kw_only=True):
    """A sheet as a file, which `dragoman audit verify --turn-over` takes.

    `record` is the id of the record that took the watch, and commits to the sheet.
    """

    format: Literal["dragoman-turn-over/v1"] = "dragoman-turn-over/v1"
    record: str
    sheet: TurnOverSheet


class TurnOverPointView(ResponseBody, frozen=True, kw_only=True):
    """A point of a turn-over as its side reads it.

    `text` says it in English. `answer` is empty while no officer has answered it.
    """

    key: str
    kind: PointKind
    text: str
    exchange: str = ""
    number: str = ""
    in_log: bool = True
    answer: Literal["", "taken_over", "not_clear", "explained"] = ""
    reason: str = ""


class TurnOverView(ResponseBody, frozen=True, kw_only=True):
    """The turn-over of the caller's side, point by point.

    `points` is the list of now, made at `position` and `time`. `signed` is the list of
    the present watch as its officer answered it, at `signed_position`. It is
    `committed` if the record that took the watch has the id that the sheet gives.
    """

    position: int
    time: str
    points: tuple[TurnOverPointView, ...]
    has_sheet: bool = False
    committed: bool = False
    signed_position: int = 0
    signed: tuple[TurnOverPointView, ...] = ()


class TurnOverAnswers(Shape, frozen=True, kw_only=True):
    """The answers of the officer who is about to take the watch.

    `position` and `time` are those of the list that the officer read; without them it
    is the list of now. The salt is 16 random bytes in hex.
    """

    position: Annotated[int, Meta(ge=0)] = 0
    time: Timestamp | None = None
    salt: Salt
    answers: Annotated[tuple[PointAnswer, ...], Meta(max_length=400)] = ()


class TurnOverKey(ResponseBody, frozen=True, kw_only=True):
    """The idempotency key with which the officer takes the watch.

    `id` is the id that the record then has. `unsigned` are the points without an
    answer.
    """

    key: str
    id: Id
    unsigned: tuple[str, ...] = ()
