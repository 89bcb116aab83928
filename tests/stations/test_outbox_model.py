"""A model of the outbox: whatever line, host, disk and officers do, each act is recorded at most
once, and none that was kept is forgotten.

The submitter, the outbox and the withdrawal are the product's. Line, host, copy and disk are of the
test, and so is the time. A station is killed before or after any write of its outbox.
"""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import Raw

from dragoman.client import Unreachable
from dragoman.domain.record.errors import Refused, make_refusal
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.projection import NotYetApplied
from dragoman.station.station import Station
from dragoman.station.submitter import Submitter
from dragoman.stores.outbox import ON_THE_WAY, Outbox, OutboxEntry
from dragoman.text import sentence
from dragoman_schemas.problems import Problem
from dragoman_schemas.responses import ActLine, ActOutcome, Recorded

CID = "c" * 64
OFFICER = "nato/o-1"
BEGUN = 1_700_000_000.0
REFUSED = Problem(type="/problems/invalid", title="", status=422, detail="No.")

ResultT = TypeVar("ResultT")


class Killed(Exception):
    """The station is dead: nothing after this is done."""


class TestClock(asyncio.SelectorEventLoop):
    """An event loop whose time goes on by steps."""

    __test__ = False
    moment = 1_000.0

    def time(self) -> float:
        return self.moment


class Disk:
    """The bucket of the outbox, which lasts over a kill."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.is_full = False
        self.writes_left: float = float("inf")

    async def refresh(self) -> None:
        """Take no notice."""

    async def put(self, key: str, value: OutboxEntry | None) -> None:
        await asyncio.sleep(0)
        if self.is_full:
            raise LogUnreachable(sentence("the disk is full"))
        self._count()
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = msgspec.json.encode(value)
        self._count()
        await asyncio.sleep(0)

    def _count(self) -> None:
        """Die before a write, or after it."""
        if self.writes_left <= 0:
            raise Killed
        self.writes_left -= 1


class Host:
    """A host, its line, and the copy of its log at the station."""

    def __init__(self, loop: TestClock) -> None:
        self.loop = loop
        self.mood = "answers"
        self.log: list[ActLine] = []
        self.copied: list[ActLine] = []
        self.folded: list[ActLine] = []
        self.settled_size = 0
        """Its records under a signed head, which are final too."""

        self.is_refolding = False
        self.listeners: set[Any] = set()
        self.name = "nato-china"
        self.heard = loop.time()
        self.clock = SimpleNamespace(now=lambda: BEGUN + loop.time())

    # The line

    async def post(self, _: str, line: ActLine) -> ActOutcome:
        await asyncio.sleep(0)
        mood = self.mood
        if mood == "cut":
            raise Unreachable("cut", never_left=True)
        if mood == "lost":
            raise Unreachable("lost on the way")
        self.heard = self.loop.time()
        if mood == "busy":
            return ActOutcome(line=1, status=503, problem=REFUSED)
        position = self.position(id_of(line), len(self.log))
        if mood == "refuses" and position is None:
            return ActOutcome(line=1, status=422, problem=REFUSED)
        if position is None:
            self.log.append(line)
            position = len(self.log)
        if mood == "answer lost":
            raise Unreachable("the answer is lost")
        recorded = Recorded(
            channel=self.name,
            position=position,
            id=id_of(line),
            exchange="",
            act="contact-note",
            family="contact",
            time="",
            commit="",
            etag="",
        )
        return ActOutcome(line=1, status=201, recorded=recorded)

    def refused(self) -> None:
        """Take no notice."""

    def position(self, id: str, upto: int) -> int | None:
        ids = [id_of(line) for line in self.log[:upto]]
        return ids.index(id) + 1 if id in ids else None

    # The copy

    @property
    def size(self) -> int:
        return len(self.copied)

    def copy(self, records: int) -> None:
        """Copy some more, and take back first what the log no longer has."""
        if self.copied != self.log[: self.size]:
            del self.copied[self.settled_size :]
            self.is_refolding = True
        self.copied = self.log[: self.size + records]
        self.settled_size = max(self.settled_size, self.size - 2)
        if not self.is_refolding:
            self.refold()

    def cut(self, records: int) -> None:
        """Lose the newest records with the machine."""
        del self.log[max(self.settled_size, len(self.log) - records) :]

    def refold(self) -> None:
        self.folded, self.is_refolding = list(self.copied), False

    @property
    def state(self) -> Any:
        return SimpleNamespace(position=len(self.folded))

    def posted(self, id: str) -> int | None:
        ids = [id_of(line) for line in self.folded]
        return ids.index(id) + 1 if id in ids else None

    async def reached(self, position: int, _: float) -> None:
        if position > len(self.folded):
            raise NotYetApplied(sentence("not yet"))

    def record_at(self, position: int) -> Any:
        act = bytes(self.folded[position - 1].act)
        return SimpleNamespace(act=act, envelope=SimpleNamespace(actor=OFFICER))

    async def final(self) -> int:
        return self.settled_size


def id_of(line: ActLine) -> str:
    return str(msgspec.json.decode(line.act)["signed"]["id"])


def signed(entry: OutboxEntry) -> OutboxEntry:
    members = msgspec.json.decode(entry.act) | {"signed": {"id": entry.id}}
    return msgspec.structs.replace(
        entry, act=Raw(msgspec.json.encode(members)), signatures="k:s", state="waiting"
    )


class OutboxModel(RuleBasedStateMachine):
    """Officers who post and withdraw at a station whose line, host and disk do what they like."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = TestClock()
        self.disk, self.host = Disk(), Host(self.loop)
        self.kept: set[str] = set()
        self.withdrawn: set[str] = set()
        self.accused: list[str] = []
        self.start()

    def do(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        return self.loop.run_until_complete(work)

    def start(self) -> None:
        """Start the station on what its disk has."""
        self.disk.writes_left = float("inf")
        self.outbox = Outbox(cast("Any", self.disk))
        self.do(self.outbox.begin())
        self.submitter = Submitter(
            cast("Any", self.host),
            self.outbox,
            cast("Any", self.host),
            CID,
            "nato/station-1",
            sign=self._sign,
            bring=self._bring,
            final=self.host.final,
            accuse=lambda entry, _: self.accused.append(entry.id),
            is_held=lambda: False,
            copy=cast("Any", self.host),
            is_in_doubt=lambda: False,
        )

    def _sign(self, entry: OutboxEntry) -> OutboxEntry:
        if self.host.posted(entry.exchange) is None:
            raise Refused(make_refusal("not-found", "There is no such exchange."))
        return signed(entry)

    async def _bring(self, _: bytes) -> None:
        await asyncio.sleep(0)

    async def _round(self) -> None:
        try:
            await self.submitter._round()
        except (Killed, LogUnreachable):
            return
        while self.submitter._busy:
            await asyncio.sleep(0)

    def _entries(self) -> list[OutboxEntry]:
        return self.outbox.entries(CID)

    def _recorded(self, id: str) -> bool:
        return self.host.position(id, len(self.host.log)) is not None

    # What happens

    @rule(continues=st.booleans(), chosen=st.randoms(use_true_random=False))
    def post(self, *, continues: bool, chosen: Any) -> None:
        entries = [entry for entry in self._entries() if not entry.exchange]
        id = f"id-{len(self.kept)}"
        entry = OutboxEntry(
            id=id,
            channel=self.host.name,
            cid=CID,
            actor=OFFICER,
            act=Raw(msgspec.json.encode({"act": "contact-note", "text": id})),
            name="contact-note",
            precedence="routine",
            kept=datetime.fromtimestamp(self.host.clock.now(), UTC).isoformat(),
        )
        if continues and entries:
            of = chosen.choice(entries).id
            entry = msgspec.structs.replace(entry, exchange=of, state="unsigned")
        else:
            entry = signed(entry)
        try:
            self.do(self.outbox.put(entry))
        except LogUnreachable:
            return
        self.kept.add(id)

    @rule(acts=st.integers(1, 4), copied=st.integers(0, 4))
    def flow(self, *, acts: int, copied: int) -> None:
        """Have some acts recorded, as on a good day."""
        for _ in range(acts):
            self.post(continues=False, chosen=None)
        self.hear()
        self.send("answers")
        self.copy(copied)

    @rule(
        mood=st.sampled_from(
            ("answers", "answers", "cut", "lost", "answer lost", "busy", "refuses")
        )
    )
    def send(self, mood: str) -> None:
        self.host.mood = mood
        self.loop.moment += 2.0
        self.do(self._round())

    @rule(seconds=st.sampled_from((1.0, 10.0)))
    def wait(self, seconds: float) -> None:
        self.loop.moment += seconds

    @rule(seconds=st.sampled_from((-3_600.0, 3_600.0)))
    def set_clock(self, seconds: float) -> None:
        """Learn another time from the host."""
        ahead = self.host.clock.now() - self.loop.time() + seconds
        self.host.clock.now = lambda: ahead + self.loop.time()

    @rule()
    def hear(self) -> None:
        self.host.heard = self.loop.time()

    @rule(records=st.integers(1, 3))
    def copy(self, records: int) -> None:
        self.host.copy(records)

    @rule(records=st.integers(1, 3))
    def cut(self, records: int) -> None:
        """Go on at a host that lacks the newest records."""
        self.host.cut(records)

    @rule()
    def refold(self) -> None:
        self.host.refold()

    @rule(is_full=st.booleans())
    def fill(self, *, is_full: bool) -> None:
        self.disk.is_full = is_full

    @rule(writes=st.integers(0, 5))
    def kill(self, writes: int) -> None:
        """Send, die before or after some write, and start again."""
        self.disk.writes_left = writes
        self.send("answers")
        self.start()

    @precondition(lambda self: self._entries())
    @rule(
        number=st.integers(0, 9), cycles=st.integers(0, 8), mood=st.sampled_from(("answers", "cut"))
    )
    def withdraw(self, number: int, cycles: int, mood: str) -> None:
        """Withdraw an entry while the station sends, at any moment of it."""
        entry = self._entries()[number % len(self._entries())]
        self.host.mood = mood
        self.loop.moment += 2.0
        station = SimpleNamespace(
            _outbox=self.outbox,
            _handler=SimpleNamespace(submitters={self.host.name: self.submitter}),
        )

        async def beside() -> bool:
            sending = asyncio.ensure_future(self._round())
            for _ in range(cycles):
                await asyncio.sleep(0)
            try:
                return await Station.withdraw(cast("Any", station), entry)
            except LogUnreachable:
                return False
            finally:
                await sending

        was_recorded = self._recorded(entry.id)
        if self.do(beside()) and not was_recorded:
            self.withdrawn.add(entry.id)

    # What stays true

    @invariant()
    def each_act_is_recorded_at_most_once(self) -> None:
        ids = [id_of(line) for line in self.host.log]
        assert len(ids) == len(set(ids))

    @invariant()
    def what_was_withdrawn_is_not_recorded(self) -> None:
        assert not [id for id in self.withdrawn if self._recorded(id)]

    @invariant()
    def what_never_left_or_came_back_is_not_recorded(self) -> None:
        never = ("waiting", "unsigned", "returned")
        entries = [entry for entry in self._entries() if entry.state in never]
        assert not [entry for entry in entries if self._recorded(entry.id)]

    @invariant()
    def nothing_that_was_kept_is_forgotten(self) -> None:
        here = {entry.id for entry in self._entries()} | self.withdrawn
        assert not [id for id in self.kept - here if not self._recorded(id)]

    @invariant()
    def nobody_is_accused(self) -> None:
        assert not self.accused

    def teardown(self) -> None:
        """Mend all: then everything is recorded, returned or ended."""
        self.disk.is_full = False
        self.start()
        for _ in range(4 * len(self.kept) + 4):
            self.host.copy(len(self.host.log))
            self.refold()
            self.hear()
            self.send("answers")
            self.copy(3)
        assert not [entry for entry in self._entries() if entry.state in ON_THE_WAY]
        self.nothing_that_was_kept_is_forgotten()
        self.what_never_left_or_came_back_is_not_recorded()
        self.loop.close()


TestOutboxModel = OutboxModel.TestCase
TestOutboxModel.settings = settings(max_examples=600, stateful_step_count=30)
