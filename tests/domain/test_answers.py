"""The answers of sides to a text, to windows and to a request to come."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.domain.acts import consent
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.fold import Folded
from dragoman.domain.views.answers import answers
from owing import CH, NH, TH, C, N, T, post
from samples import act
from world import World

REFUSABLE = {
    "mechanism": ("proposed", "in_force"),
    "undertaking": ("said", "undertaken"),
    "roadmap-item": ("proposed", "agreed"),
    "liaison-office": ("proposed", "agreed"),
    "people-programme": ("proposed", "agreed"),
    "public-line": ("notified", "agreed"),
}
"""Formats that a refusal holds, with the status before and after every agreement."""

NO = {"act": "decline", "reason": "We did not say that."}
ANSWERS = ("agreement", "endorsement", "release-consent", "decline", "consent-withdrawal")
_OPENED = (*REFUSABLE, "joint-report", "recommendation", "release")


@pytest.fixture
def three() -> World:
    return World(sides=("nato", "china", "osce"), name="three")


@pytest.mark.parametrize("name", REFUSABLE)
def test_a_refusal_is_the_status_until_the_side_that_refused_agrees(
    name: str, three: World
) -> None:
    before, after = REFUSABLE[name]
    id = three.open(NH, act(name))
    assert three.exchange(id).status == before
    assert {side: each.answer for side, each in answers(three.exchange(id)).items()} == {
        "china": "silent",
        "osce": "silent",
    }
    post(three, CH, NO, id)
    post(three, TH, {"act": "agreement"}, id, seen=True)
    state = three.exchange(id)
    assert state.status == "refused"
    given = answers(state)
    assert (given["china"].answer, given["osce"].answer) == ("refused", "agreed")
    assert bytes(given["china"].reason) == b'"We did not say that."'  # type: ignore[arg-type]  # it has one
    assert given["china"].position < given["osce"].position == three.position
    post(three, CH, {"act": "agreement"}, id, seen=True)
    assert three.exchange(id).status == after
    assert {each.answer for each in answers(three.exchange(id)).values()} == {"agreed"}


@pytest.mark.parametrize("name", REFUSABLE)
def test_a_refusal_after_an_agreement_takes_it_back(name: str, three: World) -> None:
    id = three.open(NH, act(name))
    post(three, CH, {"act": "agreement"}, id, seen=True)
    post(three, CH, NO, id)
    state = three.exchange(id)
    assert state.status == "refused" and "china" not in consent.agreed(state)
    post(three, TH, NO, id)
    post(three, CH, {"act": "agreement"}, id, seen=True)
    assert three.exchange(id).status == "refused", "the other refusal stands"


def test_other_words_do_not_lift_a_refusal_before_they_stand_in_the_text(three: World) -> None:
    id = three.open(NH, act("roadmap-item"))
    for body in ({"act": "agreement"}, NO):
        post(three, CH, body, id, seen=True)
    amendment = act("amendment", fields={"deliverable": "Another chart"})
    of = post(three, CH, amendment, id, seen=True)
    state = three.exchange(id)
    assert state.status == "refused" and "china" not in consent.agreed(state)
    assert answers(state)["china"].answer == "proposed_otherwise"
    for actor in (NH, TH):
        post(three, actor, {"act": "amendment-agreement", "of": of}, id, seen=True)
    assert three.exchange(id).status == "agreed"
    assert answers(three.exchange(id))["china"].answer == "agreed"


def test_who_refused_takes_back_no_agreement_from_before(three: World) -> None:
    id = three.open(NH, act("roadmap-item"))
    of = post(three, CH, {"act": "agreement"}, id, seen=True)
    refusal = post(three, CH, NO, id)
    post(three, CH, {"act": "consent-withdrawal", "of": of, "reason": "A mistake."}, id)
    (item,) = three.exchange(id).acts["decline"]
    given = answers(three.exchange(id))["china"]
    assert (given.answer, given.position, item.id) == ("refused", item.said.position, refusal)


def test_an_answer_by_one_officer_and_one_subject_to_the_capital_are_no_agreement(
    three: World,
) -> None:
    id = three.open(N, act("undertaking"))
    post(three, C, {"act": "agreement"}, id, seen=True, released_by="")
    post(three, T, {"act": "agreement", "ad_referendum": True}, id, seen=True, released_by="")
    given = answers(three.exchange(id))
    assert (given["china"].answer, given["osce"].answer) == ("second_key_due", "ad_referendum")


def test_other_windows_ask_anew_and_the_side_that_gave_them_proposed_otherwise(
    world: World,
) -> None:
    id = world.open(N, act("meeting-request"))
    assert answers(world.exchange(id))["china"].answer == "silent"
    post(world, C, act("counter-proposal"), id)
    given = answers(world.exchange(id))
    assert {side: each.answer for side, each in given.items()} == {
        "nato": "silent",
        "china": "proposed_otherwise",
    }
    post(world, N, act("acceptance"), id, seen=True)
    assert {side: each.answer for side, each in answers(world.exchange(id)).items()} == {
        "nato": "agreed",
        "china": "proposed",
    }
    post(world, N, act("counter-proposal"), id)
    assert answers(world.exchange(id))["china"].answer == "silent"
    post(world, C, NO, id)
    assert answers(world.exchange(id))["china"].answer == "refused"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whoever_is_silent_has_said_nothing_and_whoever_refused_last_has_refused(
    data: st.DataObject,
) -> None:
    world = World(sides=("nato", "china", "osce"), name="three")
    opened = [
        world.open(NH, act(name))
        for name in data.draw(st.lists(st.sampled_from(_OPENED), min_size=1, max_size=3))
    ]
    for _ in range(data.draw(st.integers(1, 14))):
        id, by = data.draw(st.sampled_from(opened)), data.draw(st.sampled_from((CH, TH, C, T, NH)))
        name = data.draw(st.sampled_from((*ANSWERS, "amendment", "amendment-agreement")))
        world.keep(by, _body(world, id, by, name), id, seen=True)
    for id in opened:
        _assert_true(world, id)


def _body(world: World, id: str, by: str, name: str) -> dict[str, Any]:
    state, side = world.exchange(id), by.partition("/")[0]
    if name == "consent-withdrawal":
        own = [
            item.id
            for kind in (*consent.BINDING, "amendment-agreement")
            for item in state.acts.get(kind, ())
            if item.said.side == side
        ]
        return {"act": name, "of": own[-1]} if own else NO
    if name == "amendment-agreement":
        waits = consent.open_amendment(state)
        return NO if waits is None else {"act": name, "of": waits.id}
    if name == "amendment":
        member = {"public-line": "line", "mechanism": "name", "undertaking": "what"}.get(
            state.act, "title" if state.act in ("joint-report", "release") else "text"
        )
        return {"act": name, "fields": {member: f"In other words, {world.position}."}}
    return NO if name == "decline" else {"act": name}


def _assert_true(world: World, id: str) -> None:
    """Hold the answers in an exchange against the records that the sides made there."""
    state = world.exchange(id)
    said = {
        side: [
            item
            for act_name in (*ANSWERS, "amendment", "amendment-agreement")
            for item in state.acts.get(act_name, ())
            if item.said.side == side
        ]
        for side in world.sides
    }
    given = answers(state)
    assert given.keys() == consent.parties(state) - {state.side}
    behind = {side for side, each in given.items() if each.answer == "agreed"}
    assert behind == consent.agreed(state) - {state.side}
    for side, each in given.items():
        assert (each.answer == "silent") == (not said[side]), (side, each, said[side])
        if said[side]:
            newest = max(said[side], key=lambda item: item.said.position)
            is_no = newest in state.acts.get("decline", ())
            assert not is_no or (each.answer, each.position) == ("refused", newest.said.position)
    if "refused" in FORMATS[state.act].moves.get("agreement", {}):
        refusing = {side for side, each in given.items() if each.answer == "refused"}
        assert not refusing or state.status != REFUSABLE[state.act][0]


def test_a_side_that_endorsed_some_paragraphs_is_not_silent(world: World) -> None:
    id = world.open(NH, act("joint-report"))
    folded = world.keep(CH, {"act": "endorsement", "paragraph": 1}, id, seen=True)
    assert isinstance(folded, Folded) and folded.valid
    assert answers(world.exchange(id))["china"].answer in ("agreed", "agreed_in_part")


@pytest.mark.parametrize("name", [*REFUSABLE, "meeting-request"])
def test_what_was_entered_for_the_record_asked_nobody_and_has_no_silence(
    name: str, three: World
) -> None:
    id = three.open(NH, act(name, for_the_record=True))
    assert answers(three.exchange(id)) == {}
    if name not in ("meeting-request", "mechanism"):  # which is in force
        post(three, CH, {"act": "agreement"}, id, seen=True)
        assert [each.answer for each in answers(three.exchange(id)).values()] == ["agreed"]
