"""Undertakings that recur: which intervals are given, missed and to come, and the one limit."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.domain.acts.deadline_outcomes import OWED, outcomes
from dragoman.domain.acts.deadlines import TICK
from dragoman.domain.acts.families import recurrence
from dragoman.domain.acts.families.recurrence import Recurrence
from dragoman.domain.fold import Folded
from dragoman.domain.views.outages import OutageSpan
from dragoman.domain.views.statistics import Measure
from dragoman.domain.views.tally import Tally
from dragoman.domain.views.undertakings import undertaking_view
from owing import C, N, at, bound, clocks, fault, lapse, post, set_clock
from samples import act
from world import World

BEGINS, ENDS = "2026-12-01T00:00Z", "2026-12-04T06:00Z"
RECURRING = {"recurring": {"begins": BEGINS, "every_hours": 12}, "by_when": ENDS}
COUNT = 7
CLOCK = ("undertaking", "china")


def undertaken(world: World, **changes: Any) -> str:
    """Record a recurring undertaking of China, to which it agrees."""
    id = world.open(N, act("undertaking", **RECURRING | changes))
    post(world, C, {"act": "agreement"}, id, seen=True)
    return id


def give(world: World, id: str, moment: str, **changes: Any) -> None:
    """Say at a moment that the duty is done."""
    set_clock(world, moment)
    post(world, C, {"act": "fulfilment", "at": moment} | changes, id)


def view(world: World, id: str, moment: str) -> Any:
    """Return the undertaking at a moment."""
    return undertaking_view(world.exchange(id), world.sides, at(moment))


@settings(max_examples=60, deadline=None)
@given(
    hours=st.lists(st.integers(0, 77), max_size=10).map(sorted),
    now=st.integers(0, 120),
    lapses=st.booleans(),
)
def test_given_missed_and_to_come_are_all_intervals_at_any_moment(
    hours: list[int], now: int, lapses: bool
) -> None:
    world = bound()
    id = undertaken(world)
    words: set[int] = set()
    for hour in (hour for hour in hours if hour <= now):
        moment = at(BEGINS) + timedelta(hours=hour)
        world.clock = max(world.clock, moment)
        while lapses and world.exchange(id).status == "undertaken":
            clock = clocks(world, id)[CLOCK]
            if not clock.open or world.clock <= clock.due:
                break
            assert isinstance(lapse(world, id, clock), Folded)
        if world.exchange(id).status == "undertaken":
            post(world, C, {"act": "fulfilment", "at": moment.isoformat()}, id)
            words.add(hour // 12)
    moment = max(at(BEGINS) + timedelta(hours=now), world.clock)
    seen = undertaking_view(world.exchange(id), world.sides, moment)
    ends = [min(at(BEGINS) + timedelta(hours=12 * (k + 1)), at(ENDS)) for k in range(COUNT)]
    missed = sum(end < moment and k not in words for k, end in enumerate(ends))
    to_come = [end for k, end in enumerate(ends) if end >= moment and k not in words]
    assert (seen.given, seen.missed, seen.intervals) == (len(words), missed, COUNT)
    assert seen.given + seen.missed + len(to_come) == COUNT
    assert seen.next_due == (to_come[0].strftime("%Y-%m-%dT%H:%M:%SZ") if to_come else "")
    assert (world.exchange(id).status == "done") == (len(words) == COUNT)


@given(hours=st.integers(1, 500), every=st.integers(1, 50), moment=st.integers(-10, 600))
def test_every_moment_of_a_period_has_its_interval(hours: int, every: int, moment: int) -> None:
    begins = at(BEGINS)
    recurs = Recurrence(
        begins=begins, ends=begins + timedelta(hours=hours), every=timedelta(hours=every)
    )
    now = begins + timedelta(hours=moment)
    interval = recurs.of(now)
    assert (interval is None) == (not 0 <= moment <= hours)
    if interval is not None:
        assert recurs.start(interval) <= now <= recurs.due(interval)
        assert interval < recurs.count
    assert recurs.over(now) == sum(recurs.due(each) < now for each in range(recurs.count))


def test_one_limit_runs_at_a_time_and_each_missed_interval_lapses_once() -> None:
    world = bound()
    id = undertaken(world)
    dues = []
    for _ in range(COUNT):
        (clock,) = [each for key, each in clocks(world, id).items() if key == CLOCK]
        assert (clock.open, clock.binding, clock.begins <= clock.due) == (True, True, True)
        dues.append(clock.due)
        assert not isinstance(lapse(world, id, clock), Folded), "its limit has not passed"
        world.clock = clock.due
        assert isinstance(lapse(world, id, clock), Folded)
    assert dues == [*(at(BEGINS) + timedelta(hours=12 * k) for k in range(1, COUNT)), at(ENDS)]
    assert clocks(world, id)[CLOCK].due == at(ENDS)
    assert not isinstance(lapse(world, id, clocks(world, id)[CLOCK]), Folded), "it has lapsed"
    seen = view(world, id, "2026-12-05T00:00Z")
    assert (seen.given, seen.missed, seen.standing) == (0, COUNT, "late")


@settings(max_examples=60, deadline=None)
@given(
    hours=st.lists(st.integers(0, 77), max_size=10).map(sorted),
    behind=st.integers(0, 20),
    later=st.integers(1, 30),
)
def test_statistics_and_reports_count_every_interval_that_is_past_once(
    hours: list[int], behind: int, later: int
) -> None:
    world = bound()
    id = undertaken(world)
    moments = [(at(BEGINS) + timedelta(hours=hour), max(0, hour - behind)) for hour in hours]
    for moment, of in [*moments, (at(BEGINS) + timedelta(hours=(hours or [0])[-1] + later), -1)]:
        world.clock = max(world.clock, moment)
        while (clock := clocks(world, id)[CLOCK]).open and world.clock > clock.due:
            if not isinstance(lapse(world, id, clock), Folded):
                break
        if of >= 0 and world.exchange(id).status == "undertaken":
            word = (at(BEGINS) + timedelta(hours=of)).isoformat()
            post(world, C, {"act": "fulfilment", "at": word}, id)
    exchange, span = world.exchange(id), OutageSpan(at("2026-11-01T00:00Z"), world.clock + TICK)
    tally = Tally(world.registry, {})
    tally.add(exchange)
    rows = Measure(tally, span).measured(world.sides).clocks
    (row,) = (row for row in rows if (row.clock, row.side) == CLOCK)
    recurs = recurrence.recurrence_of(exchange)
    assert recurs is not None
    words = recurrence.given(exchange, recurs)
    in_time = sum(at(item.said.when) <= recurs.due(interval) for interval, item in words.items())
    seen = undertaking_view(exchange, world.sides, span.ends - TICK)
    assert (row.in_time, row.late) == (in_time, len(words) - in_time + seen.missed)
    passed = [
        outcome
        for clock, outcome in outcomes(world.registry, exchange, {}, span.ends - TICK)
        if clock.clock == "undertaking"
    ]
    assert sum(outcome in ("unmet", "overdue") for outcome in passed) == seen.missed
    assert sum(outcome in OWED for outcome in passed) == row.open <= 1


def test_a_word_moves_the_limit_to_the_next_interval_and_ends_the_arrears() -> None:
    world = bound()
    id = undertaken(world)
    give(world, id, "2026-12-01T06:00Z")
    started = clocks(world, id)[CLOCK]
    assert (started.due, started.begins) == (at("2026-12-02T00:00Z"), at("2026-12-01T12:00Z"))
    give(world, id, "2026-12-01T07:00Z")
    assert clocks(world, id)[CLOCK] == started, "a second word for it changes nothing"
    assert view(world, id, "2026-12-02T00:00Z").standing == "due"
    assert view(world, id, "2026-12-02T00:01Z").standing == "late"
    give(world, id, "2026-12-02T02:00Z")
    seen = view(world, id, "2026-12-02T03:00Z")
    assert (seen.standing, seen.late, seen.given, seen.missed) == ("due", True, 2, 1)
    assert (seen.last_given, seen.next_due) == ("2026-12-02T02:00Z", "2026-12-03T00:00:00Z")
    set_clock(world, "2026-12-02T04:00Z")
    post(world, C, {"act": "fulfilment", "at": "2026-12-01T20:00Z"}, id)
    assert view(world, id, "2026-12-02T04:00Z").missed == 0, "it was given, and said later"


def test_it_is_done_once_its_side_says_so_of_the_whole() -> None:
    world = bound()
    id = undertaken(world)
    give(world, id, "2026-12-01T06:00Z")
    confirmation = act("fulfilment-confirmation")
    assert fault(world, N, confirmation, id) == "not-allowed-in-state"
    give(world, id, "2026-12-02T06:00Z", complete=True)
    assert world.exchange(id).status == "done"
    assert not clocks(world, id)[CLOCK].open
    seen = view(world, id, "2026-12-30T00:00Z")
    assert (seen.given, seen.missed, seen.next_due) == (1, 1, ""), "no more is owed"
    post(world, N, act("fulfilment-dispute"), id)
    give(world, id, "2026-12-02T20:00Z")
    assert world.exchange(id).status == "disputed"
    assert clocks(world, id)[CLOCK].open
    give(world, id, "2026-12-02T21:00Z", complete=True)
    post(world, N, confirmation, id)
    assert world.exchange(id).status == "confirmed"


def test_nothing_is_missed_after_it_was_closed() -> None:
    world = bound()
    id = undertaken(world)
    for moment, actor in (("2026-12-01T13:00Z", C), ("2026-12-02T13:00Z", N)):
        set_clock(world, moment)
        post(world, actor, {"act": "closure"}, id, seen=True, released_by=f"{actor[:-3]}d-1")
        if world.exchange(id).status == "closed":
            break
    assert world.exchange(id).status == "closed"
    assert view(world, id, "2026-12-30T00:00Z").missed == view(world, id, moment).missed > 0


def test_nothing_is_missed_before_every_side_agrees() -> None:
    world = bound()
    id = world.open(N, act("undertaking", **RECURRING))
    seen = view(world, id, "2026-12-03T00:00Z")
    assert (seen.standing, seen.missed, seen.next_due) == ("said", 0, "")
    set_clock(world, "2026-12-02T06:00Z")
    post(world, C, {"act": "agreement"}, id, seen=True)
    assert clocks(world, id)[CLOCK].due == at("2026-12-02T12:00Z"), "earlier ones never lapse"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"by_when": BEGINS}, "/by_when"),
        ({"recurring": {"begins": "2026-11-31T00:00Z", "every_hours": 12}}, "/recurring/begins"),
        ({"recurring": {"begins": BEGINS, "every_hours": 0}}, "/recurring/every_hours"),
        (
            {"recurring": {"begins": BEGINS, "every_hours": 1}, "by_when": "2028-01-01T00:00Z"},
            "/recurring/every_hours",
        ),
    ],
)
def test_a_period_has_intervals_and_not_too_many(changes: dict[str, Any], pointer: str) -> None:
    world = World()
    assert fault(world, N, act("undertaking", **RECURRING | changes)) == pointer


@pytest.mark.parametrize("moment", ["2026-11-30T23:59Z", "2026-12-04T06:01Z"])
def test_a_word_for_no_interval_is_refused(moment: str) -> None:
    world = bound()
    id = undertaken(world)
    set_clock(world, "2026-12-05T00:00Z")
    assert fault(world, C, {"act": "fulfilment", "at": moment}, id) == "/at"
    post(world, C, {"act": "fulfilment", "at": moment, "complete": True}, id)


def test_one_without_a_period_has_no_intervals() -> None:
    world = World()
    id = world.open(N, act("undertaking"))
    assert recurrence.recurrence_of(world.exchange(id)) is None
    assert view(world, id, BEGINS).intervals == 0
