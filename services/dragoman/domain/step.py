"""One step of the fold with all that is kept beside the state: the commitment, the tree, the digest.

The same step in a gateway's projection and in an auditor's replay, so that their
digests can differ only if the log does.
"""

from collections.abc import Callable

from msgspec import Struct

from dragoman.domain.fold import Folded, fold, folded
from dragoman.domain.history_port import DecisionBasis, History
from dragoman.domain.record import state_digest
from dragoman.domain.record.codec import Record
from dragoman.tlog import leaf, merkle
from dragoman_schemas.state import ChannelState, encode


class FoldState(Struct, frozen=True, kw_only=True, gc=False):
    """Where a fold stands: the channel's state, the sum of the digest, the right edge of the tree."""

    state: ChannelState = ChannelState()
    total: int = 0
    frontier: merkle.Frontier = merkle.Frontier()

    @property
    def digest(self) -> str:
        """The digest of the state."""
        registry = self.state.registry
        cid = "" if registry is None else registry.cid
        return state_digest.digest(self.total, cid, self.state.position, self.state.time)


class FoldStep(Struct, frozen=True, kw_only=True, gc=False):
    """One message folded: what it became, its commitment, the encoding of what it changed, and where the fold stands now."""

    folded: Folded
    commit: str
    encoded: bytes | None
    standing: FoldState


def advance(
    standing: FoldState,
    ledger: History,
    encoded_before: Callable[[str], bytes | None],
    message: bytes | Record,
    grounds: DecisionBasis | None = None,
) -> FoldStep:
    """Fold the next message, or the record that it is known to be, found legal before on these grounds, if any.

    `encoded_before` gives the encoding of an exchange, or the registry, as it stood.
    """
    state = standing.state
    became = (
        folded(state, ledger, message, grounds)
        if isinstance(message, Record)
        else fold(state, ledger, message)
    )
    commit = leaf.commit(became.raw) if became.record is None else became.record.commit
    total, encoded = standing.total, None
    if became.state is not None:
        encoded = encode(became.state)
        opened_here = became.state.opened.position == became.position
        total = state_digest.replaced(
            total, None if opened_here else encoded_before(became.state.id), encoded
        )
    for exchange in became.removed:
        total = state_digest.replaced(total, encoded_before(exchange), None)
    frontier = standing.frontier.add(merkle.leaf_hash(leaf.entry(became.position - 1, commit)))
    return FoldStep(
        folded=became,
        commit=commit,
        encoded=encoded,
        standing=FoldState(state=became.channel, total=total, frontier=frontier),
    )
