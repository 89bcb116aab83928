"""Checks of the records of a log, one after the other, while they are folded.

`RecordChecks.fold` folds a message and checks its opening, signers, date and seen head.
`RecordChecks.results` returns the results for the whole log.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct, UnsetType

from dragoman.audit.replay import Replay
from dragoman.audit.verification_result import (
    SKEW_SECONDS,
    CheckResult,
    CosigningTime,
    ResultCollector,
    by_station,
    format_moment,
)
from dragoman.domain.acts import membership
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.codec import NotARecord, Record, parse
from dragoman.tlog.note import Verifier
from dragoman.tlog.policy import Policy
from dragoman_schemas.fields import or_default

FAR_RECORDS: Final = 1_000
"""The largest distance, in records, between an act and the head that its author saw.

An act over an older head is listed.
"""

BACK_SECONDS: Final = 2.0
"""The largest step by which a record may be dated before the channel's time.

The clocks of two gateways differ; each of them is compared with the broker's clock.
"""

_SHOWN: Final = 5


class KeptChecks(Struct, frozen=True, kw_only=True):
    """The counts of the checks of single records up to a position.

    Only the first few dates and heads are kept, because no more are shown.
    """

    latest: int
    attested: dict[str, int]
    backward_count: int
    backward_dates: tuple[str, ...]
    seen_sizes: dict[str, int]
    old_head_count: int
    old_heads: tuple[str, ...]


class RecordChecks:
    """The checks of single records; a verification calls them in the order of the log.

    `latest` is the position of the record with the latest date so far.
    """

    def __init__(
        self,
        replay: Replay,
        collector: ResultCollector,
        *,
        cid: str,
        log: Verifier | None,
        policy: Policy | None,
        cosigned: Sequence[CosigningTime],
    ) -> None:
        """Check the records that `replay` folds against a cid, a log key and a policy.

        An empty cid, and a log key or policy of None, are not compared.
        """
        self._replay = replay
        self._collector = collector
        self._cid = cid
        self._log = log
        self._policy = policy
        self._bounds = cosigned
        self._bound = 0
        self.latest = 0
        self._attested: Counter[str] = Counter()
        self._backward_count = 0
        self._backward_dates: list[str] = []
        self._seen_sizes: dict[str, int] = {}
        self._old_head_count = 0
        self._old_heads: list[str] = []
        self.signers: dict[str, array[int]] = {}
        self._signed_before: Callable[[str], Iterable[int]] = lambda keyid: ()

    def go_on(self, base: KeptChecks, signed_before: Callable[[str], Iterable[int]]) -> None:
        """Go on from the counts of a kept audit, and check its opening again.

        `signed_before` gives the positions up to there that a key signed.
        """
        self.latest, self._attested = base.latest, Counter(base.attested)
        self._backward_count, self._backward_dates = base.backward_count, [*base.backward_dates]
        self._seen_sizes = dict(base.seen_sizes)
        self._old_head_count, self._old_heads = base.old_head_count, [*base.old_heads]
        self._signed_before = signed_before
        self._check_opening(void=False)

    def counts(self) -> KeptChecks:
        """Return the counts, for an audit that goes on from here."""
        return KeptChecks(
            latest=self.latest,
            attested=dict(self._attested),
            backward_count=self._backward_count,
            backward_dates=tuple(self._backward_dates[:_SHOWN]),
            seen_sizes=self._seen_sizes,
            old_head_count=self._old_head_count,
            old_heads=tuple(self._old_heads[:_SHOWN]),
        )

    def fold(self, message: bytes | Record) -> None:
        """Fold the next message and check its record; report an inconsistency."""
        before = self._replay.standing.state.time
        record = message if isinstance(message, Record) else _parsed(message)
        self._replay.take([message if record is None else record])
        position = self._replay.standing.state.position
        if self._replay.standing.state.time > before:
            self.latest = position
        void = position in self._replay.void
        if not void and record is not None:
            self._check_record(record, before)
        if position == 1:
            self._check_opening(void=void)
        if self._replay.unproven:
            self._check_withheld(position, record)

    def _check_withheld(self, position: int, record: Record | None) -> None:
        """Report a withheld record whose erasure was due by this position.

        Only an effective erasure of the record proves an entry. Another record proves
        nothing, nor does a void erasure.
        """
        withheld = min(
            (at for at, by in self._replay.unproven.items() if by <= position), default=0
        )
        if not withheld:
            return
        by = self._replay.unproven[withheld]
        what = (
            f"the erasure at {by} that names it is without effect: "
            f"{self._replay.void.get(position, '')}"
            if record is not None and record.name == "erasure"
            else f"the record at {by} is not an erasure of it"
        )
        evidence = (
            f"the entry at that position, and the record at {by}: anyone who keeps the "
            "record itself can show it"
        )
        self._collector.report("erasure", withheld, f"the record is withheld, and {what}", evidence)

    def _check_opening(self, *, void: bool) -> None:
        """Check that position 1 is a genesis of every side, with the expected cid.

        The genesis must also name the expected log key.
        """
        registry = self._replay.standing.state.registry
        if void or registry is None:
            self._collector.report(
                "opening",
                1,
                "position 1 is not a genesis that every side signed: this is not a channel",
                "the message at position 1",
            )
        elif self._cid and registry.cid != self._cid:
            what = (
                f"this is the channel {registry.cid}, and not {self._cid}: another opening "
                "under the same name"
            )
            self._collector.report(
                "opening", 1, what, "the two genesis records: who signed both opened two logs"
            )
        elif self._log is not None and log_of(registry).first != self._log:
            self._collector.report(
                "opening",
                1,
                "the genesis names another log key than the one that was given",
                "the genesis record",
            )
        elif self._policy is not None and log_of(registry).first not in self._policy.logs.values():
            self._collector.report(
                "opening",
                1,
                "the genesis names another log key than the policy that was given",
                "the genesis record, and your policy",
            )

    def _check_record(self, record: Record, before: str) -> None:
        """Check the seen head, the signers and the date of a valid record.

        `before` is the channel's time before the record.
        """
        self._check_seen(record)
        position = self._replay.standing.state.position
        keyids = [keyid for keyid, _ in record.verified] or [*membership.signer_ids(record)]
        for keyid in keyids:
            self.signers.setdefault(keyid, array("Q")).append(position)
        kind = "services" if record.side == "service" else record.envelope.attestation
        self._attested[kind] += 1
        if self._is_signed_for(record, keyids):
            self._attested["station"] += 1
        if self._bounds:
            self._check_bounds(record.envelope.time)
        if before and record.envelope.time < before:
            self._backward_count += 1
            behind = (
                datetime.fromisoformat(before) - datetime.fromisoformat(record.envelope.time)
            ).total_seconds()
            if behind > BACK_SECONDS:
                self._backward_dates.append(
                    f"{position} is dated {behind:.1f} s before the channel's time"
                )

    def _is_signed_for(self, record: Record, keyids: Iterable[str]) -> bool:
        """Return whether a station signed a valid record for an officer."""
        registry, envelope = self._replay.standing.state.registry, record.envelope
        if registry is None or not isinstance(envelope.signatures, str):
            return False
        keys = [key for keyid in keyids if (key := registry.keys.get(keyid)) is not None]
        if not any(key.kept_by for key in keys):
            return False
        officers = (envelope.actor, or_default(envelope.releasedby, ""))
        return bool(membership.signed_for(registry, envelope.signatures, officers))

    def _check_bounds(self, time: str) -> None:
        """Check a record's date against the two cosignatures between which it came.

        They are cosignatures of the reader's own witness.
        """
        position, when = (
            self._replay.standing.state.position,
            datetime.fromisoformat(time).timestamp(),
        )
        while self._bound < len(self._bounds) and self._bounds[self._bound].size < position:
            self._bound += 1
        lacking = self._bounds[self._bound - 1] if self._bound else None
        having = self._bounds[self._bound] if self._bound < len(self._bounds) else None
        if having is not None and when > having.time + SKEW_SECONDS:
            what = (
                f"it is dated {time}, and your witness cosigned a head that has it at "
                f"{format_moment(having.time)}: it is dated ahead"
            )
        elif lacking is not None and when < lacking.time - SKEW_SECONDS:
            what = (
                f"it is dated {time}, and your witness cosigned a head without it at "
                f"{format_moment(lacking.time)}: it is dated back"
            )
        else:
            return
        self._collector.report(
            "times",
            position,
            what,
            "the record, and the heads that your witness cosigned; no signed head has the "
            "record yet",
        )

    def _check_seen(self, record: Record) -> None:
        """List an act over an old head, or an older one than its author saw before.

        Such an act may have been held back.
        """
        signed = record.data.signed
        if isinstance(signed, UnsetType):
            return
        position, before = (
            self._replay.standing.state.position,
            self._seen_sizes.get(record.envelope.actor, 0),
        )
        if signed.seen.size < before or position - signed.seen.size > FAR_RECORDS:
            self._old_head_count += 1
            after = f", after one of {before} by the same author"
            self._old_heads.append(
                f"{position} was signed over a head of {signed.seen.size} records"
                + (after if signed.seen.size < before else "")
            )
        self._seen_sizes[record.envelope.actor] = max(before, signed.seen.size)

    def disputed(self) -> Iterator[tuple[int, str]]:
        """Yield the acts signed with keys reported as stolen: position and key."""
        registry = self._replay.standing.state.registry
        for keyid, key in {} if registry is None else registry.keys.items():
            if key.suspect_from is not None:
                whose = (
                    f"a key of {key.owner}, which ended at {key.until} and is held for "
                    f"stolen from {key.suspect_from} on"
                )
                signed = (*self._signed_before(keyid), *self.signers.get(keyid, ()))
                yield from (
                    (position, whose) for position in signed if membership.is_suspect(key, position)
                )

    def results(self) -> tuple[CheckResult, ...]:
        """Return the results of the checks from the opening to the disputed acts."""
        state = self._replay.standing.state
        registry = state.registry
        trial = registry is not None and registry.custody == "host"
        text = (
            "the one that was asked for"
            if self._cid
            else "NOT compared: give --cid from your own side's notes"
        )
        disputed_count = sum(1 for _ in self.disputed())
        numbers = sum(state.tally.values())
        erased = (
            f", {len(self._replay.erased)} erased by the consent of every side"
            if self._replay.erased
            else ""
        )
        owner = (
            "the host's, which keeps the keys of all sides: a trial"
            if trial
            else "the sides' own keys"
        )
        return (
            CheckResult(
                check="opening", found=f"signed by every side's root; the cid is {text}", word=owner
            ),
            CheckResult(
                check="records",
                found=f"{state.position}, each judged by the tables at its position; "
                f"{len(self._replay.void)} void{erased}",
                word="these bytes' own",
            ),
            CheckResult(
                check="signatures",
                found=f"{self._attested['author']} acts signed by their authors"
                f"{by_station(self._attested['station'])}, "
                f"{self._attested['host']} attested only by the host, "
                f"{self._attested['services']} of services",
                word=f"{owner}; of what the host attests, the host's",
            ),
            CheckResult(
                check="numbers", found=f"{numbers}, counted without a gap", word="these bytes' own"
            ),
            CheckResult(
                check="times",
                found=f"{self._backward_count} records behind the channel's time"
                + "".join(f"; {date}" for date in self._backward_dates[:_SHOWN]),
                word="the host's clock",
            ),
            CheckResult(
                check="seen",
                found=f"{self._old_head_count} acts signed over an older head than was to be "
                "expected" + "".join(f"; {head}" for head in self._old_heads[:_SHOWN]),
                word="the authors'; the host may have held them back",
            ),
            *(
                (
                    CheckResult(
                        check="disputed",
                        found=f"{disputed_count} acts by keys that are held for stolen",
                        word="theirs who say so",
                    ),
                )
                if disputed_count
                else ()
            ),
        )


def _parsed(raw: bytes) -> Record | None:
    """Return the record of a message; None for junk."""
    try:
        return parse(raw)
    except NotARecord:
        return None
