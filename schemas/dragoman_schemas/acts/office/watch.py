"""Acts that services record by themselves.

A limit comes near, a limit has passed, or a message was delivered by other means.
"""

from typing import Annotated, Literal

from dragoman_schemas.act_frame import Act
from dragoman_schemas.fields import DUE, Message, Name, Side, Timestamp

ClockName = Literal[
    "acknowledgement",
    "echo",
    "answer",
    "explanation_answer",
    "bilateral_meeting",
    "meeting_of_all",
    "clarification",
    "counter_account",
    "second_key",
    "update",
    "final_report",
    "after_activity_report",
    "amplification",
    "readout",
    "note",
    "reconfirmation",
    "passed_on",
    "completed",
    "people_access",
    "visit_report",
    "undertaking",
    "data_value",
    "transmittal_answer",
    "deliverable",
    "objection",
    "silence",
]


class Reminder(Act, frozen=True, kw_only=True, tag="reminder"):
    """Half of the time, or nine tenths of it, has passed, and nothing was done."""

    clock: ClockName
    side: Side
    started_by: Message
    step: Literal[50, 90]
    due: Annotated[Timestamp, DUE]


class LineCheckMissed(Act, frozen=True, kw_only=True, tag="line-check-missed"):
    """A line check was not echoed within its limit.

    A late echo is recorded as late.
    """

    clock: Literal["echo"]
    side: Side
    started_by: Message
    step: Literal[100]
    due: Annotated[Timestamp, DUE]


class Lapse(Act, frozen=True, kw_only=True, tag="lapse"):
    """The limit has passed, and nothing was done.

    It is recorded once, whatever comes later.
    """

    clock: ClockName
    side: Side
    started_by: Message
    step: Literal[100]
    due: Annotated[Timestamp, DUE]


class WindowNotice(Act, frozen=True, kw_only=True, tag="window-notice"):
    """A window opens in an hour, or in ten minutes.

    `started_by` is the record that named the window, and `step` the number of minutes.
    """

    started_by: Message
    step: Literal[60, 10]
    opens: Timestamp


class CourierOutcome(Act, frozen=True, kw_only=True, tag="courier-outcome"):
    """A message was delivered to a side by other means than its own pages.

    It is `failed` when it could not be delivered: the last try has failed. `at` is the
    time. `means` is the name of the way: `webhook`, `e-mail`, or another that a courier
    knows.
    """

    side: Side
    means: Name
    of: Message
    outcome: Literal["delivered", "failed"]
    at: Timestamp
