"""The progress of an announced event: a launch, a firing, an activity or a movement."""

from typing import Literal

from msgspec import UNSET, UnsetType

from dragoman_schemas.act_frame import Continuing
from dragoman_schemas.fields import Timestamp, TimestampOrUnknown, Words


class Commenced(Continuing, frozen=True, kw_only=True, tag="commenced"):
    """The event has begun, or goes on after a hold, since that time."""

    at: Timestamp


class Holding(Continuing, frozen=True, kw_only=True, tag="holding"):
    """The event waits or stands still since that time, perhaps until a known time."""

    at: Timestamp
    until: TimestampOrUnknown | UnsetType = UNSET
    reason: Words | UnsetType = UNSET


class Completed(Continuing, frozen=True, kw_only=True, tag="completed"):
    """The event is over since that time, and its result.

    `aborted` means that it ended before its aim. The area or route is free again.
    """

    at: Timestamp
    result: Literal["as_announced", "aborted", "deviated"] | UnsetType = UNSET
