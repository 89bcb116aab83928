"""The checks of an evidence file, as `dragoman audit verify` prints them."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from dragoman.audit.head_checks import missing_cosignatures
from dragoman.audit.verification_result import CheckResult, by_station
from dragoman.domain.evidence import EvidenceRefuted, ProvedEvidence, verify
from dragoman.text import sentence
from dragoman.tlog import note
from dragoman.tlog.note import Verifier
from dragoman.tlog.policy import Policy
from dragoman_schemas.evidence import EvidenceFile

_UNSHOWN = (
    "that nothing was left out: a later record may have corrected one of these, or revoked a key; "
    "that each record was allowed at its position; the number of the exchange; that anybody has "
    "read the records"
)


class VerifiedEvidence(Struct, frozen=True, kw_only=True):
    """The result of the verification of an evidence file: its content, and each check.

    `positions` are the records of the exchange. `disputed` are those of them that a key
    signed which its side reports as stolen.
    """

    channel: str
    cid: str
    log: str
    exchange: str
    size: int
    positions: tuple[int, ...]
    disputed: tuple[int, ...]
    findings: tuple[CheckResult, ...]


def check_evidence(
    evidence: EvidenceFile,
    *,
    cid: str,
    log: Verifier | None,
    witnesses: Sequence[Verifier] = (),
    policy: Policy | None = None,
    not_before: int = 0,
) -> VerifiedEvidence:
    """Verify an evidence file, and the cosignatures that a reader requires.

    `not_before` is in seconds of Unix time: an older cosignature does not count. Raises
    `EvidenceRefuted`.
    """
    if log is None and policy is not None and len(policy.logs) == 1:
        (log,) = policy.logs.values()
    proved = verify(evidence, log=log, cid=cid)
    missing = missing_cosignatures(
        note.read(evidence.checkpoint.encode()), witnesses, policy, not_before
    )
    if missing:
        raise EvidenceRefuted(
            sentence("not cosigned, or not lately, by %(names)s", names=", ".join(missing))
        )
    messages = tuple(item for item in proved.records if item.belongs)
    return VerifiedEvidence(
        channel=proved.channel,
        cid=proved.cid,
        log=proved.log,
        exchange=proved.exchange,
        size=proved.size,
        positions=tuple(item.position for item in messages),
        disputed=tuple(item.position for item in messages if item.is_disputed),
        findings=tuple(_findings(proved, has_cid=bool(cid), has_log=log is not None)),
    )


def _findings(proved: ProvedEvidence, *, has_cid: bool, has_log: bool) -> Iterator[CheckResult]:
    counts = dict.fromkeys(("author", "trial", "host", "service"), 0)
    for item in proved.records:
        counts[item.word] += 1
    yield CheckResult(
        check="opening",
        found=f"signed by the roots of {', '.join(proved.sides)}; the cid is "
        + ("the one that was asked for" if has_cid else "NOT compared: give --cid"),
        word="your own notes" if has_cid else "this file's own",
    )
    yield CheckResult(
        check="head",
        found=f"of {proved.size} records; the log key is "
        + ("the one that was asked for" if has_log else "NOT compared: give --log"),
        word="your own notes" if has_log else "this file's own",
    )
    yield CheckResult(
        check="records",
        found=f"{len(proved.records)}, each in the tree of the head",
        word="the key of the log",
    )
    yield CheckResult(
        check="signatures",
        found=f"{counts['author']} acts signed by their authors"
        f"{by_station(sum(bool(item.signed_for) for item in proved.records))}, "
        f"{counts['trial']} by keys that "
        f"the host keeps, {counts['host']} attested only by the host, {counts['service']} of "
        "services",
        word="the host's: a trial"
        if counts["trial"]
        else "the sides' own keys; of what the host attests, the host's",
    )
    missing = sorted({*proved.witnesses} - {*proved.cosigned_by})
    yield CheckResult(
        check="witnesses",
        found="the sides have named none"
        if not proved.witnesses
        else f"cosigned by {', '.join(proved.cosigned_by) or 'none'}"
        + (f"; not by {', '.join(missing)}" if missing else ""),
        word="the witnesses of the sides" if proved.is_final else "the host",
    )
    yield CheckResult(check="not shown", found=_UNSHOWN, word="")
