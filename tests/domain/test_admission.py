"""A side that is admitted later: by the consent of every other side, and by its own roots."""

from typing import Any

import pytest

from dragoman.domain.fold import Folded
from world import World, public_of, refused

NEW = "third/root"
BOTH = ("nato/root", "china/root")


def admission(*roots: str, name: str = "third", threshold: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "act": "side-admission",
        "side": {
            "name": name,
            "roots": [public_of(root) for root in roots or (NEW,)],
            "threshold": threshold,
            **more,
        },
    }


@pytest.fixture
def world() -> World:
    return World()


def test_a_side_that_all_admit_has_roots_that_enter_its_officers(world: World) -> None:
    assert world.attested(admission(), *BOTH, NEW).valid
    assert [side.name for side in world.registry.sides] == ["nato", "china", "third"]
    entered = world.keep(
        "third/root", {"act": "officer", "officer": "o-1", "office": "hq", "roles": ["officer"]}
    )
    assert isinstance(entered, Folded) and entered.valid
    id = world.open("nato/o-1", {"act": "contact-note", "form": "conversation", "text": "To all."})
    assert set(world.exchange(id).to) == {"china", "third"}
    other = world.open(
        "third/o-1", {"act": "contact-note", "form": "conversation", "text": "Our first word."}
    )
    assert world.exchange(other).number == "NATO-CHINA/THIRD/26/0001/N03/O"


def test_an_administrator_consents_for_a_side_as_root_does(world: World) -> None:
    entry = {
        "act": "officer",
        "officer": "adm-2",
        "office": "hq",
        "roles": ["administrator"],
        "keys": [public_of("nato/adm-2")],
    }
    assert world.attested(entry, "nato/root", "nato/adm-2").valid
    assert world.attested(admission(), "nato/adm-2", "china/root", NEW, actor="nato/adm-2").valid


@pytest.mark.parametrize(
    ("body", "owners"),
    [
        (admission(), ("nato/root", NEW)),
        (admission(), BOTH),
        (admission(), ("china/root", NEW)),
        (admission(NEW, "third/root-2", threshold=2), (*BOTH, NEW)),
        (admission(name="china"), (*BOTH, NEW)),
        (admission(name="service"), (*BOTH, NEW)),
        (admission("nato/root"), BOTH),
        (admission(NEW, NEW), (*BOTH, NEW)),
        (admission(NEW, threshold=2), (*BOTH, NEW)),
    ],
)
def test_an_admission_that_not_all_have_signed_or_that_is_not_sound_is_void(
    body: dict[str, Any], owners: tuple[str, ...], world: World
) -> None:
    refusal = refused(world.attested(body, *owners))
    pointers = [fault.pointer for fault in refusal.faults]
    assert pointers in (["/side/name"], ["/side/roots"]) or (pointers, refusal.kind) == (
        [],
        "not-permitted",
    )
    assert len(world.registry.sides) == 2


def test_an_officer_without_office_for_it_does_not_consent(world: World) -> None:
    entry = {
        "act": "officer",
        "officer": "o-2",
        "office": "hq",
        "roles": ["officer"],
        "keys": [public_of("nato/o-2")],
    }
    assert world.attested(entry, "nato/root", "nato/o-2").valid
    assert not world.attested(admission(), "nato/o-2", "china/root", NEW, actor="nato/o-2").valid


def test_a_side_that_was_admitted_replaces_its_roots_like_any(world: World) -> None:
    assert world.attested(admission(), *BOTH, NEW).valid
    changed = world.attested(
        {"act": "root-rotation", "roots": [public_of("nato/root-2")]}, "nato/root", "nato/root-2"
    )
    assert changed.valid and world.registry.sides[2].name == "third"
