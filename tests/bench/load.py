"""The load: posts distinct hazardous incidents over kept connections, one outstanding on each, and says how it went.

    load.py --connections 128 --seconds 5 URL TOKEN_FILE      as many as are answered in five seconds
    load.py --posts 400 URL TOKEN_FILE                        four hundred, one after another

Prints one JSON object. It shares its processors with what it measures, so it takes as little as it can: plain sockets,
one epoll, requests that are ready but for their key and serial number.
"""

import argparse
import json
import re
import secrets
import select
import socket
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_ACT_BYTES: Final = 600
_SILENCE_SECONDS: Final = 10.0
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_FACTS: Final = "A patrol aircraft and a surveillance aircraft passed at about three hundred metres, report %012d; nobody was hurt."
_REMARKS: Final = "Both crews were on the frequency agreed for this area and followed the procedure for unplanned encounters. "


class Broken(Exception):
    """The server closed a connection, fell silent, or answered what is not understood."""


def act() -> bytes:
    """An act of exactly 600 bytes, with a place for the serial number."""
    value: dict[str, object] = {
        "act": "hazardous-incident",
        "kind": "near_miss",
        "time": "2026-03-01T06:30:00Z",
        "place": {"lat": 21.35, "lon": 119.25},
        "facts": _FACTS,
        "remarks": "",
    }
    missing = _ACT_BYTES - len(json.dumps(value, separators=(",", ":")) % 0)
    value["remarks"] = (_REMARKS * _ACT_BYTES)[:missing]
    raw = json.dumps(value, separators=(",", ":")).encode()
    assert len(raw % 0) == _ACT_BYTES
    return raw


class Requests:
    """The requests of one run, each with a new UUIDv7 as its key and a serial number in its act."""

    def __init__(self, url: str, token: str) -> None:
        """Make ready what all requests have in common."""
        address = urlsplit(url)
        head = (
            f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {_ACT_BYTES}\r\nIdempotency-Key: "
        )
        run = f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(5)}"
        key = f"{run[:8]}-{run[8:12]}-7{run[12:15]}-8{run[15:18]}-{run[18:22]}"
        self._template = (head + key).encode() + b"%08x\r\n\r\n" + act()
        self.sent = 0

    def next(self) -> bytes:
        """The next request."""
        self.sent += 1
        return self._template % (self.sent, self.sent)


class Load:
    """A number of connections to one server, and what was answered on them. Owns the sockets."""

    def __init__(self, url: str, token: str, connections: int) -> None:
        """Open the connections."""
        address = urlsplit(url)
        self._requests = Requests(url, token)
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._begun: dict[int, float] = {}
        self.latencies: list[float] = []
        self.within = 0
        self.statuses: Counter[int] = Counter()
        self.first_refusal = ""
        for _ in range(connections):
            opened = socket.create_connection((address.hostname or "", address.port or 80), timeout=_SILENCE_SECONDS)
            opened.setblocking(True)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._poll.register(opened, select.EPOLLIN)
            self._sockets[opened.fileno()] = opened

    def run(self, *, seconds: float, posts: int) -> float:
        """Post until the time or the number is up, and take the answers that are still out; the seconds that count."""
        begin = time.perf_counter()
        deadline = begin + seconds if seconds else float("inf")
        most = posts or float("inf")
        for number in self._sockets:
            if self._requests.sent < most:
                self._send(number)
        ended = begin
        while self._begun:
            ready = self._poll.poll(_SILENCE_SECONDS)
            if not ready:
                raise Broken(f"no answer for {_SILENCE_SECONDS:g} s")
            for number, _ in ready:
                ended = self._take(number)
                self.within += ended <= deadline
                if ended < deadline and self._requests.sent < most:
                    self._send(number)
        return seconds or ended - begin

    def _send(self, number: int) -> None:
        request = self._requests.next()
        self._begun[number] = time.perf_counter()
        self._sockets[number].sendall(request)

    def _take(self, number: int) -> float:
        answer = self._answer(self._sockets[number])
        now = time.perf_counter()
        self.latencies.append(now - self._begun.pop(number))
        status = int(answer[9:12])
        self.statuses[status] += 1
        if status != 201 and not self.first_refusal:
            self.first_refusal = answer.decode(errors="replace")
        return now

    def _answer(self, connection: socket.socket) -> bytes:
        answer = b""
        wanted = 0
        while not wanted or len(answer) < wanted:
            more = connection.recv(65536)
            if not more:
                raise Broken("the server closed a connection")
            answer += more
            end = answer.find(b"\r\n\r\n")
            if not wanted and end >= 0:
                length = _LENGTH.search(answer, 0, end)
                if length is None:
                    raise Broken("an answer without Content-Length")
                wanted = end + 4 + int(length.group(1))
        return answer


def summary(load: Load, seconds: float) -> dict[str, object]:
    """What a run came to. `acknowledged` counts all; the rate counts those within the time."""
    cuts = statistics.quantiles(load.latencies, n=100)
    return {
        "acknowledged": load.statuses[201],
        "refused": {str(status): number for status, number in sorted(load.statuses.items()) if status != 201},
        "first_refusal": load.first_refusal,
        "per_second": load.within / seconds,
        "p50_ms": cuts[49] * 1000,
        "p99_ms": cuts[98] * 1000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("token_file", type=Path)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--posts", type=int, default=0)
    given = parser.parse_args()
    if not given.seconds and given.posts < 2:
        parser.error("say when to end: --seconds, or --posts of at least 2")
    load = Load(given.url, given.token_file.read_text().strip(), given.connections)
    seconds = load.run(seconds=given.seconds, posts=given.posts)
    sys.stdout.write(json.dumps(summary(load, seconds)) + "\n")


if __name__ == "__main__":
    main()
