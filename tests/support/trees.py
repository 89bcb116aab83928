"""Trees in memory: the hash of every complete subtree."""

from dragoman.tlog.merkle import Nodes, leaf_hash, node_hash


def nodes_over(entries: list[bytes]) -> Nodes:
    """The subtrees over some entries."""
    levels = [[leaf_hash(entry) for entry in entries]]
    while len(levels[-1]) > 1:
        row = levels[-1]
        levels.append([node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)])
    return lambda level, index: levels[level][index]
