"""Handovers of a log in a world: the policy that they need, and the act."""

from typing import Any, Final

from dragoman.domain.fold import Folded
from dragoman.tlog import dsse
from dragoman.tlog.note import COSIGNATURE, Verifier
from world import World, public_of, seed_of

BOTH: Final = ("nato/root", "china/root")


def witness(name: str) -> str:
    """Return a policy's line for a witness."""
    public = dsse.public_of(seed_of(f"witness/{name}"))
    return f"witness {name} {Verifier(f'{name}.example/witness', COSIGNATURE, public)}\n"


POLICY: Final = f"{witness('nato')}{witness('china')}group both all nato china\nquorum both\n"


def handover(**more: Any) -> dict[str, Any]:
    """Return the first handover, to the key of `heir`."""
    return {"act": "log-handover", "epoch": 1, "key": public_of("heir"), **more}


def adopt(world: World, policy: str) -> None:
    """Have both sides adopt a policy."""
    for side in ("nato", "china"):
        adopted = world.keep(f"{side}/root", {"act": "policy-adoption", "policy": policy})
        assert isinstance(adopted, Folded) and adopted.valid


def with_policy() -> World:
    """Return a channel whose log may be handed over."""
    world = World()
    adopt(world, POLICY)
    return world
