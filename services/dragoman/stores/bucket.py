"""A small key-value bucket on a JetStream stream, followed by polling, so that it survives every restart of the broker."""

from typing import Any, Final

import msgspec

from dragoman.log.connection import Bus
from dragoman.log.port import LogUnreachable
from dragoman.sentence import sentence

_PAGE = 1000
WRONG_LAST: Final = (10071, 10164)
"""How the broker says that another message stands there than was expected: one that is written, or, on a cluster, one that is on its way."""


class Moved(Exception):
    """Somebody else wrote the key meanwhile."""


class Bucket:
    """Keys and JSON values, the last of each key; `refresh` brings what changed since."""

    def __init__(self, bus: Bus, name: str) -> None:
        """Read and write through the bus."""
        self._bus = bus
        self._stream = f"KV_{name}"
        self._prefix = f"$KV.{name}."
        self._seen = 0
        self.changes = 0
        self.values: dict[str, bytes] = {}
        self.revisions: dict[str, int] = {}

    @staticmethod
    async def create(steward: Bus, name: str, replicas: int, most_bytes: int = 65_536) -> None:
        """Make the bucket's stream, or find it; a value has at most so many bytes."""
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
                sentence("the bucket %(name)s cannot be made: %(answer)s", name=name, answer=answer["error"].get("description"))
            )

    async def put(self, key: str, value: object | None, revision: int | None = None) -> None:
        """Write a value durably, or a marker that it is gone; over that revision of it alone, where one is given.

        Raises `Moved`, `LogUnreachable`.
        """
        headers = {"KV-Operation": "DEL"} if value is None else {}
        if revision is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(revision)
        payload = b"" if value is None else msgspec.json.encode(value)
        answer = msgspec.json.decode((await self._bus.request(self._prefix + key, payload, headers or None)).data)
        if "error" in answer:
            if answer["error"].get("err_code") in WRONG_LAST:
                raise Moved(key)
            raise LogUnreachable(sentence("the broker answers %(answer)s", answer=answer["error"].get("description")))
        self._apply(key, None if value is None else payload, int(answer["seq"]))

    def _apply(self, key: str, value: bytes | None, revision: int) -> None:
        if revision < self.revisions.get(key, 0):
            return
        self.changes += 1
        self.revisions[key] = revision
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value

    async def refresh(self) -> None:
        """Bring what was written since the last time. Raises `LogUnreachable`."""
        while True:
            found = await self._bus.fetch(self._stream, self._prefix + ">", self._seen + 1, _PAGE)
            for message in found:
                key = message.header(b"Nats-Subject").removeprefix(self._prefix)
                self._seen = int(message.header(b"Nats-Sequence"))
                self._apply(key, None if message.header(b"KV-Operation") else message.data, self._seen)
            if len(found) < _PAGE:
                return
