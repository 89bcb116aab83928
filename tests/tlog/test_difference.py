"""The search for the first leaf that differs from those of a signed root. It is exact if the tiles
lead to the leaf, and never false if they do not.
"""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.tlog import merkle, tiles
from dragoman.tlog.difference import LeafDifference, first_difference, sources_of
from dragoman.tlog.tiles import ENTRIES

SIZES = (1, 2, 3, 7, 45, 255, 256, 257, 600, 1_025)


def entry(index: int) -> bytes:
    return b"entry %d\n" % index


def leaves(size: int) -> list[bytes]:
    return [merkle.leaf_hash(entry(index)) for index in range(size)]


def tiles_of(size: int) -> dict[str, bytes]:
    nodes = merkle.nodes_of(leaves(size))
    return {
        tile.path: tiles.bundle([entry(tile.first + at) for at in range(tile.width)])
        if tile.level == ENTRIES
        else tiles.hashes(tile, nodes)
        for tile in tiles.tiles_of(size)
    }


TILES = {size: tiles_of(size) for size in SIZES}
ROOTS = {size: merkle.root_of(merkle.nodes_of(leaves(size)), size) for size in SIZES}


def found(size: int, copy: list[bytes], served: Mapping[str, bytes]) -> LeafDifference | None:
    return first_difference(size, ROOTS[size], [copy], sources_of(size, served.get))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_the_first_of_several_changes_is_found_wherever_it_is(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from(SIZES))
    changed = data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=4))
    copy = [
        merkle.leaf_hash(b"another") if index in changed else leaf
        for index, leaf in enumerate(leaves(size))
    ]
    assert found(size, copy, TILES[size]) == LeafDifference(min(changed), min(changed))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_tile_that_was_changed_as_well_is_not_believed(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from(SIZES))
    at = data.draw(st.integers(0, size - 1))
    copy = leaves(size)
    copy[at] = merkle.leaf_hash(b"another")
    name = data.draw(st.sampled_from(sorted(TILES[size])))
    body = bytearray(TILES[size][name])
    body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert found(size, copy, {**TILES[size], name: bytes(body)}) == LeafDifference(at, at), (
        "the other tiles lead to it"
    )


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_what_no_tile_leads_to_is_told_as_a_range_that_has_it(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from(SIZES))
    at = data.draw(st.integers(0, size - 1))
    copy = leaves(size)
    copy[at] = merkle.leaf_hash(b"another")
    kept = data.draw(st.sets(st.sampled_from(sorted(TILES[size]))))
    difference = found(size, copy, {name: TILES[size][name] for name in kept})
    assert difference is not None and difference.first <= at <= difference.last


@pytest.mark.parametrize("size", SIZES)
def test_leaves_that_are_cut_off_differ_where_they_end(size: int) -> None:
    for length in {0, size // 2, size - 1}:
        assert found(size, leaves(size)[:length], TILES[size]) == LeafDifference(length, length)


@pytest.mark.parametrize("size", SIZES)
def test_the_same_leaves_do_not_differ_whatever_the_tiles_say(size: int) -> None:
    for served in ({}, TILES[size], dict.fromkeys(TILES[size], b"x")):
        assert found(size, leaves(size), served) is None


def test_a_leaf_that_is_right_in_one_reading_does_not_differ() -> None:
    size = 45
    one, other = leaves(size), leaves(size)
    one[3] = other[7] = one[20] = other[20] = merkle.leaf_hash(b"another")
    assert first_difference(
        size, ROOTS[size], [one, other], sources_of(size, TILES[size].get)
    ) == LeafDifference(20, 20)
