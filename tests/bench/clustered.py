"""The bench on three nodes: the service beside the bare program on the same nodes, and the silence
after a leader's death.

    clustered.py NATS_URL KEYS                   the bare program; prints its URL once it listens

`cluster_post_ratio`: acknowledged posts a second through a gateway, over those through `bare.py`'s
handler, by turns, with 128 connections. `failover_s`: how long nobody gets an acknowledgement when
the node that leads the log is killed with -9 under load; the median of several. The bare program's
stream has the settings of a log, but not a log's name, so that no gateway follows it.
"""

import asyncio
import importlib.util
import itertools
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import aiohttp
import nats
from aiohttp import web

from bare import application
from dragoman import telemetry
from dragoman.eventlog import stream_config
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.eventlog.nats_connection import connected
from plan import Plan
from programs import Failed, Numbers, result, running
from table import Line, Section

HERE: Final = Path(__file__).parent
sys.path.append(str(HERE.parent / "support"))

from cluster import REPLICAS, STREAM, RealCluster  # noqa: E402
from gateways import OFFICER, C, Gateway, open_channel, replayed  # noqa: E402
from service import NOTE, Caller, new_key  # noqa: E402

_BARE: Final = "bare"
_TARGET: Final = 0.8
_CONNECTIONS: Final = 128
_POSTERS: Final = 16
_RETRY_SECONDS: Final = 0.02
_SETTLED_SECONDS: Final = 1.0
_ELECTED_SECONDS: Final = 60.0
_LOOKED_SECONDS: Final = 3.0
_SILENT_SECONDS: Final = 0.25
"""The silence after the death of a leader. Answers to earlier posts may still arrive first, and it
ends with the next answer.
"""


def _loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop that the service runs on by default."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    from uvloop import new_event_loop

    return new_event_loop


async def run_bare(url: str, keys: Path) -> None:
    """The bare program, on a cluster that others run."""
    endpoint = BrokerEndpoint(url, "", keys)
    async with connected(url, "steward", endpoint.seed("steward")) as steward:
        await steward.api(
            "STREAM.CREATE.BARE", {**stream_config.configuration(_BARE, REPLICAS), "name": "BARE"}
        )
    client = await nats.connect(
        url.split(","), nkeys_seed=str(endpoint.seed("gateway")), inbox_prefix=b"_INBOX_gateway"
    )
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
    with running(
        [sys.executable, __file__, cluster.url, str(cluster.keys)], folder / "bare.log"
    ) as (_, url):
        yield url


def load(url: str, token_file: Path, seconds: float) -> Numbers:
    """One run of the load. Raises `Failed` where something is refused."""
    found = result("load.py", "--connections", _CONNECTIONS, "--seconds", seconds, url, token_file)
    if found["refused"]:
        raise Failed(
            f"{url} refused posts: {found['refused']}, the first with {found['first_refusal']}"
        )
    return found


def posting(
    service_url: str, bare_url: str, token_file: Path, *, rounds: int, seconds: float
) -> tuple[Numbers, int]:
    """The same load on both, by turns, and how many posts the service acknowledged."""
    urls = {
        "service": f"{service_url}{C}/notifications",
        "bare": f"{bare_url}/v1/channels/{_BARE}/notifications",
    }
    per_second: dict[str, list[float]] = {name: [] for name in urls}
    acknowledged = dict.fromkeys(urls, 0)
    for name, url in urls.items():
        acknowledged[name] += load(url, token_file, 1)["acknowledged"]
    for _ in range(rounds):
        for name, url in urls.items():
            found = load(url, token_file, seconds)
            acknowledged[name] += found["acknowledged"]
            per_second[name].append(round(found["per_second"], 1))
    medians = {name: statistics.median(each) for name, each in per_second.items()}
    ratio = round(medians["service"] / medians["bare"], 4)
    return {
        "cluster_post_ratio": ratio,
        "cluster_posts": {**medians, "rounds": per_second},
    }, acknowledged["service"]


async def silences(
    cluster: RealCluster, caller: Caller, told: dict[str, int], deaths: int
) -> Numbers:
    """The longest time without an acknowledgement around each death of the leader; which id was
    `told` which position.
    """
    found: list[float] = []
    for _ in range(deaths):
        acknowledged = [time.monotonic()]
        stopped = asyncio.Event()
        posters = [
            asyncio.create_task(_post(caller, acknowledged, told, stopped)) for _ in range(_POSTERS)
        ]
        await asyncio.sleep(_SETTLED_SECONDS)
        (await asyncio.to_thread(cluster.leader, STREAM)).kill()
        killed = time.monotonic()
        async with asyncio.timeout(_ELECTED_SECONDS):
            while (
                time.monotonic() < killed + _LOOKED_SECONDS
                or acknowledged[-1] < time.monotonic() - _SILENT_SECONDS
            ):
                await asyncio.sleep(0.05)
        stopped.set()
        await asyncio.gather(*posters)
        found.append(
            round(max(after - before for before, after in itertools.pairwise(acknowledged)), 2)
        )
        await asyncio.to_thread(cluster.start)
        await asyncio.sleep(_SETTLED_SECONDS)
    return {"failover_s": statistics.median(found), "failovers": found}


async def _post(
    caller: Caller, acknowledged: list[float], told: dict[str, int], stopped: asyncio.Event
) -> None:
    while not stopped.is_set():
        key = new_key()
        while (
            answer := await caller.post(f"{C}/contacts", {**NOTE, "text": key}, key=key)
        ).status != 201:
            await asyncio.sleep(_RETRY_SECONDS)
        acknowledged.append(time.monotonic())
        told[answer.json["id"]] = answer.json["position"]


async def _silences(
    cluster: RealCluster, gateway: Gateway, acknowledged: int, deaths: int
) -> Numbers:
    """The silences, and then the log beside all that was acknowledged."""
    told: dict[str, int] = {}
    async with aiohttp.ClientSession() as session:
        caller = Caller(session, gateway, OFFICER)
        found = await silences(cluster, caller, told, deaths)
        return {**found, **await check(cluster, caller, told, acknowledged)}


async def check(cluster: RealCluster, caller: Caller, told: dict[str, int], before: int) -> Numbers:
    """The log beside what was acknowledged, `before` and then as `told`; its replay beside what the
    gateway says of the same position.
    """
    fold, stood = await replayed(cluster, max(told.values(), default=0))
    last, acknowledged = fold.result(), before + len(told)
    state = await caller.get(
        f"{C}/state?at={last.position}", Dragoman_Min_Position=str(last.position)
    )
    elsewhere = sum(stood.get(id) != [position] for id, position in told.items())
    agrees = (200, last.digest) == (state.status, state.json.get("digest"))
    failures = (
        []
        if last.position >= acknowledged
        else [f"{acknowledged} posts were acknowledged, but the log ends at {last.position}"]
    )
    if elsewhere:
        failures.append(
            f"{elsewhere} of {len(told)} posts around a leader's death do not stand once where it was said"
        )
    if not agrees:
        failures.append(
            f"at position {last.position} the replay gives {last.digest}, the gateway {state.body[:200]!r}"
        )
    return {
        "cluster_check": {
            "acknowledged": acknowledged,
            "position": last.position,
            "audited": agrees,
        },
        "failures": failures,
    }


async def _open(gateway: Gateway) -> None:
    async with aiohttp.ClientSession() as session:
        await open_channel(session, [gateway])


def measure(plan: Plan, folder: Path) -> Numbers:
    """`cluster_post_ratio` and `failover_s`, on a cluster in that folder; fails where the log is
    not what was acknowledged.
    """
    try:
        return _measured(plan, folder)
    except (AssertionError, TimeoutError, aiohttp.ClientError, LogBroken, LogUnreachable) as error:
        raise Failed(f"{type(error).__name__}: {error}") from error


def _measured(plan: Plan, folder: Path) -> Numbers:
    token_file = folder / "token"
    with ExitStack() as stack:
        cluster = stack.enter_context(RealCluster(folder / "cluster"))
        gateway = Gateway(cluster, folder / "gateway", cluster.url)
        stack.callback(gateway.stop)
        asyncio.run(_open(gateway))
        token_file.touch(mode=0o600)
        token_file.write_text(gateway.officer)
        with bare(cluster, folder) as bare_url:
            found, acknowledged = posting(
                gateway.base_url, bare_url, token_file, rounds=plan.rounds, seconds=plan.posting
            )
        return {**found, **asyncio.run(_silences(cluster, gateway, acknowledged, plan.deaths))}


def section(found: Numbers) -> Section:
    """Its part of the table."""
    posts = found["cluster_posts"]
    table = Section("on three nodes", "service", "bare")
    table.lines.append(
        Line(
            "posts/s, median",
            posts["service"],
            posts["bare"],
            found["cluster_post_ratio"],
            f"≥ {_TARGET}",
        )
    )
    table.lines.append(
        Line("no acknowledgement when the leader dies, s", found["failover_s"], places=2)
    )
    check = found["cluster_check"]
    replay = "the replay agrees" if check["audited"] else "the replay DOES NOT AGREE"
    table.remarks.append(
        f"acknowledged {check['acknowledged']}, position {check['position']}; {replay}"
    )
    return table


if __name__ == "__main__":
    telemetry.configure("json")
    with asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(run_bare(sys.argv[1], Path(sys.argv[2])))
