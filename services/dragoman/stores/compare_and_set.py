"""Writing over what was read, on streams whose last message on a subject counts: one writer is first, and all others are told.

The broker's refusal is not believed as it stands. On a cluster a node that was cut off,
and is joined again, refuses as a leader while the others write, and the quicker answer
counts; it also refuses whatever follows a message of which it does not know yet what
becomes. So each message bears a mark of its own, and what stands on the subject is
looked at: ours, or another one, or nothing new yet.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.nats_connection import Bus, read_answer, unbroken
from dragoman.limits import APPEND_SECONDS
from dragoman.text import sentence

_NO_MESSAGE: Final = 10037
WRONG_LAST: Final = (10071, 10164)
"""How the broker says that another message stands there than was expected: one that is
written, or, on a cluster, one that is on its way.
"""
_MARK: Final = "Dragoman-Mark"
_LOOK_SECONDS: Final = 0.1
_PAGE: Final = 1000


class LeaderMessage(Struct, frozen=True, kw_only=True):
    """A message as a leader of the stream has it; its headers as they were sent."""

    seq: int
    subject: str
    data: bytes = b""
    hdrs: bytes = b""

    def has(self, header: str) -> bool:
        """Return whether one of the header's lines begins so."""
        return f"\r\n{header}".encode() in self.hdrs


class _LeaderRead(Struct):
    message: LeaderMessage


_got = msgspec.json.Decoder(_LeaderRead).decode


class WriteConflict(Exception):
    """Somebody else wrote the subject meanwhile."""


class WriteConflictKnown(WriteConflict):
    """The same, with what stands there now."""

    def __init__(self, standing: LeaderMessage) -> None:
        """Say where, and what."""
        super().__init__(standing.subject)
        self.standing = standing


async def write(
    bus: Bus,
    stream: str,
    subject: str,
    payload: bytes,
    over: int | None,
    headers: Mapping[str, str] | None = None,
) -> int:
    """Write a message durably, over the one at that sequence of its subject where one is given, 0 for none; its own sequence.

    Raises `Overtaken`, `LogUnreachable` where it is not known whether it was written.
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


async def _newer(bus: Bus, stream: str, subject: str, over: int) -> LeaderMessage:
    """Return what stands on a subject, once it is newer than that. Raises `LogUnreachable`."""
    deadline = asyncio.get_running_loop().time() + APPEND_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        standing = await stands(bus, stream, {"last_by_subj": subject})
        if standing is not None and standing.seq > over:
            return standing
        await asyncio.sleep(_LOOK_SECONDS)
    raise LogUnreachable(sentence("the broker refuses to write, and shows nothing newer"))


async def stands(bus: Bus, stream: str, query: Mapping[str, object]) -> LeaderMessage | None:
    """Return the message that a leader of a stream has for a query. Raises `LogUnreachable`."""
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
    bus: Bus, stream: str, subjects: str, number: int
) -> AsyncIterator[LeaderMessage]:
    """Yield the messages on these subjects after a sequence, in their order, until a leader of the stream has no more. Raises `LogUnreachable`."""
    while (
        message := await stands(bus, stream, {"seq": number + 1, "next_by_subj": subjects})
    ) is not None:
        yield message
        number = message.seq
        for read in unbroken(await bus.fetch(stream, subjects, number + 1, _PAGE)):
            number = int(read.header(b"Nats-Sequence"))
            yield LeaderMessage(
                seq=number, subject=read.header(b"Nats-Subject"), data=read.data, hdrs=read.head
            )
