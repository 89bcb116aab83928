"""The duty roster: covers and exchanges, gaps and other faults, reminders, and the ladder, which only
ever grows by it.
"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.domain.views import alarms, duty_roster
from dragoman_schemas.roster import ROSTER_RUNGS, RosterChange, RosterRung, RosterShift
from world import World

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def shift(
    officer: str, begins: float, ends: float, rung: RosterRung = "duty_officer", order: int = 0
) -> RosterShift:
    return RosterShift(rung=rung, officer=officer, begins=at(begins), ends=at(ends), order=order)


def change(
    id: str, begins: float, ends: float, of: str = "", to: str = "", made: float = -9
) -> RosterChange:
    return RosterChange(
        id=id, kind="offer" if of else "cover", rung="duty_officer", begins=at(begins), ends=at(ends),
        by="h-1", at=at(made), of=of, to=to,
    )  # fmt: skip


def short(shifts: tuple[RosterShift, ...]) -> list[tuple[str, float, float]]:
    hours = [
        (
            each.officer,
            (each.begins - NOON) / timedelta(hours=1),
            (each.ends - NOON) / timedelta(hours=1),
        )
        for each in shifts
    ]
    return sorted(hours, key=lambda each: each[1:])


OFFICERS = st.sampled_from(["d-1", "d-2", "h-1"])
SHIFTS = st.lists(
    st.builds(
        lambda officer, begins, hours, rung: shift(officer, begins, begins + hours, rung),
        OFFICERS, st.integers(-24, 48), st.integers(1, 16), st.sampled_from(ROSTER_RUNGS),
    ),
    max_size=8,
)  # fmt: skip
CHANGES = st.lists(
    st.builds(
        lambda n, begins, hours, of, to: change(str(n), begins, begins + hours, of, to),
        st.integers(0, 99), st.integers(-24, 48), st.integers(1, 16), st.sampled_from(["", "d-1", "d-2"]),
        st.sampled_from(["", "d-1", "d-2", "x-1"]),
    ),
    max_size=4,
    unique_by=lambda each: each.id,
)  # fmt: skip


def test_a_taken_offer_replaces_its_officer_in_a_part_of_the_shift() -> None:
    duty = (shift("d-1", 0, 12), shift("d-2", 12, 24))
    assert short(duty_roster.effective(duty, [change("1", 4, 6, of="d-1")])) == short(duty), (
        "not taken"
    )
    part = duty_roster.effective(duty, [change("1", 4, 16, of="d-1", to="h-1")])
    assert short(part) == [("d-1", 0, 4), ("h-1", 4, 12), ("d-2", 12, 24)], (
        "only where d-1 is on duty"
    )
    assert [each.change for each in part] == ["", "1", ""]


def test_a_cover_for_everybody_also_fills_a_gap_and_the_later_change_counts() -> None:
    covered = duty_roster.effective([shift("d-1", 0, 8)], [change("1", 6, 12, to="d-2")])
    assert short(covered) == [("d-1", 0, 6), ("d-2", 6, 12)]
    twice = [change("2", 5, 7, to="h-1", made=-1), change("1", 6, 12, to="d-2", made=-2)]
    assert short(duty_roster.effective([shift("d-1", 0, 8)], twice)) == [
        ("d-1", 0, 5), ("h-1", 5, 7), ("d-2", 7, 12),
    ]  # fmt: skip


@given(SHIFTS, CHANGES)
def test_no_change_makes_a_gap(shifts: list[RosterShift], changes: list[RosterChange]) -> None:
    before = duty_roster.gaps(shifts, "duty_officer", at(-24), at(60))
    after = duty_roster.gaps(
        duty_roster.effective(shifts, changes), "duty_officer", at(-24), at(60)
    )
    for gap in after:
        assert any(other.begins <= gap.begins and gap.ends <= other.ends for other in before)


@given(SHIFTS, st.integers(-24, 60))
def test_a_gap_is_just_where_nobody_is_on_duty(shifts: list[RosterShift], hour: int) -> None:
    moment = at(hour + 0.5)
    there = duty_roster.on_duty(shifts, "duty_officer", moment)
    gaps = duty_roster.gaps(shifts, "duty_officer", at(-24), at(61))
    assert bool(there) != any(gap.begins <= moment < gap.ends for gap in gaps)
    assert len({each.officer for each in there}) == len(there)


def test_who_comes_next_skips_the_shift_that_only_goes_on() -> None:
    duty = [
        shift("d-1", -4, 2),
        shift("d-1", 2, 8),
        shift("d-2", 8, 16),
        shift("h-1", 8, 16, order=1),
    ]
    assert [each.officer for each in duty_roster.on_duty(duty, "duty_officer", NOON)] == ["d-1"]
    assert [each.officer for each in duty_roster.coming(duty, "duty_officer", NOON)] == [
        "d-2",
        "h-1",
    ]
    assert duty_roster.coming(duty, "duty_officer", at(8)) == ()


def test_reminders_reach_both_officers_of_a_hand_over_once_for_each_lead() -> None:
    duty = [shift("d-1", -6, 0), shift("d-1", 0, 2), shift("d-2", 2, 8)]
    leads = (60, 15)
    assert duty_roster.reminders(duty, leads, at(-0.5)) == (), (
        "d-1 hands over to d-1: nobody changes"
    )
    assert duty_roster.reminders(duty, leads, at(0.9)) == ()
    found = duty_roster.reminders(duty, leads, at(1))
    assert [(each.officer, each.kind, each.minutes, each.other) for each in found] == [
        ("d-1", "ends", 60, "d-2"),
        ("d-2", "begins", 60, "d-1"),
    ]
    assert {each.minutes for each in duty_roster.reminders(duty, leads, at(1.75))} == {15}
    assert duty_roster.reminders(duty, leads, at(2)) == ()


def kinds(world: World, duty: list[RosterShift], hours: float = 72) -> list[tuple[str, str, str]]:
    return [(each.kind, each.rung, each.officer) for each in faults(world, duty, NOON, hours)]


def faults(
    world: World, duty: list[RosterShift], moment: datetime, hours: float = 72
) -> tuple[duty_roster.RosterFault, ...]:
    rungs = {each.rung for each in duty}
    warned = timedelta(hours=hours)
    return duty_roster.faults(world.registry, "china", duty, rungs, moment, warned, at(80))


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_a_whole_roster_has_no_fault_and_each_fault_is_named_days_before(world: World) -> None:
    whole = [shift("d-1", -40, 80), shift("h-1", -40, 80, "head_of_office")]
    assert kinds(world, whole) == []
    assert kinds(world, [shift("d-1", -40, 24), shift("d-1", 30, 80)]) == [
        ("gap", "duty_officer", "")
    ]
    assert kinds(world, [shift("d-1", -40, 71)]) == [("gap", "duty_officer", "")]
    assert kinds(world, [shift("d-1", -40, 73), shift("d-1", 74, 80)]) == [], (
        "later than the days that are looked ahead"
    )
    same = [*whole, shift("d-1", 10, 20, "deputy")]
    assert ("same_person", "deputy", "d-1") in kinds(world, same)
    two = [*same, shift("h-1", 10, 20, "deputy", 1)]
    assert not any(
        kind == "same_person" and rung == "deputy" for kind, rung, _ in kinds(world, two)
    )
    assert kinds(world, [*whole, shift("nobody", 1, 2), shift("nobody", 3, 4)]) == [
        ("not_in_office", "duty_officer", "nobody")
    ]
    assert ("role", "duty_officer", "o-1") in kinds(world, [*whole, shift("o-1", 1, 2)])


@given(SHIFTS, st.integers(-24, 60), st.sampled_from(ROSTER_RUNGS))
def test_a_roster_never_takes_anybody_off_the_ladder(
    world: World, shifts: list[RosterShift], hour: int, rung: RosterRung
) -> None:
    people = duty_roster.ladder(world.registry, "china", rung, shifts, at(hour))
    by_log = alarms.reached(world.registry, "china", rung)
    assert {*by_log} <= {*people.officers}
    assert [
        name for name in people.officers if name in by_log and name not in people.by_roster
    ] == [name for name in by_log if name not in people.by_roster]
    assert len(set(people.officers)) == len(people.officers)
    assert duty_roster.ladder(world.registry, "china", rung, (), at(hour)).officers == by_log


def test_the_roster_orders_the_people_of_a_rung_and_strangers_do_not_count(world: World) -> None:
    officers = world.registry.officers
    gone = {**officers, "china/o-1": replace(officers["china/o-1"], until=9)}
    former = replace(world.registry, officers=gone)
    shifts = [shift("o-1", -1, 1), shift("d-1", -1, 1)]
    assert duty_roster.ladder(former, "china", "duty_officer", shifts, NOON).by_roster == (
        "china/d-1",
    )
    duty = [
        shift("h-1", -1, 1, order=0),
        shift("nobody", -1, 1, order=1),
        shift("d-1", -1, 1, order=2),
    ]
    people = duty_roster.ladder(world.registry, "china", "duty_officer", duty, NOON)
    assert people.by_roster == ("china/h-1", "china/d-1")
    assert people.officers[:2] == ("china/h-1", "china/d-1")


@pytest.mark.parametrize(
    ("source", "read", "fault", "ends", "expected"),
    [
        ("", None, "", 5, "none"),
        ("subscription", None, "", 5, "waiting"),
        ("subscription", None, "x", 5, "unreadable"),
        ("subscription", -71, "x", 5, "in_force"),
        ("subscription", -73, "", 5, "stale"),
        ("file", -200, "", 5, "in_force"),
        ("file", -1, "", 0, "empty"),
    ],
)
def test_a_roster_is_in_force_only_while_it_is_fresh_and_has_shifts(
    source: str, read: float | None, fault: str, ends: float, expected: str
) -> None:
    moment = None if read is None else at(read)
    assert duty_roster.status(source, [shift("d-1", -9, ends)], moment, fault, NOON) == expected


def test_shifts_of_one_officer_are_joined_across_a_colleague() -> None:
    duty = [shift("d-1", 0, 4), shift("d-2", 2, 6), shift("d-1", 4, 8), shift("d-2", 7, 9)]
    joined = duty_roster.merged(duty, "duty_officer")
    assert short(joined) == [("d-1", 0, 8), ("d-2", 2, 6), ("d-2", 7, 9)]


def test_a_fault_has_the_same_times_whenever_it_is_looked_at(world: World) -> None:
    duty = [shift("d-1", -40, 2), shift("d-1", 9, 80), shift("d-1", 3, 5, "deputy")]
    first, *others = [
        [(each.kind, each.begins, each.ends) for each in faults(world, duty, at(hour), 24)]
        for hour in (0, 1.5, 2.5)
    ]
    assert len(first) > 1 and all(found == first for found in others)
