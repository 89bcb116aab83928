"""Leaf hashes of all messages that a verification took, in the order of the log."""

from dragoman.audit.replay import Replay
from dragoman.tlog import leaf, merkle
from dragoman.tlog.merkle import leaf_hash


class LeafHashes:
    """The leaf hashes of the messages that were folded, and then of those only hashed.

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
        """Add the hash of the leaf of a message that is not folded."""
        self._unfolded.append(leaf_hash(leaf_data))

    def hashes(self) -> list[bytes]:
        """Return the leaf hash of every message."""
        folded = self._replay.standing.frontier.size
        return [
            leaf_hash(leaf.entry(index, self._replay.commit_at(index))) for index in range(folded)
        ] + self._unfolded

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` messages."""
        if size <= self._replay.standing.frontier.size:
            return self._replay.root(size)
        return merkle.root_of(merkle.nodes_of(self.hashes()), size)
