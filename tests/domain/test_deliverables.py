"""A deliverable is a draft that one owner tables, and that every side adopts by its digest."""

from typing import Any

import pytest

from dragoman.domain.acts import consent, two_keys
from dragoman.domain.fold import Folded
from dragoman_schemas.state import Exchange
from samples import act
from world import World, refused

N, C, ND, CD, OSCE = "nato/o-1", "china/o-1", "nato/d-1", "china/d-1", "osce/o-1"
TABLED = {"act": "status-change", "status": "deliverable_tabled"}
ADOPTION = {"act": "adoption"}


def did(world: World, actor: str, body: dict[str, Any], id: str) -> Exchange:
    outcome = world.keep(actor, body, id, seen=True)
    assert isinstance(outcome, Folded) and outcome.valid, outcome
    return world.exchange(id)


def held(world: World, **changes: Any) -> str:
    id = world.open(N, act("roadmap-item", **changes))
    for actor, body in (
        (C, {"act": "agreement"}),
        (N, {"act": "status-change", "status": "scheduled"}),
        (N, {"act": "status-change", "status": "held"}),
        (C, {"act": "status-change", "status": "held"}),
    ):
        did(world, actor, body, id)
    return id


def test_nothing_is_tabled_or_adopted_without_a_draft(world: World) -> None:
    id = held(world)
    assert refused(world.keep(N, TABLED, id)).faults[0].pointer == "/text"
    assert refused(world.keep(N, ADOPTION, id, seen=True)).kind == "not-allowed-in-state"
    assert consent.terms(world.exchange(id), "adoption") == ""
    unknown = refused(world.keep(N, {"act": "status-change", "status": "adopted"}, id))
    assert unknown.faults[0].pointer == "/status"


@pytest.mark.parametrize("draft", [{"text": "Keep 500 m."}, "attachments"])
def test_the_side_that_did_not_open_the_item_tables_a_text_or_a_file(
    world: World, draft: dict[str, Any] | str
) -> None:
    id = held(world)
    if isinstance(draft, str):
        draft = {"attachments": [act("transmittal")["bundle"]]}
    assert did(world, C, TABLED | draft, id).status == "deliverable_tabled"
    assert did(world, N, ADOPTION, id).status == "deliverable_tabled"
    assert did(world, C, ADOPTION, id).status == "adopted"


def test_two_sides_cannot_adopt_different_drafts(world: World) -> None:
    id = held(world)
    first = consent.draft(did(world, C, TABLED | {"text": "Keep 500 m."}, id))
    did(world, C, ADOPTION, id)
    second = did(world, N, TABLED | {"text": "Keep 300 m."}, id)
    assert (second.status, consent.adopting(second)) == ("deliverable_tabled", set())
    stale = world.keep(N, ADOPTION | {"terms": first}, id, seen=True)
    assert refused(stale).kind == "moved"
    assert did(world, N, ADOPTION, id).status == "deliverable_tabled"
    assert did(world, C, ADOPTION, id).status == "adopted"


def test_an_adoption_counts_with_two_officers_and_can_be_taken_back_until_all_adopt(
    world: World,
) -> None:
    id = held(world)
    did(world, N, TABLED | {"text": "Keep 500 m."}, id)
    did(world, N, ADOPTION, id)
    own = world.exchange(id).acts["adoption"][-1].id
    withdrawn = did(world, N, {"act": "consent-withdrawal", "of": own}, id)
    assert consent.adopting(withdrawn) == set()
    did(world, N, ADOPTION, id)
    alone = world.keep(C, ADOPTION, id, seen=True, released_by="")
    assert isinstance(alone, Folded) and alone.valid and alone.record is not None
    waiting = world.exchange(id)
    assert (waiting.status, [key.act for key in two_keys.due(waiting)]) == (
        "deliverable_tabled",
        ["adoption"],
    )
    done = did(world, CD, {"act": "second-key", "of": alone.record.envelope.id}, id)
    assert done.status == "adopted"


def test_a_side_that_neither_signs_nor_owns_the_item_tables_nothing() -> None:
    world = World(sides=("nato", "china", "osce"))
    id = held(world, signatories=["nato", "china"])
    refusal = refused(world.keep(OSCE, TABLED | {"text": "Ours."}, id))
    assert refusal.faults[0].pointer == "/act"
    owned = held(world, signatories=["nato", "china"], owners={"osce": "Secretariat"})
    assert did(world, OSCE, TABLED | {"text": "Ours."}, owned).status == "deliverable_tabled"
