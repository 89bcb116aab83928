"""A gateway over a replayed log, for `dragoman audit replay`.

    async with replica(channel, cid, actor, more) as projection:
        await projection.begin(pages, last)      # the pages of the log up to a position
        await projection.reach(position)
        await projection.ask("/state", now, as_of)

It has a projection in its own folder, and the handlers of a gateway, without a network.
It answers on a socket in the folder, which only the present user can open. It knows no
broker, so it reports everything beside the log as unavailable.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from dragoman.api.replica import application
from dragoman.application.command_handler import CommandHandler
from dragoman.application.finality import Coverage
from dragoman.application.host_identity import HostIdentity
from dragoman.application.keeper_requests import KeeperRequests
from dragoman.application.service import Service
from dragoman.audit.answer_comparison import Response
from dragoman.audit.replay import Hole, Page
from dragoman.client import Client, ProblemResponse
from dragoman.domain.acts.erasure import Withheld, named_in
from dragoman.domain.record.codec import Record
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.event_log import (
    EntryToAppend,
    LogBroken,
    LogUnreachable,
    Outcome,
    StoredMessage,
    Unavailable,
)
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.interop.ssrf_guard import AddressGuard as Urls
from dragoman.limits import COMPARED_GROWTH
from dragoman.projection.open_deadlines import deadlines_at
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.projection.tree import Trees
from dragoman.stores import drafts, endpoints, files, opened_exchanges, people, rosters
from dragoman.stores.erasable import Erasable
from dragoman.stores.host_key import HostKeyStore
from dragoman.stores.key_value import Bucket
from dragoman.stores.keystore import Keystore
from dragoman.stores.signed_heads import SignedHeadStore
from dragoman.stores.tokens_and_sessions import BUCKET, Grant, TokensAndSessions
from dragoman.text import verbatim
from dragoman.tlog import leaf
from dragoman_schemas import responses

More = Callable[[int, int], AsyncGenerator[Page, None]]
"""A function that reads the log from a position on, up to another one at least. It
raises `GatewayUnavailable`.
"""

_FILE_SECONDS: Final = 600.0
_OWN: Final = aiohttp.ClientTimeout(total=600)
_SOCKET_CHARACTERS: Final = 100
"""Characters of a socket's path: the kernel accepts 107."""


class ReplayedLog:
    """An `EventLog` of messages that were read elsewhere.

    They are shown up to a position. Folded messages are forgotten.
    """

    def __init__(self, channel: str) -> None:
        """Begin empty."""
        self.channel = channel
        self.unwritable = None
        self.is_behind = False
        self.shown = 0
        self._messages: list[StoredMessage] = []

    def add(self, message: StoredMessage) -> None:
        """Add the next message."""
        self._messages.append(message)

    @property
    def waiting(self) -> Sequence[StoredMessage]:
        """Return the messages that are not forgotten yet."""
        return self._messages

    def forget(self, position: int) -> None:
        """Forget the messages up to a position."""
        self._messages = [message for message in self._messages if message.position > position]

    async def append(self, entries: Sequence[EntryToAppend]) -> Outcome:
        """Refuse the entries, because nobody posts to a replayed log."""
        return Unavailable(verbatim("the log is a copy, and nobody posts to it"))

    async def read(self, first: int, most: int) -> list[StoredMessage]:
        """Return a slice of the shown messages."""
        return [message for message in self._messages if first <= message.position <= self.shown][
            :most
        ]

    async def read_kept(self, first: int, most: int) -> list[StoredMessage]:
        """Return the same as `read`."""
        return await self.read(first, most)

    async def follow(self, wanted: Callable[[], int]) -> AsyncIterator[list[StoredMessage] | None]:
        """Yield nothing, because the owner of this log says how far to fold it."""
        return
        yield None

    def end_seen(self) -> float | None:
        """Return None: the owner of this log says when its end was seen."""
        return None


class ReplicaProjection:
    """A projection of a replayed log, and the answers over it."""

    def __init__(
        self, log: ReplayedLog, projection: Projection, client: Client, more: More
    ) -> None:
        """Begin before position 1.

        `more` reads on if more of the log is needed than was added.
        """
        self.projection = projection
        self.now = datetime.now(UTC)
        self._log = log
        self._client = client
        self._more = more
        self._named: dict[int, Withheld] = {}
        self._taken = 0
        self._most = 0

    @property
    def position(self) -> int:
        """Return the folded position."""
        return self.projection.state.position

    @property
    def erasures(self) -> int:
        """Return the number of exchanges that were erased so far."""
        registry = self.projection.state.registry
        return 0 if registry is None else len(registry.erased)

    def number_of(self, exchange: str) -> str:
        """Return the number of an exchange; empty if it does not exist."""
        state = self.projection.exchange(exchange)
        return "" if state is None else state.number

    # Folding

    def expect(self, withhelds: dict[int, Withheld]) -> None:
        """Add the records that the erasures of this log name."""
        self._named = withhelds | self._named
        self.projection.expect(self._named)

    def take(self, page: Page) -> None:
        """Add the next messages. Raises `Hole`."""
        for number, (position, message) in enumerate(page, self._taken + 1):
            if position != number:
                raise Hole(f"position {number} is missing; {position} was given")
            raw = message.raw if isinstance(message, Record) else message
            self._log.add(StoredMessage(position=position, subject="", raw=raw))
            self._taken = position
        raw_records = (
            (position, message.raw if isinstance(message, Record) else message)
            for position, message in page
        )
        if withheld_records := named_in(raw_records):
            self.expect(withheld_records)

    async def begin(self, pages: AsyncGenerator[Page, None], last: int) -> None:
        """Fold a log from its beginning to a position. Raises `Hole`."""
        async with aclosing(pages):
            async for page in pages:
                self.take(page[: last - self._taken])
                await self._fold(self._taken)
                if self._taken == last:
                    break
        self._most = last + COMPARED_GROWTH

    async def reach(self, position: int) -> None:
        """Fold the log to a position, and read on if necessary.

        An erasure may make it necessary to fold beyond the position. A record that was
        erased by then is not shown any more, because a projection without it is one
        after its erasure. Raises `Hole`, `GatewayUnavailable`.
        """
        if position <= self.position:
            return
        if position > self._most:
            raise Hole(
                f"the gateway speaks of position {position}, further from the beginning of this "
                "audit than any log grows meanwhile"
            )
        while self._taken < position or self._unexplained(position):
            before = self._taken
            async with aclosing(self._more(self._taken + 1, position)) as pages:
                async for page in pages:
                    self.take(page)
                    if self._taken > self._most:
                        break
            if self._taken == before:
                break
        if self._taken < position:
            raise Hole(
                f"the gateway speaks of position {position}, and its log ends at {self._taken}"
            )
        await self._fold(
            max(
                (
                    position,
                    *(self._named[at].by for at in self._stubs(position) if at in self._named),
                )
            )
        )

    def _stubs(self, position: int) -> list[int]:
        """Return the positions of waiting leaf entries, up to a position.

        A leaf entry may replace a record.
        """
        return [
            message.position
            for message in self._log.waiting
            if message.position <= position and leaf.read_entry(message.raw) is not None
        ]

    def _unexplained(self, position: int) -> bool:
        """Return whether an entry replaces a record whose erasure was not read yet."""
        return any(
            at not in self._named or self._named[at].by > self._taken
            for at in self._stubs(position)
        )

    async def _fold(self, position: int) -> None:
        self._log.shown = position
        await self.projection.bring()
        if self.projection.broken is not None:
            raise LogBroken(self.projection.broken)
        await self.projection.in_file(seconds=_FILE_SECONDS)
        self._log.forget(position)

    # Answering

    async def ask(self, path: str, now: datetime, as_of: str) -> Response:
        """Return the answer for a path of the channel at a time.

        It is as if the end of the log had been seen at `as_of`.
        """
        self.now = now
        try:
            self.projection.checked = (
                datetime.fromisoformat(as_of).astimezone(UTC) if as_of else now
            )
        except (ValueError, OverflowError):
            self.projection.checked = now
        try:
            answer = await self._client.call(
                "GET", f"/v1/channels/{self.projection.name}{path}", timeout=_OWN
            )
        except ProblemResponse as error:
            return Response(refused=f"{error.problem.status} {error.problem.type}")
        return Response(headers=answer.headers, body=answer.body)

    async def limits(self, after: datetime, until: datetime) -> list[datetime]:
        """Return the limits of open deadlines between two times, in order."""
        past = await asyncio.to_thread(
            deadlines_at, self.projection.store, self.projection.name, self.position
        )
        limits = {duty.clock.due for duty in past.duties}
        return sorted(limit for limit in limits if after <= limit <= until)

    async def entries(self, first: int) -> AsyncGenerator[list[responses.Entry], None]:
        """Yield the records from a position on."""
        async for page in self._client.records(self.projection.name, first):
            yield page


@asynccontextmanager
async def replica(
    channel: str, cid: str, actor: str, more: More
) -> AsyncIterator[ReplicaProjection]:
    """Yield a replica of a channel that answers as it would answer an actor.

    Its folder is removed at the end.
    """
    with tempfile.TemporaryDirectory(prefix="dragoman-replay-") as name:
        folder = Path(name)
        store = await asyncio.to_thread(Store, folder / "projection.sqlite")
        log = ReplayedLog(channel)
        projection = Projection(log, store)
        try:
            async with _answering(
                folder,
                _service(folder, store, projection),
                Grant(id="replay", actor=actor, channels=(cid,)),
            ) as (
                service,
                client,
            ):
                replica_projection = ReplicaProjection(log, projection, client, more)
                service.now = lambda: replica_projection.now
                yield replica_projection
        finally:
            await asyncio.to_thread(store.close)


@asynccontextmanager
async def _answering(
    folder: Path, service: Service, grant: Grant
) -> AsyncIterator[tuple[Service, Client]]:
    """Yield the service behind a socket in a folder, and a client of it."""
    # The directory is made by mkdtemp, for this user alone.
    with tempfile.TemporaryDirectory(prefix="dragoman-", dir="/tmp") as short:
        socket = folder / "socket"
        path = str(socket if len(str(socket)) <= _SOCKET_CHARACTERS else Path(short) / "socket")
        runner = web.AppRunner(application(service, grant), access_log=None)
        await runner.setup()
        try:
            await web.UnixSite(runner, path).start()
            async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session:
                yield service, Client(session, "http://replica", "")
        finally:
            await runner.cleanup()


def _service(folder: Path, store: Store, projection: Projection) -> Service:
    """Return the service of a gateway without a broker.

    Only the channel can be read.
    """
    bus = NatsConnection("auditor")
    return Service(
        command_handler=CommandHandler(Keystore(folder / "keys")),
        access=TokensAndSessions(Bucket(bus, BUCKET)),
        drafts=drafts.DraftStore(Bucket(bus, drafts.BUCKET)),
        notification_endpoints=endpoints.NotificationEndpoints(Bucket(bus, endpoints.BUCKET)),
        urls=Urls(()),
        people=people.PeopleStore(Erasable(bus, people.STREAM, people.PREFIX)),
        rosters=rosters.RosterStore(Erasable(bus, rosters.STREAM, rosters.PREFIX)),
        opened_exchanges=opened_exchanges.OpenedExchanges(
            Erasable(bus, opened_exchanges.STREAM, opened_exchanges.PREFIX)
        ),
        files=files.FileStore(Erasable(bus, files.STREAM, files.PREFIX)),
        signed_heads=SignedHeadStore(bus),
        coverage=Coverage(SignedHeadStore(bus)),
        trees=Trees(store),
        store=store,
        bus=bus,
        guard=DurabilityGuard(bus),
        open_log=_opens_none,
        identity=HostIdentity(bus, HostKeyStore(bus, bus), None),
        keeper=KeeperRequests(bus),
        origin="",
        channels={projection.name: projection},
    )


async def _opens_none(channel: str, *, new: bool = False) -> Projection:
    raise LogUnreachable(verbatim("there is no broker here"))
