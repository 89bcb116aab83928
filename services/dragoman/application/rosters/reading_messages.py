"""The messages between a service and the process that reads calendars.

They are apart from the process, so that a service does not import the calendar library.
"""

from datetime import datetime
from typing import Final

from msgspec import Struct

from dragoman_schemas.roster import RosterEvent, RosterReading

READER: Final = "dragoman.application.rosters.worker"
"""The module that runs as the process."""


class ReadingRequest(Struct, frozen=True, kw_only=True):
    """A calendar to read, or events to repeat, and the time for which.

    `officers` are the names that the log has for officers of the side.
    """

    side: str
    officers: tuple[str, ...]
    begins: datetime
    ends: datetime
    raw: bytes | None = None
    events: tuple[RosterEvent, ...] = ()


class ReadingResult(Struct, frozen=True, kw_only=True):
    """The reading, or its fault as a packed sentence."""

    reading: RosterReading | None = None
    fault: str = ""
