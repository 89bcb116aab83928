"""The sender process: it runs `apprise`, and can connect only to the relay.

    {"n":1,"url":"ntfys://ntfy.example.org/…","title":"…","body":"…"}
    {"n":1,"ok":true}

An audit hook of the interpreter refuses connections that do not lead to the relay,
look-ups of names, other programs, and files outside of Python. So a plug-in fails that
reads a file, uses the local system or ignores the relay.

Messages to one service wait for each other in a lane of a few threads. So a service
that is down delays no other one.
"""

import logging
import os
import sys
import threading
from collections import defaultdict, deque
from contextlib import suppress
from re import Pattern
from re import compile as pattern
from types import ModuleType
from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.application.ways_to_reach import FORBIDDEN
from dragoman.domain.record import nesting
from dragoman.notifier.messaging.relay import USER
from dragoman.worker_process import Pipe

LANE_THREADS: Final = 8
"""Messages that are sent to one service at once."""

THREADS: Final = 256
SERVICE_SECONDS: Final = 12.0
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
    """A message to send."""

    n: int
    url: str
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
        self._lanes: defaultdict[str, deque[SenderRequest]] = defaultdict(deque)
        self._active: defaultdict[str, int] = defaultdict(int)
        self._threads = threading.Semaphore(THREADS)

    def load(self) -> None:
        """Load all plug-ins, before the guard lets none be loaded from elsewhere."""
        self._apprise.Apprise.instantiate("ntfy://localhost/start", asset=self._asset)

    def take(self, request: SenderRequest) -> None:
        """Begin a request in its lane, or queue it there."""
        lane = _lane(request.url)
        with self._lock:
            self._lanes[lane].append(request)
            if self._active[lane] >= LANE_THREADS:
                return
            self._active[lane] += 1
        threading.Thread(target=self._work, args=(lane,), daemon=True).start()

    def _work(self, lane: str) -> None:
        with self._threads:
            while True:
                with self._lock:
                    if not self._lanes[lane]:
                        self._active[lane] -= 1
                        if not self._active[lane]:
                            del self._active[lane], self._lanes[lane]
                        return
                    request = self._lanes[lane].popleft()
                self._reply(self._done(request))

    def _reply(self, reply: SenderReply) -> None:
        with self._replying, suppress(OSError):
            self._pipe.send(msgspec.json.encode(reply))

    def _done(self, request: SenderRequest) -> SenderReply:
        try:
            if (wrong := _forbidden(request.url)) is not None:
                return SenderReply(n=request.n, ok=False, reason=wrong)
            plugin = self._plugin(request.url)
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

    def _plugin(self, url: str) -> Any:
        """Return a new plug-in for an address, or None.

        A plug-in is for one message: that of Matrix would send a second one under the
        number of the first, and the server would drop it.
        """
        plugin = self._apprise.Apprise.instantiate(url, asset=self._asset)
        if plugin is None or not _uses_requests(plugin):
            return None
        plugin.request_rate_per_sec = 0  # The notifier limits messages itself.
        return plugin


def _uses_requests(plugin: Any) -> bool:
    """Return whether a plug-in sends by HTTP, through the library `requests`."""
    return any(
        hasattr(sys.modules.get(kind.__module__), "requests")
        for kind in type(plugin).__mro__
        if kind.__module__.startswith("apprise.plugins.")
    )


def _forbidden(url: str) -> str | None:
    """Return the reason to refuse the parameters of an address, or None."""
    _, _, query = url.partition("?")
    names = {part.partition("=")[0].strip().lower().lstrip("+-:") for part in query.split("&")}
    forbidden = FORBIDDEN & names
    return f"the parameter {min(forbidden)} is not allowed" if forbidden else None


def _lane(url: str) -> str:
    """Return the service of an address: its scheme and host, without credentials."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2].partition('/')[0]}"


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
