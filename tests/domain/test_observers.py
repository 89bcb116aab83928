"""Observers: they read and speak, owe nothing, and their consent is not needed and not taken."""

import random
from typing import Any

import msgspec
import pytest

from dragoman.domain.acts import consent, deadlines, line_checks, log_policy
from dragoman.domain.acts.access import CONSENTING, full_sides, may_read, observers
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.families.exchange import owes_acknowledgement, owes_answer
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal
from dragoman.domain.views.offers import allowed
from dragoman.tlog import dsse
from dragoman.tlog.note import COSIGNATURE, Verifier
from owing import (
    CD,
    CH,
    ND,
    NH,
    TD,
    TH,
    C,
    N,
    Observed,
    T,
    bound,
    clocks,
    fault,
    post,
    set_clock,
)
from samples import SAMPLES, act
from world import World, public_of, refused, seed_of

ROOT = "osce/root"
OPENABLE = sorted(
    name for name, form in FORMATS.items() if "official" in form.kinds and name != "line-check"
)


@pytest.fixture
def world() -> World:
    """A channel of two sides and an observer, in which the sides have adopted a profile."""
    return bound(Observed())


def opened(world: World, name: str, side: str = "nato", **changes: Any) -> str:
    """Open an exchange by the officers of a side that its act needs."""
    for officer in ("o-1", "d-1", "h-1"):
        actor = f"{side}/{officer}"
        colleague = f"{side}/{'o-1' if officer != 'o-1' else 'd-1'}"
        for releaser in ("", colleague):
            folded = world.keep(actor, act(name) | changes, released_by=releaser)
            if isinstance(folded, Folded) and folded.record is not None:
                return folded.record.envelope.id
    raise AssertionError(name)


# What it owes


def test_the_limits_bind_without_an_observer(world: World) -> None:
    assert full_sides(world.registry) == ("nato", "china")
    assert observers(world.registry) == {"osce"}
    assert deadlines.profile_of(world.registry)[1] is not None
    assert "osce" not in world.registry.profiles


@pytest.mark.parametrize("name", OPENABLE)
@pytest.mark.parametrize("side", ["nato", "osce"])
def test_an_observer_owes_nothing_whoever_opens_a_matter(
    name: str, side: str, world: World
) -> None:
    if (side, name) == ("osce", "undertaking"):
        id = opened(world, name, side, by="china")
    else:
        id = opened(world, name, side)
    exchange = world.exchange(id)
    assert "osce" not in exchange.to
    assert ("osce" in exchange.info) is (side != "osce")
    assert {clock.side for clock in clocks(world, id).values()} <= {"nato", "china"}
    for body in ({"act": "clarification-request", "questions": ["Why?"]}, act("acknowledgement")):
        world.keep(C, body, id)
    world.keep(C, act("reply"), id)
    world.keep(C, act("counter-proposal"), id)
    exchange = world.exchange(id)
    assert len(exchange.messages) >= 2
    assert all("osce" not in message.to for message in exchange.messages)
    assert "osce" not in owes_acknowledgement(exchange) | owes_answer(exchange)
    assert {clock.side for clock in clocks(world, id).values()} <= {"nato", "china"}


def test_an_observer_is_never_addressed_for_action(world: World) -> None:
    assert fault(world, N, act("contact-note", to=["china", "osce"])) == "/to/1"
    id = world.open(N, act("contact-note", to=["china"]))
    assert (world.exchange(id).info, world.exchange(id).observers) == (("osce",), ("osce",))
    assert may_read(world.registry, T) is None
    id = world.open(N, act("contact-note", info=["osce"]))
    assert (world.exchange(id).to, world.exchange(id).info) == (("china",), ("osce",))


def test_a_question_of_an_observer_is_answered_and_its_answer_asks_nobody_for_a_receipt(
    world: World,
) -> None:
    id = world.open(ND, act("hazardous-incident"))
    of = post(world, TD, {"act": "clarification-request", "questions": ["Where?"]}, id)
    assert world.exchange(id).messages[-1].to == ("nato",)
    assert clocks(world, id)["clarification", "nato"].open
    post(world, N, {"act": "reply", "of": of, "text": "At sea."}, id)
    answer = world.exchange(id).messages[-1]
    assert (answer.to, answer.info) == ((), ("china", "osce"))
    assert not clocks(world, id)["clarification", "nato"].open


# Consent


def test_an_act_of_consent_by_an_observer_is_refused_and_not_listed(world: World) -> None:
    id = opened(world, "roadmap-item")
    for actor in (T, TD, TH):
        folded = world.keep(actor, {"act": "agreement"}, id, seen=True, released_by="")
        assert refused(folded).kind == "not-permitted"
    item = world.exchange(id)
    post(world, C, {"act": "agreement"}, id, seen=True)
    assert world.exchange(id).status == "agreed"
    assert consent.parties(item) == {"nato", "china"}
    for name in sorted(CONSENTING & SAMPLES.keys()):
        outcome = world.keep(TH, act(name), id, seen=True, released_by="")
        assert not isinstance(outcome, Folded), name


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("roadmap-item", {"act": "agreement"}, "agreed"),
        ("people-programme", {"act": "agreement"}, "agreed"),
        ("undertaking", {"act": "agreement"}, "undertaken"),
        ("mechanism", {"act": "agreement"}, "in_force"),
        ("recommendation", {"act": "endorsement"}, "endorsed"),
        ("joint-report", {"act": "endorsement"}, "settled"),
        ("public-line", {"act": "agreement"}, "agreed"),
        ("release", {"act": "release-consent"}, "agreed"),
        ("visit-invitation", act("acceptance", window=0), "accepted"),
    ],
)
@pytest.mark.parametrize("side", ["nato", "osce"])
def test_the_consent_of_the_others_suffices(
    name: str, body: dict[str, Any], status: str, side: str, world: World
) -> None:
    changes = {"chairs": {"nato": "Chair"}} if name == "mechanism" else {}
    id = opened(world, name, side, **changes)
    for actor in (N, C) if side == "osce" else (C,):
        assert world.exchange(id).status != status
        post(world, actor, body, id, seen=True)
    assert world.exchange(id).status == status


def test_the_facts_of_an_observers_report_are_agreed_by_the_sides(world: World) -> None:
    id = world.open(T, act("encounter-report"))
    facts = act("accounts-agreement", facts="They passed at 700 m.")
    assert fault(world, T, facts, id, seen=True) == "not-permitted"
    for actor in (N, C):
        post(world, actor, facts, id, seen=True)
    assert world.exchange(id).status == "agreed_facts"


def test_a_view_is_common_ground_of_the_sides(world: World) -> None:
    id = world.open(N, act("perception"))
    for actor in (N, C):
        post(world, actor, act("common-ground"), id, seen=True)
    assert world.exchange(id).status == "common_ground"
    assert fault(world, T, act("common-ground"), id, seen=True) == "not-permitted"


def test_an_observer_stops_no_amendment_and_drops_no_plan(world: World) -> None:
    id = opened(world, "roadmap-item")
    post(world, C, {"act": "agreement"}, id, seen=True)
    body = {"act": "amendment", "reason": "Better.", "fields": {"deliverable": "Another chart"}}
    assert fault(world, T, body, id, seen=True, released_by=TD) == "not-permitted"
    of = post(world, N, body, id, seen=True, released_by=ND)
    assert fault(world, T, {"act": "amendment-refusal", "of": of}, id) == "not-permitted"
    change = act("status-change", status="dropped")
    assert fault(world, T, change, id) == "not-permitted"
    post(world, C, {"act": "amendment-agreement", "of": of}, id, seen=True, released_by=CD)
    assert bytes(world.exchange(id).content["deliverable"]) == b'"Another chart"'
    post(world, C, change, id)
    assert world.exchange(id).status == "dropped"


def test_a_joint_step_is_said_by_the_sides_alone(world: World) -> None:
    id = opened(world, "roadmap-item")
    post(world, C, {"act": "agreement"}, id, seen=True)
    post(world, C, act("status-change", status="scheduled"), id)
    for actor in (N, C):
        assert world.exchange(id).status == "scheduled"
        post(world, actor, act("status-change", status="held"), id)
    assert world.exchange(id).status == "held"


def test_an_observer_speaks(world: World) -> None:
    id = world.open(ND, act("hazardous-incident"))
    for body in (
        act("acknowledgement"),
        act("reply"),
        act("people-status"),
        act("help-offer"),
        act("counter-account"),
        act("closure"),
    ):
        post(world, TD, body, id, seen=True)
    assert world.exchange(id).status == "open"
    assert "reply" in {*allowed(world.registry, world.exchange(id), "osce")}


# The channel


@pytest.mark.parametrize("actor", [ROOT, "osce/adm-1"])
@pytest.mark.parametrize(
    "body",
    [
        {"act": "profile-adoption", "profile": "default"},
        {"act": "policy-adoption", "policy": "x"},
        {"act": "erasure-consent", "records": []},
    ],
    ids=lambda body: str(body["act"]),
)
def test_an_observer_adopts_and_consents_to_nothing_in_the_channel_either(
    actor: str, body: dict[str, Any], world: World
) -> None:
    if body["act"] == "erasure-consent":
        id = opened(world, "contact-note")
        records = [msgspec.to_builtins(item) for item in world.ledger.records_of(id)]
        body = body | {"records": records}
    assert fault(world, actor, body) == "not-permitted"


def test_an_observer_keeps_its_own_officers_and_lists(world: World) -> None:
    entry = {"act": "officer", "officer": "o-2", "office": "hq", "roles": ["officer"]}
    post(world, ROOT, entry)
    post(world, "osce/o-2", act("contact-note"))


def test_the_line_is_checked_between_the_sides() -> None:
    world: World = Observed()
    checks = {"at": ["06:00", "18:00"], "zone": "UTC", "sent_by": "alternating"}
    for side in full_sides(world.registry):
        body = {"act": "profile-adoption", "profile": "default", "line_check": checks}
        post(world, f"{side}/root", body)
    schedule = line_checks.schedule_of(world.registry)
    assert schedule is not None
    assert schedule.sides == ("nato", "china")


def witness(name: str) -> str:
    public = dsse.public_of(seed_of(f"witness/{name}"))
    return str(Verifier(f"{name}.example/witness", COSIGNATURE, public))


POLICY = (
    f"witness n {witness('nato')}\nwitness c {witness('china')}\n"
    "group nato any n\ngroup china any c\ngroup both all nato china\nquorum both\n"
)


def test_a_policy_of_witnesses_needs_no_group_of_an_observer(world: World) -> None:
    record = world.genesis(policy=POLICY, witnesses=[witness("nato"), witness("china")])
    assert log_policy.check_opening(log_policy.log_of(world.registry), record.data) is None
    assert log_policy.check_opening(
        log_policy.log_of(world.registry),
        World(sides=world.sides).genesis(
            policy=POLICY, witnesses=[witness("nato"), witness("china")]
        ).data,
    )  # fmt: skip
    for side in full_sides(world.registry):
        assert world.registry.policy == ""
        post(world, f"{side}/root", {"act": "policy-adoption", "policy": POLICY})
    assert world.registry.policy == POLICY


def admission(name: str, *, observer: bool) -> dict[str, Any]:
    """Return the admission of a side."""
    side = {"name": name, "roots": [public_of(f"{name}/root")], "threshold": 1}
    return {
        "act": "side-admission",
        "side": side | ({"observer": True} if observer else {}),
    }


def test_the_sides_admit_without_the_observer_and_the_limits_bind_as_before(world: World) -> None:
    _, before = deadlines.profile_of(world.registry)
    body = admission("csce", observer=True)
    assert not world.attested(body, "nato/root", ROOT, "csce/root").valid, "china is a side"
    assert world.attested(body, "nato/root", "china/root", "csce/root").valid
    assert observers(world.registry) == {"osce", "csce"}
    assert deadlines.profile_of(world.registry)[1] == before
    assert world.attested(
        admission("japan", observer=False), "nato/root", "china/root", "japan/root"
    ).valid
    assert deadlines.profile_of(world.registry)[1] is None, "it has not adopted the profile"


def test_the_sides_erase_without_the_observer_and_the_observer_alone_erases_nothing(
    world: World,
) -> None:
    id = opened(world, "contact-note")
    records = [msgspec.to_builtins(item) for item in world.ledger.records_of(id)]
    body = {"act": "erasure", "records": records, "reason": "By order of a court."}
    assert not world.attested(body, ROOT, actor=ROOT).valid
    assert not world.attested(body, "nato/root", ROOT).valid
    assert world.attested(body, "nato/root", "china/root").valid
    assert id in world.registry.erased


def test_a_full_side_that_came_later_is_asked_and_an_older_matter_keeps_its_observers(
    world: World,
) -> None:
    id = opened(world, "roadmap-item")
    world.attested(admission("csce", observer=True), "nato/root", "china/root", "csce/root")
    assert world.exchange(id).observers == ("osce",)
    later = opened(world, "roadmap-item")
    assert world.exchange(later).observers == ("osce", "csce")
    post(world, C, {"act": "agreement"}, later, seen=True)
    assert world.exchange(later).status == "agreed"


def test_whatever_is_posted_no_message_asks_an_observer_for_anything(world: World) -> None:
    chance = random.Random(23)
    officers = [N, ND, NH, C, CD, CH, T, TD, TH]
    ids = [opened(world, name) for name in ("hazardous-incident", "meeting-request")]
    ids += [world.open(T, act("contact-note")), world.open(T, act("meeting-request"))]
    names = [name for name in SAMPLES if name not in FORMATS]
    valid = 0
    for _ in range(800):
        id, actor = chance.choice(ids), chance.choice(officers)
        outcome = world.keep(actor, act(chance.choice(names)), id, seen=True, released_by="")
        valid += isinstance(outcome, Folded)
        exchange = world.exchange(id)
        assert all("osce" not in message.to for message in exchange.messages)
        assert "osce" not in owes_acknowledgement(exchange) | owes_answer(exchange)
        assert all(clock.side != "osce" for clock in clocks(world, id).values())
    assert valid > 50
    set_clock(world, "2026-12-24T12:00Z")
    assert isinstance(world.decide(T, act("contact-note")), Record | Refusal)
