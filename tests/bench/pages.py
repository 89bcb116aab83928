"""Pages: the board with a thousand open exchanges, and from a flash to the takeover of the other
side's open page, while others post.
"""

import gzip
import statistics
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Final

from dragoman.console.matter.matter_list import SHOWN
from plan import Plan
from programs import CHANNEL, Numbers, Server, finished, result, seeded, service, started
from table import Line, Section
from wire import answer as answered
from wire import body_of, connect, get

_BOARD_MS: Final = 150
_BOARD_KIB: Final = 150
_TAKEOVER_MS: Final = 500
_OPEN: Final = 1_000
_BEFORE: Final = 60
"""Records that a demonstration has before."""

_CONNECTIONS: Final = 8


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any) -> None:
        """Follow nothing: the cookie comes with the redirection."""


def session(server: Server) -> str:
    """A cookie of the reader's."""
    form = urllib.parse.urlencode({"token": server.reader.read_text().strip()}).encode()
    try:
        answer = urllib.request.build_opener(_Stay).open(f"{server.base_url}/sign-in", form)
    except urllib.error.HTTPError as error:
        return str(error.headers["Set-Cookie"]).partition(";")[0]
    raise AssertionError(answer.status)


def _boards(server: Server, looks: int) -> tuple[list[float], int, int]:
    """Milliseconds of each look at the board, the bytes that were transferred, and the rows that it
    had.
    """
    headers = {"Cookie": session(server), "Accept": "text/html", "Accept-Encoding": "gzip"}
    request = urllib.request.Request(f"{server.base_url}/c/{CHANNEL}", headers=headers)
    times: list[float] = []
    body = b""
    for _ in range(looks + 1):
        begun = time.perf_counter()
        with urllib.request.urlopen(request) as answer:
            body = answer.read()
        times.append((time.perf_counter() - begun) * 1000)
    return times[1:], len(body), gzip.decompress(body).count(b" data-row")


def _open(server: Server) -> int:
    """The open matters of the channel. The board lists the first of them, and counts the others."""
    with connect(server.base_url) as connection:
        connection.sendall(get(f"{server.channel_url}/state", server.reader.read_text().strip()))
        state = body_of(answered(connection))
    return len(state["open_matters"]) + int(state["open_matters_left_off"])


def measure(plan: Plan, folder: Path) -> Numbers:
    """`board_p50_ms`, `board_p95_ms`, `board_kib`, `takeover_p50_ms`, `takeover_p99_ms`."""
    data = folder / "board"
    seeded(data, _OPEN + _BEFORE, waiting=True)
    with service(data) as server:
        times, transferred, rows = _boards(server, plan.reads * 2)
        waiting = _open(server)
    with service(folder / "takeover", "--demo") as server:
        seconds = plan.takeovers * 1.5 + 10
        load = "--connections", _CONNECTIONS, "--rate", plan.background_rate, "--seconds", seconds
        background = started(
            "load.py", *load, f"{server.channel_url}/contacts", server.poster, "--formats", 1
        )
        try:
            arguments = (
                "--flashes",
                plan.takeovers,
                server.base_url,
                CHANNEL,
                server.poster,
                server.reader,
            )
            found = result("takeover.py", *arguments, seconds=600)["milliseconds"]
        finally:
            others = finished(background, 600)
    boards, takeovers = (
        statistics.quantiles(each, n=100, method="inclusive") for each in (times, found)
    )
    full = rows >= SHOWN and waiting >= _OPEN
    failures = [] if full else [f"the board had {rows} rows, of {waiting} open matters"]
    return {
        "board_p50_ms": round(boards[49], 1),
        "board_p95_ms": round(boards[94], 1),
        "board_kib": round(transferred / 1024, 1),
        "takeover_p50_ms": round(takeovers[49], 1),
        "takeover_p99_ms": round(takeovers[98], 1),
        "pages": {
            "rows": rows,
            "open": waiting,
            "looks": len(times),
            "takeovers": len(found),
            "beside": round(others["per_second"], 1),
        },
        "failures": failures,
    }


def section(found: Numbers) -> Section:
    """Its part of the table."""
    pages = found["pages"]
    table = Section("pages", "service", "")
    table.lines.append(
        Line(f"board of {pages['open']} open, p50 ms", found["board_p50_ms"], places=1)
    )
    table.lines.append(
        Line("  p95 ms", found["board_p95_ms"], target=f"≤ {_BOARD_MS} ms", places=1)
    )
    table.lines.append(
        Line("  KiB transferred", found["board_kib"], target=f"≤ {_BOARD_KIB} KiB", places=1)
    )
    table.lines.append(Line("flash to takeover, p50 ms", found["takeover_p50_ms"], places=1))
    table.lines.append(
        Line("  p99 ms", found["takeover_p99_ms"], target=f"≤ {_TAKEOVER_MS} ms", places=1)
    )
    table.remarks.append(
        f"{pages['looks']} looks; {pages['takeovers']} flashes in headless Chromium, {pages['beside']} records/s beside them"
    )
    return table
