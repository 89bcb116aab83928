"""Strict reading and signature verification in one process for each processor.

The caller folds the messages meanwhile. Strict reading and verification need no state
but the public keys. The fold judges whose key it was, and whether it was valid at that
position. The caller begins by itself while the processes start. If a process dies, the
caller does its work.

    caller → process    the keys that are new to the process, and a page of messages
    process → caller    for each message its commitment, and the keys of its valid
                        signatures
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

import msgspec
import structlog

from dragoman.domain.record.codec import NotARecord, Record, parse, reread
from dragoman.limits import SIGNATURES
from dragoman.tlog import dsse
from dragoman.worker_process import Pipe, WorkerProcess

log = structlog.get_logger()

_PAGE: Final = 200
_AHEAD: Final = 3
"""The pages on their way to each process, so that the next one is there in time."""
_NICE: Final = 1
"""The niceness of the processes: the folding process must get its turn among them."""
_ALONE: Final = 2_000
"""The messages that the caller reads by itself before it starts the processes.

Reading them takes no longer than the start of a process.
"""

_encode = msgspec.msgpack.Encoder().encode
_decode_request = msgspec.msgpack.Decoder(tuple[dict[str, bytes], list[bytes]]).decode
_decode_response = msgspec.msgpack.Decoder(list[tuple[str, list[str]]]).decode


class _ParseProcess:
    """One process, and the keys that it has received."""

    def __init__(self) -> None:
        self._process = WorkerProcess(__name__)
        self._keys: dict[str, bytes] = {}

    def ask(self, page: list[bytes], keys: Mapping[str, bytes]) -> None:
        """Send a page to be read. Raises `OSError` if the process has died."""
        fresh = {keyid: public for keyid, public in keys.items() if keyid not in self._keys}
        self._process.wire.send(_encode((fresh, page)))
        self._keys |= fresh

    def take(self, page: list[bytes]) -> list[bytes | Record]:
        """Return the oldest page that was sent, read.

        Raises `EOFError` or `OSError` if the process has died.
        """
        rows = _decode_response(self._process.wire.receive())
        return [
            reread(raw, commit, tuple([(keyid, self._keys[keyid]) for keyid in keyids]))
            if commit
            else raw
            for raw, (commit, keyids) in zip(page, rows, strict=True)
        ]

    def end(self) -> None:
        """Kill the process."""
        self._process.kill()


def read_strictly(
    messages: Iterable[bytes], keys: Callable[[], Mapping[str, bytes]]
) -> Iterator[bytes | Record]:
    """Yield the messages, as records if a process has read them.

    `keys` returns the public keys that are entered by now, by their ids.
    """
    coming = iter(messages)
    yield from islice(coming, _ALONE)
    page = list(islice(coming, _PAGE))
    if len(page) < _PAGE:
        yield from page
        return
    readers = deque(_ParseProcess() for _ in range(os.cpu_count() or 1))
    turns: deque[tuple[_ParseProcess, list[bytes]]] = deque()
    try:
        while page or turns:
            while page and len(turns) < _AHEAD * len(readers):
                turns.append((readers[0], page))
                readers.rotate(-1)
                turns[-1][0].ask(page, keys())
                page = list(islice(coming, _PAGE))
            reader, oldest = turns[0]
            read = reader.take(oldest)
            turns.popleft()
            yield from read
    except (EOFError, OSError) as error:
        log.warning("audit.reader_died", reason=repr(error), do="nothing: what it had is read here")
        for _, waiting in turns:
            yield from waiting
        if not any(waiting is page for _, waiting in turns):
            yield from page
        yield from coming
    finally:
        for parse_process in readers:
            parse_process.end()


def run(wire: Pipe) -> None:
    """Run the process: read the pages that come, until the caller needs no more."""
    os.nice(_NICE)
    keys: dict[str, bytes] = {}
    while True:
        try:
            fresh, page = _decode_request(wire.receive())
            keys |= fresh
            wire.send(_encode([_parse_and_verify(raw, keys) for raw in page]))
        except (EOFError, OSError):
            return


def _parse_and_verify(raw: bytes, keys: Mapping[str, bytes]) -> tuple[str, list[str]]:
    """Return the commitment of a message, and the ids of the keys of valid signatures.

    The commitment is empty for a message that is no record.
    """
    try:
        record = parse(raw)
    except NotARecord:
        return "", []
    text = record.envelope.signatures
    signatures = dsse.read_signatures(text, SIGNATURES) if isinstance(text, str) else None
    result = (signatures or {}).items()
    return record.commit, [
        keyid
        for keyid, data in result
        if keyid in keys and dsse.verify(keys[keyid], record.act, data)
    ]
