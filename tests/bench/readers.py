"""Readers: many open streams at one gateway, and from the first byte of each post to its record on
every one of them.

    readers.py --readers 1000 --rate 50 --seconds 20 URL TOKEN_FILE READER_TOKEN_FILE     URL is the channel's

Prints one JSON object: the milliseconds of the arrivals, cut in hundredths, and how many there were
of how many. One process has both ends, and so one clock; it takes in what has arrived in one go, so
that what it takes itself is in the times as well.
"""

import argparse
import json
import re
import select
import socket
import statistics
import sys
import time
from pathlib import Path
from typing import Final

from wire import SILENCE_SECONDS, Broken, Posts, answer, connect, get, status_of

_EVENT: Final = re.compile(rb'event: record\ndata: [^\n]*?"id":"([0-9a-f-]{36})"[^\n]*\n\n')
_KEPT: Final = 4096


class Readers:
    """The open streams. Owns the sockets."""

    def __init__(self, url: str, token: str, number: int) -> None:
        """Open them, and wait until each has begun."""
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._unread: dict[int, bytes] = {}
        self.begun: dict[bytes, float] = {}
        self.arrived: list[float] = []
        request = get(f"{url}/records", token, accept="text/event-stream")
        for _ in range(number):
            opened = connect(url)
            opened.sendall(request)
            begun = b""
            while b"retry:" not in begun:
                more = opened.recv(65536)
                if not more or (len(begun) > 12 and status_of(begun) != 200):
                    raise Broken((begun + more).decode(errors="replace"))
                begun += more
            self._sockets[opened.fileno()] = opened
            self._unread[opened.fileno()] = b""
            self._poll.register(opened, select.EPOLLIN)

    def take(self, seconds: float) -> None:
        """Take what arrives within that time."""
        deadline = time.perf_counter() + seconds
        while (wait := deadline - time.perf_counter()) > 0:
            for number, _ in self._poll.poll(wait):
                self._take(number)

    def _take(self, number: int) -> None:
        more = self._sockets[number].recv(1 << 18)
        if not more:
            raise Broken("the server closed a stream")
        now = time.perf_counter()
        unread = self._unread[number] + more
        last = 0
        for event in _EVENT.finditer(unread):
            last = event.end()
            begun = self.begun.get(event[1])
            if begun is not None:
                self.arrived.append(now - begun)
        self._unread[number] = unread[last:][-_KEPT:]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("token_file", type=Path)
    parser.add_argument("reader_token_file", type=Path)
    parser.add_argument("--readers", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="posts a second")
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    readers = Readers(given.url, given.reader_token_file.read_text().strip(), given.readers)
    poster = connect(given.url)
    posts = Posts(f"{given.url}/notifications", given.token_file.read_text().strip())
    begin = time.perf_counter()
    most = int(given.rate * given.seconds)
    for number in range(most):
        readers.take(begin + number / given.rate - time.perf_counter())
        request, key = posts.next()
        readers.begun[key] = time.perf_counter()
        poster.sendall(request)
        found = answer(poster)
        if status_of(found) != 201:
            raise Broken(found.decode(errors="replace"))
    wanted, deadline = most * given.readers, time.perf_counter() + SILENCE_SECONDS
    while len(readers.arrived) < wanted and time.perf_counter() < deadline:
        readers.take(0.1)
    cuts = statistics.quantiles(
        (seconds * 1000 for seconds in readers.arrived), n=100, method="inclusive"
    )
    sys.stdout.write(
        json.dumps(
            {
                "cuts_ms": [round(cut, 2) for cut in cuts],
                "arrived": len(readers.arrived),
                "wanted": wanted,
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
