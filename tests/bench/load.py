"""The load: posts distinct acts of several formats, or of one, over kept connections, one
outstanding on each, and says how it went.

    load.py --connections 128 --seconds 5 URL TOKEN_FILE            as many as are answered in five seconds
    load.py --posts 400 URL TOKEN_FILE                              four hundred, one after another
    load.py --connections 16 --rate 100 --seconds 5 URL TOKEN_FILE  a hundred a second, whether or not earlier ones are answered
    load.py --matrix --seconds 5 URL TOKEN_FILE                     URL is that of a room's messages on a Matrix server

Prints one JSON object. At a rate, times count from when a post was due. It shares its processors
with what it measures, so it takes as little as it can: one epoll, requests that are ready but for
their key and serial number.
"""

import argparse
import json
import select
import socket
import statistics
import sys
import time
from collections import Counter, deque
from pathlib import Path
from typing import Final

from wire import SILENCE_SECONDS, Broken, Messages, Posts, answer, connect, status_of

_TAKEN: Final = (200, 201)


class Load:
    """A number of connections to one server, and what was answered on them. Owns the sockets."""

    def __init__(self, url: str, posts: Posts | Messages, connections: int) -> None:
        """Open the connections."""
        self._posts = posts
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._begun: dict[int, float] = {}
        self.latencies: list[float] = []
        self.within = 0
        self.statuses: Counter[int] = Counter()
        self.first_refusal = ""
        for _ in range(connections):
            opened = connect(url)
            self._poll.register(opened, select.EPOLLIN)
            self._sockets[opened.fileno()] = opened

    def run(self, *, seconds: float, posts: int) -> float:
        """Post until the time or the number is up, and take the answers that are still out; the
        seconds that count.
        """
        begin = time.perf_counter()
        deadline = begin + seconds if seconds else float("inf")
        most = posts or float("inf")
        for number in self._sockets:
            if self._posts.sent < most:
                self._send(number, time.perf_counter())
        ended = begin
        while self._begun:
            for number in self._ready(SILENCE_SECONDS):
                ended = self._take(number)
                self.within += ended <= deadline
                if ended < deadline and self._posts.sent < most:
                    self._send(number, ended)
        return seconds or ended - begin

    def run_at(self, rate: float, *, seconds: float) -> float:
        """Post at a fixed rate, and take the answers that are still out; the seconds that count."""
        begin = time.perf_counter()
        idle = deque(
            self._sockets
        )  # each in its turn: a server closes a connection that is left alone
        posts = int(rate * seconds)
        while self._posts.sent < posts or self._begun:
            due = begin + self._posts.sent / rate
            while idle and self._posts.sent < posts and due <= time.perf_counter():
                self._send(idle.popleft(), due)
                due = begin + self._posts.sent / rate
            waits = self._posts.sent < posts and bool(idle)
            for number in self._ready(
                max(0.0, due - time.perf_counter()) if waits else SILENCE_SECONDS, silent=waits
            ):
                self.within += self._take(number) <= begin + seconds
                idle.append(number)
        return seconds

    def _ready(self, seconds: float, *, silent: bool = False) -> list[int]:
        """The connections on which something has arrived; nothing may, if `silent`."""
        ready = self._poll.poll(seconds)
        if not ready and not silent:
            raise Broken(f"no answer for {SILENCE_SECONDS:g} s")
        return [number for number, _ in ready]

    def _send(self, number: int, due: float) -> None:
        request, _ = self._posts.next()
        self._begun[number] = due
        self._sockets[number].sendall(request)

    def _take(self, number: int) -> float:
        found = answer(self._sockets[number])
        now = time.perf_counter()
        self.latencies.append(now - self._begun.pop(number))
        status = status_of(found)
        self.statuses[status] += 1
        if status not in _TAKEN and not self.first_refusal:
            self.first_refusal = found.decode(errors="replace")
        return now


def summary(load: Load, seconds: float, cpu_s: float) -> dict[str, object]:
    """Return the results of a run. `acknowledged` counts all posts. The rate counts the posts
    within the time.
    """
    cuts = statistics.quantiles(load.latencies, n=100, method="inclusive")
    return {
        "acknowledged": sum(load.statuses[status] for status in _TAKEN),
        "refused": {
            str(status): number
            for status, number in sorted(load.statuses.items())
            if status not in _TAKEN
        },
        "first_refusal": load.first_refusal,
        "per_second": load.within / seconds,
        "p50_ms": cuts[49] * 1000,
        "p99_ms": cuts[98] * 1000,
        "cpu_s": cpu_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("token_file", type=Path)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--posts", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0, help="posts a second, for --seconds")
    parser.add_argument("--formats", type=int, default=4, help="of how many formats, by turns")
    parser.add_argument("--matrix", action="store_true", help="send messages to a room of Matrix")
    given = parser.parse_args()
    if not given.seconds and (given.posts < 2 or given.rate):
        parser.error("say when to end: --seconds, or --posts of at least 2")
    requests = (Messages if given.matrix else Posts)(
        given.url, given.token_file.read_text().strip(), given.formats
    )
    load = Load(given.url, requests, given.connections)
    begin = time.process_time()
    seconds = (
        load.run_at(given.rate, seconds=given.seconds)
        if given.rate
        else load.run(seconds=given.seconds, posts=given.posts)
    )
    sys.stdout.write(json.dumps(summary(load, seconds, time.process_time() - begin)) + "\n")


if __name__ == "__main__":
    main()
