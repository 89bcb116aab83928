"""Compare-and-set writes to streams whose last message on a subject is its value.

Of several writers that have read the same message one is first. All others are refused.

The broker's refusal alone proves nothing. In a cluster, a node that was cut off and
joined again refuses as a leader while the others write, and the quicker answer counts.
It also refuses any message that follows one whose fate it does not know yet. So each
message has a random mark, and the writer then reads the message on the subject. That is
its own message, another one, or nothing new yet.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection, read_answer, unbroken
from dragoman.limits import APPEND_SECONDS
from dragoman.text import sentence

_NO_MESSAGE: Final = 10037
WRONG_LAST: Final = (10071, 10164)
"""The broker's error codes for another last message than the expected one.

The other message is written, or, in a cluster, still on its way.
"""
_MARK: Final = "Dragoman-Mark"
_LOOK_SECONDS: Final = 0.1
_PAGE: Final = 1000


class LeaderMessage(Struct, frozen=True, kw_only=True):
    """A message from a leader of the stream, with its headers as they were sent."""

    seq: int
    subject: str
    data: bytes = b""
    hdrs: bytes = b""

    def has(self, header: str) -> bool:
        """Return whether one of the header's lines begins with this text."""
        return f"\r\n{header}".encode() in self.hdrs


class _LeaderRead(Struct):
    message: LeaderMessage


_got = msgspec.json.Decoder(_LeaderRead).decode


class WriteConflict(Exception):
    """An error: another writer wrote the subject meanwhile."""


class WriteConflictKnown(WriteConflict):
    """A write conflict with the message that is on the subject now."""

    def __init__(self, standing: LeaderMessage) -> None:
        """Take the message that is on the subject."""
        super().__init__(standing.subject)
        self.standing = standing


async def write(
    bus: NatsConnection,
    stream: str,
    subject: str,
    payload: bytes,
    over: int | None,
    headers: Mapping[str, str] | None = None,
) -> int:
    """Write a message durably, and return its sequence.

    `over` is the sequence of the message on its subject that it replaces, 0 for none.
    With None it replaces any message. Raises `WriteConflictKnown`, or `LogUnreachable`
    if it is not known whether the message was written.
    """
    mark = secrets.token_hex(8)
    sent = {**(headers or {}), _MARK: mark}
    if over is not None:
        sent["Nats-Expected-Last-Subject-Sequence"] = str(over)
    answer = read_answer((await bus.request(subject, payload, sent)).data)
    failed = answer.get("error")
    if failed is None:
        return int(answer["seq"])
    if over is None or failed.get("err_code") not in WRONG_LAST:
        raise LogUnreachable(
            sentence("the broker answers %(answer)s", answer=failed.get("description"))
        )
    standing = await _newer(bus, stream, subject, over)
    if standing.has(f"{_MARK}: {mark}"):
        return standing.seq
    raise WriteConflictKnown(standing)


async def _newer(bus: NatsConnection, stream: str, subject: str, over: int) -> LeaderMessage:
    """Return the message on a subject, once it is newer than `over`.

    Raises `LogUnreachable`.
    """
    deadline = asyncio.get_running_loop().time() + APPEND_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        standing = await read_message(bus, stream, {"last_by_subj": subject})
        if standing is not None and standing.seq > over:
            return standing
        await asyncio.sleep(_LOOK_SECONDS)
    raise LogUnreachable(sentence("the broker refuses to write, and shows nothing newer"))


async def read_message(
    bus: NatsConnection, stream: str, query: Mapping[str, object]
) -> LeaderMessage | None:
    """Return the message that a leader of a stream has for a query.

    Raises `LogUnreachable`.
    """
    answer = await bus.request(f"$JS.API.STREAM.MSG.GET.{stream}", msgspec.json.encode(query))
    failed = read_answer(answer.data).get("error")
    if failed is None:
        return _got(answer.data).message
    if failed.get("err_code") == _NO_MESSAGE:
        return None
    raise LogUnreachable(
        sentence("the broker answers %(answer)s", answer=failed.get("description"))
    )


async def following(
    bus: NatsConnection, stream: str, subjects: str, number: int
) -> AsyncIterator[LeaderMessage]:
    """Yield the messages on some subjects after a sequence, in order.

    Ends when a leader of the stream has no more. Raises `LogUnreachable`.
    """
    while (
        message := await read_message(bus, stream, {"seq": number + 1, "next_by_subj": subjects})
    ) is not None:
        yield message
        number = message.seq
        for read in unbroken(await bus.fetch(stream, subjects, number + 1, _PAGE)):
            number = int(read.header(b"Nats-Sequence"))
            yield LeaderMessage(
                seq=number, subject=read.header(b"Nats-Subject"), data=read.data, hdrs=read.head
            )
