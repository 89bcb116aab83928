"""A log read ahead by a process of its own: receiving and strictly reading it take one processor, folding it the other.

The caller reads by itself while that process starts, which takes as long as some thousands of records, and is then brought
page after page, a few of them ahead. Of each message it is told whether it is a well-formed record, so that it need not
read those as strictly again; what is none comes as bytes.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from dragoman.apart import Apart, pipe_of
from dragoman.domain.record import NotARecord, Record, parse, reread
from dragoman.limits import ELECTION_SECONDS, READ_RECORDS
from dragoman.log.connection import connected
from dragoman.log.jetstream import JetStreamLog
from dragoman.log.port import LogBroken, LogUnreachable
from dragoman.log.stream import last_of

Page = list[tuple[int, bytes | Record]]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[int, bytes, bool]]).decode
_PAUSE_SECONDS = 0.05
_BROKEN, _UNREACHABLE = b"broken: ", b"unreachable: "


async def read_ahead(url: str, seed: Path, channel: str) -> AsyncGenerator[Page, None]:
    """All messages of a log from position 1, in pages, to where it ends when it is begun. Raises `LogBroken`, `LogUnreachable`."""
    with _reader(url, seed, channel) as pipe:
        first = 1
        async with connected(url, "auditor", seed) as bus:
            log, last = JetStreamLog(channel, bus), await last_of(bus, channel)
            while not pipe.poll():
                found = await _page(log, first, last)
                if not found:
                    return
                yield [(position, raw) for position, raw in found]
                first = found[-1][0] + 1
        pipe.recv_bytes()
        pipe.send((first, last))
        brought = asyncio.create_task(asyncio.to_thread(_receive, pipe))
        try:
            while page := await brought:
                brought = asyncio.create_task(asyncio.to_thread(_receive, pipe))
                yield page
        finally:
            brought.cancel()


def _receive(pipe: Connection) -> Page:
    frame = pipe.recv_bytes()
    if frame.startswith(_BROKEN):
        raise LogBroken(frame.removeprefix(_BROKEN).decode())
    if frame.startswith(_UNREACHABLE):
        raise LogUnreachable(frame.removeprefix(_UNREACHABLE).decode())
    return [(position, reread(raw) if sound else raw) for position, raw, sound in _decode(frame)]


@contextmanager
def _reader(url: str, seed: Path, channel: str) -> Iterator[Connection]:
    """The pipe of a process that says when it is ready, is told where to begin, and sends pages until the end."""
    reader = Apart(__name__, url, str(seed), channel)
    try:
        yield reader.pipe
    finally:
        reader.kill()


def _run(pipe: Connection, url: str, seed: Path, channel: str) -> None:
    try:
        asyncio.run(_send(pipe, url, seed, channel))
    except LogBroken as error:
        pipe.send_bytes(_BROKEN + str(error).encode())
    except LogUnreachable as error:
        pipe.send_bytes(_UNREACHABLE + str(error).encode())
    except (BrokenPipeError, EOFError, ConnectionResetError):
        pass  # the caller needs no more


async def _send(pipe: Connection, url: str, seed: Path, channel: str) -> None:
    async with connected(url, "auditor", seed) as bus:
        log = JetStreamLog(channel, bus)
        pipe.send_bytes(b"ready")
        first, last = pipe.recv()
        while page := await _page(log, first, last):
            pipe.send_bytes(_encode([(position, raw, _is_record(raw)) for position, raw in page]))
            first = page[-1][0] + 1
        pipe.send_bytes(_encode(page))


def _is_record(raw: bytes) -> bool:
    try:
        parse(raw)
    except NotARecord:
        return False
    return True


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
    _run(pipe_of(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4])
