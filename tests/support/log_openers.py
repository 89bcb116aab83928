"""The implementations of a log, for the two halves of its contract."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from brokers import RealBroker
from cluster import Clients
from dragoman.eventlog.event_log import EventLog
from dragoman.eventlog.group_commit import GroupCommitLog
from dragoman.eventlog.memory import MemoryLog
from memory_broker import MemoryBroker
from read_files import LOG

Opener = Callable[[], Awaitable[EventLog]]
ON_A_CLUSTER = pytest.mark.reads(*LOG)

IMPLEMENTATIONS: list[Any] = [
    "memory",
    "jetstream",
    "jetstream in memory",
    "coalescing",
    "coalescing in memory",
    pytest.param("cluster", marks=ON_A_CLUSTER),
    pytest.param("coalescing on a cluster", marks=ON_A_CLUSTER),
]


def opener_of(request: pytest.FixtureRequest) -> Opener:
    """Opens the same log, anew each time where that makes a difference."""
    if request.param == "memory":
        memory = MemoryLog("nato-china")

        async def same() -> EventLog:
            return memory

        return same
    broker: RealBroker | MemoryBroker | Clients = (
        MemoryBroker()
        if "in memory" in request.param
        else request.getfixturevalue(
            "real_cluster" if "cluster" in request.param else "real_broker"
        )
    )

    async def anew() -> EventLog:
        return await broker.log()

    async def together() -> EventLog:
        return GroupCommitLog(await broker.log())

    return together if "coalescing" in request.param else anew
