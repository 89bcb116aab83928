"""How far each log is countersigned: by which sides' witnesses, and up to where by the quorum of the policy in force.

    recorded         it stands in the log, durably, on the host's word
    countersigned    a side's own witnesses have cosigned a head over it
    final            the policy's quorum has: no other log can be shown to anybody in its place

What counts is a cosignature under a head of the very records that were folded here.
"""

import asyncio
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.acts import log_policy
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import WAIT_SECONDS
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.stores.signed_heads import SealedHead, SignedHeadStore
from dragoman.tlog import checkpoint
from dragoman.tlog.note import NotANote
from dragoman.tlog.policy import Policy
from dragoman_schemas.responses import Covered, Standing

log = structlog.get_logger()

_FRESH_SECONDS: Final = 0.1


class _Known(Struct, frozen=True, kw_only=True):
    """What was found by a policy: in the heads up to a sequence of the stream, read at a time of the loop's clock."""

    policy: str
    covered: Covered = Covered()
    seq: int = 0
    read: float = float("-inf")


class Coverage:
    """The coverage of every channel's log, brought up to date when it is asked for."""

    def __init__(self, seals: SignedHeadStore) -> None:
        """Read the heads there."""
        self._seals = seals
        self._known: dict[str, _Known] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def of(self, projection: Projection) -> Covered:
        """Return how far the log is countersigned by now, or as far as is known where the broker cannot be asked."""
        registry = projection.registry
        policy = log_policy.in_force(registry)
        if policy is None:
            return Covered()
        async with self._turns.setdefault(projection.name, asyncio.Lock()):
            known = self._known.get(projection.name)
            if known is None or known.policy != registry.policy:
                known = _Known(policy=registry.policy)
            now = asyncio.get_running_loop().time()
            if now - known.read > _FRESH_SECONDS:
                known = self._known[projection.name] = replace(
                    await self._read_on(projection, policy, known), read=now
                )
            return known.covered

    async def _read_on(self, projection: Projection, policy: Policy, known: _Known) -> _Known:
        try:
            sealed = await (
                self._seals.after(projection.name, known.seq)
                if known.seq
                else self._seals.newest(projection.name)
            )
            while sealed is not None:
                known = replace(
                    known,
                    seq=sealed.seq,
                    covered=await _with(projection, policy, known.covered, sealed),
                )
                sealed = await self._seals.after(projection.name, known.seq)
        except (LogUnreachable, NotYetApplied) as error:
            log.debug("coverage.waits", channel=projection.name, reason=str(error))
        return known

    async def reached(self, projection: Projection, position: int, seconds: float) -> Standing:
        """Wait until a position is final, or for so many seconds; how it stands then. Nothing is waited for where no policy is in force."""
        deadline = asyncio.get_running_loop().time() + min(seconds, WAIT_SECONDS)
        while True:
            result = standing(await self.of(projection), position)
            late = asyncio.get_running_loop().time() >= deadline
            if result.proof == "final" or late or not projection.registry.policy:
                return result
            await asyncio.sleep(_FRESH_SECONDS)


async def _with(
    projection: Projection, policy: Policy, covered: Covered, sealed: SealedHead
) -> Covered:
    """Return the coverage with one more head. One that is not of the records that were folded here covers nothing, and is said. Raises `Behind`."""
    try:
        head, signatures = checkpoint.opened(sealed.note, log_policy.log_of(projection.registry))
        witnessed = policy.witnessed(signatures)
    except NotANote as error:
        log.critical(
            "coverage.no_head",
            channel=projection.name,
            reason=str(error),
            do="keep what is sealed; see docs/operating.md",
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
            do="keep both; see docs/operating.md",
        )
        return covered
    sides = [
        side.name for side in projection.registry.sides if policy.satisfied(witnessed, side.name)
    ]
    further = {side: max(head.size, covered.sides.get(side, 0)) for side in sides}
    final = max(head.size, covered.final) if policy.satisfied(witnessed) else covered.final
    return Covered(final=final, sides={**covered.sides, **further})


def standing(covered: Covered, position: int) -> Standing:
    """Return how a record stands under the heads."""
    by = tuple(sorted(side for side, upto in covered.sides.items() if upto >= position))
    return Standing(
        proof="final" if position <= covered.final else "countersigned" if by else "recorded",
        countersigned_by=by,
    )
