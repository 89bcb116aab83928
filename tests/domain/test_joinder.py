"""Two reports of the same event become one matter, once the sides that reported it say so."""

from datetime import timedelta
from typing import Any

import pytest

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.deadlines import Deadline
from dragoman.domain.acts.families import joining
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import Record
from dragoman.domain.views.open_matters import in_order, open_matter
from dragoman_schemas.acts.notification.joinder import Joinder, JoinderAgreement
from dragoman_schemas.state_responses import OpenMatter
from samples import act
from world import World, refused

REPORTS = ("hazardous-incident", "encounter-report", "emergency-notification")
N, C, OSCE = "nato/d-1", "china/d-1", "osce/d-1"


def reported(*formats: str) -> tuple[World, str, str]:
    """Return a channel of three sides, where the first two have reported the same event."""
    world = World(sides=("nato", "china", "osce"))
    first, second = (*formats, "hazardous-incident", "hazardous-incident")[:2]
    return world, world.open(N, act(first)), world.open(C, act(second))


def say(world: World, actor: str, body: dict[str, Any], exchange: str) -> str:
    """Post an act; the id of its record."""
    folded = world.keep(actor, body, exchange)
    assert isinstance(folded, Folded) and folded.valid and folded.record is not None, folded
    return folded.record.envelope.id


def joined(world: World, earlier: str, later: str, by: str = C, agrees: str = N) -> None:
    """Propose to join two reports, and agree to it."""
    id = say(world, by, act("joinder", of=earlier), later)
    say(world, agrees, act("joinder-agreement", of=id), later)


def clocks(world: World, id: str, *names: str) -> list[Deadline]:
    """Return the deadlines of an exchange that have one of some names."""
    found = deadlines.deadlines_of(world.registry, world.exchange(id), {})
    return [clock for clock in found if clock.clock in names]


def matters(world: World, *ids: str) -> list[OpenMatter]:
    """Return the rows of open matters for some exchanges."""
    every = (open_matter(world.registry, world.exchange(id), {}) for id in ids)
    return in_order(matter for matter in every if matter is not None)


def fault(world: World, actor: str, body: dict[str, Any], exchange: str) -> str:
    """Return the pointer of the first fault of an act, or the kind of its refusal.

    What the rules allow, the gateway still holds against the earlier report.
    """
    decided = world.decide(actor, body, exchange)
    if isinstance(decided, Record):
        data = decided.data
        assert isinstance(data, Joinder | JoinderAgreement)
        opened = world.exchange(exchange)
        found = joining.check_earlier(world.ledger.exchange, opened, decided.side, data)
        assert found is not None, "nothing refuses it"
        decided = found
    refusal = refused(decided)
    return refusal.faults[0].pointer if refusal.faults else refusal.kind


@pytest.mark.parametrize("earlier_format", REPORTS)
@pytest.mark.parametrize("later_format", REPORTS)
@pytest.mark.parametrize(("by", "agrees"), [(C, N), (N, C)])
def test_either_opener_proposes_and_the_other_agrees(
    earlier_format: str, later_format: str, by: str, agrees: str
) -> None:
    world, earlier, later = reported(earlier_format, later_format)
    before, status = world.exchange(earlier), world.exchange(later).status
    id = say(world, by, act("joinder", of=earlier), later)
    state = world.exchange(later).joined
    assert state is not None
    assert (state.of, state.id, state.proposed.by, state.agreed) == (earlier, id, by, None)
    say(world, agrees, act("joinder-agreement", of=id), later)
    state = world.exchange(later).joined
    assert state is not None and state.agreed is not None and state.agreed.by == agrees
    assert world.exchange(later).status == status
    assert world.exchange(earlier) == before


def test_the_later_report_owes_no_update_and_no_final_report_from_the_agreement_on() -> None:
    world, earlier, later = reported()
    owed = ("update", "final_report")
    id = say(world, N, act("joinder", of=earlier), later)
    assert all(clock.open for clock in clocks(world, later, *owed))
    say(world, C, act("joinder-agreement", of=id), later)
    agreed = world.exchange(later).joined
    assert agreed is not None
    world.clock += timedelta(days=40)
    for body in ({}, act("update"), act("final-report")):
        if body:
            say(world, C, body, later)
        assert [clock.clock for clock in clocks(world, later, *owed)] == [*owed]
        for clock in clocks(world, later, *owed):
            assert (clock.met, clock.ended, clock.open) == (None, agreed.agreed, False)
    assert all(clock.open for clock in clocks(world, earlier, *owed))


def test_what_was_met_before_the_agreement_stays_met() -> None:
    world, earlier, later = reported()
    say(world, C, act("update"), later)
    joined(world, earlier, later)
    first, second = clocks(world, later, "update")
    assert first.met is not None and first.ended is None
    assert second.met is None and second.ended is not None


def test_no_opener_owes_an_account_of_an_encounter_that_it_reported_itself() -> None:
    world, earlier, later = reported("encounter-report", "encounter-report")
    joined(world, earlier, later)
    open_by_side = {clock.side: clock.open for clock in clocks(world, later, "counter_account")}
    assert open_by_side == {"nato": False, "osce": True}


def test_the_pair_is_one_row_that_names_the_other() -> None:
    world, earlier, later = reported()
    assert [row.joined for row in matters(world, earlier, later)] == [(), ()]
    joined(world, earlier, later)
    rows = {row.exchange: row for row in matters(world, earlier, later)}
    assert rows.keys() == {earlier, later}, "a third side still owes a receipt of the later one"
    assert [report.exchange for report in rows[later].joined] == [earlier]
    say(world, OSCE, act("acknowledgement"), later)
    (row,) = matters(world, later, earlier)
    assert row.exchange == earlier
    assert [(report.exchange, report.side) for report in row.joined] == [(later, "china")]
    assert [row.exchange for row in matters(world, later)] == [later]


def test_what_is_no_earlier_live_report_of_another_side_is_not_joined() -> None:
    world, earlier, later = reported()
    note = world.open("nato/o-1", act("contact-note"))
    own = world.open(C, act("hazardous-incident"))
    for of, exchange in (
        (later, earlier),
        (note, later),
        (later, own),
        (later, later),
        ("0192f3a4-5b6c-7d8e-8f90-00000000aaaa", later),
    ):
        assert fault(world, C, act("joinder", of=of), exchange) == "/of"
    id = say(world, C, act("joinder", of=earlier), later)
    world.keep(N, act("cancellation"), earlier, seen=True)
    assert fault(world, C, act("joinder", of=earlier), later) == "/of"
    assert fault(world, N, act("joinder-agreement", of=id), later) == "/of"


def test_nobody_agrees_for_another_side_and_a_third_side_says_nothing() -> None:
    world, earlier, later = reported()
    assert fault(world, OSCE, act("joinder", of=earlier), later) == "/act"
    assert fault(world, N, act("joinder-agreement", of=earlier), later) == "/of"
    first = say(world, C, act("joinder", of=earlier), later)
    for actor in (C, OSCE):
        assert fault(world, actor, act("joinder-agreement", of=first), later) == "/act"
    newer = say(world, N, act("joinder", of=earlier), later)
    assert fault(world, C, act("joinder-agreement", of=first), later) == "/of"
    say(world, C, act("joinder-agreement", of=newer), later)
    for body in (act("joinder", of=earlier), act("joinder-agreement", of=newer)):
        assert fault(world, N, body, later) == "/act"


def test_a_third_report_is_joined_to_the_first_and_not_to_a_joined_one() -> None:
    world, earlier, later = reported()
    third = world.open(OSCE, act("hazardous-incident"))
    joined(world, earlier, later)
    assert fault(world, OSCE, act("joinder", of=later), third) == "/of"
    joined(world, earlier, third, OSCE, N)
    for side, id in ((OSCE, later), (N, third), (C, third), (C, earlier), (OSCE, earlier)):
        say(world, side, act("acknowledgement"), id)
    (row,) = matters(world, earlier, later, third)
    assert [report.exchange for report in row.joined] == [later, third]


def test_other_formats_have_no_joinder() -> None:
    world, earlier, _ = reported()
    area = world.open("china/o-1", act("danger-area"))
    assert fault(world, "china/o-1", act("joinder", of=earlier), area) == "not-allowed-in-state"
