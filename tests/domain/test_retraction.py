"""Retractions: a side takes back what it stated, and nothing else turns a statement."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.domain.acts import closing, consent, statements
from dragoman.domain.acts.accounts import differing
from dragoman.domain.acts.families.retracting import own_statement
from dragoman.domain.views.audit_findings import of_exchange
from dragoman.domain.views.stated import differences, stated_values
from owing import CD, ND, TD, C, N, fault, post
from samples import act
from world import World

DENIED = act(
    "hazardous-incident",
    kind="crash",
    whose="nobody_here",
    cause_established="A technical failure.",
)
ADMITTED = {
    "act": "retraction",
    "fields": {"whose": ["nato"], "cause_established": "Hit by a missile of ours."},
    "reason": {"en": "The first statement was not so.", "fr": "La déclaration était fausse."},
    "known_since": "2026-11-24T09:00Z",
}
ACCOUNT = {"act": "counter-account", "facts": "It was shot down.", "whose": ["nato"]}


@pytest.fixture
def denied() -> tuple[World, str]:
    world = World(sides=("nato", "china", "osce"), name="three")
    id = world.open(ND, DENIED)
    post(world, CD, ACCOUNT, id)
    return world, id


def test_a_denial_is_followed_by_an_admission_and_both_are_kept(denied: tuple[World, str]) -> None:
    world, id = denied
    assert differing(world.exchange(id)) == {"china": ["whose"]}
    begun = world.position
    post(world, ND, ADMITTED, id, seen=True)
    state = world.exchange(id)
    assert bytes(state.content["whose"]) == b'["nato"]'
    (kept,) = state.retractions
    assert bytes(kept.was["whose"]) == b'"nobody_here"' and kept.known_since == "2026-11-24T09:00Z"
    told = [
        (one.side, one.change, bytes(one.value)) for one in statements.statements(state, "whose")
    ]
    assert told == [
        ("nato", "opening", b'"nobody_here"'),
        ("china", "account", b'["nato"]'),
        ("nato", "retraction", b'["nato"]'),
    ]
    (difference,) = differences(state)
    assert (difference.member, difference.begins_at) == ("whose", begun)
    assert (difference.ends_at, difference.ended_by) == (world.position, "nato")
    assert not differing(state)["china"]
    found = of_exchange(world.registry, state, [])
    assert not [each for each in found if each.kind == "correction"], "to admit is no exception"


@pytest.mark.parametrize("side", ["nato", "china"])
def test_whoever_yields_the_difference_stays_on_record(
    denied: tuple[World, str], side: str
) -> None:
    world, id = denied
    fields = {"whose": ["nato"]} if side == "nato" else {"whose": "nobody_here"}
    post(world, f"{side}/d-1", {**ADMITTED, "fields": fields}, id, seen=True)
    (difference,) = differences(world.exchange(id))
    assert (difference.ended_by, difference.sides) == (side, ("china", "nato"))


@pytest.mark.parametrize(
    ("actor", "body", "member"),
    [
        (ND, {"act": "update", "fields": {"kind": "stray_fire"}}, "/fields/kind"),
        (ND, {"act": "update", "fields": {"whose": ["nato"]}}, "/fields/whose"),
        (ND, {"act": "update", "fields": {"time": "2026-11-24T05:00Z"}}, "/fields/time"),
        (
            ND,
            {**act("final-report"), "cause_established": "Hit by a missile."},
            "/cause_established",
        ),
        (CD, {**ACCOUNT, "whose": "nobody_here"}, "/whose"),
    ],
)
def test_no_other_act_leads_from_one_definite_value_to_another(
    denied: tuple[World, str], actor: str, body: dict[str, Any], member: str
) -> None:
    world, id = denied
    assert fault(world, actor, body, id) == member


def test_what_was_unknown_or_rough_becomes_definite_by_an_update(world: World) -> None:
    rough = {"about": "2026-11-24T03:05Z"}
    id = world.open(ND, act("hazardous-incident", time=rough, whose="unknown"))
    fields = {"whose": ["nato"], "time": "2026-11-24T03:07Z"}
    post(world, ND, {"act": "update", "fields": fields}, id)
    assert (
        fault(world, ND, {"act": "update", "fields": {"whose": ["china"]}}, id) == "/fields/whose"
    )


def test_a_side_takes_back_only_what_it_stated_itself(denied: tuple[World, str]) -> None:
    world, id = denied
    back = {**ADMITTED, "fields": {"whose": ["nato"]}}
    assert fault(world, TD, back, id, seen=True) == "/fields"
    assert fault(world, CD, {**back, "of": id}, id, seen=True) == "/of"
    assert fault(world, CD, {**back, "fields": {"kind": "crash"}}, id, seen=True) == "/fields"
    assert fault(world, ND, {**back, "fields": {"whose": "nobody_here"}}, id, seen=True) == (
        "/fields/whose"
    )
    assert fault(world, ND, {**back, "fields": {"kind": "a lie"}}, id, seen=True) == "/fields/kind"
    assert fault(world, CD, {**back, "fields": {"whose": 7}}, id, seen=True) == "/fields/whose"


def test_a_reply_and_a_final_report_are_taken_back_too_and_after_the_end(world: World) -> None:
    id = world.open(ND, DENIED)
    post(world, C, {"act": "reply", "text": "Our ships were in port."}, id)
    report = post(world, N, {"act": "final-report", "facts": "A technical failure."}, id)
    world.close(id)
    ended = {"act": "retraction", "of": report, "fields": {"facts": "It was hit."}, "reason": "No."}
    post(world, ND, ended, id, seen=True)
    reply = {"act": "retraction", "fields": {"text": "One ship was at sea."}, "reason": "Wrong."}
    post(world, CD, reply, id, seen=True)
    assert bytes(own_statement(world.exchange(id), "china")["text"]) == b'"One ship was at sea."'
    assert bytes(own_statement(world.exchange(id), "nato")["facts"]) == b'"It was hit."'


def test_a_newer_account_stands_over_what_was_taken_back_before(
    denied: tuple[World, str],
) -> None:
    world, id = denied
    post(world, CD, {**ADMITTED, "fields": {"whose": "unknown"}}, id, seen=True)
    assert not differing(world.exchange(id))["china"]
    post(world, CD, {**ACCOUNT, "facts": "We are certain now."}, id)
    assert differing(world.exchange(id)) == {"china": ["whose"]}
    terms = consent.accounts(world.exchange(id))
    post(world, C, {"act": "reply", "text": "Our ships were in port."}, id)
    back = {"act": "retraction", "fields": {"text": "One was at sea."}, "reason": "Wrong."}
    post(world, CD, back, id, seen=True)
    assert consent.accounts(world.exchange(id)) == terms, "a reply is no account"


def test_the_side_that_reported_cannot_close_against_an_account_that_differs(
    denied: tuple[World, str],
) -> None:
    world, id = denied
    post(world, N, act("closure"), id, seen=True)
    assert closing.objecting(world.exchange(id)) == {"china"}, "its account is an objection"
    world.close(id)
    post(world, CD, {"act": "reply", "text": "This hides causes."}, id)
    post(world, TD, {"act": "counter-account", "facts": "We saw it.", "whose": ["nato"]}, id)
    assert world.exchange(id).status == "closed"


STEPS = (
    (ND, ADMITTED),
    (ND, {**ADMITTED, "fields": {"whose": "unknown"}}),
    (ND, {"act": "update", "fields": {"casualties": 3}}),
    (ND, {"act": "correction", "fields": {"whose": ["osce"]}, "reason": "a slip"}),
    (CD, {**ADMITTED, "fields": {"whose": ["osce"]}}),
    (CD, {**ACCOUNT, "casualties": 4}),
    (TD, {**ACCOUNT, "whose": "unknown", "facts": "We saw nothing."}),
    (TD, {**ACCOUNT, "whose": "nobody_here"}),
)


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=10))
def test_every_value_and_every_difference_that_ever_stood_is_listed(
    steps: list[tuple[str, dict[str, Any]]],
) -> None:
    world = World(sides=("nato", "china", "osce"), name="three")
    id = world.open(ND, DENIED)
    ever, told = set[str](), set[tuple[str, str, bytes]]()
    for by, body in steps:
        world.keep(by, body, id, seen=True)
        state = world.exchange(id)
        ever |= {name for names in differing(state).values() for name in names}
        for name in ("whose", "casualties"):
            standing = statements.stated(state, name)
            told |= {(side, name, bytes(one.value)) for side, one in standing.items()}
            assert (
                bytes(standing["nato"].value) == bytes(state.content[name])
                if "nato" in standing
                else True
            )
    state = world.exchange(id)
    assert {each.member for each in differences(state)} == ever
    assert told <= {(one.side, one.member, bytes(one.value)) for one in stated_values(state)}
    standing_now = {name for names in differing(state).values() for name in names}
    assert {each.member for each in differences(state) if not each.ends} == standing_now
