"""Dates that are over, or that would leave another side no time to answer, are refused at the edge;
the fold takes them as before.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.domain.acts import deadlines as clocks
from dragoman.domain.acts import earliest_date, short_notice
from dragoman.domain.acts.duty_calendar import WEEK, DutyCalendar
from dragoman.domain.fold import Folded, fold
from dragoman.domain.record import codec as records
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal
from dragoman_schemas.state import Exchange
from samples import SAMPLES
from world import NOTE, REQUEST, World, compact

DAY = timedelta(days=1)


def bound() -> World:
    """A channel whose limits bind."""
    world = World()
    for side in world.sides:
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "default"})
    return world


def window(
    world: World, begins: timedelta, lasts: timedelta = timedelta(hours=2)
) -> dict[str, str]:
    return {
        "from": clocks.timestamp(world.clock + begins),
        "to": clocks.timestamp(world.clock + begins + lasts),
    }


def posted(
    world: World, actor: str, act: dict[str, Any], exchange: str = ""
) -> tuple[Folded, Refusal | None]:
    """Post an act and return its folded record, with the refusal at the edge if there is one."""
    folded = world.keep(actor, act, exchange)
    assert isinstance(folded, Folded) and folded.valid and folded.record is not None, folded
    state = world.exchange(exchange or folded.record.envelope.id)
    return folded, short_notice.check(
        world.registry, state, folded.record, {}
    ) if short_notice.names_dates(folded.record) else None


def pointers(refusal: Refusal | None) -> list[str]:
    return [] if refusal is None else [fault.pointer for fault in refusal.faults]


@pytest.mark.parametrize("ahead", [timedelta(days=-7), timedelta(days=1), timedelta(days=22)])
def test_an_invitation_that_would_be_a_lapse_at_once_is_refused(ahead: timedelta) -> None:
    world = bound()
    visit = {**SAMPLES["visit-invitation"], "dates": window(world, ahead, DAY)}
    folded, refusal = posted(world, "nato/h-1", visit)
    assert [pointer.split("/")[1] for pointer in pointers(refusal)] == ["dates"]
    assert folded.valid, "a log in which it stands is valid"


@settings(max_examples=40, deadline=None)
@given(hours=st.integers(-24 * 30, 24 * 60))
def test_what_is_taken_leaves_the_other_side_48_hours(hours: int) -> None:
    world = bound()
    for actor, act in (
        (
            "nato/h-1",
            {**SAMPLES["visit-invitation"], "dates": window(world, timedelta(hours=hours), DAY)},
        ),
        ("nato/o-1", {**REQUEST, "windows": [window(world, timedelta(hours=hours))]}),
    ):
        folded, refusal = posted(world, actor, act)
        assert folded.record is not None
        now = datetime.fromisoformat(folded.record.envelope.time)
        answers = [
            each
            for each in clocks.deadlines_of(
                world.registry, world.exchange(folded.record.envelope.id), {}
            )
            if each.clock == "answer"
        ]
        begins = {datetime.fromisoformat(each["from"]) for each in act.get("windows", ())}
        late = any(
            each.due - now < timedelta(hours=48) and each.due not in begins for each in answers
        )
        over = timedelta(hours=hours) + (
            DAY if "dates" in act else timedelta(hours=2)
        ) <= now - world.clock + timedelta(seconds=2)
        assert (refusal is not None) == (late or over)


def test_a_proposal_of_other_windows_is_held_to_the_same() -> None:
    world = bound()
    asked, refusal = posted(world, "nato/o-1", {**REQUEST, "windows": [window(world, 60 * DAY)]})
    assert refusal is None and asked.record is not None
    exchange = asked.record.envelope.id
    _, refusal = posted(
        world, "china/o-1", {"act": "counter-proposal", "windows": [window(world, -DAY)]}, exchange
    )
    assert pointers(refusal) == ["/windows/0/to"]
    _, refusal = posted(
        world,
        "nato/o-1",
        {"act": "counter-proposal", "windows": [window(world, 15 * DAY)]},
        exchange,
    )
    assert pointers(refusal) == ["/windows"]


def test_a_reply_is_wanted_by_a_time_that_is_still_to_come() -> None:
    world = bound()
    late = {**NOTE, "reply_wanted_by": clocks.timestamp(world.clock - DAY)}
    assert pointers(posted(world, "nato/o-1", late)[1]) == ["/reply_wanted_by"]
    assert posted(world, "nato/o-1", {**late, "for_the_record": True})[1] is None
    assert (
        posted(world, "nato/o-1", {**NOTE, "reply_wanted_by": clocks.timestamp(world.clock + DAY)})[
            1
        ]
        is None
    )


def test_a_courtesy_binds_nobody_and_what_was_held_is_written_down() -> None:
    world = World()
    assert (
        posted(
            world, "nato/h-1", {**SAMPLES["visit-invitation"], "dates": window(world, 3 * DAY, DAY)}
        )[1]
        is None
    )
    past = {**REQUEST, "windows": [window(world, -3 * DAY)], "for_the_record": True}
    assert posted(world, "nato/o-1", past)[1] is None


CALENDARS = st.builds(
    DutyCalendar,
    days=st.sets(st.sampled_from(WEEK), min_size=1).map(frozenset),
    zone=st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]),
)


def refused(world: World, record: Record, calendars: dict[str, DutyCalendar]) -> bool:
    """Return whether the edge refuses a record that was not taken yet."""
    result = fold(world.ledger.standing.state, world.ledger, record.raw)
    assert isinstance(result.state, Exchange)
    return short_notice.check(world.registry, result.state, record, calendars) is not None


@settings(max_examples=60, deadline=None)
@given(hours=st.integers(-24 * 400, 24 * 60), calendar=CALENDARS, data=st.data())
def test_the_earliest_date_passes_and_the_day_before_it_does_not(
    hours: int, calendar: DutyCalendar, data: st.DataObject
) -> None:
    world, begins = bound(), timedelta(hours=hours)
    calendars = dict.fromkeys(world.sides, calendar)
    further = [
        window(world, begins + days * DAY) for days in data.draw(st.lists(st.integers(0, 9)))
    ]
    actor, act = data.draw(
        st.sampled_from(
            [
                ("nato/h-1", {**SAMPLES["visit-invitation"], "dates": window(world, begins, DAY)}),
                ("nato/o-1", {**REQUEST, "windows": [window(world, begins), *further[:3]]}),
            ]
        )
    )
    record = world.decide(actor, act)
    assert isinstance(record, Record)
    if not refused(world, record, calendars):
        return

    def is_refused(moved: Record) -> bool:
        return refused(world, moved, calendars)

    earliest = earliest_date.earliest(record, world.registry.rules, is_refused)
    assert earliest is not None

    def on(days: int) -> bool:
        moved = earliest_date.moved_to(act, earliest + days * DAY)
        return is_refused(records.parse(records.build(record.envelope, compact(moved))))

    assert not on(0)
    assert earliest - DAY < world.clock or on(-1)
    if begins > timedelta(minutes=1):
        assert not any(on(days) for days in range(1, 40)), "no later date is too soon"


def test_windows_that_begin_later_stay_where_they_are() -> None:
    world = bound()
    late = window(world, 60 * DAY)
    act = {**REQUEST, "windows": [window(world, 15 * DAY), late]}
    moved = earliest_date.moved_to(act, world.clock + 17 * DAY)
    assert moved["windows"][1] == late
    ends = [datetime.fromisoformat(moved["windows"][0][end]) for end in ("from", "to")]
    assert ends == [world.clock + 17 * DAY, world.clock + 17 * DAY + timedelta(hours=2)]
