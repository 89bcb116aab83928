"""HTTP as the bench speaks it: plain sockets and requests that are ready, so that a caller takes
little of the processors that it measures.
"""

import json
import re
import secrets
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

SILENCE_SECONDS: Final = 10.0
_ACT_BYTES: Final = 600
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = b"\r\ntransfer-encoding: chunked"
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
_TEXTS: Final = (
    (
        "A patrol aircraft and a surveillance aircraft passed at about three hundred metres, report %012d; nobody was hurt.",
        "Both crews were on the frequency agreed for this area and followed the procedure for unplanned encounters. ",
    ),
    (
        "一架巡逻机与一架侦察机以约三百米的距离交会，报告编号%012d，无人受伤。",
        "双方机组均使用本区域商定的频率，并遵守海空意外相遇的行为准则。",
    ),
    (
        "Патрульный самолёт и самолёт-разведчик разошлись на расстоянии около трёхсот метров, донесение %012d; пострадавших нет.",
        "Оба экипажа работали на частоте, согласованной для этого района. ",
    ),
)
"""Facts and remarks in English, Chinese and Russian, in equal parts."""


class Broken(Exception):
    """The server closed a connection, fell silent, or answered what is not understood."""


def connect(url: str) -> socket.socket:
    """A connection that sends at once."""
    address = urlsplit(url)
    opened = socket.create_connection(
        (address.hostname or "", address.port or 80), timeout=SILENCE_SECONDS
    )
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def answer(connection: socket.socket) -> bytes:
    """The next answer on a connection, whole. Raises `Broken`."""
    found = b""
    wanted = 0
    chunked = False
    while not (found.endswith(_LAST_CHUNK) if chunked else 0 < wanted <= len(found)):
        try:
            more = connection.recv(65536)
        except TimeoutError:
            raise Broken(f"no answer for {connection.gettimeout()} s") from None
        if not more:
            raise Broken("the server closed a connection")
        found += more
        end = found.find(b"\r\n\r\n")
        if not wanted and not chunked and end >= 0:
            chunked = _CHUNKED in found[:end].lower()
            if chunked:
                continue
            length = _LENGTH.search(found, 0, end)
            if length is None:
                raise Broken(
                    f"an answer without Content-Length: {found[:end].decode(errors='replace')}"
                )
            wanted = end + 4 + int(length.group(1))
    return found


def status_of(answer: bytes) -> int:
    """The status of an answer."""
    return int(answer[9:12])


def body_of(answer: bytes) -> Any:
    """The decoded body of an answer."""
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def get_page(url: str, cookie: str) -> bytes:
    """A request for a page, by a browser that is signed in."""
    address = urlsplit(url)
    return f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {cookie}\r\nAccept: text/html\r\n\r\n".encode()


def get(url: str, token: str, accept: str = "application/json") -> bytes:
    """A request for what is at a URL."""
    address = urlsplit(url)
    target = address.path + (f"?{address.query}" if address.query else "")
    return f"GET {target} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\nAccept: {accept}\r\n\r\n".encode()


_AT: Final = {"time": "2026-03-01T06:30:00Z", "place": {"lat": 21.35, "lon": 119.25}}
_SOON: Final = datetime.now(UTC) + timedelta(days=30)
_WINDOW: Final = {
    "from": f"{_SOON:%Y-%m-%dT06:00:00Z}",
    "to": f"{_SOON + timedelta(days=1):%Y-%m-%dT06:00:00Z}",
}
"""A window in the future: the scheduler records the start of one that has begun."""

_FORMATS: Final[tuple[tuple[str, dict[str, object]], ...]] = (
    ("facts", {"act": "hazardous-incident", "kind": "near_miss", **_AT}),
    ("description", {"act": "encounter-report", **_AT, "domain": "sea"}),
    (
        "text",
        {"act": "danger-area", "place": _AT["place"], "window": _WINDOW, "hazard": "firing"},
    ),
    ("text", {"act": "emergency-notification", "nature": "oil_spill", **_AT}),
)
"""Formats that are posted by turns, each with the member for its words: of the notification
family, and with one key.
"""


def acts(formats: int = len(_FORMATS), **more: object) -> list[bytes]:
    """Acts of exactly 600 bytes, with a place for the serial number, of so many formats in each
    language; where they have `more` members, hazardous incidents alone.
    """
    return [
        _whole({**value, member: facts, **more}, remarks)
        for member, value in _FORMATS[: 1 if more else formats]
        for facts, remarks in _TEXTS
    ]


def _whole(value: dict[str, object], remarks: str) -> bytes:
    missing = _ACT_BYTES - len(_encoded({**value, "remarks": ""}) % 0)
    text = (remarks * missing).encode()[:missing].decode(errors="ignore")
    raw = _encoded({**value, "remarks": text + " " * (missing - len(text.encode()))})
    assert len(raw % 0) == _ACT_BYTES
    return raw


def _encoded(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Posts:
    """Posts of one run, each with a new UUIDv7 as its key and a serial number in its act."""

    def __init__(self, url: str, token: str, formats: int = len(_FORMATS), **more: object) -> None:
        """Make ready what all posts have in common, of so many formats by turns; acts with `more`
        members are hazardous incidents alone.
        """
        address = urlsplit(url)
        self._head = (
            f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {_ACT_BYTES}\r\nIdempotency-Key: "
        ).encode()
        run = f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(5)}"
        self._key = f"{run[:8]}-{run[8:12]}-7{run[12:15]}-8{run[15:18]}-{run[18:22]}".encode()
        self._acts = acts(formats, **more)
        self._templates = [self._head + b"%b\r\n\r\n" + act for act in self._acts]
        self.sent = 0

    def next(self) -> tuple[bytes, bytes]:
        """The next post, and its key."""
        self.sent += 1
        key = self._key + b"%08x" % self.sent
        return self._templates[self.sent % len(self._templates)] % (key, self.sent), key

    def batch(self, acts: int) -> bytes:
        """A request with the next so many posts, one a line."""
        lines = []
        for _ in range(acts):
            self.sent += 1
            act = self._acts[self.sent % len(self._acts)] % self.sent
            lines.append(b'{"key":"%b%08x","act":%b}' % (self._key, self.sent, act))
        body = b"\n".join(lines)
        head, _, _ = self._head.partition(b"Content-Type")
        return (
            head
            + b"Content-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n" % len(body)
            + body
        )


class Messages:
    """Messages to a room of a Matrix server, with the acts of `Posts` as their text."""

    def __init__(self, url: str, token: str, formats: int = len(_FORMATS)) -> None:
        """Make ready what all messages have in common."""
        address = urlsplit(url)
        self._path = f"PUT {address.path}/{secrets.token_hex(8)}".encode()
        self._head = (
            f" HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._acts = acts(formats)
        self.sent = 0

    def next(self) -> tuple[bytes, bytes]:
        """Return the next message, and its key."""
        self.sent += 1
        text = (self._acts[self.sent % len(self._acts)] % self.sent).decode()
        body = _encoded({"msgtype": "m.text", "body": text})
        key = b"%08x" % self.sent
        return self._path + key + self._head + b"%d\r\n\r\n%b" % (len(body), body), key
