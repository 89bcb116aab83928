"""The stations of the demonstration: one for each side, and lines that can be cut.

    up --demo --stations      the host, and the relays of both lines
     ├ station of nato        dragoman up --station, data in DIR/stations/nato
     └ station of china       dragoman up --station, data in DIR/stations/china

Each station reaches the host through a relay in the host's process. A page at the host,
`/demo/lines`, cuts a line and restores it.
"""

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp

from dragoman import bootstrap
from dragoman.cli import demo
from dragoman.cli.common import UsageError
from dragoman.cli.scenario_posts import ROLES, compact
from dragoman.cli.signature import sign_act
from dragoman.client import Client, ProblemResponse, Unreachable
from dragoman.domain.record.codec import read_act
from dragoman.eventlog.broker import write_secret
from dragoman.office.host.demonstration_lines import PATH, RelayedLines
from dragoman.server.listener import RunningGateway
from dragoman.service_processes import ServiceProcess
from dragoman.settings import Settings
from dragoman.station import joined_channels
from dragoman.station.joined_channels import JoinedChannel, JoinedHost, JoinedHosts
from dragoman.station.kept_key_signer import STATION_KEY
from dragoman.station.station import keys_of
from dragoman.supervision import background_tasks
from dragoman.tlog import dsse

CHANNELS: Final = ("nato-china", "nato-china-exercise")
"""The channels that both stations join."""

_STATION: Final = "station-1"
_START_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1
_STOP_SECONDS: Final = 15.0


def check(settings: Settings) -> None:
    """Raise `UsageError` if stations cannot reach this host through a relay."""
    if settings.http.certificate is not None:
        raise UsageError("--stations needs a host without a certificate: its relays have none")


@asynccontextmanager
async def running(
    settings: Settings, gateway: RunningGateway, seeded: dict[str, Any], lines: RelayedLines
) -> AsyncIterator[dict[str, Any]]:
    """Run a station for each side as long as the context lasts.

    Yield what `demo.json` has then: also the stations with their addresses and tokens.
    """
    port = int(gateway.own_url.rpartition(":")[2])
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        start = await stack.enter_async_context(background_tasks())
        stations: dict[str, dict[str, Any]] = {}
        for number, (side, line) in enumerate(lines.lines.items(), 1):
            await line.open(settings.http.host, port)
            stack.push_async_callback(line.aclose)
            data = settings.data / "stations" / side
            administrator = Client(
                session, gateway.own_url, seeded["tokens"][f"{side}/administrator"]
            )
            await _join(data, side, line.url, administrator)
            at = _free_port(settings.http.host, port + number if settings.http.port else 0)
            process = _process(settings, side, data, at)
            start(gateway.service.keep(f"station of {side}", process.run))
            stack.push_async_callback(process.stop, _STOP_SECONDS)
            stations[side] = {"base_url": f"http://{settings.http.host}:{at}"}
        for side, station in stations.items():
            data = settings.data / "stations" / side
            operator = Client(
                session, station["base_url"], (data / "operator.token").read_text().strip()
            )
            earlier = _earlier(settings.data, side)
            station["tokens"] = await _tokens(operator, side, earlier)
        await demo.staff(
            {
                holder: Client(session, station["base_url"], token)
                for station in stations.values()
                for holder, token in station["tokens"].items()
            }
        )
        content = {key: value for key, value in seeded.items() if key != "file"}
        content |= {"stations": stations, "lines": f"{gateway.base_url}{PATH}"}
        write_secret(settings.data / "demo.json", f"{json.dumps(content, indent=1)}\n".encode())
        yield {**seeded, **content}


def _free_port(host: str, wanted: int) -> int:
    """Return a port that nobody listens on: that one, or any."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in (wanted, 0):
        with suppress(OSError), socket.socket(family) as trying:
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trying.bind((host, port))
            return int(trying.getsockname()[1])
    raise UsageError(f"no port of {host} is free for a station")


async def _join(data: Path, side: str, url: str, administrator: Client) -> None:
    """Join a side's station to the channels, and enter it with its officers' keys."""
    bootstrap.initialise(data)
    actor = f"{side}/{_STATION}"
    keys = keys_of(data)
    keys.make(*STATION_KEY)
    views = [await administrator.channel(name) for name in CHANNELS]
    channels = tuple(
        JoinedChannel(name=view.name, cid=view.cid, log=view.log, actor=actor) for view in views
    )
    joined_channels.write(data, JoinedHosts(hosts=(JoinedHost(url=url, channels=channels),)))
    office = demo.OFFICES[side]
    station = {"act": "officer", "officer": _STATION, "office": office, "roles": ["station"]}
    for name in CHANNELS:
        state = (await administrator.call("GET", f"/v1/channels/{name}/state")).json()
        entries = {STATION_KEY: station} | {
            (name, f"{side}/{officer}"): {
                "act": "key-addition",
                "officer": officer,
                "kept_by": "station",
            }
            for officer in ROLES.values()
        }
        for owner, entry in entries.items():
            key = keys.make(*owner)
            if dsse.key_id(key) not in state["registry"]["keys"]:  # no earlier start entered it
                act = compact({**entry, "keys": [dsse.encode_base64(key)]})
                await _post(administrator, name, act, keys.seed(*owner), data / "station")


async def _post(caller: Client, channel: str, act: bytes, seed: bytes, folder: Path) -> None:
    """Post an act that a key signs; the folder has the heads that were seen."""
    act, read = read_act(act, cut=False)
    signed = await sign_act(caller, channel, act, read, [seed], folder=folder)
    await caller.post(channel, signed.act, key=signed.id, headers=signed.headers)


def _process(settings: Settings, side: str, data: Path, port: int) -> ServiceProcess:
    """Return the process of a station, without the host's settings."""
    arguments = ["up", "--station", "--data", str(data), "--port", str(port)]
    arguments += ["--host", settings.http.host]
    if settings.nats.server is not None:
        arguments += ["--nats-server", str(settings.nats.server)]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("DRAGOMAN_")
    }
    environment |= {
        "DRAGOMAN_ADMIN__PORT": "0",
        "DRAGOMAN_HTTP__DRAIN_S": "0",
        "DRAGOMAN_LOG__FORMAT": settings.log.format,
        "DRAGOMAN_LOG__LEVEL": settings.log.level,
    }
    return ServiceProcess(f"station of {side}", arguments, environment)


def _earlier(data: Path, side: str) -> dict[str, str]:
    """Return the tokens that an earlier start issued at a side's station."""
    path = data / "demo.json"
    stations = json.loads(path.read_text()).get("stations", {}) if path.exists() else {}
    earlier: dict[str, str] = stations.get(side, {}).get("tokens", {})
    return earlier


async def _tokens(operator: Client, side: str, earlier: dict[str, str]) -> dict[str, str]:
    """Return a token for each role at a side's station, once it has started."""
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            tokens = await demo.tokens_in_force(operator, earlier)
            for role, officer in ROLES.items():
                holder = f"{side}/{role}"
                if holder not in tokens:
                    tokens[holder] = await demo.issued(operator, f"{side}/{officer}", CHANNELS)
        except (Unreachable, ProblemResponse) as error:
            if time.monotonic() > until:
                raise UsageError(f"the station of {side} does not start: {error}") from None
            await asyncio.sleep(_POLL_SECONDS)
        else:
            return tokens


def introduce(seeded: dict[str, Any], say: Callable[[str], None]) -> None:
    """Print the addresses of the stations, their tokens, and the page of the lines."""
    stations: dict[str, dict[str, Any]] = seeded["stations"]
    width = max(len(name) for station in stations.values() for name in station["tokens"])
    for side, station in stations.items():
        say(f"  The station of {side.upper()}: {station['base_url']}/")
        say("")
        _say_tokens(station["tokens"].items(), width, say)
        say("")
    say(f"  Cut the line of a station, and restore it: {seeded['lines']}")
    say("")


def _say_tokens(tokens: Iterable[tuple[str, str]], width: int, say: Callable[[str], None]) -> None:
    for name, token in tokens:
        say(f"  {name.ljust(width)}  {token}")
