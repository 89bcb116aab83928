"""Readiness and health: two questions about a process, and two answers.

    GET /readyz     shall requests be sent to this process?     for proxies and probes
    GET /healthz    is all well?                                for monitors and people

    readiness_of(checks)     503 only where another process would serve better
    health_of(checks)        503 also for what is wrong with the host as a whole

A state of the host is the same at all its gateways. If they all were not ready for it,
a proxy would send nobody anywhere, and reading would end too (decision 0073).
"""

from collections.abc import Sequence
from typing import Final, Literal

from dragoman_schemas.host_responses import Check, Degradation, Health

STARTED: Final = "the service has started"
STAYS: Final = "the service is not stopping"
PLACED: Final = "data are in their place"
READABLE: Final = "the copy can be read"
WRITTEN: Final = "the copy is written"
IN_TIME: Final = "this process keeps up with the log"
SIGNED: Final = "heads are signed"
ONE_KEY: Final = "channels have the host's log key"
"""Conditions of a service, as `/readyz` and `/healthz` name them."""

_ELSEWHERE: Final = frozenset({STARTED, STAYS, PLACED, READABLE, WRITTEN, IN_TIME})
"""The conditions of this process alone: another one would serve a request better.

All others are states of the host. No process serves better, so none is left out.
"""
_REPORTED: Final = frozenset({SIGNED, ONE_KEY})
"""Conditions that are reported, and without which the service is well all the same.

Posts are accepted and stored without a signed head.
"""


def readiness_of(checks: Sequence[Check]) -> Health:
    """Return whether requests should be sent to this process (`/readyz`)."""
    return _answer(checks, is_ready=_is_ready(checks), otherwise="not ready")


def health_of(checks: Sequence[Check]) -> Health:
    """Return whether all is well (`/healthz`)."""
    is_well = all(check.ok for check in checks if check.name not in _REPORTED)
    return _answer(
        checks, is_ready=is_well, otherwise="degraded" if _is_ready(checks) else "not ready"
    )


def _is_ready(checks: Sequence[Check]) -> bool:
    return all(check.ok for check in checks if check.name in _ELSEWHERE)


def _answer(
    checks: Sequence[Check], *, is_ready: bool, otherwise: Literal["degraded", "not ready"]
) -> Health:
    degraded = tuple(
        Degradation(name=check.name, reason=check.detail)
        for check in checks
        if not check.ok and check.name not in _ELSEWHERE
    )
    return Health(status="ok" if is_ready else otherwise, checks=tuple(checks), degraded=degraded)
