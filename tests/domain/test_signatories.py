"""A text has signatories, who must stand behind it, and recipients, who owe a receipt alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.domain.acts import consent
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.families.exchange import owes_acknowledgement, owes_answer
from dragoman.domain.fold import Folded
from dragoman.domain.views.answers import answers
from dragoman_schemas.act_frame import SignedText
from samples import act
from world import World, refused

FIVE = ("canada", "iran", "sweden", "uk", "ukraine")
TEXTS = sorted(name for name, form in FORMATS.items() if issubclass(form.rule.shape, SignedText))
BY = {"joint-report": "endorsement", "recommendation": "endorsement"}
AFTER = {
    "joint-report": "settled",
    "recommendation": "endorsed",
    "mechanism": "in_force",
    "undertaking": "undertaken",
    "data-series": "running",
}


def opened(world: World, form: str, **changes: Any) -> str:
    status = {"status": "proposed"} if form == "liaison-office" else {}
    names: dict[str, dict[str, Any]] = {
        "undertaking": {"by": "canada"},
        "liaison-office": {"side": "canada"},
        "data-series": {"by": "canada"},
        "people-programme": {"host": "canada"},
        "roadmap-item": {"host": "canada", "owners": {"canada": "Head"}},
        "mechanism": {"chairs": {"canada": "Chair"}},
    }
    return world.open("canada/h-1", act(form, **status, **names.get(form, {}), **changes))


def test_every_format_with_a_consent_to_its_text_has_signatories_but_a_release() -> None:
    binding = {name for name, form in FORMATS.items() if form.moves.keys() & set(consent.BINDING)}
    assert binding - {"release"} == set(TEXTS)


@pytest.mark.parametrize("form", TEXTS)
def test_a_text_of_some_sides_to_another_needs_no_word_of_the_recipient(form: str) -> None:
    world = World(sides=FIVE)
    id = opened(world, form, signatories=["canada", "sweden", "uk", "ukraine"])
    for side in ("sweden", "uk", "ukraine"):
        before = world.exchange(id).status
        assert isinstance(
            world.keep(f"{side}/h-1", {"act": BY.get(form, "agreement")}, id, seen=True), Folded
        )
        assert (world.exchange(id).status == before) is (side != "ukraine")
    exchange = world.exchange(id)
    assert exchange.status == AFTER.get(form, "agreed")
    assert consent.parties(exchange) == consent.agreed(exchange) == {*FIVE} - {"iran"}
    assert owes_acknowledgement(exchange) == {"iran"}
    assert owes_answer(exchange) == set()


@pytest.mark.parametrize("form", TEXTS)
def test_a_recipient_neither_signs_nor_amends(form: str) -> None:
    world = World(sides=FIVE)
    id = opened(world, form, signatories=["ukraine"])
    for body in (
        {"act": BY.get(form, "agreement")},
        {"act": "amendment", "fields": {"text": "Otherwise."}, "reason": "Ours."},
    ):
        assert refused(world.keep("iran/h-1", body, id, seen=True)).kind == "not-permitted"
    assert isinstance(world.keep("iran/h-1", {"act": "reply", "text": "No."}, id), Folded)
    assert consent.agreed(world.exchange(id)) == {"canada"}


@given(
    to=st.sets(st.sampled_from(FIVE[1:]), min_size=1),
    signing=st.none() | st.sets(st.sampled_from(FIVE), min_size=1),
)
def test_the_signatories_are_the_named_ones_and_else_all_who_are_asked(
    to: set[str], signing: set[str] | None
) -> None:
    world = World(sides=FIVE)
    named = {} if signing is None else {"signatories": sorted(signing)}
    outcome = world.keep("canada/h-1", act("public-line", to=sorted(to), **named))
    if signing is not None and not (signing - {"canada"} and signing <= to | {"canada"}):
        assert refused(outcome).faults[0].pointer.startswith("/signatories")
        return
    assert isinstance(outcome, Folded) and outcome.record is not None
    exchange = world.exchange(outcome.record.envelope.id)
    assert consent.parties(exchange) == {"canada"} | (to if signing is None else signing)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"info": ["ukraine"], "signatories": ["sweden", "ukraine"]}, "/signatories/1"),
        ({"signatories": ["sweden", "mars"]}, "/signatories/1"),
        ({"signatories": ["sweden", "sweden"]}, "/signatories/1"),
        ({"signatories": ["canada"]}, "/signatories"),
    ],
)
def test_signatories_that_cannot_sign_are_refused(changes: dict[str, Any], pointer: str) -> None:
    world = World(sides=FIVE)
    refusal = refused(world.keep("canada/h-1", act("public-line", **changes)))
    assert refusal.faults[0].pointer == pointer


def test_who_spoke_for_others_is_confirmed_by_each_of_them() -> None:
    world = World(sides=FIVE)
    id = opened(
        world,
        "public-line",
        to=["iran", "uk"],
        signatories=["uk"],
        on_behalf_of=["canada", "sweden", "uk", "ukraine"],
    )
    assert consent.represented(world.exchange(id)) == {
        "sweden": False,
        "uk": False,
        "ukraine": False,
    }
    for side in ("sweden", "uk"):
        assert isinstance(world.keep(f"{side}/h-1", {"act": "agreement"}, id, seen=True), Folded)
    exchange = world.exchange(id)
    assert consent.represented(exchange) == {"sweden": True, "uk": True, "ukraine": False}
    assert exchange.status == "agreed", "who was only spoken for delays nothing"


def test_a_document_asks_nobody_to_sign_it_unless_it_names_signatories() -> None:
    world = World(sides=FIVE)
    id = opened(world, "reference-document")
    assert consent.parties(world.exchange(id)) == {"canada"} and answers(world.exchange(id)) == {}
    agreement = world.keep("iran/h-1", {"act": "agreement"}, id, seen=True)
    assert refused(agreement).kind == "not-permitted"
    decline = world.keep("iran/h-1", {"act": "decline", "reason": "It is not ours."}, id)
    assert isinstance(decline, Folded) and world.exchange(id).status == "open"
    id = opened(world, "reference-document", signatories=["sweden"])
    assert answers(world.exchange(id)).keys() == {"sweden"}
    assert owes_acknowledgement(world.exchange(id)) == {*FIVE} - {"canada"}
    refusal = {"act": "decline", "reason": "Not these words."}
    assert isinstance(world.keep("sweden/h-1", refusal, id), Folded)
    assert world.exchange(id).status == "refused"
    assert isinstance(world.keep("sweden/h-1", {"act": "agreement"}, id, seen=True), Folded)
    assert world.exchange(id).status == "agreed"
