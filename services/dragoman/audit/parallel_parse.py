"""Messages read strictly, and their signatures verified, by as many processes as there are processors, while the caller folds them.

Strict reading and a signature need no state but the keys' public parts; whose key it
was, and whether it was valid at that position, is judged by the fold. The caller begins
by itself while the processes start. Where one of them dies, the caller does its work.

    the caller → the keys that are new to it, and a page of messages        the process → of each the commitment, and the keys under which it holds
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
"""Pages on their way to each process: while one is worked on, the next one is there."""
_NICE: Final = 1
"""Who folds is one process, and has to have its turn among them."""
_ALONE: Final = 2_000
"""Messages that the caller reads by itself before it has others read: what takes no
longer than a process takes to start.
"""

_encode = msgspec.msgpack.Encoder().encode
_asked = msgspec.msgpack.Decoder(tuple[dict[str, bytes], list[bytes]]).decode
_read = msgspec.msgpack.Decoder(list[tuple[str, list[str]]]).decode


class _ParseProcess:
    """One process, and the keys that it knows."""

    def __init__(self) -> None:
        self._process = WorkerProcess(__name__)
        self._keys: dict[str, bytes] = {}

    def ask(self, page: list[bytes], keys: Mapping[str, bytes]) -> None:
        """Have a page read. Raises `OSError` where it has died."""
        fresh = {keyid: public for keyid, public in keys.items() if keyid not in self._keys}
        self._process.wire.send(_encode((fresh, page)))
        self._keys |= fresh

    def take(self, page: list[bytes]) -> list[bytes | Record]:
        """Return the oldest page that was asked for, read. Raises `EOFError`, `OSError` where it has died."""
        rows = _read(self._process.wire.receive())
        return [
            reread(raw, commit, tuple([(keyid, self._keys[keyid]) for keyid in keyids]))
            if commit
            else raw
            for raw, (commit, keyids) in zip(page, rows, strict=True)
        ]

    def end(self) -> None:
        """Let it go."""
        self._process.kill()


def read_strictly(
    messages: Iterable[bytes], keys: Callable[[], Mapping[str, bytes]]
) -> Iterator[bytes | Record]:
    """Yield the messages, as the records that they are where they were read already. `keys` gives the public parts of those known by now, by their ids."""
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
    """The process: read the pages that come, until the caller needs no more."""
    os.nice(_NICE)
    keys: dict[str, bytes] = {}
    while True:
        try:
            fresh, page = _asked(wire.receive())
            keys |= fresh
            wire.send(_encode([_looked_at(raw, keys) for raw in page]))
        except (EOFError, OSError):
            return


def _looked_at(raw: bytes, keys: Mapping[str, bytes]) -> tuple[str, list[str]]:
    """Return the commitment, empty for what is no record, and the known keys under which its signatures hold."""
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
