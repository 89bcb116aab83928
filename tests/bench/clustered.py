"""The bench on three nodes: the service beside the bare program on the same nodes, and the silence after a leader's death.

    clustered.py NATS_URL KEYS                   the bare program; prints its URL once it listens

`cluster_post_ratio`: acknowledged posts a second through a gateway, over those through `bare.py`'s handler, by turns, with
128 connections. `failover_s`: how long nobody gets an acknowledgement when the node that leads the log is killed with -9
under load; the median of several. The bare program's stream has the settings of a log, but not a log's name, so that no
gateway follows it.
"""

import asyncio
import importlib.util
import itertools
import json
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import nats
from aiohttp import web

from bare import application
from dragoman import telemetry
from dragoman.log import stream
from dragoman.log.broker import Endpoint
from dragoman.log.connection import connected
from plan import Plan
from table import Line, Section

HERE: Final = Path(__file__).parent
sys.path.append(str(HERE.parent / "support"))

from cluster import REPLICAS, STREAM, RealCluster  # noqa: E402
from gateways import OFFICER, C, Gateway, open_channel  # noqa: E402
from service import NOTE, Caller, new_key  # noqa: E402

_BARE: Final = "bare"
_TARGET: Final = 0.8
_CONNECTIONS: Final = 128
_POSTERS: Final = 16
_RETRY_SECONDS: Final = 0.02
_SETTLED_SECONDS: Final = 1.0

Numbers = dict[str, Any]


def _loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop that the service runs on by default."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    from uvloop import new_event_loop

    return new_event_loop


async def run_bare(url: str, keys: Path) -> None:
    """The bare program, on a cluster that others run."""
    endpoint = Endpoint(url, "", keys)
    async with connected(url, "steward", endpoint.seed("steward")) as steward:
        await steward.api("STREAM.CREATE.BARE", {**stream.configuration(_BARE, REPLICAS), "name": "BARE"})
    client = await nats.connect(url.split(","), nkeys_seed=str(endpoint.seed("gateway")), inbox_prefix=b"_INBOX_gateway")
    runner = web.AppRunner(application(client.jetstream(), _BARE), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await runner.cleanup()
    await client.close()


@contextmanager
def bare(cluster: RealCluster, folder: Path) -> Iterator[str]:
    """The bare program in a process of its own; its URL."""
    command = [sys.executable, __file__, cluster.url, str(cluster.keys)]
    with (folder / "bare.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        assert url, (folder / "bare.log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def load(url: str, token_file: Path, seconds: float) -> Numbers:
    """One run of the load, of which nothing may be refused."""
    command = [sys.executable, str(HERE / "load.py"), "--connections", str(_CONNECTIONS), "--seconds", str(seconds), url, str(token_file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found: Numbers = json.loads(done.stdout)
    assert not found["refused"], found
    return found


def posting(service_url: str, bare_url: str, token_file: Path, *, rounds: int, seconds: float) -> Numbers:
    """The same load on both, by turns."""
    urls = {"service": f"{service_url}{C}/notifications", "bare": f"{bare_url}/v1/channels/{_BARE}/notifications"}
    per_second: dict[str, list[float]] = {name: [] for name in urls}
    for url in urls.values():
        load(url, token_file, 1)
    for _ in range(rounds):
        for name, url in urls.items():
            per_second[name].append(round(load(url, token_file, seconds)["per_second"], 1))
    medians = {name: statistics.median(each) for name, each in per_second.items()}
    return {"cluster_post_ratio": round(medians["service"] / medians["bare"], 4), "cluster_posts": {**medians, "rounds": per_second}}


async def silences(cluster: RealCluster, gateway: Gateway, caller: Caller, deaths: int) -> Numbers:
    """The longest time without an acknowledgement around each death of the leader."""
    found: list[float] = []
    for _ in range(deaths):
        acknowledged: list[float] = []
        stopped = asyncio.Event()
        posters = [asyncio.create_task(_post(caller, acknowledged, stopped)) for _ in range(_POSTERS)]
        await asyncio.sleep(_SETTLED_SECONDS)
        (await asyncio.to_thread(cluster.leader, STREAM)).kill()
        killed = time.monotonic()
        while acknowledged[-1] < killed or time.monotonic() < acknowledged[-1] + _RETRY_SECONDS or time.monotonic() < killed + 3:
            await asyncio.sleep(0.05)
        stopped.set()
        await asyncio.gather(*posters)
        found.append(round(max(after - before for before, after in itertools.pairwise(acknowledged)), 2))
        await asyncio.to_thread(cluster.start)
        await asyncio.sleep(_SETTLED_SECONDS)
    return {"failover_s": statistics.median(found), "failovers": found}


async def _post(caller: Caller, acknowledged: list[float], stopped: asyncio.Event) -> None:
    while not stopped.is_set():
        key = new_key()
        while (await caller.post(f"{C}/contacts", {**NOTE, "text": key}, key=key)).status != 201:
            await asyncio.sleep(_RETRY_SECONDS)
        acknowledged.append(time.monotonic())


async def _silences(cluster: RealCluster, gateway: Gateway, token_file: Path, deaths: int) -> Numbers:
    async with aiohttp.ClientSession() as session:
        return await silences(cluster, gateway, Caller(session, gateway, OFFICER), deaths)


async def _open(gateway: Gateway) -> None:
    async with aiohttp.ClientSession() as session:
        await open_channel(session, [gateway])


def measure(plan: Plan, folder: Path) -> Numbers:
    """`cluster_post_ratio` and `failover_s`, on a cluster in that folder."""
    cluster = RealCluster(folder / "cluster")
    token_file = folder / "token"
    with ExitStack() as stack:
        stack.callback(cluster.stop)
        cluster.start()
        gateway = Gateway(cluster, folder / "gateway", cluster.url)
        stack.callback(gateway.stop)
        asyncio.run(_open(gateway))
        token_file.touch(mode=0o600)
        token_file.write_text(gateway.officer)
        with bare(cluster, folder) as bare_url:
            found = posting(gateway.base_url, bare_url, token_file, rounds=plan.rounds, seconds=plan.posting)
        return {**found, **asyncio.run(_silences(cluster, gateway, token_file, plan.deaths))}


def section(found: Numbers) -> Section:
    """Its part of the table."""
    posts = found["cluster_posts"]
    table = Section("on three nodes", "service", "bare")
    table.lines.append(Line("posts/s, median", posts["service"], posts["bare"], found["cluster_post_ratio"], f"≥ {_TARGET}"))
    table.lines.append(Line("no acknowledgement when the leader dies, s", found["failover_s"], places=2))
    return table


if __name__ == "__main__":
    telemetry.configure("json")
    with asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(run_bare(sys.argv[1], Path(sys.argv[2])))
