"""The filling of a station's copy of one channel with what its host records.

After each connection, nothing that comes is folded until one signed head covers the
kept records and the new ones together. A host that went back and grew again shows
itself there. From then on a record rings as soon as it comes, and settles under the
next head.
A station that is far behind reads the records in bulk, and proves each batch by tiles.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

import structlog

from dragoman.client import Garbled, ProblemResponse, Unreachable
from dragoman.domain.acts.erasure import Withheld, merge_named, named_in
from dragoman.eventlog.archive_damage import ArchiveDamaged
from dragoman.eventlog.settled_copy import BATCH, ServedTree, UnprovenHead
from dragoman.station.copy_log import CopyLog
from dragoman.station.link import End, Head, HostLink, StreamEvent, raw_of
from dragoman.text import Text, sentence
from dragoman.tlog import leaf

log = structlog.get_logger()

_FAR: Final = 2 * BATCH
"""The records from which on a copy that is behind is filled in bulk."""

_BULK: Final = 8 * BATCH
_AWAITED_SECONDS: Final = 8.0
"""Seconds for which the records of a signed head may be on their way."""

_UNSIGNED_SECONDS: Final = 30.0
"""Seconds after which records that no signed head covers are said to be so."""

_SHORTEST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 1.0

HeadTaken = Callable[[bytes], Awaitable[None]]
"""A function that is called with each head under which the copy stands."""


class MissingPosition(Exception):
    """A stream left a position out."""


class CopyFollower:
    """The filling of one channel's copy, for ever."""

    def __init__(
        self,
        link: HostLink,
        copy: CopyLog,
        *,
        head_taken: HeadTaken,
        expect: Callable[[Mapping[int, Withheld]], None],
        convicted: Callable[[Text], None],
    ) -> None:
        """Fill a copy over a link.

        `expect` announces records that coming erasures name to the fold. `convicted` is
        called once the host contradicts itself.
        """
        self._link, self._copy = link, copy
        self._head_taken, self._expect, self._convicted = head_taken, expect, convicted
        self._is_proven = False
        self._waiting: list[bytes] = []
        self._newest: bytes | None = None
        self._taken: bytes | None = None
        self._end = 0
        self.end: tuple[int, float] | None = None
        """The host's last word of how many records its log has, and when it came."""
        self._refusal: Text | None = None
        self._doubt: Text | None = None
        self._ahead: tuple[int, float] | None = None
        self._unsigned_since: float | None = None

    @property
    def hindrance(self) -> Text | None:
        """A reason to doubt what the host shows, or else why nothing is taken from it.

        None if all is well.
        """
        return self._doubt or self._refusal or self._unsigned()

    def _unsigned(self) -> Text | None:
        """Return the doubt about records that no signed head covers for too long."""
        since, now = self._unsigned_since, asyncio.get_running_loop().time()
        if since is None or now - since < _UNSIGNED_SECONDS:
            return None
        return sentence(
            "%(n)s records came, and no signed head covers them: the host's signer has stopped, or "
            "the host keeps its heads back",
            n=len(self._copy.staged) + len(self._waiting),
        )

    async def run(self) -> None:
        """Follow until the host is convicted."""
        pause = _SHORTEST_PAUSE
        while self._copy.settled.conviction is None:
            begun = asyncio.get_running_loop().time()
            try:
                await self._follow()
            except UnprovenHead as error:
                self._doubt = sentence("the host proves nothing: %(error)s", error=error.args[0])
                log.warning(
                    "station.head_not_proven", channel=self._copy.channel, reason=str(error)
                )
            except (Garbled, MissingPosition) as error:
                self._doubt = sentence(
                    "the host sends what cannot be taken: %(error)s", error=str(error)
                )
                log.warning("station.line_lost", channel=self._copy.channel, reason=str(error))
            except Unreachable as error:
                log.info("station.line_lost", channel=self._copy.channel, reason=str(error))
            except ProblemResponse as error:
                self._link.refused()
                self._refusal = sentence(
                    "the host answers %(status)s: %(detail)s",
                    status=error.problem.status,
                    detail=error.problem.detail,
                )
                log.warning(
                    "station.refused",
                    channel=self._copy.channel,
                    reason=str(self._refusal),
                    do="see that this station is in office in the channel, with its key",
                )
            except (ArchiveDamaged, OSError) as error:
                self._refusal = sentence("the copy here: %(error)s", error=str(error))
                log.critical(
                    "station.copy_in_doubt",
                    channel=self._copy.channel,
                    reason=str(error),
                    do="see to the disk; dragoman audit repair mends the copy's folder",
                )
            lasted = asyncio.get_running_loop().time() - begun
            pause = _SHORTEST_PAUSE if lasted > _LONGEST_PAUSE else min(2 * pause, _LONGEST_PAUSE)
            await asyncio.sleep(pause)
        fault = self._copy.fault
        assert fault is not None
        log.critical(
            "station.host_convicted",
            channel=self._copy.channel,
            reason=str(fault),
            do="keep the copy's folder; tell the other sides; see docs/operating-watch.md",
        )
        self._convicted(fault)

    async def _follow(self) -> None:
        """Follow over one connection. Raises the errors of the link."""
        self._is_proven, self._waiting, self._newest, self._end = False, [], None, 0
        channel = self._copy.channel
        await self._link.learn_time()
        note = await self._link.checkpoint(channel)
        size = None if note is None else self._copy.settled.size_of(note)
        if note is not None and size is None:
            await self._head(note)  # which refuses it
        elif note is not None and size is not None and size < self._copy.settled_size:
            await self._head(note)  # its host refuses a stream from beyond its own end
        elif note is not None and size is not None and size - self._copy.settled_size > _FAR:
            await self._fill(note, size)
        # A host that lost its end, or goes on from a copy, has not all that rang here.
        is_behind = size is not None and size < self._copy.size
        after = self._copy.settled_size if is_behind else self._copy.size
        async for events in self._link.stream(channel, after):
            self._refusal = None
            await self._take(events)
            if self._copy.settled.conviction is not None:
                return

    async def _take(self, events: list[StreamEvent]) -> None:
        """Take all events of one read: the records with one fsync, then the heads."""
        self._copy.cut()
        messages: list[bytes] = []
        end: int | None = None
        for event in events:
            match event:
                case Head(note):
                    self._newest = note
                case End(position):
                    end = position
                case _:
                    wanted = self._copy.size + len(self._waiting) + len(messages) + 1
                    if event.position > wanted:
                        raise MissingPosition(
                            f"position {wanted} is missing: {event.position} comes in its place"
                        )
                    if event.position == wanted:
                        messages.append(event.raw)
        if messages:
            await self._take_records(messages)
        if self._newest is not None:
            await self._head(self._newest)
        if not (self._copy.staged or self._waiting):
            self._unsigned_since = None
        elif self._unsigned_since is None:
            self._unsigned_since = asyncio.get_running_loop().time()
        self._note_end(end, is_fresh=bool(messages))

    def _note_back(self, size: int) -> None:
        """Note whether the host shows less than is settled here."""
        self._doubt = (
            sentence(
                "the host shows %(size)s records, and %(settled)s of them are settled here: it "
                "went back, or shows an old state. Nothing more is taken until it shows them again",
                size=size,
                settled=self._copy.settled_size,
            )
            if size < self._copy.settled_size
            else None
        )

    def _note_ahead(self, size: int) -> None:
        """Note a head of more records than come, and since when they are awaited."""
        now = asyncio.get_running_loop().time()
        if self._ahead is None or self._ahead[0] < size:
            self._ahead = size, self._ahead[1] if self._ahead is not None else now
        elif now - self._ahead[1] > _AWAITED_SECONDS:
            self._doubt = sentence(
                "a head of %(size)s records is signed, and the host gives %(here)s: ask it for the "
                "others, and keep that head",
                size=size,
                here=self._copy.size + len(self._waiting),
            )

    def _note_end(self, end: int | None, *, is_fresh: bool) -> None:
        """Note how far the host's log goes, by its word or by its newest record."""
        if end is not None:
            self._end = end
            self.end = end, asyncio.get_running_loop().time()
            if end < self._copy.settled_size:
                self._note_back(end)
        is_whole = self._copy.size >= self._end and not self._waiting
        self._copy.end.is_behind = not is_whole
        if is_whole and (end is not None or is_fresh):
            self._copy.end.heard(asyncio.get_running_loop().time())

    async def _take_records(self, messages: Sequence[bytes]) -> None:
        if any(leaf.read_entry(raw) is not None for raw in messages):
            await self._read_ahead()
        if self._is_proven:
            await self._copy.stage(messages)
        else:
            self._waiting += messages

    async def _head(self, note: bytes) -> None:
        """Settle what a head covers, or compare it with what is settled."""
        size = self._copy.settled.size_of(note)
        base = self._copy.settled_size
        have = self._copy.size + len(self._waiting)
        if size is None:  # whoever answers may be nobody's host, so this convicts nobody
            path = await asyncio.to_thread(self._copy.keep_foreign, note)
            raise UnprovenHead(
                sentence(
                    "its head is not signed by this log. Telephone what cannot wait, and ask the "
                    "host's operator. The head is kept in %(path)s",
                    path=str(path),
                )
            )
        if size > have:
            self._note_ahead(size)
            return  # its records are on the way
        self._newest = None
        self._ahead = None
        self._note_back(size)
        if size <= base:
            if not await self._copy.compare(note):
                return
            is_covered = size == base and not self._copy.staged
        else:
            messages = [*self._copy.staged, *self._waiting][: size - base]
            waited = len(messages) - len(self._copy.staged)
            if not await self._copy.settle(messages, note):
                return
            del self._waiting[: max(0, waited)]
            is_covered = not self._copy.staged
        if is_covered and not self._is_proven:
            self._is_proven = True
        if self._is_proven and self._waiting:
            messages, self._waiting = self._waiting, []
            await self._copy.stage(messages)
        if note != self._taken:
            self._taken = note
            await self._head_taken(note)

    async def _fill(self, note: bytes, size: int) -> None:
        """Settle records in bulk up to a head, each batch proven by tiles."""
        channel, copy = self._copy.channel, self._copy
        tree = ServedTree(size, partial(self._link.tile, channel))
        batch: list[bytes] = []
        async for page in self._pages():
            for position, raw in page:
                if position != copy.settled_size + len(batch) + 1:
                    raise MissingPosition(
                        f"position {copy.settled_size + len(batch) + 1} is missing"
                    )
                batch.append(raw)
            have = min(size, copy.settled_size + len(batch))
            is_whole = have == size
            if not is_whole and len(batch) < _BULK:
                continue
            count = (have if is_whole else have // BATCH * BATCH) - copy.settled_size
            if any(leaf.read_entry(raw) is not None for raw in batch[:count]):
                await self._read_ahead()
            sizes = copy.settled_size, copy.settled_size + count
            nodes = None if is_whole else await tree.nodes(*sizes)
            if not await copy.settle(batch[:count], note, nodes):
                return
            del batch[:count]
            if is_whole:
                return

    async def _pages(self) -> AsyncGenerator[list[tuple[int, bytes]], None]:
        """Yield the records after those that are settled, page by page."""
        first = self._copy.settled_size + 1
        async for entries in self._link.records(self._copy.channel, first):
            yield [(entry.position, raw_of(entry)) for entry in entries]

    async def _read_ahead(self) -> None:
        """Read the host's log to its end for the erasures that explain an entry."""
        withhelds: Mapping[int, Withheld] = {}
        async for page in self._pages():
            withhelds = merge_named(withhelds, named_in(page))
        self._copy.expect(dict(withhelds))
        self._expect({**self._copy.settled.named()})
