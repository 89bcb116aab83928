"""A message's own marking stands wherever its matter is named: in lists, reports and exports."""

from datetime import timedelta
from pathlib import Path

import pytest

from dragoman.interop import cap, icalendar
from dragoman.office.alarm import board
from dragoman.office.auditing import reports_page
from dragoman.office.exchanges import exchange_page, inbox
from dragoman.projection.store import Store
from served import Handler, page_of, served
from world import INCIDENT, World

MARKINGS = ("RESTRICTED", "HEADS ONLY")
PAGES: tuple[tuple[Handler, str], ...] = (
    (board.board, ""),
    (inbox.inbox, "waits=all"),
    (inbox.inbox, "waits=all&q=tug"),
    (board.board, "wall=1"),
    (exchange_page.exchange, ""),
    (reports_page.situation, ""),
    (reports_page.record_of_the_period, ""),
)


def marked() -> tuple[World, str]:
    """An incident with a marking of its own, and an answer with another; its id."""
    world = World()
    id = world.open("nato/d-1", {**INCIDENT, "facts": "A tug is near.", "marking": MARKINGS[0]})
    world.keep("china/d-1", {"act": "reply", "text": "We know.", "marking": MARKINGS[1]}, id)
    world.clock += timedelta(minutes=5)
    return world, id


@pytest.mark.parametrize(("handler", "query"), PAGES)
async def test_a_page_that_names_a_matter_shows_its_markings(
    handler: Handler, query: str, tmp_path: Path
) -> None:
    store, (world, id) = Store(tmp_path / "projection.sqlite"), marked()
    try:
        async with served(world, store, tmp_path) as (app, service, projection):
            _, html = await page_of(
                app, service, projection, "china/d-1", 0, handler, {"exchange": id}, query
            )
    finally:
        store.close()
    assert [each for each in MARKINGS if each not in html] == []


def test_what_leaves_for_other_programs_has_them() -> None:
    world, id = marked()
    state = world.exchange(id)
    alert = cap.alert(world.registry, state).decode()
    assert "Marking: SIDES ONLY, RESTRICTED, HEADS ONLY." in alert
    assert "RESTRICTED, HEADS ONLY" in icalendar.summary_line(state)
