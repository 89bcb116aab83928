"""Turns at the desk: posts to one exchange go one after the other, in order, and one that gives up
holds nobody up.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dragoman.application import command_handler as desks
from dragoman.application import post_checks
from dragoman.application.act_signer import OwnKeySigner
from dragoman.application.command_handler import CommandHandler
from dragoman.application.trial_signer import TrialSigner
from dragoman.domain.decide import Submission
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import parse, read_act
from dragoman.domain.record.errors import Refused
from dragoman.eventlog.event_log import Appended, EntryToAppend, Outcome
from dragoman.eventlog.memory import MemoryLog
from dragoman.limits import EXCHANGE_BYTES, EXCHANGE_LAST_BYTES, EXCHANGE_SPARE_BYTES
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.stores.keystore import Keystore
from world import INCIDENT, NOTE, SALT, World, compact


class Gated(MemoryLog):
    """A log whose appends wait at a gate, and are counted."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel)
        self.gate = asyncio.Event()
        self.asked = 0

    async def append(self, entries: Sequence[EntryToAppend]) -> Outcome:
        self.asked += 1
        await self.gate.wait()
        return await super().append(entries)


Poster = Callable[[dict[str, Any], str], asyncio.Task[str]]


@pytest.fixture
async def log(world: World) -> Gated:
    log = Gated("nato-china")
    log.gate.set()
    for position, raw in enumerate(world.raws):
        assert await log.append([EntryToAppend(record=parse(raw), expected=position)]) == Appended(
            position + 1
        )
    log.asked = 0
    return log


@pytest.fixture
def desk(tmp_path: Path) -> CommandHandler:
    return CommandHandler(
        {"host": TrialSigner(Keystore(tmp_path / "keys")), "sides": OwnKeySigner()}
    )


@pytest.fixture
async def posted(log: Gated, desk: CommandHandler, tmp_path: Path) -> AsyncIterator[Poster]:
    """Begins a post of `nato/o-1`."""
    store = Store(tmp_path / "projection.sqlite")
    projection = Projection(log, store)
    following = asyncio.create_task(projection.run())
    await projection.caught_up.wait()
    serial = iter(range(1000))

    async def post(body: dict[str, Any], exchange: str) -> str:
        raw, data = read_act(compact(body), cut=False)
        id = ids.from_key("nato-china", "nato/o-1", f"desk-test-{next(serial):08d}")
        kept = await desk.post(
            projection, Submission(actor="nato/o-1", act=raw, data=data, id=id, exchange=exchange)
        )
        return kept.recorded.exchange

    yield lambda body, exchange: asyncio.create_task(post(body, exchange))
    assert not desk._queues
    following.cancel()
    store.close()


UPDATE = {"act": "update", "text": "More is known."}


async def test_posts_to_one_exchange_are_appended_one_after_the_other(
    posted: Poster, log: Gated
) -> None:
    exchange = await posted(NOTE, "")
    log.gate.clear()
    waiting = [posted(UPDATE, exchange) for _ in range(5)]
    await asyncio.sleep(0.05)
    assert log.asked == 1 + 1
    log.gate.set()
    assert await asyncio.gather(*waiting) == [exchange] * 5
    assert log.asked == 1 + 5


async def test_posts_to_different_exchanges_do_not_wait_for_each_other(
    posted: Poster, log: Gated
) -> None:
    log.gate.clear()
    waiting = [posted(NOTE, "") for _ in range(5)]
    await asyncio.sleep(0.05)
    assert log.asked == 5
    log.gate.set()
    assert len(set(await asyncio.gather(*waiting))) == 5


async def test_who_gives_up_holds_nobody_up_even_in_the_moment_in_which_its_turn_comes(
    posted: Poster, log: Gated, desk: CommandHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = await posted(NOTE, "")
    log.gate.clear()
    first, second, third, fourth = (posted(UPDATE, exchange) for _ in range(4))
    await asyncio.sleep(0.05)
    second.cancel()
    await asyncio.sleep(0)
    passing_on = desk._end_turn

    def pass_on(place: tuple[str, str]) -> None:
        passing_on(place)
        third.cancel()

    monkeypatch.setattr(desk, "_end_turn", pass_on)
    log.gate.set()
    assert [await first, await fourth] == [exchange, exchange]
    assert second.cancelled()
    assert third.cancelled()
    assert log.asked == 1 + 2


async def test_a_turn_that_does_not_come_in_time_is_said_to_have_recorded_nothing(
    posted: Poster, log: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "APPEND_SECONDS", 0.05)
    exchange = await posted(NOTE, "")
    log.gate.clear()
    first, second = posted(UPDATE, exchange), posted(UPDATE, exchange)
    with pytest.raises(Refused, match="Nothing was recorded"):
        await second
    log.gate.set()
    assert await first == exchange


async def test_nothing_is_taken_in_while_the_copy_is_in_doubt_or_too_much_waits_for_it(
    log: Gated, desk: CommandHandler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "projection.sqlite")
    projection = Projection(log, store)
    projection.take(await log.read(1, 500))
    act, data = read_act(compact(NOTE), cut=True)
    post = Submission(
        actor="nato/o-1", act=act, data=data, id=ids.v7(9, bytes(10)), family="contact"
    )
    try:
        await projection.in_file()
        monkeypatch.setattr("dragoman.projection.projection.QUEUE_BYTES", 0)
        with pytest.raises(Refused) as crowded:
            await desk.post(projection, post)
        monkeypatch.undo()
        store.report("damaged")
        with pytest.raises(Refused) as doubted:
            await desk.post(projection, post)
        for refused in (crowded, doubted):
            assert refused.value.refusal.kind == "unavailable"
            assert "Nothing was recorded" in str(refused.value.refusal.detail)
            assert "again" in str(refused.value.refusal.detail)
        assert log.asked == 0, "nothing reached the log"
    finally:
        store.close()


# Room in an exchange


async def test_an_exchange_takes_so_much_from_each_side_and_what_settles_it_always_finds_room(
    world: World, log: Gated, desk: CommandHandler, tmp_path: Path
) -> None:
    store = Store(tmp_path / "projection.sqlite")
    projection = Projection(log, store)
    following = asyncio.create_task(projection.run())
    await projection.caught_up.wait()
    serial = iter(range(1000))

    async def post(
        actor: str, body: dict[str, Any], exchange: str = "", *, seen: bool = False
    ) -> str:
        raw, data = read_act(compact(body), cut=False)
        id = ids.from_key("nato-china", actor, f"room-test-{next(serial):08d}")
        known = projection.exchange(exchange)
        etag = known.etag if seen and known is not None else None
        kept = await desk.post(
            projection,
            Submission(actor=actor, act=raw, data=data, id=id, exchange=exchange, if_match=etag),
        )
        await projection.in_file()  # a client posts no faster than that
        return kept.recorded.exchange

    async def full(actor: str, body: dict[str, Any], exchange: str) -> bool:
        try:
            await post(actor, body, exchange)
        except Refused as error:
            if error.refusal.kind == "no-room" and "2048 KiB" in str(error.refusal.detail):
                return True
            raise
        return False

    update = {"act": "update", "text": "b" * 59_000}
    try:
        exchange = await post("nato/d-1", INCIDENT)
        while not await full("nato/d-1", update, exchange):
            assert projection.said_by(exchange, "nato") <= EXCHANGE_BYTES
        used = projection.said_by(exchange, "nato")
        assert (
            EXCHANGE_BYTES - EXCHANGE_SPARE_BYTES - len(update["text"]) - 2_000
            < used
            <= EXCHANGE_BYTES - EXCHANGE_SPARE_BYTES
        )
        assert used == sum(
            len(message.raw)
            for message in await log.read(1, 500)
            if exchange.encode() in message.raw
        )
        assert projection.said_by(exchange, "china") == 0
        while not await full("nato/o-1", {"act": "update", "text": "m" * 9_000}, exchange):
            pass  # another officer of the side finds no more room than is left
        await post(
            "china/d-1", {"act": "reply", "text": "c" * 59_000}, exchange
        )  # the other side has room of its own
        await post("nato/d-1", INCIDENT)  # and another exchange
        await post("nato/d-1", {"act": "acknowledgement"}, exchange)
        correction = {
            "act": "correction",
            "fields": {"facts": "f" * 40_000},
            "reason": "Recordings.",
        }
        await post("nato/h-1", correction, exchange, seen=True)
        with pytest.raises(Refused, match="has used its room"):
            await post("nato/h-1", correction, exchange, seen=True)
        await post("nato/h-1", {"act": "closure"}, exchange, seen=True)
        await projection.in_file()
        assert (
            Projection(log, store).said_by(exchange, "nato")
            == projection.said_by(exchange, "nato")
            <= EXCHANGE_BYTES
        )
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await asyncio.to_thread(store.close)


async def test_the_channel_itself_and_services_are_not_bounded(
    world: World, log: Gated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_checks, "EXCHANGE_BYTES", 0)
    store = Store(tmp_path / "projection.sqlite")
    exchange = world.open("nato/d-1", INCIDENT)
    world.keep(
        "service/scheduler",
        {"act": "reminder", "side": "china", "message": exchange, "clock": "acknowledgement"},
        exchange,
    )
    try:
        projection = Projection(log, store)
        for raw in world.raws:
            post_checks.refuse_if_full(projection, parse(raw))
        said = world.keep("nato/d-1", UPDATE, exchange)
        assert isinstance(said, Folded) and said.record is not None
        with pytest.raises(Refused, match="has used its room"):
            post_checks.refuse_if_full(projection, said.record)
    finally:
        store.close()


def said(world: World, exchange: str, act: dict[str, Any]) -> bytes:
    """A record of an act in an exchange, whether or not it is legal."""
    raw, data = read_act(compact(act), cut=False)
    envelope = records.envelope(
        id=ids.v7(1, bytes(10)),
        source="/sides/nato",
        name=act["act"],
        version=1,
        subject=exchange,
        time=world.tick(),
        channel=world.name,
        family="notification",
        actor="nato/d-1",
        decided=world.position,
        salt=SALT,
    )
    return records.assemble(envelope, raw, data).raw


@pytest.mark.parametrize(
    ("act", "fits"),
    [
        ({"act": "acknowledgement"}, True),
        ({"act": "cancellation", "reason": "Overtaken."}, True),
        ({"act": "closure"}, True),
        ({"act": "second-key", "of": "0192f3a4-5b6c-7d8e-8f90-00000000aaaa"}, True),
        ({"act": "correction", "fields": {"facts": "None."}, "reason": "Recordings."}, False),
        ({"act": "cancellation", "reason": "x" * 3_000}, False),
        ({"act": "reply", "text": "Seen."}, False),
    ],
    ids=lambda each: each["act"] if isinstance(each, dict) else "",
)
async def test_what_settles_an_exchange_finds_room_after_corrections_have_used_the_rest(
    world: World,
    log: Gated,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    act: dict[str, Any],
    fits: bool,
) -> None:
    store = Store(tmp_path / "projection.sqlite")
    exchange = world.open("nato/d-1", INCIDENT)
    raw = said(world, exchange, act)
    try:
        projection = Projection(log, store)
        monkeypatch.setattr(
            projection, "said_by", lambda *_: EXCHANGE_BYTES - EXCHANGE_LAST_BYTES - 100
        )
        assert len(raw) > 100
        if fits:
            post_checks.refuse_if_full(projection, parse(raw))
        else:
            with pytest.raises(Refused, match="has used its room"):
                post_checks.refuse_if_full(projection, parse(raw))
    finally:
        store.close()
