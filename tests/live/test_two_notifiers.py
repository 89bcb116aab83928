"""Two notifiers of one office, with one key for the secrets of endpoints: each message is sent once,
and the one takes over from the other that was killed.
"""

import asyncio
import os
import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import commands
from dragoman.bootstrap import notifier_name
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.stores.endpoints import BUCKET, NotificationEndpoints, Progress
from dragoman.stores.key_value import Bucket
from messaging import Carrier, carrying, settings_of, ways_of
from patience import PATIENCE_S
from service import NOTE, Caller, Service

CHANNEL = "nato-china"
PHONES = [f"phone-{n}" for n in range(8)]
LEASE_SECONDS = 60.0


class _Notifier(Service):
    """A notifier with a data directory of its own, beside the gateway of a host."""

    def __init__(self, host: Service, data: Path, environment: dict[str, str]) -> None:
        self.host = host
        (data / "keys").mkdir(parents=True, mode=0o700)
        shutil.copy(host.data.parent / "endpoints.seed", data / "keys" / "endpoints.seed")
        super().__init__(data, environment=environment)

    def command(self) -> list[str | Path]:
        keys = self.host.data / "keys"
        place: list[str | Path] = [
            "--data",
            self.data,
            "--nats-url",
            self.host.nats_url,
            "--nats-keys",
            keys,
        ]
        return ["serve", "notifier", *place]


async def _progress(host: Service) -> dict[str, Progress]:
    """The progress of each endpoint, by its recipient's label."""
    endpoint = BrokerEndpoint(host.nats_url, "", host.data / "keys")
    async with endpoint.connected("gateway") as bus:
        store = NotificationEndpoints(Bucket(bus, BUCKET))
        await store.refresh()
        return {each.label: store.progress(each.id)[0] for each in store.endpoints()}


async def _settled(host: Service, delivered: int) -> dict[str, Progress]:
    """The progress of each endpoint, once each has so many delivered."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            progress = await _progress(host)
            if all(each.delivered == delivered for each in progress.values()):
                return progress
            await asyncio.sleep(0.1)


async def _entered(head: Caller) -> None:
    for phone in PHONES:
        body: dict[str, Any] = {"channel": CHANNEL, "way": "push", "to": phone, "label": phone}
        answer = await head.post("/v1/webhooks", body)
        assert answer.status == 201, answer.body


def _counts(carrier: Carrier) -> Counter[str]:
    return Counter(recipient for _, recipient, _, _ in carrier.got)


@pytest.mark.long
async def test_each_message_is_sent_once_and_one_notifier_takes_over_from_one_that_was_killed(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with carrying() as carrier:
        settings = settings_of(ways_of(carrier, tmp_path))
        host = await asyncio.to_thread(
            lambda: Service(tmp_path / "data", "--demo", environment=settings)
        )
        seed = host.data / "keys" / "endpoints.seed"
        # The notifier of `up` then leaves sealed endpoints to the two that have the key.
        await asyncio.to_thread(host.stop)
        seed.rename(tmp_path / "endpoints.seed")
        await asyncio.to_thread(host.start)
        one, other = await asyncio.gather(
            *(
                asyncio.to_thread(_Notifier, host, tmp_path / name, settings)
                for name in ("one", "other")
            )
        )
        try:
            await _follow(host, [one, other], carrier, session)
        finally:
            for process in (one, other, host):
                await asyncio.to_thread(process.stop)


async def _follow(
    host: Service, notifiers: list[Service], carrier: Carrier, session: aiohttp.ClientSession
) -> None:
    nato = Caller(session, host, "nato/officer")
    await _entered(Caller(session, host, "china/head_of_office"))

    async def post() -> None:
        assert (await nato.open(NOTE)).status == 201

    for _ in range(4):
        await post()
    await carrier.until(4 * len(PHONES))
    progress = await _settled(host, 4)
    assert _counts(carrier) == dict.fromkeys(PHONES, 4)
    names = [notifier_name(each.data, "courier") for each in notifiers]
    assert {each.holder for each in progress.values()} <= {*names}
    dead = names.index(progress[PHONES[0]].holder)
    # One is killed while the service has not answered: that message alone may come twice.
    carrier.delay, before = 3.0, carrier.arrived
    await post()
    async with asyncio.timeout(PATIENCE_S):
        while carrier.arrived < before + len(PHONES):
            await asyncio.sleep(0.01)
    await asyncio.to_thread(notifiers[dead].stop, signal.SIGKILL)
    carrier.delay = 0.0
    await post()
    async with asyncio.timeout(LEASE_SECONDS + PATIENCE_S):
        while min(_counts(carrier)[phone] for phone in PHONES) < 6:
            await asyncio.sleep(0.1)
    after = await _settled(host, 6)
    assert {each.holder for each in after.values()} == {names[1 - dead]}
    of_the_dead = {phone for phone, each in progress.items() if each.holder == names[dead]}
    assert _counts(carrier) == {phone: 7 if phone in of_the_dead else 6 for phone in PHONES}
    # It comes back under its name, and both go on as before.
    await asyncio.to_thread(notifiers[dead].start)
    await post()
    await _settled(host, 7)
    assert _counts(carrier) == {phone: 8 if phone in of_the_dead else 7 for phone in PHONES}
    assert not any("courier.replaced" in each.log.read_text() for each in notifiers)
    refused = await asyncio.to_thread(
        commands.run, [str(part) for part in notifiers[1].command()], environment={**os.environ}
    )
    assert refused.returncode != 0
    assert "another program writes" in refused.stderr, refused.stderr
