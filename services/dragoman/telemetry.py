"""Logs: structured, one canonical line a request, its act with it, and no bodies, tokens or salts, ever.

JSON where the output is no terminal, coloured text where it is. A request's id and W3C
trace context are bound to every line that it causes, and travel in the headers of the
messages that it appends.
"""

import asyncio
import atexit
import logging
import random
import re
import sys
import threading
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from dragoman.printable import one_line

log = structlog.get_logger()

GATHER_SECONDS: Final = 0.05
"""How long everyday lines gather before they are written."""

Format = Literal["auto", "json", "console"]

_PARENT: Final = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECRET: Final = frozenset(
    {"token", "authorization", "cookie", "salt", "body", "act_bytes", "seed"}
)


_plain_tracebacks: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Tracebacks without the values of variables, among which are acts and salts."""


def configure(format: Format = "auto", level: str = "info", stream: Any = None) -> None:
    """Set up logging for a process; lines go to standard error."""
    output = LineWriter(stream if stream is not None else sys.stderr)
    as_json = format == "json" or (format == "auto" and not output.isatty())
    global _everyday  # as structlog's own configuration is  # noqa: PLW0603
    _everyday = output if as_json and level in ("debug", "info") else None
    shared: list[Processor] = [complete, output.hurry]
    rendered: list[Processor] = (
        [_plain_tracebacks, _as_json]
        if as_json
        else [
            _without_escapes,
            structlog.dev.ConsoleRenderer(
                colors=output.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=lambda *_: output,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(cast("TextIO", output))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[_only_event, *rendered]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def _without_escapes(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """As a processor: have no value move the cursor of a terminal, or begin a line."""
    return {
        name: one_line(value) if isinstance(value, str) and name != "exception" else value
        for name, value in event.items()
    }


_everyday: "LineWriter | None" = None
"""Where everyday lines go as JSON; None where they are written otherwise, or not at
all.
"""


def request_done(fields: dict[str, object]) -> None:
    """Write a request's one line. JSON goes straight to where lines go, since structlog's way there costs twice what is in the line."""
    if _everyday is None:
        log.info("request", **fields)
    else:
        fields["event"] = "request"
        _everyday.msg(_as_json(_everyday, "info", complete(_everyday, "info", fields)))


class LineWriter:
    """Where lines go. One that cannot be written, for a full disk say, is lost and counted; no caller fails for it.

    While an event loop runs, everyday lines gather for a moment: a system call each
    would cost a post a tenth of its time.
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
        """Return whether somebody watches."""
        return bool(self._stream.isatty())

    def hurry(self, _logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        """As a processor: whatever is more than everyday is written at once."""
        if name not in ("debug", "info"):
            self._hurried = True
        return event

    def write(self, text: str) -> None:
        """Take a line, or a part of one."""
        with self._lock:
            self._gathered.append(text)

    def msg(self, line: str) -> None:
        """Take a line and see it off: what structlog asks of a logger, by whatever level it calls it."""
        self.write(line + "\n")
        self.flush()

    debug = info = warning = error = critical = msg

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
                    self._stream.write(
                        f'{{"event":"log.lines_lost","lines":{self._lost},"level":"error"}}\n'
                    )
                self._stream.write("".join(lines))
                self._stream.flush()
            except (OSError, ValueError):  # full, or closed
                self._lost += len(lines)
            else:
                self._lost = 0


_encode = msgspec.json.Encoder(enc_hook=repr).encode


def _as_json(logger: WrappedLogger, name: str, event: EventDict) -> str:
    return _encode(event).decode()


def _only_event(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return event


class RequestCause(msgspec.Struct, frozen=True):
    """The request that causes lines and records: its id, its W3C trace, and the `traceparent` to pass on."""

    request: str
    trace: str
    parent: str


_cause: Final[ContextVar[RequestCause]] = ContextVar("cause")


def caused_by(request: str | None, parent: str | None) -> RequestCause:
    """Put a request on every line that its task writes from here on: with the caller's id and trace if it sent any, else new ones."""
    drawn = f"{random.getrandbits(256):064x}"
    match = _PARENT.fullmatch(parent) if parent is not None else None
    trace = match.group(1) if match is not None else drawn[:32]
    cause = RequestCause(
        request if request is not None and _REQUEST.fullmatch(request) else drawn[32:48],
        trace,
        f"00-{trace}-{drawn[48:]}-01",
    )
    _cause.set(cause)
    return cause


def complete(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """As a processor: what every line has, its cause, level and time, and a mask over whatever is under the name of a secret.

    One function rather than structlog's four, since a line goes with each post.
    """
    cause = _cause.get(None)
    if cause is not None:
        event["request_id"], event["trace_id"] = cause.request, cause.trace
    event["level"] = name
    event["timestamp"] = datetime.now(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    if not _SECRET.isdisjoint(event):
        for key in _SECRET & event.keys():
            event[key] = "***"
    return event
