"""A log put back from a copy: the same messages at the same positions, so that every proof and every signed head holds as before.

Only what is missing at the end is written. What the broker still has must be what the
copy has, message by message; where it is not, nothing is written, since one of the two
is a lie: but that the copy may have the entry of a record that was erased. Each batch
states the position that it follows: nobody else can write in between.
"""

from collections.abc import Callable
from typing import Final, Protocol
from uuid import uuid4

from dragoman.domain.record.codec import NotARecord, is_name, parse
from dragoman.eventlog.event_log import LogUnreachable, subject_of
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import Bus, read_answer
from dragoman.eventlog.stream_config import last_of, stream_of
from dragoman.limits import READ_RECORDS
from dragoman.text import sentence
from dragoman.tlog import leaf

_BATCH: Final = 200


class RestoreCopy(Protocol):
    """Messages from position 1 on."""

    @property
    def size(self) -> int:
        """Return how many."""

    def raw(self, position: int) -> bytes:
        """Return the message at a position."""


class CopyMismatch(Exception):
    """The broker has another message than the copy; the message says where."""


async def rebuild(
    bus: Bus, channel: str, copy: RestoreCopy, told: Callable[[int], None] = lambda position: None
) -> int:
    """Write what the broker's log lacks of the copy; how many messages were written. Raises `Differs`, `LogUnreachable`, `LogBroken`."""
    number = await last_of(bus, channel)
    await _compare(JetStreamLog(channel, bus), copy, min(number, copy.size), told)
    position = number
    while position < copy.size:
        last = min(position + _BATCH, copy.size)
        await _write(bus, channel, copy, position + 1, last)
        told(position := last)
    return max(0, copy.size - number)


async def _compare(
    log: JetStreamLog, copy: RestoreCopy, upto: int, told: Callable[[int], None]
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
                    f"at position {position} the broker has another message than the copy: keep both, and set the broker's aside"
                )
        told(position)


async def _write(bus: Bus, channel: str, copy: RestoreCopy, first: int, last: int) -> None:
    """One atomic batch, which follows the position before it and no other. Broker and batch say so, or nothing is written."""
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
    """Return where a message stood; junk, of which no record says it, on a subject of its own."""
    try:
        record = parse(raw)
    except NotARecord:
        return f"dragoman.v1.{channel}.junk.{position}"
    own = record.envelope.channel == channel and is_name(record.envelope.family)
    return subject_of(record) if own else f"dragoman.v1.{channel}.junk.{position}"
