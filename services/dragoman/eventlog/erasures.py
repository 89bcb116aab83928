"""The erasures in a log, read before the log is folded.

An entry stands for a record only if a later erasure names the record.
"""

import asyncio
from collections.abc import Iterable

from dragoman.domain.acts.erasure import Withheld, merge_named, named_in
from dragoman.eventlog.event_log import Log, LogUnreachable, StoredMessage
from dragoman.limits import POLL_SECONDS, READ_RECORDS
from dragoman.tlog import leaf


def has_entries(messages: Iterable[StoredMessage]) -> bool:
    """Return whether a message is a leaf entry, which may stand for a record."""
    return any(leaf.read_entry(message.raw) is not None for message in messages)


async def named_from(log: Log, position: int) -> dict[int, Withheld]:
    """Return the records that erasures name, from a position to the log's end.

    A log that cannot be reached is waited for. Raises `LogBroken`.
    """
    withheld_records: dict[int, Withheld] = {}
    while True:
        try:
            stored_messages = await log.read(position, READ_RECORDS)
        except LogUnreachable:
            await asyncio.sleep(POLL_SECONDS)
            continue
        if not stored_messages:
            return withheld_records
        withheld_records = merge_named(
            withheld_records,
            named_in((message.position, message.raw) for message in stored_messages),
        )
        position = stored_messages[-1].position + 1
