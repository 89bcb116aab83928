"""Whatever somebody changes in a gateway's file is found by comparing its answers with those of a
log that was replayed; an honest gateway agrees.

The gateway is the API over a second fold of the same log here, whose file a test changes while it
answers: what a gateway does about such a change by itself plays no part.
"""

import sqlite3
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from dragoman.application.http import problems
from dragoman.audit.answer_comparison import (
    AnswerComparison,
    ComparedPath,
    Comparison,
    GatewayUnavailable,
)
from dragoman.audit.comparison_questions import Draw, drawn_seed, questions
from dragoman.audit.replay import Hole, Page
from dragoman.audit.replayed_answers import Response
from dragoman.audit.replayed_channel import ReplayedProjection, replayed_channel
from dragoman.domain.acts import deadlines
from dragoman.domain.acts.erasure import entry_of, named_in
from dragoman.domain.acts.families import channel as channels
from dragoman.domain.fold import Folded
from dragoman.projection import counters
from dragoman.projection.tables import SNAPSHOT_RECORDS
from dragoman.projection.writer_queue import WriterQueue
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.problems import BASE, TYPES
from served import reads_of, without_broker
from world import INCIDENT, NOTE, REQUEST, World

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings(
        "ignore:It is recommended to use web.RequestKey"
    ),  # as everywhere in the gateway
]
BOTH = ("nato/root", "china/root")
AUDITOR = "china/a-1"
Raws = Sequence[bytes]
Change = Callable[[sqlite3.Connection], None]


@pytest.fixture(autouse=True)
def _unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that lies does not look for changes of its own file."""
    monkeypatch.setattr(WriterQueue, "_watch", lambda _: None)


def populated() -> tuple[World, str, str]:
    """A channel in which something waits, is answered, refers to something and is said in Chinese;
    an exchange that waits, and one that does not.
    """
    world = World()
    waiting = world.open("nato/d-1", {**INCIDENT, "facts": "Seen off Zanzibar, 雷达照射两次。"})
    answered = world.open("china/d-1", {**INCIDENT, "facts": "A drone without lights."})
    world.keep("nato/d-1", {"act": "acknowledgement"}, answered)
    world.keep("nato/d-1", {"act": "reply", "text": "Ours, and recalled."}, answered)
    world.open("nato/o-1", {**REQUEST, "references": [world.exchange(answered).number]})
    world.open("china/o-1", NOTE)
    upto = world.exchange(waiting).opened.position
    key = channels.delivery_key("china", upto)
    kept = world.keep(
        "service/gateway", {"act": "delivery", "side": "china", "upto": upto}, key=key
    )
    assert isinstance(kept, Folded) and kept.valid, kept
    return world, waiting, answered


@asynccontextmanager
async def folded(
    world: World, raws: Raws, last: int = 0, actor: str = AUDITOR
) -> AsyncIterator[ReplayedProjection]:
    """A fold of a log at a position, which may read on to the end of what is there then."""

    async def pages(first: int, least: int = 0) -> AsyncGenerator[Page, None]:
        yield [(position, raw) for position, raw in enumerate(raws, 1) if position >= first]

    async with replayed_channel(world.name, actor.partition("/")[0], pages) as own:
        own.expect(named_in(enumerate(raws, 1)))
        await own.begin(pages(1), last or len(raws))
        yield own


class Host:
    """A gateway: the reads of the API over a fold of its own, which answer as of now; each test
    changes what it is asked or says.
    """

    def __init__(self, own: ReplayedProjection) -> None:
        self.own = own
        self.asked: list[str] = []
        self.further: list[int] = []
        projection = own.projection
        self._service = without_broker(projection.store.path.parent, projection.store, projection)
        grant = Grant(id="audit", actor=AUDITOR, channels=(projection.registry.cid,))
        self._app = reads_of(self._service, grant)
        self._grant = grant

    async def ask(self, path: str, least: int) -> Response:
        """Answer at a position or after it; records come meanwhile, if some are to come."""
        self.asked.append(path)
        self.own.projection.store.damage = (
            ""  # a hostile gateway goes on answering from the file that it has changed
        )
        await self.own.reach(max(least, self.further.pop(0) if self.further else 0))
        return await self.answer(path, datetime.now(UTC))

    async def answer(self, path: str, now: datetime) -> Response:
        """The answer of the gateway's handlers at a time."""
        self._service.now = lambda: now
        self.own.projection.checked = now
        address = f"/v1/channels/{self.own.projection.name}{path}"
        bare = make_mocked_request("GET", address, app=self._app)
        found = await self._app.router.resolve(bare)
        request = make_mocked_request("GET", address, app=self._app, match_info=dict(found))
        with warnings.catch_warnings(action="ignore"):
            request["grant"] = self._grant
        try:
            answer = await found.handler(request)
        except Exception as error:  # as everywhere in the gateway  # noqa: BLE001
            refusal, _ = problems.refusal_of(error)
            return Response(refused=f"{TYPES[refusal.kind][0]} {BASE}{refusal.kind}")
        assert isinstance(answer, web.Response) and isinstance(answer.body, bytes), path
        return Response(headers=answer.headers, body=answer.body)

    async def position(self) -> int:
        """The newest position."""
        return self.own.position


async def compared(
    host: Host, own: ReplayedProjection, *, sample: int = 0, first: bool = False, seed: int = 1
) -> AnswerComparison:
    """All answers compared, or all up to the first that differs."""
    comparison = Comparison(host, own)
    for question in questions(
        own.projection.store,
        own.projection.name,
        own.position,
        Draw(seed),
        sample=sample,
        opens=False,
    ):
        await comparison.ask(question)
        if first and comparison.result().mismatches:
            break
    return comparison.result()


class Pair(NamedTuple):
    """A gateway, and the replay that is held against it, of the log of a channel in which one
    exchange waits.
    """

    world: World
    waiting: str
    gateway: ReplayedProjection
    own: ReplayedProjection


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair() -> AsyncIterator[Pair]:
    """Two folds of one log, which no test leaves otherwise than it found them."""
    world, waiting, _ = populated()
    async with folded(world, world.raws) as gateway, folded(world, world.raws) as own:
        yield Pair(world, waiting, gateway, own)


async def test_an_honest_gateway_agrees_in_every_answer_also_while_records_come() -> None:
    world, _, _ = populated()
    begun = world.position
    for _ in range(30):
        world.open("china/o-1", NOTE)
    async with folded(world, world.raws, begun) as gateway, folded(world, world.raws, begun) as own:
        host = Host(gateway)
        host.further = [
            step for position in range(begun, world.position + 1) for step in [position] * 4
        ]
        found = await compared(host, own)
        assert (found.mismatches, found.unanswered) == ((), ())
        assert found.first == begun and found.last == world.position
        assert all(
            found.answers[kind] >= 5
            for kind in ("exchanges", "lists", "records", "reports", "searches", "states")
        ), found.answers


async def test_a_sample_is_drawn_again_by_its_seed(pair: Pair) -> None:
    asked = []
    for seed in (5, 5, 6):
        host = Host(pair.gateway)
        found = await compared(host, pair.own, sample=3, seed=seed)
        assert not found.mismatches and 0 < found.answers["exchanges"] <= 6
        asked.append(host.asked)
    assert asked[0] == asked[1] != asked[2]
    assert any("%" in path for path in asked[0]), "what is searched for is Chinese as well"


async def test_a_host_cannot_foresee_which_answers_are_compared() -> None:
    seeds = {drawn_seed() for _ in range(50)}
    assert len(seeds) == 50
    assert max(seeds) > 1 << 40, "too many seeds to try"
    for seed in seeds:
        begun = Draw(seed)
        assert [begun.sample(range(1_000), 20), begun.random()] == [
            (again := Draw(seed)).sample(range(1_000), 20),
            again.random(),
        ]
        simple = Random(seed)
        assert [begun.randrange(1_000) for _ in range(20)] != [
            simple.randrange(1_000) for _ in range(20)
        ]
    dice = Draw(1)
    assert {dice.randrange(10) for _ in range(200)} == set(range(10))


# Tampering

_KEYS = {("channels", "number"), ("channels", "name")}
NOT_SERVED = {
    "channels.total": "the next digest is made from it",
    "channels.frontier": "the next root is made from it",
    "channels.void": "the fold mark is made from it",
    "records.subject": "the subject of a message whose bytes do not name it",
    "records.reason": "the kind of a refusal, of which readers are told the words",
}
"""Columns that no answer to a reader is made from: the next record brings them to light, or the
gateway's own looks at its file.
"""


def _changed(table: str, column: str, value: Any) -> Any:
    """Another value of the same type that can be read."""
    if column == "tally":
        counted = counters.decode(value)
        counted[next(iter(counted))] += 1
        return counters.encode(counted)
    if column == "precedence":
        return (value + 1) % 4
    if column == "valid":
        return 1 - value
    match value:
        case int():
            return value + 1
        case str():
            return (
                f",{value.strip(',')}x,"
                if value.startswith(",")
                else value.replace("2026", "2027")
                if value[:4] == "2026"
                else value + "x"
            )
        case bytes():
            changed = value.replace(b"Zanzibar", b"Sansibar").replace(
                b'"time":"2026-11-24T', b'"time":"2026-11-23T'
            )
            return changed if changed != value else value[:-1] + b" " + value[-1:]
        case _:
            return "no reason at all"


def _columns(file: sqlite3.Connection) -> list[tuple[str, str, tuple[str, ...]]]:
    """Every column of every table of which answers are made, but those by which rows are found;
    each with the table's key.
    """
    found = []
    for table in ("channels", "records", "exchanges", "deliveries", "waits"):
        columns = file.execute(f"PRAGMA table_info({table})").fetchall()
        key = tuple(name for _, name, _, _, _, primary in columns if primary)
        found += [
            (table, name, key)
            for _, name, _, _, _, primary in columns
            if not primary and (table, name) not in _KEYS
        ]
    return found


async def test_every_column_that_answers_are_made_from_is_held_against_the_replay(
    pair: Pair,
) -> None:
    world, waiting, gateway, own = pair
    opened = world.exchange(waiting).opened.position
    unnoticed: set[str] = set()
    path = gateway.projection.store.path
    base = gateway.projection.store.base(world.name)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        for table, column, key in _columns(file):
            where = " AND ".join(f"{name} = ?" for name in key)
            rows = file.execute(
                f"SELECT {', '.join(key)}, {column} FROM {table} ORDER BY {column} IS NULL"
            ).fetchall()
            if not rows:
                unnoticed.add(f"{table} is empty")
                continue
            row = next((each for each in rows if each[0] == base | opened), rows[0])
            file.execute(
                f"UPDATE {table} SET {column} = ? WHERE {where}",
                (_changed(table, column, row[-1]), *row[:-1]),
            )
            gateway.projection.store.newest_states.clear()
            found = await compared(Host(gateway), own, first=True)
            if not found.mismatches:
                unnoticed.add(f"{table}.{column}")
            else:
                assert all(each.gateway != each.replay for each in found.mismatches)
            file.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (row[-1], *row[:-1]))
        gateway.projection.store.newest_states.clear()
        assert not (await compared(Host(gateway), own)).mismatches, "all is as it was"
    assert unnoticed == NOT_SERVED.keys()


async def test_a_state_that_was_changed_is_told_with_its_exchange_and_both_values() -> None:
    world, waiting, answered = populated()
    async with folded(world, world.raws) as gateway, folded(world, world.raws) as own:
        with closing(sqlite3.connect(gateway.projection.store.path, isolation_level=None)) as file:
            key = (
                gateway.projection.store.base(world.name)
                | world.exchange(answered).updated.position
            )
            was = world.exchange(answered).status
            file.execute(
                "UPDATE records SET state = CAST(replace(CAST(state AS TEXT), ?, ?) AS BLOB) WHERE key = ?",
                (f'"status":"{was}"', '"status":"withdrawn"', key),
            )
            file.execute("UPDATE exchanges SET unacknowledged = ',nato,' WHERE id = ?", (waiting,))
        found = (await compared(Host(gateway), own)).mismatches
    told = {(each.exchange, each.number, each.pointer, each.gateway, each.replay) for each in found}
    assert (
        answered,
        world.exchange(answered).number,
        "/state/status",
        '"withdrawn"',
        f'"{was}"',
    ) in told
    rows = [
        each for each in found if each.exchange == waiting and "/unacknowledged_by/" in each.pointer
    ]
    assert rows and all((row.gateway, row.replay) == ('"nato"', '"china"') for row in rows)
    assert {each.exchange for each in found} - {""} == {answered, waiting}, (
        "the others are sums over many"
    )


@pytest.mark.parametrize("words", ["Zanzibar", "雷达照射"])
async def test_a_row_of_the_search_that_was_changed_is_found(words: str) -> None:
    world, waiting, _ = populated()
    async with folded(world, world.raws) as gateway, folded(world, world.raws) as own:
        with closing(sqlite3.connect(gateway.projection.store.path, isolation_level=None)) as file:
            opening = world.exchange(waiting)
            key = gateway.projection.store.base(world.name) | opening.opened.position
            file.execute(
                "INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)",
                (key, " ".join(words)),
            )
            file.execute(
                "INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)", (key, words)
            )
        found = (await compared(Host(gateway), own)).mismatches
    assert found and {each.exchange for each in found} == {waiting}
    assert all(
        each.question.startswith("/exchanges?q=") and each.gateway == "nothing" for each in found
    )


async def test_a_row_that_was_removed_or_added_is_found() -> None:
    world, waiting, answered = populated()
    async with folded(world, world.raws) as gateway, folded(world, world.raws) as own:
        with closing(sqlite3.connect(gateway.projection.store.path, isolation_level=None)) as file:
            columns = [name for _, name, *_ in file.execute("PRAGMA table_info(exchanges)")]
            copied = ", ".join(
                {"key": "key + 1", "id": "'added'", "number": "'NATO/26/9999/N07/O'"}.get(
                    each, each
                )
                for each in columns
            )
            file.execute(
                f"INSERT INTO exchanges SELECT {copied} FROM exchanges WHERE id = ?", (answered,)
            )
            file.execute("DELETE FROM exchanges WHERE id = ?", (waiting,))
        found = (await compared(Host(gateway), own)).mismatches
    rows = {
        each.exchange: each for each in found if each.pointer.rpartition("/")[0] == "/exchanges"
    }
    assert rows.keys() == {"added", waiting}
    assert rows[waiting].gateway == "nothing" and waiting in rows[waiting].replay
    assert rows["added"].replay == "nothing" and "9999" in rows["added"].gateway


async def test_a_snapshot_that_was_changed_is_found_in_the_states_of_the_past() -> None:
    world, _, _ = populated()
    while world.position < SNAPSHOT_RECORDS + 2:
        world.open("china/o-1", NOTE)
    async with folded(world, world.raws) as gateway, folded(world, world.raws) as own:
        with closing(sqlite3.connect(gateway.projection.store.path, isolation_level=None)) as file:
            ((saved, time),) = file.execute("SELECT tally, time FROM snapshots").fetchall()
            for column, value in (
                ("tally", _changed("snapshots", "tally", saved)),
                ("time", "2026-12-31T00:00:00.000Z"),
            ):
                file.execute(f"UPDATE snapshots SET {column} = ?", (value,))
                comparison = Comparison(Host(gateway), own)
                await comparison.ask(
                    ComparedPath(kind="states", path=f"/state?at={SNAPSHOT_RECORDS + 1}", past=True)
                )
                assert comparison.result().mismatches, column
                file.execute("UPDATE snapshots SET tally = ?, time = ?", (saved, time))


# Hosts that answer otherwise


class Bent(Host):
    """A gateway whose answers are changed on their way."""

    def __init__(self, own: ReplayedProjection, bend: Callable[[str, Response], Response]) -> None:
        super().__init__(own)
        self._bend = bend

    async def ask(self, path: str, least: int) -> Response:
        """The answer, changed."""
        return self._bend(path, await super().ask(path, least))


async def bent(
    pair: Pair, bend: Callable[[str, Response], Response], *asked: ComparedPath
) -> AnswerComparison:
    """The comparison with a gateway whose answers are changed on their way."""
    comparison = Comparison(Bent(pair.gateway, bend), pair.own)
    for question in asked:
        await comparison.ask(question)
    return comparison.result()


STATE = ComparedPath(kind="states", path="/state")
LIST = ComparedPath(kind="lists", path="/exchanges?limit=1", pages=True)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        (lambda body: body.replace(b'"kind":"official"', b'"kind":"official","kind":"desk"'), ""),
        (lambda body: body.replace(b'{"channel"', b'{ "channel"'), ""),
        (lambda body: b"[]", ""),
        (lambda body: b"", ""),
        (lambda body: b"[" * 100_000, ""),
        (lambda body: b'{"counts":' + b"[" * 100_000, ""),
        (lambda body: body.replace(b'"counts":[', b'"counts":[ '), "/counts"),
        (lambda body: body.replace(b'"position":', b'"position":1', 1), "/position"),
        (lambda body: body.replace(b'"channel":"nato-china",', b""), "/channel"),
        (lambda body: body[:-1] + b',"more":1e999}', "/more"),
    ],
)  # fmt: skip
async def test_an_answer_that_is_not_written_as_the_replay_writes_it_is_told(
    pair: Pair, changes: Callable[[bytes], bytes], pointer: str
) -> None:
    found = await bent(
        pair, lambda path, answer: msgspec.structs.replace(answer, body=changes(answer.body)), STATE
    )
    assert [each.pointer for each in found.mismatches] == [pointer]
    assert found.answers == {"states": 1}


@pytest.mark.parametrize("position", ["", "x", "-1", "9" * 15, "9" * 400, "1000"])
async def test_an_answer_of_no_position_is_told(pair: Pair, position: str) -> None:
    found = await bent(
        pair,
        lambda path, answer: msgspec.structs.replace(
            answer, headers={"Dragoman-Position": position}
        ),
        STATE,
    )
    (mismatch,) = found.mismatches
    assert (mismatch.pointer, mismatch.gateway) == ("Dragoman-Position", position or "nothing")


async def test_an_answer_that_is_older_than_asked_for_is_asked_again_and_then_left_open(
    pair: Pair,
) -> None:
    asked = []

    def older(path: str, answer: Response) -> Response:
        asked.append(path)
        return msgspec.structs.replace(answer, headers={"Dragoman-Position": "3"})

    found = await bent(pair, older, STATE)
    assert (
        len(asked) == 5
        and not found.mismatches
        and "of other positions than asked for" in found.unanswered[0]
    )


async def test_a_refusal_of_what_the_replay_answers_is_a_difference_and_no_answer_is_none(
    pair: Pair,
) -> None:
    refused = await bent(
        pair, lambda path, answer: Response(refused="404 /problems/not-found"), STATE, LIST
    )
    assert [(each.gateway, each.replay) for each in refused.mismatches] == [
        ("404 /problems/not-found", "an answer")
    ] * 2

    def fails(path: str, answer: Response) -> Response:
        raise GatewayUnavailable("500: it failed")

    failed = await bent(pair, fails, *[STATE] * 30)
    assert len(failed.unanswered) == 10, "after so many it is asked nothing more"
    assert not failed.mismatches and not failed.answers


async def test_pages_without_an_end_are_followed_no_further_than_the_replay_has_them(
    pair: Pair,
) -> None:
    def endless(path: str, answer: Response) -> Response:
        return msgspec.structs.replace(
            answer, body=msgspec.json.encode({**msgspec.json.decode(answer.body), "next": "5"})
        )

    assert [each.pointer for each in (await bent(pair, endless, LIST)).mismatches] == ["/next"]
    honest = await bent(pair, lambda path, answer: answer, LIST)
    assert honest.answers == {"lists": 4} and not honest.mismatches


# Time, and erasures


class Timed(Host):
    """A gateway whose clock stands at a time."""

    def __init__(self, own: ReplayedProjection, now: datetime) -> None:
        super().__init__(own)
        self._now = now

    async def ask(self, path: str, least: int) -> Response:
        """The answer of that time, which the answer says in whole seconds."""
        answer = await self.answer(path, self._now)
        headers = CIMultiDict(answer.headers)
        headers["Date"] = format_datetime(self._now.replace(microsecond=0), usegmt=True)
        return msgspec.structs.replace(answer, headers=headers)


async def test_what_is_late_is_rendered_for_the_time_of_the_answer(pair: Pair) -> None:
    limits = [
        each.due
        for each in deadlines.deadlines_of(
            pair.world.registry, pair.world.exchange(pair.waiting), {}
        )
        if each.open
    ]
    assert limits
    for due in limits:
        for offset in (-1.4, -0.6, -0.001, 0.6, 1.4):
            comparison = Comparison(Timed(pair.gateway, due + timedelta(seconds=offset)), pair.own)
            await comparison.ask(
                ComparedPath(kind="exchanges", path=f"/exchanges/{pair.waiting}", timed=True)
            )
            await comparison.ask(
                ComparedPath(kind="lists", path="/exchanges?overdue=any", timed=True)
            )
            assert not comparison.result().mismatches, (due, offset)


async def test_of_limits_within_one_second_the_gateway_may_have_answered_between_any_two() -> None:
    world, _, _ = populated()
    opened = []
    for _ in range(3):
        opened.append(world.open("nato/d-1", INCIDENT))
        world.clock -= timedelta(seconds=0.75)
    first, *_, last = [world.exchange(id).opened.time for id in opened]
    assert first < last
    async with folded(world, world.raws) as gateway, folded(world, world.raws) as own:
        limits = [
            min(
                each.due
                for each in deadlines.deadlines_of(world.registry, world.exchange(id), {})
                if each.open
            )
            for id in opened
        ]
        late = ComparedPath(kind="lists", path="/exchanges?overdue=any", timed=True)
        for limit in limits:
            comparison = Comparison(Timed(gateway, limit + timedelta(milliseconds=100)), own)
            await comparison.ask(late)
            assert not comparison.result().mismatches, limit

        class Hiding(Timed):
            """A gateway that leaves the newest exchange out of the overdue ones."""

            async def ask(self, path: str, least: int) -> Response:
                answer = await super().ask(path, least)
                body = msgspec.json.decode(answer.body)
                body["exchanges"] = body["exchanges"][1:]
                return msgspec.structs.replace(answer, body=msgspec.json.encode(body))

        comparison = Comparison(Hiding(gateway, limits[-1] + timedelta(seconds=5)), own)
        await comparison.ask(late)
        assert comparison.result().mismatches


@pytest.mark.parametrize(
    "date",
    ["", "now", "Fri, 31 Dec 9999 23:59:59 GMT", "Wed, 01 Jan 1800 00:00:00 +2359", "x" * 10_000],
)
async def test_a_date_that_is_none_or_of_another_age_is_not_believed(pair: Pair, date: str) -> None:
    def dated(path: str, answer: Response) -> Response:
        headers = CIMultiDict(answer.headers)
        headers["Date"] = headers["Dragoman-As-Of"] = date
        return msgspec.structs.replace(answer, headers=headers)

    found = await bent(
        pair,
        dated,
        STATE,
        ComparedPath(kind="exchanges", path=f"/exchanges/{pair.waiting}", timed=True),
    )
    assert found.answers == {"exchanges": 1, "states": 1}
    assert not found.mismatches and not found.unanswered


async def test_an_exchange_that_is_erased_while_answers_are_compared_is_no_difference() -> None:
    world, waiting, _ = populated()
    begun, before = world.position, [*world.raws]
    named = [*world.ledger.records_of(waiting)]
    world.attested(
        {"act": "erasure", "records": [msgspec.to_builtins(each) for each in named]}, *BOTH
    )
    entries = {each.position: entry_of(each) for each in named}
    after = [entries.get(position, raw) for position, raw in enumerate(world.raws, 1)]
    async with (
        folded(world, [*before, *after[begun:]], begun) as gateway,
        folded(world, [*before, *after[begun:]], begun) as own,
    ):
        host = Host(gateway)
        host.further = [begun] * 60 + [world.position]
        found = await compared(host, own)
        assert (found.mismatches, found.unanswered) == ((), ())
        assert found.last == world.position


async def test_a_gateway_that_still_had_the_bytes_agrees_with_a_replay_that_has_none() -> None:
    world, waiting, _ = populated()
    named = [*world.ledger.records_of(waiting)]
    world.attested(
        {"act": "erasure", "records": [msgspec.to_builtins(each) for each in named]}, *BOTH
    )
    entries = {each.position: entry_of(each) for each in named}
    without = [entries.get(position, raw) for position, raw in enumerate(world.raws, 1)]
    async with folded(world, world.raws) as gateway, folded(world, without) as own:
        found = await compared(Host(gateway), own)
    assert (found.mismatches, found.unanswered) == ((), ())


async def test_a_log_that_grows_without_end_or_leaves_a_position_out_is_not_read_on() -> None:
    world, _, _ = populated()
    async with folded(world, world.raws) as own:
        with pytest.raises(
            Hole, match="further from the beginning of this audit than any log grows meanwhile"
        ):
            await own.reach(10**9)
        with pytest.raises(Hole, match="its log ends at"):
            await own.reach(world.position + 1)
        with pytest.raises(Hole, match="is missing"):
            own.take([(world.position + 2, b"x")])


async def test_what_is_kept_of_differences_is_bounded(pair: Pair) -> None:
    def other(path: str, answer: Response) -> Response:
        return msgspec.structs.replace(answer, body=b'{"more":"%b"}' % (b"x" * 1_000_000))

    found = await bent(pair, other, *[STATE] * 200)
    assert len(found.mismatches) <= 100 and len(msgspec.json.encode(found)) < 1_000_000
