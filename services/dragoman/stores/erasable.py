"""A stream whose messages can be erased.

    put      write a value over the one that was read, then erase the older message
    refresh  read the changes, to the end of the stream as its leader has it
    sweep    erase older messages whose writer died before it could erase them

The last message on a subject is its value. `STREAM.MSG.DELETE` without `no_erase` makes
the broker rewrite the block, with random bytes in place of the message. The broker must
never drop messages by itself, for example by a limit: it would leave their bytes on the
disk.
"""

from collections.abc import Sequence
from typing import Any

from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection, Read
from dragoman.stores import compare_and_set
from dragoman.stores.compare_and_set import LeaderMessage, WriteConflictKnown
from dragoman.text import sentence


class Erasable:
    """Keys and values in a stream; the older values of a key are erased.

    The stream is read to its end before every answer.
    """

    def __init__(self, bus: NatsConnection, stream: str, prefix: str) -> None:
        """Read and write through the bus.

        A message's subject is the prefix, followed by the key.
        """
        self._bus = bus
        self.stream = stream
        self._prefix = prefix
        self._seen = 0
        self._superseded: dict[int, str] = {}
        self.values: dict[str, bytes] = {}
        self.revisions: dict[str, int] = {}

    @staticmethod
    async def create(
        steward: NatsConnection,
        stream: str,
        subjects: Sequence[str],
        replicas: int,
        most_bytes: int,
    ) -> None:
        """Create the stream, or find it. Raises `LogUnreachable`.

        A message has at most `most_bytes`.
        """
        settings: dict[str, Any] = {
            "name": stream,
            "subjects": list(subjects),
            "storage": "file",
            "discard": "new",
            "max_age": 0,
            "max_msgs_per_subject": -1,
            "deny_purge": True,
            "allow_direct": True,
            "compression": "none",
            "num_replicas": replicas,
            "max_msg_size": most_bytes,
        }
        answer = await steward.api(f"STREAM.CREATE.{stream}", settings)
        if "error" in answer:
            raise LogUnreachable(
                sentence(
                    "the stream %(stream)s cannot be made: %(answer)s",
                    stream=stream,
                    answer=answer["error"].get("description"),
                )
            )

    # Reading

    async def refresh(self) -> None:
        """Read the changes, until the stream's leader has no more.

        Raises `LogUnreachable`.
        """
        async for message in compare_and_set.following(
            self._bus, self.stream, f"{self._prefix}>", self._seen
        ):
            self._seen = max(self._seen, message.seq)
            self._take(message)

    async def next(self, subjects: str, first: int) -> LeaderMessage | None:
        """Return the first message on some subjects from a sequence on.

        The stream's leader answers. Raises `LogUnreachable`.
        """
        return await compare_and_set.read_message(
            self._bus, self.stream, {"seq": first, "next_by_subj": subjects}
        )

    async def messages(self, subjects: str) -> list[LeaderMessage]:
        """Return all messages on some subjects, in order. Raises `LogUnreachable`."""
        return [
            message
            async for message in compare_and_set.following(self._bus, self.stream, subjects, 0)
        ]

    async def next_on_replica(self, subjects: str, first: int) -> Read | None:
        """Return the first message on some subjects from a sequence on.

        On a cluster any replica answers, which may be behind. Raises `LogUnreachable`.
        """
        return next(iter(await self._bus.fetch(self.stream, subjects, first, 1)), None)

    def _take(self, standing: LeaderMessage) -> None:
        self._apply(standing.subject.removeprefix(self._prefix), standing.seq, standing.data)

    def _apply(self, key: str, seq: int, value: bytes) -> None:
        revision = self.revisions.get(key, 0)
        if seq < revision:
            self._superseded[seq] = key
        elif seq > revision:
            if revision:
                self._superseded[revision] = key
            self.revisions[key] = seq
            self.values[key] = value

    # Writing

    async def put(self, key: str, value: bytes, over: int) -> None:
        """Write a value durably over a revision of its key, and erase the older value.

        `over` is 0 for a new key. Raises `WriteConflictKnown` if another writer was
        faster; its value is then in `values`. Raises `LogUnreachable` if it is not
        known whether everything was done.
        """
        try:
            seq = await self.publish(self._prefix + key, value, over)
        except WriteConflictKnown as error:
            self._take(error.standing)
            raise
        self._apply(key, seq, value)
        await self.sweep(key)

    async def publish(self, subject: str, payload: bytes, over: int | None = None) -> int:
        """Write a message durably, and return its sequence.

        Raises `WriteConflictKnown` or `LogUnreachable`.
        """
        return await compare_and_set.write(self._bus, self.stream, subject, payload, over)

    async def sweep(self, key: str | None = None) -> None:
        """Erase superseded messages of one key or of all. Raises `LogUnreachable`."""
        for seq, of in list(self._superseded.items()):
            if key in (None, of):
                await self.erase(seq)
                self._superseded.pop(seq, None)

    async def erase(self, seq: int) -> None:
        """Overwrite a message with random bytes. Raises `LogUnreachable`.

        A message that was erased already is no error.
        """
        answer = await self._bus.api(f"STREAM.MSG.DELETE.{self.stream}", {"seq": seq})
        if "error" in answer and await self._stands(seq):
            raise LogUnreachable(
                sentence(
                    "the broker does not erase: %(answer)s",
                    answer=answer["error"].get("description"),
                )
            )

    async def _stands(self, seq: int) -> bool:
        return await compare_and_set.read_message(self._bus, self.stream, {"seq": seq}) is not None
