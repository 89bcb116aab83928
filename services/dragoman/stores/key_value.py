"""A small key-value bucket on a JetStream stream.

It is read by polling, so that it survives every restart of the broker.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from dragoman.domain.record import nesting
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.stores import compare_and_set
from dragoman.stores.compare_and_set import LeaderMessage, WriteConflictKnown
from dragoman.text import sentence

log = structlog.get_logger()

_OPERATION = "KV-Operation: "


class Bucket:
    """Keys with JSON values. `refresh` reads the changes since the last call."""

    def __init__(self, bus: NatsConnection, name: str) -> None:
        """Read and write through the bus."""
        self._bus = bus
        self._stream = f"KV_{name}"
        self._prefix = f"$KV.{name}."
        self._seen = 0
        self.changes = 0
        self.removals = 0
        self.listeners: list[Callable[[str], None]] = []
        """Functions that are called with each key that has changed."""
        self.values: dict[str, bytes] = {}
        self.revisions: dict[str, int] = {}

    @staticmethod
    async def create(
        steward: NatsConnection, name: str, replicas: int, most_bytes: int = 65_536
    ) -> None:
        """Create the bucket's stream, or find it. Raises `LogUnreachable`.

        A value has at most `most_bytes`.
        """
        settings: dict[str, Any] = {
            "name": f"KV_{name}",
            "subjects": [f"$KV.{name}.>"],
            "storage": "file",
            "max_msgs_per_subject": 1,
            "discard": "new",
            "deny_delete": True,
            "allow_direct": True,
            "num_replicas": replicas,
            "max_msg_size": most_bytes,
        }
        answer = await steward.api(f"STREAM.CREATE.{settings['name']}", settings)
        if "error" in answer:
            raise LogUnreachable(
                sentence(
                    "the bucket %(name)s cannot be made: %(answer)s",
                    name=name,
                    answer=answer["error"].get("description"),
                )
            )

    async def put(self, key: str, value: object | None, revision: int | None = None) -> None:
        """Write a value durably; None deletes it.

        With `revision` it replaces that revision alone, 0 for a new key. Raises
        `WriteConflictKnown`, with the other value in `values` already, and
        `LogUnreachable`.
        """
        headers = {"KV-Operation": "DEL"} if value is None else {}
        payload = b"" if value is None else msgspec.json.encode(value)
        try:
            seq = await compare_and_set.write(
                self._bus, self._stream, self._prefix + key, payload, revision, headers
            )
        except WriteConflictKnown as error:
            self._take(key, error.standing)
            raise
        self._apply(key, None if value is None else payload, seq)

    def _apply(self, key: str, value: bytes | None, revision: int) -> None:
        if revision < self.revisions.get(key, 0):
            return
        self.changes += 1
        self.revisions[key] = revision
        if value is None:
            self.removals += self.values.pop(key, None) is not None
        else:
            self.values[key] = value
        for listener in self.listeners:
            listener(key)

    async def refresh(self) -> None:
        """Read the changes since the last call, until the leader has no more.

        Raises `LogUnreachable`.
        """
        async for message in compare_and_set.following(
            self._bus, self._stream, f"{self._prefix}>", self._seen
        ):
            self._seen = max(self._seen, message.seq)
            self._take(message.subject.removeprefix(self._prefix), message)

    def _take(self, key: str, standing: LeaderMessage) -> None:
        gone = standing.has(_OPERATION) or not _is_json(self._stream, standing)
        self._apply(key, None if gone else standing.data, standing.seq)


def _is_json(stream: str, standing: LeaderMessage) -> bool:
    """Return whether a value can be decoded.

    No gateway writes another one. Such a value counts as deleted, so that it does not
    keep a gateway from the others.
    """
    try:
        nesting.check(standing.data)
        msgspec.json.decode(standing.data)
    except msgspec.DecodeError as error:
        log.critical(
            "bucket.value_not_read",
            bucket=stream,
            key=standing.subject,
            reason=str(error),
            do="find out who writes to the broker beside the gateways, and delete the value",
        )
        return False
    return True
