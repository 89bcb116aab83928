"""The tree: known roots, grown leaf by leaf."""

import base64
import json
from pathlib import Path
from typing import Any

from dragoman.tlog.merkle import Frontier, leaf_hash

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "merkle.json").read_text())


def test_the_small_tree_has_the_known_roots() -> None:
    tree = VECTORS["small_tree"]
    frontier = Frontier()
    assert tree["roots_hex"]["0"] == frontier.root().hex()
    for size, entry in enumerate(tree["leaves_hex"], 1):
        frontier = frontier.add(leaf_hash(bytes.fromhex(entry)))
        assert tree["roots_hex"][str(size)] == frontier.root().hex()
        assert size == frontier.size


def test_the_large_tree_has_the_known_roots() -> None:
    roots: dict[str, str] = VECTORS["large_tree"]["roots_b64"]
    frontier = Frontier()
    for index in range(max(map(int, roots))):
        frontier = frontier.add(leaf_hash(f'{{"n":{index},"m":"event {index}"}}'.encode()))
        if str(index + 1) in roots:
            assert roots[str(index + 1)] == base64.b64encode(frontier.root()).decode()
