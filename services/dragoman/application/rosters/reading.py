"""The reading of a roster's calendar, in a process of its own and within a time."""

import asyncio
import os
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from dragoman.application.rosters.reading_messages import READER, ReadingRequest, ReadingResult
from dragoman.domain.record import nesting
from dragoman.interop import NotUnderstood
from dragoman.text import sentence, unpacked
from dragoman.worker_process import WorkerProcess
from dragoman_schemas.roster import RosterEvent, RosterReading
from dragoman_schemas.state import Registry

READING_SECONDS: Final = 10.0
"""Seconds for a calendar to be read and repeated; two years of shifts take one."""

PAST: Final = timedelta(days=2)
"""The time for which past shifts and changes are kept."""

AHEAD: Final = timedelta(days=62)
"""The time ahead for which shifts are computed."""

_AT_ONCE: Final = 2
"""Calendars that are read at once by one process of the service."""

_side_turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
_turns = threading.BoundedSemaphore(_AT_ONCE)


async def read(
    registry: Registry,
    side: str,
    moment: datetime,
    *,
    raw: bytes | None = None,
    events: tuple[RosterEvent, ...] = (),
    owner: str = "",
    spent: Callable[[float], None] = lambda _: None,
) -> RosterReading:
    """Return the events and shifts of a calendar, or those of events read before.

    The `owner` is the side's identity on the host, by which a side of two channels has
    one turn. `spent` receives the processor seconds, also of a calendar that cannot be
    read. Raises `NotUnderstood`.
    """
    request = ReadingRequest(
        side=side,
        officers=tuple(
            name.partition("/")[2] for name in registry.officers if name.startswith(f"{side}/")
        ),
        begins=moment - PAST,
        ends=moment + AHEAD,
        raw=raw,
        events=events,
    )
    # One side never holds all turns, whatever it sends.
    async with _side_turns[owner or f"{registry.cid}/{side}"]:
        result = await asyncio.to_thread(_result_of, request, spent)
    if result.reading is None:
        raise NotUnderstood(unpacked(result.fault))
    return result.reading


def _result_of(request: ReadingRequest, spent: Callable[[float], None]) -> ReadingResult:
    with _turns:
        return _answer(request, spent)


def _answer(request: ReadingRequest, spent: Callable[[float], None]) -> ReadingResult:
    process = WorkerProcess(READER)
    try:
        process.wire.send(msgspec.json.encode(request))
        if not process.wire.poll(READING_SECONDS):
            raise NotUnderstood(
                sentence(
                    "its repetitions take more than %(n)s seconds to compute; repeat the shifts "
                    "less often, or write them as events of their own",
                    n=round(READING_SECONDS),
                )
            )
        return nesting.decode(process.wire.receive(), ReadingResult)
    except (EOFError, OSError):
        raise NotUnderstood(
            sentence(
                "it needs too much memory or time to compute; repeat the shifts less often, or "
                "write them as events of their own"
            )
        ) from None
    finally:
        spent(max(process.processor_ticks, 0) / os.sysconf("SC_CLK_TCK"))
        process.kill()
