"""A consent is of a text: whatever is agreed, endorsed or settled says exactly what every side has
consented to.
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.domain.acts import consent
from dragoman.domain.fold import Folded
from dragoman_schemas.state import Exchange
from samples import act
from world import NOTE, World, refused

N, C, OSCE = "nato/h-1", "china/h-1", "osce/h-1"
THREE = ("nato", "china", "osce")

TEXTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "roadmap-item": (
        "agreement",
        "agreed",
        {"deliverable": "A chart that nobody has seen", "host": "china"},
    ),
    "recommendation": (
        "endorsement",
        "endorsed",
        {"text": "The collision was entirely the fault of China."},
    ),
    "liaison-office": ("agreement", "agreed", {"staff_posts": 400}),
    "people-programme": ("agreement", "agreed", {"planned": 1200}),
    "joint-report": (
        "endorsement",
        "settled",
        {"paragraphs": ["The collision was entirely the fault of China."]},
    ),
}
"""Acts of consent to a whole text, each with the status that follows, and another text."""


def correction(fields: dict[str, Any]) -> dict[str, Any]:
    return {"act": "correction", "reason": "A slip of the pen.", "fields": fields}


def amendment(fields: dict[str, Any]) -> dict[str, Any]:
    return {"act": "amendment", "reason": "It serves both better.", "fields": fields}


def newest(world: World, id: str, name: str) -> str:
    return world.exchange(id).acts[name][-1].id


@pytest.mark.parametrize("proposer", [N, C])
@pytest.mark.parametrize("form", TEXTS)
def test_what_every_side_agreed_to_is_changed_by_an_amendment_that_every_side_takes(
    form: str, proposer: str
) -> None:
    consenting, after, fields = TEXTS[form]
    world = World(sides=THREE)
    id = world.open(
        N,
        act(
            form,
            to=["china", "osce"],
            **({"status": "proposed"} if form == "liaison-office" else {}),
        ),
    )
    before = world.exchange(id).content
    for actor in (C, OSCE):
        assert isinstance(world.keep(actor, {"act": consenting}, id, seen=True), Folded)
        refusal = refused(world.keep(N, correction(fields), id, seen=True))
        assert "propose an amendment" in str(refusal.faults[0].detail)
    assert world.exchange(id).status == after
    assert isinstance(world.keep(proposer, amendment(fields), id, seen=True), Folded)
    of, taker = newest(world, id, "amendment"), C if proposer == N else N
    assert isinstance(
        world.keep(taker, {"act": "amendment-agreement", "of": of}, id, seen=True), Folded
    )
    assert (world.exchange(id).status, world.exchange(id).content) == (after, before), (
        "the old text stands until the last side takes it"
    )
    assert isinstance(
        world.keep(OSCE, {"act": "amendment-agreement", "of": of}, id, seen=True), Folded
    )
    now = world.exchange(id)
    assert now.status == after
    assert consent.agreed(now) == set(THREE)
    assert now.content.keys() == before.keys() | fields.keys()
    assert now.content != before


@pytest.mark.parametrize("form", TEXTS)
def test_an_amendment_that_a_side_leaves_changes_nothing(form: str, world: World) -> None:
    consenting, after, fields = TEXTS[form]
    id = world.open(N, act(form, **({"status": "proposed"} if form == "liaison-office" else {})))
    world.keep(C, {"act": consenting}, id, seen=True)
    before = world.exchange(id).content
    assert isinstance(world.keep(C, amendment(fields), id, seen=True), Folded), (
        "any side may propose one"
    )
    of = newest(world, id, "amendment")
    assert "waits for an answer" in str(
        refused(world.keep(N, amendment(fields), id, seen=True)).faults[0].detail
    )
    assert (
        refused(world.keep(C, {"act": "amendment-agreement", "of": of}, id, seen=True))
        .faults[0]
        .pointer
        == "/of"
    ), "it is your own"
    assert isinstance(world.keep(N, {"act": "amendment-refusal", "of": of}, id), Folded)
    assert (world.exchange(id).status, world.exchange(id).content) == (after, before)
    assert consent.open_amendment(world.exchange(id)) is None
    late = refused(world.keep(N, {"act": "amendment-agreement", "of": of}, id, seen=True))
    assert "waits for an answer" in str(late.faults[0].detail)


def test_a_consent_to_another_text_than_stands_is_void(world: World) -> None:
    id = world.open(N, act("roadmap-item"))
    seen = consent.text_terms(world.exchange(id))
    assert isinstance(
        world.keep(N, correction({"deliverable": "Another chart"}), id, seen=True), Folded
    ), "nobody has consented yet"
    assert (
        refused(world.keep(C, {"act": "agreement", "terms": seen}, id, seen=True)).kind == "moved"
    )
    assert world.exchange(id).status == "proposed"
    assert isinstance(
        world.keep(
            C, {"act": "agreement", "terms": consent.text_terms(world.exchange(id))}, id, seen=True
        ),
        Folded,
    )
    assert world.exchange(id).status == "agreed"


def test_agreed_facts_are_agreed_no_longer_once_an_account_says_something_else(
    world: World,
) -> None:
    id = world.open(N, act("encounter-report"))
    for actor in (N, C):
        world.keep(actor, act("accounts-agreement", facts="They passed at 700 m."), id, seen=True)
    assert world.exchange(id).status == "agreed_facts"
    assert isinstance(
        world.keep(N, correction({"cpa": {"value": 15, "unit": "m"}}), id, seen=True), Folded
    )
    assert world.exchange(id).status == "reported"
    assert consent.consenting_sides(world.exchange(id), "accounts-agreement") == set()


def test_a_translation_is_agreed_to_for_the_original_that_it_translates(world: World) -> None:
    id = world.open(N, {**NOTE, "text": "We are sorry."})
    world.keep(N, {"act": "translation", "language": "zh", "text": "我们很抱歉。"}, id)
    of = newest(world, id, "translation")
    assert isinstance(
        world.keep(C, {"act": "translation-agreement", "of": of}, id, seen=True), Folded
    )
    exchange = world.exchange(id)
    (translation,) = exchange.acts["translation"]
    assert list(
        consent.counting(
            exchange, ("translation-agreement",), consent.reading(exchange, translation)
        )
    )
    assert isinstance(
        world.keep(N, correction({"text": "We are not sorry."}), id, seen=True), Folded
    )
    exchange = world.exchange(id)
    assert not list(
        consent.counting(
            exchange, ("translation-agreement",), consent.reading(exchange, translation)
        )
    )


def test_a_consent_is_taken_back_until_the_last_side_has_consented() -> None:
    world = World(sides=THREE)
    id = world.open(N, act("roadmap-item"))
    world.keep(C, {"act": "agreement"}, id, seen=True)
    of = newest(world, id, "agreement")
    assert (
        refused(world.keep(OSCE, {"act": "consent-withdrawal", "of": of}, id)).faults[0].pointer
        == "/of"
    )
    assert isinstance(world.keep(C, {"act": "consent-withdrawal", "of": of}, id), Folded)
    assert isinstance(
        world.keep(N, correction({"deliverable": "Another chart"}), id, seen=True), Folded
    ), "nothing binds any more"
    for actor in (C, OSCE):
        world.keep(actor, {"act": "agreement"}, id, seen=True)
    assert world.exchange(id).status == "agreed"
    of = newest(world, id, "agreement")
    assert "every side has consented" in str(
        refused(world.keep(OSCE, {"act": "consent-withdrawal", "of": of}, id)).faults[0].detail
    )


def test_a_joint_step_is_said_once_every_side_has_said_it(world: World) -> None:
    id = world.open(N, act("roadmap-item"))
    world.keep(C, {"act": "agreement"}, id, seen=True)

    def step(actor: str, status: str) -> str:
        assert isinstance(world.keep(actor, {"act": "status-change", "status": status}, id), Folded)
        return world.exchange(id).status

    assert [step(N, "scheduled"), step(N, "held"), step(N, "held")] == [
        "scheduled",
        "scheduled",
        "scheduled",
    ]
    assert [step(C, "deferred"), step(C, "scheduled"), step(C, "held")] == [
        "deferred",
        "scheduled",
        "scheduled",
    ], "said before it was put off"
    assert step(N, "held") == "held"


SAID = {
    "agreed",
    "endorsed",
    "settled",
    "agreed_facts",
    "common_ground",
    "held",
}
"""States that give all sides' word."""

_STEPS = (
    "consent",
    "stale",
    "correction",
    "amendment",
    "take",
    "leave",
    "withdraw",
    "scheduled",
    "held",
    "held",
    "reply",
)


def _texts(exchange: Exchange) -> dict[str, bytes]:
    """The text without what is about the message alone, as this test reads it."""
    return {
        name: bytes(raw)
        for name, raw in exchange.content.items()
        if name not in ("precedence", "area", "dtg", "for_the_record")
    }


@settings(max_examples=60, deadline=None)
@given(data=st.data(), form=st.sampled_from(sorted(TEXTS)), count=st.integers(2, 4))
def test_no_state_gives_a_word_that_a_side_has_not_said(
    data: st.DataObject, form: str, count: int
) -> None:
    """Held against what each side had before it whenever it consented, kept by this test and not by
    the fold.
    """
    sides = ("nato", "china", "osce", "asean")[:count]
    consenting, _, other = TEXTS[form]
    world = World(sides=sides)
    id = world.open(N, act(form, **({"status": "proposed"} if form == "liaison-office" else {})))
    stood_for: dict[str, list[dict[str, bytes]]] = {side: [] for side in sides}
    stood_for["nato"].append(_texts(world.exchange(id)))
    proposed: dict[str, tuple[str, dict[str, bytes]]] = {}
    stepped: dict[str, set[str]] = {side: set() for side in sides}
    stale = consent.text_terms(world.exchange(id))
    name, value = next(iter(other.items()))
    for number in range(data.draw(st.integers(4, 24))):
        side = data.draw(st.sampled_from(sides))
        actor, exchange = f"{side}/h-1", world.exchange(id)
        step = data.draw(st.sampled_from(_STEPS))
        text = (
            [f"{value[0]} {number}"]
            if isinstance(value, list)
            else number + 2
            if isinstance(value, int)
            else f"{value} {number}"
        )
        amendments = exchange.acts.get("amendment", ())
        of = amendments[-1].id if amendments else "0192f3a4-5b6c-7d8e-8f90-00000000bbbb"
        given = [
            said.id
            for each in ("agreement", "endorsement", "amendment-agreement")
            for said in exchange.acts.get(each, ())
        ]
        body: dict[str, Any] = {
            "consent": {"act": consenting},
            "stale": {"act": consenting, "terms": stale},
            "correction": correction({name: text}),
            "amendment": amendment({name: text}),
            "take": {"act": "amendment-agreement", "of": of},
            "leave": {"act": "amendment-refusal", "of": of},
            "withdraw": {
                "act": "consent-withdrawal",
                "of": data.draw(st.sampled_from(given)) if given else of,
            },
            "reply": {"act": "reply", "text": "We have read it."},
        }.get(step, {"act": "status-change", "status": step})
        kept = world.keep(actor, body, id, seen=True)
        if not isinstance(kept, Folded) or not kept.valid:
            continue
        now = world.exchange(id)
        match step:
            case "consent" | "stale":
                stood_for[side].append(_texts(exchange))
            case "correction":
                stood_for[side].append(_texts(now))
            case "amendment":
                proposed[now.acts["amendment"][-1].id] = (
                    side,
                    {**_texts(exchange), name: bytes(_raw(body["fields"][name]))},
                )
                stood_for[side].append(proposed[now.acts["amendment"][-1].id][1])
            case "take":
                stood_for[side].append(proposed[of][1])
            case "held":
                stepped[side].add(step)
        if now.status in SAID:
            for party in sides:
                assert _texts(now) in stood_for[party], (party, now.status)
                assert now.status != "held" or now.status in stepped[party]


def _raw(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def test_who_came_is_recorded_by_an_update_and_the_agreed_text_stays(world: World) -> None:
    id = world.open(N, act("people-programme", planned=12))
    world.keep(C, {"act": "agreement"}, id, seen=True)
    before = consent.text_terms(world.exchange(id))
    outcome = {"act": "update", "fields": {"actual": 11, "follow_up": "A second year."}}
    assert isinstance(world.keep(N, outcome, id), Folded)
    after = world.exchange(id)
    assert bytes(after.content["actual"]) == b"11"
    assert consent.text_terms(after) == before
    assert consent.agreed(after) == {"nato", "china"}
    planned = refused(world.keep(N, {"act": "update", "fields": {"planned": 9}}, id))
    assert "propose an amendment" in str(planned.faults[0].detail)


def test_an_agreed_translation_of_an_account_falls_with_the_account() -> None:
    """The terms of a translation hold the words that it is of, wherever in the exchange they were
    said.
    """
    world = World()
    id = world.open("nato/d-1", act("hazardous-incident"))
    world.keep("china/d-1", {"act": "counter-account", "facts": "Our ship kept its course."}, id)
    account = world.exchange(id).messages[-1].id
    assert (
        bytes(consent.content_of_message(world.exchange(id), account)["facts"])
        == b'"Our ship kept its course."'
    )
    translation = {
        "act": "translation",
        "of": account,
        "language": "fr",
        "text": "Notre navire a gardé son cap.",
    }
    world.keep("nato/o-1", translation, id)
    (said,) = world.exchange(id).acts["translation"]
    reading = consent.reading(world.exchange(id), said)
    assert reading == consent.digest(
        id,
        "reading",
        {
            "original": consent.content_of_message(world.exchange(id), account),
            "translation": said.content,
        },
    )
    assert reading != consent.digest(id, "reading", {"original": {}, "translation": said.content})


def test_an_amendment_that_was_taken_keeps_what_stood_before() -> None:
    world = World()
    id = world.open("nato/o-1", act("roadmap-item", deliverable="A handbook."))
    agreed(world, id, "china/o-1", {"act": "agreement"})
    agreed(
        world,
        id,
        "nato/o-1",
        {"act": "amendment", "fields": {"deliverable": "A hotline."}, "reason": "More useful."},
    )
    (amendment,) = world.exchange(id).acts["amendment"]
    assert bytes(world.exchange(id).content["deliverable"]) == b'"A handbook."'
    assert world.exchange(id).amended == ()
    agreed(world, id, "china/o-1", {"act": "amendment-agreement", "of": amendment.id})
    (amended,) = world.exchange(id).amended
    assert bytes(world.exchange(id).content["deliverable"]) == b'"A hotline."'
    assert (bytes(amended.was["deliverable"]), amended.of, amended.taken.side) == (
        b'"A handbook."',
        amendment.id,
        "china",
    )


def agreed(world: World, id: str, actor: str, body: dict[str, Any]) -> None:
    assert isinstance(world.keep(actor, body, id, seen=True), Folded)
