"""Permissions depend on the side, on the role, and on the place of the side in the exchange. Each
permission has a beginning and an end.
"""

from typing import Any

import pytest

from accessed import POSTED
from dragoman.domain.acts import access, two_keys
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.act_rules import NEVER, Who
from dragoman.domain.decide import Submission, decide
from dragoman.domain.fold import Folded
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record, read_act
from dragoman.domain.record.errors import Refusal
from samples import SAMPLES, act
from world import SALT, World, compact, refused

N, C, TOLD, NH = "nato/o-1", "china/o-1", "osce/o-1", "nato/h-1"


def three(opening: str = "meeting-request", **changes: Any) -> tuple[World, str]:
    """A channel of three, in which nato has addressed china and told osce."""
    world = World(sides=("nato", "china", "osce"))
    return world, world.open(N, act(opening, to=["china"], info=["osce"], **changes))


# Sides


SIDES = {
    Who.ANY: {"nato", "china", "osce"},
    Who.OPENER: {"nato"},
    Who.OTHER: {"china", "osce"},
    Who.PARTY: {"nato", "china"},
    Who.CONVENER: {"nato", "china"},
    Who.ADDRESSEE: {"china"},
    Who.ADDRESSED: {"china", "osce"},
    Who.WATCH: set[str](),
    Who.COURIER: set[str](),
    Who.GATEWAY: set[str](),
    Who.DESK: set[str](),
    Who.STATION: set[str](),
}


@pytest.mark.parametrize("who", SIDES)
def test_a_side_stands_in_a_meeting_as_opener_addressee_or_for_information(who: Who) -> None:
    world, id = three()
    rule = next(rule for rule in RULES.values() if rule.who is who)
    assert {side for side in world.sides if access.stands(world.exchange(id), rule, side)} == SIDES[
        who
    ]


def test_only_the_opener_postpones_what_is_no_meeting() -> None:
    world, id = three("launch-notice")
    assert refused(world.keep(C, act("postponement"), id)).kind == "not-permitted"
    assert isinstance(world.keep(N, act("postponement"), id), Folded)


def test_windows_of_the_other_side_are_accepted_by_the_parties_that_did_not_name_them() -> None:
    world = World(sides=("nato", "china", "osce", "mars"))
    id = world.open(N, act("meeting-request", to=["china", "osce"], info=["mars"]))
    world.keep(C, act("counter-proposal"), id)
    rule = RULES["acceptance"]
    assert {side for side in world.sides if access.stands(world.exchange(id), rule, side)} == {
        "nato",
        "osce",
    }


def test_who_is_told_acknowledges_and_replies_and_does_not_accept_or_decline() -> None:
    world, id = three()
    assert isinstance(world.keep(TOLD, act("acknowledgement"), id), Folded)
    assert isinstance(world.keep(TOLD, act("reply"), id), Folded)
    assert refused(world.keep(TOLD, act("acceptance"), id, seen=True)).kind == "not-permitted"
    assert refused(world.keep(TOLD, act("decline"), id)).kind == "not-permitted"
    assert refused(world.keep(TOLD, act("agenda"), id)).kind == "not-permitted"


# Officers


def test_an_officer_is_in_office_after_the_entry_and_up_to_the_revocation() -> None:
    world = World()
    entered = world.registry.officers[N].since
    world.keep("nato/root", {"act": "officer-revocation", "officer": "o-1"})
    until = world.position
    found = {
        position: access.officer_at(world.registry, N, position) is not None
        for position in (entered, entered + 1, until, until + 1)
    }
    assert found == {entered: False, entered + 1: True, until: True, until + 1: False}


def test_who_is_no_officer_reads_nothing_nor_does_one_who_was_revoked(world: World) -> None:
    assert access.may_read(world.registry, N) is None
    assert access.may_read(world.registry, "nato/a-1") is None
    nobody = access.may_read(world.registry, "nato/nobody")
    world.keep("nato/root", {"act": "officer-revocation", "officer": "a-1"})
    revoked = access.may_read(world.registry, "nato/a-1")
    assert nobody is not None and revoked is not None
    assert (nobody.kind, revoked.kind) == ("not-permitted", "not-permitted")
    assert str(nobody.detail).startswith("nato/nobody is not an officer of nato-china;")


def test_root_reads_where_the_sides_keep_their_own_keys_and_nowhere_else() -> None:
    found = {
        (custody, actor): access.may_read(World(custody=custody).registry, actor) is None
        for custody in ("host", None)
        for actor in ("nato/root", "mars/root")
    }
    assert [each for each, may in found.items() if may] == [(None, "nato/root")]


@pytest.mark.parametrize(
    ("actor", "side"),
    [
        (N, "nato"),
        ("nato/root", ""),
        ("service/gateway", ""),
        ("nato/o-1/x", "nato"),
        ("nato/x/root", "nato"),
    ],
)
def test_officers_act_for_their_side_and_root_and_services_for_none(actor: str, side: str) -> None:
    assert access.officer_side(actor) == side


def may(world: World, name: str, actor: str, second: str = "") -> str:
    refusal = access.may_act(world.registry, None, RULES[name], actor, world.position + 1, second)
    return "" if refusal is None else str(refusal.detail)


def test_a_stranger_may_nothing_not_even_as_root(world: World) -> None:
    assert "mars is not a side" in may(world, "contact-note", "mars/o-1")
    assert "mars is not a side" in may(world, "officer", "mars/root")
    assert "is not in office" in may(world, "contact-note", "nato/nobody")


def test_root_changes_the_registry_alone_and_administrators_nothing_else(world: World) -> None:
    assert may(world, "officer", "nato/root") == ""
    assert "root keys" in may(world, "contact-note", "nato/root")
    assert may(world, "officer", "nato/adm-1") == ""
    assert "Only these roles" in may(world, "contact-note", "nato/adm-1")
    assert "these roles can send officer: administrator" in may(world, "officer", N)


def test_a_service_records_what_is_its_own_and_nobody_else_does(world: World) -> None:
    services = {"delivery": "gateway", "lapse": "watch", "channel-opening": "desk"}
    for name, service in services.items():
        assert [
            other for other in services.values() if may(world, name, f"service/{other}") == ""
        ] == [service]
        assert "only by the service" in may(world, name, N)
    assert "does not record" in may(world, "contact-note", "service/gateway")


@pytest.mark.parametrize("actor", ["service/", "service", "service/x", "service//", "service/ "])
def test_a_service_that_nobody_knows_records_nothing(world: World, actor: str) -> None:
    """An empty name passed for that of a service that no rule names: every act of officers was
    legal, without a signature.
    """
    assert [name for name in RULES if may(world, name, actor) == ""] == []


def test_of_two_officers_one_has_the_role_and_a_duty_officer_may_be_alone(world: World) -> None:
    assert (
        may(world, "explanation-request", N, NH) == may(world, "explanation-request", NH, N) == ""
    )
    assert "Only these roles" in may(world, "explanation-request", N, "nato/d-1")
    assert may(world, "explanation-request", "nato/d-1") == "", (
        "whether one key will do is asked next"
    )
    assert "Only these roles" in may(world, "liaison-office", "nato/d-1")
    assert "Only these roles" in may(world, "explanation-request", N, "nato/nobody")


def test_a_refusal_ends_with_a_full_stop_and_lists_the_roles_that_are_asked_for(
    world: World,
) -> None:
    assert (
        may(world, "hazardous-incident", N)
        == "Only these roles can send hazardous-incident: duty officer, head of office. nato/o-1 has officer."
    )
    world.keep(
        "nato/root",
        {"act": "officer", "officer": "o-2", "office": "hq", "roles": ["officer", "auditor"]},
    )
    assert may(world, "liaison-office", "nato/o-2").endswith("nato/o-2 has officer, auditor.")


# Decisions


def test_what_opens_an_exchange_is_posted_where_its_family_is(world: World) -> None:
    id = world.open(N, act("contact-note"))
    paths = {
        "contact-note": "/contacts",
        "meeting-request": "/meetings",
        "hazardous-incident": "/notifications",
        "perception": "/dialogue",
        "tasking": "/desk",
        "watch-assumption": "/channel",
    }
    for name, path in paths.items():
        assert f"post it to {path} of the channel" in str(
            refused(world.decide("nato/d-1", act(name), id)).detail
        )


def test_what_carries_an_exchange_on_names_one_that_there_is(world: World) -> None:
    refusal = refused(world.decide(N, act("reply")))
    assert (refusal.kind, "/exchanges/<id>/acts" in str(refusal.detail)) == ("invalid", True)
    refusal = refused(world.decide(N, act("reply"), "0192f0c1-2f3a-7c4d-8e5f-112233445566"))
    assert (refusal.kind, "0192f0c1-2f3a-7c4d-8e5f-112233445566" in str(refusal.detail)) == (
        "not-found",
        True,
    )
    assert refused(world.decide(N, act("reply"), world.registry.id)).kind == "not-found"


def test_a_change_of_the_registry_rests_on_the_registry(world: World) -> None:
    etag = world.registry.etag
    body = act("watch-assumption")
    assert refused(world.decide("nato/d-1", body, if_match="00" * 32)).kind == "moved"
    assert not isinstance(world.decide("nato/d-1", body, if_match=etag), Refusal)


def test_an_opening_rests_on_nothing_that_could_have_moved(world: World) -> None:
    assert refused(world.decide(N, act("contact-note"), if_match="00" * 32)).kind == "moved"
    assert not isinstance(world.decide(N, act("contact-note"), if_match=""), Refusal)


def test_a_post_to_the_path_of_another_family_is_sent_to_its_own(world: World) -> None:
    raw, data = read_act(compact(act("contact-note")), cut=False)
    for family, taken in (("contact", True), ("", True), ("meeting", False)):
        post = Submission(actor=N, act=raw, data=data, id=ids.v7(1, bytes(10)), family=family)
        decided = decide(
            world.ledger.standing.state, world.ledger, post, time=world.tick(), salt=SALT
        )
        assert isinstance(decided, Record) == taken
        if isinstance(decided, Refusal):
            assert (decided.kind, "post it to /contacts of the channel" in str(decided.detail)) == (
                "invalid",
                True,
            )


# What is printed


COLUMNS = {
    "o-1": "officer",
    "d-1": "duty officer",
    "h-1": "head of office",
    "adm-1": "administrator",
    "a-1": "auditor",
    "root": "root",
}


@pytest.mark.parametrize("name", POSTED)
def test_a_role_permits_what_docs_access_says_of_it(name: str, world: World) -> None:
    printed = POSTED[name]
    for officer, column in COLUMNS.items():
        actor, alone = f"nato/{officer}", RULES[name].two_key and officer == "d-1"
        if not alone:  # whether one key of a duty officer will do is asked next
            assert (may(world, name, actor) == "") == (printed[column] == "yes"), column
        if printed[column] == "with another":
            assert may(world, name, actor, NH) == ""
            assert "Only these roles" in may(world, name, actor, N if actor != N else "nato/d-1")
    assert printed["by"].startswith(RULES[name].who.wording)
    assert printed["keys"].startswith("two") == (RULES[name].two_key or name in two_keys.CONSENTS)
    assert (printed["keys"] == "as its matter") == (name in two_keys.BY_MATTER)
    subject_to_the_capital = "ad_referendum" in RULES[name].shape.__struct_fields__
    assert ("one ad referendum" in printed["keys"]) == subject_to_the_capital
    assert ("two on the ladder" in printed["keys"]) == (name == "meeting-request")
    assert ("urgent" in printed["keys"]) == (RULES[name].one_key is not NEVER)
    assert (printed["consents"] == "yes") == RULES[name].consenting


@pytest.mark.parametrize(
    "name",
    [name for name in SAMPLES if RULES[name].family is not None and RULES[name].who is Who.ANY],
)
def test_who_posts_a_sample_is_refused_for_the_role_where_docs_access_says_so(name: str) -> None:
    kind = "desk" if RULES[name].family == "desk" else "official"
    world = World(sides=("nato",) if kind == "desk" else ("nato", "china"), kind=kind)
    body = (
        act(name, precedence="flash") if name == "call-request" else act(name)
    )  # which a duty officer asks for in a crisis alone
    for officer, column in COLUMNS.items():
        outcome = world.decide(f"nato/{officer}", body)
        kept_back = isinstance(outcome, Refusal) and outcome.kind == "not-permitted"
        duty = RULES[name].two_key and officer == "d-1"
        assert kept_back == (POSTED[name][column] != "yes" and not duty), (column, outcome)


@pytest.mark.parametrize("author", ["nato/a-1", "nato/adm-1"])
def test_who_is_no_officer_drafts_nothing_whoever_releases_it(author: str, world: World) -> None:
    refusal = refused(world.keep(author, act("explanation-request"), released_by="nato/h-1"))
    assert (refusal.kind, "drafted by an officer" in str(refusal.detail)) == ("not-permitted", True)
    assert isinstance(
        world.keep("nato/o-1", act("explanation-request"), released_by="nato/h-1"), Folded
    )
