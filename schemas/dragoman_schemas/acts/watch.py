"""What the watch records by itself: that a limit comes near, and that it has passed."""

from typing import Literal

from dragoman_schemas.fields import Id, Name, Timestamp
from dragoman_schemas.frame import Act

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
]


class Reminder(Act, frozen=True, kw_only=True, tag="reminder"):
    """Half of the time, or nine tenths of it, has gone, and nothing was done."""

    clock: ClockName
    side: Name
    started_by: Id
    step: Literal[50, 90]
    due: Timestamp


class LineCheckMissed(Act, frozen=True, kw_only=True, tag="line-check-missed"):
    """A line check was not echoed within its limit. A late echo is recorded as late."""

    clock: Literal["echo"]
    side: Name
    started_by: Id
    step: Literal[100]
    due: Timestamp


class Lapse(Act, frozen=True, kw_only=True, tag="lapse"):
    """The limit has passed, and nothing was done. Recorded once, whatever comes later."""

    clock: ClockName
    side: Name
    started_by: Id
    step: Literal[100]
    due: Timestamp
