"""A stream whose messages can be erased: the last message on a subject is its value, and what it said before is overwritten.

    put      write a value over the one that was read, then erase what it supersedes
    refresh  bring what was written since, to the very end as the stream's leader has it
    sweep    erase what was superseded and still stands, should whoever wrote over it have died first

`STREAM.MSG.DELETE` without `no_erase` makes the broker write the block anew, with
random bytes where the message was. The broker must not drop messages by itself, by a
limit say: it would leave their bytes where they are.
"""

from collections.abc import Sequence
from typing import Any

from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.nats_connection import Bus
from dragoman.stores import compare_and_set
from dragoman.stores.compare_and_set import LeaderMessage, WriteConflictKnown
from dragoman.text import sentence


class Erasable:
    """Keys and values, the last of each key, read to the end before every answer; what a key said before is erased."""

    def __init__(self, bus: Bus, stream: str, prefix: str) -> None:
        """Read and write through the bus; keys follow the prefix in a message's subject."""
        self._bus = bus
        self.stream = stream
        self._prefix = prefix
        self._seen = 0
        self._superseded: dict[int, str] = {}
        self.values: dict[str, bytes] = {}
        self.revisions: dict[str, int] = {}

    @staticmethod
    async def create(
        steward: Bus, stream: str, subjects: Sequence[str], replicas: int, most_bytes: int
    ) -> None:
        """Make the stream, or find it; a message has at most so many bytes. Raises `LogUnreachable`."""
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
        """Bring what was written since the last time, until the stream's leader has no more. Raises `LogUnreachable`."""
        async for message in compare_and_set.following(
            self._bus, self.stream, f"{self._prefix}>", self._seen
        ):
            self._seen = max(self._seen, message.seq)
            self._take(message)

    async def next(self, subjects: str, first: int) -> LeaderMessage | None:
        """Return the first message on these subjects from a sequence on, by the stream's leader. Raises `LogUnreachable`."""
        return await compare_and_set.stands(
            self._bus, self.stream, {"seq": first, "next_by_subj": subjects}
        )

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
        """Write a value durably over that revision of its key, 0 for none, and erase what it said before.

        Raises `Moved` where somebody else was faster, once what stands there is known
        here, and `LogUnreachable` where it is not known whether all of it was done.
        """
        try:
            seq = await self.publish(self._prefix + key, value, over)
        except WriteConflictKnown as error:
            self._take(error.standing)
            raise
        self._apply(key, seq, value)
        await self.sweep(key)

    async def publish(self, subject: str, payload: bytes, over: int | None = None) -> int:
        """Write a message durably; its sequence. Raises `Moved`, `LogUnreachable`."""
        return await compare_and_set.write(self._bus, self.stream, subject, payload, over)

    async def sweep(self, key: str | None = None) -> None:
        """Erase what was superseded, of one key or of all. Raises `LogUnreachable`."""
        for seq, of in list(self._superseded.items()):
            if key in (None, of):
                await self.erase(seq)
                self._superseded.pop(seq, None)

    async def erase(self, seq: int) -> None:
        """Overwrite a message with random bytes; one that is erased already stays so. Raises `LogUnreachable`."""
        answer = await self._bus.api(f"STREAM.MSG.DELETE.{self.stream}", {"seq": seq})
        if "error" in answer and await self._stands(seq):
            raise LogUnreachable(
                sentence(
                    "the broker does not erase: %(answer)s",
                    answer=answer["error"].get("description"),
                )
            )

    async def _stands(self, seq: int) -> bool:
        return await compare_and_set.stands(self._bus, self.stream, {"seq": seq}) is not None
