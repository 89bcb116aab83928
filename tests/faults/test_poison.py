"""Hostile messages in a live log and as bodies, at random: each process goes on, by itself and when
it is started anew.
"""

import asyncio
import random
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from hostile import corpus, more
from house import CHANNEL, Gateway, House
from inquest import Inquest
from poisoned import Sender, failures, goes_on, operations, store
from read_files import GATEWAY
from service import NOTE, Caller
from tally import Rounds, Row

pytestmark = pytest.mark.reads(*GATEWAY, "tests/support/poisoned.py")

ROLES: Final = ("scheduler", "notifier", "signer")


class Process(Gateway):
    """One `dragoman serve` that answers nobody, on the data directory of a house."""

    def __init__(self, house: House, role: str) -> None:
        """Start it."""
        self._role = role
        super().__init__(
            house.path,
            house.broker.url,
            house.broker.keys,
            name=role,
            log=house.path.parent / f"{role}.log",
        )

    def command(self) -> list[str | Path]:
        """The command line that starts it."""
        named = [] if self._role == "signer" else ["--name", self._role]
        return [
            "serve",
            self._role,
            "--data",
            self.data,
            "--nats-url",
            self.nats_url,
            "--nats-keys",
            self.keys,
            *named,
        ]


@pytest.fixture
def processes(house: House) -> Iterator[list[Gateway]]:
    """The gateway of a house, and all that serves it beside."""
    with ExitStack() as stack:
        yield [house.gateway, *(stack.enter_context(Process(house, role)) for role in ROLES)]


@pytest.mark.timeout(3600)
async def test_hostile_messages_stop_no_process_and_no_restart(
    house: House,
    processes: list[Gateway],
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    officer = Caller(session, house.gateway, "nato/officer")
    exchange = (await officer.open(NOTE)).json["exchange"]
    draft = (await officer.post(f"/v1/channels/{CHANNEL}/drafts", {"act": NOTE})).json["id"]
    found = operations(
        {
            "channel": CHANNEL,
            "exchange": exchange,
            "draft": draft,
            "person": exchange,
            "identity": "",
            "sha256": "ab" * 32,
            "parcel": "5f" * 32,
            "entry": exchange,
            "family": "contacts",
        }
    )
    shapes, everything = more(dice), list(corpus())
    for row.rounds in range(1, rounds(1, 25) + 1):
        hostile = [*islice(shapes, rounds(40, 250)), *dice.sample(everything, rounds(10, 60))]
        await store(house.gateway, hostile)
        sender = Sender(session, house.gateway)
        async with asyncio.TaskGroup() as sending:
            for operation in found:
                for name, raw in dice.sample(hostile, rounds(4, 60)):
                    sending.create_task(
                        sender.send(
                            operation,
                            name,
                            raw,
                            dice.choice(("nato/officer", "nato/head_of_office", "operator", "")),
                        )
                    )
        assert not sender.errors, "\n".join(sender.errors)
        await goes_on(session, house.gateway, {})
        for process in dice.sample(processes, 2) if row.rounds > 1 else processes:
            process.restart()
        async with aiohttp.ClientSession() as anew:
            await goes_on(anew, house.gateway, {})
            await Inquest(house.broker.url, house.broker.keys).served(anew, house.gateway)
        row.acknowledged += 2
        for process in processes:
            assert process.process.poll() is None
            assert failures(process) == []
