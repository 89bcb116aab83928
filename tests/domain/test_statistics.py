"""The statistics: what is counted in which period, and that nothing to measure is no zero."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.domain.acts import deadlines, duty_calendar
from dragoman.domain.fold import Folded
from dragoman.domain.views import outages
from dragoman.domain.views.outages import (
    LineCheckSpan,
    OutageSpan,
    ReportedOutage,
    Turn,
    covered,
    down,
    line,
    unmanned_spans,
)
from dragoman.domain.views.statistics import Measure, Measured, blind, days, flood, share, spread
from dragoman.domain.views.tally import Tally, microseconds
from dragoman_schemas.statistics_figures import Kept, Spread, Translations
from samples import act
from world import INCIDENT, NOTE, REQUEST, World

N, C, ND, CD, NH, CH = "nato/o-1", "china/o-1", "nato/d-1", "china/d-1", "nato/h-1", "china/h-1"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FLASH: dict[str, Any] = {**NOTE, "precedence": "flash"}


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def adopted(**kinds: Any) -> World:
    world = World(**kinds)
    for side in world.sides:
        assert isinstance(
            world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "default"}), Folded
        )
    return world


def measured(world: World, begins: datetime, ends: datetime, *ids: str) -> Measured:
    calendars = {side: duty_calendar.calendar_of(world.ledger.office(side)) for side in world.sides}
    tally = Tally(world.registry, calendars)
    for id in ids:
        tally.add(world.exchange(id))
    return Measure(tally, OutageSpan(begins, ends)).measured(world.sides)


def kept(found: Measured, side: str, clock: str = "acknowledgement") -> Kept:
    (row,) = (row for row in found.clocks if (row.side, row.clock) == (side, clock))
    return row


def flash_at(world: World, minutes: float) -> str:
    world.clock = at(minutes)
    return world.open(ND, FLASH)


def acknowledged_at(world: World, id: str, minutes: float) -> None:
    world.clock = at(minutes)
    assert isinstance(world.keep(CD, {"act": "acknowledgement"}, id), Folded)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], None),
        ([7.0], Spread(measured=1, median_s=7.0, p95_s=7.0, worst_s=7.0)),
        ([3.0, 1.0], Spread(measured=2, median_s=2.0, p95_s=3.0, worst_s=3.0)),
        (
            list(map(float, range(1, 101))),
            Spread(measured=100, median_s=50.5, p95_s=95.0, worst_s=100.0),
        ),
        (
            list(map(float, range(1, 21))),
            Spread(measured=20, median_s=10.5, p95_s=19.0, worst_s=20.0),
        ),
    ],
)
def test_percentiles_are_times_that_were_taken(
    seconds: list[float], expected: Spread | None
) -> None:
    assert expected == spread(seconds)


def test_a_share_of_nothing_is_no_statement() -> None:
    assert (share(0, 0), share(0, 3), share(1, 3)) == (None, 0.0, 0.3333)


def test_days_are_told_to_a_tenth() -> None:
    assert days("2026-11-22T00:00:00.000Z", NOON) == 2.5


def test_an_acknowledgement_is_measured_from_the_record() -> None:
    world = adopted()
    id = flash_at(world, 60)
    acknowledged_at(world, id, 61)
    row = kept(measured(world, at(0), at(120), id), "china")
    assert row.took == Spread(measured=1, median_s=60.0, p95_s=60.0, worst_s=60.0)
    assert (row.in_time, row.late, row.share_in_time, row.open, row.overdue, row.courtesy) == (
        1,
        0,
        1.0,
        0,
        0,
        0,
    )


def test_every_side_has_the_same_rows_and_nothing_to_measure_is_absent() -> None:
    world = adopted()
    id = flash_at(world, 60)
    found = measured(world, at(0), at(120), id)
    assert [(row.side, row.clock) for row in found.clocks] == [
        ("nato", "acknowledgement"),
        ("china", "acknowledgement"),
    ]
    row = kept(found, "nato")
    assert (row.took, row.share_in_time, row.in_time, row.late) == (None, None, 0, 0)
    assert [(row.side, row.opened, row.flash) for row in found.opened] == [
        ("nato", 1, 1),
        ("china", 0, 0),
    ]


def test_what_is_never_acknowledged_has_a_share_of_nought() -> None:
    world = adopted()
    id = flash_at(world, 60)
    row = kept(measured(world, at(0), at(120), id), "china")
    assert (row.took, row.in_time, row.late, row.share_in_time, row.open, row.overdue) == (
        None,
        0,
        1,
        0.0,
        1,
        1,
    )
    exactly = kept(measured(world, at(0), at(70) + timedelta(seconds=1), id), "china")
    assert (exactly.late, exactly.overdue, exactly.share_in_time) == (0, 0, None), (
        "at exactly the limit it is in time"
    )
    assert exactly.open == 1


def test_a_clock_is_counted_in_one_period_alone() -> None:
    world = adopted()
    id = flash_at(world, 59)
    first = kept(measured(world, at(0), at(60), id), "china")
    assert (first.in_time, first.late, first.open) == (0, 0, 1)
    acknowledged_at(world, id, 75)
    hours = [measured(world, at(60 * hour), at(60 * hour + 60), id) for hour in range(4)]
    rows = [kept(each, "china") for each in hours if each.clocks]
    assert [(row.late, row.took is not None) for row in rows] == [(1, True)], (
        "late when the limit passed, taken when it came"
    )


def test_what_ended_before_its_limit_is_neither_in_time_nor_late() -> None:
    world = adopted()
    world.clock = at(60)
    id = world.open(N, act("terrorism-warning"))
    acknowledged_at(world, id, 61)
    world.close(id)
    rows = [
        row
        for row in measured(world, at(0), at(90), id).clocks
        if row.clock == "answer" and row.side == "china"
    ]
    assert [(row.in_time, row.late, row.ended, row.open, row.share_in_time) for row in rows] == [
        (0, 0, 1, 0, None)
    ]


def test_a_side_that_closes_its_own_matter_has_not_done_what_it_owed() -> None:
    world = adopted()
    world.clock = at(60)
    id = world.open(ND, INCIDENT)
    world.close(id)
    for clock in ("update", "final_report"):
        rows = [
            row
            for row in measured(world, at(0), at(90), id).clocks
            if row.clock == clock and row.side == "nato"
        ]
        assert [(row.in_time, row.late, row.ended, row.open, row.took) for row in rows] == [
            (0, 0, 1, 0, None)
        ]


def test_what_was_said_otherwise_before_was_done_when_it_was_said() -> None:
    world = adopted()
    id = flash_at(world, 60)
    world.clock = at(120)
    passed = {"means": "voice", "at": at(65).isoformat(), "to_post": "Duty officer"}
    assert isinstance(
        world.keep("china/d-1", {"act": "acknowledgement", "passed_by": passed}, id), Folded
    )
    row = kept(measured(world, at(0), at(130), id), "china")
    assert (row.in_time, row.late, row.took and round(row.took.median_s)) == (1, 0, 299)


def test_courtesy_is_told_apart() -> None:
    world = World()
    id = flash_at(world, 60)
    acknowledged_at(world, id, 61)
    row = kept(measured(world, at(0), at(120), id), "china")
    assert (row.in_time, row.courtesy) == (1, 1)


@pytest.mark.parametrize("kind", ["track2"])
def test_a_channel_without_clocks_has_no_times(kind: str) -> None:
    world = adopted(kind=kind, name="talks")
    id = world.open(N, NOTE)
    found = measured(world, at(0), at(6000), id)
    assert (found.clocks, found.notices, found.exchanges) == ((), (), 1)
    rows, spans = blind(
        world.registry, world.sides, [], [], frozenset(), [], OutageSpan(at(0), at(60))
    )
    assert ([(row.watch_nobody_s, row.line_down_s) for row in rows], spans) == (
        [(None, None)] * 2,
        (),
    )


def test_notice_is_measured_against_what_is_owed() -> None:
    world = adopted()
    short = world.open(
        N, act("danger-area", window={"from": "2026-11-25T12:00Z", "to": "2026-11-26T00:00Z"})
    )
    long = world.open(
        N, act("danger-area", window={"from": "2026-12-25T12:00Z", "to": "2026-12-26T00:00Z"})
    )
    nato, china = measured(world, at(0), at(60), short, long).notices
    assert (nato.side, nato.owed_s, nato.notices, nato.in_time, nato.short, nato.share_in_time) == (
        "nato",
        259200.0,
        2,
        1,
        1,
        0.5,
    )
    assert nato.shortest_given_s is not None and 86_300 < nato.shortest_given_s < 86_400
    assert (china.notices, china.median_given_s, china.share_in_time) == (0, None, None)


def test_a_first_report_is_a_clock_of_its_own() -> None:
    world = adopted()
    world.clock = at(60)
    id = world.open(ND, act("hazardous-incident", known_at="2026-11-24T11:30Z"))
    row = kept(measured(world, at(0), at(120), id), "nato", "first_report")
    assert (row.late, row.in_time, row.took) == (
        1,
        0,
        Spread(measured=1, median_s=5401.0, p95_s=5401.0, worst_s=5401.0),
    )


def test_meetings_are_asked_accepted_held_and_not_attended() -> None:
    world = adopted(sides=("nato", "china", "third"))
    id = world.open(N, REQUEST)
    for side in ("china", "third"):
        assert isinstance(
            world.keep(f"{side}/o-1", {"act": "acceptance", "window": 0}, id, seen=True), Folded
        )
    assert isinstance(world.keep(N, {"act": "non-attendance", "side": "third"}, id), Folded)
    assert isinstance(
        world.keep(
            N, {"act": "meeting-held", "from": "2026-11-24T08:00Z", "to": "2026-11-24T10:00Z"}, id
        ),
        Folded,
    )
    rows = [
        (row.side, row.asked, row.accepted, row.declined, row.held, row.not_attended)
        for row in measured(world, at(0), at(60), id).meetings
    ]
    assert rows == [("nato", 1, 0, 0, 1, 0), ("china", 0, 1, 0, 1, 0), ("third", 0, 1, 0, 0, 1)]


def test_a_translation_is_counted_from_its_message() -> None:
    world = adopted()
    world.clock = at(60)
    id = world.open(N, NOTE)
    world.clock = at(90)
    assert isinstance(
        world.keep(C, {"act": "translation", "language": "zh", "text": "已收到"}, id), Folded
    )
    assert measured(world, at(0), at(120), id).translations == (
        Translations(side="nato", translations=0),
        Translations(
            side="china",
            translations=1,
            delay=Spread(measured=1, median_s=1800.0, p95_s=1800.0, worst_s=1800.0),
        ),
    )


def test_corrections_and_cancellations_are_counted_with_how_late_they_came() -> None:
    world = adopted()
    world.clock = at(60)
    id = world.open(N, NOTE)
    world.clock = at(70)
    correction = {"act": "correction", "fields": {"form": "letter"}, "reason": "Another form."}
    assert isinstance(world.keep(N, correction, id, seen=True), Folded)
    assert isinstance(
        world.keep(N, {"act": "cancellation", "reason": "Sent in error."}, id, seen=True), Folded
    )
    nato, china = measured(world, at(0), at(120), id).changes
    assert (nato.corrections, nato.cancellations, china.corrections, china.cancelled_after) == (
        1,
        1,
        0,
        None,
    )
    assert nato.corrected_after is not None and nato.corrected_after.median_s == 600.0


# The line


def check(minutes: float, result: str, side: str = "china", sender: str = "nato") -> LineCheckSpan:
    back = at(minutes + 1) if result.startswith("echoed") else None
    return LineCheckSpan(sent=at(minutes), sender=sender, side=side, result=result, back=back)  # type: ignore[arg-type]


def test_a_line_check_is_echoed_with_errors_missed_or_awaited() -> None:
    world = adopted()
    id = world.open(
        ND, {"act": "line-check", "sequence": 1, "challenge": "fox 联络", "circuit": "primary"}
    )
    assert [each.result for each in outages.checks(world.exchange(id))] == ["awaited"]
    missed = replace(world.exchange(id), status="missed")
    assert [each.result for each in outages.checks(missed)] == ["missed"]
    assert isinstance(world.keep(CD, {"act": "echo", "text": "fox 联给"}, id), Folded)
    assert [each.result for each in outages.checks(world.exchange(id))] == ["echoed_with_errors"]


def test_the_line_has_a_current_run() -> None:
    checks = [
        check(0, "echoed"),
        check(60, "missed"),
        check(120, "echoed"),
        check(180, "echoed_with_errors"),
        check(240, "awaited"),
    ]
    found = line("china", checks, OutageSpan(at(30), at(300)))
    assert (found.checks, found.echoed, found.echoed_with_errors, found.missed, found.awaited) == (
        4,
        1,
        1,
        1,
        1,
    )
    assert (found.share_echoed, found.run, found.missed_run) == (0.3333, 2, 0)
    assert line("china", checks[:2], OutageSpan(at(30), at(300))).missed_run == 1
    none = line("nato", checks, OutageSpan(at(30), at(300)))
    assert (none.checks, none.share_echoed, none.last_checked) == (0, None, "")


def test_the_line_is_down_from_a_missed_check_until_the_next_that_comes_back_either_way() -> None:
    checks = [
        check(0, "missed"),
        check(60, "missed"),
        check(120, "echoed", side="nato", sender="china"),
        check(180, "missed"),
    ]
    assert list(down(checks, at(240))) == [
        (("china", "nato"), OutageSpan(at(0), at(121))),
        (("china", "nato"), OutageSpan(at(180), at(240))),
    ]


# The watch


def test_a_watch_is_nobodys_between_relief_and_assumption() -> None:
    turns = [
        Turn(at(10), "nato", True),
        Turn(at(20), "nato", True),
        Turn(at(30), "nato", False),
        Turn(at(50), "nato", True),
    ]
    assert unmanned_spans("nato", turns, OutageSpan(at(0), at(60)), manned=False) == [
        OutageSpan(at(0), at(10)),
        OutageSpan(at(30), at(50)),
    ]
    assert unmanned_spans("nato", turns, OutageSpan(at(0), at(60)), manned=True) == [
        OutageSpan(at(30), at(50))
    ]
    assert unmanned_spans("china", turns, OutageSpan(at(0), at(60)), manned=False) == [
        OutageSpan(at(0), at(60))
    ]


def test_blindness_counts_what_overlaps_once() -> None:
    assert (
        covered([OutageSpan(at(0), at(10)), OutageSpan(at(5), at(20)), OutageSpan(at(30), at(31))])
        == 21 * 60.0
    )
    world = adopted()
    turns = [Turn(at(10), "nato", True)]
    outages = [
        ReportedOutage(side, OutageSpan(at(begins), at(ends)))
        for side, begins, ends in (
            ("", -5, 1),
            ("", 30, 35),
            ("", 34, 40),
            ("", 70, 80),
            ("nato", 10, 15),
            ("nato", 58, 61),
            ("china", 18, 22),
        )
    ]
    rows, spans = blind(
        world.registry,
        world.sides,
        [check(20, "missed")],
        turns,
        {"china"},
        outages,
        OutageSpan(at(0), at(60)),
    )
    assert [(row.side, row.watch_nobody_s, row.line_down_s, row.broker_down_s) for row in rows] == [
        ("nato", 600.0, 2700.0, 660.0),
        ("china", 0.0, 2520.0, 660.0),
    ]
    assert [(each.what, each.sides, each.from_) for each in spans] == [
        ("broker", ("nato", "china"), deadlines.timestamp(at(0))),
        ("watch", ("nato",), deadlines.timestamp(at(0))),
        ("line", ("nato",), deadlines.timestamp(at(10))),
        ("line", ("china",), deadlines.timestamp(at(18))),
        ("line", ("china", "nato"), deadlines.timestamp(at(20))),
        ("broker", ("nato", "china"), deadlines.timestamp(at(30))),
        ("line", ("nato",), deadlines.timestamp(at(58))),
    ]


# Floods


@pytest.mark.parametrize(
    ("minutes", "floods", "most"),
    [
        ([], 0, 0),
        ([0] * 10, 0, 10),
        ([0] * 11, 1, 11),
        (range(0, 110, 10), 0, 2),
        ([0] * 12 + [30] * 11, 2, 12),
        ([*range(11), 11, 12], 1, 11),
    ],
)
def test_more_than_ten_within_ten_minutes_are_a_flood_and_one_that_goes_on_is_one(
    minutes: list[int], floods: int, most: int
) -> None:
    found = flood("nato", [microseconds(at(each)) for each in reversed(minutes)])
    assert (found.side, found.came, found.floods, found.most) == (
        "nato",
        len(minutes),
        floods,
        most,
    )
