"""A channel's stream: its settings, and the check of a stream against them.

The settings forbid everything that could remove, change or reorder a message, and no
setting may be missing. The broker's administrator can still change settings, and a
damaged store can lose messages silently. So settings and state are both checked: when a
gateway starts, and after every reconnection. They are checked as well whenever a list
of all streams shows a reason, and at intervals (`tail`).
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from dragoman.eventlog.event_log import LogBroken, LogUnreachable, StoredMessage
from dragoman.eventlog.high_water_mark import HighWaterMark, MarkFile
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.limits import DEDUPE_SECONDS, ELECTION_SECONDS, MESSAGE_BYTES
from dragoman.text import Text, sentence
from dragoman.tlog import leaf

PREFIX: Final = "DRAGOMAN_LOG_"
ALL_SUBJECTS: Final = "dragoman.v1.>"
NO_STREAM: Final = 10059
_NAME_TAKEN: Final = 10058
_PAUSE_SECONDS: Final = 0.2


def stream_of(channel: str) -> str:
    """Return the name of a channel's stream."""
    return PREFIX + channel.upper()


def channel_of(stream: str) -> str:
    """Return the channel of a log's stream."""
    return stream.removeprefix(PREFIX).lower()


def subjects_of(channel: str) -> str:
    """Return all subjects of a channel."""
    return f"dragoman.v1.{channel}.>"


def durable_settings(name: str, subjects: str, replicas: int) -> dict[str, Any]:
    """Return the settings of a stream from which no message is ever removed.

    Every option that could remove or change a message is left out or denied.
    """
    return {
        "name": name,
        "subjects": [subjects],
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "max_age": 0,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_msgs_per_subject": -1,
        "max_msg_size": -1,
        "max_consumers": -1,
        "num_replicas": replicas,
        "deny_delete": True,
        "deny_purge": True,
        "allow_rollup_hdrs": False,
        "allow_direct": True,
        "compression": "none",
    }


def configuration(channel: str, replicas: int = 1) -> dict[str, Any]:
    """Return the settings of a channel's stream."""
    subjects = subjects_of(channel)
    return durable_settings(stream_of(channel), subjects, replicas) | {
        "max_msg_size": MESSAGE_BYTES,
        "allow_atomic": True,
        "duplicate_window": DEDUPE_SECONDS * 1_000_000_000,
        "republish": {"src": subjects, "dest": f"tail.{subjects}", "headers_only": True},
        "metadata": {"dragoman.record": "1"},
    }


async def create(steward: NatsConnection, channel: str, replicas: int = 1) -> None:
    """Create a channel's stream, or find it with the same settings.

    Raises `LogBroken` if a stream with other settings exists. Raises `LogUnreachable`
    if the stream cannot be created at present.
    """
    await ensure_stream(steward, configuration(channel, replicas))


async def ensure_stream(steward: NatsConnection, wanted: dict[str, Any]) -> None:
    """Create a stream with these settings, or find it.

    A cluster whose nodes come and go is asked again for a while: asking twice does no
    harm. Raises `LogBroken` if a stream with other settings exists. Raises
    `LogUnreachable` if the stream cannot be created at present.
    """
    begun = asyncio.get_running_loop().time()
    while True:
        try:
            await _make(steward, wanted)
        except LogUnreachable:
            if (
                wanted["num_replicas"] == 1
                or asyncio.get_running_loop().time() > begun + ELECTION_SECONDS
            ):
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


async def _make(steward: NatsConnection, wanted: dict[str, Any]) -> None:
    answer = await steward.api(f"STREAM.CREATE.{wanted['name']}", {**wanted, "pedantic": True})
    if "error" in answer:
        failure = LogBroken if answer["error"].get("err_code") == _NAME_TAKEN else LogUnreachable
        raise failure(
            sentence(
                "the broker does not make the stream %(stream)s: %(answer)s",
                stream=wanted["name"],
                answer=answer["error"].get("description"),
            )
        )


def require_leader(answer: dict[str, Any]) -> None:
    """Raise `LogUnreachable` unless the stream's leader answered STREAM.INFO.

    A node of a cluster that knows no leader answers as well while it is cut off. It
    answers with its own copy.
    """
    if "error" not in answer and "cluster" in answer and not answer["cluster"].get("leader"):
        raise LogUnreachable(sentence("the broker knows no leader of the stream at present"))


async def last_position(bus: NatsConnection, channel: str) -> int:
    """Return the last position of a channel's stream, by its leader.

    Raises `LogUnreachable`.
    """
    answer = await bus.api(f"STREAM.INFO.{stream_of(channel)}")
    if "error" in answer:
        raise LogUnreachable(
            sentence("the broker answers %(answer)s", answer=answer["error"].get("description"))
        )
    require_leader(answer)
    return int(answer["state"]["last_seq"])


async def channels(bus: NatsConnection) -> list[str]:
    """Return the names of the channels that have a stream."""
    texts: list[str] = []
    total = 1
    while len(texts) < total:
        answer = await bus.api("STREAM.NAMES", {"offset": len(texts)})
        page = answer.get("streams") or []
        total = int(answer.get("total", 0))
        texts += page
        if not page:
            break
    return sorted(name.removeprefix(PREFIX).lower() for name in texts if name.startswith(PREFIX))


_FOR_EVER: Final = ("allow_msg_ttl", "sealed")
"""Settings that a broker cannot turn off again."""


def fault_of(
    answer: dict[str, Any],
    channel: str,
    replicas: int,
    mark_file: MarkFile | None,
    stored_to: int = 0,
) -> Text | None:
    """Return the fault of a stream and its remedy; None if the stream is in order.

    The fault comes from the broker's own description: `answer` is the answer to
    STREAM.INFO. The caller must read and compare the message at the known position.
    `stored_to` is the last position that the caller has, 0 if it has none.
    """
    stream = stream_of(channel)
    if answer.get("error", {}).get("err_code") == NO_STREAM:
        if mark_file is None:
            return sentence(
                "the broker has no stream %(stream)s: restore its store from a copy", stream=stream
            )
        return sentence(
            "the broker has no stream %(stream)s, of which %(n)s records were known to be kept: "
            "restore its store from a copy",
            stream=stream,
            n=mark_file.position,
        )
    changed = drift(answer["config"], configuration(channel, replicas))
    if changed and any(answer["config"].get(name) for name in _FOR_EVER):
        return sentence(
            "the settings of the stream %(stream)s were changed: %(changed)s: the broker takes "
            "that back never again; "
            "rebuild the log from a copy with `dragoman log rebuild --set-aside`",
            stream=stream,
            changed=tuple(changed),
        )
    if changed:
        return sentence(
            "the settings of the stream %(stream)s were changed: %(changed)s: put them back as "
            "the broker's administrator",
            stream=stream,
            changed=tuple(changed),
        )
    if mark_file is not None:
        stored_to = max(stored_to, mark_file.position)
    loss = missing(answer["state"], stored_to)
    if loss is not None:
        return sentence(
            "%(missing)s in the stream %(stream)s: restore the broker's store from a copy",
            missing=loss,
            stream=stream,
        )
    if mark_file is None:
        return None
    if mark_file.created not in ("", answer["created"]):
        return sentence(
            "the stream %(stream)s was made at %(created)s, the one known here at %(known)s: it "
            "is another log under the same name: "
            "restore the broker's store from a copy; only if this log is the right one, remove "
            "the channel's high-water mark and projection",
            stream=stream,
            created=answer["created"],
            known=mark_file.created,
        )
    last = int(answer["state"]["last_seq"])
    if last < mark_file.position:
        return sentence(
            "the stream %(stream)s ends at position %(last)s, but %(known)s was known to be "
            "kept: restore the broker's store from a copy",
            stream=stream,
            last=last,
            known=mark_file.position,
        )
    return None


def drift(actual: dict[str, Any], wanted: dict[str, Any]) -> list[Text]:
    """Return the settings that differ, each with its value and the correct value.

    A setting that is not wanted must be off.
    """
    metadata = {
        name: value
        for name, value in (actual.get("metadata") or {}).items()
        if not name.startswith("_nats.")
    }
    settings = {**actual, "metadata": metadata}
    return [
        sentence(
            "%(setting)s is %(found)s and must be %(wanted)s",
            setting=name,
            found=repr(settings.get(name)),
            wanted=repr(wanted.get(name, "off")),
        )
        for name in sorted({*settings, *wanted})
        if (settings.get(name) != wanted[name] if name in wanted else settings[name])
    ]


def missing(state: dict[str, Any], stored_to: int) -> Text | None:
    """Return the loss of kept messages that a stream's own description reports.

    `stored_to` is the last position that is known to have been stored, 0 if none is.
    Half a message behind the last one is no loss if all kept ones are there. The broker
    acknowledges a message only when it is whole on the disk.
    """
    first, last, messages = int(state["first_seq"]), int(state["last_seq"]), int(state["messages"])
    if first > 1:
        return sentence("positions 1 to %(last)s are missing", last=first - 1)
    # Brokers list position 0 of an empty stream.
    gone = [position for position in state.get("deleted") or () if position]
    if gone:
        return sentence(
            "%(n)s of %(last)s positions are missing, the first of them %(first)s",
            n=last - messages,
            last=last,
            first=min(gone),
        )
    if messages != last or (last and state.get("num_deleted")):
        return sentence("%(n)s of %(last)s positions are missing", n=last - messages, last=last)
    lost = state.get("lost") or {}
    if not lost.get("bytes") or is_unwritten(state, stored_to):
        return None
    if 0 < stored_to <= last and not lost.get("msgs"):
        return None
    return sentence("%(n)s bytes were found damaged and thrown away", n=lost["bytes"])


def is_unwritten(state: dict[str, Any], stored_to: int) -> bool:
    """Return whether the broker failed to write a message behind all kept ones.

    It names the position that it could not write, and writes nothing more to this
    stream until it is restarted. Nobody was told that the message is stored.
    """
    positions = (state.get("lost") or {}).get("msgs") or ()
    return bool(positions) and min(positions) > max(int(state["last_seq"]), stored_to)


AGAIN: Final = "~"
"""A mark behind a message id, before the number of the try that has that id."""


def stored_message(message: dict[str, Any]) -> tuple[StoredMessage, str]:
    """Return a message as STREAM.MSG.GET describes it, and the id of its record."""
    headers = base64.b64decode(message.get("hdrs", "")).decode(errors="replace").split("\r\n")
    message_id = next(
        (line.partition(":")[2].strip() for line in headers if line.startswith("Nats-Msg-Id:")),
        "",
    )
    raw = base64.b64decode(message.get("data", ""))
    stored = StoredMessage(position=message["seq"], subject=message["subject"], raw=raw)
    return stored, message_id.partition(AGAIN)[0]


Stored = Callable[[dict[str, object]], Awaitable[tuple[StoredMessage, str] | None]]
"""A function that returns the leader's message for a query, with its message id."""


class Inspection(NamedTuple):
    """The result of an inspection: the time at which a stream was made, and its fault.

    `is_unwritten` is as the function of that name returns it.
    """

    created: str
    fault: Text | None
    is_unwritten: bool = False


async def inspected(
    bus: NatsConnection,
    channel: str,
    replicas: int,
    mark: HighWaterMark | None,
    stored: Stored,
    stored_to: int,
) -> Inspection:
    """Inspect a stream. `stored_to` is the last position that the caller has.

    Raises `LogUnreachable`.
    """
    if mark is not None and mark.fault is not None:
        return Inspection("", mark.fault)
    stream = stream_of(channel)
    mark_file = None if mark is None else mark.known
    info = await bus.api(f"STREAM.INFO.{stream}", {"deleted_details": True})
    if "error" in info and info["error"].get("err_code") != NO_STREAM:
        raise LogUnreachable(
            sentence("the broker answers %(answer)s", answer=info["error"].get("description"))
        )
    require_leader(info)
    fault = fault_of(info, channel, replicas, mark_file, stored_to)
    if fault is None and mark_file is not None:
        message = await stored({"seq": mark_file.position})
        at = {"position": mark_file.position, "stream": stream}
        if message is None:
            fault = sentence(
                "at position %(position)s the stream %(stream)s lacks a kept record: restore "
                "the broker's store from a copy",
                **at,
            )
        elif leaf.commit(message[0].raw) != mark_file.commit and leaf.read_entry(
            message[0].raw
        ) != (mark_file.position - 1, mark_file.commit):
            fault = sentence(
                "at position %(position)s the stream %(stream)s has another message than the "
                "kept record: restore the broker's store from a copy",
                **at,
            )
    if mark_file is not None:
        stored_to = max(stored_to, mark_file.position)
    unwritten = fault is None and is_unwritten(info["state"], stored_to)
    return Inspection(str(info.get("created", "")), fault, unwritten)
