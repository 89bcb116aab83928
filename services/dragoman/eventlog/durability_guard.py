"""The proof that the broker syncs every write, renewed at every connection.

An acknowledged message is durable only if the broker syncs every write. The guard does
not assume that, but asks: at every connection, at every reconnection and every second.
Without `sync_always` in the broker's own report, nothing is written (decision 0001). A
question that a busy broker does not answer in time leaves the last proof in force for
`PROOF_SECONDS`, as long as the connection holds: the process behind it is the same.
"""

import logging
import math
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from dragoman import metrics
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.limits import (
    BROKER_VERSION,
    CLOCK_SKEW_SECONDS,
    PROOF_SECONDS,
)
from dragoman.text import Text, sentence

log = structlog.get_logger()


STORE_BYTES: Final = 1024 * 1024
"""The free bytes of the broker's store below which a write of it may fail."""


def certificate_end(answer: Any) -> datetime | None:
    """Return the end of a server's certificate by its answer; of two, the earlier.

    A server without certificates names none. An older release of it may name none.
    """
    data = answer.get("data", {})
    ends = [part.get("tls_cert_not_after") for part in (data, data.get("cluster", {}))]
    return min((datetime.fromisoformat(str(end)) for end in ends if end), default=None)


class DurabilityGuard:
    """A guard that allows writes only while the broker's durability is proven.

    It is proven at every connection and every second. Until then, writes are refused.
    They are also refused when the last proof is older than `PROOF_SECONDS`. `is_silent`
    says that the last question was not answered. `store` is the number of bytes that
    the broker's store can still take, and its size, at the node that has least room.
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
        self.store: tuple[int, int] | None = None
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
        self._fault = sentence("the broker has not yet been asked whether it syncs every write")
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
            stores = [room for answer in answers if (room := self._store_of(answer)) is not None]
            ends = [end for answer in answers if (end := certificate_end(answer)) is not None]
            if ends:
                metrics.CERTIFICATE_EXPIRES.labels("node").set(min(ends).timestamp())
            self.store = min(stores, key=lambda room: room[0] / room[1], default=None)
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

    def _store_of(self, answer: Any) -> tuple[int, int] | None:
        """Return the free bytes and the size of a server's store, by its answer.

        The store ends at the broker's own limit, and where its disk ends. The disk is
        seen if this process started the broker.
        """
        store = answer.get("data", {}).get("jetstream", {})
        config, used = store.get("config", {}), int(store.get("stats", {}).get("storage", 0))
        size = int(config.get("max_storage", 0))
        free = size - used
        if self._server_name:
            try:
                disk = shutil.disk_usage(str(config.get("store_dir", "")))
            except OSError:
                pass
            else:
                size, free = (size, min(free, disk.free)) if size > 0 else (disk.total, disk.free)
        return (max(0, free), size) if size > 0 else None

    def _offset(self, before: datetime, server_time: datetime) -> float:
        """Return the seconds by which this clock is ahead of a server's, at the least.

        The server's time is between `before` and now. 0 if it may be the same.
        """
        behind = (before - server_time).total_seconds()
        ahead = (server_time - self._now()).total_seconds()
        return behind if behind > 0 else -max(0.0, ahead)


class WriteFailure:
    """A channel's log that the broker failed to write, as it does on a full disk.

    Nothing that was acknowledged is lost. A broker that wrote half a message says so,
    and writes this log again only after it was restarted, which is asked for here. One
    that wrote nothing only does not answer, and its store is full.
    """

    def __init__(self, channel: str, bus: NatsConnection, guard: DurabilityGuard | None) -> None:
        """Begin without a failure."""
        self._channel = channel
        self._bus = bus
        self._guard = guard
        self.reason: Text | None = None

    @property
    def _is_full(self) -> bool:
        store = None if self._guard is None else self._guard.store
        return store is not None and store[0] < STORE_BYTES

    def is_news(self, *, is_unwritten: bool) -> bool:
        """Return whether `note` would change anything."""
        return self._lasts(is_unwritten=is_unwritten) != (self.reason is not None)

    def _lasts(self, *, is_unwritten: bool) -> bool:
        return is_unwritten or (self.reason is not None and self._is_full)

    def unanswered(self) -> None:
        """Note that the broker did not answer an append."""
        if self._is_full:
            self.note(is_unwritten=True)

    def note(self, *, is_unwritten: bool) -> None:
        """Note whether the broker says that it failed to write this log."""
        is_unwritten = self._lasts(is_unwritten=is_unwritten)
        if is_unwritten:
            self._bus.store_failed()
        if is_unwritten == (self.reason is not None):
            return
        self.reason = self._reason() if is_unwritten else None
        if is_unwritten:
            log.error(
                "log.not_writable",
                channel=self._channel,
                reason=str(self.reason),
                do="make room on the broker's disk; nothing that was acknowledged is lost",
            )
        else:
            log.info("log.writable_again", channel=self._channel)

    def _reason(self) -> Text:
        if self._bus.is_own_broker:
            return sentence(
                "the broker could not write (is its disk full?): make room there, and it goes on "
                "by itself"
            )
        return sentence(
            "the broker could not write (is its disk full?): make room there, then restart the "
            "broker; nothing needs to be restored"
        )
