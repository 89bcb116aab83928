"""One step of the fold with its by-products: the commitment, the tree, the digest.

A gateway's projection and an auditor's replay take the same step. So their digests can
differ only if the log differs.
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
    """The position of a fold: the channel's state, the digest and the tree.

    `total` is the sum of the digest, `frontier` the right edge of the tree. `void` is
    the number of messages without effect.
    """

    state: ChannelState = ChannelState()
    total: int = 0
    frontier: merkle.Frontier = merkle.Frontier()
    void: int = 0

    @property
    def digest(self) -> str:
        """The digest of the state."""
        registry = self.state.registry
        cid = "" if registry is None else registry.cid
        return state_digest.digest(self.total, cid, self.state.position, self.state.time)


class FoldStep(Struct, frozen=True, kw_only=True, gc=False):
    """The result of folding one message.

    It has the folded message, its commitment, the encoding of the state that it
    changed, and the fold's state after it. `encoded` is None if nothing changed.
    """

    folded: Folded
    commit: str
    encoded: bytes | None
    standing: FoldState


def advance(
    standing: FoldState,
    history: History,
    encoded_before: Callable[[str], bytes | None],
    message: bytes | Record,
    grounds: DecisionBasis | None = None,
) -> FoldStep:
    """Fold the next message, which is given as bytes or as a record.

    `grounds` are the grounds on which the record was found legal before, if any.
    `encoded_before` returns the encoding of an exchange, or of the registry, as it was
    before this message.
    """
    state = standing.state
    result = (
        folded(state, history, message, grounds)
        if isinstance(message, Record)
        else fold(state, history, message)
    )
    commit = leaf.commit(result.raw) if result.record is None else result.record.commit
    total, encoded = standing.total, None
    if result.state is not None:
        encoded = encode(result.state)
        is_new = result.state.opened.position == result.position
        total = state_digest.replaced(
            total, None if is_new else encoded_before(result.state.id), encoded
        )
    for exchange in result.removed:
        total = state_digest.replaced(total, encoded_before(exchange), None)
    frontier = standing.frontier.add(merkle.leaf_hash(leaf.entry(result.position - 1, commit)))
    return FoldStep(
        folded=result,
        commit=commit,
        encoded=encoded,
        standing=FoldState(
            state=result.channel,
            total=total,
            frontier=frontier,
            void=standing.void + (not result.valid),
        ),
    )
