"""Structured logs: one line for each request, with its act, and never a secret.

    {"event":"request","method":"POST","status":201,…,"request_id":"…","trace_id":"…",
     "level":"info","timestamp":"2026-03-02T09:14:07.123456Z"}

Lines are JSON, or coloured text on a terminal. They never contain bodies, tokens or
salts. A token that somebody sent where none belongs is masked.

The id of a request and its W3C trace context are on every line that the request
causes. They also travel in the headers of the messages that it appends.
"""

import asyncio
import atexit
import io
import logging
import random
import re
import select
import sys
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from dragoman.printable import escaped, one_line

log = structlog.get_logger()

GATHER_SECONDS: Final = 0.05
"""Seconds for which everyday lines gather before they are written."""

SELDOM_SECONDS: Final = 10.0
"""Seconds between two warnings of the same event that repeats itself."""

Format = Literal["auto", "json", "console"]

_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")

_PARENT: Final = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST: Final = re.compile(r"(?!.*drg_)[A-Za-z0-9._-]{1,64}")
"""The id of a request. A token looks like one, and would travel with its records."""

_TOKEN: Final = re.compile(r"drg_[\w-]{43}", re.ASCII)
_SECRET: Final = frozenset(
    {"token", "authorization", "cookie", "salt", "body", "act_bytes", "seed"}
)


_LINES: Final = frozenset({"exception", "stack"})
"""The values of a line that are lines themselves: tracebacks and stacks."""

_plain_tracebacks: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Tracebacks without the values of variables, which include acts and salts."""


def configure(format: Format = "auto", level: str = "info", stream: Any = None) -> None:
    """Set up the logs of a process.

    Lines go to `stream`, or else to standard error.
    """
    output = LineWriter(stream if stream is not None else sys.stderr)
    as_json = format == "json" or (format == "auto" and not output.isatty())
    global _json_writer  # global as structlog's own configuration  # noqa: PLW0603
    _json_writer = output if as_json else None
    set_level(level)
    shared: list[Processor] = [complete, output.hurry]
    rendered: list[Processor] = (
        [_plain_tracebacks, _as_json]
        if as_json
        else [
            _without_escapes,
            structlog.dev.ConsoleRenderer(
                colors=output.isatty(), exception_formatter=_escaped_traceback
            ),
        ]
    )
    structlog.configure(
        processors=[_important, *shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
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


def set_level(level: str) -> None:
    """Set the least important lines that are written, also while the process runs."""
    global _least, _everyday  # as above  # noqa: PLW0603
    _least = logging.getLevelNamesMapping()[level.upper()]
    _everyday = _json_writer if _least <= logging.INFO else None


def _important(_logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Leave out a line that is less important than those that are written.

    A processor of structlog, because a cached logger keeps its level for ever.
    """
    if _LEVELS.get(name, logging.CRITICAL) < _least:
        raise structlog.DropEvent
    return event


def _without_escapes(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Escape values that would move the cursor of a terminal or begin a line.

    Only a traceback has lines of its own. A processor of structlog.
    """
    return {
        name: (escaped if name in _LINES else one_line)(value) if isinstance(value, str) else value
        for name, value in event.items()
    }


def _escaped_traceback(stream: TextIO, error: structlog.typing.ExcInfo) -> None:
    """Write a traceback without characters that a terminal would obey.

    Its last line is the message of the error, which may quote foreign text.
    """
    text = io.StringIO()
    structlog.dev.plain_traceback(text, error)
    stream.write(escaped(text.getvalue()))


_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_least: int = logging.INFO
_json_writer: "LineWriter | None" = None

_everyday: "LineWriter | None" = None
"""The writer of everyday lines as JSON; None if they are text, or are not written."""


def request_done(fields: dict[str, object]) -> None:
    """Write the one line of a request.

    JSON goes straight to the writer, because the way through structlog costs twice the
    time of the line itself.
    """
    if _everyday is None:
        log.info("request", **fields)
    else:
        fields["event"] = "request"
        _everyday.msg(_as_json(_everyday, "info", complete(_everyday, "info", fields)))


class Seldom:
    """A logger of warnings that would repeat themselves many times a second.

    A warning is written at most every `SELDOM_SECONDS`, with the number of times that
    it was left out since.
    """

    def __init__(self, logger: Any) -> None:
        """Write to a logger."""
        self._logger = logger
        self._written: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def warning(self, event: str, **fields: object) -> None:
        """Write a warning, unless one of that event was written a moment ago."""
        now = time.monotonic()
        if now - self._written.get(event, -SELDOM_SECONDS) < SELDOM_SECONDS:
            self._left_out[event] = self._left_out.get(event, 0) + 1
            return
        self._written[event] = now
        if left_out := self._left_out.pop(event, 0):
            fields["left_out"] = left_out
        self._logger.warning(event, **fields)


class LineWriter:
    """A writer of log lines that never makes its callers fail.

    A line that cannot be written, for example because the disk is full, is lost and
    counted. While an event loop runs, everyday lines gather for a moment: one system
    call for each line would cost a tenth of the time of a post.
    """

    def __init__(self, stream: Any) -> None:
        """Write to a stream."""
        self._stream = stream
        self._lock = threading.Lock()
        self._gathered: list[str] = []
        self._due: asyncio.AbstractEventLoop | None = None
        self._hurried = False
        self._lost = 0
        atexit.register(self.write_gathered)

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return bool(self._stream.isatty())

    def hurry(self, _logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        """Let a line above the level info be written at once.

        A processor of structlog.
        """
        if name not in ("debug", "info"):
            self._hurried = True
        return event

    def write(self, text: str) -> None:
        """Add a line, or a part of one, without tokens."""
        if "drg_" in text:
            text = _TOKEN.sub("drg_***", text)
        with self._lock:
            self._gathered.append(text)

    def msg(self, line: str) -> None:
        """Add a line and flush it.

        structlog calls this on a logger, under the name of each level.
        """
        self.write(line + "\n")
        self.flush()

    debug = info = warning = error = critical = msg

    def flush(self) -> None:
        """Write the lines: soon if an event loop runs, otherwise now."""
        try:
            loop = None if self._hurried else asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if loop is None:
            self.write_gathered()
        elif self._due is not loop:
            self._due = loop
            loop.call_later(GATHER_SECONDS, self.write_gathered)

    def write_gathered(self) -> None:
        """Write the gathered lines, after a line that counts the lost ones.

        A disk that was full may have taken half a line, so the count begins a line of
        its own.
        """
        with self._lock:
            lines, self._gathered, self._due, self._hurried = self._gathered, [], None, False
            try:
                if self._lost:
                    self._stream.write(
                        f'\n{{"event":"log.lines_lost","lines":{self._lost},"level":"error"}}\n'
                    )
                for text in _whole_lines("".join(lines)):
                    self._stream.write(text)
                    self._stream.flush()
            except (OSError, ValueError):  # full, or closed
                self._lost += len(lines)
            else:
                self._lost = 0


def _whole_lines(text: str) -> Iterator[str]:
    """Yield a text in parts of whole lines, each small enough for one write.

    Several processes write into one file or pipe. What is written at once is not mixed
    with the lines of another process. A longer line is a part of its own.
    """
    part, size = list[str](), 0
    for line in _LINE.findall(text):
        length = len(line.encode(errors="replace"))
        if part and size + length > select.PIPE_BUF:
            yield "".join(part)
            part, size = [], 0
        part.append(line)
        size += length
    if part:
        yield "".join(part)


_encode = msgspec.json.Encoder(enc_hook=repr).encode


def _as_json(logger: WrappedLogger, name: str, event: EventDict) -> str:
    return _encode(event).decode()


def _only_event(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return event


class RequestCause(msgspec.Struct, frozen=True):
    """A request that causes lines and records.

    It has the id of the request, its W3C trace, and the `traceparent` to pass on.
    """

    request: str
    trace: str
    parent: str


_cause: Final[ContextVar[RequestCause]] = ContextVar("cause")


def caused_by(request: str | None, parent: str | None) -> RequestCause:
    """Put a request on every line that its task writes from now on.

    The id and the trace are those of the caller, or new ones if the caller sent none
    that is valid.
    """
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
    """Add the cause, the level and the time to a line, and mask its secrets.

    A processor of structlog. It is one function instead of structlog's four, because
    every post writes a line. The cause is a context variable of our own: with
    `structlog.contextvars` a line takes 2.4 µs here instead of 1.6 µs (measured).
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
