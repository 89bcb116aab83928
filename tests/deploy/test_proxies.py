"""The proxies before two gateways: each one passes streams, files and addresses on, and a rolling
restart behind it loses nothing.
"""

import asyncio
import getpass
import logging
import re
import signal
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from certificates import certificate
from needed import needed
from patience import PATIENCE_S
from ports import free_port
from read_files import DEPLOYED, EDGE
from service import NOTE, Caller, Demonstration, Second, Service, at_a_screen, new_key

PROXY = Path(__file__).parents[2] / "deploy" / "proxy"
log = logging.getLogger(__name__)

C = "/v1/channels/nato-china"
_DRAIN_S = "4"
_NOTICED_S = 3.0
"""Seconds after which the proxies know what a gateway says of itself."""


class Gateway(Second):
    """A gateway behind a proxy, at a port that it keeps."""

    def __init__(self, first: Service, data: Path, drain_s: str) -> None:
        self.port = free_port()
        self.environment = {
            **Second.environment,
            "DRAGOMAN_HTTP__DRAIN_S": drain_s,
            "DRAGOMAN_HTTP__TRUSTED_PROXIES": '["127.0.0.1/32"]',
        }
        super().__init__(first, data)


@dataclass
class Front:
    """A running proxy: its address, and the two gateways behind it."""

    url: str
    context: ssl.SSLContext
    own: Service
    gateways: list[Service]

    def session(self, local: str = "") -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=self.context, limit=0, local_addr=(local, 0) if local else None
        )
        return aiohttp.ClientSession(connector=connector)

    async def health(self, path: str) -> list[int]:
        """Return the status with which each gateway answers, asked without the proxy."""
        async with aiohttp.ClientSession() as session:
            statuses = []
            for gateway in self.gateways:
                async with session.get(gateway.base_url + path) as answer:
                    statuses.append(answer.status)
            return statuses

    def caller(self, session: aiohttp.ClientSession, who: str) -> Caller:
        """One of the demonstration's people, who calls the proxy."""
        caller = Caller(session, self.own, who)
        caller.service = _Called(self.url)  # type: ignore[assignment]
        return caller


@dataclass
class _Called:
    base_url: str


def caddy(folder: Path, port: int, chain: Path, key: Path, behind: list[int]) -> list[str]:
    text = (PROXY / "Caddyfile").read_text()
    for was, now in {
        "admin off": "admin off\n\tauto_https disable_redirects\n\tgrace_period 1s",
        "liaison.example.org {": f"https://127.0.0.1:{port} {{\n\ttls {chain} {key}",
        "127.0.0.1:8471 127.0.0.1:8472": " ".join(f"127.0.0.1:{each}" for each in behind),
        "root * /etc/dragoman/proxy": f"root * {PROXY}",
    }.items():
        assert was in text, was
        text = text.replace(was, now)
    (folder / "Caddyfile").write_text(text)
    where = str(folder / "Caddyfile")
    return [needed("caddy"), "run", "--adapter", "caddyfile", "--config", where]


def nginx(folder: Path, port: int, chain: Path, key: Path, behind: list[int]) -> list[str]:
    text = (PROXY / "nginx.conf").read_text()
    for was, now in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/nginx/liaison.pem": str(chain),
        "/etc/nginx/liaison.key": str(key),
        "127.0.0.1:8471": f"127.0.0.1:{behind[0]}",
        "127.0.0.1:8472": f"127.0.0.1:{behind[1]}",
        "root /etc/dragoman/proxy;": f"root {PROXY};",
    }.items():
        assert was in text, was
        text = text.replace(was, now)
    (folder / "nginx.conf").write_text(text)
    # As the user who runs the tests, who can read the page wherever the checkout is.
    only_here = (
        f"daemon off; user {getpass.getuser()}; pid {folder}/nginx.pid; "
        f"error_log {folder}/error.log;"
    )
    return [needed("nginx"), "-c", str(folder / "nginx.conf"), "-g", only_here]


@pytest.fixture
def gateways(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Service, list[Service]]]:
    drain_s = _DRAIN_S if "restart" in request.node.name else "0"
    own = Demonstration(tmp_path / "own")
    behind: list[Service] = [Gateway(own, tmp_path / name, drain_s) for name in ("one", "two")]
    if "keys" in request.node.name:
        behind.pop(0).stop()
        behind.insert(0, own)
    yield own, behind
    for service in (*behind, own):
        service.stop()


@pytest.fixture(params=[caddy, nginx])
async def front(
    request: pytest.FixtureRequest, gateways: tuple[Service, list[Service]], tmp_path: Path
) -> AsyncIterator[Front]:
    make: Callable[..., list[str]] = request.param
    own, behind = gateways
    port, (chain, key) = free_port(), certificate(tmp_path, "proxy")
    command = make(tmp_path, port, chain, key, [URL(each.base_url).port or 0 for each in behind])
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    made = Front(
        f"https://127.0.0.1:{port}", ssl.create_default_context(cafile=str(chain)), own, behind
    )
    try:
        async with made.session() as session, asyncio.timeout(PATIENCE_S):
            while True:
                assert process.returncode is None, "the proxy does not take its configuration"
                with suppress(aiohttp.ClientError):
                    async with session.get(f"{made.url}/readyz") as answer:
                        if answer.status == 200:
                            break
                await asyncio.sleep(0.1)
        yield made
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@pytest.mark.reads(*DEPLOYED, *EDGE)
async def test_addresses_files_and_streams_pass(front: Front) -> None:
    async with front.session(local="127.0.0.5") as session:
        async with session.get(f"{front.url}{C}") as answer:
            assert answer.status == 401
        turned_away: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            while not turned_away:
                await asyncio.sleep(0.1)
                lines = [line for each in front.gateways for line in each.logged]
                turned_away = [line["address"] for line in lines if line.get("status") == 401]
        assert turned_away == ["127.0.0.5"]
        officer = front.caller(session, "nato/officer")
        content = bytes(16 * 2**20 - 1)
        put = await officer.call(
            "PUT",
            f"{C}/files/{sha256(content).hexdigest()}",
            content,
            Content_Type="text/csv",
        )
        assert put.status in (200, 201), put.body
        china = front.caller(session, "china/duty_officer")
        headers = {**china.headers, "Accept": "text/event-stream"}
        async with session.get(f"{front.url}{C}/records", headers=headers) as stream:
            assert stream.status == 200
            posted = await officer.open(NOTE)
            async with asyncio.timeout(PATIENCE_S):
                async for line in stream.content:
                    if posted.json["id"].encode() in line:
                        break


@pytest.mark.reads(*DEPLOYED, *EDGE)
async def test_administration_goes_to_the_gateway_with_the_keys(front: Front) -> None:
    entry = {"act": "officer", "office": "hq", "roles": ["officer"]}
    async with front.session() as session:
        administrator = front.caller(session, "china/administrator")
        for number in range(4):
            entered = await administrator.post(
                f"{C}/channel", {**entry, "officer": f"new-{number}"}
            )
            assert entered.status == 201, entered.body
        revoking = f"{front.url}/c/nato-china/admin/acts/officer-revocation"
        for _ in range(4):
            async with session.get(revoking) as page:
                assert page.status == 401, "nobody is signed in"
    await asyncio.sleep(_NOTICED_S)  # until the last lines are in the logs
    first, other = (
        sum(line.get("status") == 401 for line in each.logged) for each in front.gateways
    )
    assert (first, other) == (4, 0)


@pytest.mark.reads(*DEPLOYED, *EDGE)
async def test_reading_goes_on_while_the_broker_is_away(front: Front) -> None:
    """No gateway has a broker then, so none of them does better: a proxy still sends requests."""
    async with front.session() as session:
        officer = front.caller(session, "nato/officer")
        screen = await at_a_screen(session, front.gateways[0], "nato/officer")
        await asyncio.sleep(_NOTICED_S)  # until the other gateway knows the session
        front.own.signal_broker(signal.SIGSTOP)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (await front.health("/healthz")).count(503) < len(front.gateways):
                    await asyncio.sleep(0.2)
            assert await front.health("/readyz") == [200] * len(front.gateways)
            await asyncio.sleep(_NOTICED_S)
            for _ in range(8):
                answer = await officer.get(f"{C}/exchanges")
                assert (answer.status, answer.headers["Dragoman-Stale"]) == (200, "true")
                async with session.get(f"{front.url}/c/nato-china", headers=screen) as page:
                    assert page.status == 200
                    assert "Last known at" in await page.text()
        finally:
            front.own.signal_broker(signal.SIGCONT)


@pytest.mark.reads(*DEPLOYED, *EDGE)
async def test_one_broken_channel_leaves_the_other_channels_up(front: Front) -> None:
    for gateway in front.gateways:
        await asyncio.to_thread(gateway.stop)
        (mark,) = gateway.data.glob("marks/*/nato-china.json")
        mark.write_text("{")
        await asyncio.to_thread(gateway.start)
    async with front.session() as session:
        assert await front.health("/readyz") == [200] * len(front.gateways)
        assert await front.health("/healthz") == [503] * len(front.gateways)
        await asyncio.sleep(_NOTICED_S)
        officer = front.caller(session, "nato/officer")
        other = front.caller(session, "group-a/officer")
        for _ in range(6):
            broken, *posted = await asyncio.gather(
                officer.post(f"{C}/contacts", NOTE),
                *(other.post("/v1/channels/nato-china-track2/contacts", NOTE) for _ in range(4)),
            )
            assert (broken.status, broken.json["type"]) == (503, "/problems/read-only")
            assert [answer.status for answer in posted] == [201] * 4, posted[0].body
            assert (await officer.get(f"{C}/exchanges")).status == 200, "it can still be read"


@pytest.mark.reads(*DEPLOYED, *EDGE)
async def test_the_proxys_own_page_says_what_is_wrong_and_whom_to_ring(front: Front) -> None:
    for gateway in front.gateways:
        await asyncio.to_thread(gateway.stop)
    await asyncio.sleep(_NOTICED_S)
    async with front.session() as session, session.get(f"{front.url}/") as answer:
        assert answer.status in (502, 503, 504)
        assert int(answer.headers["Retry-After"]) > 0
        text = await answer.text()
    for words in ("cannot be reached", "est injoignable", "无法连接", "TELEPHONE NUMBER"):
        assert words in text


@dataclass
class Listener:
    """A live stream that comes back as it is told, and every event that it brought."""

    front: Front
    session: aiohttp.ClientSession
    positions: list[int] = field(default_factory=list)
    last: str = ""
    opened: int = 0

    async def run(self) -> None:
        wait = 1.0
        while True:
            with suppress(aiohttp.ClientError):
                wait = await self._listen(wait)
            await asyncio.sleep(wait)

    async def _listen(self, wait: float) -> float:
        china = self.front.caller(self.session, "china/duty_officer")
        headers = {**china.headers, "Accept": "text/event-stream"}
        if self.last:
            headers["Last-Event-ID"] = self.last
        async with self.session.get(f"{self.front.url}{C}/records", headers=headers) as stream:
            if stream.status != 200:
                return 0.5
            self.opened += 1
            async for raw in stream.content:
                name, _, value = raw.decode().rstrip("\n").partition(": ")
                if name == "id":
                    self.last = value
                    self.positions.append(int(value))
                elif name == "retry":
                    wait = int(value) / 1000
        return wait


@dataclass
class Load:
    """Posts at a steady rate, each sent once, and what became of them."""

    front: Front
    session: aiohttp.ClientSession
    statuses: Counter[str] = field(default_factory=Counter)
    ids: list[str] = field(default_factory=list)
    newest: int = 0

    async def _post(self) -> None:
        officer = self.front.caller(self.session, "nato/officer")
        try:
            answer = await officer.post(f"{C}/contacts", NOTE, key=new_key())
        except (aiohttp.ClientError, TimeoutError) as error:
            self.statuses[type(error).__name__] += 1
            return
        self.statuses[str(answer.status)] += 1
        if answer.status == 201:
            self.ids.append(answer.json["id"])
            self.newest = max(self.newest, answer.json["position"])

    @asynccontextmanager
    async def at(self, per_second: float) -> AsyncIterator[None]:
        """Post as long as the context lasts."""
        posts: set[asyncio.Task[None]] = set()

        async def go_on() -> None:
            while True:
                posts.add(asyncio.create_task(self._post()))
                await asyncio.sleep(1 / per_second)

        going = asyncio.create_task(go_on())
        yield
        going.cancel()
        await asyncio.gather(*posts)


@pytest.mark.reads(*DEPLOYED, *EDGE)
@pytest.mark.parametrize(
    "front", [caddy, pytest.param(nginx, marks=pytest.mark.long)], indirect=True
)
@pytest.mark.timeout(600)
async def test_a_rolling_restart_loses_no_post_and_no_event(
    front: Front, pytestconfig: pytest.Config
) -> None:
    is_long = pytestconfig.getoption("long")
    rate, streams = (100, 50) if is_long else (15, 8)
    async with front.session() as session:
        load = Load(front, session)
        listeners = [Listener(front, session) for _ in range(streams)]
        tasks = [asyncio.create_task(listener.run()) for listener in listeners]
        async with asyncio.timeout(PATIENCE_S):
            while not all(listener.opened for listener in listeners):
                await asyncio.sleep(0.1)
        first = (await front.caller(session, "nato/officer").get(C)).json["position"] + 1
        async with load.at(rate):
            await asyncio.sleep(1)
            for gateway in front.gateways:
                await asyncio.to_thread(gateway.stop)
                await asyncio.to_thread(gateway.start)
                await asyncio.sleep(3)  # until the proxy has seen that it is back
            await asyncio.sleep(1)
        assert set(load.statuses) == {"201"}, f"failed posts: {load.statuses}"
        async with asyncio.timeout(PATIENCE_S):
            while not all(load.newest in listener.positions for listener in listeners):
                await asyncio.sleep(0.2)
        for task in tasks:
            task.cancel()
        wanted = list(range(first, load.newest + 1))
        for listener in listeners:
            heard = [each for each in listener.positions if first <= each <= load.newest]
            assert heard == wanted, "each event once, and in order"
        positions: dict[str, list[int]] = {}
        async with asyncio.timeout(PATIENCE_S):  # the gateway that answers may be behind
            while not positions.keys() >= {*load.ids}:
                positions = await front.caller(session, "nato/officer").positions()
    assert [id for id in load.ids if len(positions[id]) != 1] == []
    again = sum(listener.opened - 1 for listener in listeners)
    log.info("%d posts, %d streams, opened again %d times", len(load.ids), streams, again)
    assert again >= streams, "each stream was ended at least once"


def test_the_readme_names_the_settings_that_there_are() -> None:
    import tomllib

    from dragoman.settings import load

    (block,) = re.findall(r"```toml\n(.*?)```", (PROXY / "README.md").read_text(), re.DOTALL)
    values = {f"http.{name}": value for name, value in tomllib.loads(block)["http"].items()}
    settings, _ = load(values, environ={"HOME": "/nonexistent"})
    assert settings.http.drain_s == 5
