"""Flashes: each from the first byte of its post to the arrival of its record on the other side's
open stream.

    flash.py --flashes 300 --rate 5 URL TOKEN_FILE READER_TOKEN_FILE     URL is the channel's

Prints one JSON object: the milliseconds until each record had arrived, and until its post was
answered. One process has both ends, and so one clock.
"""

import argparse
import json
import select
import socket
import sys
import time
from pathlib import Path

from wire import SILENCE_SECONDS, Broken, Posts, answer, connect, get, status_of


class Stream:
    """An open stream of server-sent events."""

    def __init__(self, url: str, token: str) -> None:
        """Open it, and wait until it has begun."""
        self.socket = connect(url)
        self.socket.sendall(get(url, token, accept="text/event-stream"))
        self._unread = b""
        while b"retry:" not in self._unread:
            self._read()
        if status_of(self._unread) != 200:
            raise Broken(self._unread.decode(errors="replace"))

    def pass_by(self) -> None:
        """Read what others posted, and forget it."""
        self._read()
        self._unread = b""

    def _read(self) -> None:
        more = self.socket.recv(1 << 20)
        if not more:
            raise Broken("the server closed the stream")
        self._unread += more

    def brought(self, key: bytes) -> bool:
        """Read what has arrived: whether the whole event of the record with that id is there."""
        self._read()
        _, found, after = self._unread.partition(b'"id":"%b"' % key)
        if found and b"\n\n" in after:
            self._unread = after
            return True
        if not found:
            self._unread = self._unread[-len(key) - 16 :]
        return False


def flash(post: bytes, key: bytes, poster: socket.socket, stream: Stream) -> tuple[float, float]:
    """Post one; the seconds until its record had arrived, and until it was answered."""
    arrived = answered = 0.0
    begin = time.perf_counter()
    poster.sendall(post)
    while not (arrived and answered):
        ready, _, _ = select.select([poster, stream.socket], [], [], SILENCE_SECONDS)
        if not ready:
            raise Broken(f"no flash arrived for {SILENCE_SECONDS:g} s")
        now = time.perf_counter()
        if stream.socket in ready and stream.brought(key) and not arrived:
            arrived = now - begin
        if poster in ready:
            found = answer(poster)
            answered = now - begin
            if status_of(found) != 201:
                raise Broken(found.decode(errors="replace"))
    return arrived, answered


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("token_file", type=Path)
    parser.add_argument("reader_token_file", type=Path)
    parser.add_argument("--flashes", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="flashes a second")
    given = parser.parse_args()
    stream = Stream(f"{given.url}/records", given.reader_token_file.read_text().strip())
    poster = connect(given.url)
    posts = Posts(
        f"{given.url}/notifications", given.token_file.read_text().strip(), precedence="flash"
    )
    begin = time.perf_counter()
    times: list[tuple[float, float]] = []
    for number in range(given.flashes):
        due = begin + number / given.rate
        while (wait := due - time.perf_counter()) > 0:
            if select.select([stream.socket], [], [], wait)[0]:
                stream.pass_by()
        times.append(flash(*posts.next(), poster, stream))
    arrived, answered = (
        [round(seconds * 1000, 3) for seconds in each] for each in zip(*times, strict=True)
    )
    sys.stdout.write(json.dumps({"arrived_ms": arrived, "answered_ms": answered}) + "\n")


if __name__ == "__main__":
    main()
