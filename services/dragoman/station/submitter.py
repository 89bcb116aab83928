"""The outbox on its way to a host: in order, each act once, and never past its time.

The copy here decides. Before each try, and whatever the host answered, the id is looked
up in the copy: an act that is there is recorded, and nothing else is. While the fold
still has records that were taken back, nothing is decided, and acts leave again. Acts
of one exchange leave one after the other; exchanges go side by side, urgent ones first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import msgspec
import structlog
from msgspec import UNSET, Raw
from msgspec.structs import replace

from dragoman.application.clock import stamp
from dragoman.application.http.problems import problem_of
from dragoman.client import Garbled, ProblemResponse, Unreachable
from dragoman.domain.decide import Submission
from dragoman.domain.record.errors import Refusal, Refused, make_refusal
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.station.copy_log import CopyLog
from dragoman.station.file_carrier import NotBrought
from dragoman.station.link import SILENT_SECONDS, HostLink
from dragoman.stores.outbox import BACK, ON_THE_WAY, URGENT, Outbox, OutboxEntry
from dragoman.text import packed
from dragoman_schemas.problems import BASE, Problem
from dragoman_schemas.responses import ActLine, ActOutcome

log = structlog.get_logger()

AGE_SECONDS: Final[Mapping[str, float]] = {
    "flash": 300.0,
    "immediate": 300.0,
    "priority": 3_600.0,
    "routine": 86_400.0,
}
"""The age at which an act no longer leaves by itself, by precedence.

A stale message is worse than a late one. Acts that only acknowledge have no such age.
"""

_UNDECIDED_SECONDS: Final = 3_600.0
"""Seconds for which an entry that came back may wait for its officer."""

ACKNOWLEDGING: Final = frozenset({"acknowledgement", "watch-assumption", "watch-relief"})
_RANKS: Final = {"flash": 0, "immediate": 1, "priority": 2, "routine": 3}
_AT_ONCE: Final = 16
_SHOWN_SECONDS: Final = 3.0
"""The time within which a record must be in the copy after the host's answer."""

_PAUSE_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.5
_REFUSED_FOR_GOOD: Final = frozenset({400, 403, 404, 409, 410, 412, 413, 415, 422, 428})

_ID_IS_USED: Final = f"{BASE}key-reused"
"""The problem of an id that the host has recorded: the copy will show with what act."""

Sign = Callable[[Projection, Submission], OutboxEntry]
"""A function that decides and signs a submission. Raises `Refused`."""


class Submitter:
    """The sender of one channel's entries."""

    def __init__(
        self,
        link: HostLink,
        outbox: Outbox,
        projection: Projection,
        cid: str,
        actor: str,
        *,
        sign: Callable[[OutboxEntry], OutboxEntry],
        bring: Callable[[bytes], Awaitable[None]],
        final: Callable[[], Awaitable[int]],
        accuse: Callable[[OutboxEntry, bytes], None],
        is_in_doubt: Callable[[], bool],
        is_held: Callable[[], bool],
        copy: CopyLog,
    ) -> None:
        """Send a channel's entries over a link, for the station `actor`.

        `sign` decides and signs an entry that had to wait, or raises `Refused`. `bring`
        brings the files that an act names to the host. `final`
        gives the position up to which records are final. `accuse` is called with the
        host's answer if the copy has something else at that position, under a signed
        head. A refusal decides nothing while the host `is_in_doubt`, and nothing leaves
        while the outbox `is_held`. `projection` is folded from the `copy`.
        """
        self._link, self._outbox, self._projection = link, outbox, projection
        self._cid, self._actor = cid, actor
        self._sign, self._bring, self._final, self._accuse = sign, bring, final, accuse
        self._is_in_doubt, self._is_held, self._copy = is_in_doubt, is_held, copy
        self._wake = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._settled: dict[str, list[asyncio.Future[OutboxEntry]]] = {}
        self._again: dict[str, float] = {}
        self._was_cut = False
        self.unshown: tuple[int, float] | None = None
        """The position that the host named for an act and does not show, and the moment
        of its answer.
        """
        self.is_stopped = False
        """Sending has stopped until somebody has looked, as after a restoration."""

    @property
    def is_cut(self) -> bool:
        """Return whether the host is not heard now."""
        return asyncio.get_running_loop().time() - self._link.heard > SILENT_SECONDS

    @property
    def sends_nothing(self) -> bool:
        """Return whether nothing leaves now. Then nothing is said to have left."""
        return self.is_cut or self.is_stopped or self._is_held()

    def moment(self) -> datetime:
        """Return the time by the host's clock."""
        return datetime.fromtimestamp(self._link.clock.now(), UTC)

    def now(self) -> str:
        """Return the time by the host's clock, as it is written."""
        return stamp(self.moment())

    def wake(self) -> None:
        """Look at the outbox now."""
        self._wake.set()

    async def outcome(self, entry: OutboxEntry, seconds: float) -> OutboxEntry:
        """Wait until an entry is no longer on its way; return it as it then stands."""
        if entry.state not in ON_THE_WAY:
            return entry
        waiting: asyncio.Future[OutboxEntry] = asyncio.get_running_loop().create_future()
        self._settled.setdefault(entry.id, []).append(waiting)
        self.wake()
        try:
            async with asyncio.timeout(seconds):
                return await waiting
        except TimeoutError:
            return self._outbox.find(entry.cid, entry.id) or entry
        finally:
            self._settled.get(entry.id, []).remove(waiting)
            if not self._settled.get(entry.id):
                self._settled.pop(entry.id, None)

    async def run(self) -> None:
        """Send what waits, for ever."""
        self._projection.listeners.add(self._folded)
        try:
            while True:
                self._wake.clear()
                await self._round()
                try:
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            self._projection.listeners.discard(self._folded)
            for task in self._busy.values():
                task.cancel()

    def _folded(self, row: Any) -> None:
        record = row.folded.record
        if record is not None and self._outbox.find(self._cid, record.envelope.id):
            self.wake()

    async def _round(self) -> None:
        """Begin a try for the first entry of each exchange that has none on its way."""
        now = asyncio.get_running_loop().time()
        was_cut, self._was_cut = self._was_cut, self.is_cut
        if was_cut and not self._was_cut:
            self._again.clear()  # the line is back: nobody waits any longer
        waiting: dict[str, OutboxEntry] = {}
        for entry in self._outbox.entries(self._cid):
            if not self._is_newest(entry):
                continue
            if entry.state == "recorded":
                await self._let_go(entry)
            elif (position := self._posted(entry.id)) is not None:
                await self._note_recorded(entry, position)
            elif entry.state in ON_THE_WAY:
                if not self.is_over(entry):
                    waiting.setdefault(entry.queue, entry)
                elif not self._copy.is_refolding:
                    await self._back(replace(entry, state="ended"))
        if self.is_stopped or self._is_held():
            return
        ordered = sorted(waiting.values(), key=_rank)
        for entry in ordered:
            if len(self._busy) >= _AT_ONCE and entry.precedence not in URGENT:
                break
            if entry.queue in self._busy or self._again.get(entry.queue, 0.0) > now:
                continue
            task = asyncio.create_task(self._try(entry), name=entry.id)
            self._busy[entry.queue] = task
            task.add_done_callback(partial(self._tried, entry.queue))

    def is_trying(self, entry: OutboxEntry) -> bool:
        """Return whether an entry is leaving at this moment."""
        task = self._busy.get(entry.queue)
        return task is not None and task.get_name() == entry.id

    def _is_newest(self, entry: OutboxEntry) -> bool:
        """Return whether nobody has changed or withdrawn an entry meanwhile."""
        return self._outbox.find(entry.cid, entry.id) is entry

    def _posted(self, id: str) -> int | None:
        """Return the position of an act in the copy; None for none.

        None too where nobody can tell, because the fold has what was taken back.
        """
        return None if self._copy.is_refolding else self._projection.posted(id)

    def _is_gone(self, entry: OutboxEntry) -> bool:
        """Return whether its record was taken back, so that it has to leave again.

        The copy is asked too: after a start it may not be folded to its end yet.
        """
        is_folded = entry.position <= self._projection.state.position
        is_cut = entry.position > self._copy.size
        return (is_folded or is_cut) and self._projection.posted(entry.id) is None

    def _tried(self, queue: str, task: asyncio.Task[None]) -> None:
        self._busy.pop(queue, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._again[queue] = asyncio.get_running_loop().time() + _PAUSE_SECONDS
            log.critical("station.send_failed", channel=self._projection.name, exc_info=error)
        self.wake()

    def is_over(self, entry: OutboxEntry) -> bool:
        """Return whether an entry is too old to leave by itself."""
        if entry.name in ACKNOWLEDGING:
            return False
        age = AGE_SECONDS.get(entry.precedence, AGE_SECONDS["routine"])
        return self._seconds_since(entry.kept) > age

    def is_old(self, entry: OutboxEntry) -> bool:
        """Return whether somebody should look at an entry.

        It came back an hour ago and nobody has decided, or it is on its way for too
        long.
        """
        if entry.state in BACK:
            return self._seconds_since(entry.came_back or entry.kept) > _UNDECIDED_SECONDS
        age = AGE_SECONDS.get(entry.precedence, AGE_SECONDS["routine"])
        return entry.state in ON_THE_WAY and self._seconds_since(entry.kept) > age

    def _seconds_since(self, moment: str) -> float:
        return self._link.clock.now() - datetime.fromisoformat(moment).timestamp()

    async def _try(self, entry: OutboxEntry) -> None:
        """Try to have one entry recorded."""
        is_first = not entry.left
        try:
            if entry.state == "unsigned":
                entry = await self._signed(entry)
                if entry.state != "waiting":
                    return
            if self.is_cut and entry.precedence not in URGENT:
                self._pause(entry)
                return
            if not entry.left:
                entry = await self._outbox.change(entry, state="unanswered", left=self.now())
            await self._send(entry, is_first=is_first)
        except LogUnreachable as error:
            self._pause(entry)
            log.warning("station.outbox_waits", reason=str(error))

    async def _signed(self, entry: OutboxEntry) -> OutboxEntry:
        """Return an entry that had to wait, signed now or returned."""
        opening = self._outbox.find(entry.cid, entry.exchange)
        is_recorded = self._posted(entry.exchange) is not None
        is_to_come = opening is not None and opening.state in ON_THE_WAY
        if self._copy.is_refolding or (is_to_come and not is_recorded):
            self._pause(entry)
            return entry
        try:
            return await self._outbox.put(self._sign(entry))
        except Refused as error:
            return await self._refused(entry, error.refusal)

    async def _send(self, entry: OutboxEntry, *, is_first: bool) -> None:
        keyids, signatures = zip(
            *(item.split(":", 1) for item in entry.signatures.split()), strict=True
        )
        line = ActLine(
            act=entry.act,
            exchange=entry.exchange,
            if_match=entry.if_match,
            key_id=" ".join(keyids),
            signature=" ".join(signatures),
            released_by=entry.released_by,
        )
        try:
            await self._bring(bytes(entry.act))
            outcome = await self._link.post(entry.channel, line)
        except Unreachable as error:
            if error.never_left and is_first:
                await self._outbox.change(entry, state="waiting", left="")
            self._pause(entry)
            return
        except (Garbled, NotBrought, ProblemResponse) as error:
            if isinstance(error, ProblemResponse) and error.problem.status == 401:
                self._link.refused()
            self._pause(entry)
            log.warning("station.not_taken", channel=entry.channel, reason=str(error))
            return
        await self._answered(entry, outcome)

    async def _answered(self, entry: OutboxEntry, outcome: ActOutcome) -> None:
        """Look at the copy, whatever the host said, and then at its answer."""
        if outcome.status == 201 and outcome.recorded is not UNSET:
            position = outcome.recorded.position
            try:
                await self._projection.reached(position, _SHOWN_SECONDS)
            except NotYetApplied:
                if self.unshown is None:
                    self.unshown = position, asyncio.get_running_loop().time()
                self._pause(entry)
                return
            self.unshown = None
            if self._is_contradicted(entry, position):
                self.is_stopped = True
                self._accuse(entry, msgspec.json.encode(outcome))
                return
        if (shown := self._posted(entry.id)) is not None:
            await self._note_recorded(entry, shown)
        elif (
            not self._copy.is_refolding
            and outcome.status in _REFUSED_FOR_GOOD
            and not self._is_in_doubt()
            and outcome.problem is not UNSET
            and outcome.problem.type != _ID_IS_USED
        ):
            await self._returned(entry, outcome.problem)
        else:
            self._pause(entry)

    def _is_contradicted(self, entry: OutboxEntry, position: int) -> bool:
        """Return whether a signed head covers something else at an act's position."""
        is_signed = position <= self._copy.settled_size and not self._copy.is_refolding
        return is_signed and self._projection.posted(entry.id) is None

    async def _note_recorded(self, entry: OutboxEntry, position: int) -> None:
        """Note that an entry, or something else with its id, is in the copy."""
        record = self._projection.record_at(position)
        if record is not None and record.act and not entry.is_of(record.envelope.actor, record.act):
            refusal = make_refusal(
                "key-reused",
                "Position %(position)s has this id, and another act.",
                position=position,
            )
            await self._refused(entry, refusal)
            return
        # The copy decides, and not this entry: the officer need not wait for its writing.
        self._end(replace(entry, state="recorded", position=position))
        await self._outbox.change(entry, state="recorded", position=position)

    async def _refused(self, entry: OutboxEntry, refusal: Refusal) -> OutboxEntry:
        """Return an entry to its officer for a reason that was seen here."""
        problem = problem_of(refusal, "", "")
        return await self._returned(replace(entry, why=packed(refusal.why)), problem)

    async def _returned(self, entry: OutboxEntry, problem: Problem) -> OutboxEntry:
        entry = replace(entry, state="returned", problem=Raw(msgspec.json.encode(problem)))
        await self._back(entry)
        return entry

    async def _back(self, entry: OutboxEntry) -> None:
        """Give an entry back to its officer. The station's own acts are only logged."""
        if entry.actor != self._actor:
            await self._outbox.change(entry, came_back=self.now())
        else:
            await self._outbox.drop(entry)
            log.info(
                "station.own_act_dropped",
                channel=entry.channel,
                act=entry.name,
                state=entry.state,
            )
        self._end(entry)

    async def _let_go(self, entry: OutboxEntry) -> None:
        """Forget an entry once its record is final.

        One whose record was taken back leaves again.
        """
        if self._copy.is_refolding:
            return
        if self._is_gone(entry):
            await self._outbox.change(entry, state="unanswered", position=0)
        elif entry.position <= await self._final():
            await self._outbox.drop(entry)

    def _pause(self, entry: OutboxEntry) -> None:
        self._again[entry.queue] = asyncio.get_running_loop().time() + _PAUSE_SECONDS

    def _end(self, entry: OutboxEntry) -> None:
        for waiting in self._settled.get(entry.id, ()):
            if not waiting.done():
                waiting.set_result(entry)


def _rank(entry: OutboxEntry) -> tuple[int, int]:
    """Return the place of an entry: urgent acts and acknowledgements first."""
    rank = 0 if entry.name in ACKNOWLEDGING else _RANKS.get(entry.precedence, 3)
    return rank, entry.serial
