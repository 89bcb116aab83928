"""People, ships and companies of states that are no side are named, and never *not known yet*."""

from typing import Any

from dragoman.domain.fold import Folded
from dragoman.i18n.words import words
from dragoman.reports.people_and_visits import people_of, people_table
from dragoman_schemas.fields import OTHER
from samples import act
from world import World, refused

GERMANS = {"kind": "missing", "number": 3, "of": OTHER, "of_text": {"en": "Germany", "zh": "德国"}}


def status(*groups: dict[str, Any]) -> dict[str, Any]:
    return {"act": "people-status", "as_of": "2026-11-24T04:00Z", "groups": list(groups)}


def table_of(group: dict[str, Any], language: str) -> str:
    world = World()
    id = world.open("nato/d-1", act("hazardous-incident"))
    outcome = world.keep("nato/o-1", status(group), id)
    assert isinstance(outcome, Folded) and outcome.refusal is None
    block = people_table(people_of([world.exchange(id)]), words(language), language)
    return str(block)


def test_people_of_a_state_that_is_no_side_are_named_in_the_reader_s_language() -> None:
    assert "Germany" in table_of(GERMANS, "en") and "德国" in table_of(GERMANS, "zh")
    assert "not known" not in table_of(GERMANS, "en")
    assert "not known yet" in table_of({"kind": "missing", "number": 3, "of": "unknown"}, "en")


def test_the_state_is_named_and_a_side_is_still_a_side() -> None:
    world = World()
    id = world.open("nato/d-1", act("hazardous-incident"))
    nameless = {name: value for name, value in GERMANS.items() if name != "of_text"}
    refusal = refused(world.decide("nato/o-1", status(nameless), id))
    assert refusal.faults[0].pointer == "/groups/0/of_text"
    refusal = refused(world.decide("nato/o-1", status(GERMANS | {"of": "germany"}), id))
    assert refusal.faults[0].pointer == "/groups/0/of"


def test_a_ship_of_nobody_here_has_its_flag() -> None:
    world = World()
    ship = {"whose": "nobody_here", "whose_text": "Motor tanker, flag of Panama"}
    id = world.open("nato/d-1", act("hazardous-incident") | ship)
    account = {"act": "counter-account", "facts": "A tanker.", **ship}
    world.keep("china/o-1", account, id)
    assert b"Panama" in bytes(world.exchange(id).content["whose_text"])
    assert b"Panama" in bytes(world.exchange(id).accounts["china"][0].content["whose_text"])
