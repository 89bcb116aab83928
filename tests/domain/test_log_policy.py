"""The sides agree on a witness policy. It names the witnesses whose signatures stand under a log's
heads.
"""

from typing import Any

import pytest

from dragoman.domain.acts import log_policy
from dragoman.domain.acts.families import channel, genesis
from dragoman.domain.fold import Folded
from dragoman.domain.record.errors import Refusal
from dragoman.tlog import dsse
from dragoman.tlog.note import COSIGNATURE, ED25519, Verifier
from world import World, public_of, seed_of


def witness(name: str, type: int = COSIGNATURE) -> str:
    return str(
        Verifier(f"{name}.example/witness", type, dsse.public_of(seed_of(f"witness/{name}")))
    )


def policy(*, nato: str = "nato", quorum: str = "both") -> str:
    return (
        f"witness n {witness(nato)}\nwitness c {witness('china')}\n"
        f"group nato any n\ngroup china any c\ngroup both all nato china\nquorum {quorum}\n"
    )


@pytest.fixture
def world() -> World:
    return World()


def adopt(world: World, side: str, text: str) -> Folded | Refusal:
    return world.keep(f"{side}/root", {"act": "policy-adoption", "policy": text})


def test_a_genesis_may_name_the_policy_that_is_in_force_from_the_beginning() -> None:
    from dragoman.audit.replay import Replay

    fresh = Replay()
    fresh.take(
        [World().genesis(policy=policy(), witnesses=[witness("nato"), witness("china")]).raw]
    )
    registry = fresh.standing.state.registry
    assert registry is not None and registry.policy == policy()


def test_a_policy_is_in_force_once_every_side_has_adopted_the_same(world: World) -> None:
    assert log_policy.in_force(world.registry) is None
    assert isinstance(adopt(world, "nato", policy()), Folded)
    assert isinstance(adopt(world, "china", policy(nato="other")), Folded)
    assert world.registry.policy == ""
    assert isinstance(adopt(world, "china", policy()), Folded)
    assert world.registry.policy == policy()
    found = log_policy.in_force(world.registry)
    assert found is not None
    log = log_policy.log_of(world.registry)
    assert (found.quorum, set(found.witnesses), found.logs) == ("both", {"n", "c"}, {log.name: log})
    assert log_policy.policy_file(log, policy()) == f"{policy()}log {log}\n"
    assert (
        found.satisfied(frozenset({"n", "c"}))
        and not found.satisfied(frozenset({"n"}))
        and found.satisfied(frozenset({"n"}), "nato")
    )


def test_what_one_side_adopts_later_leaves_the_policy_in_force_as_it_is(world: World) -> None:
    for side in ("nato", "china"):
        adopt(world, side, policy())
    assert isinstance(adopt(world, "nato", policy(nato="other")), Folded)
    assert (world.registry.policy, world.registry.policies["nato"].policy) == (
        policy(),
        policy(nato="other"),
    )
    adopt(world, "china", policy(nato="other"))
    assert world.registry.policy == policy(nato="other")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (policy(quorum="none"), "quorum none"),
        (policy(quorum="nobody"), "line 6"),
        (
            policy().replace("group china any c\n", "").replace(" china\n", " c\n"),
            "name a group or a witness china",
        ),
        (policy().replace(witness("nato"), witness("china")), "serve no other purpose"),
        (policy().replace(witness("nato"), witness("nato", ED25519)), "line 1"),
        ("quorum none\n", "name a group or a witness nato"),
        ("x", "line 1"),
        ("log x\n" + policy(), "leave the `log` line out"),
    ],
)
def test_a_text_that_is_no_policy_of_this_channel_is_pointed_at(
    text: str, says: str, world: World
) -> None:
    refusal = adopt(world, "nato", text)
    assert isinstance(refusal, Refusal)
    assert refusal.faults[0].pointer == "/policy"
    assert says in str(refusal.faults[0].detail)


def test_a_key_that_serves_for_something_else_is_no_witness_and_a_witness_no_officer(
    world: World,
) -> None:
    root = str(Verifier("nato.example/witness", COSIGNATURE, dsse.public_of(seed_of("nato/root"))))
    log = str(Verifier("nato.example/witness", COSIGNATURE, dsse.public_of(seed_of("log"))))
    for key in (root, log):
        refusal = adopt(world, "nato", policy().replace(witness("nato"), key))
        assert isinstance(refusal, Refusal) and "serve no other purpose" in str(
            refusal.faults[0].detail
        )
    adopt(world, "nato", policy())
    body = {
        "act": "officer",
        "officer": "o-9",
        "office": "hq",
        "roles": ["officer"],
        "keys": [public_of("witness/nato")],
    }
    check = channel.check(
        world.registry, world.unsigned("nato/root", body), world.position + 1, world.ledger.actor
    )
    assert check is not None and check.faults[0].pointer == "/keys/0"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"policy": policy(), "witnesses": [witness("nato"), witness("china")]}, None),
        ({"policy": policy()}, "/witnesses"),
        ({"witnesses": [witness("nato")]}, "/witnesses"),
        ({"policy": policy(), "witnesses": [witness("nato"), witness("other")]}, "/witnesses"),
        ({"policy": "quorum none\n", "witnesses": []}, "/policy"),
    ],
)
def test_a_genesis_may_name_the_policy_with_its_witnesses(
    changes: dict[str, Any], pointer: str | None, world: World
) -> None:
    refusal = genesis.check_genesis(world.genesis(**changes))
    assert (None if refusal is None else refusal.faults[0].pointer) == pointer
