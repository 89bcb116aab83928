"""A log is handed over to another key by every side, and stays the same log."""

import json
from typing import Any

import pytest

from dragoman.domain import release_bundle
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.families.genesis import handed_over
from dragoman.domain.record import codec as records
from dragoman.domain.record.errors import Refusal
from dragoman.domain.release_bundle import NotProved
from dragoman.tlog import checkpoint, dsse, leaf, merkle, note
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.merkle import inclusion, leaf_hash
from dragoman.tlog.note import NotANote
from dragoman.tlog.proof import Proof
from dragoman_schemas.acts.office.channel import ChannelOpening
from handovers import BOTH, POLICY, adopt, handover, with_policy, witness
from world import NOTE, World, public_of, refused, seed_of


@pytest.fixture
def world() -> World:
    return with_policy()


def signed(world: World, key: str, size: int) -> bytes:
    head = Checkpoint(world.registry.origin, size, bytes(32))
    return note.encode(head.text, [note.sign(head.origin, seed_of(key), head.text)])


@pytest.mark.parametrize("cut", [True, None])
def test_heads_before_it_are_of_the_old_key_and_from_it_on_of_the_new_one(
    cut: bool | None, world: World
) -> None:
    before = log_policy.log_of(world.registry)
    handed = world.attested(handover(**({"cut": True} if cut else {})), *BOTH)
    assert handed.valid, handed.refusal
    at, log = world.position, log_policy.log_of(world.registry)
    assert str(log) == str(before) and log_policy.key_in_force(world.registry) == public_of("heir")
    assert log.at(at - 1) == before and log.at(at).public == dsse.public_of(seed_of("heir"))
    assert checkpoint.read_signed(signed(world, "heir", at), log)[0].size == at
    for size in (at - 1, at - 2):
        with pytest.raises(NotANote):
            checkpoint.read_signed(signed(world, "heir", size), log)
    world.open("nato/o-1", NOTE)


def test_a_policy_for_other_people_names_every_key(world: World) -> None:
    assert world.attested(handover(), *BOTH).valid
    log = log_policy.log_of(world.registry)
    file = log_policy.policy_file(log, POLICY)
    assert [line for line in file.splitlines() if line.startswith("log")] == [
        f"log {key}" for key in log.keys
    ]
    assert log_policy.in_force(world.registry) is not None


def test_a_policy_as_long_as_a_policy_may_be_stays_in_force() -> None:
    world = World()
    adopt(world, POLICY + "#\n" * (999 - POLICY.count("\n")))
    for epoch in (1, 2):
        folded = world.attested(handover(epoch=epoch, key=public_of(f"heir {epoch}")), *BOTH)
        assert folded.valid, folded.refusal
    assert log_policy.in_force(world.registry) is not None


def test_it_is_decided_on_the_record_just_before_it(world: World) -> None:
    world.open("nato/o-1", NOTE)
    late = world.attested(handover(), *BOTH, decided=world.position - 1)
    assert refused(late).kind == "void"


@pytest.mark.parametrize(
    ("body", "owners", "pointer"),
    [
        (handover(), ("nato/root",), None),
        (handover(), ("china/root",), None),
        (handover(epoch=2), BOTH, "/epoch"),
        (handover(key=public_of("nato/root")), BOTH, "/key"),
        (handover(key=public_of("witness/china")), BOTH, "/key"),
    ],
)
def test_one_that_not_all_have_signed_or_that_is_not_sound_is_void(
    body: dict[str, Any], owners: tuple[str, ...], pointer: str | None, world: World
) -> None:
    refusal = refused(world.attested(body, *owners))
    assert [fault.pointer for fault in refusal.faults] == ([pointer] if pointer else [])
    assert not world.registry.handovers


def test_no_key_of_the_log_comes_back(world: World) -> None:
    assert world.attested(handover(), *BOTH).valid
    for key in (public_of("heir"), world.registry.log_key):
        again = refused(world.attested(handover(epoch=2, key=key), *BOTH))
        assert again.faults[0].pointer == "/key"
    assert world.attested(handover(epoch=2, key=public_of("second heir")), *BOTH).valid
    assert [item.since for item in world.registry.handovers] == sorted(
        item.since for item in world.registry.handovers
    )


@pytest.mark.parametrize("quorum", ["nato", "any"])
def test_it_needs_a_policy_that_asks_a_witness_of_every_side(quorum: str) -> None:
    world = World()
    assert refused(world.attested(handover(), *BOTH)).faults[0].pointer == "/act"
    adopt(world, f"{witness('nato')}{witness('china')}group any any nato china\nquorum {quorum}\n")
    assert refused(world.attested(handover(), *BOTH)).faults[0].pointer == "/act"


def test_a_cut_follows_what_its_sides_have_seen_and_nothing_else(world: World) -> None:
    size = world.position
    seen = {"size": size, "root": dsse.encode_base64(world.ledger.root(size))}
    world.open("nato/o-1", NOTE)
    refusal = refused(world.attested(handover(cut=True), *BOTH, seen=seen))
    assert isinstance(refusal, Refusal) and refusal.faults[0].pointer == "/cut"
    assert world.attested(handover(), *BOTH, seen=seen).valid


def test_a_bundle_follows_every_handover_by_the_roots_of_its_time(world: World) -> None:
    first = world.attested(handover(), *BOTH)
    osce = {"name": "osce", "roots": [public_of("osce/root")], "threshold": 1}
    every = (*BOTH, "osce/root")
    admitted = world.attested({"act": "side-admission", "side": osce}, *every)
    policy = POLICY.replace("group both", "group osce all nato\ngroup both")
    for root in every:
        world.attested({"act": "policy-adoption", "policy": policy}, root, actor=root)
    second = world.attested(handover(epoch=2, key=public_of("second heir")), *every)
    assert first.valid and admitted.valid and second.valid, second.refusal
    leaves = [leaf_hash(leaf.entry(at, leaf.commit(raw))) for at, raw in enumerate(world.raws)]
    size, nodes = world.position, merkle.nodes_of(leaves)
    head = Checkpoint(world.registry.origin, size, merkle.root_of(nodes, size))
    signed = note.encode(head.text, [note.sign(head.origin, seed_of("second heir"), head.text)])
    opening = [
        {
            "position": at,
            "proof": bytes(Proof(at - 1, tuple(inclusion(nodes, at - 1, size)), signed)).decode(),
            "record": world.raws[at - 1].decode(),
        }
        for at, raw in enumerate(world.raws, 1)
        if any(act in raw for act in (b"opening:", b"admission:", b"handover:"))
    ]
    bundle = dict.fromkeys(("release", "terms", "text", "publish_at"), "") | {
        "channel": world.name, "cid": world.registry.cid, "sides": ["nato", "china"],
        "log": str(log_policy.log_of(world.registry)), "opening": opening, "consents": [], "records": [],
    }  # fmt: skip
    with pytest.raises(NotProved, match="its text is not valid"):
        release_bundle.verify(json.dumps(bundle).encode())


def test_without_a_replay_it_counts_by_the_roots_of_every_side_in_its_own_channel(
    world: World,
) -> None:
    opening = records.parse_stored(world.raws[0]).data
    assert isinstance(opening, ChannelOpening)
    log, cid = log_policy.log_of(world.registry), world.registry.cid
    of_one, of_both = (world.attested(handover(), *owners).record for owners in (BOTH[:1], BOTH))
    assert of_one is not None and of_both is not None
    at = world.position
    assert handed_over(log, cid, opening.sides, at, of_both) == log_policy.log_of(world.registry)
    assert handed_over(log, "ab" * 32, opening.sides, at, of_both) == log
    assert handed_over(log, cid, opening.sides, at - 1, of_one) == log


def test_an_ended_log_may_still_change_hosts(world: World) -> None:
    assert world.attested({"act": "channel-end", "reason": "The talks are over."}, *BOTH).valid
    handed = world.attested(handover(cut=True), *BOTH)
    assert handed.valid, handed.refusal
