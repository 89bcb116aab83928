"""A cursor over many channels: it is short, exact, and of one caller."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers import RealBroker
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.stores.identities import Identities, Identity, packed
from dragoman.stores.key_value import Bucket
from dragoman.stores.stream_cursors import (
    CURSOR_LENGTH,
    Positions,
    StreamCursors,
    delta_of,
    mark_of,
)
from dragoman.stores.tokens_and_sessions import BUCKET, Grant, TokensAndSessions

MANY = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(1000)]


async def test_a_thousand_channels_fit_into_one_grant_only_as_an_identity(
    real_broker: RealBroker,
) -> None:
    await Bucket.create(await real_broker.bus("steward"), BUCKET, 1)
    access = TokensAndSessions(Bucket(await real_broker.bus(), BUCKET))
    with pytest.raises(LogUnreachable):
        await access.issue(Grant(actor="nato/o-1", channels=tuple(MANY)))
    stored = Identity(name="lo", version=1, sides=packed((cid, "nato") for cid in MANY), changed="")
    await Identities(access.bucket).put(stored)
    _, grant = await access.issue(Grant(actor="nato/o-1", identity="lo"))
    there = TokensAndSessions(Bucket(await real_broker.bus(), BUCKET))
    await there.refresh()
    assert there.cids(grant) == set(MANY)
    assert all(there.covers(grant, cid) for cid in MANY)
    assert not there.covers(grant, "0" * 64)
    identities = Identities(there.bucket)
    assert identities.name_of((MANY[7], "nato")) == "lo"
    assert identities.name_of((MANY[7], "china")) == ""


async def test_another_gateway_finds_a_cursor_of_a_thousand_channels(
    real_broker: RealBroker,
) -> None:
    await Bucket.create(await real_broker.bus("steward"), BUCKET, 1)
    bucket = Bucket(await real_broker.bus(), BUCKET)
    _, grant = await TokensAndSessions(bucket).issue(Grant(actor="nato/o-1", identity="lo"))
    _, other = await TokensAndSessions(bucket).issue(Grant(actor="nato/o-2", identity="lo"))
    here, there = StreamCursors(bucket), StreamCursors(Bucket(await real_broker.bus(), BUCKET))
    sent = {cid: number * 1000 for number, cid in enumerate(MANY)}
    stored = await here.store(grant, sent)
    for number in range(0, 200, 3):
        sent[MANY[number]] += number
    cursor = stored.cursor(sent)
    assert 0 < len(cursor) <= CURSOR_LENGTH
    found = await there.find(grant, cursor)
    assert found == {mark_of(cid): position for cid, position in sent.items()}
    assert await there.find(other, cursor) is None
    assert not stored.cursor({cid: position + 1 for cid, position in sent.items()}), "too long"


steps = st.lists(st.integers(0, 2**40), min_size=1, max_size=60)


@settings(max_examples=200, deadline=None)
@given(begins=steps, more=st.data())
def test_a_cursor_says_exactly_what_was_sent(begins: list[int], more: st.DataObject) -> None:
    cids = sorted(MANY[: len(begins)])
    sent = dict(zip(cids, begins, strict=True))
    stored = of(sent)
    for cid in cids:
        sent[cid] += more.draw(st.integers(0, 2**20))
    cursor = stored.cursor(sent)
    assert cursor
    _, _, text = cursor.split(".")
    assert stored.after(delta_of(text)) == {mark_of(cid): sent[cid] for cid in cids}


@settings(max_examples=200, deadline=None)
@given(junk=st.binary(max_size=40))
def test_no_bytes_break_a_cursor(junk: bytes) -> None:
    found = of(dict.fromkeys(MANY[:3], 5)).after(junk)
    assert found is None or all(position >= 5 for position in found.values())


def of(sent: dict[str, int]) -> Positions:
    """The positions as they are stored."""
    return Positions.of(1, "abcdefghijkl", "nato/o-1", 0.0, sent)
