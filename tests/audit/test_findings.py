"""An auditor asks a log which duties were owed and not done, and which exceptions were made."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dragoman.audit.accountability import findings, owed
from dragoman.audit.replay_view import ReplayedChannel
from dragoman.document.blocks import Table
from dragoman.domain.fold import Folded
from dragoman.i18n.words import words
from dragoman.members.runs import plain
from dragoman.reports.audit_answers import answers, kind_of, paper
from samples import act
from world import INCIDENT, World

N, C, NH, ND, CD = "nato/o-1", "china/o-1", "nato/h-1", "nato/d-1", "china/d-1"


def adopted() -> World:
    world = World()
    for side in world.sides:
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "default"})
    return world


def later(world: World, **span: Any) -> None:
    world.clock += timedelta(**span)


def test_what_was_owed_is_listed_alike_for_every_side_whether_it_came_or_not() -> None:
    world = adopted()
    flash = world.open(ND, {**INCIDENT, "precedence": "flash"})
    later(world, minutes=20)
    world.keep(CD, act("acknowledgement"), flash)
    inquiry = world.open(C, act("ict-inquiry"))
    later(world, days=3)
    world.keep(N, act("acknowledgement"), inquiry)
    rows = {(row.side, row.clock, row.exchange): row for row in owed(world.ledger)}
    acknowledged = rows["china", "acknowledgement", flash]
    assert (acknowledged.open, acknowledged.came != "", acknowledged.courtesy) == (
        False,
        True,
        False,
    )
    answer = rows["nato", "answer", inquiry]
    assert (answer.open, answer.came) == (True, "")
    assert rows["nato", "final_report", flash].open
    assert [row.due for row in owed(world.ledger)] == sorted(row.due for row in owed(world.ledger))


def test_what_ended_before_its_limit_was_not_owed() -> None:
    world = adopted()
    id = world.open(N, act("terrorism-warning"))
    world.keep(C, act("acknowledgement"), id)
    world.close(id)
    assert owed(world.ledger) == []


def test_limits_before_the_profile_was_adopted_are_courtesy() -> None:
    world = World()
    world.open(N, act("contact-note"))
    assert [row.courtesy for row in owed(world.ledger)] == [True]


def test_every_exception_is_listed_with_who_made_it_where_and_what_it_was() -> None:
    world = adopted()
    world.clock = datetime(2026, 11, 25, 12, tzinfo=UTC)
    passed = {"means": "voice", "at": "2026-11-25T11:00Z", "to_post": "Duty officer"}
    alone = world.keep(ND, act("launch-notice", phase="deviation"))
    assert isinstance(alone, Folded) and alone.record is not None
    id = alone.record.envelope.id
    note = world.open(N, act("contact-note", passed_by=passed, acting_for="h-1"))
    world.open(N, act("contact-note", for_the_record=True))
    world.keep(
        N,
        {"act": "correction", "reason": "A slip.", "fields": {"venue": "Elsewhere"}},
        note,
        seen=True,
    )
    world.keep(N, {"act": "cancellation", "reason": "In error."}, note, seen=True)
    window = {"from": "2026-11-26T00:00Z", "to": "2026-11-27T00:00Z"}
    world.open(N, act("danger-area", window=window))
    world.take(b"junk")
    found = [(row.kind, row.side) for row in findings(world.ledger, world.raws)]
    assert [pair for pair in found if pair[0] != "corrected"] == [
        ("one_key", "nato"),
        ("acting", "nato"),
        ("by_voice", "nato"),
        ("later", "nato"),
        ("late", "nato"),
        ("void", ""),
    ]
    details = [row.detail for row in findings(world.ledger, world.raws) if row.kind == "corrected"]
    assert details == ["venue: A slip.", "cancelled: In error."]
    world.keep(NH, act("second-key", of=id), id)
    (turned,) = [row.detail for row in findings(world.ledger, world.raws) if row.kind == "one_key"]
    assert "nato/h-1 confirmed it as second officer" in turned
    assert [row.position for row in findings(world.ledger, world.raws)] == sorted(
        row.position for row in findings(world.ledger, world.raws)
    )


@pytest.mark.parametrize("language", ["en", "fr", "zh"])
def test_the_fifth_answer_says_of_each_exception_what_it_was(language: str, world: World) -> None:
    world.open(
        N, act("danger-area", window={"from": "2026-11-26T00:00Z", "to": "2026-11-27T00:00Z"})
    )
    past = ReplayedChannel(world.ledger, world.raws)
    told = answers(past, past.period(), 1, ())
    fifth = paper(told, words(language), language).sections[4]
    (late,) = (each for each in told.exceptions if each.kind == "late")
    table = [each for each in fifth.blocks if isinstance(each, Table)][-1]
    (row,) = (each for each in table.rows if plain(each[0]) == str(late.position))
    assert [plain(row[1]), plain(row[4])] == [
        kind_of("late", words(language)),
        words(language).sentence(late.detail),
    ]
