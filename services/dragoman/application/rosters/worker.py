"""The process that reads calendars of rosters and repeats their shifts.

    caller → process    a request
    process → caller    a reading, or a fault as a packed sentence

A calendar may ask for a repetition that takes for ever to compute. So it is computed
here, and the caller ends the process when its time is up. The process has limits of its
own on memory and processor time.
"""

import resource
from typing import Final

import msgspec

from dragoman.application.rosters.reading_messages import ReadingRequest, ReadingResult
from dragoman.domain.record import nesting
from dragoman.interop import NotUnderstood, roster_calendar
from dragoman.text import packed
from dragoman.worker_process import Pipe
from dragoman_schemas.roster import RosterReading

_MEMORY_BYTES: Final = 1 << 30
_PROCESSOR_SECONDS: Final = 20


def result_of(request: ReadingRequest) -> ReadingResult:
    """Return the reading of a calendar, or its fault."""
    try:
        events = (
            request.events
            if request.raw is None
            else roster_calendar.read(request.raw, request.side, request.officers)
        )
        shifts = roster_calendar.expand(events, request.begins, request.ends)
    except NotUnderstood as error:
        return ReadingResult(fault=packed(error.said))
    return ReadingResult(reading=RosterReading(events=events, shifts=shifts))


def run(pipe: Pipe) -> None:
    """Answer one request, and end."""
    for limit, most in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, _PROCESSOR_SECONDS),
    ):
        resource.setrlimit(limit, (most, most))
    try:
        request = nesting.decode(pipe.receive(), ReadingRequest)
        pipe.send(msgspec.json.encode(result_of(request)))
    except (EOFError, OSError):
        return
