"""Limits as they are kept in the broker: a stranger's flood leaves an officer's hour as it is."""

import pytest
from msgspec.structs import replace

from brokers import RealBroker
from dragoman.application.ways_to_reach import Ways
from dragoman.notifier.allowances import Allowances, Verdict
from dragoman.notifier.delivery import OutgoingItem
from dragoman.settings import Way
from dragoman.stores.endpoints import BUCKET, BYTES, NotificationEndpoint, NotificationEndpoints
from dragoman.stores.key_value import Bucket

NOTE = OutgoingItem(
    id="n",
    position=9,
    raw=b"",
    act="contact-note",
    family="contact",
    side="nato",
    number="",
    precedence="routine",
    channel="one",
    exchange="",
    exercise=False,
    time="2026-11-24T03:00:00.000Z",
    marking="",
)
PHONE = NotificationEndpoint(
    id="e", cid="a" * 64, side="china", means="message", target="", officer="china/o-1", way="sms"
)


@pytest.fixture
async def allowances(real_broker: RealBroker) -> Allowances:
    await Bucket.create(await real_broker.bus("steward"), BUCKET, 1, BYTES)
    store = NotificationEndpoints(Bucket(await real_broker.bus(), BUCKET))
    return Allowances(store, Ways((Way(name="sms", cost=1.0, cost_limit=20.0),)))


async def test_an_officer_of_the_same_name_elsewhere_is_a_stranger(allowances: Allowances) -> None:
    flooded = [await allowances.take(PHONE, NOTE) for _ in range(17)]
    assert flooded == [Verdict.SEND] * 15 + [Verdict.SUMMARY, Verdict.HOLD]
    stranger = replace(PHONE, cid="b" * 64, means="e-mail", way="")
    assert await allowances.take(stranger, NOTE) is Verdict.SEND


async def test_a_way_whose_money_is_spent_keeps_the_last_of_it_for_flashes(
    allowances: Allowances,
) -> None:
    office = replace(PHONE, officer="")
    verdicts = [await allowances.take(office, NOTE) for _ in range(18)]
    assert verdicts == [Verdict.SEND] * 16 + [Verdict.HOLD] * 2
    flash = replace(NOTE, precedence="flash")
    assert [await allowances.take(office, flash) for _ in range(5)] == [Verdict.SEND] * 4 + [
        Verdict.HOLD
    ]
