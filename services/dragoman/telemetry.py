"""Logs: structured, one canonical line a request, its act with it, and no bodies, tokens or salts, ever.

JSON where the output is no terminal, coloured text where it is. A request's id and W3C trace context are bound to every
line that it causes, and travel in the headers of the messages that it appends.
"""

import asyncio
import atexit
import logging
import random
import re
import sys
import threading
from typing import Any, Final, Literal, TextIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

GATHER_SECONDS: Final = 0.05
"""How long everyday lines gather before they are written."""

Format = Literal["auto", "json", "console"]

_PARENT: Final = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECRET: Final = frozenset({"token", "authorization", "cookie", "salt", "body", "act_bytes", "seed"})


_plain_tracebacks: Final = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
"""Tracebacks without the values of variables, among which are acts and salts."""


def configure(format: Format = "auto", level: str = "info", stream: Any = None) -> None:
    """Set up logging for a process; lines go to standard error."""
    output = Lines(stream if stream is not None else sys.stderr)
    as_json = format == "json" or (format == "auto" and not output.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask,
        output.hurry,
    ]
    rendered: list[Processor] = (
        [_plain_tracebacks, _as_json]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=output.isatty(), exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", output)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(cast("TextIO", output))
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_only_event, *rendered]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


class Lines:
    """Where lines go. One that cannot be written, for a full disk say, is lost and counted; no caller fails for it.

    While an event loop runs, everyday lines gather for a moment: a system call each would cost a post a tenth of its time.
    """

    def __init__(self, stream: Any) -> None:
        """Write to that stream."""
        self._stream = stream
        self._lock = threading.Lock()
        self._gathered: list[str] = []
        self._due: asyncio.AbstractEventLoop | None = None
        self._hurried = False
        self._lost = 0
        atexit.register(self.see_off)

    def isatty(self) -> bool:
        """Whether somebody watches."""
        return bool(self._stream.isatty())

    def hurry(self, _logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        """As a processor: whatever is more than everyday is written at once."""
        if name not in ("debug", "info"):
            self._hurried = True
        return event

    def write(self, text: str) -> None:
        """Take a line."""
        with self._lock:
            self._gathered.append(text)

    def flush(self) -> None:
        """See the line off: soon where a loop runs, else now."""
        try:
            loop = None if self._hurried else asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if loop is None:
            self.see_off()
        elif self._due is not loop:
            self._due = loop
            loop.call_later(GATHER_SECONDS, self.see_off)

    def see_off(self) -> None:
        """Write what is gathered, and before it how many lines were lost."""
        with self._lock:
            lines, self._gathered, self._due, self._hurried = self._gathered, [], None, False
            try:
                if self._lost:
                    self._stream.write(f'{{"event":"log.lines_lost","lines":{self._lost},"level":"error"}}\n')
                self._stream.write("".join(lines))
                self._stream.flush()
            except (OSError, ValueError):  # full, or closed
                self._lost += len(lines)
            else:
                self._lost = 0


def _as_json(logger: WrappedLogger, name: str, event: EventDict) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()


def _only_event(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return event


def mask(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Mask whatever is under the name of a secret, should a line ever carry one."""
    for key in _SECRET & event.keys():
        event[key] = "***"
    return event


def request_id(given: str | None) -> str:
    """The caller's request id if it is one, else a new one."""
    return given if given is not None and _REQUEST.fullmatch(given) else f"{random.getrandbits(64):016x}"


def trace_of(parent: str | None) -> tuple[str, str]:
    """The trace id of a `traceparent`, and the context to pass on; both new where none came."""
    match = _PARENT.fullmatch(parent) if parent is not None else None
    trace = match.group(1) if match is not None else f"{random.getrandbits(128):032x}"
    return trace, f"00-{trace}-{random.getrandbits(64):016x}-01"
