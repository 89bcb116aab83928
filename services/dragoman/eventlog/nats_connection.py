"""A connection to NATS as one of the service users, and the proof that the broker writes durably.

Acknowledged means kept only where the broker syncs every write. That is not believed
but asked for, at every connection and reconnection: `sync_always` in the broker's own
report, or no writes (decision 0001).
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sized
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError, NoRespondersError
from nats.errors import Error as NatsError

from dragoman.domain.record import nesting
from dragoman.eventlog.event_log import LogUnreachable, NobodyListens
from dragoman.limits import (
    BROKER_VERSION,
    CLOCK_SKEW_SECONDS,
    READ_BYTES,
    REQUEST_SECONDS,
    SERVERS_SECONDS,
)
from dragoman.supervision import cancel_until_ended
from dragoman.text import Text, sentence

log = structlog.get_logger()

USERS: Final = ("steward", "gateway", "registrar", "auditor", "warden")
"""Who connects: the steward makes streams, the gateway appends and reads, the registrar
reads and seals, the auditor reads, the warden asks the broker about itself.
"""


FAILURES: Final = (NatsError, OSError, RuntimeError, TimeoutError)
"""What a connection that is lost meanwhile raises; a closed transport of uvloop raises
RuntimeError.
"""


_STATUS: Final = b"NATS/1.0 "
"""How the headers of a message begin that is none of the stream but says how a read
went.
"""


_ACK_FIELDS: Final = 9
"""Of the subject on which a consumer's message would be acknowledged, as brokers have
written it from the first; newer ones have more.
"""


class Read(Struct, frozen=True, gc=False):
    """A message of a stream as it was read: the lines of its headers, and its payload."""

    head: bytes
    data: bytes

    def header(self, name: bytes) -> str:
        """Return one header, the last where several have the name; empty where it is not there."""
        _, data, rest = self.head.rpartition(b"\r\n%b: " % name)
        return rest.partition(b"\r\n")[0].decode(errors="replace") if data else ""

    @property
    def headers(self) -> dict[str, str]:
        """All headers."""
        return _headers(self.head)


def unbroken(page: list[Read]) -> list[Read]:
    """Return a page of a batched read up to where a message was lost, as where a connection is made again: each names the one before it in the page."""
    before = "0"
    for number, message in enumerate(page):
        if message.header(b"Nats-Last-Sequence") != before:
            return page[:number]
        before = message.header(b"Nats-Sequence")
    return page


_Take = Callable[[bytes, bytes, bytes], None]
"""Takes a message: its reply subject, the lines of its headers, its payload."""


class _Client(Client):
    """nats-py's client, quicker where a log's messages go through it.

    Each comes with a dozen headers. The library's own reader looks at every character
    of them, for mail's sake, and takes each message through a queue to a task; its way
    to the wire, taken once for each message, costs most of a batch. Tests hold its way
    and ours against each other.
    """

    def __init__(self) -> None:
        """Begin unconnected."""
        super().__init__()
        self.takers: dict[int, _Take] = {}
        self.given_up = False

    async def _connect_to_server(self, s: Any) -> None:
        """Connect, unless nobody wants it any more: the library may have more than one task that reconnects, of which it knows the last."""
        if self.given_up:
            raise asyncio.CancelledError
        await super()._connect_to_server(s)

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> None:
        take = self.takers.get(sid)
        if take is None:
            text = subject.decode(
                errors="replace"
            ).encode()  # which anybody's junk need not be, and the library takes for granted
            await super()._process_msg(sid, text, reply, data, headers)
        else:
            take(reply, headers or b"", data)  # the parser gives None where there are none

    async def publish_all(self, messages: Iterable[tuple[str, dict[str, str], bytes]]) -> None:
        """Publish messages, each a subject, headers without line breaks, and a payload; nobody answers."""
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
    """Return a broker's answer, which is a JSON object. Raises `LogUnreachable` for anything else."""
    try:
        nesting.check(raw)
        answer = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise LogUnreachable(
            sentence("the broker's answer is not JSON: %(error)s", error=str(error))
        ) from None
    return answer if isinstance(answer, dict) else {}


class Bus:
    """One connection. Requests fail at once while it is down, and are never buffered for later."""

    def __init__(self, user: str) -> None:
        """Begin unconnected; `connected` opens it."""
        self.user = user
        self.client = _Client()
        self.closing = False
        self.losses = 0
        self.reconnected: list[Callable[[], Awaitable[None]]] = []

    @property
    def up(self) -> bool:
        """Return whether the connection stands."""
        return bool(self.client.is_connected)

    async def request(
        self, subject: str, payload: bytes = b"", headers: dict[str, str] | None = None
    ) -> Msg:
        """Return one request. Raises `LogUnreachable` where no answer came, though it may have been carried out; `NobodyListens` where not."""
        if not self.up:
            raise LogUnreachable(sentence("the connection to the broker is down"))
        try:
            return await self.client.request(
                subject, payload, timeout=REQUEST_SECONDS, headers=headers
            )
        except NoRespondersError as error:
            raise NobodyListens(
                sentence(
                    "the broker has nobody who takes this: its stream has no leader at present, or does not exist"
                )
            ) from error
        except FAILURES as error:
            raise LogUnreachable(
                sentence("%(error)s from the broker", error=type(error).__name__)
            ) from error

    async def publish(self, messages: Iterable[tuple[str, dict[str, str], bytes]]) -> None:
        """Messages without an answer, each a subject, headers and a payload. Raises `LogUnreachable`."""
        try:
            await self.client.publish_all(messages)
        except FAILURES as error:
            raise LogUnreachable(
                sentence("%(error)s from the broker", error=type(error).__name__)
            ) from error

    async def api(self, verb: str, body: object | None = None) -> dict[str, Any]:
        """Return a request to the JetStream API. The answer may hold an `error`. Raises `LogUnreachable`."""
        payload = b"" if body is None else msgspec.json.encode(body)
        return read_answer((await self.request(f"$JS.API.{verb}", payload)).data)

    async def fetch(self, stream: str, subjects: str, first: int, most: int) -> list[Read]:
        """Return up to `most` messages of a stream from a sequence on, in one batched read. Raises `LogUnreachable`."""
        reads: list[Read] = []
        query = {"seq": first, "next_by_subj": subjects, "batch": most, "max_bytes": READ_BYTES}
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
        """Return up to `most` messages that a consumer has next, as sequences and payloads; none at the end. Raises `LogUnreachable`."""
        numbers: list[tuple[int, bytes]] = []

        def take(reply: bytes, head: bytes, data: bytes) -> None:
            fields = reply.split(
                b"."
            )  # $JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>…, or with domain and account before the stream
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
        self, subject: str, query: dict[str, Any], take: _Take, found: Sized, most: int
    ) -> str:
        """Take the messages that answer a query, until `most` are found; or one says how it went: its status. Raises `LogUnreachable`."""
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
            if len(found) == most:
                done.set_result("")

        inbox = self.client.new_inbox()
        try:
            subscription = await self.client.subscribe(
                inbox, future=asyncio.get_running_loop().create_future()
            )
            number = subscription._id  # under which its messages come  # noqa: SLF001
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
        """Return what every server of a cluster says to a question. Raises `LogUnreachable` where none answers.

        Each says how many there are. Who does not answer soon after the first is taken
        to be down.
        """
        if not self.up:
            raise LogUnreachable(sentence("the connection to the broker is down"))
        answers: list[Any] = []
        arrived = asyncio.Event()

        async def take(message: Msg) -> None:
            answers.append(msgspec.json.decode(message.data))
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

    async def nudge(self, subjects: str) -> "Nudge":
        """Return a watch for the next message on these subjects. Raises `LogUnreachable`."""
        arrived: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        try:
            subscription = await self.client.subscribe(subjects, future=arrived, max_msgs=1)
            await subscription.unsubscribe(limit=1)
        except FAILURES as error:
            raise LogUnreachable(
                sentence("%(error)s from the broker", error=type(error).__name__)
            ) from error
        return Nudge(subscription, arrived)

    async def again(self) -> None:
        """Tell whoever must know that the connection stands again."""
        log.info("nats.reconnected", user=self.user)
        for callback in self.reconnected:
            await callback()


class Nudge:
    """A subscription for one message. Under load one message wakes a follower for many, at the price of one."""

    def __init__(self, subscription: Subscription, arrived: asyncio.Future[Msg]) -> None:
        """Hold the subscription, which ends by itself when the message has arrived."""
        self._subscription = subscription
        self._arrived = arrived

    @property
    def sequence(self) -> int:
        """The sequence of the message in its stream; 0 while none has arrived."""
        if not self._arrived.done():
            return 0
        return int((self._arrived.result().headers or {}).get("Nats-Sequence", 0))

    async def wait(self, seconds: float) -> None:
        """Wait for the message, but no longer."""
        await asyncio.wait([self._arrived], timeout=seconds)

    async def end(self) -> None:
        """Give the subscription up."""
        if not self._arrived.done():
            try:
                await self._subscription.unsubscribe()
            except FAILURES:
                log.debug("nats.unsubscribed_late")


def _servers(varz: Any) -> int:
    """Return how many servers the answer says that its cluster has."""
    return int(varz.get("data", {}).get("jetstream", {}).get("meta", {}).get("cluster_size", 1))


@asynccontextmanager
async def connected(url: str, user: str, seed: Path) -> AsyncIterator[Bus]:
    """Yield a connection as that user, whose nkey seed is in a file; closed at the end. Reconnects for ever.

    `url` names a server, or several of one cluster, with commas between.
    """
    bus = Bus(user)

    async def failed(error: Exception) -> None:
        log.warning("nats.error", user=user, error=f"{type(error).__name__}: {error}")

    async def gone() -> None:
        bus.losses += 1
        if not bus.closing:
            log.warning("nats.disconnected", user=user)

    await bus.client.connect(
        url.split(","),
        name=f"dragoman-{user}",
        nkeys_seed=str(seed),
        inbox_prefix=f"_INBOX_{user}",
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.1,  # type: ignore[arg-type]  # a float works, and restarts take a tenth of a second
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
            await asyncio.wait_for(bus.client.close(), REQUEST_SECONDS)
        finally:
            await stop_reconnecting(bus.client)


async def stop_reconnecting(client: Client) -> None:
    """End the task that reconnects for ever. While connections are refused it may lose that it was cancelled, and go on after the client was closed."""
    task = client._reconnection_task  # there is no other way to it  # noqa: SLF001
    if task is not None:
        await cancel_until_ended([task])


class DurabilityGuard:
    """Whether writes may be asked of the broker: proven at every connection and every second, refused until then."""

    def __init__(
        self,
        warden: Bus,
        *,
        server_name: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Ask through the warden; `server_name` is the broker that we started, or empty for any."""
        self._warden = warden
        self._server_name = server_name
        self._now = now
        self._ahead = 0.0
        self._fault: Text | None = sentence(
            "the broker has not yet been asked whether it syncs every write"
        )
        warden.reconnected.append(self._prove_anew)

    @property
    def proven(self) -> bool:
        """Return whether the last answer was in order, and this clock has only ticked since."""
        return self.reason is None

    @property
    def reason(self) -> Text | None:
        """Return why writes may not be asked of the broker now; None where they may."""
        if self._fault is not None:
            return self._fault
        stepped = abs(self._now().timestamp() - time.monotonic() - self._ahead)
        if stepped <= CLOCK_SKEW_SECONDS:
            return None
        return sentence(
            "this clock was stepped by %(seconds)s s since the broker was asked",
            seconds=f"{stepped:.1f}",
        )

    def agrees(self, ahead: float) -> bool:
        """Return whether a clock that was so many seconds ahead of the monotonic one stood as it did when the broker was asked last."""
        return abs(ahead - self._ahead) <= CLOCK_SKEW_SECONDS

    async def _prove_anew(self) -> None:
        self._fault = sentence(
            "the broker has not yet been asked again whether it syncs every write"
        )
        await self.prove()

    async def prove(self) -> None:
        """Ask, and remember what is wrong, if anything is."""
        before = self._fault
        try:
            moment = self._now()
            ahead = (
                moment.timestamp() - time.monotonic()
            )  # of before the answer: a clock that is stepped meanwhile is noticed
            answers = await self._warden.ask_servers("$SYS.REQ.SERVER.PING.VARZ")
            self._fault = next(
                (
                    fault
                    for answer in answers
                    if (fault := self._fault_of(answer, moment)) is not None
                ),
                None,
            )
            self._ahead = ahead
        except LogUnreachable as error:
            self._fault = sentence(
                "the broker does not say whether it syncs every write: %(error)s", error=error.said
            )
        if self._fault != before:
            log.log(
                logging.ERROR if self._fault else logging.INFO,
                "broker.guard",
                proven=self.proven,
                reason=str(self._fault or ""),
            )

    def _fault_of(self, answer: Any, moment: datetime) -> Text | None:
        server, data = answer.get("server", {}), answer.get("data", {})
        if not server.get("jetstream"):
            return None  # it routes, and keeps nothing
        name = server.get("name")
        version = tuple(int(part) for part in str(server.get("ver", "0")).split("-")[0].split("."))
        if self._server_name and name != self._server_name:
            return sentence("another broker answers than the one that was started")
        if version < BROKER_VERSION:
            least = ".".join(map(str, BROKER_VERSION))
            return sentence(
                "the broker %(broker)s is %(version)s; at least %(least)s is needed",
                broker=name,
                version=server.get("ver"),
                least=least,
            )
        if not data.get("jetstream", {}).get("config", {}).get("sync_always"):
            return sentence(
                "the broker %(broker)s does not sync every write; set `sync_interval: always` in its jetstream block and restart it",
                broker=name,
            )
        told = datetime.fromisoformat(
            str(server["time"])
        )  # at some time since it was asked, however busy this process was
        off = max((moment - told).total_seconds(), (told - self._now()).total_seconds())
        if off > CLOCK_SKEW_SECONDS:
            return sentence(
                "this clock and that of the broker %(broker)s are %(seconds)s s apart; at most %(most)s s are allowed: set the clocks",
                broker=name,
                seconds=f"{off:.1f}",
                most=f"{CLOCK_SKEW_SECONDS:g}",
            )
        return None
