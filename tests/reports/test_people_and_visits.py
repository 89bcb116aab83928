"""People and visits in reports: on whose word, who is waited for, asked, granted or refused."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from dragoman.audit.replay_view import ReplayedChannel
from dragoman.document.markdown import markdown
from dragoman.domain.views.outages import OutageSpan
from dragoman.i18n.words import of_tag
from dragoman.members.runs import plain
from dragoman.reports import layout, people_and_visits
from dragoman.reports.audit_answers import answers, paper
from dragoman_schemas.report_shapes import Receipt
from samples import act
from world import INCIDENT, World

ND, NO, CO = "nato/d-1", "nato/o-1", "china/o-1"


@pytest.fixture
def world() -> World:
    return World()


def group(kind: str, number: Any, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "number": number, "of": "nato", **more}


def spoken(*groups: dict[str, Any]) -> dict[str, Any]:
    return {"act": "people-status", "as_of": "2026-11-24T04:00Z", "groups": list(groups)}


def text(world: World) -> str:
    """Return the auditor's five answers as Markdown, with plain spaces."""
    past = ReplayedChannel(world.ledger, world.raws)
    page = markdown(paper(answers(past, past.period(), 1, []), of_tag("en"), "en"))
    return page.replace("\N{NO-BREAK SPACE}", " ")


def test_the_newest_word_of_each_side_counts(world: World) -> None:
    incident = world.open(ND, INCIDENT)
    world.keep(ND, spoken(group("missing", 3)), incident)
    world.keep("china/d-1", spoken(group("held", "unknown")), incident)
    world.keep(ND, spoken(group("held", 3, access_asked="2026-11-24T03:00Z")), incident)
    rows = people_and_visits.people_of([world.exchange(incident)])
    assert [(row.sides, row.kind, row.number, row.waited_for) for row in rows] == [
        (("china",), "held", "unknown", True),
        (("nato",), "held", 3, True),
    ]
    page = text(world)
    assert "| held: not known yet |" in page and "asked 24 Nov 2026 03:00Z, not given" in page


def test_the_same_people_by_both_sides_are_one_row(world: World) -> None:
    incident = world.open(ND, INCIDENT)
    freed = "2026-11-24T03:50Z"
    world.keep("china/d-1", spoken(group("held", 10, of="nato", handed_over=freed)), incident)
    world.keep(ND, spoken(group("safe", 10)), incident)
    (row,) = people_and_visits.people_of([world.exchange(incident)])
    assert (row.sides, row.kind, row.number, row.of) == (("china", "nato"), "safe", 10, "nato")
    assert row.handed_over == freed and "stated by both, as of" in text(world)


def test_people_who_are_back_are_listed_only_when_somebody_spoke_of_them(world: World) -> None:
    incident = world.open(ND, INCIDENT)
    world.keep(ND, spoken(group("held", 3, handed_over="2026-11-24T03:50Z")), incident)
    exchange, now = world.exchange(incident), world.clock
    spans = [
        OutageSpan(now + timedelta(hours=first), now + timedelta(hours=first + 2))
        for first in (-1, 5)
    ]
    assert [
        [row.waited_for for row in people_and_visits.people_waited_for([exchange], span)]
        for span in spans
    ] == [[False], []]


def test_a_refusal_after_a_grant_is_the_answer(world: World) -> None:
    visit = world.open(NO, act("visit-request"))
    assert "no answer yet" in text(world)
    world.keep(CO, act("grant"), visit)
    assert "granted by CHINA" in text(world)
    world.clock += timedelta(hours=1)
    world.keep(CO, {"act": "decline", "reason": "Not this week."}, visit)
    (row,) = people_and_visits.visits_of([world.exchange(visit)])
    assert (row.by, bool(row.refused), row.matter.status) == ("china", True, "refused")
    assert "refused by CHINA" in text(world)


def test_under_the_chatham_house_rule_a_visit_names_no_side(world: World) -> None:
    place = {"name": "Training area", "names": {"nato": "Range 7"}}
    asked = {**act("visit-request"), "place": place, "attribution": "chatham_house"}
    visit = world.open(NO, asked)
    world.keep(CO, act("grant"), visit)
    (row,) = people_and_visits.visits_of([world.exchange(visit)])
    assert (row.matter.side, row.matter.number, row.by) == ("", "", "")
    (named,) = map(msgspec.json.decode, row.places)
    told = {"name": "Training area", "text": "Range 7"}
    assert named == told, "a name stays, and nobody is named for it"


def test_a_receipt_says_whom_the_side_told() -> None:
    w = of_tag("en")

    def said(**more: Any) -> str:
        receipt = Receipt(side="china", owes=True, **more)
        runs = layout.receipt(receipt, "2026-11-24T04:00:00Z", "2026-11-24T03:00:00Z", w)
        return plain(runs)

    acknowledged = {
        "acknowledged": "2026-11-24T03:00:41Z",
        "acknowledged_by": "duty officer",
        "acknowledged_after_s": 41.0,
    }
    posts = ("Early warning", "Air defence")
    assert said(**acknowledged, not_passed_on=posts).endswith(
        " CHINA has not said that it passed this on to Early warning, Air defence."
    )
    assert said(not_passed_on=posts).endswith(
        " CHINA has not said that it passed this on to Early warning, Air defence."
    )
    assert "passed" not in said(**acknowledged)
