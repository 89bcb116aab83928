"""Tiles, proofs in a file, and policies: known answers, and what is refused."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.tlog import dsse, merkle, note, policy, proof, tiles
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.note import COSIGNATURE, ED25519, NotANote, Verifier
from dragoman.tlog.tiles import ENTRIES, Tile
from trees import nodes_over

LARGE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "merkle.json").read_text()
)["large_tree"]
SEED = bytes(range(32))
SIDES = ("nato", "cn")


def entry(index: int) -> bytes:
    return f'{{"n":{index},"m":"event {index}"}}'.encode()


@pytest.fixture(scope="module")
def nodes() -> merkle.Nodes:
    return nodes_over([entry(index) for index in range(70_000)])


@pytest.mark.parametrize("path", LARGE["file_sha256"])
def test_a_known_tile_has_the_known_bytes(path: str, nodes: merkle.Nodes) -> None:
    tile = tiles.read_path(path)
    assert tile is not None
    assert tiles.exists(tile, 70_000)
    raw = (
        tiles.bundle([entry(tile.first + offset) for offset in range(tile.width)])
        if tile.level == ENTRIES
        else tiles.hashes(tile, nodes)
    )
    assert hashlib.sha256(raw).hexdigest() == LARGE["file_sha256"][path]


@given(st.integers(-1, 63), st.integers(0, 2**40), st.integers(1, 256))
def test_a_path_is_read_as_it_is_written(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert tiles.read_path(tile.path) == tile


@pytest.mark.parametrize(
    ("index", "path"),
    [
        (0, "tile/0/000"),
        (1000, "tile/0/x001/000"),
        (1234067, "tile/0/x001/x234/067"),
        (67, "tile/0/067"),
    ],
)
def test_an_index_is_written_in_groups_of_three(index: int, path: str) -> None:
    assert Tile(0, index).path == path


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/0/x000/001",
        "tile/64/000",
        "tile/00/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/007",
        "tile/0/../000",
        "tile/data/000",
        "/tile/0/000",
        "tile/0/000\n",
    ],
)
def test_what_is_no_path_of_a_tile_is_refused(path: str) -> None:
    assert tiles.read_path(path) is None


@given(st.integers(0, 70_000))
def test_a_tree_is_all_of_its_tiles_and_no_empty_one(size: int) -> None:
    found = list(tiles.tiles_of(size))
    assert (
        sum(tile.width for tile in found if tile.level == 0)
        == size
        == sum(tile.width for tile in found if tile.level == ENTRIES)
    )
    assert all(tile.width and tiles.exists(tile, size) for tile in found)
    assert not any(
        tiles.exists(Tile(tile.level, tile.index + 1, 1), size)
        for tile in found
        if tile.width < 256
    )


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_535, 65_537, 70_000])
def test_proofs_come_out_of_the_tiles_alone(size: int, nodes: merkle.Nodes) -> None:
    served: list[Tile] = []

    def read(tile: Tile) -> bytes:
        assert tiles.exists(tile, size)
        served.append(tile)
        return tiles.hashes(tile, nodes)

    from_tiles = tiles.nodes_of(read, size)
    for index in {0, size // 3, size - 1}:
        assert merkle.inclusion(from_tiles, index, size) == merkle.inclusion(nodes, index, size)
    assert merkle.consistency(from_tiles, size // 2, size) == merkle.consistency(
        nodes, size // 2, size
    )
    assert len(served) == len(set(served))


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_is_read_as_it_is_written(entries: list[bytes]) -> None:
    raw = tiles.bundle(entries)
    assert tiles.read_bundle(raw) == entries
    if raw:
        assert tiles.read_bundle(raw[:-1]) is None or not entries[-1]


# A proof in a file


def proved(index: int, size: int, nodes: merkle.Nodes) -> proof.Proof:
    head = Checkpoint("log.example/liaison", size, merkle.root_of(nodes, size))
    signed = note.encode(head.text, [note.sign(head.origin, SEED, head.text)])
    return proof.Proof(index, tuple(merkle.inclusion(nodes, index, size)), signed)


LOG = Verifier("log.example/liaison", ED25519, dsse.public_of(SEED))


def test_a_proof_is_verified_with_nothing_but_the_key(nodes: merkle.Nodes) -> None:
    raw = bytes(proved(12_345, 70_000, nodes))
    assert raw.startswith(b"c2sp.org/tlog-proof@v1\nindex 12345\n")
    read = proof.read(raw)
    assert bytes(read) == raw
    assert proof.verify(read, entry(12_345), LOG).text.startswith("log.example/liaison\n70000\n")
    for wrong in (entry(12_346), b""):
        with pytest.raises(NotANote):
            proof.verify(read, wrong, LOG)


@given(st.data())
def test_no_byte_of_a_proof_can_be_changed(nodes: merkle.Nodes, data: st.DataObject) -> None:
    raw = bytearray(bytes(proved(4, 9, nodes)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(NotANote):
        proof.verify(proof.read(bytes(raw)), entry(4), LOG)


# Policies


def key(name: str, type: int = COSIGNATURE) -> str:
    return str(Verifier(name, type, dsse.public_of(name.encode().ljust(32, b"."))))


TEXT = f"""
log {key("log.example/liaison", ED25519)} https://log.example/
witness n1 {key("n1.example")} https://n1.example/   # the first of NATO
witness n2 {key("n2.example")}
witness c1 {key("c1.example")}
group nato any n1 n2
group cn 1 c1
group both all nato cn
quorum both
"""


def test_a_quorum_is_of_both_sides() -> None:
    read = policy.read(TEXT)
    assert read.urls == {"log.example/liaison": "https://log.example/", "n1": "https://n1.example/"}
    made = {
        frozenset(names): read.satisfied(frozenset(names))
        for names in ([], ["n1"], ["n1", "n2"], ["c1"], ["n2", "c1"])
    }
    assert list(made.values()) == [False, False, False, False, True]


def test_cosignatures_are_counted_by_witness_and_not_by_line() -> None:
    read = policy.read(TEXT)
    text = Checkpoint("log.example/liaison", 0, merkle.EMPTY).text
    lines = [
        note.cosign("n1.example", b"n1.example".ljust(32, b"."), text, time) for time in (1, 2)
    ]
    assert read.witnessed(note.Note(text, tuple(lines))) == {"n1"}


@pytest.mark.parametrize(
    "change",
    [
        ("quorum both", ""),
        ("quorum both", "quorum nobody"),
        ("quorum both", "quorum both\nquorum nato"),
        ("group both all", "group both 3"),
        ("group both all", "group both 0"),
        ("group both all", "group both 0" + "9" * 5_000),
        ("group cn 1 c1", "group cn 1 c1 c1"),
        ("group cn 1 c1", "group cn 1 both"),
        ("witness n2", "witness n1"),
        ("log ", "logs "),
        (key("c1.example"), key("c1.example", ED25519)),
    ],
)
def test_what_is_no_policy_is_refused_with_its_line(change: tuple[str, str]) -> None:
    with pytest.raises(NotANote):
        policy.read(TEXT.replace(*change))


@given(size=st.integers(1, 1_200), data=st.data())
def test_a_subtree_is_read_out_of_the_tile_that_holds_it(size: int, data: st.DataObject) -> None:
    leaves = [merkle.leaf_hash(b"%d" % index) for index in range(size)]
    nodes = merkle.nodes_of(leaves)
    level = data.draw(st.integers(0, size.bit_length() - 1))
    index = data.draw(st.integers(0, (size >> level) - 1))
    read: list[tiles.Tile] = []

    def tile(wanted: tiles.Tile) -> bytes:
        assert tiles.exists(wanted, size), "no tile is asked for that the head does not imply"
        read.append(wanted)
        return tiles.hashes(wanted, nodes)

    assert tiles.node(level, index, size, tile) == nodes(level, index)
    assert len(read) == 1


@given(size=st.integers(2, 600), data=st.data())
def test_a_changed_tile_proves_nothing_and_one_of_another_length_is_refused(
    size: int, data: st.DataObject
) -> None:
    nodes = merkle.nodes_of([merkle.leaf_hash(b"%d" % index) for index in range(size)])
    old = data.draw(st.integers(1, size - 1))
    bodies: dict[Tile, bytes] = {}

    def proof(read: Callable[[Tile], bytes]) -> list[bytes]:
        return merkle.consistency(
            lambda level, index: tiles.node(level, index, size, read), old, size
        )

    sound = proof(lambda tile: bodies.setdefault(tile, tiles.hashes(tile, nodes)))
    tile, body = data.draw(st.sampled_from(list(bodies.items())))
    struck = bytearray(body)
    struck[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    found = proof((bodies | {tile: bytes(struck)}).__getitem__)
    roots = merkle.root_of(nodes, old), merkle.root_of(nodes, size)
    assert merkle.is_consistent(old, size, *roots, found) == (found == sound), (
        "only what the proof does not need may be anything"
    )
    for wrong in (
        body[: data.draw(st.integers(0, len(body) - 1))],
        body + data.draw(st.binary(min_size=1, max_size=33)),
    ):
        with pytest.raises(ValueError, match="bytes came"):
            proof((bodies | {tile: wrong}).__getitem__)
