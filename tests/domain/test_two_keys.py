"""No act binds a side on the word of one officer. An act that takes two keys counts once the second
key has turned.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from dragoman.domain.acts import consent, deadline_outcomes, deadlines, two_keys
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import Record
from dragoman.domain.views.audit_findings import of_exchange
from dragoman.domain.views.flags import flags
from dragoman.domain.views.offers import allowed
from dragoman_schemas.state import Exchange
from samples import act
from world import NOTE, World, refused

N, ND, NH = "nato/o-1", "nato/d-1", "nato/h-1"
C, CD, CH = "china/o-1", "china/d-1", "china/h-1"

BINDING: dict[str, tuple[str, dict[str, Any], dict[str, Any], str, str]] = {
    "roadmap-item": ("agreement", {}, {}, "proposed", "agreed"),
    "liaison-office": ("agreement", {"status": "proposed"}, {}, "proposed", "agreed"),
    "people-programme": ("agreement", {}, {}, "proposed", "agreed"),
    "recommendation": ("endorsement", {}, {}, "addressed", "endorsed"),
    "joint-report": ("endorsement", {}, {}, "negotiating", "settled"),
}
"""By format: the act of consent, changes to the opening and to the act, the status before and
after.
"""


def sent(world: World, actor: str, body: dict[str, Any], id: str, **how: Any) -> str:
    """Post an act and return the id of its record."""
    kept = world.keep(actor, body, id, **how)
    assert isinstance(kept, Folded) and kept.record is not None, kept
    return kept.record.envelope.id


def turn(world: World, actor: str, of: str, id: str) -> Folded:
    kept = world.keep(actor, {"act": "second-key", "of": of}, id)
    assert isinstance(kept, Folded), kept
    return kept


def noted(world: World, id: str) -> list[str]:
    return [
        str(flag.detail)
        for flag in flags(world.registry, world.exchange(id), [])
        if flag.flag == "one_key"
    ]


def limits(world: World, exchange: Exchange) -> Iterator[deadlines.Deadline]:
    return (
        each
        for each in deadlines.deadlines_of(world.registry, exchange, {})
        if each.clock == "second_key"
    )


@pytest.mark.parametrize("form", BINDING)
def test_a_consent_of_one_officer_binds_nobody_until_a_colleague_has_turned_the_second_key(
    form: str, world: World
) -> None:
    name, opening, body, before, after = BINDING[form]
    id = world.open(NH, act(form, **opening))
    of = sent(world, C, {"act": name, **body}, id, seen=True, released_by="")
    assert world.exchange(id).status == before
    assert consent.agreed(world.exchange(id)) == {"nato"}
    assert len(noted(world, id)) == 1
    assert "second-key" in allowed(world.registry, world.exchange(id), "china")
    assert "second-key" not in allowed(world.registry, world.exchange(id), "nato")
    for actor in (C, NH, N):
        assert (
            refused(world.keep(actor, {"act": "second-key", "of": of}, id)).faults[0].pointer
            == "/of"
        )
    assert (
        refused(world.keep(CD, {"act": "second-key", "of": id}, id)).faults[0].pointer == "/of"
    ), "the key is of a record that waits"
    turn(world, CD, of, id)
    assert world.exchange(id).status == after
    assert consent.agreed(world.exchange(id)) == {"nato", "china"}
    assert noted(world, id) == []
    assert "second-key" not in allowed(world.registry, world.exchange(id), "china")


@pytest.mark.parametrize("form", BINDING)
def test_a_consent_of_two_officers_binds_at_once(form: str, world: World) -> None:
    name, opening, body, _, after = BINDING[form]
    id = world.open(NH, act(form, **opening))
    sent(world, C, {"act": name, **body}, id, seen=True, released_by=CD)
    assert (world.exchange(id).status, world.exchange(id).one_key) == (after, ())


def test_what_binds_nobody_yet_keeps_nobody_from_correcting_the_text_and_its_second_key_agrees_to_no_other(
    world: World,
) -> None:
    id = world.open(N, act("roadmap-item"))
    of = sent(world, C, {"act": "agreement"}, id, seen=True, released_by="")
    sent(
        world,
        N,
        {"act": "correction", "reason": "A slip.", "fields": {"deliverable": "Another chart"}},
        id,
        seen=True,
    )
    turn(world, CD, of, id)
    assert world.exchange(id).status == "proposed"
    assert consent.agreed(world.exchange(id)) == {"nato"}


def test_a_consent_that_was_taken_back_asks_for_no_second_key(world: World) -> None:
    id = world.open(N, act("roadmap-item"))
    of = sent(world, C, {"act": "agreement"}, id, seen=True, released_by="")
    (limit,) = limits(world, world.exchange(id))
    assert (limit.side, limit.started_by, (limit.due - limit.begins).total_seconds()) == (
        "china",
        of,
        7200,
    )
    assert deadline_outcomes.is_owed(world.exchange(id), limit)
    sent(world, C, {"act": "consent-withdrawal", "of": of}, id)
    (limit,) = limits(world, world.exchange(id))
    assert not deadline_outcomes.is_owed(world.exchange(id), limit)
    assert refused(world.keep(CD, {"act": "second-key", "of": of}, id)).faults[0].pointer == "/of"
    found = of_exchange(world.registry, world.exchange(id), [])
    assert [str(each.detail) for each in found if each.kind == "one_key"] == [
        "Agreement: sent by china/o-1 only, and taken back before a second officer confirmed it"
    ]


def test_agreed_facts_are_agreed_once_the_last_second_key_has_turned(world: World) -> None:
    id = world.open(N, act("encounter-report"))
    facts = act("accounts-agreement", facts="They passed at 700 m.")
    sent(world, N, facts, id, seen=True)
    of = sent(world, C, facts, id, seen=True, released_by="")
    assert world.exchange(id).status == "reported"
    turn(world, CH, of, id)
    assert world.exchange(id).status == "agreed_facts"
    world.keep(CH, {"act": "closure"}, id, seen=True)
    closing = sent(world, N, {"act": "closure"}, id, seen=True, released_by="")
    assert world.exchange(id).status == "agreed_facts", (
        "what all agreed to is not ended by one officer"
    )
    assert world.exchange(id).closures.keys() == {"china"}
    turn(world, ND, closing, id)
    assert world.exchange(id).status == "closed"


def test_an_amendment_is_in_the_text_once_every_second_key_has_turned(world: World) -> None:
    id = world.open(N, act("roadmap-item"))
    sent(world, C, {"act": "agreement"}, id, seen=True)
    before = world.exchange(id).content
    body = {"act": "amendment", "reason": "Better.", "fields": {"deliverable": "Another chart"}}
    assert (
        refused(world.keep(N, body, id, seen=True, released_by="")).kind == "second-key-required"
    ), "it took two officers"
    amendment = sent(world, ND, body, id, seen=True, released_by="")
    taking = sent(
        world, C, {"act": "amendment-agreement", "of": amendment}, id, seen=True, released_by=""
    )
    turn(world, CD, taking, id)
    assert world.exchange(id).content == before
    turn(world, NH, amendment, id)
    assert bytes(world.exchange(id).content["deliverable"]) == b'"Another chart"'
    assert [each.of for each in world.exchange(id).amended] == [amendment]
    assert consent.agreed(world.exchange(id)) == {"nato", "china"}


@pytest.mark.parametrize(
    "form",
    [
        "military-activity",
        "launch-notice",
        "terrorism-warning",
        "annual-exchange",
        "explanation-request",
    ],
)
@pytest.mark.parametrize("name", ["correction", "cancellation"])
def test_a_message_of_two_officers_is_changed_by_two_or_by_a_duty_officer_with_the_second_due(
    form: str, name: str, world: World
) -> None:
    id = world.open(NH, act(form))
    body = {
        "act": name,
        "reason": "A slip.",
        **({"fields": {"subject": "Another"}} if name == "correction" else {}),
    }
    assert refused(world.decide(N, body, id, world.exchange(id).etag)).kind == "second-key-required"
    assert isinstance(world.decide(N, body, id, world.exchange(id).etag, released_by=ND), Record)
    of = sent(world, ND, body, id, seen=True, released_by="")
    now = world.exchange(id)
    assert (len(now.corrections), now.cancellation is not None) == (
        (1, False) if name == "correction" else (0, True)
    ), "it stands at once"
    assert noted(world, id) == [
        f"{name.title()}: sent by nato/d-1; a second officer must still confirm it"
    ]
    assert [limit.started_by for limit in limits(world, now)] == [of]
    turn(world, NH, of, id)
    assert noted(world, id) == []


def test_a_message_of_one_officer_is_changed_by_one(world: World) -> None:
    id = world.open(N, NOTE)
    body = {"act": "correction", "reason": "A slip.", "fields": {"subject": "Another"}}
    assert (
        refused(world.decide(N, body, id, world.exchange(id).etag, released_by=ND)).kind == "void"
    )
    sent(world, N, body, id, seen=True, released_by="")
    assert world.exchange(id).one_key == ()


def test_a_receipt_makes_nothing_void_that_relies_on_what_was_said(world: World) -> None:
    id = world.open(ND, act("launch-notice", phase="deviation"))
    read = world.exchange(id)
    sent(world, CD, {"act": "acknowledgement"}, id)
    turn(world, NH, id, id)
    now = world.exchange(id)
    assert (now.revision, now.etag != read.etag) == (read.revision, True)
    body = {"act": "correction", "reason": "A slip.", "fields": {"subject": "Another"}}
    assert isinstance(world.decide(ND, body, id, read.revision), Record)
    sent(world, ND, {"act": "update", "text": "It fell into the sea."}, id)
    assert refused(world.decide(ND, body, id, read.revision)).kind == "moved"


def test_the_keys_of_every_opening_are_those_of_its_rule(world: World) -> None:
    id = world.open(ND, act("launch-notice", phase="deviation"))
    assert [(each.id, each.act) for each in two_keys.due(world.exchange(id))] == [
        (id, "launch-notice")
    ]
    plain = world.open(N, act("military-activity"))
    assert two_keys.due(world.exchange(plain)) == ()


@pytest.mark.parametrize("form", BINDING)
@pytest.mark.parametrize(
    "body", [{"act": "reply", "text": "Noted."}, {"act": "acknowledgement"}, {"act": "closure"}]
)
def test_what_binds_nobody_takes_one_officer(form: str, body: dict[str, Any], world: World) -> None:
    _, opening, _, _, _ = BINDING[form]
    id = world.open(NH, act(form, **opening))
    assert (
        refused(world.decide(C, body, id, world.exchange(id).etag, released_by=CD)).kind == "void"
    )
    sent(world, C, body, id, seen=True, released_by="")
    assert world.exchange(id).one_key == ()


@pytest.mark.parametrize("form", BINDING)
def test_an_amendment_of_a_text_that_nobody_has_agreed_to_waits_for_its_second_key(
    form: str, world: World
) -> None:
    name, opening, _, _, _ = BINDING[form]
    id = world.open(NH, act(form, **opening))
    body = {"act": "amendment", "reason": "Better.", "fields": {"subject": "Another"}}
    of = sent(world, C, body, id, seen=True, released_by="")
    assert [(each.id, each.act) for each in two_keys.due(world.exchange(id))] == [(of, "amendment")]
    world.keep(NH, {"act": "amendment-agreement", "of": of}, id, seen=True)
    assert consent.agreed(world.exchange(id)) == {"nato"}, name
    turn(world, CD, of, id)
    assert consent.agreed(world.exchange(id)) == {"nato", "china"}


def test_a_meeting_that_is_amended_takes_one_officer(world: World) -> None:
    id = world.open(N, act("meeting-request"))
    world.keep(C, {"act": "acceptance", "window": 0}, id, seen=True)
    of = sent(
        world,
        N,
        {"act": "amendment", "reason": "Better.", "fields": {"purpose": "Another"}},
        id,
        seen=True,
        released_by="",
    )
    sent(world, C, {"act": "amendment-agreement", "of": of}, id, seen=True, released_by="")
    assert world.exchange(id).one_key == ()
    assert bytes(world.exchange(id).content["purpose"]) == b'"Another"'


def test_the_closure_of_what_every_side_agreed_to_takes_two(world: World) -> None:
    id = world.open(N, act("roadmap-item"))
    sent(world, C, {"act": "agreement"}, id, seen=True)
    world.keep(CH, {"act": "closure"}, id, seen=True)
    of = sent(world, N, {"act": "closure"}, id, seen=True, released_by="")
    assert world.exchange(id).status == "agreed"
    turn(world, ND, of, id)
    assert world.exchange(id).status == "closed"


def test_the_closure_of_what_only_some_agreed_to_takes_one() -> None:
    world = World(sides=("nato", "china", "osce"))
    id = world.open(N, act("roadmap-item"))
    sent(world, C, {"act": "agreement"}, id, seen=True)
    sent(world, N, {"act": "closure"}, id, seen=True, released_by="")
    exchange = world.exchange(id)
    assert ({*exchange.closures}, exchange.one_key) == ({"nato"}, ())
