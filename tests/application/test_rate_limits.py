"""Budgets: what is spent comes back by the second, nobody spends another's, and what is refused
costs nothing.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.application.http.rate_limits import Payer, RateLimit, RateLimitExceeded, RateLimits
from dragoman.settings import BudgetSettings as Settings
from dragoman.stores.tokens_and_sessions import Grant, StationGrant

LIVE, EXERCISE, OTHER = "c1", "c2", "c3"
NATO = Grant(id="1", actor="nato/o-1", channels=(LIVE, EXERCISE))
COLLEAGUE = Grant(id="2", actor="nato/o-2", channels=(LIVE, EXERCISE))
CHINA = Grant(id="3", actor="china/o-1", channels=(LIVE, EXERCISE))
NAMESAKE = Grant(id="4", actor="nato/o-1", channels=(OTHER,))


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_and_then_so_many_a_second() -> None:
    budget = RateLimit(5)
    assert [budget.spend("a", 1, 100.0) for _ in range(50)] == [0.0] * 50
    assert budget.spend("a", 1, 100.0) == pytest.approx(0.2)
    assert (budget.left("a", 100.0), budget.whole_in("a", 100.0)) == (0, 10)
    assert budget.spend("a", 1, 100.2) == 0.0
    assert (budget.left("a", 105.0), budget.left("b", 105.0)) == (24, 50)


@given(st.floats(0.5, 100), st.lists(st.tuples(st.floats(0, 3), st.integers(1, 20)), max_size=200))
def test_never_more_than_the_burst_and_what_came_back_since(
    per_second: float, asked: list[tuple[float, int]]
) -> None:
    budget, now, spent = RateLimit(per_second), 0.0, 0
    for rest, units in asked:
        now += rest
        wait = budget.spend("a", units, now)
        if units > budget.burst:
            continue
        if not wait:
            spent += units
            assert spent <= per_second * 10 + per_second * now + 20 + 1e-6
        else:  # whoever waits as long as is said may
            now += wait + 1e-6
            assert budget.spend("a", units, now) == 0.0
            spent += units


def test_what_is_larger_than_the_burst_needs_an_unspent_budget() -> None:
    budget = RateLimit(1)
    assert budget.spend("a", 1000, 0.0) == 0.0
    assert budget.spend("a", 1, 0.0) == pytest.approx(11.0)


def test_a_debt_is_one_burst_at_most() -> None:
    budget = RateLimit(1)
    budget.charge("a", 1e9, 0.0)
    assert budget.spend("a", 1, 0.0) == pytest.approx(11.0)


def spend_all(budgets: RateLimits, grant: Grant, cid: str = LIVE) -> int:
    """Ask until it is refused; how often it was not."""
    for count in range(100_000):
        try:
            budgets.caller(grant, cid, 0)
        except RateLimitExceeded:
            return count
    raise AssertionError


def test_an_officer_does_not_use_up_the_sides_nor_one_side_the_others() -> None:
    budgets = RateLimits(Settings(officer_requests=5, side_requests=8), Clock())
    assert spend_all(budgets, NATO) == 50
    assert spend_all(budgets, COLLEAGUE) == 30
    assert spend_all(budgets, CHINA) == 50


def test_an_exercise_has_budgets_of_its_own() -> None:
    budgets = RateLimits(Settings(officer_requests=5), Clock())
    assert (spend_all(budgets, NATO, EXERCISE), spend_all(budgets, NATO)) == (50, 50)


def test_officers_and_sides_of_the_same_name_in_two_channels_share_nothing() -> None:
    budgets = RateLimits(
        Settings(officer_requests=5, side_requests=8, streams=1, officer_mib=1), Clock()
    )
    assert (spend_all(budgets, NATO), spend_all(budgets, NAMESAKE, OTHER)) == (50, 50)
    assert spend_all(budgets, NATO, "") == 50, (
        "what is asked of no single channel is another account"
    )
    assert spend_all(budgets, NAMESAKE, "") == 0, "a token for one channel has one account"
    for grant, cid in ((NATO, LIVE), (NATO, EXERCISE), (NATO, ""), (NAMESAKE, OTHER)):
        budgets.open_stream(grant, cid)
        with pytest.raises(RateLimitExceeded):
            budgets.open_stream(grant, cid)


def test_a_station_gets_no_further_budget_by_naming_its_channels_otherwise() -> None:
    budgets = RateLimits(Settings(officer_requests=5, side_requests=5), Clock())
    one, other = (
        StationGrant(actor="nato/station-1", channels=channels, keyid="a" * 64)
        for channels in ((LIVE,), (LIVE, EXERCISE))
    )
    china = StationGrant(actor="china/station-1", channels=(LIVE,), keyid="b" * 64)
    assert [spend_all(budgets, grant, "") for grant in (one, other, china)] == [50, 0, 50]


def test_strangers_files_and_probes_are_counted_apart() -> None:
    budgets = RateLimits(Settings(address_requests=1), Clock())
    for ask in (budgets.address, budgets.file, budgets.probe):
        for _ in range(10):
            ask("192.0.2.1")
        with pytest.raises(RateLimitExceeded):
            ask("192.0.2.1")
    budgets.file("192.0.2.1", NATO)


def test_bytes_are_counted_both_ways_and_what_was_sent_is_paid_later() -> None:
    clock = Clock()
    budgets = RateLimits(Settings(officer_mib=1), clock)
    payer = budgets.caller(NATO, "", 6 * 2**20)
    budgets.received(payer, 6 * 2**20)
    with pytest.raises(RateLimitExceeded) as refused:
        budgets.caller(NATO, "", 1)
    assert refused.value.policy == "officer-bytes" and refused.value.wait == 3
    budgets.caller(NATO, "", 0)  # what brings nothing is let ask
    clock.now += 3
    budgets.caller(NATO, "", 1)


def test_what_is_left_is_said_as_the_draft_says() -> None:
    budgets = RateLimits(Settings(officer_requests=5, side_requests=8), Clock())
    payer = budgets.caller(NATO, "", 0)
    assert budgets.standing(payer) == {
        "RateLimit-Policy": '"officer";q=50;w=10, "side";q=80;w=10',
        "RateLimit": '"officer";r=49;t=1, "side";r=79;t=1',
    }


def test_addresses_of_one_network_of_version_six_are_one() -> None:
    budgets = RateLimits(Settings(address_requests=1), Clock())
    for number in range(10):
        budgets.address(f"2001:db8::{number:x}")
    with pytest.raises(RateLimitExceeded):
        budgets.address("2001:db8::ffff")
    budgets.address("2001:db8:0:1::1")
    budgets.address("192.0.2.1")


def test_streams_are_counted_while_they_are_open() -> None:
    budgets = RateLimits(Settings(streams=2), Clock())
    account = budgets.open_stream(NATO)
    budgets.open_stream(NATO)
    with pytest.raises(RateLimitExceeded):
        budgets.open_stream(NATO)
    budgets.open_stream(COLLEAGUE)
    budgets.close_stream(account)
    budgets.open_stream(NATO)


def test_work_is_charged_to_officer_and_side_and_the_next_request_waits() -> None:
    clock = Clock()
    budgets = RateLimits(Settings(officer_work=0.2, side_work=0.4), clock)
    budgets.worked(Payer.of(NATO, "cid"), 2.5)
    with pytest.raises(RateLimitExceeded) as caught:
        budgets.caller(NATO, "cid", 0)
    assert (caught.value.policy, caught.value.wait) == ("work", 3)
    budgets.caller(COLLEAGUE, "cid", 0)
    budgets.caller(CHINA, "cid", 0)
    budgets.worked(Payer.of(COLLEAGUE, "cid"), 2.0)
    budgets.worked(Payer.of(COLLEAGUE, "cid"), 0.1)
    with pytest.raises(RateLimitExceeded):
        budgets.caller(Grant(id="4", actor="nato/o-3"), "cid", 0)
    clock.now += 5
    budgets.caller(NATO, "cid", 0)


def test_the_work_of_a_roster_is_its_officers_alone() -> None:
    clock = Clock()
    budgets = RateLimits(Settings(officer_work=0.2, side_work=0.2), clock)
    budgets.worked(Payer.of(NATO, "cid"), 60.0, by_officer=True)
    budgets.caller(COLLEAGUE, "cid", 0)
    with pytest.raises(RateLimitExceeded):
        budgets.caller(NATO, "cid", 0)


def test_nothing_else_uses_up_the_budget_of_urgent_acts() -> None:
    budgets = RateLimits(Settings(urgent_requests=0.2, officer_requests=0.1), Clock())
    payer = budgets.caller(NATO, "cid", 0)
    with pytest.raises(RateLimitExceeded):
        budgets.caller(NATO, "cid", 0)
    budgets.worked(payer, 60.0)
    budgets.urgent(payer)
    budgets.urgent(payer)
    with pytest.raises(RateLimitExceeded) as caught:
        budgets.urgent(payer)
    assert caught.value.policy == "urgent"


def test_the_work_of_an_address_is_charged_to_its_network() -> None:
    clock = Clock()
    budgets = RateLimits(Settings(address_work=0.1), clock)
    budgets.address_worked("192.0.2.1", 1.5)
    with pytest.raises(RateLimitExceeded) as caught:
        budgets.address("192.0.2.1")
    assert (caught.value.policy, caught.value.wait) == ("address-work", 5)
    budgets.address("192.0.2.2")
    clock.now += 6
    budgets.address("192.0.2.1")
