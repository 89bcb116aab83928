"""A dissent that stands: the report is settled with it, and it is released with the report."""

from typing import Any

import pytest

from dragoman.console.display import report_views
from dragoman.domain.acts import consent
from dragoman.domain.fold import Folded
from dragoman.domain.views.answers import answers
from dragoman_schemas.state import Exchange
from samples import act
from world import World, refused

N, C, NH, OSCE = "nato/o-1", "china/o-1", "nato/h-1", "osce/o-1"
REPORT = act("joint-report", paragraphs=["Told 42 days before.", "Not close to a coast.", "Talk."])
ENDORSED = {"act": "endorsement"}


def dissent(paragraph: int, text: str = "21 days are enough.") -> dict[str, Any]:
    return {"act": "dissent", "paragraph": paragraph, "text": text}


def did(world: World, actor: str, body: dict[str, Any], id: str) -> Exchange:
    outcome = world.keep(actor, body, id, seen=True)
    assert isinstance(outcome, Folded) and outcome.valid, outcome
    return world.exchange(id)


def standing(exchange: Exchange) -> set[tuple[str, int]]:
    return {
        (side, number)
        for side, items in consent.standing_dissents(exchange).items()
        for number in items
    }


def test_all_but_the_paragraph_of_a_dissent_settles_the_report_with_it(world: World) -> None:
    id = world.open(N, REPORT)
    assert did(world, C, dissent(1), id).status == "negotiating", "nothing is endorsed yet"
    assert did(world, C, ENDORSED | {"paragraph": 2}, id).status == "negotiating"
    settled = did(world, C, ENDORSED | {"paragraph": 3}, id)
    assert (settled.status, standing(settled)) == ("settled_with_dissent", {("china", 1)})
    first, *others = report_views.paragraphs(settled)
    assert [(each.side, each.stands) for each in first.dissents] == [("china", True)]
    assert first.endorsed == () and all(each.endorsed for each in others)
    assert did(world, C, ENDORSED | {"paragraph": 1}, id).status == "settled"
    assert standing(world.exchange(id)) == set()


@pytest.mark.parametrize("endorsed", [({},), ({"paragraph": 2}, {"paragraph": 3})])
def test_a_side_that_dissents_has_agreed_in_part(
    world: World, endorsed: tuple[dict[str, int], ...]
) -> None:
    id = world.open(N, REPORT)
    did(world, C, dissent(1), id)
    for which in endorsed:
        did(world, C, ENDORSED | which, id)
    settled = world.exchange(id)
    assert settled.status == "settled_with_dissent"
    assert answers(settled)["china"].answer == "agreed_in_part"
    assert answers(did(world, C, ENDORSED | {"paragraph": 1}, id))["china"].answer == "agreed"


@pytest.mark.parametrize("first", ["dissent", "endorsement"])
def test_an_endorsement_of_the_whole_leaves_the_dissent(world: World, first: str) -> None:
    id = world.open(N, REPORT)
    steps = [dissent(1), ENDORSED]
    if first == "endorsement":
        other = World(sides=("nato", "china", "osce"))
        id = other.open(N, REPORT)
        for actor, body in ((C, ENDORSED), (C, dissent(1)), (OSCE, ENDORSED)):
            did(other, actor, body, id)
        assert other.exchange(id).status == "settled_with_dissent"
        return
    for body in steps:
        did(world, C, body, id)
    assert world.exchange(id).status == "settled_with_dissent"


def test_a_dissent_falls_with_the_words_that_it_is_of(world: World) -> None:
    id = world.open(N, REPORT)
    did(world, C, dissent(1), id)
    did(world, C, dissent(2), id)
    texts = ["Told 30 days before.", "Not close to a coast.", "Talk."]
    changed = did(
        world, N, {"act": "correction", "reason": "R.", "fields": {"paragraphs": texts}}, id
    )
    assert standing(changed) == {("china", 2)}
    assert did(world, C, ENDORSED, id).status == "settled_with_dissent"


def test_a_dissent_may_be_taken_back_and_without_an_endorsement_all_is_open_again(
    world: World,
) -> None:
    id = world.open(N, REPORT)
    did(world, C, dissent(1), id)
    for paragraph in (2, 3):
        did(world, C, ENDORSED | {"paragraph": paragraph}, id)
    of = world.exchange(id).acts["dissent"][-1].id
    assert did(world, C, {"act": "consent-withdrawal", "of": of}, id).status == "negotiating"
    assert did(world, C, ENDORSED | {"paragraph": 1}, id).status == "settled"


def test_a_recipients_dissent_is_beside_the_text_and_does_not_change_its_status() -> None:
    world = World(sides=("nato", "china", "osce"))
    id = world.open(N, REPORT | {"signatories": ["china"]})
    did(world, OSCE, dissent(1), id)
    assert did(world, C, ENDORSED, id).status == "settled"


def test_a_report_is_not_released_without_the_dissent_that_stands(world: World) -> None:
    id = world.open(N, REPORT)
    did(world, C, dissent(1), id)
    did(world, C, ENDORSED, id)
    there = {record.id: record.commit for record in world.ledger.records_of(id)}
    own = world.exchange(id).acts["dissent"][-1].id

    def release(*ids: str) -> Any:
        records = [{"record": each, "exchange": id, "commit": there[each]} for each in ids]
        body = act("release") | {"records": records}
        return world.keep(NH, body, released_by=N)

    assert "dissents from paragraph 1" in str(refused(release(id)).faults[0].detail)
    outcome = release(id, own)
    assert isinstance(outcome, Folded) and outcome.valid
