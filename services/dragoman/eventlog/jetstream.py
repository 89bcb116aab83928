"""The `EventLog` on a JetStream stream.

Appending, for one record (several records go as one atomic batch):

    publish with the message id, the stream's name and the subject's last position
      {"seq": n}                       → Appended
      {"seq": n, "duplicate": true}    → compare with the message at n
      10071, 10164 wrong last sequence → resolve
      10201 duplicate in a batch       → resolve
      10158 first copy in flight       → wait, publish again
      10176 batch not whole            → publish again: its leader was another one
      no answer                        → publish again, until the deadline; then Unknown
      10077 store failed               → Unknown
      anything else                    → Unavailable, with the broker's words

*Resolve*: only one message can follow position e on a literal subject, and it is the
winner there. The leader returns it, and its message id is compared:

    our id, the same bytes    an earlier try of ours was stored
    our id, the same post     the post was made before
    our id, another post      the key was reused
    another id                a genuine conflict
    no message                publish again

This stays correct for ever, with any duplicate window, replicas or batches of the
broker (decision 0001).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import structlog
from nats.aio.msg import Msg

from dragoman.domain.record.codec import NotARecord, parse_stored, same_post
from dragoman.eventlog import stream_config
from dragoman.eventlog.durability_guard import DurabilityGuard, WriteFailure
from dragoman.eventlog.event_log import (
    POLLED_LASTS,
    AlreadyAppended,
    Appended,
    Conflict,
    EntryToAppend,
    KeyReused,
    LogBroken,
    LogUnreachable,
    NobodyListens,
    Outcome,
    StoredMessage,
    Unavailable,
    Unknown,
)
from dragoman.eventlog.high_water_mark import HighWaterMark
from dragoman.eventlog.nats_connection import NatsConnection, read_answer
from dragoman.eventlog.tail import Follower, tail_of
from dragoman.limits import (
    APPEND_SECONDS,
    BATCH_RECORDS,
    ELECTION_SECONDS,
    POLL_SECONDS,
    READ_RECORDS,
)
from dragoman.text import Text, sentence

log = structlog.get_logger()

T = TypeVar("T")

_WRONG_LAST: Final = frozenset({10071, 10164})
_IN_FLIGHT: Final = 10158
_STORE_FAILED: Final = 10077
_BATCH_LOST: Final = 10176
_BATCH_DUPLICATE: Final = 10201
_NO_MESSAGE: Final = 10037
_ALL: Final = ">"
"""The subjects of a read.

The stream has only the channel's subjects. A broker that need not compare each subject
with a narrower pattern reads faster.
"""
_CONTENT: Final = "application/cloudevents+json"
"""The media type of a message: a CloudEvents event in structured mode.

The NATS binding of CloudEvents defines it.
"""
_PAUSE_SECONDS: Final = 0.02
_LONGEST_PAUSE_SECONDS: Final = 0.5
"""The longest pause of a follower whose broker answers that it cannot answer.

The pauses begin short and are doubled. Many followers would ask a cluster that elects a
leader thousands of times a second otherwise.
"""
_LOOK_SECONDS: Final = 0.2
"""The pause between two looks at what a cluster says that it has lost."""
_IN_FLIGHT_SECONDS: Final = 1.0
"""The time after which a copy in flight is published under another id.

A leader that stepped down and leads again has forgotten that copy. It would refuse the
id for ever. The expected sequence of the subject prevents a second copy in the log.
"""
_SETTLE_SECONDS: Final = 0.001
"""The pause after a nudge.

By then, this process has applied its own records, and need not read them.
"""
_OWN_SECONDS: Final = 0.01
"""The pause of a follower that its own process's records woke, as under load.

Other records gather meanwhile.
"""
_PATIENT_SECONDS: Final = 0.1
"""The time for which a follower waits for its own process to apply a record.

After that it reads the record, although it is most likely its own.
"""


class _InFlight(Exception):
    """The leader says that an earlier copy is still on its way."""


class JetStreamLog:
    """One channel's log on its stream."""

    lasts = POLLED_LASTS

    def __init__(
        self,
        channel: str,
        bus: NatsConnection,
        guard: DurabilityGuard | None = None,
        *,
        replicas: int = 1,
        mark: HighWaterMark | None = None,
    ) -> None:
        """Read and append through the bus; without a guard, only read.

        Appending requires that the guard is proven. A follower compares the stream with
        its settings, and with the mark if there is one.
        """
        self.channel = channel
        self._stream = stream_config.stream_of(channel)
        self._bus = bus
        self._guard = guard
        self._replicas = replicas
        self._mark = mark
        self._followed = False
        self._looked = -1
        self._follower: Follower | None = None
        self._created = ""
        self._failure = WriteFailure(channel, bus, guard)
        self._settings: dict[str, Any] = {}
        self._appending = 0
        self._acknowledged = 0
        self._own = range(0)
        self._awaited = 0
        self._awaited_since = 0.0
        self._read = 0.0
        self._end_reached: float | None = None

    @property
    def unwritable(self) -> Text | None:
        """The reason for which the broker takes no record of this log, if any."""
        return self._failure.reason

    @property
    def _doubted(self) -> bool:
        """Return whether this may be another log, because the connection was lost.

        Then a follower must check the log before any record is written to it.
        """
        return self._followed and self._looked != self._bus.losses

    async def append(self, entries: Sequence[EntryToAppend]) -> Outcome:
        """Append one record, or several as an atomic batch."""
        assert 1 <= len(entries) <= BATCH_RECORDS
        self._appending += 1
        try:
            outcome = await self._append(entries)
        finally:
            self._appending -= 1
        if isinstance(outcome, Appended):
            self._acknowledged = max(self._acknowledged, outcome.position)
            self._own = range(outcome.position - len(entries) + 1, outcome.position + 1)
            if self._mark is not None:
                self._mark.note(outcome.position, entries[-1].record.raw)
            if self._follower is not None:
                self._follower.touch()
        elif isinstance(outcome, Unknown) and self._follower is not None:
            self._failure.unanswered()
            self._follower.demand()  # The stream says whether it could not be written.
        return outcome

    async def _append(self, entries: Sequence[EntryToAppend]) -> Outcome:
        deadline = asyncio.get_running_loop().time() + APPEND_SECONDS
        has_asked = unanswered = False
        detail = sentence("the broker did not answer in time")
        again = 0
        in_flight_since: float | None = None
        while asyncio.get_running_loop().time() < deadline:
            hindrance = self._hindrance(entries)
            if hindrance is None:
                has_asked = True
                try:
                    async with asyncio.timeout_at(deadline):
                        outcome = await self._attempt(entries, again)
                    # Another leader may have refused it.
                    unanswered = unanswered or (outcome is None and self._replicas > 1)
                except _InFlight:
                    now = asyncio.get_running_loop().time()
                    in_flight_since = in_flight_since or now
                    if now - in_flight_since > _IN_FLIGHT_SECONDS:
                        again, in_flight_since = again + 1, None
                        log.warning(
                            "append.copy_forgotten",
                            stream=self._stream,
                            id=entries[0].message_id,
                            tried=again,
                        )
                    outcome, unanswered = None, True
                    detail = sentence("the broker says that an earlier copy is still on its way")
                except TimeoutError:
                    outcome, unanswered = None, True
                    detail = sentence("the broker did not answer in time")
                except NobodyListens as error:
                    outcome, detail = None, error.said
                except LogUnreachable as error:
                    outcome, detail, unanswered = None, error.said, True
                if isinstance(outcome, Unavailable) and unanswered:
                    return Unknown(outcome.detail)  # An earlier try may have been stored.
                if outcome is not None:
                    return outcome
            elif has_asked or (self._doubted and self.unwritable is None):
                detail = hindrance
            else:
                return Unavailable(hindrance)
            await asyncio.sleep(_PAUSE_SECONDS)
        return Unknown(detail) if unanswered else Unavailable(detail)

    def _hindrance(self, entries: Sequence[EntryToAppend]) -> Text | None:
        """Return the reason for which no record may be written now, if there is one."""
        if self._guard is None:
            return sentence("this connection only reads")
        if not self._bus.up:
            return sentence("the broker cannot be reached")
        # Read it once: if the clock is corrected just then, a second look would find no reason.
        if (reason := self._guard.reason or self.unwritable) is not None:
            return reason
        if not all(entry.ahead is None or self._guard.agrees(entry.ahead) for entry in entries):
            return sentence("this clock was stepped since the record was dated")
        if self._doubted:
            return sentence(
                "the connection was lost, and the log is being compared with what was folded "
                "from it"
            )
        return None

    async def _attempt(self, entries: Sequence[EntryToAppend], again: int) -> Outcome | None:
        answer = read_answer((await self._publish(entries, again)).data)
        error = answer.get("error")
        if error is None:
            if answer.get("duplicate"):
                return await self._compare(entries, int(answer["seq"]))
            return Appended(int(answer["seq"]))
        code = error.get("err_code")
        if code == _IN_FLIGHT:
            raise _InFlight
        if code == _BATCH_LOST:
            return None
        if code in _WRONG_LAST or code == _BATCH_DUPLICATE:
            return await self._resolve(entries)
        if code == _STORE_FAILED:
            return Unknown(sentence("the broker's store failed while it wrote; look at its disk"))
        return Unavailable(
            sentence(
                "the broker answers %(code)s: %(answer)s",
                code=code,
                answer=error.get("description"),
            )
        )

    async def _publish(self, entries: Sequence[EntryToAppend], again: int) -> Msg:
        if len(entries) == 1:
            (entry,) = entries
            return await self._bus.request(
                entry.subject, entry.record.raw, self._headers(entry, again, check=True)
            )
        batch = entries[0].record.envelope.id
        subjects: set[str] = set()
        messages: list[tuple[str, dict[str, str], bytes]] = []
        for number, entry in enumerate(entries, 1):
            subject = entry.subject
            headers = self._headers(entry, again, check=subject not in subjects)
            headers["Nats-Batch-Id"], headers["Nats-Batch-Sequence"] = batch, str(number)
            subjects.add(subject)
            messages.append((subject, headers, entry.record.raw))
        subject, headers, raw = messages.pop()
        await self._bus.publish(messages)
        return await self._bus.request(subject, raw, {**headers, "Nats-Batch-Commit": "1"})

    def _headers(self, entry: EntryToAppend, again: int, *, check: bool) -> dict[str, str]:
        suffix = f"{stream_config.AGAIN}{again}" if again else ""
        headers = {
            "Nats-Msg-Id": f"{entry.message_id}{suffix}",
            "Nats-Expected-Stream": self._stream,
            "Content-Type": _CONTENT,
        }
        if check:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(entry.expected)
        if entry.first:
            headers["Nats-Expected-Last-Sequence"] = "0"
        parent, request = entry.trace
        if parent:
            headers["traceparent"] = parent
        if request:
            headers["tracestate"] = f"dragoman={request}"
        return headers

    async def _resolve(self, entries: Sequence[EntryToAppend]) -> Outcome | None:
        missing = 0
        conflict: Conflict | None = None
        firsts = {entry.subject: entry for entry in reversed(entries)}
        checked = [entry for entry in entries if firsts[entry.subject] is entry]
        rows = await asyncio.gather(
            *(
                self._stored({"seq": entry.expected + 1, "next_by_subj": entry.subject})
                for entry in checked
            )
        )
        for entry, stored in zip(checked, rows, strict=True):
            if stored is None:
                missing += 1
            elif stored[1] != entry.message_id:
                conflict = Conflict(stored[0].position)
            else:
                return await self._outcome_of(entries, entry, stored[0])
        if conflict is None and missing == len(checked) and entries[0].first:
            return Conflict(1)
        return conflict

    async def _compare(self, entries: Sequence[EntryToAppend], position: int) -> Outcome | None:
        stored = await self._stored({"seq": position})
        return None if stored is None else await self._outcome_of(entries, entries[0], stored[0])

    async def _outcome_of(
        self, entries: Sequence[EntryToAppend], entry: EntryToAppend, stored: StoredMessage
    ) -> Outcome:
        """Return the outcome of finding a message with this entry's id in the log."""
        if stored.raw == entry.record.raw and await self._whole(
            entries, stored.position - entries.index(entry)
        ):
            return Appended(stored.position + len(entries) - 1 - entries.index(entry))
        try:
            same = same_post(parse_stored(stored.raw), entry.record)
        except NotARecord:
            same = False
        return AlreadyAppended(stored.position) if same else KeyReused(stored.position)

    async def _whole(self, entries: Sequence[EntryToAppend], first: int) -> bool:
        """Return whether all entries are in the log, one after the other.

        Then an earlier try of ours was stored.
        """
        for offset, entry in enumerate(entries):
            stored = await self._stored({"seq": first + offset}) if first > 0 else None
            if stored is None or stored[0].raw != entry.record.raw:
                return False
        return True

    async def _stored(self, query: dict[str, object]) -> tuple[StoredMessage, str] | None:
        """Return the leader's message for a query, with its message id."""
        answer = await self._bus.api(f"STREAM.MSG.GET.{self._stream}", query)
        if "error" in answer:
            if answer["error"].get("err_code") == _NO_MESSAGE:
                return None
            raise LogUnreachable(
                sentence("the broker answers %(answer)s", answer=answer["error"].get("description"))
            )
        return stream_config.stored_message(answer["message"])

    async def read(self, first: int, most: int) -> list[StoredMessage]:
        """Return one batched read, up to the limits of a read.

        On a cluster any replica answers, perhaps one that is behind. The leader is
        asked for a message that the replica lacks.
        """
        stored_messages = [
            StoredMessage(
                position=int(message.header(b"Nats-Sequence")),
                subject=message.header(b"Nats-Subject"),
                raw=message.data,
            )
            for message in await self._bus.fetch(self._stream, _ALL, first, min(most, READ_RECORDS))
        ]
        if self._replicas > 1 and (not stored_messages or stored_messages[0].position != first):
            led = await self._stored({"seq": first})
            stored_messages = (
                []
                if led is None and not stored_messages
                else [led[0]]
                if led is not None
                else stored_messages
            )
        for offset, message in enumerate(stored_messages):
            if message.position != first + offset:
                return await self._before_gap(
                    stored_messages[:offset], first + offset, message.position
                )
        return stored_messages

    async def read_kept(self, first: int, most: int) -> list[StoredMessage]:
        """Read as `read` does, from a position that the log must have."""
        return await self._until_certain(lambda: self.read(first, most)) or []

    async def _until_certain(self, look: Callable[[], Awaitable[T | None]]) -> T | None:
        """Return the result of a look; return nothing only if that is certain.

        On a cluster, a node that was cut off and is joined again may answer as a
        leader. It then answers with its old log until it finds out.
        """
        begun = asyncio.get_running_loop().time()
        while not (result := await look()):
            if self._replicas == 1 or asyncio.get_running_loop().time() > begun + ELECTION_SECONDS:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        return result

    async def _before_gap(
        self, stored_messages: list[StoredMessage], missing: int, follows: int
    ) -> list[StoredMessage]:
        """Return the messages before a gap, with the leader's message at the gap.

        A connection that is lost and made again during a read loses the messages sent
        in between. The gap is a hole only if the leader has no message there either.
        Then this raises `LogBroken`.
        """
        led = await self._until_certain(lambda: self._stored({"seq": missing}))
        if led is None:
            raise LogBroken(
                sentence(
                    "position %(missing)s of %(channel)s is missing: %(follows)s follows; "
                    "restore the broker's store from a copy",
                    missing=missing,
                    channel=self.channel,
                    follows=follows,
                )
            )
        return [*stored_messages, led[0]]

    async def follow(self, wanted: Callable[[], int]) -> AsyncIterator[list[StoredMessage] | None]:
        """Read on whenever the tail of the connection says that there is something.

        The tail repairs a lost nudge at its next list of all streams.
        """
        self._followed = True
        tail = tail_of(self._bus)
        follower = self._follower = tail.join(
            self.channel, wanted, self._is_doubtful, self._keep_mark
        )
        pause = _PAUSE_SECONDS
        try:
            while True:
                losses = self._bus.losses
                try:
                    if await self._inspected_anew(follower):
                        yield None
                        self._looked = losses
                    if self._is_coming(wanted()):
                        await asyncio.sleep(_OWN_SECONDS)
                        continue
                    await tail.listening()
                    follower.clear()
                    end = follower.end
                    on = await self._read_on(wanted())
                except LogUnreachable:
                    await follower.rest(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                    continue
                pause, follower.is_unread = _PAUSE_SECONDS, False
                yield on
                if on or self._doubted:
                    continue
                follower.at_end(end)
                follower.confirm()
                await self._until_more(follower, wanted)
        finally:
            follower.leave()
            if self._follower is follower:
                self._follower = None

    async def _until_more(self, follower: Follower, wanted: Callable[[], int]) -> None:
        """Wait until the log is longer, or must be inspected.

        A message that this process applied itself meanwhile needs no read.
        """
        while True:
            await follower.woken()
            await asyncio.sleep(_SETTLE_SECONDS)
            if follower.inspect or self._doubted or follower.end >= wanted():
                return
            follower.clear()

    @property
    def end(self) -> "JetStreamLog":
        """The end of this log, which its follower's place in the tail gives."""
        return self

    @property
    def is_behind(self) -> bool:
        """Return whether the log has more than was read here."""
        return self._follower is not None and not self._doubted and self._follower.is_behind

    def reached(self, moment: float) -> None:
        """Note that everything was read at a moment."""
        self._end_reached = moment

    def seen(self) -> float | None:
        """Return the time at which the follower last had the whole log."""
        if self._follower is None or self._doubted:
            return self._end_reached
        ends = self._follower.seen(), self._end_reached
        times = (moment for moment in ends if moment is not None)
        return max(times, default=None)

    def _is_doubtful(self, description: dict[str, Any]) -> bool:
        """Return whether a description of the stream is a reason to inspect it."""
        settings, state = description["config"], description["state"]
        if settings != self._settings:
            wanted = stream_config.configuration(self.channel, self._replicas)
            if stream_config.drift(settings, wanted):
                return True
            self._settings = settings
        return (
            self._created not in ("", description["created"])
            or (self._mark is not None and int(state["last_seq"]) < self._mark.position)
            or stream_config.missing(state, self._floor) is not None
            or self._failure.is_news(is_unwritten=stream_config.is_unwritten(state, self._floor))
        )

    @property
    def _floor(self) -> int:
        """The last position that is known here to be stored; 0 if none is."""
        position = 0 if self._follower is None else self._follower.wanted() - 1
        return position if self._mark is None else max(position, self._mark.position)

    def _keep_mark(self) -> bool:
        """Write the mark's file if it is due, and return whether it is still behind."""
        if self._mark is None:
            return False
        self._mark.keep(self._created)
        return not self._mark.is_kept

    async def _read_on(self, first: int) -> list[StoredMessage]:
        stored_messages = await self.read(first, READ_RECORDS)
        self._read = asyncio.get_running_loop().time()
        if self._mark is not None:
            if stored_messages:
                self._mark.note(stored_messages[-1].position, stored_messages[-1].raw)
            self._mark.keep(self._created)
            if self._follower is not None and not self._mark.is_kept:
                self._follower.touch()
        return stored_messages

    def _is_coming(self, position: int) -> bool:
        """Return whether this process most likely appended the next message.

        The process applies such a message itself as soon as it is acknowledged. The
        answer is no if no append is running, or if a later position was acknowledged:
        then others were faster, and the log must be read. The answer is also no after a
        long wait for the position, and once a second, to find the end.
        """
        now = asyncio.get_running_loop().time()
        if position != self._awaited:
            self._awaited, self._awaited_since = position, now
        is_own = (self._appending > 0 and self._acknowledged < position) or position in self._own
        return (
            is_own
            and now < self._awaited_since + _PATIENT_SECONDS
            and now < self._read + POLL_SECONDS
        )

    async def _inspected_anew(self, follower: Follower) -> bool:
        """Inspect the stream if that is due; return whether the connection is new."""
        anew = self._doubted and self._bus.up
        if anew:
            follower.begin_anew()
        if anew or follower.inspect:
            follower.inspect = False
            try:
                await self._inspect()
            except LogUnreachable:
                follower.inspect = True
                raise
            follower.inspected = asyncio.get_running_loop().time()
        return anew

    async def _inspect(self) -> None:
        """Check that the stream has its settings, is whole, and has the marked message.

        Raises `LogBroken`, `LogUnreachable`. On a cluster, a node that was cut off may
        show an old log until it finds out: it gets time for that.
        """
        begun = asyncio.get_running_loop().time()
        turns = tail_of(self._bus).turns
        while True:
            async with turns:
                created, fault, unwritten = await stream_config.inspected(
                    self._bus, self.channel, self._replicas, self._mark, self._stored, self._floor
                )
            if fault is None:
                self._created = created
                self._failure.note(is_unwritten=unwritten)
                return
            if self._replicas == 1 or asyncio.get_running_loop().time() > begun + ELECTION_SECONDS:
                raise LogBroken(fault)
            await asyncio.sleep(_LOOK_SECONDS)
