"""A broker in memory: as much of JetStream as our services use, for tests without a process.

    broker = MemoryBroker(folder)
    async with broker.connected("gateway") as bus: ...
    broker.copy(other_folder)       # another broker that begins with the same streams

Everything above a connection is our own code as it runs on a real broker: logs, buckets, erasable
stores, signed heads. The contract tests of these hold both brokers against the same promises.
It has one node, keeps nothing, and forgets nothing while it lives. It knows no users.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from nats.aio.msg import Msg

from dragoman.eventlog import stream_config
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.event_log import LogUnreachable, NobodyListens
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import Listener, NatsConnection, Read
from dragoman.limits import BROKER_VERSION, REQUEST_SECONDS
from dragoman.text import sentence

_API = "$JS.API."
_LIMIT = 256
_NOT_STORED = ("Nats-Expected-", "Nats-Batch-")

NO_MESSAGE, NO_STREAM, NAME_TAKEN, TOO_LARGE = 10037, 10059, 10058, 10054
WRONG_LAST, NOT_ERASED, BATCH_DUPLICATE, BATCH_LOST = 10071, 10057, 10201, 10176

Answer = dict[str, Any]


class Stored(NamedTuple):
    """A message as a stream keeps it; `head` has its headers as they were sent."""

    seq: int
    subject: str
    head: bytes
    data: bytes
    time: str


class Refused(Exception):
    """A refusal with the broker's error code."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.answer: Answer = {"error": {"code": 400, "err_code": code, "description": description}}


@dataclass
class Stream:
    """One stream: its settings, its messages by sequence, and the last of each subject."""

    config: dict[str, Any]
    created: str
    messages: dict[int, Stored] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    last: int = 0

    def copy(self) -> "Stream":
        """A stream that goes on by itself."""
        return Stream(
            self.config,
            self.created,
            dict(self.messages),
            dict(self.newest),
            dict(self.ids),
            self.last,
        )

    @property
    def info(self) -> Answer:
        """The description of the stream."""
        first = next(iter(self.messages), self.last + 1 if self.last else 0)
        return {
            "config": self.config,
            "created": self.created,
            "state": {
                "first_seq": first,
                "last_seq": self.last,
                "messages": len(self.messages),
                "num_deleted": self.last - len(self.messages) - max(first - 1, 0),
                "bytes": sum(len(message.data) for message in self.messages.values()),
                "consumer_count": 0,
            },
        }

    def takes(self, subject: str) -> bool:
        """Return whether messages on a subject come here."""
        return any(matches(pattern, subject) for pattern in self.config["subjects"])

    def check(self, subject: str, headers: Mapping[str, str], data: bytes) -> None:
        """Raise `Refused` if a message is not what its writer or the stream expects."""
        most = self.config.get("max_msg_size", -1)
        if most >= 0 and len(data) > most:
            raise Refused(TOO_LARGE, "message size exceeds maximum allowed")
        for header, found in (
            ("Nats-Expected-Last-Sequence", self.last),
            ("Nats-Expected-Last-Subject-Sequence", self.newest.get(subject, 0)),
        ):
            if header in headers and int(headers[header]) != found:
                raise Refused(WRONG_LAST, f"wrong last sequence: {found}")

    def store(self, subject: str, headers: Mapping[str, str], data: bytes) -> Stored:
        """Keep a message."""
        self.last += 1
        kept = [
            f"{name}: {value}\r\n"
            for name, value in headers.items()
            if not name.startswith(_NOT_STORED)
        ]
        head = f"NATS/1.0\r\n{''.join(kept)}\r\n".encode() if kept else b""
        message = Stored(self.last, subject, head, data, _now())
        self.messages[self.last] = message
        if self.config.get("max_msgs_per_subject") == 1:
            self.messages.pop(self.newest.get(subject, 0), None)
        self.newest[subject] = self.last
        if "Nats-Msg-Id" in headers:
            self.ids[headers["Nats-Msg-Id"]] = self.last
        return message

    def found(self, query: Mapping[str, Any]) -> Stored | None:
        """Return the message of a query of STREAM.MSG.GET."""
        if "last_by_subj" in query:
            return self.messages.get(self.newest.get(query["last_by_subj"], 0))
        if "next_by_subj" in query:
            return next(self.after(query.get("seq", 1), query["next_by_subj"]), None)
        return self.messages.get(query["seq"])

    def after(self, first: int, pattern: str) -> Iterator[Stored]:
        """Yield the messages from a sequence on whose subjects match."""
        if pattern in self.newest and self.newest[pattern] < first:
            return
        for seq in range(max(first, 1), self.last + 1):
            message = self.messages.get(seq)
            if message is not None and matches(pattern, message.subject):
                yield message

    def erase(self, seq: int) -> None:
        """Forget a message. Raises `Refused`."""
        message = self.messages.pop(seq, None)
        if message is None:
            raise Refused(NOT_ERASED, "no message found")
        if self.newest.get(message.subject) == seq:
            earlier = [
                each.seq for each in self.messages.values() if each.subject == message.subject
            ]
            self.newest[message.subject] = max(earlier, default=0)


class MemoryBroker:
    """The streams, and who listens. It stands for a `BrokerEndpoint`."""

    url = "memory:"
    server_name = ""
    tls = None
    restart = None

    def __init__(self, keys: Path = Path("keys")) -> None:
        self.keys = keys
        self.streams: dict[str, Stream] = {}
        self.listeners: list[tuple[str, Listener]] = []
        self.served: dict[str, Callable[[str, bytes], Awaitable[bytes]]] = {}
        self.goes_on: asyncio.Event | None = None
        self.batches: dict[str, list[tuple[str, dict[str, str], bytes]]] = {}

    async def ready(self, seconds: float = REQUEST_SECONDS) -> None:
        """Wait while the broker stands still. Raises `LogUnreachable` after so many seconds."""
        if self.goes_on is not None:
            try:
                async with asyncio.timeout(seconds):
                    await self.goes_on.wait()
            except TimeoutError:
                raise LogUnreachable(
                    sentence("%(error)s from the broker", error="TimeoutError")
                ) from None

    def stand_still(self) -> None:
        """Answer nothing, as a process that is stopped, until `go_on`."""
        self.goes_on = asyncio.Event()

    def go_on(self) -> None:
        """Answer again, also what came meanwhile."""
        if self.goes_on is not None:
            self.goes_on.set()
            self.goes_on = None

    def copy(self, keys: Path) -> "MemoryBroker":
        """Another broker that begins with the same streams."""
        other = MemoryBroker(keys)
        other.streams = {name: stream.copy() for name, stream in self.streams.items()}
        return other

    def seed(self, user: str) -> Path:
        """The file where a user's key would be."""
        return self.keys / f"nats-{user}.nk"

    @asynccontextmanager
    async def connected(self, user: str) -> AsyncIterator[NatsConnection]:
        """A connection, as one to a real broker is entered."""
        bus = MemoryConnection(user, self)
        try:
            yield bus
        finally:
            bus.closing = True
            self.listeners = [each for each in self.listeners if each[1] not in bus.own]

    async def bus(self, user: str = "gateway") -> NatsConnection:
        """A connection that lasts, as a `RealBroker` has it."""
        return MemoryConnection(user, self)

    async def log(self, channel: str = "nato-china") -> JetStreamLog:
        """A channel's log, on a connection of its own."""
        await stream_config.create(await self.bus("steward"), channel)
        guard = DurabilityGuard(await self.bus("warden"))
        await guard.prove()
        return JetStreamLog(channel, await self.bus(), guard)

    async def answer(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> bytes:
        """Answer a request, as the broker does or whoever serves the subject."""
        for pattern, serve in self.served.items():
            if matches(pattern, subject):
                return await serve(subject, payload)
        try:
            answer = (
                self._api(subject.removeprefix(_API), json.loads(payload or b"{}"))
                if subject.startswith(_API)
                else self._published(subject, payload, headers)
            )
        except Refused as refused:
            answer = refused.answer
        return json.dumps(answer).encode()

    # Messages

    def _published(self, subject: str, data: bytes, headers: Mapping[str, str]) -> Answer:
        name = next((name for name, each in self.streams.items() if each.takes(subject)), None)
        if name is None:
            raise NobodyListens(sentence("the broker has nobody who takes this"))
        stream, batch = self.streams[name], headers.get("Nats-Batch-Id")
        if batch is not None:
            return self._committed(name, stream, batch, (subject, dict(headers), data))
        earlier = stream.ids.get(headers.get("Nats-Msg-Id", ""))
        if earlier is not None:
            return {"stream": name, "seq": earlier, "duplicate": True}
        stream.check(subject, headers, data)
        self._told(stream, stream.store(subject, headers, data))
        return {"stream": name, "seq": stream.last}

    def gather(self, subject: str, headers: Mapping[str, str], data: bytes) -> None:
        """Take a message of a batch that is not whole yet, or one whose writer waits for nothing."""
        batch = headers.get("Nats-Batch-Id")
        if batch is None:
            self._published(subject, data, headers)
        else:
            self.batches.setdefault(batch, []).append((subject, dict(headers), data))

    def _committed(
        self, name: str, stream: Stream, batch: str, last: tuple[str, dict[str, str], bytes]
    ) -> Answer:
        """Store all messages of a batch, or none."""
        messages = [*self.batches.pop(batch, []), last]
        if [int(each["Nats-Batch-Sequence"]) for _, each, _ in messages] != [
            *range(1, len(messages) + 1)
        ]:
            raise Refused(BATCH_LOST, "batch publish sequence is not contiguous")
        if any(each.get("Nats-Msg-Id") in stream.ids for _, each, _ in messages):
            raise Refused(BATCH_DUPLICATE, "batch publish contains duplicate message id")
        for subject, headers, data in messages:
            stream.check(subject, headers, data)
        for message in [stream.store(*_as_stored(each)) for each in messages]:
            self._told(stream, message)
        return {"stream": name, "seq": stream.last, "batch": batch, "count": len(messages)}

    def _told(self, stream: Stream, message: Stored) -> None:
        """Tell those who listen of a stored message, as the stream is set to."""
        if "republish" not in stream.config:
            return
        subject = f"tail.{message.subject}"
        head = _head(stream, message, 0)
        for pattern, listener in [*self.listeners]:
            if matches(pattern, subject):
                listener(subject.encode(), head)

    # The API

    def _api(self, verb: str, body: dict[str, Any]) -> Answer:
        kind, _, name = verb.rpartition(".")
        if verb in ("STREAM.LIST", "STREAM.NAMES"):
            return self._page(verb, body)
        if kind == "STREAM.CREATE":
            return self._created(name, body)
        stream = self.streams.get(name)
        if stream is None:
            raise Refused(NO_STREAM, "stream not found")
        if kind == "STREAM.INFO":
            return stream.info
        if kind == "STREAM.MSG.DELETE":
            if stream.config.get("deny_delete"):
                raise Refused(NOT_ERASED, "message delete not permitted")
            stream.erase(body["seq"])
            return {"success": True}
        assert kind == "STREAM.MSG.GET", f"the broker in memory does not know {verb}"
        message = stream.found(body)
        if message is None:
            raise Refused(NO_MESSAGE, "no message found")
        return {
            "message": {
                "seq": message.seq,
                "subject": message.subject,
                "data": base64.b64encode(message.data).decode(),
                "hdrs": base64.b64encode(message.head).decode(),
                "time": message.time,
            }
        }

    def _created(self, name: str, body: dict[str, Any]) -> Answer:
        config = {key: value for key, value in body.items() if key != "pedantic"}
        stream = self.streams.get(name)
        if stream is None:
            stream = self.streams[name] = Stream(config, _now())
        elif stream.config != config:
            raise Refused(NAME_TAKEN, "stream name already in use with a different configuration")
        return stream.info

    def _page(self, verb: str, body: dict[str, Any]) -> Answer:
        wanted = body.get("subject", ">")
        found = [
            name
            for name, stream in sorted(self.streams.items())
            if any(overlap(wanted, subject) for subject in stream.config["subjects"])
        ]
        page = found[body.get("offset", 0) :][:_LIMIT]
        listed = page if verb == "STREAM.NAMES" else [self.streams[name].info for name in page]
        return {"streams": listed, "total": len(found), "limit": _LIMIT}


class MemoryConnection(NatsConnection):
    """A connection to a broker in memory; what it does not override needs none."""

    def __init__(self, user: str, broker: MemoryBroker) -> None:
        super().__init__(user)
        self._broker = broker
        self.own: list[Listener] = []

    @property
    def up(self) -> bool:
        return not self.closing

    async def _request(
        self, subject: str, payload: bytes, headers: dict[str, str] | None, seconds: float
    ) -> Msg:
        await self._broker.ready(seconds)
        answer = await self._broker.answer(subject, payload, headers or {})
        return Msg(_client=self.client, data=answer)

    async def publish(self, messages: Iterable[tuple[str, dict[str, str], bytes]]) -> None:
        await self._broker.ready()
        for subject, headers, payload in messages:
            self._broker.gather(subject, headers, payload)

    async def fetch(self, stream: str, subjects: str, first: int, most: int) -> list[Read]:
        await self._broker.ready()
        kept = self._stream(stream)
        reads: list[Read] = []
        before = 0
        for message in kept.after(first, subjects):
            reads.append(Read(_head(kept, message, before), message.data))
            before = message.seq
            if len(reads) == most:
                break
        return reads

    async def fetch_newest(self, stream: str, subjects: str, most: int) -> list[Read]:
        await self._broker.ready()
        kept = self._stream(stream)
        newest = sorted(seq for subject, seq in kept.newest.items() if matches(subjects, subject))
        assert len(newest) <= most
        return [
            Read(_head(kept, kept.messages[seq], 0), kept.messages[seq].data)
            for seq in newest
            if seq in kept.messages
        ]

    async def ask_servers(self, subject: str) -> list[Any]:
        await self._broker.ready()
        return [
            {
                "server": {
                    "name": "memory",
                    "jetstream": True,
                    "ver": ".".join(map(str, BROKER_VERSION)),
                    "time": _now(),
                },
                "data": {"jetstream": {"config": {"sync_always": True}}},
            }
        ]

    async def listen(self, subjects: str, listener: Listener) -> None:
        self.own.append(listener)
        self._broker.listeners.append((subjects, listener))

    async def serve(
        self, subject: str, queue: str, answer: Callable[[str, bytes], Awaitable[bytes]]
    ) -> None:
        del queue
        self._broker.served[subject] = answer

    def _stream(self, name: str) -> Stream:
        if name not in self._broker.streams:
            raise NobodyListens(sentence("the broker has nobody who takes this"))
        return self._broker.streams[name]


def matches(pattern: str, subject: str) -> bool:
    """Return whether a subject matches a pattern with `*` and `>`."""
    if pattern in (subject, ">"):
        return True
    wanted, tokens = pattern.split("."), subject.split(".")
    for number, token in enumerate(wanted):
        if token == ">":
            return len(tokens) > number
        if number >= len(tokens) or token not in ("*", tokens[number]):
            return False
    return len(wanted) == len(tokens)


def overlap(one: str, other: str) -> bool:
    """Return whether a subject may match both patterns, of which one is the other's beginning."""
    ours, theirs = one.removesuffix(">"), other.removesuffix(">")
    return ours.startswith(theirs) or theirs.startswith(ours)


def _as_stored(
    message: tuple[str, dict[str, str], bytes],
) -> tuple[str, Mapping[str, str], bytes]:
    subject, headers, data = message
    return subject, headers, data


def _head(stream: Stream, message: Stored, before: int) -> bytes:
    """The headers of a message as a batched read or a republished copy has them."""
    lines = message.head.removesuffix(b"\r\n") or b"NATS/1.0\r\n"
    added = (
        f"Nats-Stream: {stream.config['name']}\r\nNats-Subject: {message.subject}\r\n"
        f"Nats-Sequence: {message.seq}\r\nNats-Time-Stamp: {message.time}\r\n"
        f"Nats-Last-Sequence: {before}\r\n\r\n"
    )
    return lines + added.encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
