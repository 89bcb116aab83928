"""The days for which a proof counts, and the next test that comes by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dragoman.application.operations.own_reach import state_of
from dragoman.notifier.monthly_test import is_due
from dragoman.stores.endpoints import NotificationEndpoint, ReachProof
from dragoman.stores.reach_proofs import days_counted

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday, at noon of an office without a zone
DAY = 86_400.0


@pytest.mark.parametrize(("setting", "days"), [(1, 6), (7, 12), (30, 35), (366, 371), (0, 35)])
def test_a_proof_counts_until_the_next_test_and_some_days_more(setting: int, days: int) -> None:
    assert days_counted(setting) == days
    now = NOW.timestamp()
    for age, state in ((days - 0.01, "proven"), (days + 0.01, "expired")):
        moment = now - age * DAY
        proof = ReachProof(sent_at=moment, ok=True, arrived_at=moment, proven=moment)
        assert state_of(proof, now, setting) == state


@pytest.mark.parametrize("setting", [7, 30])
def test_the_next_test_is_due_while_the_last_proof_still_counts(setting: int) -> None:
    endpoint = NotificationEndpoint(
        id="e", cid="a" * 64, side="china", means="message", target="", officer="china/o-1"
    )
    channel: Any = _Channel()
    for age, due in ((setting - 0.01, False), (setting + 0.01, True)):
        moment = (NOW - timedelta(days=age)).timestamp()
        proof = ReachProof(sent_at=moment, ok=True, arrived_at=moment, proven=moment)
        assert is_due(endpoint, channel, proof, setting, NOW) is due
        assert not is_due(endpoint, channel, proof, 0, NOW)
        assert state_of(proof, NOW.timestamp(), setting) == "proven"


class _Channel:
    """In place of a projection: an office without an entry works on weekdays, in UTC."""

    def office(self, side: str) -> Any:
        assert side == "china"
        return None
