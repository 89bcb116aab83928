"""The request to come and see: grants, refusals, the visit, and the limits of each kind."""

from typing import Any

import pytest

from dragoman.domain.fold import Folded
from dragoman.domain.views.in_force import window_in_force
from dragoman_schemas.profiles import DAY, HOUR
from owing import (
    CD,
    ND,
    THREE,
    C,
    N,
    T,
    at,
    bound,
    clocks,
    fault,
    lapse,
    limit,
    post,
    set_clock,
    written,
)
from samples import act
from world import World

GRANT: dict[str, Any] = {"act": "grant"}
CONDITIONS = {"act": "grant", "conditions": "One car."}
DECLINE = {"act": "decline", "reason": "Not now."}


def ask(world: World, kind: str = "port_call", **changes: Any) -> str:
    """Ask to come and see."""
    return world.open(N, act("visit-request", kind=kind, **changes))


def moved(world: World, id: str, *steps: tuple[str, dict[str, Any]]) -> list[str]:
    """Post acts of a visit, and return the status after each."""
    statuses = []
    for actor, body in steps:
        post(world, actor, body, id)
        statuses.append(world.exchange(id).status)
    return statuses


# The life of a visit


def test_a_visit_is_granted_made_left_and_reported(world: World) -> None:
    id = ask(world)
    steps = ((C, GRANT), (C, act("arrival")), (N, act("departure")), (N, act("visit-report")))
    assert world.exchange(id).status == "requested"
    assert moved(world, id, *steps) == ["granted", "arrived", "left", "reported"]
    assert moved(world, id, (N, act("visit-report"))) == ["reported"], "a second report"
    post(world, N, {"act": "closure"}, id, seen=True)


def test_conditions_come_and_go_with_the_newest_grant(world: World) -> None:
    id = ask(world)
    assert moved(world, id, (C, CONDITIONS), (C, GRANT), (C, CONDITIONS)) == [
        "granted_with_conditions",
        "granted",
        "granted_with_conditions",
    ]
    assert moved(world, id, (N, act("arrival"))) == ["arrived"]


def test_a_refusal_may_become_a_grant_and_a_grant_a_refusal_until_they_have_come(
    world: World,
) -> None:
    id = ask(world)
    assert moved(world, id, (C, DECLINE), (C, GRANT), (C, DECLINE), (C, GRANT)) == [
        "refused",
        "granted",
        "refused",
        "granted",
    ]
    post(world, N, act("arrival"), id)
    assert fault(world, C, GRANT, id) == "not-allowed-in-state"
    assert moved(world, id, (C, DECLINE)) == ["arrived"], "it is a word, and they are there"


@pytest.mark.parametrize("name", ["arrival", "departure", "visit-report"])
@pytest.mark.parametrize("answer", [None, DECLINE])
def test_nobody_arrives_without_a_grant(
    name: str, answer: dict[str, Any] | None, world: World
) -> None:
    id = ask(world)
    if answer is not None:
        post(world, C, answer, id)
    assert fault(world, N, act(name), id) == "not-allowed-in-state"


def test_who_asks_does_not_grant_and_who_is_asked_does_not_report() -> None:
    world = World(sides=THREE)
    id = ask(world, to=["china"], info=["osce"])
    for actor in (N, T):
        for body in (GRANT, DECLINE):
            assert fault(world, actor, body, id) == "not-permitted"
    moved(world, id, (C, GRANT))
    for name in ("arrival", "departure"):
        assert fault(world, T, act(name), id) in ("not-permitted", "not-allowed-in-state")
    moved(world, id, (C, act("arrival")))
    assert fault(world, C, act("visit-report"), id) == "not-permitted"


@pytest.mark.parametrize("steps", [(), (GRANT,), (CONDITIONS,), (DECLINE,)])
def test_the_side_that_asked_takes_it_back_until_they_have_come(
    steps: tuple[dict[str, Any], ...], world: World
) -> None:
    id = ask(world)
    for body in steps:
        post(world, C, body, id)
    post(world, N, {"act": "cancellation", "reason": "Ill."}, id, seen=True)
    assert world.exchange(id).status == "cancelled"


# Several sides


@pytest.mark.parametrize("order", [(C, T), (T, C)])
def test_no_grant_of_one_side_takes_back_the_refusal_of_another(order: tuple[str, str]) -> None:
    world = World(sides=THREE)
    first, second = order
    id = ask(world, "overflight")
    assert moved(world, id, (first, DECLINE), (second, GRANT), (second, CONDITIONS)) == [
        "refused",
        "refused",
        "refused",
    ]
    assert fault(world, N, act("arrival"), id) == "not-allowed-in-state"
    assert moved(world, id, (first, GRANT)) == ["granted_with_conditions"]
    assert moved(world, id, (first, DECLINE)) == ["refused"]


def test_the_conditions_of_one_side_stay_beside_the_grant_of_another() -> None:
    world = World(sides=THREE)
    id = ask(world, "overflight")
    assert moved(world, id, (C, CONDITIONS), (T, GRANT)) == ["granted_with_conditions"] * 2
    assert moved(world, id, (C, GRANT)) == ["granted"]


def test_each_side_that_was_asked_owes_its_own_answer() -> None:
    world = bound(sides=THREE)
    id = ask(world, "overflight")
    moved(world, id, (C, GRANT))
    owed = clocks(world, id)
    assert (owed["answer", "china"].open, owed["answer", "osce"].open) == (False, True)


# What was granted stays what it was


@pytest.mark.parametrize(
    "fields",
    [
        {"place": "Naval base"},
        {"kind": "inspection"},
        {"arrival": "2027-01-01T08:00Z"},
        {"visitors": 400},
        {"purpose": "Look around"},
    ],
)
def test_a_request_that_was_granted_is_not_rewritten(fields: dict[str, Any], world: World) -> None:
    id = ask(world)
    post(world, N, {"act": "correction", "reason": "A slip.", "fields": fields}, id, seen=True)
    moved(world, id, (C, GRANT))
    (name,) = fields
    for body in (
        {"act": "correction", "reason": "A slip.", "fields": fields},
        {"act": "update", "fields": fields},
    ):
        assert fault(world, N, body, id, seen=True) == f"/fields/{name}"
    post(
        world,
        N,
        {"act": "correction", "reason": "A slip.", "fields": {"precedence": "priority"}},
        id,
        seen=True,
    )


def test_a_request_that_was_only_refused_may_still_be_corrected(world: World) -> None:
    id = ask(world)
    moved(world, id, (C, DECLINE))
    body = {"act": "correction", "reason": "Less.", "fields": {"visitors": 2}}
    post(world, N, body, id, seen=True)


# Times


@pytest.mark.parametrize(
    ("name", "changes", "pointer"),
    [
        ("arrival", {"at": "2026-11-24T13:00Z"}, "/at"),
        ("arrival", {"at": "2026-11-31T03:00Z"}, "/at"),
        ("departure", {"at": "2026-11-24T13:00Z"}, "/at"),
        ("departure", {"at": "2026-11-24T02:59Z"}, "/at"),
        ("departure", {"at": "2026-11-24T05:59+03:00"}, "/at"),
    ],
)
def test_a_visit_that_is_to_come_or_ends_before_it_begins_is_no_fact(
    name: str, changes: dict[str, str], pointer: str, world: World
) -> None:
    id = ask(world)
    moved(world, id, (C, GRANT))
    if name == "departure":
        moved(world, id, (N, act("arrival")))
    assert fault(world, N, act(name) | changes, id) == pointer


def test_an_arrival_whose_letters_are_escaped_still_comes_before_the_departure(
    world: World,
) -> None:
    id = ask(world)
    moved(world, id, (C, GRANT))
    body = b'{"act":"arrival","at":"\\u0032026-11-24T03:00Z"}'
    raw = written(world, N, body, id, name="arrival", version=1)
    assert world.take(raw).valid
    assert fault(world, N, act("departure", at="2026-11-24T02:00Z"), id) == "/at"
    moved(world, id, (N, act("departure")))


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"arrival": "2027-02-30T08:00Z"}, "/arrival"),
        ({"stay": {"from": "2027-01-13T08:00Z", "to": "2027-01-11T08:00Z"}}, "/stay"),
        ({"place": {"lat": 15.0}}, "/place"),
        ({"kind": "espionage"}, "/kind"),
    ],
)
def test_a_request_with_a_time_or_place_that_is_none_is_refused(
    changes: dict[str, Any], pointer: str, world: World
) -> None:
    assert fault(world, N, act("visit-request") | changes) == pointer


def test_a_grant_with_a_time_that_does_not_exist_is_refused(world: World) -> None:
    id = ask(world)
    assert fault(world, C, GRANT | {"arrival": "2027-02-30T08:00Z"}, id) == "/arrival"


# Limits


@pytest.mark.parametrize(
    ("kind", "seconds", "precedence"),
    [
        ("consular_access", DAY, "immediate"),
        ("inspection", DAY, "priority"),
        ("evaluation", DAY, "priority"),
        ("observation", 7 * DAY, "routine"),
        ("site", 7 * DAY, "routine"),
        ("wreckage", 7 * DAY, "routine"),
        ("port_call", 7 * DAY, "routine"),
        ("overflight", 7 * DAY, "routine"),
    ],
)
def test_the_answer_is_due_by_the_kind_of_visit(kind: str, seconds: int, precedence: str) -> None:
    world = bound()
    id = ask(world, kind)
    assert limit(clocks(world, id)["answer", "china"]) == seconds
    assert world.exchange(id).precedence == precedence
    assert (("people_access", "china") in clocks(world, id)) is (kind == "consular_access")


@pytest.mark.parametrize(
    ("arrival", "due"),
    [
        ("2026-11-24T14:00Z", "2026-11-24T14:00Z"),
        ("2026-11-24T11:00Z", "2026-11-25T13:00Z"),
        ("2026-11-24T13:00Z", "2026-11-25T13:00Z"),
        ("2026-11-30T13:00Z", "2026-11-25T13:00Z"),
    ],
)
def test_the_answer_is_due_before_they_arrive(arrival: str, due: str) -> None:
    world = bound()
    set_clock(world, "2026-11-24T13:00Z")
    id = ask(world, "inspection", arrival=arrival)
    assert clocks(world, id)["answer", "china"].due == at(due)


def test_no_correction_of_the_arrival_makes_the_answer_due_sooner() -> None:
    world = bound()
    id = ask(world, "port_call")
    before = clocks(world, id)["answer", "china"].due
    for fields in ({"arrival": "2026-11-24T12:30Z"}, {"kind": "inspection"}):
        body = {"act": "correction", "reason": "A slip.", "fields": fields}
        post(world, N, body, id, seen=True)
        assert clocks(world, id)["answer", "china"].due == before


def test_access_to_people_is_met_by_the_arrival_and_by_no_promise() -> None:
    world = bound()
    id = ask(world, "consular_access", arrival="2026-11-25T08:00Z")
    clock = clocks(world, id)["people_access", "china"]
    assert limit(clock) == 24 * HOUR
    for body in (CONDITIONS, DECLINE, GRANT):
        moved(world, id, (C, body))
        assert clocks(world, id)["people_access", "china"].open
    assert not clocks(world, id)["answer", "china"].open
    world.clock = clock.due
    assert isinstance(lapse(world, id, clock), Folded)
    moved(world, id, (N, act("arrival")))
    late = clocks(world, id)["people_access", "china"]
    assert (late.met is None, late.late(world.clock)) == (False, True)


def test_a_report_is_owed_a_fortnight_after_the_first_departure() -> None:
    world = bound()
    id = ask(world)
    moved(world, id, (C, GRANT), (N, act("arrival")))
    assert ("visit_report", "nato") not in clocks(world, id)
    moved(world, id, (C, act("departure")))
    clock = clocks(world, id)["visit_report", "nato"]
    assert (limit(clock), clock.begins) == (14 * DAY, world.clock)
    moved(world, id, (N, act("visit-report")))
    assert not clocks(world, id)["visit_report", "nato"].open


def test_a_request_for_the_record_owes_nothing_and_the_end_of_the_matter_ends_every_limit() -> None:
    world = bound()
    assert clocks(world, ask(world, for_the_record=True)) == {}
    id = ask(world, "consular_access")
    post(world, CD, act("acknowledgement"), id)
    post(world, N, {"act": "cancellation", "reason": "They are free."}, id, seen=True)
    assert {name for (name, _), clock in clocks(world, id).items() if clock.open} == {
        "acknowledgement"
    }, "of the cancellation"


def test_a_visit_is_in_force_from_its_grant_until_they_have_left(world: World) -> None:
    id = ask(world)
    near, stay, after = (
        at("2027-01-10T08:00Z"),
        at("2027-01-12T08:00Z"),
        at("2027-01-14T08:00Z"),
    )

    def stages() -> list[str]:
        windows = (
            window_in_force(world.registry, world.exchange(id), now) for now in (near, stay, after)
        )
        return ["" if window is None else window.stage for window in windows]

    assert stages() == ["", "", ""]
    moved(world, id, (C, GRANT))
    assert stages() == ["near", "open", ""]
    moved(world, id, (C, DECLINE))
    assert stages() == ["", "", ""]
    moved(world, id, (C, GRANT), (ND, act("arrival")))
    assert stages() == ["open", "open", "open"], "they are there until they leave"
    moved(world, id, (ND, act("departure")))
    assert stages() == ["", "", ""]
