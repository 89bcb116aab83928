"""Limits as they are kept in the broker: a stranger's flood leaves an officer's hour as it is."""

import asyncio
import time

import pytest
from msgspec.structs import replace

from brokers import RealBroker
from dragoman.application.ways_to_reach import Ways
from dragoman.notifier.allowances import Allowances, Verdict, month_of
from dragoman.notifier.delivery import OutgoingItem
from dragoman.settings import Way
from dragoman.stores.endpoints import (
    BUCKET,
    BYTES,
    NotificationEndpoint,
    NotificationEndpoints,
    WaySpending,
)
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
async def store(real_broker: RealBroker) -> NotificationEndpoints:
    await Bucket.create(await real_broker.bus("steward"), BUCKET, 1, BYTES)
    return NotificationEndpoints(Bucket(await real_broker.bus(), BUCKET))


@pytest.fixture
def allowances(store: NotificationEndpoints) -> Allowances:
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


async def test_a_side_cannot_use_up_the_money_of_another_one(
    allowances: Allowances, store: NotificationEndpoints
) -> None:
    china, nato = replace(PHONE, officer=""), replace(PHONE, officer="", side="nato")
    drill = replace(china, cid="b" * 64)
    assert [await allowances.take(china, NOTE) for _ in range(18)].count(Verdict.SEND) == 16
    assert [await allowances.take(nato, NOTE) for _ in range(4)] == [Verdict.SEND] * 4
    assert await allowances.take(drill, NOTE) is Verdict.SEND
    month = month_of(time.time())
    assert [
        (spending.spent, spending.messages, spending.held)
        for spending in (
            store.spending("sms", month, PHONE.cid, side) for side in ("china", "nato")
        )
    ] == [(16.0, 16, 2), (4.0, 4, 0)]
    assert store.spending("sms", month).spent == 21.0


async def test_a_total_holds_back_and_what_it_held_costs_the_side_nothing(
    store: NotificationEndpoints,
) -> None:
    ways = Ways((Way(name="sms", cost=1.0, cost_limit=20.0, total_limit=20.0),))
    one, other = Allowances(store, ways), Allowances(store, ways)  # as two notifiers
    china, nato = replace(PHONE, officer=""), replace(PHONE, officer="", side="nato")
    assert [await one.take(china, NOTE) for _ in range(10)] == [Verdict.SEND] * 10
    verdicts = [await other.take(nato, NOTE) for _ in range(8)]
    assert verdicts == [Verdict.SEND] * 6 + [Verdict.HOLD] * 2
    month = month_of(time.time())
    of_nato = store.spending("sms", month, PHONE.cid, "nato")
    assert (of_nato.spent, of_nato.messages, of_nato.held) == (6.0, 6, 2)
    assert store.spending("sms", month, PHONE.cid, "china").held == 0
    assert await other.take(nato, replace(NOTE, precedence="flash")) is Verdict.SEND


async def test_two_notifiers_that_pay_at_once_spend_no_more_than_the_limit(
    real_broker: RealBroker, store: NotificationEndpoints
) -> None:
    ways = Ways((Way(name="sms", cost=1.0, cost_limit=20.0),))
    second = NotificationEndpoints(Bucket(await real_broker.bus(), BUCKET))
    both = Allowances(store, ways), Allowances(second, ways)
    office = replace(PHONE, officer="")
    verdicts = await asyncio.gather(*(both[n % 2].take(office, NOTE) for n in range(24)))
    assert verdicts.count(Verdict.SEND) == 16


async def test_the_sums_of_earlier_months_are_deleted(store: NotificationEndpoints) -> None:
    for month in ("2026-10", "2026-11", "2026-12"):
        for side in ("china", "nato"):
            await store.update_spending(
                "sms", month, lambda _: (WaySpending(spent=1.0), None), cid=PHONE.cid, side=side
            )
    assert [
        store.spending("sms", month, PHONE.cid, side).spent
        for month in ("2026-10", "2026-11", "2026-12")
        for side in ("china", "nato")
    ] == [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
