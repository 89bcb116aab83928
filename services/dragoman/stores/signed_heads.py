"""The signed heads of all channels' logs, in the stream `DRAGOMAN_SEAL`: one subject a channel, the newest last, none ever removed.

A head is written over the one that was read, and over no other: two registrars cannot
both go on from the same head. The stream is made with a host's first channel, and never
by itself after that: a registrar that does not find it has lost what was signed.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.eventlog import stream_config
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.eventlog.nats_connection import Bus, read_answer
from dragoman.stores.compare_and_set import WRONG_LAST, WriteConflict
from dragoman.text import sentence

STREAM: Final = "DRAGOMAN_SEAL"
_PREFIX: Final = "dragoman.seal.v1."
_NO_MESSAGE: Final = 10037
_WINDOW_NS: Final = 120_000_000_000
"""A broker's own: no head bears a message id."""


class SealedHead(Struct, frozen=True, kw_only=True):
    """A signed checkpoint as it stands in the stream, its sequence there, and where it was read, when the broker took it."""

    seq: int
    note: bytes
    taken: datetime | None = None


class _Message(Struct):
    seq: int
    data: bytes = b""
    time: datetime | None = None


class _SealRead(Struct):
    message: _Message


_got = msgspec.json.Decoder(_SealRead).decode


class NoStore(LogUnreachable):
    """The stream of heads is not there."""


class SignedHeadStore:
    """Heads by channel, written and read through one connection."""

    def __init__(self, bus: Bus) -> None:
        """Use the bus."""
        self._bus = bus

    @staticmethod
    async def create(steward: Bus, replicas: int) -> None:
        """Make the stream, or find it. Raises `LogBroken`, `LogUnreachable`."""
        await stream_config.make(steward, _configuration(replicas))

    async def check(self, replicas: int) -> None:
        """The stream is there, and as it was made. Raises `NoStore`, `LogBroken`, `LogUnreachable`."""
        changed = stream_config.drift(
            (await self._about(STREAM))["config"], _configuration(replicas)
        )
        if changed:
            raise LogBroken(
                sentence(
                    "the settings of the stream %(stream)s were changed: %(changed)s: put them back as the broker's administrator",
                    stream=STREAM,
                    changed=tuple(changed),
                )
            )

    async def knew(self, channel: str) -> bool:
        """Return whether heads were kept before the channel's log was made: one that was made later knows nothing of what was signed. Raises as `check` does."""
        kept, log = [await self._about(text) for text in (STREAM, stream_config.stream_of(channel))]
        return datetime.fromisoformat(kept["created"]) <= datetime.fromisoformat(log["created"])

    async def _about(self, name: str) -> dict[str, Any]:
        answer = await self._bus.api(f"STREAM.INFO.{name}")
        if "error" in answer:
            raise _failure(answer["error"])
        return answer

    async def newest(self, channel: str) -> SealedHead | None:
        """Return the newest head of a channel, by the stream's leader. Raises `NoStore`, `LogUnreachable`."""
        return await self._got({"last_by_subj": _PREFIX + channel})

    async def after(self, channel: str, seq: int) -> SealedHead | None:
        """Return the head of a channel that follows the one at a sequence. Raises `NoStore`, `LogUnreachable`."""
        return await self._got({"seq": seq + 1, "next_by_subj": _PREFIX + channel})

    async def _got(self, query: dict[str, object]) -> SealedHead | None:
        answer = await self._bus.request(
            f"$JS.API.STREAM.MSG.GET.{STREAM}", msgspec.json.encode(query)
        )
        failed = read_answer(answer.data).get("error")
        if failed is None:
            message = _got(answer.data).message
            return SealedHead(seq=message.seq, note=message.data, taken=message.time)
        if failed.get("err_code") == _NO_MESSAGE:
            return None
        raise _failure(failed)

    async def put(self, channel: str, note: bytes, over: SealedHead | None) -> SealedHead:
        """Write a head over the one that was read; it is durable when this returns.

        Raises `Moved` where another one stands there by now, `LogUnreachable` where it
        is not known what stands there.
        """
        headers = {"Nats-Expected-Last-Subject-Sequence": str(0 if over is None else over.seq)}
        answer = read_answer((await self._bus.request(_PREFIX + channel, note, headers)).data)
        if "error" in answer:
            if answer["error"].get("err_code") in WRONG_LAST:
                raise WriteConflict(channel)
            raise _failure(answer["error"])
        return SealedHead(seq=int(answer["seq"]), note=note)


def _configuration(replicas: int) -> dict[str, Any]:
    return stream_config.kept(STREAM, f"{_PREFIX}*", replicas) | {"duplicate_window": _WINDOW_NS}


def _failure(error: dict[str, Any]) -> LogUnreachable:
    if error.get("err_code") == stream_config.NO_STREAM:
        return NoStore(
            sentence(
                "the broker has no stream %(stream)s, where signed heads are kept", stream=STREAM
            )
        )
    return LogUnreachable(
        sentence("the broker answers %(answer)s", answer=error.get("description"))
    )
