"""The sender process: it runs `apprise`, and can connect only to the relay.

    {"n":1,"side":"9f…/north","url":"ntfys://ntfy.example.org/…","title":"…","body":"…"}
    {"n":1,"ok":true}

An audit hook of the interpreter refuses connections that do not lead to the relay,
look-ups of names, other programs, and files outside of Python. So a plug-in fails that
reads a file, uses the local system or ignores the relay.

A side's messages to one service wait for each other in a lane of a few threads. A side
holds only a part of the threads that are free. So a slow service delays no other one,
and no other side. A service cannot keep a thread: no connection of a message begins
after `SERVICE_SECONDS`, and the relay cuts each connection.
"""

import logging
import os
import sys
import threading
import time
from collections import Counter, defaultdict, deque
from contextlib import suppress
from re import Pattern
from re import compile as pattern
from types import ModuleType
from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.application.service_address import AddressUnclear, read_address
from dragoman.domain.record import nesting
from dragoman.notifier.messaging.relay import USER
from dragoman.worker_process import Pipe

LANE_THREADS: Final = 8
"""Messages of a side that are sent to one service at once."""

THREADS: Final = 256
SHARE: Final = 8
"""The part of the free threads that a side may hold: one in eight.

A side that is in many channels counts once in each. It still leaves threads to others.
"""

SERVICE_SECONDS: Final = 12.0
"""Seconds after which a message begins no further connection."""

ANSWER_SECONDS: Final = 4.0
"""Seconds to connect, and seconds of silence in an answer."""

REPLY_SECONDS: Final = 20.0
"""Seconds for one message, with its wait in the lane of its service."""

_REASON: Final = 200
_STATUS: Final[Pattern[str]] = pattern(r"\berror[=: ]+([1-5][0-9]{2})\b")
_STARTING: Final = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
    "ctypes.dlopen",
)
_LOOKING_UP: Final = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_RELAY_HOST: Final = "127.0.0.1"


class SenderStart(Struct, frozen=True, kw_only=True):
    """The first message to the process: the port and the password of the relay."""

    port: int
    password: str


class SenderRequest(Struct, frozen=True, kw_only=True):
    """A message of a side to send, to its own address or to the operator's."""

    n: int
    side: str
    url: str
    is_own: bool
    title: str = ""
    body: str = ""


class SenderReply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of a request.

    `status` is the HTTP status of the service, if it answered. `reason` is for the
    operator's log. `service` is the name of the service.
    """

    n: int
    ok: bool
    status: int = 0
    reason: str = ""
    service: str = ""


class _Refused(PermissionError):
    """A use of the machine that no message needs."""


_message = threading.local()
"""The time at which the message of this thread began, as `began`."""


def _seconds_left() -> float:
    began: float = getattr(_message, "began", time.monotonic())
    return began + SERVICE_SECONDS - time.monotonic()


def guard(port: int) -> None:
    """Refuse from now on all that a message over the relay does not need."""
    folders = tuple(
        os.path.realpath(folder) + os.sep
        for folder in {sys.prefix, sys.base_prefix, *sys.path}
        if folder
    )
    certificates = os.environ.get("REQUESTS_CA_BUNDLE", "")

    def check(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            address = arguments[1]
            if not isinstance(address, tuple) or address[:2] != (_RELAY_HOST, port):
                raise _Refused("a message leaves only through the relay")
            if _seconds_left() <= 0:
                raise _Refused("the time for this message is over")
        elif event in _LOOKING_UP:
            if arguments[0] not in (_RELAY_HOST, _RELAY_HOST.encode(), None):
                raise _Refused("names are looked up by the relay")
        elif event in ("socket.bind", "socket.sendto", "socket.sendmsg") or event in _STARTING:
            raise _Refused("a message leaves only through the relay")
        elif event == "open":
            path, mode = arguments[0], arguments[1]
            if not isinstance(path, str | bytes):
                return  # A descriptor that is open already.
            name = os.path.realpath(os.fsdecode(path))
            writes = isinstance(mode, str) and not {"w", "a", "x", "+"}.isdisjoint(mode)
            if writes or not (name.startswith(folders) or name == certificates):
                raise _Refused("a message needs no file")

    sys.addaudithook(check)


class _Reasons(logging.Handler):
    """The last warning that each thread logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._texts = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        self._texts.last = record.getMessage()

    def take(self) -> str:
        """Return this thread's last warning, and forget it."""
        text: str = getattr(self._texts, "last", "")
        self._texts.last = ""
        return text[:_REASON]


Lane = tuple[str, str]
"""A side and the service to which it sends."""


class Lanes:
    """Messages that wait, and how many of each side and service are being sent."""

    def __init__(self) -> None:
        """Begin with no message."""
        self._waiting: defaultdict[Lane, deque[tuple[float, SenderRequest]]] = defaultdict(deque)
        self._in_lane = Counter[Lane]()
        self._of_side = Counter[str]()

    def add(self, request: SenderRequest, now: float) -> None:
        """Let a message wait in its lane."""
        self._waiting[request.side, _service(request.url)].append((now, request))

    def begin(self, now: float) -> list[tuple[Lane, SenderRequest]]:
        """Return the messages that are to be sent from now on.

        Messages whose reply nobody awaits any more are dropped: they are tried again.
        """
        begun = []
        for lane, requests in list(self._waiting.items()):
            while requests and now - requests[0][0] >= REPLY_SECONDS:
                requests.popleft()
            while requests and self._is_free(lane):
                self._in_lane[lane] += 1
                self._of_side[lane[0]] += 1
                begun.append((lane, requests.popleft()[1]))
            if not requests:
                del self._waiting[lane]
        return begun

    def end(self, lane: Lane) -> None:
        """Count a message of a lane as done."""
        self._in_lane -= Counter([lane])  # This drops a key whose count is zero.
        self._of_side -= Counter([lane[0]])

    def _is_free(self, lane: Lane) -> bool:
        free = THREADS - self._of_side.total()
        return (
            free > 0
            and self._in_lane[lane] < LANE_THREADS
            and self._of_side[lane[0]] < max(1, free // SHARE)
        )


class Sender:
    """The plug-ins of the library, and the lanes in which they send."""

    def __init__(self, pipe: Pipe) -> None:
        """Reply through the pipe."""
        import apprise

        self._apprise: ModuleType = apprise
        self._asset = apprise.AppriseAsset(
            secure_logging=True, storage_mode="memory", service_timeout=SERVICE_SECONDS
        )
        self._asset.http_redirects = False
        self._asset.async_mode = False
        self._pipe = pipe
        self._replying = threading.Lock()
        self._reasons = _Reasons()
        logger = logging.getLogger("apprise")
        logger.addHandler(self._reasons)
        logger.propagate = False
        self._lock = threading.Lock()
        self._lanes = Lanes()

    def load(self) -> None:
        """Load all plug-ins, before the guard lets none be loaded from elsewhere."""
        self._apprise.Apprise.instantiate("ntfy://localhost/start", asset=self._asset)

    def take(self, request: SenderRequest) -> None:
        """Begin a request, or let it wait in its lane."""
        with self._lock:
            self._lanes.add(request, time.monotonic())
        self._begin()

    def _begin(self) -> None:
        with self._lock:
            begun = self._lanes.begin(time.monotonic())
        for lane, request in begun:
            threading.Thread(target=self._work, args=(lane, request), daemon=True).start()

    def _work(self, lane: Lane, request: SenderRequest) -> None:
        _message.began = time.monotonic()
        self._reply(self.done(request))
        with self._lock:
            self._lanes.end(lane)
        self._begin()

    def _reply(self, reply: SenderReply) -> None:
        with self._replying, suppress(OSError):
            self._pipe.send(msgspec.json.encode(reply))

    def done(self, request: SenderRequest) -> SenderReply:
        """Send a message, and return the result."""
        try:
            if request.is_own and (unwanted := read_address(request.url).unwanted):
                reason = f"the parameter {unwanted[0]} is not allowed"
                return SenderReply(n=request.n, ok=False, reason=reason)
            plugin = self.plugin(request.url)
            if plugin is None:
                reason = self._reasons.take() or "no service has such an address"
                return SenderReply(n=request.n, ok=False, reason=reason)
            service = str(plugin.service_name)
            self._reasons.take()
            is_sent = bool(plugin.notify(title=request.title, body=request.body))
            reason = "" if is_sent else self._reasons.take()
            status = _STATUS.search(reason)
            return SenderReply(
                n=request.n,
                ok=is_sent,
                status=int(status.group(1)) if status else 0,
                reason=reason,
                service=service,
            )
        except Exception as error:  # A plug-in may raise anything.  # noqa: BLE001
            return SenderReply(
                n=request.n, ok=False, reason=f"{type(error).__name__}: {error}"[:_REASON]
            )

    def plugin(self, url: str) -> Any:
        """Return a new plug-in for an address, or None.

        A plug-in is for one message: that of Matrix would send a second one under the
        number of the first, and the server would drop it. Whatever its address says,
        it checks certificates, follows nothing, and neither waits nor attaches.
        """
        plugin = self._apprise.Apprise.instantiate(url, asset=self._asset)
        if plugin is None or not _uses_requests(plugin):
            return None
        plugin.request_rate_per_sec = 0  # The notifier limits messages itself.
        plugin.throttle = _throttle
        plugin.verify_certificate = True
        plugin.redirects = False
        plugin.socket_connect_timeout = plugin.socket_read_timeout = ANSWER_SECONDS
        plugin.retry, plugin.wait, plugin.attach = 0, 0.0, None
        return plugin


def _uses_requests(plugin: Any) -> bool:
    """Return whether a plug-in sends by HTTP, through the library `requests`."""
    return any(
        hasattr(sys.modules.get(kind.__module__), "requests")
        for kind in type(plugin).__mro__
        if kind.__module__.startswith("apprise.plugins.")
    )


def _throttle(last_io: object = None, wait: float | None = None) -> None:
    """Wait as the service asks, if the message has the time. A method of plug-ins."""
    if wait:
        if wait > _seconds_left():
            raise _Refused("the service asks to wait too long")
        time.sleep(wait)


def _service(url: str) -> str:
    """Return the service of an address: its scheme, host and port."""
    try:
        address = read_address(url)
    except AddressUnclear:
        return url.partition("://")[0]
    return f"{address.scheme}://{address.host}:{address.port or ''}"


def run(pipe: Pipe) -> None:
    """Send messages until the pipe ends."""
    with suppress(EOFError, OSError, KeyboardInterrupt):
        start = nesting.decode(pipe.receive(), SenderStart)
        relay = f"http://{USER}:{start.password}@{_RELAY_HOST}:{start.port}"
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            del os.environ[name]
        os.environ.update(HTTP_PROXY=relay, HTTPS_PROXY=relay, http_proxy=relay, https_proxy=relay)
        sender = Sender(pipe)
        sender.load()
        guard(start.port)
        while True:
            sender.take(nesting.decode(pipe.receive(), SenderRequest))
