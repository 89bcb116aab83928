"""What was owed is counted once, and alike, by whoever is asked: the bare audit, `audit owed` in words and as JSON, the page, the statistics."""

import asyncio
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.audit.past import Past
from dragoman.audit.replay import Replay
from dragoman.cli import asking
from dragoman.cli.common import Target
from dragoman.domain import clocks
from dragoman.domain.decide import Post, decide
from dragoman.domain.record import decode_act
from dragoman.domain.refusal import Refusal
from dragoman.domain.statistics import Measure
from dragoman.gateway.console import five_answers
from dragoman.language.words import of_tag
from dragoman.reports.answers import answers, paper
from dragoman.reports.markdown import markdown
from samples import act
from world import INCIDENT, NOTE, SALT, World

N, C, ND, CD = "nato/o-1", "china/o-1", "nato/d-1", "china/d-1"

_OPENINGS = (
    (N, NOTE),
    (C, NOTE),
    (N, act("ict-inquiry")),
    (C, act("ict-inquiry")),
    (ND, {**INCIDENT, "precedence": "flash"}),
    (CD, {**INCIDENT, "precedence": "routine"}),
    (ND, act("line-check")),
)
_STEPS = ("acknowledgement", "reply", "closure", "final-report", "echo", "cancellation", "wait", "wait", "limit", "limit", "lapse")
_SPANS = (0.0, 0.001, 60.0, 600.0, 900.0, 3_600.0, 86_400.0, 3 * 86_400.0, 40 * 86_400.0)
_CONSENTING = {"closure", "cancellation"}
_BODIES = {"reply": {"act": "reply", "text": "We have looked into it."}}


def a_history(data: st.DataObject) -> World:
    """A history in which limits lapse, are met late or in time, or end with their matter; at times exactly at a limit."""
    world = World()
    if data.draw(st.booleans(), label="adopted"):
        for side in world.sides:
            world.keep(f"{side}/root", {"act": "profile-adoption", "profile": "default"})
    opened: list[str] = []
    for _ in range(data.draw(st.integers(1, 12), label="steps")):
        if not opened or data.draw(st.booleans()):
            by, body = data.draw(st.sampled_from(_OPENINGS))
            opened.append(world.open(by, body))
        step = data.draw(st.sampled_from(_STEPS))
        if step == "wait":
            world.clock += timedelta(seconds=data.draw(st.sampled_from(_SPANS)))
        elif step in ("limit", "lapse") and opened:
            at_the_limit(world, data.draw(st.sampled_from(opened)), lapse=step == "lapse")
        elif opened:
            by = data.draw(st.sampled_from((N, C, ND, CD)))
            world.keep(by, _BODIES.get(step) or act(step), data.draw(st.sampled_from(opened)), seen=step in _CONSENTING)
    return world


def at_the_limit(world: World, id: str, *, lapse: bool) -> None:
    """Wait until what comes next comes exactly at a limit, or have the watch record there that it passed."""
    exchange = world.exchange(id)
    running = [clock for clock in clocks.running(world.registry, exchange, {}) if clock.open and clock.due > world.clock]
    if not running:
        return
    clock = min(running, key=lambda each: each.due)
    world.clock = clock.due - timedelta(seconds=0 if lapse else 1)
    if lapse:
        raw, given = clocks.act_of(clock, clocks.LAPSE), clocks.id_of(world.name, id, clock, clocks.LAPSE)
        post = Post(actor=clocks.ACTOR, act=raw, data=decode_act(raw), id=given, exchange=id, caused_by=clock.started_by)
        decided = decide(world.ledger.standing.state, world.ledger, post, time=world.tick(), salt=SALT)
        if not isinstance(decided, Refusal):
            world.take(decided)


def asked_of(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, json: bool) -> str:
    """What `dragoman audit owed` prints, on both streams."""

    async def replayed(*_: object) -> tuple[Replay, list[bytes]]:
        return world.ledger, world.raws

    with monkeypatch.context() as patched:
        patched.setattr(asking, "_replayed", replayed)
        capsys.readouterr()
        assert asyncio.run(asking.owed_command(Path("log"), target=Target(json=json))) == 0
    said = capsys.readouterr()
    return said.out if json else said.out + said.err


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_all_who_are_asked_count_the_same_limits(
    data: st.DataObject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = a_history(data)
    past = Past(world.ledger, world.raws)
    told = answers(past, past.period(), 1, [])
    passed, owed = told.report.lapses, told.report.owed
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

    answer = five_answers._owed(of_tag("en"), told.report)
    for side in world.sides:
        late = sum(each.side == side and not each.courtesy for each in passed)
        runs = sum(each.side == side for each in owed)
        assert f"{side.upper()}: {late} limits passed, {runs} run." in map(str, answer.lines)

    measure = Measure(world.registry, past.calendars, past.period())
    for exchange in past.exchanges(0):
        measure.take(exchange)
    kept = [row for row in measure.measured(world.sides).clocks if row.clock != "first_report"]  # which is no limit that anybody waits for
    assert sum(row.late for row in kept) == len(passed)
    assert (sum(row.open for row in kept), sum(row.overdue for row in kept)) == (len(owed), overdue)
