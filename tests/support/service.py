"""The real service as a process of its own, as `dragoman up` starts it."""

import asyncio
import atexit
import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import msgspec

import commands
from dragoman.domain.acts import consent, two_keys
from dragoman.domain.acts.act_registry import FORMATS, PATHS
from dragoman.domain.record.codec import decode_act
from dragoman.domain.record.errors import Malformed
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.settings import BudgetSettings
from dragoman.tlog import checkpoint, note
from dragoman_schemas.state import decode_exchange
from patience import PATIENCE_S
from world import INCIDENT, SAMPLE_TERMS, compact

DRAGOMAN = Path(sys.executable).with_name("dragoman")
NOTE: dict[str, Any] = {
    "act": "contact-note",
    "form": "conversation",
    "text": "Met the counterpart at the reception; proposes talks.",
}
AMPLE = {
    f"DRAGOMAN_BUDGETS__{name.upper()}": "1000000" for name in BudgetSettings.__struct_fields__
}
"""Budgets that no test uses up which is not about them."""

_START_SECONDS = PATIENCE_S
_SEALED_SECONDS = PATIENCE_S
_TRIES, _AGAIN_S = 10, 0.5

__all__ = [
    "DRAGOMAN",
    "INCIDENT",
    "NOTE",
    "Answer",
    "Caller",
    "Demonstration",
    "Second",
    "Service",
    "new_key",
]


class Gateway(Protocol):
    """The part of a gateway that most tests need, be it a `Service` or an office in memory (`office`)."""

    data: Path
    base_url: str
    port: int

    def signal_broker(self, number: int) -> None: ...

    def start(self) -> None: ...

    def stop(self, number: int = signal.SIGTERM) -> int: ...

    def restart(self, number: int = signal.SIGTERM) -> None: ...

    @property
    def demo(self) -> dict[str, Any]: ...

    def token(self, name: str) -> str: ...

    @property
    def operator(self) -> str: ...

    @property
    def endpoint(self) -> BrokerEndpoint: ...

    def run(
        self, *arguments: str, stdin: str = "", check: int | None = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]: ...


class TimedGateway(Gateway, Protocol):
    """A gateway whose clock a test sets."""

    def set(self, moment: datetime) -> None: ...

    async def watched(self) -> None: ...


class Service:
    """One `dragoman up`, with its data directory. `program` is what runs the commands, `port` where
    it listens, 0 for any. Our own program is forked from a process that has loaded it, unless it is
    to be `whole`, from the interpreter's start on.
    """

    whole = False
    program: tuple[str | Path, ...] = (DRAGOMAN,)
    environment: Mapping[str, str] = {**AMPLE, "DRAGOMAN_SERVICES": "together"}
    port = 0
    log_format: tuple[str, ...] = ("--log-format", "json")

    def __init__(
        self,
        data: Path,
        *arguments: str,
        log: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.environment = {**self.environment, **(environment or {})}
        self.arguments = arguments
        self.log = log or data.parent / f"{data.name}.log"
        self.process: subprocess.Popen[str] | commands.Started
        self.base_url = ""
        self.ready_s = 0.0
        self.start()

    def command(self) -> list[str | Path]:
        """The command line that starts it."""
        return ["up", "--data", self.data, "--log-level", "info", *self.arguments]

    def start(self) -> None:
        """Start, and wait until the first request may be sent."""
        begun = time.monotonic()
        command = [*self.command(), "--port", str(self.port), *self.log_format]
        environment = {**os.environ, **self.environment}
        forked = (
            not self.whole
            and self.program == Service.program
            and "PYTHONPATH" not in self.environment  # another release
        )
        with self.log.open("a") as errors:
            self.process = (
                commands.Started(command, errors=errors, environment=environment)
                if forked
                else subprocess.Popen(
                    [*self.program, *command],
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    env=environment,
                )
            )
        assert self.process.stdout is not None
        self.stdout = self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], _START_SECONDS)
        self.base_url = self.process.stdout.readline().strip() if ready else ""
        self.ready_s = time.monotonic() - begun
        if not self.base_url:
            self.stop(signal.SIGKILL)
            raise AssertionError(self.log.read_text()[-3000:])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop with a signal, and wait; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.stdout.close()

    def restart(self, number: int = signal.SIGTERM) -> None:
        """Stop and start on the same data."""
        self.stop(number)
        self.start()

    @property
    def broker_pid(self) -> int:
        """The broker's process id, as it wrote it itself."""
        return int((self.data / "nats" / "ports" / "nats-server.pid").read_text())

    def signal_broker(self, number: int) -> None:
        """Send a signal to the broker; wait until SIGSTOP has stopped every thread, which takes its
        time on a busy machine.
        """
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                pid = self.broker_pid
                os.kill(pid, number)
                while number == signal.SIGSTOP and not all_stopped(pid):
                    time.sleep(0.001)
            except (ProcessLookupError, FileNotFoundError, ValueError):
                time.sleep(0.02)  # it is being started again
            else:
                return
        raise AssertionError("the broker was not started again")

    @property
    def nats_url(self) -> str:
        """The URL at which the service's broker listens."""
        return str(json.loads((self.data / "server.json").read_text())["nats_url"])

    @property
    def endpoint(self) -> BrokerEndpoint:
        """The service's broker, to connect to."""
        return BrokerEndpoint(self.nats_url, "", self.data / "keys")

    @property
    def demo(self) -> dict[str, Any]:
        """The data that the demonstration wrote."""
        demo: dict[str, Any] = json.loads((self.data / "demo.json").read_text())
        return demo

    def token(self, name: str) -> str:
        """A token of the demonstration, by `side/role`."""
        return str(self.demo["tokens"][name])

    @property
    def logged(self) -> list[dict[str, Any]]:
        """The lines that the service logged, without those that a full disk cut off."""
        whole = self.log.read_text().rpartition("\n")[0]  # a last line may still be written
        cut_off = "log.lines_lost" in whole
        lines = list[dict[str, Any]]()
        for line in whole.splitlines():
            if line.startswith("{"):
                try:
                    lines.append(json.loads(line))
                except json.JSONDecodeError:
                    if not cut_off:
                        raise
        return lines

    async def said(
        self, wanted: Callable[[dict[str, Any]], bool], count: int = 1
    ) -> list[dict[str, Any]]:
        """Wait for so many lines of its log that are wanted, and return all of them. It gathers
        lines before it writes them.
        """
        async with asyncio.timeout(PATIENCE_S):
            while len(found := [line for line in self.logged if wanted(line)]) < count:
                await asyncio.sleep(0.02)
        return found

    @property
    def operator(self) -> str:
        """The operator's token."""
        return (self.data / "operator.token").read_text()

    def run(
        self, *arguments: str, stdin: str = "", check: int | None = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Call the command line against this service."""
        own = {"DRAGOMAN_DATA": str(self.data), "XDG_CONFIG_HOME": str(self.data.parent / "home")}
        done = commands.run(
            arguments, stdin=stdin, environment={**os.environ, **own, **environment}
        )
        assert check is None or done.returncode == check, (
            done.returncode,
            done.stdout,
            done.stderr,
        )
        return done


class Demonstration(Service):
    """A demonstration of a test's own, on a copy of data that were prepared once.

    It starts with a quarter of the work. The copies have the same keys and ids. So a test of two
    hosts makes one of them by `Service(data, "--demo")`.
    """

    def __init__(
        self, data: Path, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> None:
        _prepared.copied(data)
        super().__init__(data, *arguments, environment=environment)


class _Prepared:
    """The data directory of a demonstration that was made not long ago, and stopped."""

    oldest_s = 300.0  # The deadlines of the demonstration come nearer meanwhile.

    def __init__(self) -> None:
        self._made_at = -self.oldest_s
        self._data = Path()

    def copied(self, target: Path) -> None:
        """Copy the directory. The copy counts as a host that somebody moved there."""
        if time.monotonic() - self._made_at > self.oldest_s:
            folder = Path(tempfile.mkdtemp(prefix="dragoman-demonstration-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            self._made_at, self._data = time.monotonic(), folder / "data"
            Service(self._data, "--demo").stop()
        shutil.copytree(self._data, target, ignore=shutil.ignore_patterns("place.json"))


_prepared = _Prepared()


class Second(Service):
    """A second gateway, by `dragoman serve`, on the broker of the first; `nats_url` leads there by
    another way.
    """

    def __init__(self, first: Service, data: Path, nats_url: str = "") -> None:
        self.first = first
        self._nats_url = nats_url
        super().__init__(data)

    def command(self) -> list[str | Path]:
        keys = self.first.data / "keys"
        return [
            "serve",
            "gateway",
            "--data",
            self.data,
            "--nats-url",
            self.nats_url,
            "--nats-keys",
            keys,
            "--name",
            "second",
        ]

    @property
    def nats_url(self) -> str:
        return self._nats_url or self.first.nats_url

    @property
    def operator(self) -> str:
        return self.first.operator

    def token(self, name: str) -> str:
        return self.first.token(name)


def all_stopped(pid: int) -> bool:
    """Say whether every thread of a process stands still."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return all(
        thread.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "T"
        for thread in threads
    )


def still_to_come(body: Any) -> Any:
    """An act of a sample whose windows, dates or end the calendar has passed, moved by whole days to
    two months ahead.
    """
    if isinstance(body, dict) and body.get("act") == "silence-procedure":
        return {**body, "until": f"{datetime.now(UTC) + timedelta(days=60):%Y-%m-%dT12:00Z}"}
    named = (
        body.get("windows") or [each for each in (body.get("dates"),) if each]
        if isinstance(body, dict)
        else []
    )
    try:
        if named:
            decode_act(compact(body))  # an act that does not fit is a test of what is wrong
        times = [datetime.fromisoformat(each["from"]) for each in named]
        if (
            not times
            or min(times).year < 2024
            or body.get("for_the_record")
            or min(times) > datetime.now(UTC) + timedelta(days=15)
        ):
            return body
        moved = timedelta(days=(datetime.now(UTC) + timedelta(days=60) - min(times)).days)
        ahead = [
            {
                end: f"{datetime.fromisoformat(each[end]) + moved:%Y-%m-%dT%H:%M:%SZ}"
                for end in ("from", "to")
            }
            for each in named
        ]
    except (ValueError, TypeError, KeyError, OverflowError, Malformed):
        return body
    return {**body, "windows": ahead} if "windows" in body else {**body, "dates": ahead[0]}


class Caller:
    """HTTP calls as one of the demonstration's people."""

    def __init__(self, session: aiohttp.ClientSession, service: Gateway, who: str = "") -> None:
        self.session = session
        self.service = service
        self.who = who
        self.headers = (
            {}
            if not who
            else {
                "Authorization": f"Bearer {service.operator if who == 'operator' else service.token(who)}"
            }
        )

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> "Answer":
        """One call; headers' underscores are hyphens."""
        sent = {
            **self.headers,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        if body is not None and "Content-Type" not in sent:
            sent["Content-Type"] = "application/json"
        encoded = (
            body
            if body is None or isinstance(body, bytes)
            else json.dumps(still_to_come(body), ensure_ascii=False).encode()
        )
        raw = encoded if encoded is None else io.BytesIO(encoded)
        async with self.session.request(
            method, self.service.base_url + path, data=raw, headers=sent
        ) as response:
            return Answer(response.status, response.headers.copy(), await response.read())

    async def get(self, path: str, **headers: str) -> "Answer":
        """A read."""
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: Any, *, key: str = "", **headers: str) -> "Answer":
        """A post, with a new key if none is given."""
        return await self.call("POST", path, body, Idempotency_Key=key or new_key(), **headers)

    async def open(
        self, body: Any, channel: str = "nato-china", *, key: str = "", **headers: str
    ) -> "Answer":
        """Open an exchange where its act belongs, and try again if the service says so."""
        family = FORMATS[body["act"]].rule.family
        where = next(path for path, of in PATHS.items() if of == family)
        path, key = f"/v1/channels/{channel}/{where}", key or new_key()
        for _ in range(_TRIES):
            answer = await self.post(path, body, key=key, **headers)
            if answer.status != 503:
                break
            await asyncio.sleep(_AGAIN_S)  # "Try again with the same Idempotency-Key."
        assert answer.status == 201, answer.body
        return answer

    async def said_after(self, position: int, channel: str = "nato-china") -> list[Any]:
        """Return the acts of people after a position. The host's own records, such as a
        reminder that falls due meanwhile, are left out.
        """
        lines = (
            await self.get(f"/v1/channels/{channel}/records", Accept="application/x-ndjson")
        ).body.splitlines()
        return [
            entry["record"]["data"]
            for line in lines
            if (entry := json.loads(line))["position"] > position
            and not entry["record"]["actor"].startswith("service/")
        ]

    async def positions(self, channel: str = "nato-china") -> dict[str, list[int]]:
        """Return the positions of each id in the log. Assert that positions are gapless and all
        records valid.
        """
        found: dict[str, list[int]] = {}
        lines = (
            await self.get(f"/v1/channels/{channel}/records", Accept="application/x-ndjson")
        ).body.splitlines()
        for position, line in enumerate(lines, 1):
            entry = json.loads(line)
            assert position == entry["position"]
            assert entry["valid"], entry
            found.setdefault(entry["record"]["id"], []).append(position)
        return found

    async def sealed(self, size: int, channel: str = "nato-china") -> bytes:
        """The head, signed by the log's key, once it is of so many records."""
        log = note.read_verifier((await self.get(f"/v1/channels/{channel}")).json["log"])
        async with asyncio.timeout(_SEALED_SECONDS):
            while True:
                head = await self.get(f"/v1/channels/{channel}/log/checkpoint")
                if head.status == 200 and checkpoint.read_signed(head.body, log)[0].size >= size:
                    return head.body
                await asyncio.sleep(0.05)

    async def act(
        self, exchange: str, body: Any, channel: str = "nato-china", **headers: str
    ) -> "Answer":
        """Carry an exchange on; an act of consent that names no terms consents to those that stand,
        and a colleague turns its second key.
        """
        if (
            isinstance(body, dict)
            and body.get("act") in consent.ACTS
            and body.get("terms", SAMPLE_TERMS) == SAMPLE_TERMS
        ):
            body = {**body, "terms": await self.terms(exchange, body, channel)}
        path = f"/v1/channels/{channel}/exchanges/{exchange}/acts"
        answer = await self.post(path, body, **headers)
        if (
            answer.status == 201
            and isinstance(body, dict)
            and body.get("act") in two_keys.CONSENTS
            and answer.json.get("one_key")
        ):
            side, _, role = self.who.partition("/")
            colleague = Caller(
                self.session,
                self.service,
                f"{side}/{'officer' if role != 'officer' else 'duty_officer'}",
            )
            assert (
                await colleague.post(path, {"act": "second-key", "of": answer.json["id"]})
            ).status == 201
        return answer

    async def terms(self, exchange: str, body: dict[str, Any], channel: str = "nato-china") -> str:
        """The digest that an act of consent has to name now."""
        view = await self.get(f"/v1/channels/{channel}/exchanges/{exchange}")
        if view.status != 200:
            return SAMPLE_TERMS
        if body["act"] == "amendment":
            return consent.of_act(
                decode_exchange(bytes(msgspec.json.encode(view.json["state"]))),
                "",
                "amendment",
                body,
            )
        found = [each for each in view.json["terms"] if each["act"] == body["act"]]
        found = [
            each for each in found if each.get("of", "") == body.get("of", "") or "of" not in each
        ]
        found = [each for each in found if "side" not in body or each.get("side") == body["side"]]
        return str(found[-1]["sha256"]) if found else SAMPLE_TERMS


async def at_a_screen(
    session: aiohttp.ClientSession, service: Gateway, who: str, language: str = "en"
) -> dict[str, str]:
    """The headers of a signed-in browser that asks for pages in a language."""
    token = service.operator.strip() if who == "operator" else service.token(who)
    asked = {"Origin": service.base_url, "Accept": "text/html", "Accept-Language": language}
    async with session.post(
        f"{service.base_url}/sign-in", data={"token": token}, headers=asked, allow_redirects=False
    ) as answer:
        return {**asked, "Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


class Answer(msgspec.Struct, frozen=True):
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return msgspec.json.decode(self.body)

    def problem(self, status: int, kind: str) -> Any:
        """The body, which must be that problem."""
        assert (status, "application/problem+json") == (
            self.status,
            self.headers["Content-Type"].partition(";")[0],
        ), self.body
        body = self.json
        assert (f"/problems/{kind}", status) == (body["type"], body["status"]), body
        assert body["title"]
        assert body["detail"].endswith("."), body
        assert body["request_id"] == self.headers["X-Request-Id"]
        return body


def new_key() -> str:
    """A new Idempotency-Key that is no UUIDv7."""
    return uuid.uuid4().hex
