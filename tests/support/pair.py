"""Two gateways on one broker, and their operator, who opens channels; each can be killed and
started again.
"""

import asyncio
import itertools
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.event_log import StoredMessage
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import connected
from dragoman.limits import READ_RECORDS
from patience import PATIENCE_S
from service import Answer, Caller, Second, Service

FIRST, SECOND = 0, 1
_TWICE = 2
_NOTICED_SECONDS = 0.05
VICTIMS = ("the broker", "a gateway", "all of it")


class Pair:
    """The first gateway with its broker, and the second. `tokens` are by channel and officer;
    `deaths` counts who was killed. The operator goes to any gateway, by the dice.
    """

    def __init__(
        self, directory: Path, session: aiohttp.ClientSession, dice: random.Random
    ) -> None:
        self.dice = dice
        first = Service(directory / "first")
        self.gateways: tuple[Service, Service] = first, Second(first, directory / "second")
        self.session = session
        self.tokens: dict[tuple[str, str], str] = {}
        self.deaths: Counter[str] = Counter()
        self._dead = 0
        self._channels = (f"channel-{number}" for number in itertools.count(1))

    def stop(self) -> None:
        """Stop both."""
        for service in reversed(self.gateways):
            service.stop()

    def kill(self, whom: str) -> None:
        """Kill with -9."""
        first, second = self.gateways
        self.deaths[whom] += 1
        if whom != "a gateway":
            self._dead = first.broker_pid
            first.signal_broker(signal.SIGKILL)
        if whom == "all of it":
            first.stop(signal.SIGKILL)
        if whom != "the broker":
            second.stop(signal.SIGKILL)

    async def rise(self) -> None:
        """Start what is dead, and wait until both gateways may be used: one that has not noticed
        yet would say so too soon.
        """
        for service in self.gateways:
            if service.process.returncode is not None:
                await asyncio.to_thread(service.start)
        await until(self._another_broker)
        for gateway in (FIRST, SECOND):
            for _ in range(_TWICE):
                await until(lambda gateway=gateway: self._answers(gateway, "/readyz"))  # type: ignore[misc]
                await asyncio.sleep(_NOTICED_SECONDS)

    async def _another_broker(self) -> bool:
        """Return whether the broker that was killed is gone, and another one runs."""
        try:
            return not self._dead or (
                not _runs(self._dead) and self.gateways[FIRST].broker_pid != self._dead
            )
        except (FileNotFoundError, ValueError):
            return False  # it is being started

    # The operator's part

    async def open_channel(self, roles: dict[str, str]) -> str:
        """A new channel with these officers, `side/name`, whose tokens both gateways know."""
        channel = next(self._channels)
        named = [(*actor.split("/"), role) for actor, role in roles.items()]
        body = {
            "name": channel,
            "sides": list(dict.fromkeys(side for side, _, _ in named)),
            "officers": [
                {"side": side, "officer": name, "office": "hq", "roles": [role]}
                for side, name, role in named
            ],
        }
        await self._operate("/v1/channels", body)
        for gateway in self.gateways:
            operator = Caller(self.session, gateway, "operator")
            await until(lambda operator=operator: _shows(operator, channel))  # type: ignore[misc]
        for actor in roles:
            await self.token(channel, actor)
        return channel

    async def token(self, channel: str, actor: str) -> str:
        """An officer's token, issued when it is first asked for."""
        if (channel, actor) not in self.tokens:
            issued = await self._operate("/v1/tokens", {"actor": actor, "channels": [channel]})
            self.tokens[channel, actor] = issued.json["token"]
            for gateway in (FIRST, SECOND):
                await until(
                    lambda gateway=gateway: self._answers(  # type: ignore[misc]
                        gateway, f"/v1/channels/{channel}", issued.json["token"]
                    )
                )
        return self.tokens[channel, actor]

    async def _operate(self, path: str, body: Any) -> Answer:
        gateway = self.dice.choice(self.gateways)
        answer = await Caller(self.session, gateway, "operator").call("POST", path, body)
        assert answer.status == 201, answer.body
        return answer

    async def _answers(self, gateway: int, path: str, token: str = "") -> bool:
        return (
            await Caller(self.session, self.gateways[gateway]).get(
                path, Authorization=f"Bearer {token}"
            )
        ).status == 200

    # Everybody's

    async def get(
        self, channel: str, gateway: int, actor: str, path: str, **headers: str
    ) -> Answer:
        """Return the answer that an officer reads about a channel at a gateway."""
        token = await self.token(channel, actor)
        caller = Caller(self.session, self.gateways[gateway])
        answer = await caller.get(
            f"/v1/channels/{channel}{path}", Authorization=f"Bearer {token}", **headers
        )
        assert answer.status == 200, answer.body
        return answer

    async def post(
        self,
        channel: str,
        gateway: int,
        actor: str,
        path: str,
        body: Any,
        *,
        key: str,
        **headers: str,
    ) -> Answer | None:
        """One post of an officer; None where no answer came."""
        token = await self.token(channel, actor)
        caller = Caller(self.session, self.gateways[gateway])
        try:
            return await caller.post(
                f"/v1/channels/{channel}{path}",
                body,
                key=key,
                Authorization=f"Bearer {token}",
                **headers,
            )
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def messages(self, channel: str) -> list[StoredMessage]:
        """A channel's log, as the broker keeps it."""
        first = self.gateways[FIRST]
        endpoint = BrokerEndpoint(first.nats_url, "", first.data / "keys")
        found: list[StoredMessage] = []
        async with connected(endpoint.url, "auditor", endpoint.seed("auditor")) as bus:
            log = JetStreamLog(channel, bus)
            while page := await log.read(len(found) + 1, READ_RECORDS):
                found += page
        return found


async def _shows(operator: Caller, channel: str) -> bool:
    return (await operator.get(f"/v1/channels/{channel}")).status == 200


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds, at most 20 s."""
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():
            await asyncio.sleep(0.02)
