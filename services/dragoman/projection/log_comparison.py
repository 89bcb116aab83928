"""The comparison of a log with what a gateway has folded from it.

`Projection.walk` compares the whole log, `Projection` also its newest message whenever
it has reached the end of the log.
"""

import asyncio
from collections.abc import Callable

from dragoman.eventlog.event_log import EventLog, LogBroken, LogUnreachable
from dragoman.limits import POLL_SECONDS, WALK_RECORDS, WALK_REST
from dragoman.projection.store import Store
from dragoman.text import sentence
from dragoman.tlog import leaf


def compare_message(
    channel: str, position: int, in_log: bytes | None, in_projection: bytes
) -> None:
    """Raise `LogBroken` unless the log still has the message that was folded.

    `in_log` is None where the log has no message at the position. The log may have the
    bytes of a record that was erased here.
    """
    if in_log == in_projection or _is_entry_of(position, in_projection, in_log):
        return
    if in_log is not None and _is_entry_of(position, in_log, in_projection):
        raise LogBroken(
            sentence(
                "at position %(position)s the log of %(channel)s "
                "has what is left of a record that was erased, "
                "and this gateway has its bytes: "
                "stop it, remove its projection, and start it again",
                position=position,
                channel=channel,
            )
        )
    at = {"position": position, "channel": channel}
    reason = (
        sentence(
            "at position %(position)s the log of %(channel)s has nothing "
            "where this gateway had folded a record from it: "
            "restore the broker's store from a copy",
            **at,
        )
        if in_log is None
        else sentence(
            "at position %(position)s the log of %(channel)s has another record "
            "than this gateway had folded from it: "
            "restore the broker's store from a copy",
            **at,
        )
    )
    raise LogBroken(reason)


async def compare_log(
    log: EventLog, store: Store, last: int, is_broken: Callable[[], bool]
) -> None:
    """Compare a log once, up to a position, with the messages in the file.

    Rests between two reads, unless the log is broken already. Raises `LogBroken`.
    """
    loop = asyncio.get_running_loop()
    position = 0
    while position < last:
        begun = loop.time()
        most = min(WALK_RECORDS, last - position)
        try:
            messages = await log.read_kept(position + 1, most)
        except LogUnreachable:
            await asyncio.sleep(POLL_SECONDS)
            continue
        raws = await asyncio.wrap_future(
            store.in_thread(store.raws, log.channel, position + 1, position + max(1, len(messages)))
        )
        for offset, raw in enumerate(raws):
            compare_message(
                log.channel, position + 1 + offset, messages[offset].raw if messages else None, raw
            )
        position += len(messages)
        if not is_broken():
            await asyncio.sleep((loop.time() - begun) * WALK_REST)


def _is_entry_of(position: int, entry: bytes, raw: bytes | None) -> bool:
    """Return whether `entry` is the leaf entry that stands for the record `raw`."""
    return raw is not None and leaf.read_entry(entry) == (position - 1, leaf.commit(raw))
