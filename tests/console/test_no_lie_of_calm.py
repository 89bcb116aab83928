"""No lie of calm: over random histories no page and no report says that all is well where the
record says otherwise, now or in the past.

What the record says is worked out here from the replayed exchanges alone, with none of the code
that words the pages.
"""

import asyncio
import itertools
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.audit.replay import Replay
from dragoman.console.page import armed_consoles
from dragoman.document.markdown import markdown
from dragoman.domain.acts import deadline_outcomes, deadlines
from dragoman.domain.acts.families.exchange import ENDED, owes_acknowledgement
from dragoman.i18n.words import words
from dragoman.projection.queries.snapshot import PeriodQuery, open_snapshot
from dragoman.projection.store import Store
from dragoman.reports import situation_report
from histories import FURTHER, WIDE, a_history
from samples import act
from served import page_of, served, spoken
from world import INCIDENT, World

_NUMBERS = itertools.count()
_INCIDENTS = {"hazardous-incident", "encounter-report", "emergency-notification"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One file for all histories: each is a channel of its own."""
    store = Store(tmp_path_factory.mktemp("calm") / "projection.sqlite")
    yield store
    store.close()


class Truth(NamedTuple):
    """The record's facts: numbers of waiting, open and late matters, sides with and without a
    watch, and the result of the newest line check.
    """

    waits: int
    open: int
    late: int
    manned: set[str]
    unmanned: set[str]
    line: str


def truth(raws: list[bytes], now: datetime) -> Truth:
    """Work out what a log says at its end."""
    replay = Replay()
    replay.take(raws)
    registry = replay.standing.state.registry
    assert registry is not None
    waits = unsettled = late = 0
    checks = []
    for exchange in replay.exchanges():
        owed = [
            clock
            for clock in deadlines.deadlines_of(registry, exchange, {})
            if deadline_outcomes.is_owed(exchange, clock)
        ]
        waiting = exchange.status != "missed" and bool(owes_acknowledgement(exchange))
        waits += waiting
        due = [clock for clock in owed if clock.clock != "reconfirmation"]
        unsettled += (
            waiting or bool(due) or (exchange.act in _INCIDENTS and exchange.status not in ENDED)
        )
        late += any(clock.binding and clock.due < now for clock in due)
        if (
            exchange.act == "line-check"
            and exchange.status != "cancelled"
            and {"echo", "line-check-missed"} & exchange.acts.keys()
        ):
            came = [
                msgspec.json.decode(said.content["text"]) for said in exchange.acts.get("echo", ())
            ]
            exact = came[-1:] == [msgspec.json.decode(exchange.content["challenge"])]
            missed = "line-check-missed" in exchange.acts
            checks.append(
                (
                    exchange.opened.position,
                    "missed" if missed else "echoed" if exact else "echoed_with_errors",
                )
            )
    sides = {side.name for side in registry.sides}
    return Truth(
        waits,
        unsettled,
        late,
        sides & registry.watches.keys(),
        sides - registry.watches.keys(),
        max(checks, default=(0, ""))[1],
    )


def rail(html: str) -> str:
    """The words of the strip of states."""
    part = html.partition('<ul class="rail"')[2].partition("</ul>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part))


def expect_no_lie(html: str, told: Truth) -> None:
    """A page claims no calm that the record does not have."""
    main, strip, headline = spoken(html), rail(html), spoken(html, "h1").strip()
    if told.waits:
        assert "Nothing waits" not in main and "Everything is acknowledged" not in main
    if told.open:
        assert "No matter is open" not in main
    if told.late:
        assert "Nothing is late" not in main
    if told.waits or told.open or told.unmanned or told.line != "echoed":
        assert headline != "Quiet." and "Quiet" not in main
    if told.line != "echoed":
        assert "Line in order" not in strip and "Primary circuit , in order" not in main
    for side in told.unmanned:
        assert (
            f"{side.upper()} manned" not in strip and f"{side.upper()} , manned since" not in main
        )
    for side in told.manned:
        assert f"{side.upper()} manned" in strip


def expect_no_lie_in(report: str, told: Truth) -> None:
    """A report claims no calm that the record does not have."""
    if told.waits:
        assert "Everything is acknowledged" not in report
    if told.open:
        assert "No matter is open" not in report and "no matter is open" not in report
    if told.late:
        assert "no limit has passed" not in report
    if told.unmanned:
        assert "Every watch is manned" not in report
    if told.waits or told.open or told.unmanned or told.line != "echoed":
        assert "Quiet" not in report


def settle(world: World) -> None:
    """Acknowledge and close everything, man both watches, and check the line."""
    check = world.open("nato/d-1", act("line-check"))
    world.keep("china/d-1", {"act": "echo", "text": act("line-check")["challenge"]}, check)
    for side in world.sides:
        world.keep(f"{side}/d-1", {"act": "watch-assumption"})
    for exchange in [each for each in world.ledger.exchanges() if each.act != "line-check"]:
        for _ in range(2):
            for side in world.sides:
                world.keep(f"{side}/d-1", {"act": "acknowledgement"}, exchange.id)
                world.keep(f"{side}/h-1", {"act": "closure"}, exchange.id, seen=True)


async def _compared(world: World, past: list[int], store: Store, path: Path) -> None:
    async with served(world, store, path) as (app, service, projection):
        told = truth(world.raws, world.clock)
        for actor in ("nato/d-1", "china/a-1"):
            expect_no_lie((await page_of(app, service, projection, actor))[1], told)
        for at in past:
            html = (await page_of(app, service, projection, "nato/o-1", at))[1]
            registry_time = datetime.fromisoformat(
                re.search(r'datetime="([^"]+)"', html.partition("<h1")[2])[1]  # type: ignore[index]
            )
            expect_no_lie(html, truth(world.raws[:at], registry_time))
            assert "State at that time" in rail(html)
            assert not {"cell-line", "cell-page", "cell-alarm", "cell-proof"} & set(
                re.findall(r'id="(cell-[a-z]+)"', html)
            )
        with open_snapshot(
            service.store, world.name, PeriodQuery(), f"{world.clock:%Y-%m-%dT%H:%M:%S}.000Z"
        ) as then:
            found = situation_report.situation(
                then, then.span(situation_report.begins(then.ends)), live=True
            )
        expect_no_lie_in(markdown(situation_report.paper(found, words("en"), "en")), told)
        assert found.quiet <= (not told.open and not told.waits and not told.unmanned)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_page_and_no_report_claims_a_calm_that_the_record_does_not_have(
    data: st.DataObject, store: Store, tmp_path: Path
) -> None:
    world = a_history(data, openings=WIDE, steps=FURTHER, most=10, name=f"history-{next(_NUMBERS)}")
    if data.draw(st.booleans(), label="settled"):
        settle(world)
        for _ in range(data.draw(st.integers(0, 2), label="afterwards")):
            by = data.draw(st.sampled_from(("nato/d-1", "china/d-1")))
            step = data.draw(st.sampled_from(("leave", "incident", "note")))
            if step == "leave":
                world.keep(by, {"act": "watch-relief"})
            else:
                id = world.open(by, INCIDENT if step == "incident" else act("contact-note"))
                for other in ("nato/d-1", "china/d-1"):
                    world.keep(other, {"act": "acknowledgement"}, id)
    past = data.draw(
        st.lists(st.integers(2, len(world.raws)), min_size=1, max_size=2), label="past"
    )
    asyncio.run(_compared(world, past, store, tmp_path))


def test_quiet_is_said_where_all_of_it_is_so(store: Store, tmp_path: Path) -> None:
    world = World()
    settle(world)

    async def looked() -> None:
        async with served(world, store, tmp_path) as (app, service, projection):
            html = (await page_of(app, service, projection, "nato/d-1"))[1]
            assert spoken(html, "h1").strip() == "Quiet."
            assert "No matter is open." in spoken(html)
            assert "Line in order" in rail(html)
            assert {"NATO manned", "CHINA manned"} <= set(re.findall(r"[A-Z]+ manned", rail(html)))

    asyncio.run(looked())


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("official", "NATO: no alarm armed"), ("exercise", "NATO: not armed here")],
)
def test_a_watch_that_no_alarm_is_armed_for_says_whether_that_is_of_the_exercise_alone(
    store: Store, tmp_path: Path, kind: str, expected: str
) -> None:
    world = World(kind=kind, name=f"unarmed-{kind}")
    world.keep("nato/d-1", {"act": "watch-assumption"})

    async def looked() -> None:
        async with served(world, store, tmp_path) as (app, service, projection):
            app[armed_consoles.ARMED].began = app[armed_consoles.ARMED].began - 300
            shown = rail((await page_of(app, service, projection, "nato/d-1"))[1])
            assert expected in shown
            assert ("in this exercise no alarm armed" in shown) == (kind == "exercise")
            assert "CHINA not manned" in shown

    asyncio.run(looked())
