"""The window of an announced event, and the message that named it last."""

from typing import Any

import pytest

from dragoman.domain.acts import event_windows
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import Record
from owing import CD, ND, NH, THREE, C, N, T, at, bound, clocks, fault, post, set_clock, written
from samples import act
from world import World

W1 = {"from": "2026-12-05T00:00Z", "to": "2026-12-09T00:00Z"}
W2 = {"from": "2026-12-06T00:00Z", "to": "2026-12-09T00:00Z"}
W3 = {"from": "2026-12-07T00:00Z", "to": "2026-12-09T00:00Z"}


def begins(world: World, id: str) -> str:
    """Return the beginning of an exchange's window; empty where it has none."""
    window = event_windows.window_of(world.exchange(id))
    return "" if window is None else f"{window.begins:%Y-%m-%dT%H:%MZ}"


def ends(world: World, id: str) -> str:
    """Return the end of an exchange's window; empty where it is not known."""
    window = event_windows.window_of(world.exchange(id))
    return "" if window is None or window.ends is None else f"{window.ends:%Y-%m-%dT%H:%MZ}"


def naming(world: World, id: str) -> str:
    """Return the id of the message that named the window."""
    return event_windows.naming_message(world.exchange(id)).id


def update(world: World, id: str, as_of: str = "", **fields: Any) -> str:
    """Give new values of fields, and return the id of the update."""
    body = {"act": "update", "fields": fields} | ({"as_of": as_of} if as_of else {})
    return post(world, ND, body, id)


def correct(world: World, id: str, **fields: Any) -> str:
    """Correct fields that were wrong, and return the id of the correction."""
    body = {"act": "correction", "reason": "A slip.", "fields": fields}
    return post(world, ND, body, id, seen=True, released_by=released(world, id))


def released(world: World, id: str) -> str:
    """Return the second officer of a change, where the matter needs two."""
    return NH if world.exchange(id).released_by else ""


@pytest.mark.parametrize(
    ("body", "opens", "closes"),
    [
        (act("danger-area"), "2026-12-01T08:00Z", "2026-12-01T10:00Z"),
        (act("military-activity"), "2027-01-10T00:00Z", "2027-01-24T00:00Z"),
        (act("launch-notice"), "2026-12-05T00:00Z", "2026-12-09T00:00Z"),
        (act("humanitarian-notification"), "2026-12-01T05:00Z", "2026-12-01T12:00Z"),
        (act("humanitarian-notification", window=W1), W1["from"], W1["to"]),
        (act("humanitarian-notification", arrival="2026-12-01T04:00Z"), "2026-12-01T05:00Z", ""),
        (act("terrorism-warning", window="ongoing"), "", ""),
        (act("visit-invitation"), "", ""),
        (act("visit-request"), "", ""),
        (act("hazardous-incident"), "", ""),
        (act("undertaking"), "", ""),
    ],
)
def test_each_format_has_the_window_of_its_event(
    body: dict[str, Any], opens: str, closes: str, world: World
) -> None:
    id = world.open(ND if body["act"] == "hazardous-incident" else N, body)
    assert (begins(world, id), ends(world, id)) == (opens, closes)


@pytest.mark.parametrize("time", ["2026-12-05T03:00+03:00", {"about": "2026-12-05T00:00Z"}])
def test_a_launch_at_a_time_alone_opens_then_and_has_no_end(time: Any, world: World) -> None:
    body = {name: value for name, value in act("launch-notice").items() if name != "window"}
    id = world.open(N, body | {"time": time})
    assert (begins(world, id), ends(world, id)) == ("2026-12-05T00:00Z", "")
    rough = update(world, id, time={"about": "2026-12-06T00:00Z"})
    assert (begins(world, id), naming(world, id)) == ("2026-12-06T00:00Z", rough)


# The message that named it


def test_an_update_and_a_correction_name_the_window_that_they_give(world: World) -> None:
    id = world.open(N, act("launch-notice"))
    assert naming(world, id) == id
    second = update(world, id, window=W2)
    assert (begins(world, id), naming(world, id)) == (W2["from"], second)
    third = correct(world, id, window=W3)
    assert (begins(world, id), naming(world, id)) == (W3["from"], third)
    back = update(world, id, window=W1)
    assert (begins(world, id), naming(world, id)) == (W1["from"], back)


def test_other_fields_words_and_the_same_window_again_name_none(world: World) -> None:
    id = world.open(N, act("launch-notice"))
    update(world, id, number=2)
    post(world, ND, {"act": "update", "text": "Nothing new."}, id)
    update(world, id, window=W1)
    correct(world, id, subject="Another", window=W1)
    assert naming(world, id) == id


def test_a_time_beside_the_window_names_none(world: World) -> None:
    id = world.open(N, act("launch-notice"))
    update(world, id, time="2026-12-05T02:00Z")
    assert (begins(world, id), naming(world, id)) == (W1["from"], id)
    convoy = world.open(N, act("humanitarian-notification", window=W1))
    update(world, convoy, arrival="2026-12-08T00:00Z")
    assert naming(world, convoy) == convoy


def test_a_value_of_an_earlier_time_changes_no_window_and_names_none(world: World) -> None:
    id = world.open(N, act("launch-notice"))
    newest = update(world, id, as_of="2026-11-24T13:00Z", window=W3)
    older = update(world, id, as_of="2026-11-24T12:30Z", window=W2)
    assert (begins(world, id), naming(world, id)) == (W3["from"], newest)
    assert naming(world, id) != older


def test_a_value_of_before_the_opening_changes_no_window(world: World) -> None:
    id = world.open(N, act("launch-notice"))
    update(world, id, as_of="2020-01-01T00:00Z", window=W2)
    assert (begins(world, id), naming(world, id)) == (W1["from"], id)


def test_only_the_end_that_moves_is_another_window_too(world: World) -> None:
    id = world.open(N, act("danger-area"))
    longer = update(world, id, window=act("danger-area")["window"] | {"to": "2026-12-01T12:00Z"})
    assert (ends(world, id), naming(world, id)) == ("2026-12-01T12:00Z", longer)


def test_a_window_that_was_not_there_is_named_by_the_update_that_adds_it(world: World) -> None:
    body = {name: value for name, value in act("launch-notice").items() if name != "window"}
    id = world.open(N, body | {"time": "2026-12-05T00:00Z"})
    added = update(world, id, window=W2)
    assert (begins(world, id), naming(world, id)) == (W2["from"], added)


def test_the_deadline_of_the_end_follows_the_window_that_stands() -> None:
    world = bound()
    id = world.open(N, act("danger-area"))
    assert clocks(world, id)["completed", "nato"].due == at("2026-12-01T11:00Z")
    longer = update(world, id, window=act("danger-area")["window"] | {"to": "2026-12-01T12:00Z"})
    clock = clocks(world, id)["completed", "nato"]
    assert (clock.due, clock.started_by) == (at("2026-12-01T13:00Z"), longer)


# Postponements


def test_a_postponement_without_windows_leaves_the_event_without_one_until_it_is_named(
    world: World,
) -> None:
    id = world.open(N, act("launch-notice"))
    assert not event_windows.is_postponed(world.exchange(id))
    post(world, ND, {"act": "postponement"}, id)
    assert event_windows.is_postponed(world.exchange(id))
    assert naming(world, id) == id
    other = post(world, ND, {"act": "postponement", "windows": [W3, W2]}, id)
    assert not event_windows.is_postponed(world.exchange(id))
    assert (begins(world, id), naming(world, id)) == (W3["from"], other)


def test_an_update_names_the_window_of_a_postponed_launch_too() -> None:
    world = bound()
    id = world.open(N, act("launch-notice"))
    post(world, ND, {"act": "postponement"}, id)
    assert not clocks(world, id)["completed", "nato"].open
    named_by = update(world, id, window=W2)
    assert (world.exchange(id).status, naming(world, id)) == ("postponed", named_by)
    assert not event_windows.is_postponed(world.exchange(id))
    assert clocks(world, id)["completed", "nato"].open
    post(world, ND, {"act": "postponement"}, id)
    assert event_windows.is_postponed(world.exchange(id))
    assert not clocks(world, id)["completed", "nato"].open


def test_a_hold_may_become_a_postponement_and_a_postponed_launch_may_commence(world: World) -> None:
    id = world.open(N, act("launch-notice"))
    post(world, ND, act("holding"), id)
    post(world, ND, {"act": "postponement"}, id)
    post(world, ND, act("commenced"), id)
    assert world.exchange(id).status == "under_way"
    assert not event_windows.is_postponed(world.exchange(id))


# Visits


def test_a_visit_has_a_window_once_it_was_accepted_or_granted(world: World) -> None:
    invited = world.open(N, act("visit-invitation"))
    post(world, C, act("acceptance", window=0), invited, seen=True)
    assert begins(world, invited) == "2027-01-10T00:00Z"
    asked_for = world.open(N, act("visit-request"))
    post(world, C, {"act": "grant"}, asked_for)
    assert (begins(world, asked_for), ends(world, asked_for)) == (
        "2027-01-11T08:00Z",
        "2027-01-13T08:00Z",
    )
    post(world, C, {"act": "decline"}, asked_for)
    assert begins(world, asked_for) == ""


def test_a_grant_may_move_the_arrival_and_a_later_one_may_move_it_back(world: World) -> None:
    id = world.open(N, act("visit-request"))
    first = post(world, C, {"act": "grant", "arrival": "2027-01-12T08:00Z"}, id)
    assert (begins(world, id), naming(world, id)) == ("2027-01-12T08:00Z", first)
    post(world, C, {"act": "grant", "arrival": "2027-01-12T08:00Z", "conditions": "One car."}, id)
    assert naming(world, id) == first, "the arrival is the same"
    last = post(world, C, {"act": "grant"}, id)
    assert (begins(world, id), naming(world, id)) == ("2027-01-11T08:00Z", last)


def test_a_grant_after_the_end_of_the_stay_has_no_end(world: World) -> None:
    id = world.open(N, act("visit-request"))
    post(world, C, {"act": "grant", "arrival": "2027-01-14T08:00Z"}, id)
    assert (begins(world, id), ends(world, id)) == ("2027-01-14T08:00Z", "")


def test_the_grant_of_one_side_does_not_take_back_the_arrival_of_another() -> None:
    world = World(sides=THREE)
    id = world.open(N, act("visit-request"))
    first = post(world, C, {"act": "grant", "arrival": "2027-01-12T08:00Z"}, id)
    post(world, T, {"act": "grant"}, id)
    assert (begins(world, id), naming(world, id)) == ("2027-01-12T08:00Z", first)


def test_dates_that_a_side_has_accepted_are_named_anew_by_a_postponement_alone(
    world: World,
) -> None:
    id = world.open(N, act("visit-invitation"))
    post(world, C, act("acceptance", window=0), id, seen=True)
    dates = {"from": "2027-02-10T00:00Z", "to": "2027-02-12T00:00Z"}
    for name in ("amendment", "correction"):
        body = {"act": name, "reason": "Snow.", "fields": {"dates": dates}}
        assert fault(world, N, body, id, seen=True, released_by="") == "/fields/dates"
    moved = post(world, N, {"act": "postponement", "windows": [dates]}, id)
    assert (begins(world, id), naming(world, id)) == ("", moved)
    post(world, C, act("acceptance", window=0), id, seen=True)
    assert begins(world, id) == "2027-02-10T00:00Z"


def test_a_visit_is_known_since_it_was_agreed_and_other_events_since_they_were_named() -> None:
    world = World()
    id = world.open(N, act("visit-request"))
    world.clock = at("2027-01-10T00:00Z")
    post(world, C, {"act": "grant"}, id)
    assert event_windows.known_since(world.exchange(id)) == world.clock
    granted = world.clock
    world.clock = at("2027-01-10T01:00Z")
    post(world, C, {"act": "grant", "conditions": "One car."}, id)
    assert event_windows.known_since(world.exchange(id)) == granted, "a condition more is no delay"
    area = world.open(N, act("danger-area"))
    assert event_windows.known_since(world.exchange(area)) == world.clock
    invited = world.open(N, act("visit-invitation"))
    world.clock = at("2027-01-10T02:00Z")
    post(world, C, act("acceptance", window=0), invited, seen=True)
    assert event_windows.known_since(world.exchange(invited)) == world.clock


# Escaped letters and far times


def test_a_kind_that_is_written_with_escapes_is_the_same_kind(world: World) -> None:
    body = act("humanitarian-notification", place="Camp")
    raw = (
        b'{"act":"humanitarian-notification","kind":"\\u0073ite","organisation":"Relief",'
        b'"place":"Camp","window":{"from":"2026-12-05T00:00Z","to":"2026-12-09T00:00Z"}}'
    )
    id = f"0192f3a4-5b6c-7d8e-8f90-{1:012x}"
    record = written(world, N, raw, id, name="humanitarian-notification", version=1, id=id)
    folded = world.take(record)
    assert isinstance(folded, Folded) and isinstance(folded.record, Record) and folded.valid
    assert event_windows.is_site(world.exchange(id))
    assert fault(world, N, act("commenced"), id) == "/act"
    convoy = world.open(N, body)
    assert not event_windows.is_site(world.exchange(convoy))


@pytest.mark.parametrize("year", ["1000", "9000"])
def test_windows_at_the_ends_of_time_have_their_deadlines(year: str) -> None:
    world = bound()
    window = {"from": f"{year}-01-01T00:00+14:00", "to": f"{year}-12-31T23:59-14:00"}
    id = world.open(N, act("danger-area", window=window))
    clock = clocks(world, id)["completed", "nato"]
    assert clock.due == at(window["to"]).replace(hour=14, minute=59)


def test_the_phase_of_a_launch_decides_whether_its_end_is_owed() -> None:
    world = bound()
    for phase, owed in (("pre_launch", True), ("post_launch", False), ("deviation", False)):
        id = world.open(N, act("launch-notice", phase=phase))
        assert event_windows.phase_of_launch(world.exchange(id)) == phase
        assert (("completed", "nato") in clocks(world, id)) is owed
    assert event_windows.phase_of_launch(world.exchange(world.open(N, act("danger-area")))) == ""


def test_a_window_that_was_named_before_the_watch_came_is_named_by_the_opening(
    world: World,
) -> None:
    set_clock(world, "2026-11-24T13:00Z")
    id = world.open(N, act("danger-area"))
    post(world, CD, act("acknowledgement"), id)
    assert naming(world, id) == id
