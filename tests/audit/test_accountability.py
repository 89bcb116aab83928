"""Every report counts the same owed duties once: the bare audit, `audit owed` in words and as JSON,
the page and the statistics.
"""

import asyncio
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.audit.replay import Replay
from dragoman.audit.replay_view import ReplayedChannel
from dragoman.cli.audit import accountability
from dragoman.cli.common import Target
from dragoman.document.html import sections
from dragoman.document.markdown import markdown
from dragoman.domain.acts.families.exchange import owing_receipt
from dragoman.domain.fold import Folded
from dragoman.domain.views.statistics import Measure
from dragoman.domain.views.tally import Tally
from dragoman.i18n.words import of_tag
from dragoman.reports import report_facts
from dragoman.reports.audit_answers import AuditAnswers, answers, paper
from histories import a_history
from world import INCIDENT, World


def asked_of(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, json: bool
) -> str:
    """Return the output of `dragoman audit owed` on both streams, or standard output alone for
    JSON.
    """

    async def replayed(*_: object) -> tuple[Replay, list[bytes]]:
        return world.ledger, world.raws

    with monkeypatch.context() as patched:
        patched.setattr(accountability, "_replay", replayed)
        capsys.readouterr()
        assert asyncio.run(accountability.owed_command(Path("log"), target=Target(json=json))) == 0
    said = capsys.readouterr()
    return said.out if json else said.out + said.err


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_all_who_are_asked_count_the_same_limits(
    data: st.DataObject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    agree(a_history(data), monkeypatch, capsys)


def test_all_count_the_same_where_more_limits_passed_than_a_list_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    for side in world.sides:
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "default"})
    flashes = [world.open("nato/d-1", {**INCIDENT, "precedence": "flash"}) for _ in range(40)]
    world.clock += timedelta(days=5)
    for id in flashes[:3]:
        world.keep("china/d-1", {"act": "acknowledgement"}, id)
    for _ in range(40):
        world.open("nato/d-1", {**INCIDENT, "precedence": "routine"})
    told = agree(world, monkeypatch, capsys)
    assert len(told.report.lapses) == len(told.report.unacknowledged) == report_facts.MOST
    waiting = sum(
        bool(owing_receipt(exchange, message))
        for exchange in ReplayedChannel(world.ledger, world.raws).exchanges(0)
        for message in exchange.messages
    )
    assert waiting > 2 * report_facts.MOST and told.report.waiting == waiting
    assert told.report.waiting_flash == 37
    bare = markdown(paper(told, of_tag("en"), "en"))
    assert f"{waiting} messages wait for an acknowledgement." in bare


def test_an_exception_leads_to_its_record_and_its_matter() -> None:
    world = World()
    id = world.open("nato/d-1", INCIDENT)
    correction = {"act": "correction", "fields": {"area": "general"}, "reason": "Filed wrongly."}
    assert isinstance(world.keep("nato/d-1", correction, id, seen=True), Folded)
    past = ReplayedChannel(world.ledger, world.raws)
    told = paper(answers(past, past.period(), 1, []), of_tag("en"), "en")
    page = sections(told.sections, of_tag("en"), "/c/nato-china{}".format)
    assert f'<a href="/c/nato-china/records/{world.position}">' in page
    assert f'<a href="/c/nato-china/exchanges/{id}">' in page


def agree(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AuditAnswers:
    """Ask everybody who counts limits, and return the five answers."""
    past = ReplayedChannel(world.ledger, world.raws)
    told = answers(past, past.period(), 1, [])
    span = past.period()
    exchanges = [*past.exchanges(1)]
    passed = [each for one in exchanges for each in report_facts.lapses(past, one, span)]
    owed = [each for one in exchanges for each in report_facts.due(past, one)]
    overdue = sum(each.overdue for each in owed)

    words = asked_of(world, monkeypatch, capsys, json=False)
    assert f"\n{len(passed)} limits passed, {len(owed)} are open" in words
    assert f", of which {overdue} are overdue\n" in words

    rows = msgspec.json.decode(asked_of(world, monkeypatch, capsys, json=True))
    states = Counter(row["state"] for row in rows)
    assert sum(states[state] for state in ("overdue", "late", "unmet")) == len(passed)
    assert (states["open"] + states["overdue"], states["overdue"]) == (len(owed), overdue)
    assert sum(row["open"] for row in rows) == len(owed) and sum(states.values()) == len(rows)
    assert all((row["state"] == "late") == bool(row["came"]) for row in rows)
    assert words.count("overdue") - 1 == overdue and len(words.splitlines()) == len(rows) + 2

    bare = markdown(paper(told, of_tag("en"), "en"))
    assert re.search(rf"\b{len(passed)} limits? passed, {len(owed)} open\.", bare), bare[:400]

    for side in world.sides:
        late = sum(each.side == side and not each.courtesy for each in passed)
        runs = sum(each.side == side for each in owed)
        assert f"\n- {side.upper()}: {late} limits passed, {runs} open.\n" in bare

    tally = Tally(world.registry, past.calendars)
    for exchange in past.exchanges(0):
        tally.add(exchange)
    clocks = Measure(tally, past.period()).measured(world.sides).clocks
    kept = [
        row for row in clocks if row.clock != "first_report"
    ]  # which is no limit that anybody waits for
    assert sum(row.late for row in kept) == len(passed)
    assert (sum(row.open for row in kept), sum(row.overdue for row in kept)) == (len(owed), overdue)
    return told
