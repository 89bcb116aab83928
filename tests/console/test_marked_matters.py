"""A message's own marking stands wherever its matter is named: in lists, reports and exports."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.record.errors import Refused
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.interop import cap, icalendar
from dragoman.office import pages
from dragoman.office.alarm import board
from dragoman.office.auditing import reports_page
from dragoman.office.dialogue import dialogue_page
from dragoman.office.exchanges import exchange_page, inbox
from dragoman.projection.store import Store
from samples import SAMPLES
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

QUERIES = {"/meetings/calendar": "month=2026-12"}
NAMING = {
    *("", "/chart", "/meetings", "/meetings/calendar", "/people", "/since"),
    *("/reports/period", "/reports/situation", "/reports/turn-over", "/watch/turn-over"),
}
"""Pages that name some of the matters, besides the flash that each page names."""

DIALOGUE = (
    *("joint-report", "perception", "public-line", "recommendation"),
    *("reference-document", "roadmap-item", "undertaking"),
)
"""Formats that stand on the page of the dialogue."""


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


def every_matter() -> tuple[World, dict[str, str]]:
    """A channel with a marked matter of each format that one side may open; markings by subject."""
    world, markings = World(), {}
    for act in FORMATS:
        subject, marking = f"Subject of {act}", f"ONLY FOR {act.upper()}"
        for role in ("d-1", "o-1", "h-1"):
            with suppress(AssertionError, Refused):
                world.open(f"nato/{role}", {**SAMPLES[act], "subject": subject, "marking": marking})
                markings[subject] = marking
                break
    world.clock += timedelta(minutes=5)
    return world, markings


async def test_no_page_of_a_channel_shows_a_subject_without_its_marking(tmp_path: Path) -> None:
    store, (world, markings) = Store(tmp_path / "projection.sqlite"), every_matter()
    of_dialogue = {f"Subject of {act}" for act in DIALOGUE}
    named: dict[str, int] = {}
    bare: list[tuple[str, str]] = []
    try:
        async with served(world, store, tmp_path) as (app, service, projection):
            for route in pages.ROUTES:
                if route.method != "GET" or route.anywhere or "{" in route.path:
                    continue
                query = QUERIES.get(route.path, "")
                try:
                    _, html = await page_of(
                        app, service, projection, "china/d-1", 0, route.handler, {}, query
                    )
                except (AssertionError, KeyError, Refused, LogUnreachable):
                    continue  # a page that asks for more than this gateway has
                if route.handler is dialogue_page.dialogue:  # which has texts and no subjects
                    bare += [("", each) for each in of_dialogue if markings[each] not in html]
                shown = [subject for subject in markings if subject in html]
                named[route.path] = len(shown)
                bare += [(route.path, each) for each in shown if markings[each] not in html]
    finally:
        store.close()
    assert bare == []
    assert {path for path, count in named.items() if count > 1} >= NAMING, named


def test_what_leaves_for_other_programs_has_them() -> None:
    world, id = marked()
    state = world.exchange(id)
    alert = cap.alert(world.registry, state).decode()
    assert "Marking: SIDES ONLY, RESTRICTED, HEADS ONLY." in alert
    assert "RESTRICTED, HEADS ONLY" in icalendar.summary_line(state)
