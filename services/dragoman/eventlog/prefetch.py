"""A log read ahead by a process of its own: receiving and strictly reading it take one processor, folding it the other.

The caller reads by itself while that process starts, which takes as long as some
thousands of records, and is then brought page after page, a few of them ahead. Of each
message it is told whether it is a well-formed record, so that it need not read those as
strictly again; what is none comes as bytes. Receiving and strict reading together take
less than folding.
"""

import asyncio
import gc
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from dragoman.domain.record.codec import NotARecord, Record, parse, reread
from dragoman.eventlog.bulk_reader import Pages
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.eventlog.nats_connection import connected
from dragoman.eventlog.stream_config import last_of
from dragoman.text import packed, unpacked
from dragoman.worker_process import Pipe, WorkerProcess

Page = list[tuple[int, bytes | Record]]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[int, bytes, str]]).decode
_ASK_SECONDS = 0.001
"""Until the next page has been asked for: the broker reads it while this one is read
strictly.
"""
_BROKEN, _UNREACHABLE = b"broken: ", b"unreachable: "


async def read_ahead(url: str, seed: Path, channel: str) -> AsyncGenerator[Page, None]:
    """Return all messages of a log from position 1, in pages, to where it ends when it is begun. Raises `LogBroken`, `LogUnreachable`."""
    with _reader(url, seed, channel) as wire:
        first = 1
        async with connected(url, "auditor", seed) as bus:
            last = await last_of(bus, channel)
            pages = Pages(channel, bus, first, last)
            while not wire.waiting:
                rows = await pages.next()
                if not rows:
                    return
                yield [(position, raw) for position, raw in rows]
                first = rows[-1][0] + 1
        wire.receive()
        wire.send(msgspec.msgpack.encode((first, last)))
        while page := _read(
            wire.receive() if wire.waiting else await asyncio.to_thread(wire.receive)
        ):
            yield page


def _read(message: bytes) -> Page:
    if message.startswith(_BROKEN):
        raise LogBroken(unpacked(message.removeprefix(_BROKEN).decode()))
    if message.startswith(_UNREACHABLE):
        raise LogUnreachable(unpacked(message.removeprefix(_UNREACHABLE).decode()))
    return [
        (position, reread(raw, commit) if commit else raw)
        for position, raw, commit in _decode(message)
    ]


@contextmanager
def _reader(url: str, seed: Path, channel: str) -> Iterator[Pipe]:
    """Yield the wire of a process that says when it is ready, is told where to begin, and sends pages until the end."""
    reader = WorkerProcess(__name__, url, str(seed), channel)
    try:
        yield reader.wire
    finally:
        reader.kill()


def run(wire: Pipe, url: str, seed: str, channel: str) -> None:
    """The process: read from where it is told to begin, until the caller needs no more."""
    gc.set_threshold(50_000, 20, 100)  # what it reads and passes on is in no cycle
    try:
        asyncio.run(_send(wire, url, Path(seed), channel))
    except LogBroken as error:
        wire.send(_BROKEN + packed(error.said).encode())
    except LogUnreachable as error:
        wire.send(_UNREACHABLE + packed(error.said).encode())
    except (BrokenPipeError, EOFError, ConnectionResetError):
        pass  # the caller needs no more


async def _send(wire: Pipe, url: str, seed: Path, channel: str) -> None:
    """Pages, strictly read, one after the other."""
    async with connected(url, "auditor", seed) as bus:
        wire.send(b"ready")
        pages = Pages(channel, bus, *msgspec.msgpack.decode(wire.receive(), type=tuple[int, int]))
        coming = asyncio.create_task(pages.next())
        while page := await coming:
            coming = asyncio.create_task(pages.next())
            await asyncio.sleep(_ASK_SECONDS)
            wire.send(_encode([(position, raw, _commit_of(raw)) for position, raw in page]))
        wire.send(_encode(page))


def _commit_of(raw: bytes) -> str:
    """Return the record's commitment; empty for what is none."""
    try:
        return parse(raw).commit
    except NotARecord:
        return ""
