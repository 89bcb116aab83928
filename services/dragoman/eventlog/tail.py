"""The ends of all logs that one connection follows, by one subscription and one list.

    tail = tail_of(bus)
    follower = tail.join("nato-china", wanted=lambda: 8, listed=log.is_doubtful)
    await follower.woken()      # position 8 is there, or the stream must be inspected
    follower.leave()

A process may follow a thousand channels, and most of them are silent. So no channel has
a timer or a subscription of its own.

    nudges    One subscription receives the headers of every new message, which wake
              the follower of its channel.
    pulse     Once a second the broker is asked for the names of the logs. The answer
              shows that the connection and the broker's leader are there.
    list      Once a round the broker describes all streams. A stream that is longer
              than its follower lost a nudge. A stream whose description is not right
              is inspected. So is a stream that the list lacks: a list may be
              incomplete, and nothing is concluded from it alone.
    wheel     After each round the streams that were not inspected for longest are
              inspected, so many a second at most.

A round takes a second for up to 50 channels, and longer for more, up to ten seconds. It
is the longest time after which a lost nudge is noticed.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import structlog

from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.eventlog.stream_config import ALL_SUBJECTS, PREFIX, channel_of
from dragoman.limits import (
    INSPECT_SECONDS,
    LIST_SECONDS,
    POLL_SECONDS,
    ROUND_SECONDS,
)
from dragoman.supervision import cancel_until_ended
from dragoman.text import sentence

log = structlog.get_logger()

_INSPECTED_PER_SECOND: Final = 5
"""Streams that one connection inspects a second without a reason. So 50 channels are
inspected every ten seconds, and 500 every hundred.
"""

_LISTED_PER_SECOND: Final = 50
"""Streams that are listed a second: a round takes a second for up to 50 channels."""

_TAIL: Final = "tail."
_SEQUENCE: Final = b"\r\nNats-Sequence: "
_CHANNEL_FIELD: Final = 3
"""The field of the channel in `tail.dragoman.v1.CHANNEL.…`."""

_GATHER_SECONDS: Final = 0.02
"""The pause between the first message of a new channel and the list of channels."""

_REFUSED: Final = 3
"""Lists in a row without an answer, after which the permission is likely missing."""

_AT_A_STRETCH: Final = 32
"""Descriptions that are compared at a stretch."""

_AT_ONCE: Final = 128
"""Streams that one connection inspects at once.

After a lost connection all of them are inspected, and each answer must come in time. On
a cluster a third of them may not answer at all, and must not hold up the others.
"""


class Follower:
    """One follower of a channel's log: the end that is known, and what it must do.

    `end` is the last position that is known to be in the log. `inspect` says that the
    stream must be inspected before it is read. `is_unread` says that the last read
    failed. `confirmed` is the time of the event
    loop at which the follower was last seen to have everything.
    """

    def __init__(
        self,
        tail: "LogTail",
        channel: str,
        wanted: Callable[[], int],
        is_doubtful: Callable[[dict[str, Any]], bool],
        tick: Callable[[], bool],
    ) -> None:
        """Follow a channel from the position `wanted` on.

        `is_doubtful` says whether a description of the stream is a reason to inspect
        it. `tick` is called once a second after `touch`, until it returns False.
        """
        self._tail = tail
        self.channel = channel
        self.wanted = wanted
        self.is_doubtful = is_doubtful
        self.tick = tick
        self.end = 0
        self.is_unread = False
        self.inspect = False
        self.inspected = 0.0
        self.confirmed = float("-inf")
        self._seen = float("-inf")
        self._nudged = 0
        self._woken = asyncio.Event()

    def leave(self) -> None:
        """Follow no more."""
        self._tail.leave(self)

    def touch(self) -> None:
        """Have `tick` called until it returns False."""
        self._tail.touched.add(self)

    def wake(self) -> None:
        """Wake the follower, for whatever reason."""
        self._woken.set()

    def nudge(self, position: int) -> None:
        """Note a message that was just stored, and wake the follower if it lacks it.

        Positions rise. One that does not is of another log under the same name, and the
        stream is inspected.
        """
        if position <= self._nudged:
            self.demand()
        self._nudged = position
        self.touch()
        self._lengthen(position)
        if self.end >= self.wanted():
            self._woken.set()

    def demand(self) -> None:
        """Have the stream inspected."""
        self.inspect = True
        self._woken.set()

    def listed(self, description: dict[str, Any]) -> None:
        """Compare a description of the stream with what is known here."""
        self._lengthen(int(description["state"]["last_seq"]))
        if self.is_doubtful(description):
            self.demand()
        elif self.end >= self.wanted():
            self._woken.set()
        else:
            self.confirm()

    def _lengthen(self, position: int) -> None:
        """Note that the log has a position."""
        if position > self.end:
            self._seen = self.seen()
            self.end = position

    def at_end(self, end: int) -> None:
        """Note that a read found nothing more, begun when the known end was `end`.

        A position that was told and is not there is a reason to inspect the stream.
        """
        if self.end >= self.wanted() and self.end == end:
            self.end = self.wanted() - 1
            self.demand()

    def confirm(self) -> None:
        """Note that the follower has everything now."""
        self.confirmed = asyncio.get_running_loop().time()

    def begin_anew(self) -> None:
        """Forget the known end: the log is read from a new connection."""
        self._seen = self.seen()
        self.end = self._nudged = 0
        self.confirmed = float("-inf")

    async def rest(self, seconds: float) -> None:
        """Wait before the broker is asked again: while it is away, until it is back."""
        self.is_unread = True
        if self._tail.up:
            await asyncio.sleep(seconds)
            return
        self.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self.woken()

    @property
    def is_behind(self) -> bool:
        """Return whether the log has more, and the broker can be asked for it."""
        return self._tail.up and not self.is_unread and self.end >= self.wanted()

    def clear(self) -> None:
        """Begin to listen for the next wake-up, before the log is read."""
        self._woken.clear()

    async def woken(self) -> None:
        """Wait until there is something to do: to read, or to inspect."""
        await self._woken.wait()

    def seen(self) -> float:
        """Return the time of the event loop at which the follower last had everything.

        It had everything at each pulse for which the last list still counts, if no
        message was told of since.
        """
        if self.end >= self.wanted():
            return self._seen
        counts_until = self.confirmed + self._tail.counts_seconds
        return max(self._seen, self.confirmed, min(self._tail.pulse, counts_until))


class LogTail:
    """The followers of one connection.

    `pulse` is the time of the event loop at which the broker last answered. `names` are
    the channels that have a stream. `news` is set when a channel turns up that has no
    follower here.
    """

    def __init__(self, bus: NatsConnection) -> None:
        """Listen through a connection as soon as there is a follower."""
        self._bus = bus
        self._followers: dict[bytes, set[Follower]] = {}
        self.touched: set[Follower] = set()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._listening = False
        self._ending: set[asyncio.Task[None]] = set()
        self.pulse = float("-inf")
        self.names: list[str] = []
        self.news = asyncio.Event()
        self.turns = asyncio.Semaphore(_AT_ONCE)
        self._unlisted = 0
        bus.reconnected.append(self._reconnected)

    @property
    def up(self) -> bool:
        """Return whether the connection is up."""
        return self._bus.up

    @property
    def count(self) -> int:
        """Return the number of followed channels."""
        return len(self._followers)

    @property
    def round_seconds(self) -> float:
        """Return the length of a round: so many streams a second are listed."""
        return min(ROUND_SECONDS, max(POLL_SECONDS, self.count / _LISTED_PER_SECOND))

    @property
    def counts_seconds(self) -> float:
        """Return the time for which a list counts: until the next one may be there."""
        return 2 * self.round_seconds + LIST_SECONDS

    def join(
        self,
        channel: str,
        wanted: Callable[[], int],
        is_doubtful: Callable[[dict[str, Any]], bool],
        tick: Callable[[], bool],
    ) -> Follower:
        """Return a follower of a channel."""
        follower = Follower(self, channel, wanted, is_doubtful, tick)
        self._followers.setdefault(channel.encode(), set()).add(follower)
        if not self._tasks:
            self._tasks = tuple(
                asyncio.create_task(self._keep(work)) for work in (self._pulse, self._list)
            )
        return follower

    def leave(self, follower: Follower) -> None:
        """Forget a follower, and end with the last one."""
        channel = follower.channel.encode()
        followers = self._followers.get(channel, set())
        followers.discard(follower)
        self.touched.discard(follower)
        if not followers:
            self._followers.pop(channel, None)
        if not self._followers:
            task = asyncio.ensure_future(self._end(self._tasks))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            self._tasks = ()

    async def _end(self, tasks: tuple[asyncio.Task[None], ...]) -> None:
        await cancel_until_ended(tasks)

    async def listening(self) -> None:
        """Subscribe, unless that was done. Raises `LogUnreachable`."""
        if not self._listening:
            self._listening = True
            try:
                await self._bus.listen(f"{_TAIL}{ALL_SUBJECTS}", self._nudge)
            except BaseException:
                self._listening = False
                raise

    def _nudge(self, subject: bytes, head: bytes) -> None:
        fields = subject.split(b".", _CHANNEL_FIELD + 1)
        if len(fields) <= _CHANNEL_FIELD:
            return
        followers = self._followers.get(fields[_CHANNEL_FIELD])
        if followers is None:
            self.news.set()
            return
        _, name, rest = head.rpartition(_SEQUENCE)
        number = rest.partition(b"\r\n")[0]
        if name and number.isdigit():
            for follower in tuple(followers):
                follower.nudge(int(number))

    async def _reconnected(self) -> None:
        self.wake()

    def wake(self) -> None:
        """Wake all followers: the connection was lost or made."""
        for followers in self._followers.values():
            for follower in followers:
                follower.wake()

    async def _keep(self, work: Callable[[], Any]) -> None:
        """Do a piece of work for ever, whatever happens to it."""
        while True:
            try:
                await work()
            except LogUnreachable as error:
                log.debug("tail.waits", reason=str(error))
                await asyncio.sleep(POLL_SECONDS)
            except Exception:  # the other followers depend on it
                log.exception("tail.failed", do="nothing, unless it is repeated: then tell us")
                await asyncio.sleep(POLL_SECONDS)

    async def _pulse(self) -> None:
        """Ask for the names of the logs, and call the ticks that are due."""
        begun = asyncio.get_running_loop().time()
        for follower in tuple(self.touched):
            if not follower.tick():
                self.touched.discard(follower)
        names = await log_names(self._bus)
        self.pulse = begun
        if names != self.names:
            self.names = names
        if any(name.encode() not in self._followers for name in names):
            self.news.set()
        await asyncio.sleep(max(0.0, begun + POLL_SECONDS - asyncio.get_running_loop().time()))

    async def _list(self) -> None:
        """List all streams once, and inspect those that are not listed as right."""
        loop = asyncio.get_running_loop()
        begun, losses = loop.time(), self._bus.losses
        try:
            descriptions = await self._descriptions()
        except LogUnreachable as error:
            # A broker that does not permit the list answers nothing. Each stream is asked
            # for itself, but only while the broker answers other questions.
            descriptions = {}
            self._unlisted += 1
            if self.pulse < loop.time() - 2 * POLL_SECONDS or self._unlisted == 1:
                raise
            if self._unlisted == _REFUSED:
                log.warning(
                    "broker.not_listed",
                    reason=str(error),
                    do="let the users gateway and registrar publish to $JS.API.STREAM.LIST, as "
                    "in deploy/nats; until then each stream is asked for itself",
                )
        else:
            self._unlisted = 0
        if losses == self._bus.losses:
            for number, (channel, followers) in enumerate(tuple(self._followers.items()), 1):
                if number % _AT_A_STRETCH == 0:
                    await asyncio.sleep(0)  # let other tasks run
                description = descriptions.get(channel)
                for follower in tuple(followers):
                    if description is None:
                        follower.demand()
                    else:
                        follower.listed(description)
            self._turn_wheel()
        await asyncio.sleep(max(0.0, begun + self.round_seconds - loop.time()))

    async def _descriptions(self) -> dict[bytes, dict[str, Any]]:
        """Return the description of each stream that the broker lists, by its channel.

        Streams that the broker reports as offline or without a leader are left out.
        Raises `LogUnreachable`.
        """
        descriptions: dict[bytes, dict[str, Any]] = {}
        offset, total = 0, 1
        while offset < total:
            answer = await self._bus.list_page({"offset": offset, "subject": ALL_SUBJECTS})
            _require(answer)
            page, total = answer.get("streams") or [], int(answer.get("total", 0))
            # A page has less than its share of the streams where some did not answer.
            share = max(len(page), int(answer.get("limit", 0)))
            offset += share
            for description in page:
                cluster = description.get("cluster")
                if cluster is None or cluster.get("leader"):
                    descriptions[channel_of(description["config"]["name"]).encode()] = description
            if not share:
                break
        return descriptions

    def _turn_wheel(self) -> None:
        """Have the streams inspected that were not for longest."""
        now = asyncio.get_running_loop().time()
        late = sorted(
            (
                follower
                for followers in self._followers.values()
                for follower in followers
                if follower.inspected + INSPECT_SECONDS <= now
            ),
            key=lambda follower: follower.inspected,
        )
        for follower in late[: max(1, round(self.round_seconds * _INSPECTED_PER_SECOND))]:
            follower.demand()


async def log_names(bus: NatsConnection) -> list[str]:
    """Return the names of the channels that have a stream. Raises `LogUnreachable`."""
    texts: list[str] = []
    total = 1
    while len(texts) < total:
        answer = await bus.api("STREAM.NAMES", {"offset": len(texts), "subject": ALL_SUBJECTS})
        _require(answer)
        page = answer.get("streams") or []
        total = int(answer.get("total", 0))
        texts += page
        if not page:
            break
    return sorted(channel_of(name) for name in texts if name.startswith(PREFIX))


def _require(answer: dict[str, Any]) -> None:
    if "error" in answer:
        raise LogUnreachable(
            sentence("the broker answers %(answer)s", answer=answer["error"].get("description"))
        )


def tail_of(bus: NatsConnection) -> LogTail:
    """Return the tail of a connection, which all its followers share."""
    if not isinstance(bus.tail, LogTail):
        bus.tail = LogTail(bus)
    return bus.tail


async def news(bus: NatsConnection, seconds: float) -> list[str]:
    """Wait until a channel turns up that nobody follows here; return all channels.

    It waits at most so many seconds. Raises `LogUnreachable`.
    """
    tail = tail_of(bus)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await tail.news.wait()
    if not tail.news.is_set() and tail.count:
        return tail.names
    await asyncio.sleep(_GATHER_SECONDS)
    tail.news.clear()
    return await log_names(bus)
