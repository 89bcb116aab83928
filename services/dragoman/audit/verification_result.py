"""Results of a verification: the checks that passed, and the first inconsistency.

The checks of `dragoman.audit.verification` share one `ResultCollector`. It keeps the
first inconsistency, and the results that the last checks add while they pass.
"""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

SKEW_SECONDS: Final = 10.0
"""The largest difference between the host's clock and the clock of a witness."""

CARRIED: Final = (
    "this copy was changed after it was signed, or never was what was signed; its carrier "
    "may have changed it, "
    "so that it convicts nobody: compare it with another copy (`dragoman audit compare`)"
)
SERVED: Final = (
    "what the gateway gave, and its signed head: the head shows that this is not what was "
    "signed, and not who changed it, the host or somebody "
    "on the way, so that it convicts nobody: ask once more, and compare with another copy "
    "(`dragoman audit compare`)"
)


class CheckResult(Struct, frozen=True, kw_only=True):
    """The result of one check that passed, and the party on whose word it rests."""

    check: str
    found: str
    word: str


def by_station(count: int) -> str:
    """Return the words for those signatures of authors that their station made."""
    return f", {count} of them by a station for its officers" if count else ""


class LogInconsistent(Struct, frozen=True, kw_only=True):
    """An inconsistency of a log: the check, the position, and the evidence to keep.

    `evidence` also says whom it convicts, if anybody. The position is 0 if the
    inconsistency is in no record, or if the record cannot be determined.
    """

    check: str
    position: int
    what: str
    evidence: str


class Verified(Struct, frozen=True, kw_only=True):
    """The result of a verification; `lie` is None if the log is consistent.

    `void` lists the records without effect. `disputed` lists each act that was signed
    with a key whose side reports it as stolen. `newer` says from where the log goes on
    by rules that this program lacks: what follows was hashed, and not judged.
    """

    channel: str
    cid: str
    position: int
    digest: str
    findings: tuple[CheckResult, ...]
    lie: LogInconsistent | None = None
    void: tuple[str, ...] = ()
    disputed: tuple[str, ...] = ()
    newer: str = ""


class CosigningTime(Struct, frozen=True, kw_only=True, array_like=True):
    """The time at which a reader's own witness cosigned a head of `size` records.

    `time` is in seconds of Unix time.
    """

    size: int
    time: int


class ResultCollector:
    """A collector of results that all checks of one verification share.

    `lie` is the first inconsistency. `results` are the results of the checks after the
    records. `changed` is the evidence against bytes that differ from the signed ones.
    """

    def __init__(self, changed: str) -> None:
        """Begin without any result."""
        self.changed = changed
        self.lie: LogInconsistent | None = None
        self.results: list[CheckResult] = []

    def report(self, check: str, position: int, what: str, evidence: str) -> None:
        """Keep an inconsistency, unless an earlier one is known."""
        if self.lie is None:
            self.lie = LogInconsistent(check=check, position=position, what=what, evidence=evidence)

    def overrule(self, lie: LogInconsistent) -> None:
        """Keep an inconsistency of the signed head in place of what the records say.

        Only an inconsistency of the opening is kept: then this is another channel.
        """
        if self.lie is None or self.lie.check != "opening":
            self.lie = lie


def format_moment(time: int) -> str:
    """Return a time in seconds of Unix time as text in UTC."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%SZ}"
