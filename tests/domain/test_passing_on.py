"""Passing on: acknowledged is not passed on. The list, its limit, and what counts as told."""

from datetime import timedelta
from typing import Any

import pytest

from dragoman.domain.fold import Folded
from dragoman.domain.views import alarms
from dragoman.domain.views.in_force import window_in_force
from dragoman.domain.views.receipts import AddresseeReceipts, receipts_of
from dragoman_schemas.profiles import MINUTE
from owing import (
    CD,
    CH,
    ND,
    TD,
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

WARNING, DEFENCE = "Early warning", "Air defence"
LIST = [{"format": "launch-notice", "posts": [WARNING, DEFENCE]}]
LATER = {"from": "2026-12-07T00:00Z", "to": "2026-12-09T00:00Z"}


def adopt(world: World, side: str = "china", entries: Any = None, **changes: Any) -> None:
    """Adopt an onward list of a side."""
    entries = [LIST[0] | changes] if entries is None else entries
    post(world, f"{side}/h-1", {"act": "onward-adoption", "entries": entries})


def launched(**changes: Any) -> tuple[World, str]:
    """Announce a launch to a side that has adopted its list."""
    world = bound()
    adopt(world, **changes)
    return world, world.open(N, act("launch-notice"))


def tell(
    world: World, id: str, name: str, told_at: str = "", actor: str = C, **changes: Any
) -> None:
    """Record that a post was told, by default at the time of the record."""
    moment = told_at or f"{world.clock:%Y-%m-%dT%H:%MZ}"
    post(world, actor, {"act": "passed-on", "to_post": name, "at": moment, **changes}, id)


def rename(world: World, id: str, window: dict[str, str] = LATER, **changes: Any) -> None:
    """Name another window of a launch by an update."""
    post(world, ND, {"act": "update", "fields": {"window": window}, **changes}, id)


def facts(world: World, id: str, side: str = "china", message: int = 0) -> AddresseeReceipts:
    """Return the facts of an addressee about a message, by default the opening."""
    exchange = world.exchange(id)
    return receipts_of(world.registry, exchange, exchange.messages[message], side, "")


def test_acknowledged_is_not_passed_on() -> None:
    world, id = launched()
    post(world, CD, act("acknowledgement"), id)
    stands = facts(world, id)
    assert stands.acknowledged is not None
    assert (stands.told, stands.not_told) == ((), (WARNING, DEFENCE))
    assert clocks(world, id)["passed_on", "china"].open
    tell(world, id, WARNING)
    assert facts(world, id).not_told == (DEFENCE,)
    assert clocks(world, id)["passed_on", "china"].open, "one of two posts is not enough"
    tell(world, id, DEFENCE)
    assert facts(world, id).not_told == ()
    met = clocks(world, id)["passed_on", "china"].met
    assert met is not None
    assert met.position == world.position


def test_whoever_passes_on_has_the_message() -> None:
    world, id = launched()
    tell(world, id, WARNING)
    assert clocks(world, id)["acknowledgement", "china"].met is not None


def test_the_same_post_told_twice_counts_once_and_from_the_first_time() -> None:
    world, id = launched()
    tell(world, id, WARNING)
    tell(world, id, WARNING)
    assert clocks(world, id)["passed_on", "china"].open
    assert facts(world, id).not_told == (DEFENCE,)
    tell(world, id, DEFENCE)
    in_time = clocks(world, id)["passed_on", "china"].met
    tell(world, id, DEFENCE)
    assert clocks(world, id)["passed_on", "china"].met == in_time


@pytest.mark.parametrize(
    ("sent", "before_min", "due"),
    [
        ("2026-11-24T12:10Z", None, "2026-12-04T22:00Z"),
        ("2026-11-24T12:10Z", 24 * 60, "2026-12-04T00:00Z"),
        ("2026-12-04T21:45Z", None, "2026-12-04T22:15Z"),
        ("2026-12-04T23:00Z", None, "2026-12-04T23:30Z"),
        ("2026-12-04T23:50Z", None, "2026-12-05T00:00Z"),
        ("2026-12-05T00:00Z", None, "2026-12-05T00:30Z"),
        ("2026-12-06T00:00Z", None, "2026-12-06T00:30Z"),
        ("2026-12-04T23:00Z", 20_160, "2026-12-04T23:30Z"),
        ("2026-12-04T23:00Z", 1, "2026-12-04T23:59Z"),
    ],
)
def test_the_limit_is_before_the_window_or_half_an_hour_after_a_late_message(
    sent: str, before_min: int | None, due: str
) -> None:
    world = bound()
    changes: dict[str, Any] = {} if before_min is None else {"before_min": before_min}
    adopt(world, **changes)
    set_clock(world, sent)
    id = world.open(N, act("launch-notice"))
    assert clocks(world, id)["passed_on", "china"].due == at(due)


def test_a_message_without_a_window_is_passed_on_within_half_an_hour() -> None:
    world = bound()
    adopt(world, entries=[{"format": "hazardous-incident", "posts": ["Rescue centre"]}])
    id = world.open(ND, act("hazardous-incident"))
    assert limit(clocks(world, id)["passed_on", "china"]) == 30 * MINUTE


def test_the_limit_lapses_once_it_has_passed_and_the_sides_see_it_until_the_window_is_over() -> (
    None
):
    world, id = launched()
    clock = clocks(world, id)["passed_on", "china"]
    for moment in ("2026-12-04T21:59Z", "2026-12-09T00:01Z"):
        assert not list(alarms.unpassed(world.registry, world.exchange(id), at(moment)))
    (unpassed,) = alarms.unpassed(world.registry, world.exchange(id), at("2026-12-04T22:00Z"))
    assert (unpassed.side, unpassed.posts) == ("china", (WARNING, DEFENCE))
    set_clock(world, "2026-12-04T22:00:01Z")
    assert isinstance(lapse(world, id, clock), Folded)
    tell(world, id, WARNING)
    tell(world, id, DEFENCE)
    assert clocks(world, id)["passed_on", "china"].late(world.clock)


# The list


@pytest.mark.parametrize("entries", [[], [{"format": "danger-area", "posts": ["Fleet"]}]])
def test_a_side_without_a_list_for_the_format_owes_nothing(entries: Any) -> None:
    world = bound()
    adopt(world, entries=entries)
    id = world.open(N, act("launch-notice"))
    assert ("passed_on", "china") not in clocks(world, id)
    assert facts(world, id).not_told == ()


def test_the_list_of_one_side_binds_no_other() -> None:
    world = bound(sides=THREE)
    adopt(world)
    id = world.open(T, act("launch-notice"))
    assert {side for name, side in clocks(world, id) if name == "passed_on"} == {"china"}


def test_a_side_that_reads_for_information_passes_nothing_on() -> None:
    world = bound(sides=THREE)
    adopt(world, "osce")
    id = world.open(N, act("launch-notice", to=["china"], info=["osce"]))
    assert ("passed_on", "osce") not in clocks(world, id)
    assert facts(world, id, "osce").not_told == ()
    tell(world, id, WARNING, actor=T)
    assert [item.post for item in facts(world, id, "osce").told] == [WARNING]


def test_a_list_that_is_adopted_after_a_message_does_not_ask_for_it() -> None:
    world = bound()
    id = world.open(N, act("launch-notice"))
    adopt(world)
    assert ("passed_on", "china") not in clocks(world, id)
    rename(world, id)
    assert clocks(world, id)["passed_on", "china"].started_by == world.exchange(id).messages[-1].id


def test_a_list_that_is_replaced_or_ended_still_binds_for_what_came_before() -> None:
    for entries in ([], [{"format": "launch-notice", "posts": ["Coast guard"]}]):
        world, id = launched()
        adopt(world, entries=entries)
        assert facts(world, id).not_told == (WARNING, DEFENCE)
        assert clocks(world, id)["passed_on", "china"].open


def test_a_side_can_meet_its_limit_though_a_message_came_after_it_replaced_its_list() -> None:
    world, id = launched()
    adopt(world, posts=["Coast guard"])
    post(world, ND, {"act": "update", "text": "Nothing new."}, id)
    for name in (WARNING, DEFENCE):
        tell(world, id, name)
    assert clocks(world, id)["passed_on", "china"].met is not None
    tell(world, id, "Coast guard")
    assert fault(
        world, C, {"act": "passed-on", "to_post": "7th brigade", "at": "2026-11-24T12:00Z"}, id
    ) == ("/to_post")


def test_once_a_side_has_ended_its_list_it_may_name_any_post() -> None:
    world, id = launched()
    adopt(world, entries=[])
    rename(world, id)
    tell(world, id, "Whoever was awake")
    assert ("passed_on", "china") not in clocks(world, id)


def test_without_a_list_any_post_may_be_named() -> None:
    world = bound()
    id = world.open(N, act("launch-notice"))
    tell(world, id, "Whoever was awake")
    assert [post.post for post in facts(world, id).told] == ["Whoever was awake"]


@pytest.mark.parametrize(
    ("entries", "pointer"),
    [
        ([LIST[0], LIST[0]], "/entries/1/format"),
        ([LIST[0] | {"posts": [WARNING, WARNING]}], "/entries/0/posts/1"),
        ([LIST[0] | {"format": "launch-notices"}], "/entries/0/format"),
        ([LIST[0] | {"format": "acknowledgement"}], "/entries/0/format"),
    ],
)
def test_a_list_names_formats_that_there_are_and_nothing_twice(entries: Any, pointer: str) -> None:
    world = World()
    assert fault(world, CH, {"act": "onward-adoption", "entries": entries}) == pointer


def test_only_the_head_of_office_adopts_a_list() -> None:
    world = World()
    for actor in (C, CD, "china/adm-1", "china/a-1"):
        assert fault(world, actor, {"act": "onward-adoption", "entries": LIST}) == "not-permitted"
    post(world, CH, {"act": "onward-adoption", "entries": LIST})


# Times


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"at": "2026-11-24T13:00Z"}, "/at"),
        ({"at": "2026-02-30T13:00Z"}, "/at"),
        ({"confirmed_at": "2026-11-24T13:00Z"}, "/confirmed_at"),
        ({"at": "2026-11-24T11:00Z", "confirmed_at": "2026-11-24T10:59Z"}, "/confirmed_at"),
        ({"at": "9999-12-31T23:59-23:59"}, "/at"),
        ({"to_post": "7th brigade"}, "/to_post"),
        ({"of": "0192f3a4-5b6c-7d8e-8f90-00000000aaaa"}, "/of"),
    ],
)
def test_a_time_that_was_not_and_a_post_that_is_not_listed_are_refused(
    changes: dict[str, Any], pointer: str
) -> None:
    world, id = launched()
    body = act("passed-on") | {"confirmed_at": act("passed-on")["at"]} | changes
    assert fault(world, C, body, id) == pointer


def test_a_post_that_was_told_of_the_old_window_does_not_know_the_new_one() -> None:
    world, id = launched()
    before = f"{world.clock:%Y-%m-%dT%H:%MZ}"
    world.clock += timedelta(hours=3)
    rename(world, id)
    world.clock += timedelta(minutes=1)
    for name in (WARNING, DEFENCE):
        tell(world, id, name, before)
    assert clocks(world, id)["passed_on", "china"].open, "it is written later, and was said before"
    assert facts(world, id).not_told == (), "of the opening they were told"
    assert facts(world, id, message=-1).not_told == (WARNING, DEFENCE)
    for name in (WARNING, DEFENCE):
        tell(world, id, name)
    assert clocks(world, id)["passed_on", "china"].met is not None
    newest = world.exchange(id).messages[-1].id
    body = {"act": "passed-on", "to_post": WARNING, "at": before, "of": newest}
    assert fault(world, C, body, id) == "/at"


def test_a_time_that_was_cut_to_its_minute_is_not_before_the_message() -> None:
    world, id = launched()
    set_clock(world, "2026-11-25T03:00:40Z")
    rename(world, id)
    set_clock(world, "2026-11-25T03:00:55Z")
    for name in (WARNING, DEFENCE):
        tell(world, id, name, "2026-11-25T03:00Z")
    assert clocks(world, id)["passed_on", "china"].met is not None


def test_an_opening_that_was_told_by_voice_may_have_been_passed_on_before_it_was_written() -> None:
    world, id = launched()
    for name in (WARNING, DEFENCE):
        tell(world, id, name, "2026-11-24T03:20Z")
    assert clocks(world, id)["passed_on", "china"].met is not None


# Other windows


def test_another_window_must_be_passed_on_anew_and_words_alone_need_not() -> None:
    world, id = launched()
    for name in (WARNING, DEFENCE):
        tell(world, id, name)
    post(world, ND, {"act": "update", "text": "Nothing new."}, id)
    assert clocks(world, id)["passed_on", "china"].met is not None
    world.clock += timedelta(minutes=5)
    rename(world, id)
    clock = clocks(world, id)["passed_on", "china"]
    assert (clock.open, clock.due) == (True, at("2026-12-06T22:00Z"))
    body = {"act": "passed-on", "to_post": WARNING, "at": f"{world.clock:%Y-%m-%dT%H:%MZ}"}
    post(world, C, body | {"of": id}, id)
    assert clocks(world, id)["passed_on", "china"].open, "it names the window before"


def test_a_postponed_launch_is_passed_on_once_it_has_another_window() -> None:
    world, id = launched()
    post(world, ND, {"act": "postponement", "reason": "Weather."}, id)
    assert ("passed_on", "china") not in clocks(world, id)
    assert facts(world, id).not_told == ()
    assert not list(alarms.unpassed(world.registry, world.exchange(id), at("2026-12-05T01:00Z")))
    post(world, ND, {"act": "postponement", "windows": [LATER]}, id)
    assert clocks(world, id)["passed_on", "china"].due == at("2026-12-06T22:00Z")


@pytest.mark.parametrize("name", ["completed", "cancellation"])
def test_nothing_is_passed_on_of_an_event_that_is_over(name: str) -> None:
    world, id = launched()
    body = {"cancellation": {"act": name, "reason": "Scrapped."}}.get(
        name, {"act": name, "at": "2026-11-24T12:00Z", "result": "aborted"}
    )
    post(world, ND, body, id, seen=True, released_by="nato/h-1" if name == "cancellation" else "")
    clock = clocks(world, id)["passed_on", "china"]
    assert (clock.open, clock.ended is not None) == (False, True)
    world.clock = clock.due + timedelta(hours=1)
    assert not isinstance(lapse(world, id, clock), Folded)


def test_a_visit_is_passed_on_once_it_was_granted() -> None:
    world = bound()
    adopt(world, entries=[{"format": "visit-request", "posts": ["Border guard"]}])
    id = world.open(N, act("visit-request"))
    assert ("passed_on", "china") not in clocks(world, id)
    assert not list(alarms.unpassed(world.registry, world.exchange(id), at("2027-01-11T09:00Z")))
    set_clock(world, "2027-01-11T07:40Z")
    post(world, C, {"act": "grant"}, id)
    clock = clocks(world, id)["passed_on", "china"]
    assert (clock.begins, clock.due) == (at("2027-01-11T07:40Z"), at("2027-01-11T08:00Z"))


def test_a_grant_that_moves_the_arrival_is_passed_on_by_the_side_that_asked() -> None:
    world = bound()
    for side in world.sides:
        adopt(world, side, [{"format": "visit-request", "posts": ["Border guard"]}])
    id = world.open(N, act("visit-request"))
    post(world, C, {"act": "grant", "arrival": "2027-01-12T08:00Z"}, id)
    owed = {side: clock for (name, side), clock in clocks(world, id).items() if name == "passed_on"}
    assert {side: clock.due for side, clock in owed.items()} == {"nato": at("2027-01-12T06:00Z")}


# Who and where


def test_the_opener_and_a_stranger_pass_nothing_on() -> None:
    world = bound(sides=THREE)
    id = world.open(N, act("launch-notice", to=["china"]))
    for actor in (N, T):
        assert fault(world, actor, act("passed-on"), id) == "not-permitted"
    tell(world, id, WARNING, actor=C)


def test_it_is_recorded_after_the_end_and_moves_no_matter() -> None:
    world, id = launched()
    read = world.exchange(id).revision
    tell(world, id, WARNING)
    assert world.exchange(id).revision == read, "it says nothing about the matter"
    post(world, ND, {"act": "cancellation", "reason": "Scrapped."}, id, seen=True)
    tell(world, id, DEFENCE)
    assert world.exchange(id).status == "cancelled"


def test_nothing_is_owed_of_what_is_for_the_record_or_of_a_channel_without_limits() -> None:
    world = bound()
    adopt(world)
    id = world.open(N, act("launch-notice", for_the_record=True))
    assert clocks(world, id) == {}
    assert facts(world, id).not_told == ()
    rename(world, id)
    assert facts(world, id, message=-1).not_told == ()
    talks = World(kind="track2", name="talks")
    adopt(talks)
    id = talks.open(N, act("launch-notice"))
    assert clocks(talks, id) == {}
    assert not list(alarms.unpassed(talks.registry, talks.exchange(id), at("2026-12-05T01:00Z")))


def test_before_every_side_has_adopted_a_profile_the_limit_is_a_courtesy() -> None:
    world = World()
    adopt(world)
    id = world.open(N, act("launch-notice"))
    clock = clocks(world, id)["passed_on", "china"]
    assert (clock.binding, clock.due) == (False, at("2026-12-04T22:00Z"))


def test_the_rocket_of_1995_was_acknowledged_and_not_passed_on() -> None:
    world = bound()
    adopt(world, entries=[{"format": "launch-notice", "posts": [WARNING], "before_min": 120}])
    id = world.open(
        N, act("launch-notice", window={"from": "2027-01-25T05:00Z", "to": "2027-01-25T09:00Z"})
    )
    post(world, CD, act("acknowledgement"), id)
    window = window_in_force(world.registry, world.exchange(id), at("2027-01-25T06:24Z"))
    assert window is not None
    assert (window.stage, window.unacknowledged, window.not_passed_on) == (
        "open",
        (),
        {"china": (WARNING,)},
    )


# What a hostile gateway or an older one may have written


@pytest.mark.parametrize(
    "body",
    [
        b'{"act":"passed-on","to_post":"Early \\u0077arning","at":"2026-11-24T03:20Z"}',
        b'{"act":"passed-on","to_post":"Early warning","at":"\\u0032026-11-24T03:20Z"}',
    ],
)
def test_letters_that_are_escaped_are_the_same_letters(body: bytes) -> None:
    world, id = launched()
    folded = world.take(written(world, C, body, id, name="passed-on", version=1))
    assert folded.valid, folded.refusal
    assert facts(world, id).not_told == (DEFENCE,)


def test_what_names_no_message_is_void_and_folds() -> None:
    world, id = launched()
    body = act("passed-on") | {"of": "0192f3a4-5b6c-7d8e-8f90-00000000aaaa"}
    assert not world.take(written(world, C, body, id, name="passed-on", version=1)).valid
    assert clocks(world, id)["passed_on", "china"].open


def test_many_sides_each_owe_by_their_own_list() -> None:
    world = bound(sides=THREE)
    adopt(world, "china")
    adopt(world, "osce", posts=["Border guard"], before_min=60)
    id = world.open(N, act("launch-notice"))
    owed = {side: clock for (name, side), clock in clocks(world, id).items() if name == "passed_on"}
    assert {side: clock.due for side, clock in owed.items()} == {
        "china": at("2026-12-04T22:00Z"),
        "osce": at("2026-12-04T23:00Z"),
    }
    tell(world, id, "Border guard", actor=TD)
    assert facts(world, id).told == ()
    running = clocks(world, id)
    assert (running["passed_on", "china"].open, running["passed_on", "osce"].open) == (True, False)
