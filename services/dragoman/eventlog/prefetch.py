"""A reader of a log in a process of its own, which reads ahead of the caller.

Two processors share the work: this process receives and strictly reads the log, and the
caller folds it. The caller reads by itself while the process starts, which takes the
time of some thousand records. After that it receives page after page; the process is a
few pages ahead. The process marks each message that is a well-formed record, so that
the caller need not read it strictly again. Other messages come as bytes. Receiving and
strict reading together take less time than folding.
"""

import asyncio
import gc
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from dragoman.domain.record.codec import NotARecord, Record, parse, reread
from dragoman.eventlog.bulk_reader import BulkReader
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.eventlog.nats_connection import BrokerTls, connected
from dragoman.eventlog.stream_config import last_position
from dragoman.text import packed, unpacked
from dragoman.worker_process import Pipe, WorkerProcess

Page = list[tuple[int, bytes | Record]]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[int, bytes, str]]).decode
_ASK_SECONDS = 0.001
"""The time until the next page has been asked for.

The broker reads it while this process strictly reads the current page.
"""
_BROKEN, _UNREACHABLE = b"broken: ", b"unreachable: "


async def read_ahead(
    url: str, seed: Path, channel: str, tls: BrokerTls | None = None, first: int = 1
) -> AsyncGenerator[Page, None]:
    """Yield all messages of a log from a position on, in pages.

    The last page is at the end that the log has when this begins. Raises `LogBroken`,
    `LogUnreachable`.
    """
    with _reader(url, seed, channel, tls) as wire:
        async with connected(url, "auditor", seed, tls) as bus:
            last = await last_position(bus, channel)
            pages = BulkReader(channel, bus, first, last)
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
def _reader(url: str, seed: Path, channel: str, tls: BrokerTls | None) -> Iterator[Pipe]:
    """Yield the pipe to a process that reads pages.

    The process announces that it is ready and receives the first and last position.
    Then it sends pages until the end.
    """
    files = msgspec.json.encode(tls).decode()
    reader = WorkerProcess(__name__, url, str(seed), channel, files)
    try:
        yield reader.wire
    finally:
        reader.kill()


def run(wire: Pipe, url: str, seed: str, channel: str, files: str) -> None:
    """Run the process: read from the received position while the caller needs more.

    `files` are those of the encryption, as JSON.
    """
    tls = msgspec.json.decode(files, type=BrokerTls | None)
    gc.set_threshold(50_000, 20, 100)  # The pages that it passes on are in no cycle.
    try:
        asyncio.run(_send(wire, url, Path(seed), channel, tls))
    except LogBroken as error:
        wire.send(_BROKEN + packed(error.said).encode())
    except LogUnreachable as error:
        wire.send(_UNREACHABLE + packed(error.said).encode())
    except (BrokenPipeError, EOFError, ConnectionResetError):
        pass  # The caller needs no more.


async def _send(wire: Pipe, url: str, seed: Path, channel: str, tls: BrokerTls | None) -> None:
    """Send pages, strictly read, one after the other."""
    async with connected(url, "auditor", seed, tls) as bus:
        wire.send(b"ready")
        pages = BulkReader(
            channel, bus, *msgspec.msgpack.decode(wire.receive(), type=tuple[int, int])
        )
        coming = asyncio.create_task(pages.next())
        while page := await coming:
            coming = asyncio.create_task(pages.next())
            await asyncio.sleep(_ASK_SECONDS)
            wire.send(_encode([(position, raw, _commit_of(raw)) for position, raw in page]))
        wire.send(_encode(page))


def _commit_of(raw: bytes) -> str:
    """Return the record's commitment, or an empty text if the message is no record."""
    try:
        return parse(raw).commit
    except NotARecord:
        return ""
