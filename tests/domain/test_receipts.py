"""Receipts: an acknowledgement proves delivery, and an own account is no silence."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.domain.record.errors import Refusal
from dragoman.domain.views.receipts import receipts_of
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
