"""The tree: known roots and proofs; what is proved verifies, and whatever is changed does not."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.tlog import merkle
from dragoman.tlog.merkle import (
    Frontier,
    consistency,
    inclusion,
    is_consistent,
    is_included,
    leaf_hash,
    root_of,
)
from trees import nodes_over

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "merkle.json").read_text()
)
SMALL, LARGE = VECTORS["small_tree"], VECTORS["large_tree"]
LEAVES = [bytes.fromhex(entry) for entry in SMALL["leaves_hex"]]
SIZES = st.integers(1, 600)


def unhexed(values: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


@pytest.fixture(scope="module")
def large() -> merkle.Nodes:
    return nodes_over([f'{{"n":{index},"m":"event {index}"}}'.encode() for index in range(70_000)])


def test_the_small_tree_has_the_known_roots() -> None:
    frontier = Frontier()
    assert SMALL["roots_hex"]["0"] == frontier.root().hex()
    for size, entry in enumerate(LEAVES, 1):
        frontier = frontier.add(leaf_hash(entry))
        assert (
            SMALL["roots_hex"][str(size)]
            == frontier.root().hex()
            == root_of(nodes_over(LEAVES), size).hex()
        )
        assert size == frontier.size


def test_the_large_tree_has_the_known_roots(large: merkle.Nodes) -> None:
    roots: dict[str, str] = LARGE["roots_b64"]
    frontier = Frontier()
    for index in range(max(map(int, roots))):
        frontier = frontier.add(large(0, index))
        if str(index + 1) in roots:
            assert roots[str(index + 1)] == base64.b64encode(frontier.root()).decode()
    assert {size: base64.b64encode(root_of(large, int(size))).decode() for size in roots} == roots


@pytest.mark.parametrize(
    "known", SMALL["inclusion"], ids=lambda known: f"{known['index']} of {known['size']}"
)
def test_a_known_proof_that_a_leaf_is_there(known: dict[str, Any]) -> None:
    index, size, proof = known["index"], known["size"], unhexed(known["proof_hex"])
    assert proof == inclusion(nodes_over(LEAVES), index, size)
    assert is_included(
        index, size, leaf_hash(LEAVES[index]), proof, bytes.fromhex(SMALL["roots_hex"][str(size)])
    )


@pytest.mark.parametrize(
    "known", SMALL["consistency"], ids=lambda known: f"{known['old']} to {known['new']}"
)
def test_a_known_proof_that_a_tree_goes_on(known: dict[str, Any]) -> None:
    old, new, proof = known["old"], known["new"], unhexed(known["proof_hex"])
    assert proof == consistency(nodes_over(LEAVES), old, new)
    before, after = unhexed([SMALL["roots_hex"][str(size)] for size in (old, new)])
    assert is_consistent(old, new, before, after, proof)


def test_the_large_tree_has_the_known_proofs(large: merkle.Nodes) -> None:
    assert unhexed(LARGE["consistency_66000_70000_hex"]) == consistency(large, 66_000, 70_000)
    assert unhexed(LARGE["inclusion_12345_of_70000_hex"]) == inclusion(large, 12_345, 70_000)


def tree(size: int) -> merkle.Nodes:
    return nodes_over([str(index).encode() for index in range(size)])


def changed(proof: list[bytes], data: st.DataObject) -> list[bytes]:
    """A proof with one bit flipped, one hash left out, repeated or added, or two in each other's
    place.
    """
    how = data.draw(
        st.sampled_from(["flip", "drop", "repeat", "add", "swap"] if proof else ["add"])
    )
    at = data.draw(st.integers(0, max(0, len(proof) - 1)))
    other = list(proof)
    match how:
        case "flip":
            bit = data.draw(st.integers(0, 255))
            other[at] = (int.from_bytes(other[at]) ^ 1 << bit).to_bytes(32)
        case "drop":
            del other[at]
        case "repeat":
            other.insert(at, other[at])
        case "add":
            other.append(data.draw(st.binary(min_size=32, max_size=32)))
        case _:
            other[at], other[-1] = other[-1], other[at]
    return other


@given(st.data(), SIZES)
def test_every_leaf_is_proved_and_no_other(data: st.DataObject, size: int) -> None:
    nodes = tree(size)
    index = data.draw(st.integers(0, size - 1))
    proof, root = inclusion(nodes, index, size), root_of(nodes, size)
    assert is_included(index, size, nodes(0, index), proof, root)
    other = data.draw(st.integers(-1, size + 1))
    if other != index:
        assert not is_included(other, size, nodes(0, index), proof, root)
    mutated = changed(proof, data)
    if mutated != proof:
        assert not is_included(index, size, nodes(0, index), mutated, root)
    assert not is_included(index, size, leaf_hash(b"another"), proof, root)
    assert not is_included(index, size, nodes(0, index), proof, leaf_hash(b"another"))


@given(st.data(), SIZES)
def test_every_growth_is_proved_and_no_other(data: st.DataObject, new: int) -> None:
    nodes = tree(new)
    old = data.draw(st.integers(0, new))
    proof, roots = consistency(nodes, old, new), (root_of(nodes, old), root_of(nodes, new))
    assert is_consistent(old, new, *roots, proof)
    mutated = changed(proof, data)
    if mutated != proof:
        assert not is_consistent(old, new, *roots, mutated)
    if 0 < old < new:
        another = leaf_hash(b"another")
        assert not is_consistent(old, new, another, roots[1], proof)
        assert not is_consistent(old, new, roots[0], another, proof)
        assert not is_consistent(old, new, roots[1], roots[0], proof)
        assert not is_consistent(new, old, roots[1], roots[0], proof)
