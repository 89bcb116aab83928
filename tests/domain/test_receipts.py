"""Receipts: an acknowledgement proves delivery, and an own account is no silence."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.domain.record.errors import Refusal
from dragoman.domain.views.receipts import by_side, receipts_of
from samples import act
from world import World

ACCOUNT = {"act": "counter-account", "facts": "We saw it otherwise."}
DELIVERED = "2026-01-01T00:00:00.000Z"


def reported(acts: list[str]) -> tuple[World, str]:
    """An incident of nato to china, and what followed."""
    world = World(sides=("nato", "china"))
    id = world.open("nato/d-1", act("hazardous-incident"))
    for each in acts:
        side, _, name = each.rpartition(" ")
        body = {**ACCOUNT} if name == "counter-account" else act(name)
        kept = world.keep(f"{side or 'china'}/d-1", body, id, seen=True)
        assert not isinstance(kept, Refusal), kept
    return world, id


@given(hours=st.none() | st.integers(-48, 48), followed=st.sampled_from([[], ["acknowledgement"]]))
def test_a_delivery_is_never_later_than_the_acknowledgement(
    hours: int | None, followed: list[str]
) -> None:
    world, id = reported(followed)
    state = world.exchange(id)
    (message,) = state.messages
    moment = datetime.fromisoformat(message.said.time)
    said = "" if hours is None else (moment + timedelta(hours=hours)).isoformat()
    found = receipts_of(world.registry, state, message, "china", said)
    if found.acknowledged is None:
        assert found.delivered == said
    else:
        times = [datetime.fromisoformat(each) for each in (said, found.acknowledged.time) if each]
        assert datetime.fromisoformat(found.delivered) == min(times)


def test_an_own_account_stands_beside_the_report_that_it_follows_and_not_beside_what_comes_later() -> (
    None
):
    world, id = reported(["counter-account", "nato update"])
    state = world.exchange(id)
    report, account, update = state.messages
    found = receipts_of(world.registry, state, report, "china", "")
    assert found.account == state.accounts["china"][0].given
    assert found.answered is None
    assert receipts_of(world.registry, state, update, "china", "").account is None
    assert receipts_of(world.registry, state, account, "nato", "").account is None


def test_an_account_is_no_answer_to_a_question() -> None:
    world, id = reported(["counter-account", "nato clarification-request", "counter-account"])
    state = world.exchange(id)
    report, first, question, second = state.messages
    assert receipts_of(world.registry, state, question, "china", "").account is None
    told = receipts_of(world.registry, state, report, "china", "").account
    assert told is not None and told.position == first.said.position < second.said.position


@pytest.mark.parametrize("told", [DELIVERED, ""])
def test_who_has_acknowledged_nothing_has_what_was_reported(told: str) -> None:
    world, id = reported([])
    state = world.exchange(id)
    assert receipts_of(world.registry, state, state.messages[0], "china", told).delivered == told


def test_each_side_has_one_row_with_the_newest_message_of_each_fact() -> None:
    """Six sides and many messages: as many rows as sides, whatever was said."""
    world = World(sides=("nato", "china", "osce"))
    id = world.open("nato/d-1", act("hazardous-incident"))
    for actor, name in (
        ("china/d-1", "acknowledgement"),
        ("nato/d-1", "update"),
        ("osce/d-1", "acknowledgement"),
        ("china/d-1", "counter-account"),
    ):
        body = {**ACCOUNT} if name == "counter-account" else act(name)
        assert not isinstance(world.keep(actor, body, id, seen=True), Refusal)
    state = world.exchange(id)
    received = [
        (message, side, receipts_of(world.registry, state, message, side, ""))
        for message in state.messages
        for side in (*message.to, *message.info)
    ]
    rows = {row.side: row for row in by_side(received)}
    assert len(rows) == len(by_side(received)) == 3
    opening, update, account = state.messages
    china, osce = rows["china"], rows["osce"]
    assert china.acknowledged is not None and china.acknowledged.message.id in (
        opening.id,
        update.id,
    )
    assert china.answered is not None and china.answered.time == account.said.time
    assert osce.answered is None and account.id in osce.waiting
    for row in rows.values():
        for fact in (row.seen, row.acknowledged, row.answered):
            assert fact is None or fact.time > fact.message.said.time
