"""The registrar: it signs what it has kept, goes on from what was signed, and stops where that
cannot be explained.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from dragoman import witness_client
from dragoman.audit import compare
from dragoman.audit.mirror import Mirror
from dragoman.cli.audit.witness import application
from dragoman.domain.acts.log_policy import log_of
from dragoman.eventlog.archive import Archive
from dragoman.eventlog.archive_format import Pinned
from dragoman.eventlog.event_log import LogUnreachable, StoredMessage
from dragoman.eventlog.kept_handovers import follow_own
from dragoman.eventlog.memory import MemoryLog
from dragoman.sealing import LogContradiction, Sealing
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.signed_heads import StoredHead
from dragoman.supervision import finish_in_thread
from dragoman.text import verbatim
from dragoman.tlog import checkpoint, dsse, merkle, note
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.witness import CosigningWitness
from dragoman.witness_client import LogConfirmation, WitnessEndpoint, Witnesses
from handovers import BOTH, handover, with_policy
from world import NOTE, World, public_of, seed_of

NOBODY = Witnesses(None, [])  # type: ignore[arg-type]


class MemorySeals:
    """Seals in memory. The next put fails as `fails` says: `lost` before it is written, `kept`
    after it.
    """

    def __init__(self) -> None:
        self.notes: list[bytes] = []
        self.fails = ""
        self.taken: datetime | None = None

    async def newest(self, _: str) -> StoredHead | None:
        return (
            StoredHead(seq=len(self.notes), note=self.notes[-1], taken=self.taken)
            if self.notes
            else None
        )

    async def knew(self, _: str) -> bool:
        return True

    async def put(self, channel: str, note: bytes, over: StoredHead | None) -> StoredHead:
        fails, self.fails = self.fails, ""
        if fails == "lost":
            raise LogUnreachable(verbatim("lost"))
        if (0 if over is None else over.seq) != len(self.notes):
            raise WriteConflict(channel)
        self.notes.append(note)
        if fails == "kept":
            raise LogUnreachable(verbatim("kept"))
        return StoredHead(seq=len(self.notes), note=note)


class House:
    """A log, the seals, and any number of registrars over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World()
        self.seals = MemorySeals()
        self.now = datetime(2026, 11, 24, 12, tzinfo=UTC)
        self.archives: list[Archive] = []
        self.witnesses: Callable[[], Witnesses] = lambda: NOBODY

    @property
    def messages(self) -> list[StoredMessage]:
        return [
            StoredMessage(position=position, subject="x", raw=raw)
            for position, raw in enumerate(self.world.raws, 1)
        ]

    async def log(self) -> "Reading":
        return Reading(self.world.raws)

    def registrar(self, name: str = "first", owner: str | tuple[str, ...] = "log") -> Sealing:
        archive = Archive(self.folder / name)
        self.archives.append(archive)
        return Sealing(
            "nato-china",
            archive,
            self.seals,  # type: ignore[arg-type]
            [seed_of(each) for each in ([owner] if isinstance(owner, str) else owner)],
            lambda: self.now,
            self.witnesses(),
        )

    async def caught_up(self, sealing: Sealing) -> Sealing:
        sealing.take(self.messages)
        await sealing.compare(await self.log())  # type: ignore[arg-type]
        return sealing

    @property
    def heads(self) -> list[int]:
        return [checkpoint.read(note.read(raw).text).size for raw in self.seals.notes]

    def close(self) -> None:
        for archive in self.archives:
            archive.close()


class Reading(MemoryLog):
    """A log that only is read."""

    def __init__(self, raws: list[bytes]) -> None:
        super().__init__("nato-china")
        self.raws = raws

    async def read(self, first: int, most: int) -> list[StoredMessage]:
        found = self.raws[first - 1 : first - 1 + most]
        return [
            StoredMessage(position=first + offset, subject="x", raw=raw)
            for offset, raw in enumerate(found)
        ]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


async def test_the_head_is_that_of_the_log_and_signed_by_the_key_of_the_genesis(
    house: House,
) -> None:
    sealing = await house.caught_up(house.registrar())
    await sealing.seal()
    assert sealing.verifier is not None
    head, _ = checkpoint.read_signed(house.seals.notes[-1], sealing.verifier)
    assert (head.origin, head.size, head.root) == (
        "example.org/nato-china",
        len(house.world.raws),
        house.world.ledger.standing.frontier.root(),
    )
    assert sealing.verifier.public == dsse.public_of(seed_of("log"))


async def test_a_head_is_signed_again_when_the_log_has_grown_or_five_minutes_have_passed(
    house: House,
) -> None:
    sealing = await house.caught_up(house.registrar())
    first = len(house.world.raws)
    await sealing.seal()
    await sealing.seal()
    assert house.heads == [first]
    house.world.open("nato/o-1", NOTE)
    sealing.take(house.messages)
    await sealing.seal()
    assert house.heads == [first, first + 1]
    house.now += timedelta(minutes=5)
    await sealing.seal()
    assert house.heads == [first, first + 1, first + 1]


async def test_a_registrar_that_was_started_anew_signs_again_when_the_head_is_five_minutes_old(
    house: House,
) -> None:
    await (await house.caught_up(house.registrar())).seal()
    house.seals.taken = house.now
    house.now += timedelta(minutes=4)
    sealing = await house.caught_up(house.registrar("again"))
    await sealing.seal()
    assert len(house.heads) == 1
    house.now += timedelta(minutes=1)
    await sealing.seal()
    assert house.heads == [len(house.world.raws)] * 2


async def test_nothing_is_signed_before_the_log_and_the_seal_were_looked_at(house: House) -> None:
    sealing = house.registrar()
    sealing.take(house.messages)
    await sealing.seal()
    assert house.heads == []


async def test_another_key_than_that_of_the_genesis_signs_nothing(house: House) -> None:
    sealing = await house.caught_up(house.registrar(owner="another"))
    await sealing.seal()
    assert house.heads == []


async def test_a_channel_of_another_key_is_named_at_once_and_each_hour(house: House) -> None:
    sealing = house.registrar(owner="another")
    with capture_logs() as said:
        await sealing.seal()
        assert said == [], "a log without a genesis has no key yet"
        await house.caught_up(sealing)
        for seconds in (0, 1, 3598, 1, 3600):
            house.now += timedelta(seconds=seconds)
            await sealing.seal()
    told = [line for line in said if line["event"] == "registrar.another_key"]
    assert [(line["channel"], line["log_level"]) for line in told] == [("nato-china", "error")] * 3
    assert told[0]["log_key"] == public_of("log")
    assert told[0]["key"] == public_of("another")
    with capture_logs() as said:
        await (await house.caught_up(house.registrar("own"))).seal()
    assert not [line for line in said if line["event"] == "registrar.another_key"]


async def test_a_head_is_signed_by_the_key_of_its_size_whenever_it_is_signed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signer that looks in before and after each step by which a handover is archived."""
    house.world = with_policy()
    sealing = await house.caught_up(house.registrar(owner=("log", "heir")))
    await sealing.seal()
    assert house.world.attested(handover(), *BOTH).valid
    loop = asyncio.get_running_loop()

    def looked_into(step: Callable[..., None]) -> Callable[..., None]:
        def stepping(*given: Any) -> None:
            asyncio.run_coroutine_threadsafe(sealing.seal(), loop).result()
            step(*given)
            asyncio.run_coroutine_threadsafe(sealing.seal(), loop).result()

        return stepping

    monkeypatch.setattr("dragoman.sealing.follow_own", looked_into(follow_own))
    monkeypatch.setattr(sealing.archive, "add", looked_into(sealing.archive.add))
    await sealing.take_in_thread(house.messages)
    log = log_of(house.world.registry)
    heads = [checkpoint.read_signed(raw, log)[0].size for raw in house.seals.notes]
    assert heads == [house.world.position - 1, house.world.position]


@pytest.mark.parametrize("fails", ["lost", "kept"])
async def test_a_head_whose_sealing_was_not_answered_is_looked_up_and_gone_on_from(
    house: House, fails: str
) -> None:
    sealing = await house.caught_up(house.registrar())
    house.seals.fails = fails
    with pytest.raises(LogUnreachable):
        await sealing.seal()
    await sealing.compare(await house.log())  # type: ignore[arg-type]
    await sealing.seal()
    assert house.heads == [len(house.world.raws)]


async def test_of_two_registrars_one_is_first_and_the_other_goes_on_from_its_head(
    house: House,
) -> None:
    first, second = [await house.caught_up(house.registrar(name)) for name in ("first", "second")]
    await first.seal()
    await second.seal()  # it finds that another one was faster
    await second.seal()
    assert house.heads == [len(house.world.raws)]
    house.world.open("nato/o-1", NOTE)
    second.take(house.messages)
    await second.seal()
    assert house.heads[-1] == len(house.world.raws)
    await first.seal()
    assert first.archive.size < house.heads[-1], (
        "it has yet to come so far, and signs nothing older"
    )
    assert len(house.heads) == 2


async def test_a_log_that_is_shorter_than_what_was_kept_stops_it(house: House) -> None:
    sealing = await house.caught_up(house.registrar())
    await sealing.seal()
    house.world.raws.pop()
    with pytest.raises(LogContradiction, match="holds nothing where a record was kept"):
        await sealing.compare(await house.log())  # type: ignore[arg-type]


async def test_another_message_where_one_was_kept_stops_it(house: House) -> None:
    sealing = await house.caught_up(house.registrar())
    house.world.raws[-1] = b"another"
    with pytest.raises(LogContradiction, match="another message"):
        await sealing.compare(await house.log())  # type: ignore[arg-type]


async def test_a_hole_stops_it(house: House) -> None:
    with pytest.raises(LogContradiction, match="position 1 is missing"):
        house.registrar().take(house.messages[1:])


async def test_a_sealed_head_that_is_not_of_these_records_stops_it(house: House) -> None:
    sealing = house.registrar()
    forged = Checkpoint("example.org/nato-china", 3, bytes(32))
    house.seals.notes.append(
        note.encode(forged.text, [note.sign(forged.origin, seed_of("log"), forged.text)])
    )
    await house.caught_up(sealing)
    with pytest.raises(LogContradiction, match="not that of the records that were kept"):
        await sealing.seal()


async def test_a_sealed_head_of_nobody_stops_it(house: House) -> None:
    sealing = house.registrar()
    house.seals.notes.append(b"no note")
    await house.caught_up(sealing)
    with pytest.raises(LogContradiction, match="the sealed head is not valid"):
        await sealing.seal()


async def test_a_seal_that_was_rolled_back_to_nothing_stops_it(house: House) -> None:
    sealing = await house.caught_up(house.registrar())
    await sealing.seal()
    house.seals.notes.clear()
    await sealing.compare(await house.log())  # type: ignore[arg-type]
    with pytest.raises(LogContradiction, match="an old one"):
        await sealing.seal()


async def test_an_archive_that_lost_what_was_signed_stops_it(house: House) -> None:
    sealing = await house.caught_up(house.registrar())
    await sealing.seal()
    head = sealing.archive.sealed
    assert head is not None
    other = house.registrar("other")
    other.archive.keep_staged(head)
    await other.compare(await house.log())  # type: ignore[arg-type]
    other.take(house.messages[:5])
    with pytest.raises(LogContradiction, match="were signed here, and the archive holds 5"):
        await other.seal()


# The first signature after a start


class Side:
    """A side's witness as it is asked by a registrar: the newest head that it has cosigned, or
    silence.
    """

    def __init__(self, name: str = "nato.example/witness") -> None:
        self.name = name
        self.newest: bytes | None = None
        self.away = False
        self.says = b""
        self.willing = False

    @property
    def verifier(self) -> note.Verifier:
        return note.Verifier(self.name, note.COSIGNATURE, dsse.public_of(seed_of(self.name)))

    def cosigns(self, signed: bytes) -> None:
        text = note.read(signed).text
        self.newest = (
            signed + note.cosign(self.name, seed_of(self.name), text, 1_800_000_000).line.encode()
        )

    async def add(self, request: web.Request) -> web.Response:
        asked = checkpoint.read_addition(await request.read())
        if self.willing and (not self.says or asked.old == int(self.says)):
            self.cosigns(asked.checkpoint)
            assert self.newest is not None
            return web.Response(body=self.newest[len(asked.checkpoint) :])
        return web.Response(status=409 if self.says else 404, body=self.says)

    async def newest_head(self, _: web.Request) -> web.Response:
        return web.Response(status=404) if self.newest is None else web.Response(body=self.newest)


@pytest.fixture
async def side(house: House, tmp_path: Path) -> AsyncIterator[Side]:
    side = Side()
    app = web.Application()
    app.router.add_get("/{origin}/checkpoint", side.newest_head)
    app.router.add_post("/add-checkpoint", side.add)
    async with TestServer(app) as server, ClientSession() as session:
        url = str(server.make_url("")).rstrip("/")

        def asked() -> Witnesses:
            return Witnesses(
                session,
                [
                    WitnessEndpoint(
                        verifier=side.verifier, url="http://127.0.0.1:1" if side.away else url
                    )
                ],
            )

        house.witnesses = asked
        yield side


async def test_a_witness_that_is_new_to_the_log_has_no_say(house: House, side: Side) -> None:
    await (await house.caught_up(house.registrar())).seal()
    assert house.heads == [len(house.world.raws)]


async def test_nothing_is_signed_after_a_start_while_no_witness_answers(
    house: House, side: Side
) -> None:
    side.away = True
    sealing = await house.caught_up(house.registrar())
    await sealing.seal()
    assert house.heads == []


async def test_a_registrar_goes_on_where_a_witness_agrees(house: House, side: Side) -> None:
    await (await house.caught_up(house.registrar())).seal()
    side.cosigns(house.seals.notes[-1])
    house.world.open("nato/o-1", NOTE)
    await (await house.caught_up(house.registrar("again"))).seal()
    assert house.heads == [len(house.world.raws) - 1, len(house.world.raws)]


async def test_an_old_backup_is_not_signed_where_a_witness_is_ahead(
    house: House, side: Side
) -> None:
    """Broker, seals and archive are put back together, as they were an hour ago: nothing but a
    witness knows.
    """
    await (await house.caught_up(house.registrar())).seal()
    backup = list(house.world.raws), list(house.seals.notes)
    house.world.open("nato/o-1", NOTE)
    sealing = await house.caught_up(house.registrar("later"))
    await sealing.seal()
    side.cosigns(house.seals.notes[-1])
    house.world.raws[:], house.seals.notes[:] = backup
    with pytest.raises(
        LogContradiction,
        match=r"has cosigned a head of 12 records, signed by the log's key, and less is kept here",
    ):
        await (await house.caught_up(house.registrar("restored"))).seal()
    house.world.raws.append(b"another record where one was cosigned")
    with pytest.raises(LogContradiction, match="and others are kept here"):
        await (await house.caught_up(house.registrar("forked"))).seal()
    assert house.heads == [11]


async def test_a_registrar_that_is_behind_another_one_is_stopped_by_no_witness(
    house: House, side: Side
) -> None:
    slow = await house.caught_up(house.registrar("slow"))
    await slow.seal()
    first = len(house.world.raws)
    house.world.open("nato/o-1", NOTE)
    await (await house.caught_up(house.registrar("quick"))).seal()
    side.cosigns(house.seals.notes[-1])
    slow.trusted = False
    slow.sealed = StoredHead(seq=1, note=house.seals.notes[0])
    await slow.seal()
    assert not slow.trusted and house.heads == [first, first + 1]
    slow.take(house.messages)
    await slow.seal()
    assert slow.trusted and house.heads == [first, first + 1]


async def test_what_no_log_key_signed_stops_nobody_and_counts_for_nothing(
    house: House, side: Side
) -> None:
    await (await house.caught_up(house.registrar())).seal()
    head = Checkpoint("example.org/nato-china", 99, bytes(32))
    side.cosigns(
        note.encode(head.text, [note.sign("example.org/nato-china", seed_of("forger"), head.text)])
    )
    house.world.open("nato/o-1", NOTE)
    await (await house.caught_up(house.registrar("again"))).seal()
    assert len(house.heads) == 1, "it is no agreement"


async def test_a_witness_that_has_forgotten_what_it_cosigned_does_not_agree(
    house: House, side: Side
) -> None:
    sealing = await house.caught_up(house.registrar())
    await sealing.seal()
    side.cosigns(house.seals.notes[-1])
    assert side.newest is not None
    sealing.archive.keep_witnessed(side.newest)
    side.newest = None
    sealing.trusted = False
    house.world.open("nato/o-1", NOTE)
    sealing.take(house.messages)
    await sealing.seal()
    assert len(house.heads) == 1


@pytest.mark.parametrize(("size", "heads"), [(b"11", 2), (b"12", 1), (b"nonsense", 1)])
async def test_a_witness_that_shows_no_heads_is_taken_by_the_size_that_it_says(
    size: bytes, heads: int, house: House, side: Side
) -> None:
    sealing = await house.caught_up(house.registrar())
    await sealing.seal()
    side.cosigns(house.seals.notes[-1])
    assert side.newest is not None
    sealing.archive.keep_witnessed(side.newest)
    side.newest, side.says = None, size
    sealing.trusted = False
    house.world.open("nato/o-1", NOTE)
    sealing.take(house.messages)
    await sealing.seal()
    assert len(house.heads) == heads


# Before a data directory takes over


async def newest_here(house: House, side: Side, *, cosigned: int) -> LogConfirmation:
    """The answer to a take-over of two heads, of which the witness has cosigned so many."""
    sealing = await house.caught_up(house.registrar())
    for number in range(2):
        await sealing.seal()
        if number < cosigned:
            side.cosigns(house.seals.notes[-1])
        house.world.open("nato/o-1", NOTE)
        sealing.take(house.messages)
    assert len(house.heads) == 2
    return await sealing.confirmation()


async def test_a_witness_confirms_the_newest_head_though_records_follow_it(
    house: House, side: Side
) -> None:
    assert await newest_here(house, side, cosigned=2) == LogConfirmation(by=(side.name,))


async def test_a_witness_that_has_not_come_to_the_newest_head_confirms_it_once_it_cosigns_it(
    house: House, side: Side
) -> None:
    found = await newest_here(house, side, cosigned=1)
    assert found == LogConfirmation(
        waiting=(f"{side.name} has cosigned 11 of the 12 records of the newest head",)
    )
    side.willing = True
    again = await house.caught_up(house.registrar("again"))
    assert await again.confirmation() == LogConfirmation(by=(side.name,))
    assert len(house.heads) == 2, "nothing is signed for it"


async def test_a_witness_that_does_not_answer_or_does_not_know_the_log_confirms_nothing(
    house: House, side: Side
) -> None:
    assert await newest_here(house, side, cosigned=0) == LogConfirmation(), "it has no say"
    side.away = True
    assert await (
        await house.caught_up(house.registrar("again"))
    ).confirmation() == LogConfirmation(waiting=(f"{side.name} does not answer",))


async def test_a_head_that_is_further_or_another_one_is_against_it(
    house: House, side: Side
) -> None:
    await newest_here(house, side, cosigned=2)
    raws, notes = house.world.raws, house.seals.notes
    raws[:], notes[:] = raws[:11], notes[:1]
    stale = await (await house.caught_up(house.registrar("stale"))).confirmation()
    assert (stale.by, "of 12 records" in stale.against, "less is kept here" in stale.against) == (
        (),
        True,
        True,
    )
    raws.append(b"another record where one was cosigned")
    fork = await (await house.caught_up(house.registrar("fork"))).confirmation()
    assert "others are kept here" in fork.against


async def test_a_sealed_head_of_more_records_than_are_here_is_against_it(
    house: House, side: Side
) -> None:
    await newest_here(house, side, cosigned=2)
    house.world.raws[:] = house.world.raws[:11]
    torn = await (await house.caught_up(house.registrar("torn"))).confirmation()
    assert torn == LogConfirmation(
        against="the signed head of 12 records is not of the records that are here"
    )


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        (b"12", LogConfirmation(by=("nato.example/witness",))),
        (b"11", LogConfirmation(by=("nato.example/witness",))),
        (
            b"13",
            LogConfirmation(
                waiting=(
                    "nato.example/witness says that it has cosigned 13 records, and the newest head here is of 12",
                )
            ),
        ),
    ],
)
async def test_a_witness_that_shows_no_heads_confirms_by_the_size_that_it_says(
    says: bytes, answer: LogConfirmation, house: House, side: Side
) -> None:
    side.says, side.willing = says, says == b"11"
    assert await newest_here(house, side, cosigned=0) == answer


async def test_an_idle_head_is_cosigned_anew_every_five_minutes(
    house: House, tmp_path: Path
) -> None:
    registry = house.world.registry
    mirror = Mirror(tmp_path / "mirror", Pinned(cid=registry.cid, log=str(log_of(registry))))
    nodes = compare.of_messages("", house.world.raws, None).nodes
    head = Checkpoint(
        "example.org/nato-china",
        len(house.world.raws),
        merkle.root_of(nodes, len(house.world.raws)),
    )
    mirror.take(
        house.world.raws,
        note.encode(head.text, [note.sign(head.origin, seed_of("log"), head.text)]),
    )
    witness = CosigningWitness(
        mirror,
        tmp_path / "mirror",
        "nato.example/witness",
        seed_of("witness"),
        now=lambda: house.now,
    )
    async with TestServer(application(mirror, witness)) as server, ClientSession() as session:
        asked = WitnessEndpoint(verifier=witness.verifier, url=str(server.make_url("")).rstrip("/"))
        house.witnesses = lambda: Witnesses(session, [asked])
        sealing = await house.caught_up(house.registrar())
        times: list[int | None] = []
        for seconds in (0, 299, 1, 300):
            house.now += timedelta(seconds=seconds)
            await sealing.seal()
            await sealing.countersign()
            signature = note.read(house.seals.notes[-1]).signed_by(witness.verifier)
            times.append(None if signature is None else signature.time)
    mirror.close()
    begun = int(house.now.timestamp()) - 600
    assert times == [begun, begun, begun + 300, begun + 600]
    assert set(house.heads) == {len(house.world.raws)}, "all of them are of the same records"
    assert len({note.read(raw).text for raw in house.seals.notes}) == 1


async def test_who_is_cancelled_lets_the_archive_go_only_once_its_thread_has_done() -> None:
    begun, may_end, done = threading.Event(), threading.Event(), list[int]()

    def work(number: int) -> None:
        begun.set()
        may_end.wait(5)
        done.append(number)

    working = asyncio.create_task(finish_in_thread(work, 1))
    await asyncio.to_thread(begun.wait, 5)
    for _ in range(3):  # whoever ends tasks may ask again
        working.cancel()
        await asyncio.wait([working], timeout=0.1)
        assert not working.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert done == [1]


async def test_a_witness_that_is_behind_or_busy_is_asked_again_within_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A witness without an answer in time is busy with records, which is no outage."""
    monkeypatch.setattr(witness_client, "_SECONDS", ClientTimeout(total=0.05))
    answers = ["slow", 503, "slow", 503, 503, 503, 503]

    async def add(_: web.Request) -> web.Response:
        answer = answers.pop(0)
        if answer == "slow":
            await asyncio.sleep(0.2)
        return web.Response(status=503)

    app = web.Application()
    app.router.add_post("/add-checkpoint", add)
    head = Checkpoint("example.org/log", 0, merkle.EMPTY)
    signed = note.Note(text=head.text, signatures=())
    verifier = Side().verifier
    async with TestServer(app) as server, ClientSession() as session:
        witness = WitnessEndpoint(verifier=verifier, url=str(server.make_url("")).rstrip("/"))
        asked = Witnesses(session, [witness])
        pauses = []
        while answers:
            assert await asked.cosigned(head, signed, merkle.nodes_of([])) == []
            pauses.append(asked.again_seconds(signed) or 0.0)
            asked._not_before.clear()
    assert 0.05 < pauses[0] <= 0.1
    steps = [round(pause, 1) for pause in pauses]  # Some of each pause is over when it is read.
    assert steps == sorted(steps) and pauses[-1] <= 1.0
