"""Leaves of all messages that a verification took, in the order of the log."""

from dragoman.audit.replay import Replay
from dragoman.tlog import leaf, merkle
from dragoman.tlog.merkle import leaf_hash


class LeafHashes:
    """The leaves of the messages that were folded, and then of those only hashed.

    A verification folds messages up to the first inconsistency. It only hashes the
    later ones. `entries` are the messages that are leaf entries, by position.
    """

    def __init__(self, replay: Replay) -> None:
        """Begin with the messages that a replay folds."""
        self._replay = replay
        self._unfolded: list[bytes] = []
        self.entries: dict[int, bytes] = {}

    @property
    def size(self) -> int:
        """The number of messages that were taken."""
        return self._replay.standing.frontier.size + len(self._unfolded)

    def add(self, leaf_data: bytes) -> None:
        """Add the leaf of a message that is not folded."""
        self._unfolded.append(leaf_data)

    def entry(self, index: int) -> bytes:
        """Return the leaf entry of the message at an index."""
        unfolded = index - self._replay.standing.frontier.size
        if unfolded >= 0:
            return self._unfolded[unfolded]
        return leaf.entry(index, self._replay.commit_at(index))

    def node(self, level: int, index: int) -> bytes:
        """Return the root of a complete subtree."""
        begin, end = index << level, index + 1 << level
        if end <= self._replay.standing.frontier.size:
            return self._replay.nodes(level, index)
        return merkle.subtree_root([leaf_hash(self.entry(at)) for at in range(begin, end)])

    def hashes(self) -> list[bytes]:
        """Return the leaf hash of every message."""
        return [leaf_hash(self.entry(index)) for index in range(self.size)]

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` messages."""
        if size <= self._replay.standing.frontier.size:
            return self._replay.root(size)
        return merkle.root_of(merkle.nodes_of(self.hashes()), size)
