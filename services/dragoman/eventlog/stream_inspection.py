"""The inspection of one stream: its own description, and the message at the mark.

    created, fault = await inspected(bus, "nato-china", 1, mark, stored)

The stream's leader is asked for both. The description shows whether the settings are
right and no message is missing (`stream_config`). The message at the last known
position shows whether it is the same log.
"""

from collections.abc import Awaitable, Callable

from dragoman.eventlog.event_log import LogUnreachable, StoredMessage
from dragoman.eventlog.high_water_mark import HighWaterMark
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.eventlog.stream_config import NO_STREAM, fault_of, require_leader, stream_of
from dragoman.text import Text, sentence
from dragoman.tlog import leaf

Stored = Callable[[dict[str, object]], Awaitable[tuple[StoredMessage, str] | None]]
"""A function that returns the leader's message for a query, with its message id."""


async def inspected(
    bus: NatsConnection, channel: str, replicas: int, mark: HighWaterMark | None, stored: Stored
) -> tuple[str, Text | None]:
    """Return the time at which a stream was made, and its fault, if there is one.

    Raises `LogUnreachable`.
    """
    if mark is not None and mark.fault is not None:
        return "", mark.fault
    stream = stream_of(channel)
    mark_file = None if mark is None else mark.known
    info = await bus.api(f"STREAM.INFO.{stream}", {"deleted_details": True})
    if "error" in info and info["error"].get("err_code") != NO_STREAM:
        raise LogUnreachable(
            sentence("the broker answers %(answer)s", answer=info["error"].get("description"))
        )
    require_leader(info)
    fault = fault_of(info, channel, replicas, mark_file)
    if fault is None and mark_file is not None:
        message = await stored({"seq": mark_file.position})
        at = {"position": mark_file.position, "stream": stream}
        if message is None:
            fault = sentence(
                "at position %(position)s the stream %(stream)s holds nothing where a "
                "kept record stood: "
                "restore the broker's store from a copy",
                **at,
            )
        elif leaf.commit(message[0].raw) != mark_file.commit and leaf.read_entry(
            message[0].raw
        ) != (mark_file.position - 1, mark_file.commit):
            fault = sentence(
                "at position %(position)s the stream %(stream)s holds another message "
                "where a kept record stood: "
                "restore the broker's store from a copy",
                **at,
            )
    return str(info.get("created", "")), fault
