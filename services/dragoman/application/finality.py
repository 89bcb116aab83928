"""Finality: how far each log is countersigned by witnesses, and how far it is final.

    recorded         the record is in the log, durably, on the host's word
    countersigned    a side's own witnesses have cosigned a head over it
    final            the quorum of the policy in force has cosigned a head over it:
                     nobody can be shown another log in its place

Only a cosignature under a head of the very records that were folded here counts.
"""

import asyncio
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from dragoman.application.pushed_cosignatures import PushedCosignatures
from dragoman.domain.acts import log_policy
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import WAIT_SECONDS
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.stores.signed_heads import SignedHeadStore, StoredHead
from dragoman.tlog import checkpoint
from dragoman.tlog.note import NotANote
from dragoman.tlog.policy import Policy
from dragoman_schemas.responses import Covered, Standing

log = structlog.get_logger()

_FRESH_SECONDS: Final = 0.1


class _Progress(Struct, frozen=True, kw_only=True):
    """The coverage by one policy, from the heads up to a sequence number.

    `seq` is the sequence number in the stream of heads. `read` is the time of the event
    loop's clock at which the heads were read.
    """

    policy: str
    covered: Covered = Covered()
    seq: int = 0
    read: float = float("-inf")


class Coverage:
    """The coverage of every channel's log.

    It is brought up to date when it is asked for.
    """

    def __init__(self, seals: SignedHeadStore, pushed: PushedCosignatures) -> None:
        """Read the heads from a store, and those that stations have pushed."""
        self._seals, self._pushed = seals, pushed
        self._progress: dict[str, _Progress] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def of(self, projection: Projection) -> Covered:
        """Return the coverage of a channel's log.

        It says up to where the log is countersigned and final. If the broker cannot be
        reached, it is the coverage that was last read.
        """
        registry = projection.registry
        policy = log_policy.in_force(registry)
        if policy is None:
            return Covered()
        async with self._turns.setdefault(projection.name, asyncio.Lock()):
            progress = self._progress.get(projection.name)
            if progress is None or progress.policy != registry.policy:
                progress = _Progress(policy=registry.policy)
            now = asyncio.get_running_loop().time()
            if now - progress.read > _FRESH_SECONDS:
                progress = self._progress[projection.name] = replace(
                    await self._read_on(projection, policy, progress), read=now
                )
            return progress.covered

    async def _read_on(
        self, projection: Projection, policy: Policy, progress: _Progress
    ) -> _Progress:
        try:
            sealed = await (
                self._seals.after(projection.name, progress.seq)
                if progress.seq
                else self._seals.newest(projection.name)
            )
            while sealed is not None:
                progress = replace(
                    progress,
                    seq=sealed.seq,
                    covered=await _with(projection, policy, progress.covered, sealed),
                )
                sealed = await self._seals.after(projection.name, progress.seq)
            await self._pushed.refresh()
            cid = projection.registry.cid
            for note in self._pushed.notes(cid):
                head = StoredHead(seq=progress.seq, note=self._pushed.merged(cid, note))
                covered = await _with(projection, policy, progress.covered, head)
                progress = replace(progress, covered=covered)
        except (LogUnreachable, NotYetApplied) as error:
            log.debug("coverage.waits", channel=projection.name, reason=str(error))
        return progress

    async def reached(self, projection: Projection, position: int, seconds: float) -> Standing:
        """Wait until a position is final, and return its standing.

        It waits for at most so many seconds, and not at all if no policy is in force.
        """
        deadline = asyncio.get_running_loop().time() + min(seconds, WAIT_SECONDS)
        while True:
            result = standing(await self.of(projection), position)
            late = asyncio.get_running_loop().time() >= deadline
            if result.proof == "final" or late or not projection.registry.policy:
                return result
            await asyncio.sleep(_FRESH_SECONDS)


async def _with(
    projection: Projection, policy: Policy, covered: Covered, sealed: StoredHead
) -> Covered:
    """Return the coverage with one more head.

    A head that is not of the records that were folded here covers nothing, and is
    logged. Raises `NotYetApplied`.
    """
    try:
        head, signatures = checkpoint.read_signed(
            sealed.note, log_policy.log_of(projection.registry)
        )
        witnessed = policy.witnessed(signatures)
    except NotANote as error:
        log.critical(
            "coverage.no_head",
            channel=projection.name,
            reason=str(error),
            do="keep what is sealed; see docs/operating-faults.md",
        )
        return covered
    if not witnessed:
        return covered
    await projection.in_file(head.size)
    if projection.root(head.size) != head.root:
        log.critical(
            "coverage.other_records",
            channel=projection.name,
            size=head.size,
            do="keep both; see docs/operating-faults.md",
        )
        return covered
    sides = [
        side.name for side in projection.registry.sides if policy.satisfied(witnessed, side.name)
    ]
    further = {side: max(head.size, covered.sides.get(side, 0)) for side in sides}
    final = max(head.size, covered.final) if policy.satisfied(witnessed) else covered.final
    return Covered(final=final, sides={**covered.sides, **further})


def standing(covered: Covered, position: int) -> Standing:
    """Return the standing of a record under the heads."""
    by = tuple(sorted(side for side, upto in covered.sides.items() if upto >= position))
    return Standing(
        proof="final" if position <= covered.final else "countersigned" if by else "recorded",
        countersigned_by=by,
    )
