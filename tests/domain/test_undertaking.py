"""Undertakings: who said it, who agrees, when it is due, and who confirms that it was done."""

from typing import Any

import pytest

from dragoman.domain.acts.families import undertaking
from dragoman.domain.fold import Folded
from dragoman.domain.views.undertakings import standing_of, undertaking_view
from owing import (
    CD,
    CH,
    THREE,
    C,
    N,
    Observed,
    T,
    at,
    bound,
    clocks,
    fault,
    lapse,
    post,
    set_clock,
    written,
)
from samples import act
from world import World

DONE = act("fulfilment")
CONFIRM = act("fulfilment-confirmation")
DISPUTE = act("fulfilment-dispute")


def undertaken(world: World, *agreeing: str, **changes: Any) -> str:
    """Record an undertaking of China, to which these officers agree with a colleague."""
    id = world.open(N, act("undertaking", **changes))
    for actor in agreeing or (C,):
        post(world, actor, {"act": "agreement"}, id, seen=True)
    assert world.exchange(id).status == "undertaken"
    return id


def moved(world: World, id: str, *steps: tuple[str, dict[str, Any]]) -> list[str]:
    """Post acts about an undertaking, and return the status after each."""
    statuses = []
    for actor, body in steps:
        post(world, actor, body, id)
        statuses.append(world.exchange(id).status)
    return statuses


def test_it_is_the_word_of_its_author_until_the_other_side_agrees(world: World) -> None:
    id = world.open(N, act("undertaking"))
    assert world.exchange(id).status == "said"
    agreement = post(world, C, {"act": "agreement"}, id, seen=True, released_by="")
    assert world.exchange(id).status == "said", "one officer binds no side"
    post(world, CD, {"act": "second-key", "of": agreement}, id)
    assert world.exchange(id).status == "undertaken"


def test_a_side_may_undertake_something_itself_and_the_other_agrees(world: World) -> None:
    id = world.open(C, act("undertaking", by="china"))
    assert fault(world, C, {"act": "agreement"}, id, seen=True) == "not-permitted"
    post(world, N, {"act": "agreement"}, id, seen=True)
    assert world.exchange(id).status == "undertaken"


def test_done_by_one_and_confirmed_by_the_other(world: World) -> None:
    id = undertaken(world)
    assert fault(world, N, DONE, id) == "/act"
    for body in (CONFIRM, DISPUTE):
        assert fault(world, N, body, id) == "not-allowed-in-state"
    assert moved(world, id, (C, DONE)) == ["done"]
    for body in (CONFIRM, DISPUTE):
        assert fault(world, C, body, id) == "/act", "nobody confirms its own work"
    assert moved(world, id, (N, CONFIRM)) == ["confirmed"]
    assert fault(world, N, DISPUTE, id) == "/act", "it has confirmed"
    assert fault(world, C, DONE, id) == "not-allowed-in-state"
    world.close(id)


def test_a_dispute_asks_for_it_again(world: World) -> None:
    id = undertaken(world)
    steps = ((C, DONE), (N, DISPUTE), (C, DONE), (N, DISPUTE), (C, DONE), (N, CONFIRM))
    assert moved(world, id, *steps) == [
        "done",
        "disputed",
        "done",
        "disputed",
        "done",
        "confirmed",
    ]


def test_it_may_be_done_before_anybody_agreed_that_it_was_undertaken(world: World) -> None:
    id = world.open(N, act("undertaking"))
    assert moved(world, id, (C, DONE), (N, CONFIRM)) == ["done", "confirmed"]


# Three sides


def test_every_side_that_was_addressed_must_agree() -> None:
    world = World(sides=THREE)
    id = world.open(N, act("undertaking"))
    post(world, C, {"act": "agreement"}, id, seen=True)
    assert world.exchange(id).status == "said"
    post(world, T, {"act": "agreement"}, id, seen=True)
    assert world.exchange(id).status == "undertaken"


def test_no_third_side_confirms_in_the_place_of_the_one_that_disputes() -> None:
    world = World(sides=THREE)
    id = undertaken(world, C, T)
    steps = ((C, DONE), (N, DISPUTE), (C, DONE), (T, CONFIRM))
    assert moved(world, id, *steps) == ["done", "disputed", "done", "done"]
    assert undertaking.verdicts(world.exchange(id)) == {
        "nato": "fulfilment-dispute",
        "osce": "fulfilment-confirmation",
    }
    assert moved(world, id, (N, CONFIRM)) == ["confirmed"]


def test_a_side_may_dispute_what_another_has_confirmed() -> None:
    world = bound(sides=THREE)
    id = undertaken(world, C, T)
    assert moved(world, id, (C, DONE), (T, CONFIRM)) == ["done", "confirmed"]
    assert fault(world, T, DISPUTE, id) == "/act"
    assert moved(world, id, (N, DISPUTE)) == ["disputed"]
    assert clocks(world, id)["undertaking", "china"].open
    assert moved(world, id, (C, DONE), (T, CONFIRM), (N, CONFIRM))[-1] == "confirmed"


def test_a_side_that_only_reads_takes_no_part() -> None:
    world = World(sides=THREE)
    id = world.open(N, act("undertaking", to=["china"], info=["osce"]))
    moved(world, id, (C, DONE))
    for body in (CONFIRM, DISPUTE):
        assert fault(world, T, body, id) == "not-permitted"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"by": "japan"}, "/by"),
        ({"by": "osce", "to": ["china"]}, "/to"),
        ({"by": "osce", "to": ["china"], "info": ["osce"]}, "/to"),
        ({"by": "osce", "info": ["osce"]}, "/to"),
        ({"by_when": "2026-11-31T12:00Z"}, "/by_when"),
        ({"what": ""}, "/what"),
    ],
)
def test_the_side_that_undertakes_it_must_be_able_to_agree_and_to_say_that_it_is_done(
    changes: dict[str, Any], pointer: str
) -> None:
    world = World(sides=THREE)
    assert fault(world, N, act("undertaking") | changes) == pointer


def test_an_observer_undertakes_nothing() -> None:
    world = Observed()
    assert fault(world, N, act("undertaking", by="osce")) == "/by"
    assert fault(world, T, act("undertaking", by="osce")) == "/by"


# Its limit


def test_its_limit_binds_once_it_is_undertaken() -> None:
    world = bound()
    id = world.open(N, act("undertaking"))
    clock = clocks(world, id)["undertaking", "china"]
    assert (clock.binding, clock.due) == (False, at("2026-12-01T12:00Z"))
    assert not isinstance(lapse(world, id, clock), Folded)
    world.clock = at("2026-11-28T12:00Z")
    post(world, C, {"act": "agreement"}, id, seen=True)
    clock = clocks(world, id)["undertaking", "china"]
    assert (clock.binding, clock.open, clock.begins) == (True, True, world.clock)
    world.clock = clock.due
    assert isinstance(lapse(world, id, clock), Folded)


def test_an_agreement_after_the_day_has_passed_is_late_at_once() -> None:
    world = bound()
    id = world.open(N, act("undertaking"))
    set_clock(world, "2026-12-02T12:00Z")
    post(world, C, {"act": "agreement"}, id, seen=True)
    clock = clocks(world, id)["undertaking", "china"]
    assert (clock.late(world.clock), clock.begins <= clock.due) == (True, True)
    assert isinstance(lapse(world, id, clock), Folded)


@pytest.mark.parametrize(
    ("sent", "late"), [("2026-12-01T12:00Z", False), ("2026-12-01T12:00:01Z", True)]
)
def test_it_is_met_by_the_word_that_it_is_done(sent: str, late: bool) -> None:
    world = bound()
    id = undertaken(world)
    set_clock(world, sent)
    moved(world, id, (C, DONE))
    clock = clocks(world, id)["undertaking", "china"]
    assert (clock.open, clock.late(world.clock)) == (False, late)
    moved(world, id, (N, DISPUTE))
    assert clocks(world, id)["undertaking", "china"].open
    moved(world, id, (C, DONE), (N, CONFIRM))
    assert not clocks(world, id)["undertaking", "china"].open


def test_an_amendment_of_the_date_needs_every_side() -> None:
    world = bound()
    id = undertaken(world)
    fields = {"by_when": "2026-12-15T12:00Z"}
    body = {"act": "correction", "reason": "Later.", "fields": fields}
    assert fault(world, N, body, id, seen=True, released_by="nato/d-1") == "/fields/by_when"
    body = {"act": "amendment", "reason": "Later.", "fields": fields}
    of = post(world, C, body, id, seen=True)
    assert clocks(world, id)["undertaking", "china"].due == at("2026-12-01T12:00Z")
    post(world, N, {"act": "amendment-agreement", "of": of}, id, seen=True)
    clock = clocks(world, id)["undertaking", "china"]
    assert (clock.due, clock.binding) == (at("2026-12-15T12:00Z"), True)


@pytest.mark.parametrize("by_when", ["1000-01-01T00:00+14:00", "9000-12-31T23:59-14:00"])
def test_a_day_at_the_ends_of_time_has_its_limit(by_when: str) -> None:
    world = bound()
    id = undertaken(world, by_when=by_when)
    clock = clocks(world, id)["undertaking", "china"]
    assert (clock.due, clock.begins <= clock.due) == (at(by_when), True)


@pytest.mark.parametrize("moment", ["2026-11-24T13:00Z", "2026-11-31T04:00Z"])
def test_what_is_to_come_is_not_done(moment: str, world: World) -> None:
    id = undertaken(world)
    assert fault(world, C, DONE | {"at": moment}, id) == "/at"


# Status


def test_its_standing_follows_from_its_acts_and_the_moment(world: World) -> None:
    id = world.open(N, act("undertaking"))
    early, late = at("2026-12-01T12:00Z"), at("2026-12-01T12:01Z")

    def standing() -> tuple[str, str]:
        exchange = world.exchange(id)
        return standing_of(exchange, early), standing_of(exchange, late)

    assert standing() == ("said", "said")
    post(world, C, {"act": "agreement"}, id, seen=True)
    assert standing() == ("due", "late")
    moved(world, id, (C, DONE))
    assert standing() == ("done", "done")
    moved(world, id, (N, DISPUTE))
    assert standing() == ("due", "late")
    view = undertaking_view(world.exchange(id), world.sides, late)
    assert ([dispute.side for dispute in view.disputes], view.late) == (["nato"], True)


def test_only_the_word_of_one_side_may_be_taken_back(world: World) -> None:
    id = world.open(N, act("undertaking"))
    post(world, N, {"act": "cancellation", "reason": "Misheard."}, id, seen=True)
    assert world.exchange(id).status == "cancelled"
    id = undertaken(world)
    body = {"act": "cancellation", "reason": "Misheard."}
    assert fault(world, N, body, id, seen=True, released_by="nato/d-1") == "not-allowed-in-state"


def test_the_name_of_the_side_is_read_and_not_compared_by_its_bytes(world: World) -> None:
    id = f"0192f3a4-5b6c-7d8e-8f90-{1:012x}"
    body = (
        b'{"act":"undertaking","by":"\\u0063hina","what":"Send it.","by_when":"2026-12-01T12:00Z"}'
    )
    raw = written(world, N, body, id, name="undertaking", version=1, id=id)
    assert world.take(raw).valid
    assert undertaking.undertaker(world.exchange(id)) == "china"
    assert ("undertaking", "china") in clocks(world, id)
    assert moved(world, id, (CH, DONE), (N, CONFIRM)) == ["done", "confirmed"]


# How far it is


def test_the_side_that_undertook_it_reports_though_another_wrote_it_down(world: World) -> None:
    id = undertaken(world)
    report = {"act": "update", "text": "The list is with the ministry."}
    post(world, C, report, id)
    assert world.exchange(id).status == "undertaken"
    assert fault(world, C, report | {"fields": {"what": "Send half of it."}}, id) == "/fields"


def test_the_opener_asks_how_far_it_is_and_is_answered(world: World) -> None:
    id = undertaken(world)
    question = {"act": "clarification-request", "questions": ["Where is the list?"]}
    post(world, N, question, id)
    assert world.exchange(id).messages[-1].to == ("china",)
    post(world, C, {"act": "reply", "answers": [{"q": 1, "text": "With the ministry."}]}, id)
    assert "china" in world.exchange(id).messages[-2].answered


def test_nobody_else_reports_on_an_undertaking() -> None:
    world = World(sides=THREE)
    id = world.open(N, act("undertaking", to=["china"], info=["osce"]))
    assert fault(world, T, {"act": "update", "text": "It is late."}, id) == "not-permitted"
