"""A connection to NATS as one of the service users: requests, reads and subscriptions.

`connected` yields a `Bus`. An acknowledged message is durable only if the broker syncs
every write: `dragoman.eventlog.durability_guard` asks for that (decision 0001).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sized
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError, NoRespondersError
from nats.errors import Error as NatsError

from dragoman import metrics
from dragoman.certificates import ends_of
from dragoman.domain.record import nesting
from dragoman.eventlog.event_log import LogUnreachable, NobodyListens
from dragoman.limits import (
    KEEPER_REQUESTS,
    LIST_SECONDS,
    READ_BYTES,
    REQUEST_SECONDS,
    SERVERS_SECONDS,
)
from dragoman.supervision import cancel_until_ended
from dragoman.telemetry import Seldom
from dragoman.text import sentence

log = structlog.get_logger()

USERS: Final = ("steward", "gateway", "keeper", "registrar", "auditor", "warden")
"""The users that connect.

The steward creates streams, and enters the host's log key once. The gateway appends and
reads. The keeper answers gateways that need a key of this host. The registrar reads and
seals. The auditor reads. The warden asks the broker about itself.
"""


FAILURES: Final = (NatsError, OSError, RuntimeError, TimeoutError)
"""The exceptions of a connection that is lost meanwhile.

A closed transport of uvloop raises RuntimeError.
"""


_STATUS: Final = b"NATS/1.0 "
"""The beginning of the headers of a message that reports the status of a read.

Such a message is not from the stream.
"""


_ACK_FIELDS: Final = 9
"""The fields of the subject on which a consumer's message would be acknowledged.

Brokers have written so many from the beginning; newer ones write more.
"""


_DENIED: Final = "Authorization Violation"
_DENIED_SECONDS: Final = 5.0


class Read(Struct, frozen=True, gc=False):
    """A message of a stream as it was read: its header lines and its payload."""

    head: bytes
    data: bytes

    def header(self, name: bytes) -> str:
        """Return one header, or an empty text if it is missing.

        If several headers have the name, return the last one.
        """
        _, data, rest = self.head.rpartition(b"\r\n%b: " % name)
        return rest.partition(b"\r\n")[0].decode(errors="replace") if data else ""

    @property
    def headers(self) -> dict[str, str]:
        """All headers by name."""
        return _headers(self.head)


def unbroken(page: list[Read]) -> list[Read]:
    """Return a page of a batched read up to the first lost message.

    A message can be lost while a connection is made again. Each message names the one
    before it in the page.
    """
    before = "0"
    for number, message in enumerate(page):
        if message.header(b"Nats-Last-Sequence") != before:
            return page[:number]
        before = message.header(b"Nats-Sequence")
    return page


_Take = Callable[[bytes, bytes, bytes], None]
"""Takes a message: its reply subject, the lines of its headers, its payload."""

Listener = Callable[[bytes, bytes], None]
"""Takes a message of a subscription: its subject and the lines of its headers."""


class _Client(Client):
    """The client of nats-py, with faster ways for the messages of a log.

    Each message has a dozen headers. The library's own reader checks every character of
    them, as for mail. It also passes each message through a queue to a task. Its way to
    the wire, once for each message, costs most of a batch. Tests compare the library's
    ways with these.
    """

    def __init__(self) -> None:
        """Begin unconnected."""
        super().__init__()
        self.takers: dict[int, _Take] = {}
        self.listeners: dict[int, Listener] = {}
        self.given_up = False
        self.tls: BrokerTls | None = None
        self._seldom = Seldom(log)

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """The context of the next connection, from the files as they are now.

        So new certificates need no restart. If the files cannot be used, for example
        half of a pair, the context of before stays in use.
        """
        if self.tls is not None:
            try:
                self.options["tls"] = self.tls.context()
            except BrokerTlsError as error:
                self._seldom.warning(
                    "certificate.not_taken",
                    reason=str(error),
                    do="see that certificate and key belong together",
                )
        return super().ssl_context

    async def _connect_to_server(self, s: Any) -> None:
        """Connect, unless the connection was given up.

        The library may run several tasks that reconnect, and knows only the last.
        """
        if self.given_up:
            raise asyncio.CancelledError
        await super()._connect_to_server(s)

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> None:
        take, listener = self.takers.get(sid), self.listeners.get(sid)
        if listener is not None:
            listener(subject, headers or b"")
        elif take is None:
            # The library expects a subject in UTF-8, which anybody's junk need not be.
            text = subject.decode(errors="replace").encode()
            await super()._process_msg(sid, text, reply, data, headers)
        else:
            take(reply, headers or b"", data)  # Without headers, the parser passes None.

    async def publish_all(self, messages: Iterable[tuple[str, dict[str, str], bytes]]) -> None:
        """Publish messages without answers: subject, headers and payload of each.

        Headers have no line breaks.
        """
        if not self.is_connected:
            raise ConnectionClosedError
        commands: list[bytes] = []
        for subject, headers, payload in messages:
            lines = "\r\n".join([f"{name}: {value}" for name, value in headers.items()])
            head = f"NATS/1.0\r\n{lines}\r\n\r\n".encode()
            commands += (
                f"HPUB {subject} {len(head)} {len(head) + len(payload)}\r\n".encode(),
                head,
                payload,
                b"\r\n",
            )
        await self._send_command(b"".join(commands))
        await self._flush_pending()

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        return _headers(raw)


def _headers(raw: bytes) -> dict[str, str]:
    lines = raw.decode(errors="replace").split("\r\n")
    return {name: value for name, colon, value in (line.partition(": ") for line in lines) if colon}


def read_answer(raw: bytes) -> dict[str, Any]:
    """Return a broker's answer, which is a JSON object.

    Raises `LogUnreachable` if it is not JSON.
    """
    try:
        nesting.check(raw)
        answer = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise LogUnreachable(
            sentence("the broker's answer is not JSON: %(error)s", error=str(error))
        ) from None
    return answer if isinstance(answer, dict) else {}


class BrokerTlsError(Exception):
    """Certificates for the broker that cannot be used. The message names the file."""


class BrokerTls(Struct, frozen=True, kw_only=True):
    """The files with which a connection to the broker is encrypted, all PEM.

    `ca` has the authorities of the broker's certificate. `certificate` and `key` are
    our own, or empty.
    """

    ca: str
    certificate: str = ""
    key: str = ""

    def context(self) -> ssl.SSLContext:
        """Return the context of a connection. Raises `BrokerTlsError`."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (OSError, ValueError) as error:
            raise BrokerTlsError(
                f"nats.ca, nats.certificate, nats.key: {error}; name PEM files: the broker's "
                "authorities, and our own chain with its unencrypted key"
            ) from None
        return context


def _no_password() -> str:
    raise ValueError("the key is encrypted")


class NatsConnection:
    """One connection to the broker.

    While it is down, requests fail at once. They are never buffered for later.
    """

    def __init__(self, user: str, restart: Callable[[], None] | None = None) -> None:
        """Begin unconnected; `connected` opens the connection.

        `restart` asks the supervisor of an own broker to restart it, once there is room
        on its disk.
        """
        self.user = user
        self._restart = restart
        self.client = _Client()
        self.closing = False
        self.losses = 0
        self.reconnected: list[Callable[[], Awaitable[None]]] = []
        self._answers: set[asyncio.Task[None]] = set()
        self.tail: object = None  # Its followers share it (`tail_of`).

    @property
    def up(self) -> bool:
        """Return whether the connection is up."""
        return bool(self.client.is_connected)

    def measure(self) -> None:
        """Set the gauges of the connection and of its certificates."""
        metrics.BROKER_CONNECTED.set(self.up)
        if (tls := self.client.tls) is not None:
            for what, end in ends_of(client=tls.certificate, authority=tls.ca).items():
                metrics.CERTIFICATE_EXPIRES.labels(what).set(end.timestamp())

    @property
    def is_own_broker(self) -> bool:
        """Return whether this process supervises the broker."""
        return self._restart is not None

    def store_failed(self) -> None:
        """Note that the broker could not write, and have its supervisor restart it."""
        if self._restart is not None:
            self._restart()

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        headers: dict[str, str] | None = None,
        seconds: float | None = None,
    ) -> Msg:
        """Return the answer to a request, for which at most so many seconds are waited.

        Raises `LogUnreachable` if no answer came, although the request may have been
        carried out. Raises `NobodyListens` if it was certainly not carried out.
        """
        patience = REQUEST_SECONDS if seconds is None else seconds
        return await self._request(subject, payload, headers, patience)

    async def _request(
        self, subject: str, payload: bytes, headers: dict[str, str] | None, seconds: float
    ) -> Msg:
        if not self.up:
            raise LogUnreachable(sentence("the connection to the broker is down"))
        try:
            return await self.client.request(
                subject,
                payload,
                timeout=seconds,
                headers=headers,
            )
        except NoRespondersError as error:
            raise NobodyListens(
                sentence(
                    "the broker has nobody who takes this: its stream has no leader at present, "
                    "or does not exist"
                )
            ) from error
        except FAILURES as error:
            raise LogUnreachable(
                sentence("%(error)s from the broker", error=type(error).__name__)
            ) from error

    async def serve(
        self, subject: str, queue: str, answer: Callable[[str, bytes], Awaitable[bytes]]
    ) -> None:
        """Answer the requests on a subject for as long as the connection lasts.

        Of several processes in one queue, one gets a request. Each request has a task
        of its own. Requests beyond `KEEPER_REQUESTS` at once are dropped. Raises
        `LogUnreachable`.
        """

        async def take(message: Msg) -> None:
            if len(self._answers) < KEEPER_REQUESTS:
                task = asyncio.create_task(self._answer(message, answer))
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)

        try:
            await self.client.subscribe(subject, queue=queue, cb=take)
        except FAILURES as error:
            raise LogUnreachable(
                sentence("%(error)s from the broker", error=type(error).__name__)
            ) from error

    async def _answer(self, message: Msg, answer: Callable[[str, bytes], Awaitable[bytes]]) -> None:
        try:
            await self.client.publish(message.reply, await answer(message.subject, message.data))
        except FAILURES as error:
            log.warning("nats.not_answered", subject=message.subject, reason=str(error))

    async def publish(self, messages: Iterable[tuple[str, dict[str, str], bytes]]) -> None:
        """Publish messages without answers: subject, headers and payload of each.

        Raises `LogUnreachable`.
        """
        try:
            await self.client.publish_all(messages)
        except FAILURES as error:
            raise LogUnreachable(
                sentence("%(error)s from the broker", error=type(error).__name__)
            ) from error

    async def api(self, verb: str, body: object | None = None) -> dict[str, Any]:
        """Return the answer to a request to the JetStream API. It may hold an `error`.

        Raises `LogUnreachable`.
        """
        payload = b"" if body is None else msgspec.json.encode(body)
        return read_answer((await self.request(f"$JS.API.{verb}", payload)).data)

    async def list_page(self, body: object) -> dict[str, Any]:
        """Return a page of the list of streams, for which a cluster asks all its nodes.

        Raises `LogUnreachable`.
        """
        payload = msgspec.json.encode(body)
        answer = await self._request("$JS.API.STREAM.LIST", payload, None, LIST_SECONDS)
        return read_answer(answer.data)

    async def fetch(self, stream: str, subjects: str, first: int, most: int) -> list[Read]:
        """Return up to `most` messages of a stream from sequence `first` on.

        This is one batched read. Raises `LogUnreachable`.
        """
        query = {"seq": first, "next_by_subj": subjects, "batch": most, "max_bytes": READ_BYTES}
        return await self._fetch(stream, query, most)

    async def fetch_newest(self, stream: str, subjects: str, most: int) -> list[Read]:
        """Return the newest message of each subject, for at most `most` subjects.

        This is one batched read. Raises `LogUnreachable`, also for too many subjects.
        """
        query = {"multi_last": [subjects], "batch": most, "max_bytes": READ_BYTES}
        return await self._fetch(stream, query, most)

    async def _fetch(self, stream: str, query: dict[str, Any], most: int) -> list[Read]:
        reads: list[Read] = []
        status = await self._page(
            f"$JS.API.DIRECT.GET.{stream}",
            query,
            lambda _, head, data: reads.append(Read(head, data)),
            reads,
            most + 1,
        )
        if status not in ("204", "404"):
            raise LogUnreachable(
                sentence("the broker answers a read with %(status)s", status=status)
            )
        return reads

    async def pull(self, stream: str, consumer: str, most: int) -> list[tuple[int, bytes]]:
        """Return up to `most` next messages of a consumer, as sequences and payloads.

        The list is empty at the end. Raises `LogUnreachable`.
        """
        numbers: list[tuple[int, bytes]] = []

        def take(reply: bytes, head: bytes, data: bytes) -> None:
            # $JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>…, or the same with domain and
            # account before the stream
            fields = reply.split(b".")
            numbers.append((int(fields[5 if len(fields) == _ACK_FIELDS else 7]), data))

        query = {"batch": most, "max_bytes": READ_BYTES, "no_wait": True}
        status = await self._page(
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", query, take, numbers, most
        )
        if status not in ("", "404", "408", "409"):
            raise LogUnreachable(
                sentence("the broker answers a read with %(status)s", status=status)
            )
        return numbers

    async def _page(
        self, subject: str, query: dict[str, Any], take: _Take, messages: Sized, most: int
    ) -> str:
        """Take the messages that answer a query, and return the status of the read.

        The read ends after `most` messages, or with a message that has a status.
        `messages` is the collection that `take` fills. Raises `LogUnreachable`.
        """
        if not self.up:
            raise LogUnreachable(sentence("the connection to the broker is down"))
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def take_until(reply: bytes, head: bytes, data: bytes) -> None:
            if done.done():
                return
            if head.startswith(_STATUS):
                done.set_result(head[len(_STATUS) :][:3].decode(errors="replace"))
                return
            take(reply, head, data)
            if len(messages) == most:
                done.set_result("")

        inbox = self.client.new_inbox()
        try:
            subscription = await self.client.subscribe(
                inbox, future=asyncio.get_running_loop().create_future()
            )
            number = subscription._id  # Its messages come under this id.  # noqa: SLF001
            self.client.takers[number] = take_until
            try:
                await self.client.publish(subject, msgspec.json.encode(query), reply=inbox)
                async with asyncio.timeout(REQUEST_SECONDS):
                    return await done
            finally:
                del self.client.takers[number]
                await subscription.unsubscribe()
        except FAILURES as error:
            raise LogUnreachable(
                sentence("%(error)s from the broker", error=type(error).__name__)
            ) from error

    async def ask_servers(self, subject: str) -> list[Any]:
        """Return the answer of every server of a cluster to a question.

        Each server says how many servers there are. A server that does not answer soon
        after the first is considered down. Raises `LogUnreachable` if no server
        answers.
        """
        if not self.up:
            raise LogUnreachable(sentence("the connection to the broker is down"))
        answers: list[Any] = []
        arrived = asyncio.Event()

        async def take(message: Msg) -> None:
            answers.append(nesting.decode(message.data, object))
            arrived.set()

        inbox = self.client.new_inbox()
        try:
            subscription = await self.client.subscribe(inbox, cb=take)
            try:
                await self.client.publish(subject, b"", reply=inbox)
                async with asyncio.timeout(REQUEST_SECONDS):
                    await arrived.wait()
                deadline = asyncio.get_running_loop().time() + SERVERS_SECONDS
                while len(answers) < max(_servers(answer) for answer in answers):
                    arrived.clear()
                    try:
                        async with asyncio.timeout_at(deadline):
                            await arrived.wait()
                    except TimeoutError:
                        break
            finally:
                await subscription.unsubscribe()
        except FAILURES as error:
            raise LogUnreachable(
                sentence("%(error)s from the broker", error=type(error).__name__)
            ) from error
        return answers

    async def listen(self, subjects: str, listener: Listener) -> None:
        """Call a function with each message on these subjects from now on.

        The subscription outlives a lost connection. Messages that come while the
        connection is down are lost. Raises `LogUnreachable`.
        """
        try:
            subscription = await self.client.subscribe(
                subjects, future=asyncio.get_running_loop().create_future()
            )
        except FAILURES as error:
            raise LogUnreachable(
                sentence("%(error)s from the broker", error=type(error).__name__)
            ) from error
        # Its messages come under this id.
        self.client.listeners[subscription._id] = listener  # noqa: SLF001

    @property
    def answers(self) -> list[asyncio.Task[None]]:
        """The tasks that answer requests now."""
        return list(self._answers)

    async def again(self) -> None:
        """Call the callbacks for a connection that is up again."""
        log.info("nats.reconnected", user=self.user)
        for callback in self.reconnected:
            await callback()


def _servers(varz: Any) -> int:
    """Return the number of servers in the cluster, according to an answer."""
    return int(varz.get("data", {}).get("jetstream", {}).get("meta", {}).get("cluster_size", 1))


@asynccontextmanager
async def connected(
    url: str,
    user: str,
    seed: Path,
    tls: BrokerTls | None = None,
    restart: Callable[[], None] | None = None,
) -> AsyncIterator[NatsConnection]:
    """Yield a connection as a user, whose nkey seed is in a file; close it at the end.

    It reconnects for ever. `url` names a server, or several of one cluster, with commas
    between them. With `tls` it is encrypted. `restart` is as for `NatsConnection`.
    Raises `BrokerTlsError`.
    """
    bus = NatsConnection(user, restart)
    bus.client.tls = tls
    seldom = Seldom(log)

    async def failed(error: Exception) -> None:
        seldom.warning("nats.error", user=user, error=f"{type(error).__name__}: {error}")
        if _DENIED in str(error):
            # The client tries again ten times a second, and the broker does not know the user.
            await asyncio.sleep(_DENIED_SECONDS)

    async def gone() -> None:
        bus.losses += 1
        metrics.BROKER_LOSSES.inc()
        if not bus.closing:
            log.warning("nats.disconnected", user=user)

    await bus.client.connect(
        url.split(","),
        name=f"dragoman-{user}",
        nkeys_seed=str(seed),
        inbox_prefix=f"_INBOX_{user}",
        tls=None if tls is None else tls.context(),
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.1,  # type: ignore[arg-type]  # A float works, and restarts take 0.1 s.
        connect_timeout=2,
        ping_interval=5,
        max_outstanding_pings=2,
        pending_size=0,
        error_cb=failed,
        disconnected_cb=gone,
        reconnected_cb=bus.again,
    )
    try:
        yield bus
    finally:
        bus.closing = bus.client.given_up = True
        try:
            await cancel_until_ended(bus.answers)
            await asyncio.wait_for(bus.client.close(), REQUEST_SECONDS)
        finally:
            await stop_reconnecting(bus.client)


async def stop_reconnecting(client: Client) -> None:
    """End the task that reconnects for ever.

    While connections are refused, the task may lose its cancellation, and continue
    after the client was closed.
    """
    task = client._reconnection_task  # There is no other access.  # noqa: SLF001
    if task is not None:
        await cancel_until_ended([task])
