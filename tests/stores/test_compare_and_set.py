"""Writing over what was read, where a node that was cut off refuses as a leader while the others
write.
"""

import pytest

from brokers import RealBroker
from confused import Confused
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.stores import people
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.erasable import Erasable
from dragoman.stores.key_value import Bucket
from dragoman.stores.tokens_and_sessions import BUCKET, Grant, TokensAndSessions

NAME = "DRAGOMAN_DRAFTS"


async def opened(broker: RealBroker) -> tuple[Bucket, Confused]:
    await Bucket.create(await broker.bus("steward"), NAME, 1)
    bus = await broker.bus()
    return Bucket(bus, NAME), Confused(bus)


async def test_what_was_written_in_spite_of_a_refusal_is_known_to_be(
    real_broker: RealBroker,
) -> None:
    (here, node), (there, _) = await opened(real_broker), await opened(real_broker)
    node.refuses, node.forgets = 1, 2
    await here.put("a", "1", 0)
    await here.put("a", "2", here.revisions["a"])
    await there.refresh()
    assert (
        (there.values, there.revisions)
        == (here.values, here.revisions)
        == ({"a": b'"2"'}, {"a": 2})
    )


async def test_who_was_slower_is_told_and_knows_what_stands_there(real_broker: RealBroker) -> None:
    (here, node), (there, _) = await opened(real_broker), await opened(real_broker)
    await there.put("a", "theirs", 0)
    node.forgets = 2
    with pytest.raises(WriteConflict):
        await here.put("a", "ours", 0)
    assert (here.values, here.revisions) == ({"a": b'"theirs"'}, {"a": 1})
    await there.put("a", None, 1)
    with pytest.raises(WriteConflict):
        await here.put("a", "ours", 1)
    assert (here.values, here.revisions) == ({}, {"a": 2})


async def test_the_same_bytes_of_another_writer_are_not_ones_own(real_broker: RealBroker) -> None:
    (here, _), (there, _) = await opened(real_broker), await opened(real_broker)
    await there.put("a", "alike", 0)
    with pytest.raises(WriteConflict):
        await here.put("a", "alike", 0)


async def test_a_refusal_that_nothing_explains_leaves_it_open(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.stores.compare_and_set.APPEND_SECONDS", 0.3)
    here, node = await opened(real_broker)
    node.swallows = 1
    with pytest.raises(LogUnreachable, match="refuses to write, and shows nothing newer"):
        await here.put("a", "1", 0)
    await here.put("a", "1", 0)


async def test_a_value_that_nobody_can_decode_keeps_nobody_from_the_others(
    real_broker: RealBroker,
) -> None:
    (here, _), (there, _) = await opened(real_broker), await opened(real_broker)
    await there.put("a", "1")
    await there.put("b", "1")
    bus = await real_broker.bus()
    for raw in (b"[" * 5_000, b"", b"\xff", b"{"):
        await bus.request(f"$KV.{NAME}.b", raw)
        await here.refresh()
        assert here.values == {"a": b'"1"'}
    await here.put("b", "2", here.revisions["b"])
    await there.refresh()
    assert there.values == {"a": b'"1"', "b": b'"2"'}


async def test_an_entry_of_the_register_is_written_in_spite_of_a_refusal(
    real_broker: RealBroker,
) -> None:
    await Erasable.create(
        await real_broker.bus("steward"), people.STREAM, people.SUBJECTS, 1, people.BYTES
    )
    bus = await real_broker.bus()
    entries, node = Erasable(bus, people.STREAM, people.PREFIX), Confused(bus)
    node.refuses, node.forgets = 1, 1
    await entries.put("a", b"1", 0)
    assert (entries.values, entries.revisions) == ({"a": b"1"}, {"a": 1})


async def test_the_token_that_init_made_does_not_come_back_where_its_revocation_is_not_shown(
    real_broker: RealBroker,
) -> None:
    await Bucket.create(await real_broker.bus("steward"), BUCKET, 1)
    here, there = [TokensAndSessions(Bucket(await real_broker.bus(), BUCKET)) for _ in range(2)]
    token, grant = await there.issue(
        Grant(actor="operator", issued="2026-11-24T12:00:00.000Z"), secret="made by init", over=0
    )
    assert await there.revoke(grant.id)
    assert not here.was_known(token), "as by a node that catches up"
    with pytest.raises(WriteConflict):
        await here.issue(
            Grant(actor="operator", issued="2026-11-24T13:00:00.000Z"), secret=token, over=0
        )
    await here.refresh()
    assert (here.was_known(token), here.find(token, 0)) == (True, None)
