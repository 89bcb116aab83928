"""The proof that the broker syncs every write, renewed at every connection.

An acknowledged message is durable only if the broker syncs every write. The guard does
not assume that, but asks: at every connection, at every reconnection and every second.
Without `sync_always` in the broker's own report, nothing is written (decision 0001). A
question that a busy broker does not answer in time leaves the last proof in force for
`PROOF_SECONDS`, as long as the connection holds: the process behind it is the same.
"""

import logging
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog

from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.limits import (
    BROKER_VERSION,
    CLOCK_SKEW_SECONDS,
    PROOF_SECONDS,
)
from dragoman.text import Text, sentence

log = structlog.get_logger()


class DurabilityGuard:
    """A guard that allows writes only while the broker's durability is proven.

    It is proven at every connection and every second. Until then, writes are refused.
    They are also refused when the last proof is older than `PROOF_SECONDS`. `is_silent`
    says that the last question was not answered.
    """

    def __init__(
        self,
        warden: NatsConnection,
        *,
        server_name: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Ask through the warden.

        `server_name` is the name of the broker that this process started, or empty for
        any.
        """
        self._warden = warden
        self._server_name = server_name
        self._now = now
        self._ahead = 0.0
        self.offset_s = math.nan
        self.is_silent = False
        self._proven_at = -math.inf
        self._fault: Text | None = sentence(
            "the broker has not yet been asked whether it syncs every write"
        )
        warden.reconnected.append(self._prove_anew)

    @property
    def proven(self) -> bool:
        """Return whether the last answer was in order and no clock was set since."""
        return self.reason is None

    @property
    def reason(self) -> Text | None:
        """The reason for which no write is allowed now; None if writes are allowed."""
        if self._fault is not None:
            return self._fault
        stepped = abs(self._now().timestamp() - time.monotonic() - self._ahead)
        if stepped <= CLOCK_SKEW_SECONDS:
            return None
        return sentence(
            "this clock was stepped by %(seconds)s s since the broker was asked",
            seconds=f"{stepped:.1f}",
        )

    def agrees(self, ahead: float) -> bool:
        """Return whether a clock was set as at the last proof.

        `ahead` is the number of seconds by which it was ahead of the monotonic clock.
        """
        return abs(ahead - self._ahead) <= CLOCK_SKEW_SECONDS

    async def _prove_anew(self) -> None:
        self._proven_at = -math.inf
        self._fault = sentence(
            "the broker has not yet been asked again whether it syncs every write"
        )
        await self.prove()

    async def prove(self) -> None:
        """Ask the broker, and remember its fault, if there is one."""
        before = self._fault
        try:
            moment = self._now()
            # Computed before the answer, so that a clock that is stepped meanwhile is noticed.
            question = time.monotonic()
            ahead = moment.timestamp() - question
            answers = await self._warden.ask_servers("$SYS.REQ.SERVER.PING.VARZ")
            self._fault = next(
                (
                    fault
                    for answer in answers
                    if (fault := self._fault_of(answer, moment)) is not None
                ),
                None,
            )
            self._ahead = ahead
            self._proven_at = -math.inf if self._fault else question
            self.is_silent = False
        except LogUnreachable as error:
            self.is_silent = True
            if self._warden.up and time.monotonic() - self._proven_at < PROOF_SECONDS:
                return
            self._fault = sentence(
                "the broker does not say whether it syncs every write: %(error)s", error=error.said
            )
        if self._fault != before:
            log.log(
                logging.ERROR if self._fault else logging.INFO,
                "broker.guard",
                proven=self.proven,
                reason=str(self._fault or ""),
            )

    def _fault_of(self, answer: Any, moment: datetime) -> Text | None:
        """Return the fault in a server's answer, or None if the answer is in order.

        `moment` is a time just before the question.
        """
        server, data = answer.get("server", {}), answer.get("data", {})
        if not server.get("jetstream"):
            return None  # This server only routes, and stores nothing.
        name = server.get("name")
        version = tuple(int(part) for part in str(server.get("ver", "0")).split("-")[0].split("."))
        if self._server_name and name != self._server_name:
            return sentence("another broker answers than the one that was started")
        if version < BROKER_VERSION:
            least = ".".join(map(str, BROKER_VERSION))
            return sentence(
                "the broker %(broker)s is %(version)s; at least %(least)s is needed",
                broker=name,
                version=server.get("ver"),
                least=least,
            )
        if not data.get("jetstream", {}).get("config", {}).get("sync_always"):
            return sentence(
                "the broker %(broker)s does not sync every write; set `sync_interval: always` "
                "in its jetstream block and restart it",
                broker=name,
            )
        # The broker's time, at some moment since the question, however busy this process was.
        server_time = datetime.fromisoformat(str(server["time"]))
        self.offset_s = self._offset(moment, server_time)
        off = max(
            (moment - server_time).total_seconds(), (server_time - self._now()).total_seconds()
        )
        if off > CLOCK_SKEW_SECONDS:
            return sentence(
                "this clock and that of the broker %(broker)s are %(seconds)s s apart; at most "
                "%(most)s s are allowed: set the clocks",
                broker=name,
                seconds=f"{off:.1f}",
                most=f"{CLOCK_SKEW_SECONDS:g}",
            )
        return None

    def _offset(self, before: datetime, server_time: datetime) -> float:
        """Return the seconds by which this clock is ahead of a server's, at the least.

        The server's time is between `before` and now. 0 if it may be the same.
        """
        behind = (before - server_time).total_seconds()
        ahead = (server_time - self._now()).total_seconds()
        return behind if behind > 0 else -max(0.0, ahead)
