"""Tests of the changes between two positions, member by member."""

import pytest
from msgspec import Raw, UnsetType

from dragoman.audit.accountability import difference
from dragoman.domain.views.diff import changes
from samples import act
from world import INCIDENT, World

ND, CD, CO = "nato/d-1", "china/d-1", "china/o-1"


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (b"{}", b"{}", []),
        (b'{"a":1}', b'{"a":1.0}', [("/a", b"1", b"1.0")]),
        (b'{"a":true}', b'{"a":1}', [("/a", b"true", b"1")]),
        (
            b'{"a":{"b":"x"}}',
            b'{"a":{"b":"y","c/d~":[]}}',
            [("/a/b", b'"x"', b'"y"'), ("/a/c~1d~0", None, b"[]")],
        ),
        (b'{"a":[1,2]}', b'{"a":[1,3,4]}', [("/a/1", b"2", b"3"), ("/a/2", None, b"4")]),
        (b'{"a":[1,2]}', b'{"a":[1]}', [("/a/1", b"2", None)]),
        (b'{"a":{"b":1}}', b'{"a":[1]}', [("/a", b'{"b":1}', b"[1]")]),
        (b'{"etag":"x","updated":{"position":1}}', b'{"etag":"y","updated":{"position":2}}', []),
    ],
)
def test_members_that_differ_are_pointed_at(
    before: bytes, after: bytes, found: list[tuple[str, bytes | None, bytes | None]]
) -> None:
    told = [(each.pointer, _raw(each.was), _raw(each.now)) for each in changes(before, after)]
    assert told == found


def _raw(value: Raw | UnsetType) -> bytes | None:
    return None if isinstance(value, UnsetType) else bytes(value)


def test_what_was_opened_carried_on_and_changed_in_the_channel_is_told_apart() -> None:
    world = World()
    id = world.open(ND, INCIDENT)
    first = world.position
    world.keep(CD, act("acknowledgement"), id)
    other = world.open(CO, act("contact-note"))
    world.keep("nato/root", act("codebook-adoption"))
    world.take(b"junk")
    world.keep("nobody/o-1", act("acknowledgement"), id)
    found = difference(world.raws, first, world.position)
    assert [
        (each.exchange, each.was, each.status != "", each.positions) for each in found.exchanges
    ] == [
        (id, "open", True, (first + 1,)),
        (other, "", True, (first + 2,)),
    ]
    assert {change.pointer.split("/")[1] for change in found.exchanges[0].changes} >= {"messages"}
    assert found.exchanges[1].changes == ()
    assert [change.pointer.split("/")[1] for change in found.channel][:1] == ["codebooks"]
    whole = difference(world.raws, 0, world.position)
    assert len(whole.exchanges) == 2 and all(not each.was for each in whole.exchanges)
    assert any(change.pointer == "/cid" for change in whole.channel)
