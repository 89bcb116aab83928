"""A side's root keys are replaced by root alone: signed by thresholds of the old and of the new,
and as they were announced.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from dragoman.domain.acts import membership
from dragoman.domain.acts.families import channel
from dragoman.tlog import dsse
from world import World, public_of, refused, seed_of

OLD, NEW, OTHER = "nato/root", "nato/root-2", "nato/root-3"
ENTRY = {"act": "officer", "officer": "o-9", "office": "hq", "roles": ["officer"]}


def rotation(*roots: str, threshold: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "act": "root-rotation",
        "roots": [public_of(root) for root in roots],
        "threshold": threshold,
        **more,
    }


def key_id(owner: str) -> str:
    return dsse.key_id(dsse.public_of(seed_of(owner)))


@pytest.fixture
def world() -> World:
    return World()


def test_the_old_roots_sign_nothing_more_and_the_new_ones_what_they_signed(world: World) -> None:
    assert world.attested(rotation(NEW, OTHER, threshold=2), OLD, NEW, OTHER).valid
    side = next(side for side in world.registry.sides if side.name == "nato")
    assert (side.roots, side.threshold) == ((key_id(NEW), key_id(OTHER)), 2)
    assert world.registry.keys[key_id(OLD)].until == world.position
    assert not world.attested(ENTRY, OLD).valid
    assert not world.attested(ENTRY, NEW).valid, "two of the new ones must sign"
    assert world.attested(ENTRY, NEW, OTHER).valid
    assert world.registry.keys[key_id("china/root")].until is None


@pytest.mark.parametrize(
    ("body", "owners"),
    [
        (rotation(NEW), (OLD,)),
        (rotation(NEW), (NEW,)),
        (rotation(NEW), (OLD, OTHER)),
        (rotation(NEW), (OLD, NEW, "china/root")),
        (rotation(NEW, OTHER, threshold=2), (OLD, NEW)),
        (rotation(NEW, threshold=2), (OLD, NEW)),
        (rotation(NEW, NEW), (OLD, NEW)),
        (rotation(OLD), (OLD,)),
        (rotation("china/root"), (OLD, "china/root")),
        (rotation("log"), (OLD, "log")),
        ({**rotation(NEW), "roots": ["AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]}, (OLD,)),
    ],
)
def test_a_rotation_that_not_all_have_signed_or_whose_keys_are_not_sound_is_void(
    body: dict[str, Any], owners: tuple[str, ...], world: World
) -> None:
    refusal = refused(world.attested(body, *owners))
    assert [fault.pointer for fault in refusal.faults] == ["/roots"] or (
        refusal.faults,
        refusal.kind,
    ) == ((), "not-permitted")
    assert world.attested(ENTRY, OLD).valid


def test_roots_that_were_announced_are_the_only_next_ones(world: World) -> None:
    announced = membership.roots_hash(2, [public_of(OTHER), public_of("nato/root-4")])
    assert world.attested(rotation(NEW, next_roots=announced), OLD, NEW).valid
    thief = refused(world.attested(rotation("nato/thief"), NEW, "nato/thief"))
    assert [fault.pointer for fault in thief.faults] == ["/roots"], (
        "a stolen root key cannot replace itself"
    )
    assert not world.attested(rotation(OTHER, "nato/root-4"), NEW, OTHER, "nato/root-4").valid, (
        "with another threshold they are others"
    )
    assert world.attested(
        rotation("nato/root-4", OTHER, threshold=2), NEW, OTHER, "nato/root-4"
    ).valid


def test_no_officer_replaces_roots(world: World) -> None:
    refusal = channel.check(
        world.registry,
        world.unsigned("nato/adm-1", rotation(NEW)),
        world.position + 1,
        world.ledger.actor,
    )
    assert (
        refusal is not None
        and refusal.kind == "not-permitted"
        and "Only root can" in str(refusal.detail)
    )


def test_the_hash_of_the_next_roots_is_the_known_answer() -> None:
    known = json.loads((Path(__file__).parents[1] / "vectors" / "record.json").read_text())[
        "next_roots_hash"
    ]
    ids_of = "".join(f"{keyid}\n" for keyid in sorted(known["keyids"]))
    assert (
        hashlib.sha256(f"dragoman-roots/v1\n{known['threshold']}\n{ids_of}".encode()).hexdigest()
        == known["hash"]
    )


def test_what_announces_roots_is_a_hash_that_anybody_can_make() -> None:
    ids = sorted((key_id(NEW), key_id(OTHER)))
    text = f"dragoman-roots/v1\n2\n{ids[0]}\n{ids[1]}\n"
    assert (
        membership.roots_hash(2, [public_of(OTHER), public_of(NEW)])
        == hashlib.sha256(text.encode()).hexdigest()
    )
