"""The guard: processor time of the everyday requests, as ratios to a post of the bare program.

    make bench BENCH=--quick            fails where a line is beyond 1.15 of the figures in the tree
    make bench BENCH="--quick --keep"   keeps the figures of this run, for this Python and kernel

Processor time says little on its own: one machine is twice as fast as another, and a busy one is
slower still. So each round measures the bare program and the service by turns, and the least ratio
of a line counts. A line that is beyond is measured again before it fails.
"""

import json
import platform
from pathlib import Path
from typing import Final

from pages import session
from plan import Plan
from posting import load
from programs import CHANNEL, Numbers, Server, pair, used
from table import Line, Section
from wire import Posts, answer, body_of, connect, get, get_page, status_of

_KEPT: Final = Path(__file__).with_name("guard.json")
_BEYOND: Final = 1.15
_TRIES: Final = 3
_ROUNDS: Final = 3
_POSTS: Final = "--connections", 8, "--posts"
_BARE_POSTS: Final = 1_500
_BATCH: Final = 100

_ASKED: Final[dict[str, int]] = {
    "post": 600,
    "act of a batch of 100": 2_000,
    "state": 1_500,
    "exchange": 800,
    "board": 25,
    "exchange page": 40,
}
"""The lines, and how often each is asked in a round: about half a second of a processor."""


def machine() -> str:
    """The name under which figures are kept: they hold for one Python and one kernel."""
    return f"{platform.python_version()} {platform.machine()} {platform.release()}"


class Requests:
    """The requests of each line, on one connection."""

    def __init__(self, server: Server) -> None:
        """Post what the reads show, and sign in."""
        self._server = server
        load(server, *_POSTS, 200)
        token = server.poster.read_text().strip()
        with connect(server.base_url) as connection:
            connection.sendall(get(f"{server.channel_url}/exchanges?limit=1", token))
            id = body_of(answer(connection))["exchanges"][0]["id"]
        cookie, page = session(server), f"{server.base_url}/c/{CHANNEL}"
        self._ready = {
            "state": get(f"{server.channel_url}/state", token),
            "exchange": get(f"{server.channel_url}/exchanges/{id}", token),
            "board": get_page(page, cookie),
            "exchange page": get_page(f"{page}/exchanges/{id}", cookie),
        }

    def cost(self, line: str, times: int) -> float:
        """The microseconds of processor time of one request, in all processes of the server."""
        if line == "post":
            return _cost_of_posts(self._server, times)
        if line == "act of a batch of 100":
            return self._cost_of_batches(times)
        before = used(self._server.pid)["cpu_s"]
        with connect(self._server.base_url) as connection:
            for _ in range(times):
                connection.sendall(self._ready[line])
                assert status_of(answer(connection)) == 200
        return float(used(self._server.pid)["cpu_s"] - before) / times * 1e6

    def _cost_of_batches(self, acts: int) -> float:
        path, token = self._server.channel_url, self._server.poster.read_text().strip()
        posts = Posts(f"{path}/acts", token)
        before = self._server.uses
        with connect(self._server.base_url) as connection:
            for _ in range(acts // _BATCH):
                connection.sendall(posts.batch(_BATCH))
                found = answer(connection)
                assert found.count(b'"status":201') == _BATCH, found[:2000]
        after = self._server.uses
        seconds = sum(after[name]["cpu_s"] - before[name]["cpu_s"] for name in after)
        return float(seconds / acts * 1e6)


def _cost_of_posts(server: Server, posts: int) -> float:
    each = load(server, *_POSTS, posts)["cpu_us"]
    return float(each["server"] + each["writer"] + each["broker"])


def measure(_plan: Plan, folder: Path) -> Numbers:
    """`guard`: each line's least ratio, microseconds, and the kept ratio of this machine."""
    kept: dict[str, float] = json.loads(_KEPT.read_text()).get(machine(), {})
    least: dict[str, tuple[float, float]] = {}
    with pair(folder) as (ours, bare):
        load(bare, *_POSTS, 200)
        requests = Requests(ours)
        lines = list(_ASKED)
        for _ in range(_TRIES):
            for _ in range(_ROUNDS):
                unit = _cost_of_posts(bare, _BARE_POSTS)
                for line in lines:
                    cost = requests.cost(line, _ASKED[line])
                    least[line] = min(least.get(line, (9e9, 0.0)), (cost / unit, cost))
            lines = [line for line in lines if _is_beyond(line, least[line][0], kept)]
            if not lines:
                break
    ratios = {line: round(ratio, 3) for line, (ratio, _) in least.items()}
    return {
        "guard": {
            "machine": machine(),
            "kept": kept,
            "ratios": ratios,
            "us": {line: round(us) for line, (_, us) in least.items()},
        },
        "failures": [
            f"{line} grew: {ratios[line]} times a bare post's processor time, {kept[line]} were kept"
            for line in lines
        ],
    }


def _is_beyond(line: str, ratio: float, kept: dict[str, float]) -> bool:
    return line in kept and ratio > _BEYOND * kept[line]


def keep(found: Numbers) -> None:
    """Keep the figures of a run in the tree, for this Python and kernel."""
    every = json.loads(_KEPT.read_text())
    every[found["guard"]["machine"]] = found["guard"]["ratios"]
    _KEPT.write_text(json.dumps(every, indent=1, sort_keys=True) + "\n")


def section(found: Numbers) -> Section:
    """Its part of the table."""
    guard = found["guard"]
    table = Section("processor time, in posts of the bare program", "us", "kept")
    for line, ratio in guard["ratios"].items():
        was = guard["kept"].get(line)
        target = "" if was is None else f"≤ {_BEYOND * was:.2f}"
        table.lines.append(Line(line, guard["us"][line], was, ratio, target, places=2))
    if not guard["kept"]:
        table.remarks.append(
            f'no figures are kept for {guard["machine"]}: make bench BENCH="--quick --keep" keeps these'
        )
    return table
