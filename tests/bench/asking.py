"""Asking: questions to a service, and how long it takes to answer them, one after another on one
connection.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote_plus

from programs import Failed, Server
from wire import Posts, answer, body_of, connect, get, status_of

_PATIENCE_SECONDS: Final = 120.0
_SETTLING_SECONDS: Final = 900.0

Question = Callable[[], bytes]
"""Gives the next request."""


class Asker:
    """One caller on one connection."""

    def __init__(self, server: Server) -> None:
        """Connect as the reader."""
        self._token = server.reader.read_text()
        self._url = server.channel_url
        self._connection = connect(server.base_url)
        self._connection.settimeout(_PATIENCE_SECONDS)
        self._posts = Posts(f"{server.channel_url}/notifications", server.poster.read_text())

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def post(self) -> Question:
        """A post, each time another."""
        return lambda: self._posts.next()[0]

    def about(self, path: str) -> Question:
        """Return a question that asks for a path of the channel."""
        request = get(self._url + path, self._token)
        return lambda: request

    def time(self, question: Question) -> float:
        """The seconds until the answer is there."""
        request = question()
        begin = time.perf_counter()
        self._connection.sendall(request)
        found = answer(self._connection)
        seconds = time.perf_counter() - begin
        if status_of(found) not in (200, 201):
            raise Failed(f"{request.splitlines()[0]!r} was answered {found[-500:]!r}")
        return seconds

    def told(self, path: str) -> Any:
        """The answer itself."""
        self._connection.sendall(self.about(path)())
        return body_of(answer(self._connection))

    def settled(self) -> None:
        """Wait until the head of all records is signed: until then the registrar reads a long log
        for the first time, in the same process.
        """
        deadline = time.monotonic() + _SETTLING_SECONDS
        while time.monotonic() < deadline:
            position = self.told("")["position"]
            self._connection.sendall(self.about("/log/checkpoint")())
            found = answer(self._connection)
            if (
                status_of(found) == 200
                and int(found.rpartition(b"\r\n\r\n")[2].split(b"\n")[1]) >= position
            ):
                return
            time.sleep(0.5)
        raise Failed(f"no head of {self._url} was signed in {_SETTLING_SECONDS:g} s")

    def searched(self) -> str:
        """The path of a search for a matter that is there."""
        rows = self.told("/exchanges?act=meeting-request&limit=1")["exchanges"]
        return f"/exchanges?q={quote_plus(rows[0]['subject'])}"

    def p50_ms(self, question: Question, most: int, seconds: float) -> float:
        """The median of so many answers, or of those that came within that time."""
        begin = time.perf_counter()
        times = [self.time(question)]
        while len(times) < most and time.perf_counter() - begin < seconds:
            times.append(self.time(question))
        return round(statistics.median(times) * 1000, 3)
