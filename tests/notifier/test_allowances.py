"""The limits of messages: twenty an hour, one summary, and room for a flash in every flood."""

from hypothesis import given
from hypothesis import strategies as st

from dragoman.notifier.allowances import (
    FOR_FLASHES,
    MESSAGES_AN_HOUR,
    Verdict,
    admitted,
    month_of,
    paid,
)
from dragoman.stores.endpoints import Allowance, WaySpending

HOUR = 3_600.0
FLOODS = st.lists(st.tuples(st.floats(0.01, 900.0), st.booleans()), min_size=1, max_size=120)


@given(FLOODS)
def test_no_hour_has_more_than_twenty_messages_and_one_summary(
    flood: list[tuple[float, bool]],
) -> None:
    allowance, now = Allowance(), 1_000_000.0
    sent: list[tuple[float, bool]] = []
    summaries: list[float] = []
    for wait, urgent in flood:
        now += wait
        allowance, verdict = admitted(allowance, now, urgent=urgent)
        if verdict is Verdict.SEND:
            sent.append((now, urgent))
        elif verdict is Verdict.SUMMARY:
            summaries.append(now)
    for moment in [moment for moment, _ in sent] + summaries:
        within = [each for each, _ in sent if 0 <= moment - each < HOUR]
        assert len(within) <= MESSAGES_AN_HOUR
        assert sum(0 <= moment - each < HOUR for each in summaries) <= 1
    ordinary = [moment for moment, urgent in sent if not urgent]
    for moment in ordinary:
        within = [each for each, _ in sent if 0 <= moment - each < HOUR]
        assert len(within) <= MESSAGES_AN_HOUR - FOR_FLASHES


def test_a_flash_comes_through_a_flood_and_what_was_held_is_counted() -> None:
    allowance, now = Allowance(), 1_000_000.0
    verdicts = []
    for _ in range(40):
        now += 1
        allowance, verdict = admitted(allowance, now, urgent=False)
        verdicts.append(verdict)
    assert verdicts.count(Verdict.SEND) == MESSAGES_AN_HOUR - FOR_FLASHES
    assert verdicts.count(Verdict.SUMMARY) == 1
    assert allowance.held == 40 - (MESSAGES_AN_HOUR - FOR_FLASHES)
    assert admitted(allowance, now + 1, urgent=True)[1] is Verdict.SEND
    later, verdict = admitted(allowance, now + HOUR + 1, urgent=False)
    assert (verdict, len(later.times)) == (Verdict.SEND, 1)


@given(
    st.floats(0.01, 2.0),
    st.floats(1.0, 50.0),
    st.lists(st.booleans(), min_size=1, max_size=200),
)
def test_no_way_costs_more_than_its_limit(cost: float, limit: float, flood: list[bool]) -> None:
    spending = WaySpending()
    for urgent in flood:
        before = spending
        spending, is_paid = paid(spending, cost, limit, urgent=urgent)
        assert spending.spent <= limit + 1e-6
        assert (spending.held == before.held) == is_paid
        if is_paid and not urgent:
            assert spending.spent <= limit * 0.8 + 1e-6
    assert spending.messages + spending.held == len(flood)


def test_a_way_without_a_limit_sends_all_and_a_month_is_one_of_utc() -> None:
    spending = WaySpending()
    for _ in range(100):
        spending, is_paid = paid(spending, 3.0, 0.0, urgent=False)
        assert is_paid
    assert (spending.messages, spending.spent) == (100, 300.0)
    assert month_of(1_795_996_799.0) == "2026-11"  # 30 November, 23:59:59Z
    assert month_of(1_795_996_800.0 + 86_400 * 1) == "2026-12"
