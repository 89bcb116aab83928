"""The comparison of a log with what a gateway has folded from it.

    what differs                                who is wrong
    ------------------------------------------  ----------------------------------------
    the file's bytes and their commitment       the file: it is built again
    the file's commitments and the folded tree  the file: it is built again
    the log's bytes and those of the file       the log: the channel becomes read-only

`Projection.walk` compares the whole log, `Projection` also its newest message whenever
it has reached the end of the log.
"""

import asyncio
from collections.abc import Callable

from dragoman.eventlog.event_log import Log, LogBroken, LogUnreachable
from dragoman.limits import POLL_SECONDS, WALK_RECORDS, WALK_REST
from dragoman.projection.folded_history import FoldedHistory
from dragoman.text import sentence
from dragoman.tlog import leaf


class FileDiffers(Exception):
    """An error: a row of the file that is not what was folded; the message names it."""


class LogDiffers(LogBroken):
    """An error: the log has not what was folded from it."""


class LogComparison:
    """The comparison of one channel's log with its folded messages.

    Its methods raise `LogDiffers` if the log is wrong, and `FileDiffers` if the file
    is.
    """

    def __init__(self, log: Log, history: FoldedHistory) -> None:
        """Compare a log with a history."""
        self._log, self._history = log, history

    async def compare_newest(self) -> None:
        """Compare the newest folded message.

        Waits for a log that cannot be reached.
        """
        while position := self._history.state.position:
            try:
                messages = await self._log.read_kept(position, 1)
            except LogUnreachable:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            self.compare_message(position, messages[0].raw if messages else None)
            return

    async def compare_all(self, is_broken: Callable[[], bool]) -> None:
        """Compare all messages that are in the file now.

        Rests between two reads, unless the log is broken already.
        """
        loop = asyncio.get_running_loop()
        name, store, last = self._history.name, self._history.store, self._history.flushed
        position = 0
        while position < last:
            begun = loop.time()
            most = min(WALK_RECORDS, last - position)
            try:
                messages = await self._log.read_kept(position + 1, most)
            except LogUnreachable:
                await asyncio.sleep(POLL_SECONDS)
                continue
            rows = await asyncio.wrap_future(
                store.in_thread(store.raws, name, position + 1, position + max(1, len(messages)))
            )
            for offset in range(max(1, len(messages))):
                at = position + 1 + offset
                self._compare(at, messages[offset].raw if messages else None, rows.get(at))
            position += len(messages)
            if not is_broken():
                await asyncio.sleep((loop.time() - begun) * WALK_REST)

    def compare_message(self, position: int, in_log: bytes | None) -> None:
        """Compare one message of the log; None says that the log has none there."""
        pending = self._history.row(position)
        if pending is not None:
            self._compare(position, in_log, (pending.folded.raw, pending.commit))
        else:
            name, store = self._history.name, self._history.store
            self._compare(position, in_log, store.raws(name, position, position).get(position))

    def _compare(self, position: int, in_log: bytes | None, row: tuple[bytes, str] | None) -> None:
        """Compare a message with its bytes and its commitment in the file.

        The log may have the bytes of a record that was erased here.
        """
        if row is None:
            raise FileDiffers(f"the file has no record at position {position}")
        raw, commit = row
        if leaf.commit(raw) != commit and leaf.read_entry(raw) != (position - 1, commit):
            raise FileDiffers(f"the bytes at position {position} are not those of their commitment")
        if in_log == raw or _is_entry_of(position, raw, in_log):
            return
        if not self._history.is_in_tree(position):
            raise FileDiffers(f"the record at position {position} is not the one that was folded")
        at = {"position": position, "channel": self._history.name}
        if in_log is None:
            reason = sentence(
                "at position %(position)s the log of %(channel)s has nothing "
                "where this gateway had folded a record from it: "
                "restore the broker's store from a copy",
                **at,
            )
        elif _is_entry_of(position, in_log, raw):
            reason = sentence(
                "at position %(position)s the log of %(channel)s "
                "has what is left of a record that was erased, "
                "and this gateway has its bytes: "
                "stop it, remove its projection, and start it again",
                **at,
            )
        else:
            reason = sentence(
                "at position %(position)s the log of %(channel)s has another record "
                "than this gateway had folded from it: "
                "restore the broker's store from a copy",
                **at,
            )
        raise LogDiffers(reason)


_LOOK_SECONDS = 0.1


def _is_entry_of(position: int, entry: bytes, raw: bytes | None) -> bool:
    """Return whether `entry` is the leaf entry that stands for the record `raw`."""
    return raw is not None and leaf.read_entry(entry) == (position - 1, leaf.commit(raw))
