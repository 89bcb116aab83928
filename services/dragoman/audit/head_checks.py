"""Checks of a log's signed head: its signature, root, cosignatures, policy and age.

`HeadChecks.check` compares one head with the records that were taken.
`HeadChecks.signed` is then the number of records that the head covers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from dragoman.audit.leaf_hashes import LeafHashes
from dragoman.audit.record_checks import RecordChecks
from dragoman.audit.replay import Replay
from dragoman.audit.verification_result import (
    SKEW_SECONDS,
    CheckResult,
    LogInconsistent,
    ResultCollector,
    format_moment,
)
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.log_policy import log_of
from dragoman.tlog import checkpoint
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.difference import LeafDifference, first_difference
from dragoman.tlog.merkle import Nodes, leaf_hash
from dragoman.tlog.note import NotANote, Note, Verifier
from dragoman.tlog.policy import Policy
from dragoman_schemas.state import Registry

_SHOWN: Final = 5


class HeadChecks:
    """The checks of a signed head against the records that a verification took.

    `signed` is the number of records under the head, once all checks of the head
    passed.
    """

    def __init__(
        self,
        replay: Replay,
        leaves: LeafHashes,
        records: RecordChecks,
        collector: ResultCollector,
        *,
        log: Verifier | None,
        witnesses: Sequence[Verifier],
        policy: Policy | None,
        not_before: int,
    ) -> None:
        """Check heads with a log key, witnesses and a policy, if they are not empty.

        `not_before`, in seconds of Unix time, is the age limit of a cosignature.
        """
        self._replay = replay
        self._leaves = leaves
        self._records = records
        self._collector = collector
        self._log = log
        self._witnesses = witnesses
        self._policy = policy
        self._not_before = not_before
        self.signed = 0

    def check(
        self,
        signed: bytes | None,
        *,
        whole: bool,
        sources: Callable[[int], Sequence[Nodes]],
    ) -> None:
        """Check a signed head, or its absence, against all records that were taken.

        If the log is not `whole` yet, more records are to come, and a head over the
        last of them. `sources` returns the hashes that came with the records, for a
        head of that size: they lead to the first record that is not the signed one.
        """
        size = self._leaves.size
        if not size:
            self._collector.report(
                "opening", 0, "there are no records, not even an opening", "what was given as a log"
            )
        log = self._log_key
        if not size or log is None:
            return
        if signed is None:
            if not self._are_withheld(whole=whole):
                self._report_no_head()
            return
        try:
            head, signatures = checkpoint.read_signed(signed, log)
        except NotANote as error:
            self._collector.overrule(
                LogInconsistent(
                    check="head",
                    position=0,
                    what=f"the signed head is none of this log: {error}",
                    evidence=f"the head as it was given: {self._collector.changed}",
                )
            )
            return
        if (
            not self._is_signed(head, sources)
            or self._are_withheld(whole=whole)
            or self._collector.lie is not None
        ):
            return
        self._check_cosignatures(head, signatures, whole=whole)

    @property
    def _log_key(self) -> Verifier | None:
        """The expected key of heads, with those of the handovers in these records.

        It is the reader's, or else the one in the opening.
        """
        registry = self._replay.standing.state.registry
        log = None if registry is None else log_of(registry)
        return log if self._log is None or (log and log.first == self._log) else self._log

    def _are_withheld(self, *, whole: bool) -> bool:
        """Return whether records are withheld whose announced erasures did not come."""
        if self._collector.lie is not None or not whole or not self._replay.unproven:
            return False
        withheld = min(self._replay.unproven)
        what = (
            f"the record is withheld, and the erasure at {self._replay.unproven[withheld]} "
            "that was shown for it did not come"
        )
        self._collector.report(
            "erasure", withheld, what, "the entry at that position, and the log as it was given"
        )
        return True

    def _is_signed(self, head: Checkpoint, sources: Callable[[int], Sequence[Nodes]]) -> bool:
        """Return whether the head is of these records.

        Otherwise report the first record that is not the signed one.
        """
        size = self._leaves.size
        if head.size <= size and self._leaves.root(head.size) == head.root:
            self._accuse_host(head)
            return True
        leaves = self._leaves.hashes()
        kept_entries = self._leaves.entries
        entries = [
            leaf_hash(entry) if (entry := kept_entries.get(at)) is not None else data
            for at, data in enumerate(leaves, 1)
        ]
        difference = first_difference(head.size, head.root, [leaves, entries], sources(head.size))
        # Without a difference these are the signed bytes, but entries stand for some records.
        if difference is None:
            as_read = first_difference(head.size, head.root, [leaves], sources(head.size))
            first = 0 if as_read is None else as_read.first
            self._collector.overrule(
                _unnamed(
                    [at for at in kept_entries if at > first and leaves[at - 1] != entries[at - 1]]
                )
            )
        elif difference.first == 0 and self._log is not None:
            self._collector.lie = self._differing(head, difference, leaves)
        else:
            self._collector.overrule(self._differing(head, difference, leaves))
        return False

    def _accuse_host(self, head: Checkpoint) -> None:
        """Change the evidence for a false date under the head: the host has signed it.

        The host can be accused only of what its key has signed.
        """
        lie = self._collector.lie
        if lie is not None and lie.check == "times" and lie.position <= head.size:
            evidence = (
                "the record under the signed head, and the heads that your witness "
                "cosigned: if its clock was right they convict the host"
            )
            self._collector.lie = LogInconsistent(
                check=lie.check, position=lie.position, what=lie.what, evidence=evidence
            )

    def _differing(
        self, head: Checkpoint, difference: LeafDifference, leaves: Sequence[bytes]
    ) -> LogInconsistent:
        """Return the inconsistency of the first record that is not the signed one."""
        size, position = len(leaves), difference.first + 1
        counted = (
            "" if size == head.size else f"; {head.size} records were signed, and {size} are here"
        )
        if difference.first == size:
            what = f"the records from here on are missing{counted}: the log was cut off"
        elif difference.first != difference.last:
            what = (
                f"of the records from {position} to {difference.last + 1} at least one is "
                f"not the one that was signed, or is missing{counted}"
            )
            what += "; nothing that came with them shows which is the first"
            return LogInconsistent(
                check="records", position=0, what=what, evidence=self._collector.changed
            )
        elif position in self._leaves.entries:
            what = f"the entry of a record here is not the one that was signed{counted}"
        else:
            what = f"the record is not the one that was signed here{counted}"
        return LogInconsistent(
            check="records", position=position, what=what, evidence=self._collector.changed
        )

    def _check_cosignatures(self, head: Checkpoint, signatures: Note, *, whole: bool) -> None:
        """Check the cosignatures under a head of these records.

        Records after a head of a whole log are an inconsistency, too.
        """
        registry, size = self._replay.standing.state.registry, self._leaves.size
        if registry is None:
            return
        try:
            wanting = missing_cosignatures(signatures, self._witnesses, self._policy, 0)
            stale = missing_cosignatures(
                signatures, self._witnesses, self._policy, self._not_before
            )
            cosigned = _cosigned(
                signatures,
                [*self._witnesses, *(self._policy.witnesses.values() if self._policy else ())],
            )
            final = _final(registry, signatures)
        except NotANote as error:
            self._collector.report(
                "head",
                0,
                f"a cosignature under the signed head is wrong: {error}",
                f"the head as it was given: {self._collector.changed}",
            )
            return
        if whole and head.size < size:
            what = (
                f"{size - head.size} records at the end are under no signed head: the side that "
                "gave them can deny them"
            )
            self._collector.report(
                "head", head.size + 1, what, "what was given; ask for a head of all of them"
            )
        elif wanting:
            what = (
                f"{', '.join(wanting)} cosigned no head of {head.size} records: whether "
                "others are shown another one cannot be told"
            )
            self._collector.report(
                "head", 0, what, "the signed head, and the newest one that the witness has itself"
            )
        elif stale:
            newest = format_moment(max(cosigned.values()))
            what = (
                f"the newest cosignature under the head is of {newest}, and none of "
                f"{', '.join(stale)} is as new as was asked for: "
                "what came since is kept back, or the witness is away"
            )
            self._collector.report(
                "freshness",
                0,
                what,
                "the head; ask the witness for the newest one that it has itself",
            )
        else:
            self._check_ahead(head.size, cosigned)
            self._accept_head(head.size, final, cosigned)

    def _report_no_head(self) -> None:
        """Report that there is no signed head, if the reader expected one.

        Otherwise add that nothing but the bytes themselves speaks for the records.
        """
        lie = self._collector.lie
        if self._log is not None or self._witnesses or self._policy is not None:
            what = "no signed head is here: whether the log was cut off or changed cannot be told"
            self._collector.overrule(
                LogInconsistent(
                    check="head",
                    position=0,
                    what=what,
                    evidence=f"the records that were given: {self._collector.changed}",
                )
            )
        elif lie is None:
            self._collector.results.append(
                CheckResult(
                    check="head",
                    found="no head was signed",
                    word="nobody's: nothing but these bytes speaks for them",
                )
            )
        elif lie.check != "opening":
            evidence = (
                f"{lie.evidence}; no signed head shows that these are the bytes that were signed"
            )
            self._collector.lie = LogInconsistent(
                check=lie.check, position=lie.position, what=lie.what, evidence=evidence
            )

    def _handovers(self) -> list[CheckResult]:
        """Return the handovers of the log to other keys, which every side signed."""
        registry = self._replay.standing.state.registry
        return [
            CheckResult(
                check="handover",
                found=f"from record {item.since} on the heads are signed with {item.key}"
                + (f", at {item.host_url}" if item.host_url else ""),
                word="root or an administrator of every side, whose signatures were verified",
            )
            for item in (() if registry is None else registry.handovers)
        ]

    def _check_ahead(self, size: int, cosigned: Mapping[str, int]) -> None:
        """Report a record that is dated after the cosignature of a head that has it."""
        state = self._replay.standing.state
        first = min(cosigned.values(), default=0)
        if (
            not cosigned
            or size < state.position
            or datetime.fromisoformat(state.time).timestamp() <= first + SKEW_SECONDS
        ):
            return
        name = min(cosigned, key=lambda text: cosigned[text])
        what = (
            f"a record is dated {state.time}, and {name} cosigned a head that has it at "
            f"{format_moment(first)}: it is dated ahead"
        )
        evidence = (
            "the record, and the cosigned head: if the witness's clock was right they "
            "convict the host"
        )
        self._collector.report("times", self._records.latest, what, evidence)

    def _accept_head(
        self, size: int, final: list[CheckResult], cosigned: Mapping[str, int]
    ) -> None:
        """Add the results of a head that passed all checks."""
        beyond = self._replay.standing.frontier.size - size
        after = f"; {beyond} came after it, under no signed head yet" if beyond else ""
        names = ", ".join(
            [
                *(witness.name for witness in self._witnesses),
                *(["the quorum of the policy given"] if self._policy else []),
            ]
        )
        text = (
            f"cosigned by {names}, which cosigns one branch and no other"
            if names
            else "no witness was named, so others may be shown another one"
        )
        word = f"the host's signature, which binds it to these bytes; {text}"
        self._collector.results.append(
            CheckResult(check="head", found=f"of {size} records, and of these{after}", word=word)
        )
        self._collector.results += [*final, *_fresh(cosigned), *self._handovers()]
        self.signed = size


def _unnamed(positions: Sequence[int]) -> LogInconsistent:
    """Return the inconsistency of entries without a record, which no erasure names."""
    text = ", ".join(str(position) for position in positions[:_SHOWN]) + (
        ", …" if len(positions) > _SHOWN else ""
    )
    what = (
        "there is an entry where a record was signed for, and no erasure names it: the record is "
        "withheld"
        if len(positions) == 1
        else f"there are entries where records were signed for, at {text}, and no erasure names "
        "them: either the records are withheld, or their erasure is"
    )
    return LogInconsistent(
        check="erasure",
        position=positions[0],
        what=what,
        evidence="the entry: anyone who keeps the record itself can show it",
    )


def missing_cosignatures(
    head: Note, witnesses: Sequence[Verifier], policy: Policy | None, not_before: int
) -> list[str]:
    """Return the witnesses of a reader that have not cosigned a head, or not lately.

    A cosignature before `not_before`, in seconds of Unix time, does not count. Raises
    `NotANote` if a cosignature is not valid.
    """
    wanting = [
        witness.name
        for witness in witnesses
        if (line := head.signed_by(witness)) is None or line.time < not_before
    ]
    if policy is not None:
        note_signatures = {
            name: head.signed_by(witness) for name, witness in policy.witnesses.items()
        }
        witnessed = frozenset(
            name
            for name, line in note_signatures.items()
            if line is not None and line.time >= not_before
        )
        if not policy.satisfied(witnessed):
            wanting.append("the quorum of the policy given")
    return wanting


def _cosigned(head: Note, witnesses: Iterable[Verifier]) -> dict[str, int]:
    """Return the times at which witnesses have cosigned a head, by their names."""
    note_signatures = {witness.name: head.signed_by(witness) for witness in witnesses}
    return {
        name: signature.time for name, signature in note_signatures.items() if signature is not None
    }


def _fresh(cosigned: Mapping[str, int]) -> Iterator[CheckResult]:
    """Yield the time of each witness's cosignature: this was the head at that time."""
    for name, time in cosigned.items():
        yield CheckResult(
            check="freshness",
            found=f"cosigned at {format_moment(time)}",
            word=f"the clock of {name}",
        )


def _final(registry: Registry, head: Note) -> list[CheckResult]:
    """Return whether a head is final by the witness policy that this log names.

    The sides have agreed on the policy. The list is empty without one. Raises
    `NotANote` if a cosignature is not valid.
    """
    policy = log_policy.in_force(registry)
    if policy is None:
        return []
    witnessed = policy.witnessed(head)
    by = [side.name for side in registry.sides if policy.satisfied(witnessed, side.name)]
    text = (
        "final"
        if policy.satisfied(witnessed)
        else f"countersigned by {' and '.join(by)}, not final"
        if by
        else "not countersigned"
    )
    return [
        CheckResult(
            check="policy",
            found=text,
            word="the witnesses whom the sides named in this log: hold their keys against your "
            "own notes",
        )
    ]
