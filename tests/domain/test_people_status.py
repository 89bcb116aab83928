"""People first: who is where in an incident, and help in every incident."""

import json
import random
from typing import Any

import pytest

from dragoman.domain.views.people import people_of
from owing import CD, ND, THREE, C, N, T, bound, clocks, fault, post, written
from samples import act
from world import World

INCIDENTS = {
    "hazardous-incident": ("open", "contained", "reported"),
    "encounter-report": ("reported", "accounts_differ", "agreed_facts"),
    "emergency-notification": ("open", "ended"),
}
"""The incidents, and the statuses in which people and help have a place."""

HELP = ("help-request", "help-offer", "help-acceptance", "help-delivery")
GROUP = {"kind": "held", "number": 24}


def status(*groups: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a `people-status` with these groups."""
    return {"act": "people-status", "as_of": "2026-11-24T04:00Z", "groups": list(groups)} | changes


def incident(world: World, name: str, reached: str = "") -> str:
    """Report an incident and bring it to a status."""
    changes = {"help": "wanted"} if name == "emergency-notification" else {}
    id = world.open(ND, act(name, **changes))
    match reached:
        case "contained":
            post(world, ND, act("contained"), id)
        case "ended":
            post(world, ND, act("ended"), id)
        case "reported" if name == "hazardous-incident":
            post(world, ND, act("final-report"), id)
        case "accounts_differ":
            post(world, C, {"act": "counter-account", "facts": "At a distance."}, id)
        case "agreed_facts":
            for actor in (N, C):
                post(world, actor, act("accounts-agreement"), id, seen=True)
    assert reached in ("", world.exchange(id).status)
    return id


def everywhere() -> list[tuple[str, str]]:
    """Return each incident with each of its statuses."""
    return [(name, reached) for name, statuses in INCIDENTS.items() for reached in statuses]


# Where it may be said


@pytest.mark.parametrize(("name", "reached"), everywhere())
def test_people_and_help_have_a_place_in_every_incident_and_change_no_status(
    name: str, reached: str, world: World
) -> None:
    id = incident(world, name, reached)
    for actor, body in (
        (N, status(GROUP)),
        (C, status(GROUP | {"kind": "rescued"})),
        (N, act("help-request")),
        (C, act("help-offer")),
        (N, act("help-acceptance")),
        (C, act("help-delivery")),
    ):
        post(world, actor, body, id)
        assert world.exchange(id).status == reached, body["act"]


@pytest.mark.parametrize("name", ["contact-note", "danger-area", "terrorism-warning"])
@pytest.mark.parametrize("word", ["people-status", *HELP])
def test_nothing_but_an_incident_has_people_and_help(name: str, word: str, world: World) -> None:
    id = world.open(N, act(name))
    assert fault(world, C, act(word), id) == "not-allowed-in-state"


def test_a_side_that_is_not_addressed_may_help_and_say_what_it_knows() -> None:
    world = World(sides=THREE)
    id = world.open(ND, act("hazardous-incident", to=["china"], assistance="wanted"))
    post(world, T, status(GROUP | {"kind": "rescued", "of": "nato"}), id)
    post(world, T, act("help-offer"), id)
    assert [item.side for item in people_of(world.exchange(id))] == ["osce"]


@pytest.mark.parametrize("word", ["people-status", *HELP])
def test_each_word_is_a_message_that_the_others_acknowledge(word: str) -> None:
    world = bound()
    id = world.open(ND, act("hazardous-incident", assistance="wanted"))
    post(world, C, act("help-offer"), id)
    of = (
        post(world, N, act(word), id) if word != "help-offer" else world.exchange(id).messages[1].id
    )
    side = "nato" if word == "help-offer" else "china"
    assert clocks(world, id)["acknowledgement", side].started_by == of


# The help ladder


@pytest.mark.parametrize("name", INCIDENTS)
def test_help_is_accepted_from_another_side_and_given_once_it_was_offered(
    name: str, world: World
) -> None:
    id = incident(world, name)
    assert fault(world, N, act("help-acceptance"), id) == "/act", "nobody has offered"
    assert fault(world, C, act("help-delivery"), id) == "/act"
    post(world, C, act("help-offer"), id)
    assert fault(world, C, act("help-acceptance"), id) == "/act", "its own offer"
    post(world, N, act("help-acceptance"), id)
    post(world, C, act("help-delivery"), id)


@pytest.mark.parametrize("wanted", ["wanted", "offered", "none", "unknown"])
@pytest.mark.parametrize("side", ["nato", "china"])
def test_a_side_offers_to_search_for_the_others_people_whatever_the_report_wanted(
    wanted: str, side: str, world: World
) -> None:
    id = world.open(ND, act("hazardous-incident", assistance=wanted))
    post(world, f"{side}/d-1", act("help-offer"), id)
    other = {"nato": C, "china": N}[side]
    post(world, other, act("help-acceptance"), id)


@pytest.mark.parametrize(
    ("wanted", "side", "fits"),
    [
        ("wanted", "china", True),
        ("unknown", "china", True),
        ("none", "china", False),
        ("offered", "china", False),
        ("wanted", "nato", False),
        ("none", "nato", False),
    ],
)
def test_in_an_emergency_another_side_must_need_it(
    wanted: str, side: str, fits: bool, world: World
) -> None:
    id = world.open(ND, act("emergency-notification", help=wanted))
    if not fits:
        assert fault(world, f"{side}/o-1", act("help-offer"), id) == "/act"
        post(world, {"nato": C, "china": N}[side], act("help-request"), id)
    post(world, f"{side}/o-1", act("help-offer"), id)


@pytest.mark.parametrize("name", INCIDENTS)
@pytest.mark.parametrize("word", HELP)
def test_help_of_version_1_has_effect_in_an_emergency_alone(
    name: str, word: str, world: World
) -> None:
    id = incident(world, name)
    if word in ("help-acceptance", "help-delivery"):
        post(world, C, act("help-offer"), id)
    actor = C if word == "help-offer" else N
    before = world.exchange(id).messages
    folded = world.take(written(world, actor, act(word), id, name=word, version=1))
    assert folded.valid is (name == "emergency-notification"), folded.refusal
    assert len(world.exchange(id).messages) == len(before) + folded.valid
    post(world, actor, act(word), id)
    assert world.exchange(id).messages[-1].act == word


# The people


@pytest.mark.parametrize(
    ("groups", "waited_for"),
    [
        ([GROUP], 24),
        ([GROUP | {"handed_over": "2026-11-24T03:50Z"}], 0),
        ([GROUP | {"kind": "rescued"}, GROUP | {"kind": "missing", "number": 1}], 25),
        ([GROUP | {"kind": kind} for kind in ("injured", "dead", "safe")], 0),
        ([GROUP, {"kind": "missing", "number": "unknown"}], None),
        ([{"kind": "dead", "number": "unknown"}], 0),
        ([GROUP | {"number": 0}], 0),
        ([act("people-status")["groups"][1]], 24),
    ],
)
def test_people_are_waited_for_while_they_are_held_rescued_or_missing(
    groups: list[dict[str, Any]], waited_for: int | None, world: World
) -> None:
    id = world.open(ND, act("hazardous-incident"))
    post(world, C, status(*groups), id)
    (newest,) = people_of(world.exchange(id))
    assert newest.waited_for == waited_for


def test_the_newest_word_of_a_side_replaces_its_own_and_stands_beside_the_others(
    world: World,
) -> None:
    id = world.open(ND, act("hazardous-incident"))
    assert people_of(world.exchange(id)) == ()
    first = post(world, C, status(GROUP), id)
    other = post(world, N, status(GROUP | {"number": 23}), id)
    assert [(item.side, item.id, item.waited_for) for item in people_of(world.exchange(id))] == [
        ("china", first, 24),
        ("nato", other, 23),
    ]
    last = post(world, C, status(GROUP | {"handed_over": "2026-11-24T04:30Z"}), id)
    assert [(item.side, item.id, item.waited_for) for item in people_of(world.exchange(id))] == [
        ("nato", other, 23),
        ("china", last, 0),
    ]


def test_nobody_is_held_and_rescued_at_once(world: World) -> None:
    id = world.open(ND, act("hazardous-incident"))
    for kind in (["held", "rescued"], "held_and_rescued", "detained"):
        assert fault(world, C, status({"kind": kind, "number": 1}), id) == "/groups/0/kind"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"of": "japan"}, "/groups/1/of"),
        ({"place": {"lat": 18.5}}, "/groups/1/place"),
        ({"access_asked": "2026-11-31T02:00Z"}, "/groups/1/access_asked"),
        ({"access_asked": "2026-11-24T13:00Z"}, "/groups/1/access_asked"),
        ({"access_given": "2026-11-24T13:00Z"}, "/groups/1/access_given"),
        ({"handed_over": "2026-11-24T13:00Z"}, "/groups/1/handed_over"),
        ({"kind": "rescued", "access_given": "2026-11-24T03:00Z"}, "/groups/1/access_given"),
        ({"number": -1}, "/groups/1/number"),
        ({"number": 1.5}, "/groups/1/number"),
        ({"kind": "held", "names": []}, "/groups/1/names"),
    ],
)
def test_a_side_a_place_or_a_time_that_is_not_one_is_refused_where_it_stands(
    changes: dict[str, Any], pointer: str, world: World
) -> None:
    id = world.open(ND, act("hazardous-incident"))
    assert fault(world, C, status(GROUP, GROUP | changes), id) == pointer


@pytest.mark.parametrize(
    ("as_of", "fits"),
    [
        ("2026-11-24T04:00Z", True),
        ({"about": "2026-11-24T04:00Z"}, True),
        ("2026-11-24T13:00Z", False),
        ("2026-11-31T04:00Z", False),
        ({"about": "2026-11-31T04:00Z"}, False),
        ("unknown", False),
    ],
)
def test_the_time_as_of_which_it_is_said_is_rough_or_exact_and_not_to_come(
    as_of: Any, fits: bool, world: World
) -> None:
    id = world.open(ND, act("hazardous-incident"))
    body = status(GROUP, as_of=as_of)
    if fits:
        post(world, C, body, id)
        assert people_of(world.exchange(id))[0].as_of == as_of
    else:
        assert fault(world, C, body, id) == "/as_of"


def test_a_side_may_be_unknown_and_access_is_given_to_those_who_are_held(world: World) -> None:
    id = world.open(ND, act("hazardous-incident"))
    post(world, C, status(GROUP | {"of": "unknown", "access_given": "2026-11-24T03:00Z"}), id)


def test_whatever_groups_a_side_names_its_people_are_counted(world: World) -> None:
    id = world.open(ND, act("hazardous-incident"))
    chance = random.Random(23)
    kinds = ("rescued", "held", "missing", "injured", "dead", "safe")
    for _ in range(100):
        groups: list[dict[str, Any]] = [
            {
                "kind": chance.choice(kinds),
                "number": chance.choice([0, 1, 7, 10_000_000, "unknown"]),
            }
            | ({"handed_over": "2026-11-24T03:00Z"} if chance.random() < 0.4 else {})
            for _ in range(chance.randint(1, 50))
        ]
        post(world, chance.choice((N, ND, C, CD)), status(*groups), id)
        newest = people_of(world.exchange(id))[-1]
        waiting = [
            group["number"]
            for group in groups
            if group["kind"] in kinds[:3] and "handed_over" not in group
        ]
        assert newest.waited_for == (None if "unknown" in waiting else sum(waiting))
        assert json.loads(json.dumps(newest.groups)) == groups


def test_letters_that_are_escaped_are_the_same_letters(world: World) -> None:
    id = world.open(ND, act("hazardous-incident"))
    body = (
        b'{"act":"people-status","as_of":{"about":"\\u0032026-11-24T04:00Z"},'
        b'"groups":[{"kind":"\\u0068eld","number":"\\u0075nknown"}]}'
    )
    raw = written(world, C, body, id, name="people-status", version=1)
    assert world.take(raw).valid
    assert people_of(world.exchange(id))[0].waited_for is None


def test_the_openers_word_on_people_is_the_update_that_it_promised() -> None:
    world = bound()
    exchange = post(world, ND, act("hazardous-incident"))
    key = ("update", "nato")
    assert clocks(world, exchange)[key].started_by == exchange
    post(world, CD, act("people-status"), exchange)
    assert clocks(world, exchange)[key].started_by == exchange, (
        "another side's word is no update of this one's"
    )
    told = post(world, ND, act("people-status"), exchange)
    assert clocks(world, exchange)[key].started_by == told, "the next update is owed from then on"
