"""Proofs that an endpoint reaches somebody, each by a test.

    asked       by an officer's button, or by the month
    sent        by the notifier, with a code that nobody else knows
    arrived     its receiver has confirmed the code; for a webhook, its answer is enough

A code is valid for a day. It begins with the endpoint's id, by which it is looked up.
The code of a spoken test is ten digits, which its receiver can write down.
A proof counts until the next test and some days more.
"""

import hashlib
import secrets
import string
import time
from typing import Final

from msgspec.structs import replace

from dragoman.stores.endpoints import ReachProof
from dragoman.text import Text, packed

CODE_SECONDS: Final = 86_400.0
DAYS_TO_REPEAT: Final = 5
"""The days after the next test is due in which a proof still counts.

Tests wait for office hours, and one that nobody confirmed is repeated by hand.
"""

_DAYS_WITHOUT_TESTS: Final = 30
_PREFIX: Final = 6
_CODE_BYTES: Final = 6
"""The random bytes of a code."""

_DIGITS: Final = 10


def days_counted(proof_days: int) -> int:
    """Return the days for which a proof counts, if each way is tested so often.

    `proof_days` is 0 where no test comes by itself. A proof then counts as long as with
    a test a month.
    """
    return (proof_days or _DAYS_WITHOUT_TESTS) + DAYS_TO_REPEAT


def new_code(endpoint: str, *, spoken: bool = False) -> str:
    """Return a code for a test of an endpoint, which is random."""
    if spoken:
        return "".join(secrets.choice(string.digits) for _ in range(_DIGITS))
    return f"{endpoint[:_PREFIX]}{secrets.token_hex(_CODE_BYTES)}"


def is_of(endpoint: str, code: str, *, spoken: bool = False) -> bool:
    """Return whether a code may be of a test of the endpoint."""
    if spoken:
        return len(code) == _DIGITS and code.isascii() and code.isdigit()
    return code[:_PREFIX] == endpoint[:_PREFIX]


def _digest_of(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def matches(proof: ReachProof, code: str, now: float) -> bool:
    """Return whether a code is that of the newest test, and is still valid."""
    return proof.code == _digest_of(code) and now - proof.sent_at < CODE_SECONDS


def request(proof: ReachProof, by: str, id: str) -> tuple[ReachProof, str]:
    """Return the test of an endpoint after it was asked for, and its id."""
    return replace(proof, asked=id, asked_at=time.time(), asked_by=by), id


def claimed(proof: ReachProof, *, code: str, test: str) -> tuple[ReachProof, bool]:
    """Return the test as it is being sent, and whether this notifier sends it.

    Another notifier may have been faster. `test` is empty for the month's test.
    """
    now = time.time()
    if proof.asked != test or (not test and now - proof.sent_at < CODE_SECONDS):
        return proof, False
    return replace(
        proof,
        asked="",
        asked_at=proof.asked_at if test else now,
        asked_by=proof.asked_by if test else "service/courier",
        sent_at=now,
        code=_digest_of(code),
        ok=False,
        answer="",
        arrived_at=0.0,
    ), True


def tried(
    proof: ReachProof, *, code: str, ok: bool, answered: Text | None, proves: bool
) -> tuple[ReachProof, None]:
    """Return the test after the try.

    A receiver whose answer `proves` that it arrived needs no confirmation.
    """
    if proof.code != _digest_of(code):
        return proof, None  # Another test was sent meanwhile.
    arrived_at = time.time() if ok and proves else proof.arrived_at
    return replace(
        proof,
        ok=ok or bool(proof.arrived_at),
        answer="" if answered is None or proof.arrived_at else packed(answered),
        arrived_at=arrived_at,
        proven=max(proof.proven, arrived_at),
    ), None


def arrived(proof: ReachProof) -> tuple[ReachProof, float]:
    """Return the test after its confirmation, and the time of the first one."""
    moment = proof.arrived_at or time.time()
    return replace(
        proof, ok=True, answer="", arrived_at=moment, proven=max(proof.proven, moment)
    ), moment
