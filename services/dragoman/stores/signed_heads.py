"""The signed heads of all channels' logs, in the stream `DRAGOMAN_SEAL`.

Each channel has one subject, with the newest head last. No head is ever removed. A head
is written over the one that was read, and over no other. So two signers cannot both
continue from the same head. The stream is created with a host's first channel, and
never by itself after that. A signer that does not find it has lost the signed heads.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.eventlog import stream_config
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection, Read, read_answer
from dragoman.stores.compare_and_set import WRONG_LAST, WriteConflict
from dragoman.text import sentence

STREAM: Final = "DRAGOMAN_SEAL"
_PREFIX: Final = "dragoman.seal.v1."
_NO_MESSAGE: Final = 10037
_RESTORED: Final = "Dragoman-Restored"
HEADS_AT_ONCE: Final = 1_000
"""Heads of one batched read. A broker gives at most 1,024 newest messages at once."""

_WINDOW_NS: Final = 120_000_000_000
"""The broker's own value: no head has a message id."""


class StoredHead(Struct, frozen=True, kw_only=True):
    """A signed checkpoint in the stream, with its sequence there.

    `taken` is the time at which the broker stored it. It is present if the head was
    read. `restored` says that it was written from a copy, and not by a signer.
    """

    seq: int
    note: bytes
    taken: datetime | None = None
    restored: bool = False


class _Message(Struct):
    seq: int
    data: bytes = b""
    hdrs: bytes = b""
    time: datetime | None = None


class _SealRead(Struct):
    message: _Message


_got = msgspec.json.Decoder(_SealRead).decode


class StreamMissing(LogUnreachable):
    """An error: the stream of heads does not exist."""


class SignedHeadStore:
    """Heads by channel, written and read through one connection."""

    def __init__(self, bus: NatsConnection) -> None:
        """Use the bus."""
        self._bus = bus

    @staticmethod
    async def create(steward: NatsConnection, replicas: int) -> None:
        """Create the stream, or find it. Raises `LogBroken`, `LogUnreachable`."""
        await stream_config.ensure_stream(steward, _configuration(replicas))

    async def check(self, replicas: int) -> None:
        """Raise unless the stream exists with its original settings.

        Raises `NoStore`, `LogBroken`, or `LogUnreachable`.
        """
        changed = stream_config.drift(
            (await self._about(STREAM))["config"], _configuration(replicas)
        )
        if changed:
            raise LogBroken(
                sentence(
                    "the settings of the stream %(stream)s were changed: %(changed)s: "
                    "put them back as the broker's administrator",
                    stream=STREAM,
                    changed=tuple(changed),
                )
            )

    async def knew(self, channel: str) -> bool:
        """Return whether the stream of heads is at least as old as the channel's log.

        A stream that was created later has not all heads that were signed. Raises the
        errors of `check`.
        """
        heads, log = [
            await self._about(name) for name in (STREAM, stream_config.stream_of(channel))
        ]
        return datetime.fromisoformat(heads["created"]) <= datetime.fromisoformat(log["created"])

    async def _about(self, name: str) -> dict[str, Any]:
        answer = await self._bus.api(f"STREAM.INFO.{name}")
        if "error" in answer:
            raise _failure(answer["error"])
        return answer

    async def newest(self, channel: str) -> StoredHead | None:
        """Return the newest head of a channel, by the stream's leader.

        Raises `NoStore` or `LogUnreachable`.
        """
        return await self._got({"last_by_subj": _PREFIX + channel})

    async def after(self, channel: str, seq: int) -> StoredHead | None:
        """Return the head of a channel that follows the one at a sequence.

        Raises `NoStore` or `LogUnreachable`.
        """
        return await self._got({"seq": seq + 1, "next_by_subj": _PREFIX + channel})

    async def newest_of_all(self) -> list[tuple[str, StoredHead]]:
        """Return the newest head of each channel, for up to `HEADS_AT_ONCE` channels.

        On a cluster any replica answers. Raises `LogUnreachable`, also if there are
        more channels.
        """
        return _heads_of(await self._bus.fetch_newest(STREAM, f"{_PREFIX}*", HEADS_AT_ONCE))

    async def all_after(self, seq: int) -> list[tuple[str, StoredHead]]:
        """Return the next heads of all channels after a sequence, up to a limit.

        On a cluster any replica answers. Raises `LogUnreachable`.
        """
        return _heads_of(await self._bus.fetch(STREAM, f"{_PREFIX}*", seq + 1, HEADS_AT_ONCE))

    async def _got(self, query: dict[str, object]) -> StoredHead | None:
        answer = await self._bus.request(
            f"$JS.API.STREAM.MSG.GET.{STREAM}", msgspec.json.encode(query)
        )
        failed = read_answer(answer.data).get("error")
        if failed is None:
            message = _got(answer.data).message
            return StoredHead(
                seq=message.seq,
                note=message.data,
                taken=message.time,
                restored=_RESTORED.encode() in message.hdrs,
            )
        if failed.get("err_code") == _NO_MESSAGE:
            return None
        raise _failure(failed)

    async def put(
        self, channel: str, note: bytes, over: StoredHead | None, *, restored: bool = False
    ) -> StoredHead:
        """Write a head over the one that was read, durably.

        `restored` marks it as one from a copy. Raises `WriteConflict` if the channel
        has another head by now. Raises `LogUnreachable` if it is not known whether the
        head was written.
        """
        headers = {"Nats-Expected-Last-Subject-Sequence": str(0 if over is None else over.seq)}
        if restored:
            headers[_RESTORED] = "true"
        answer = read_answer((await self._bus.request(_PREFIX + channel, note, headers)).data)
        if "error" in answer:
            if answer["error"].get("err_code") in WRONG_LAST:
                raise WriteConflict(channel)
            raise _failure(answer["error"])
        return StoredHead(seq=int(answer["seq"]), note=note)


def _heads_of(reads: list[Read]) -> list[tuple[str, StoredHead]]:
    return [
        (
            read.header(b"Nats-Subject").removeprefix(_PREFIX),
            StoredHead(
                seq=int(read.header(b"Nats-Sequence")),
                note=read.data,
                taken=datetime.fromisoformat(read.header(b"Nats-Time-Stamp")),
            ),
        )
        for read in reads
    ]


def _configuration(replicas: int) -> dict[str, Any]:
    return stream_config.durable_settings(STREAM, f"{_PREFIX}*", replicas) | {
        "duplicate_window": _WINDOW_NS
    }


def _failure(error: dict[str, Any]) -> LogUnreachable:
    if error.get("err_code") == stream_config.NO_STREAM:
        return StreamMissing(
            sentence(
                "the broker has no stream %(stream)s, where signed heads are kept", stream=STREAM
            )
        )
    return LogUnreachable(
        sentence("the broker answers %(answer)s", answer=error.get("description"))
    )
