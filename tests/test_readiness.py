"""Readiness and health: two questions with two answers, from the same conditions."""

from hypothesis import given
from hypothesis import strategies as st

from dragoman import readiness
from dragoman.readiness import health_of, readiness_of
from dragoman_schemas.host_responses import Check

ELSEWHERE = {
    readiness.STARTED,
    readiness.STAYS,
    readiness.PLACED,
    readiness.READABLE,
    readiness.WRITTEN,
    readiness.IN_TIME,
}
REPORTED = {readiness.SIGNED, readiness.ONE_KEY}
HOST = {
    "broker connected",
    "broker syncs every write",
    "channels are read live",
    "the rules of channels are known",
    "the copy is what the log makes",
    "background tasks run",
    "there is room on the disks",
}


@given(st.sets(st.sampled_from(sorted(ELSEWHERE | REPORTED | HOST))))
def test_a_proxy_turns_away_only_from_what_another_gateway_does_better(failing: set[str]) -> None:
    checks = [
        Check(name=name, ok=name not in failing, detail=f"{name}, and why")
        for name in sorted(ELSEWHERE | REPORTED | HOST)
    ]
    ready, health = readiness_of(checks), health_of(checks)
    assert (ready.status == "ok") == (not failing & ELSEWHERE)
    assert (health.status == "ok") == (not failing - REPORTED)
    assert (health.status == "not ready") == (ready.status == "not ready")
    assert ready.checks == health.checks == tuple(checks)
    told = {each.name: each.reason for each in ready.degraded}
    assert told == {name: f"{name}, and why" for name in failing - ELSEWHERE}
    assert health.degraded == ready.degraded
