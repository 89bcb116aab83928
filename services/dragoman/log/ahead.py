"""A log read ahead by a process of its own: receiving and strictly reading it take one processor, folding it the other.

The caller reads by itself while that process starts, which takes as long as some thousands of records, and is then brought
page after page, a few of them ahead. Of each message it is told whether it is a well-formed record, so that it need not
read those as strictly again; what is none comes as bytes. Receiving and strict reading together take less than folding.
"""

import asyncio
import gc
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from dragoman.apart import Apart, Wire, called
from dragoman.domain.record import NotARecord, Record, parse, reread
from dragoman.limits import ELECTION_SECONDS, READ_RECORDS
from dragoman.log.connection import connected
from dragoman.log.jetstream import JetStreamLog
from dragoman.log.port import LogBroken, LogUnreachable
from dragoman.log.stream import last_of

Page = list[tuple[int, bytes | Record]]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[int, bytes, str]]).decode
_PAUSE_SECONDS = 0.05
_ASK_SECONDS = 0.001
"""Until the next page has been asked for: the broker reads it while this one is read strictly."""
_BROKEN, _UNREACHABLE = b"broken: ", b"unreachable: "


async def read_ahead(url: str, seed: Path, channel: str) -> AsyncGenerator[Page, None]:
    """All messages of a log from position 1, in pages, to where it ends when it is begun. Raises `LogBroken`, `LogUnreachable`."""
    with _reader(url, seed, channel) as wire:
        first = 1
        async with connected(url, "auditor", seed) as bus:
            log, last = JetStreamLog(channel, bus), await last_of(bus, channel)
            while not wire.waiting:
                found = await _page(log, first, last)
                if not found:
                    return
                yield [(position, raw) for position, raw in found]
                first = found[-1][0] + 1
        wire.receive()
        wire.send(msgspec.msgpack.encode((first, last)))
        while page := _read(wire.receive() if wire.waiting else await asyncio.to_thread(wire.receive)):
            yield page


def _read(message: bytes) -> Page:
    if message.startswith(_BROKEN):
        raise LogBroken(message.removeprefix(_BROKEN).decode())
    if message.startswith(_UNREACHABLE):
        raise LogUnreachable(message.removeprefix(_UNREACHABLE).decode())
    return [(position, reread(raw, commit) if commit else raw) for position, raw, commit in _decode(message)]


@contextmanager
def _reader(url: str, seed: Path, channel: str) -> Iterator[Wire]:
    """The wire of a process that says when it is ready, is told where to begin, and sends pages until the end."""
    reader = Apart(__name__, url, str(seed), channel)
    try:
        yield reader.wire
    finally:
        reader.kill()


def _run(wire: Wire, url: str, seed: Path, channel: str) -> None:
    try:
        asyncio.run(_send(wire, url, seed, channel))
    except LogBroken as error:
        wire.send(_BROKEN + str(error).encode())
    except LogUnreachable as error:
        wire.send(_UNREACHABLE + str(error).encode())
    except (BrokenPipeError, EOFError, ConnectionResetError):
        pass  # the caller needs no more


async def _send(wire: Wire, url: str, seed: Path, channel: str) -> None:
    """Pages, strictly read, one after the other."""
    async with connected(url, "auditor", seed) as bus:
        log = JetStreamLog(channel, bus)
        wire.send(b"ready")
        first, last = msgspec.msgpack.decode(wire.receive(), type=tuple[int, int])
        coming = asyncio.create_task(_page(log, first, last))
        while page := await coming:
            coming = asyncio.create_task(_page(log, page[-1][0] + 1, last))
            await asyncio.sleep(_ASK_SECONDS)
            wire.send(_encode([(position, raw, _commit_of(raw)) for position, raw in page]))
        wire.send(_encode(page))


def _commit_of(raw: bytes) -> str:
    """The record's commitment; empty for what is none."""
    try:
        return parse(raw).commit
    except NotARecord:
        return ""


async def _page(log: JetStreamLog, first: int, last: int) -> list[tuple[int, bytes]]:
    """The next page; empty at the end. A replica that is behind, and has nothing yet, is asked again."""
    deadline = asyncio.get_running_loop().time() + ELECTION_SECONDS
    while first <= last:
        page = [(message.position, message.raw) for message in await log.read(first, min(READ_RECORDS, last - first + 1))]
        if page:
            return page
        if asyncio.get_running_loop().time() > deadline:
            raise LogBroken(f"position {first} of {log.channel} is missing: the log is said to end at {last}")
        await asyncio.sleep(_PAUSE_SECONDS)
    return []


if __name__ == "__main__":
    wire, (url, seed, channel) = called(sys.argv)
    gc.set_threshold(50_000, 20, 100)  # what it reads and passes on is in no cycle
    _run(wire, url, Path(seed), channel)
