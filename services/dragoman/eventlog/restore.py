"""The restoring of a log from a copy: the same messages at the same positions.

So every proof and every signed head stays valid. Only the missing messages at the end
are written. The broker's messages must be those of the copy, one by one; otherwise
nothing is written, because one of the two is false. One difference is allowed: the copy
may have the entry of an erased record. Each batch states the position that it follows,
so no other writer can write in between.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol
from uuid import uuid4

from msgspec import Struct

from dragoman.domain.record.codec import NotARecord, is_name, parse
from dragoman.eventlog.event_log import LogUnreachable, subject_of
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import NatsConnection, read_answer
from dragoman.eventlog.stream_config import last_position, stream_of
from dragoman.limits import READ_RECORDS
from dragoman.text import sentence
from dragoman.tlog import leaf

_BATCH: Final = 200


class RestoreCopy(Protocol):
    """A copy of a log: messages from position 1 on."""

    @property
    def size(self) -> int:
        """The number of messages."""

    def raw(self, position: int) -> bytes:
        """Return the message at a position."""


class WithoutErased(Struct, frozen=True):
    """A copy without the bytes of the erased records.

    At their positions it has the entries that replace them.
    """

    copy: RestoreCopy
    entries: Mapping[int, bytes]

    @property
    def size(self) -> int:
        """Return the number of messages."""
        return self.copy.size

    def raw(self, position: int) -> bytes:
        """Return the message at a position."""
        entry = self.entries.get(position)
        return self.copy.raw(position) if entry is None else entry


class CopyMismatch(Exception):
    """The broker has another message than the copy; the text names the position."""


async def restore_log(
    bus: NatsConnection,
    channel: str,
    copy: RestoreCopy,
    progress: Callable[[int], None] = lambda position: None,
) -> int:
    """Write the messages of the copy that the broker's log lacks; return their number.

    Raises `CopyMismatch`, `LogUnreachable`, `LogBroken`.
    """
    number = await last_position(bus, channel)
    await _compare(JetStreamLog(channel, bus), copy, min(number, copy.size), progress)
    position = number
    while position < copy.size:
        last = min(position + _BATCH, copy.size)
        await _write(bus, channel, copy, position + 1, last)
        progress(position := last)
    return max(0, copy.size - number)


async def _compare(
    log: JetStreamLog, copy: RestoreCopy, upto: int, progress: Callable[[int], None]
) -> None:
    position = 0
    while position < upto:
        for message in await log.read(position + 1, min(READ_RECORDS, upto - position)):
            position = message.position
            raw = copy.raw(position)
            if message.raw != raw and leaf.read_entry(raw) != (
                position - 1,
                leaf.commit(message.raw),
            ):
                raise CopyMismatch(
                    f"at position {position} the broker has another message than the copy: keep "
                    "both, and set the broker's aside"
                )
        progress(position)


async def _write(
    bus: NatsConnection, channel: str, copy: RestoreCopy, first: int, last: int
) -> None:
    """Write one atomic batch, which must follow the position before its first message.

    The broker and the batch both enforce this, or no message is written.
    """
    batch = str(uuid4())
    messages: list[tuple[str, dict[str, str], bytes]] = []
    for position in range(first, last + 1):
        headers = {"Nats-Expected-Stream": stream_of(channel)}
        if last > first:
            headers |= {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(position - first + 1)}
        if position == first:
            headers["Nats-Expected-Last-Sequence"] = str(first - 1)
        raw = copy.raw(position)
        messages.append((_subject(channel, position, raw), headers, raw))
    subject, headers, raw = messages.pop()
    if messages:
        await bus.publish(messages)
        headers["Nats-Batch-Commit"] = "1"
    answer = read_answer((await bus.request(subject, raw, headers)).data)
    if "error" in answer or int(answer.get("seq", 0)) != last:
        raise LogUnreachable(
            sentence(
                "the broker did not take positions %(first)s to %(last)s: %(answer)s",
                first=first,
                last=last,
                answer=str(answer.get("error", answer)),
            )
        )


def _subject(channel: str, position: int, raw: bytes) -> str:
    """Return the subject on which a message belongs.

    Junk is no record that names a subject, so it gets its own subject.
    """
    try:
        record = parse(raw)
    except NotARecord:
        return f"dragoman.v1.{channel}.junk.{position}"
    belongs_here = record.envelope.channel == channel and is_name(record.envelope.family)
    return subject_of(record) if belongs_here else f"dragoman.v1.{channel}.junk.{position}"
